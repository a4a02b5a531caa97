#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Each fuzz target for a few seconds from its corpus finds nothing; and each in a build that was broken on purpose (its parser
# is told of 16 bytes that are not there) finds that: so the harness can see.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1
seconds=${FUZZ_SHORT:-10}

# The run time of the fuzzer is a part of clang that may be missing.
clang=${CC:-clang}
case $clang in *clang*) ;; *) clang=clang ;; esac
echo 'int LLVMFuzzerTestOneInput(const unsigned char *p, unsigned long n) { (void)p; (void)n; return 0; }' >"$TMP/t.c"
if ! command -v "$clang" >/dev/null; then
	skip "fuzz targets" "clang is not installed"
	exit 0
fi
if ! "$clang" -fsanitize=fuzzer,address,undefined -o "$TMP/t" "$TMP/t.c" >"$TMP/log" 2>&1; then
	skip "fuzz targets" "clang cannot link a fuzzer: $(tail -1 "$TMP/log")"
	exit 0
fi
build=${O%-fuzz}-fuzz
if ! make -s -j2 LINK= O="$O" fuzz-build >"$TMP/log" 2>&1; then
	not_ok "make fuzz-build" "$(grep -E 'error|\*\*\*' "$TMP/log" | head -5)"
	exit 1
fi
ok "make fuzz-build"

# one NAME: both builds; the answers come in files, as several run at once
one() {
	mkdir -p "$TMP/corpus/$1" "$TMP/lie/$1" "$TMP/art/$1"
	"$build/fuzz_$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$TMP/art/$1/" \
		"$TMP/corpus/$1" "tests/fuzz/corpus/$1" >"$TMP/$1.log" 2>&1 </dev/null
	echo $? >"$TMP/$1.status"
	"$build/lie/fuzz_$1" -max_total_time=30 -rss_limit_mb=1024 -artifact_prefix="$TMP/lie/$1/" \
		"$TMP/lie/$1" "tests/fuzz/corpus/$1" >"$TMP/$1.lie" 2>&1 </dev/null
}

names=$(for f in tests/fuzz/fuzz_*.c; do basename "$f" .c | sed 's/^fuzz_//'; done)
for n in $names; do
	has "fuzz_$n has a corpus" "$(ls "tests/fuzz/corpus/$n" 2>/dev/null)" .
	mkdir -p "tests/fuzz/corpus/$n"
done
within "the corpus is small" "$(find tests/fuzz/corpus -type f -exec cat {} + | wc -c)" 1 200000
running=
for n in $names; do
	one "$n" &
	running="$running $!"
	# two at a time
	# shellcheck disable=SC2086
	set -- $running
	if [ $# -ge 2 ]; then
		wait "$1"
		shift
		running="$*"
	fi
done
wait
for n in $names; do
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$TMP/$n.log")
	if [ "$(cat "$TMP/$n.status")" = 0 ] && [ "${runs:-0}" -gt 100 ]; then
		ok "fuzz_$n: no finding in $runs runs"
	else
		not_ok "fuzz_$n" "$(grep -aE 'ERROR|runtime error|SUMMARY' "$TMP/$n.log" | head -3)"
		tail -40 "$TMP/$n.log"
		for f in "$TMP/art/$n"/*; do [ -f "$f" ] && { mkdir -p "$build/crashes" && cp "$f" "$build/crashes/$n-$(basename "$f")"; }; done
	fi
	has "fuzz_$n in the broken build: the overflow is found" "$(grep -a 'ERROR: AddressSanitizer' "$TMP/$n.lie")" 'buffer-overflow'
done
