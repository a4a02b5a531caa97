#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every configuration builds without a warning and answers --help; sizes keep their bounds; an incremental build is quick.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1

# build NAME FOLDER ARGUMENTS…: from nothing, all output kept
build() {
	name=$1 dir=$2
	shift 2
	if make -s -j2 O="$dir" "$@" >"$TMP/log" 2>&1; then ok "$name builds"; else not_ok "$name builds" "$(tail -5 "$TMP/log")"; return 1; fi
	lacks "$name: no warning" "$(cat "$TMP/log")" 'warning|Warnung'
}
configure() { make -s O="$1" "$2" ${3:+"$3"} >"$TMP/log" 2>&1 || not_ok "make $2" "$(tail -3 "$TMP/log")"; }
size() { stat -L -c %s "$1/fleutan"; }
answers() { exits "$1 answers --help" 0 "$2/fleutan" --help; }

for c in configs/*; do
	n=$(basename "$c")
	configure "$TMP/$n" "${n}_defconfig"
	build "configs/$n" "$TMP/$n" && answers "configs/$n" "$TMP/$n"
done
within "everything fits 350,000 bytes" "$(size "$TMP/defconfig")" 1 350000
within "flowlat with all its sources fits 310,000 bytes" "$(size "$TMP/flowlat")" 1 310000
within "tiny fits 90,000 bytes" "$(size "$TMP/tiny")" 1 90000
lacks "tiny asks for no library but libc" "$(strings -a "$TMP/tiny/fleutan")" 'libbpf:'
is "static: asks for no loader" "$(readelf -l "$TMP/defconfig/fleutan" | grep -c INTERP)" 0
exits "tiny has no replay" 2 "$TMP/tiny/fleutan" flowlat --replay /tmp
exits "tiny shows flows" 0 "$TMP/tiny/fleutan" flowlat dport 1

for t in allnoconfig allyesconfig; do
	configure "$TMP/$t" $t
	build "$t" "$TMP/$t" && answers "$t" "$TMP/$t"
done
for seed in 1 2 3 4; do
	configure "$TMP/rand$seed" randconfig KCONFIG_SEED=$seed
	build "randconfig $seed" "$TMP/rand$seed" && answers "randconfig $seed" "$TMP/rand$seed"
done
build "LIBC=glibc" "$TMP/glibc" LIBC=glibc && answers "LIBC=glibc" "$TMP/glibc"
has "LIBC=glibc uses the distribution's libmnl" "$(readelf -d "$TMP/glibc/fleutan")" 'NEEDED.*libmnl'
build "CC=clang" "$TMP/clang" CC=clang && answers "CC=clang" "$TMP/clang"
build "CC=clang LIBC=glibc" "$TMP/gclang" CC=clang LIBC=glibc && answers "CC=clang LIBC=glibc" "$TMP/gclang"

# Saved and loaded again, a configuration is the same.
configure "$TMP/tiny" savedefconfig
make -s O="$TMP/again" defconfig >/dev/null 2>&1
cp "$TMP/tiny/defconfig" configs/.saved-test && configure "$TMP/again" .saved-test_defconfig
rm -f configs/.saved-test
is "savedefconfig keeps everything" "$(grep -v '^#.*[Mm]ade' "$TMP/again/.config")" "$(grep -v '^#.*[Mm]ade' "$TMP/tiny/.config")"
configure "$TMP/again" olddefconfig
is "olddefconfig changes nothing" "$(grep -v '^#.*[Mm]ade' "$TMP/again/.config")" "$(grep -v '^#.*[Mm]ade' "$TMP/tiny/.config")"

# Touching one applet must not compile anything else: relative to a full build, so that a slow machine does not matter.
touch -c applets/flowlat.c
make O="$TMP/defconfig" V=1 >"$TMP/log" 2>&1
is "touching an applet compiles one file" "$(grep -cE ' -c ' "$TMP/log")" 1
make O="$TMP/defconfig" V=1 >"$TMP/log" 2>&1
is "a second make does nothing" "$(grep -cE ' -c |-o [^ ]*fleutan' "$TMP/log")" 0
exits "make size" 0 make -s O="$TMP/defconfig" size
has "  the ledger names the applet" "$(cat "$TMP/out")" flowlat

# A new applet is one new file.
mkdir "$TMP/tree" && cp -a Makefile VERSION Kconfig applets lib bpf configs scripts "$TMP/tree/"
[ -d sysroot ] && ln -s "$top/sysroot" "$TMP/tree/sysroot"
cat >"$TMP/tree/applets/flownew.c" <<'C'
// SPDX-License-Identifier: GPL-2.0-or-later
//applet: flownew an applet that was not there before
//config:config FLOWNEW
//config:	bool "flownew"
//config:	default y
#include "core/applet.h"
static int flownew_main(const struct applet *self, int argc, char **argv) { (void)self; (void)argc; (void)argv; return 0; }
static const struct opt opts[] = { { 0 } };
static const struct opt *const tables[] = { opts, 0 };
const struct applet applet_flownew = { "flownew", "an applet that was not there before", flownew_main, tables, "", "" };
C
if make -s -j2 -C "$TMP/tree" O="$TMP/tree/build" tiny_defconfig all >"$TMP/log" 2>&1; then ok "a new applet builds"; else not_ok "a new applet builds" "$(tail -5 "$TMP/log")"; fi
has "  and is listed" "$("$TMP/tree/build/fleutan" --list)" '^flownew$'
