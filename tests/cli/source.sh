#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Rules of the house that the source itself must keep.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1
files=$(git ls-files -co --exclude-standard '*.c' '*.h' '*.sh' '*.py' Makefile Kconfig scripts tests .ci 2>/dev/null | sort -u)
[ -n "$files" ] || files=$(find applets lib bpf scripts tests Makefile Kconfig -type f)
# Inputs and expected outputs are no source; what git has may be gone here.
files=$(echo "$files" | grep -vE '^tests/fuzz/corpus/|^tests/replay/[^/]*/' | while read -r f; do [ ! -f "$f" ] || echo "$f"; done)
code=$(echo "$files" | grep -E '\.[ch]$')

none() { # NAME, then lines that must not be
	lines=$(cat)
	if [ -z "$lines" ]; then ok "$1"; else not_ok "$1" "$(echo "$lines" | head -5 | tr '\n' ';')"; fi
}

for f in $files; do
	head -3 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || echo "$f"
done | none "an SPDX line in every file"
echo "$code" | grep -E '^lib/core/' | xargs grep -nE '#include "(model|view|collect|app)/' | none "core includes nothing above it"
echo "$code" | grep -E '^lib/model/' | xargs grep -nE '#include "(view|collect|app)/' | none "model includes nothing above it"
echo "$code" | grep -E '^lib/view/' | xargs grep -nE '#include "(collect|app)/' | none "view does not know collect"
echo "$code" | grep -E '^lib/collect/' | xargs grep -nE '#include "(view|app)/' | none "collect does not know view"
echo "$code" | grep -E '^lib/collect/' | xargs grep -nE '\b(printf|puts|putchar|fputs|perror|fprintf|write) *\((stdout|stderr|")' | none "collect does not print"
echo "$code" | grep -E '^lib/model/' | xargs grep -nE '\b(open|openat|socket|recv|ioctl|fopen) *\(' | none "model does no input or output"
echo "$code" | grep -E '^(lib|applets|bpf)/' | xargs grep -nE '\b(float|double)\b' | grep -vE ':[[:space:]]*(/?\*|//)' | none "no floating point"
echo "$code" | grep -E '^(lib|applets)/' | xargs grep -nE '\b(strcpy|strcat|sprintf|gets|system|popen|execvp?|execl) *\(' | none "no unbounded copies, no programs started"
echo "$code" | grep -E '^(lib|applets|bpf)/' | xargs grep -nE '\b(TODO|FIXME|XXX|HACK)\b' | none "nothing left to do"
echo "$files" | grep -v tests/cli/source.sh | xargs grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION *\(' | none "no version of a kernel is compared"
echo "$files" | grep -v tests/cli/source.sh | xargs grep -nEi 'deb\.debian\.org|registry\.npmjs|snapshot\.debian' | none "no package host is named"
within "the Makefile is short" "$(wc -l <Makefile)" 1 250
for f in applets/*.c; do [ "$(wc -l <"$f")" -le 600 ] || echo "$f"; done | none "an applet is at most 600 lines"
