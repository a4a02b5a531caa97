#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Network namespaces: the caller's alone unless --netns asks, by name, by process, all of them.
. "$(dirname "$0")/../lib.sh"

conns=$(tool conns) || exit 1
netns fl-s1 fl-s2 || exit 1
background ip netns exec fl-s1 "$conns" 1 2 7500 >"$TMP/c1"
one=$last
background ip netns exec fl-s2 "$conns" 1 3 7500 >"$TMP/c2"
wait_for 10 grep -q ready "$TMP/c1" && wait_for 10 grep -q ready "$TMP/c2" || exit 1
count() { json "$TMP/out" 'len(d["flows"])'; }
names() { json "$TMP/out" 'sorted({f["netns"] for f in d["flows"] if 7500 in (f["sport"], f["dport"])})'; }

exits "the caller's namespace" 0 ip netns exec fl-s1 "$BIN" flowlat -j
is "  its flows alone" "$(count)" 4
exits "--netns NAME" 0 "$BIN" flowlat -j --netns fl-s2
is "  its flows alone" "$(count)" 6
is "  it is named" "$(names)" "['fl-s2']"
is "  at the top too" "$(json "$TMP/out" 'd["netns"]')" fl-s2
is "  processes are known" "$(json "$TMP/out" '{p["name"] for f in d["flows"] for p in f["procs"]}')" "{'conns'}"
child=$(pgrep -P "$one" | head -1)
exits "--netns PID" 0 "$BIN" flowlat -j --netns "${child:-$one}"
is "  its flows" "$(count)" 4
# Where some process may not be asked for its namespace (even by root, in a sandbox), that is said and the status is 3.
every() {
	name=$1 want=0
	shift
	ls -lL /proc/[0-9]*/ns/net 2>&1 >/dev/null | grep -q 'Permission denied' && want=3
	exits "$name" $want "$@"
	if [ $want = 3 ]; then has "  says what was not seen" "$(cat "$TMP/err")" 'some namespaces'; fi
}
for how in "-j" "-j -s rtt" "-j -i 0.3"; do
	# shellcheck disable=SC2086
	every "--netns all $how" "$BIN" flowlat $how --netns all 'port 7500'
	is "  flows of both" "$(count)" 10
	is "  each named" "$(names)" "['fl-s1', 'fl-s2']"
done
every "--netns all, text" "$BIN" flowlat --netns all 'port 7500'
has "  the namespace is a column" "$(cat "$TMP/out")" 'NETNS +LOCAL'
exits "--netns of nobody" 2 "$BIN" flowlat --netns no-such-space
has "  says what was expected" "$(cat "$TMP/err")" "'no-such-space'.*expected"
