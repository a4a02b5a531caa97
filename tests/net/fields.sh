#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every field of idle flows equals what ss prints for it, and the names of processes equal `ss -p`; IPv4, IPv6, v4-mapped.
. "$(dirname "$0")/../lib.sh"

conns=$(tool conns) || exit 1
netns fl-fields || exit 1
background ip netns exec fl-fields "$conns" 3 4 7000 >"$TMP/c4"
background ip netns exec fl-fields "$conns" 2 4 7100 -6 >"$TMP/c6"
wait_for 10 grep -q ready "$TMP/c4" && wait_for 10 grep -q ready "$TMP/c6" || exit 1
sleep 0.3
ip netns exec fl-fields ss -tinemOHp >"$TMP/ss"
ip netns exec fl-fields "$BIN" flowlat -j >"$TMP/json" || not_ok "flowlat -j" "status $?"
is "flows seen by ss" "$(wc -l <"$TMP/ss")" 40
python3 "$top/tests/net/ss_compare.py" "$TMP/ss" "$TMP/json" || true

# The same from the other ways to the same numbers: sorted, each rung of processes.
for procs in proc bpf; do
	ip netns exec fl-fields "$BIN" flowlat -j -s rtt --procs $procs >"$TMP/json"
	ip netns exec fl-fields ss -tinemOHp >"$TMP/ss"
	python3 "$top/tests/net/ss_compare.py" "$TMP/ss" "$TMP/json" | sed "s/ss:/ss, sorted, --procs $procs:/"
done
