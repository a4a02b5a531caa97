#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every tests/unit/t_*.c under the sanitizers, and those that speak netlink with our own and with the distribution's libmnl.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1

# unit WITH FOLDER ARGUMENTS… -- PROGRAMS…: builds in FOLDER, which later runs use again
unit() {
	with=$1 dir=$2 args=
	shift 2
	while [ "$1" != -- ]; do args="$args $1"; shift; done
	shift
	targets=
	for t; do targets="$targets $dir/unit/$t"; done
	# shellcheck disable=SC2086
	if ! make -s -k -j2 SAN=1 LINK= O="$dir" $args $targets >"$TMP/log" 2>&1; then
		not_ok "unit programs build$with" "$(grep -E 'error|\*\*\*' "$TMP/log" | head -5)"
	fi
	lacks "unit programs build without a warning$with" "$(cat "$TMP/log")" 'warning:'
	for t; do
		[ -x "$dir/unit/$t" ] || { not_ok "unit: $t$with" "was not built"; continue; }
		timeout -k 5 120 "$dir/unit/$t" >"$TMP/out" 2>&1 </dev/null
		status=$?
		if [ $status = 0 ]; then
			ok "unit: $t$with ($(sed -n 's/.*: \([0-9]*\) checks$/\1/p' "$TMP/out" | tail -1) checks)"
		else
			not_ok "unit: $t$with" "exit $status: $(grep -aE 'failed|expected|ERROR|runtime error' "$TMP/out" | head -4)"
			cat "$TMP/out"
		fi
	done
}

all=
for f in tests/unit/t_*.c; do all="$all $(basename "$f" .c)"; done
# shellcheck disable=SC2086
unit "" "${O%-san}-san" -- $all

# Without anything said SAN=1 has taken the distribution's libmnl where there is one.
netlink="t_mnl t_sockdiag t_diagfilter"
if ${PKG_CONFIG:-pkg-config} --exists libmnl; then
	# shellcheck disable=SC2086
	unit ", MNL=system" "${O%-san}-san" MNL=system -- $netlink
else
	skip "unit programs with MNL=system" "libmnl is not installed"
fi
# shellcheck disable=SC2086
unit ", MNL=own" "${O%-san}-san-own" MNL=own -- $netlink
