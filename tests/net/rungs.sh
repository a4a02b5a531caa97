#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every rung of the ladder gives an answer, and the rung in use and what it cannot give are named: root with BPF, without BTF,
# without bpf(2), without capabilities, an ordinary user, without /proc.
. "$(dirname "$0")/../lib.sh"

conns=$(tool conns) && nobpf=$(tool nobpf) || exit 1
netns fl-rungs || exit 1
in="ip netns exec fl-rungs"
background $in "$conns" 2 5 7300 >"$TMP/c"
wait_for 10 grep -q ready "$TMP/c" || exit 1
cp "$BIN" "$TMP/fleutan" && chmod 755 "$TMP" "$TMP/fleutan"
bin=$TMP/fleutan

# look NAME STATUS COMMAND…: runs it, leaves JSON in $TMP/out
source_state() { json "$TMP/out" "[s['state'] for s in d['sources'] if s['name'] == '$1'] or ['absent']"; }
named() { json "$TMP/out" 'sum(1 for f in d["flows"] for p in f["procs"] or [] if p["name"] == "conns")'; }

exits "root, few sockets: a scan of /proc is cheaper than BPF" 0 $in "$bin" flowlat -j
is "  sock_diag" "$(source_state sock_diag)" "['used']"
is "  proc" "$(source_state proc)" "['used']"
is "  names" "$(named)" 20

exits "root, --procs bpf" 0 $in "$bin" flowlat -j --procs bpf
is "  bpf_iter" "$(source_state bpf_iter)" "['used']"
is "  names" "$(named)" 20

exits "root, what only iterators tell" 0 $in "$bin" flowlat -j --cols +rx_cpu,snd_una,snd_nxt,rcv_nxt
is "  sequence numbers" "$(json "$TMP/out" 'all(f["snd_una"] == f["snd_nxt"] > 0 for f in d["flows"])')" True
is "  they match the peer's" "$(json "$TMP/out" 'sorted(f["snd_nxt"] for f in d["flows"]) == sorted(f["rcv_nxt"] for f in d["flows"])')" True

exits "root, -i samples in the kernel" 0 $in "$bin" flowlat -j -i 0.3
is "  tcp_probe" "$(source_state tcp_probe)" "['used']"

nobtf="unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec \"\$@\"' sh"
exits "no BTF: -i polls" 0 $in sh -c "$nobtf \"\$@\"" sh "$bin" flowlat -j -i 0.3
is "  the rung" "$(source_state sock_diag_poll)" "['used']"
has "  says why" "$(cat "$TMP/out")" 'BTF'
exits "no BTF: iterators asked for" 3 $in sh -c "$nobtf \"\$@\"" sh "$bin" flowlat -j --cols +snd_una
is "  absent is null" "$(json "$TMP/out" 'all(f["snd_una"] is None for f in d["flows"])')" True
has "  missing is named" "$(json "$TMP/out" 'd["missing"]')" snd_una
has "  on stderr too" "$(cat "$TMP/err")" 'BTF'

for e in EPERM ENOSYS; do
	exits "bpf(2) answers $e" 0 $in "$nobpf" $e "$bin" flowlat -j -i 0.3
	is "  the rung" "$(source_state sock_diag_poll)" "['used']"
	is "  names" "$(named)" 20
done

exits "root without capabilities for BPF" 0 $in setpriv --bounding-set -bpf,-perfmon,-sys_admin --inh-caps -all -- "$bin" flowlat -j -i 0.3
is "  the rung" "$(source_state sock_diag_poll)" "['used']"

user="setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps -all --"
exits "ordinary user" 0 $in $user "$bin" flowlat -j
is "  flows" "$(json "$TMP/out" 'len(d["flows"])')" 20
is "  RTT is there" "$(json "$TMP/out" 'all(f["rtt_ns"] for f in d["flows"])')" True
is "  processes of others are unknown, not none" "$(json "$TMP/out" 'all(f["procs"] is None for f in d["flows"])')" True
exits "ordinary user asks for a process" 0 $in $user "$bin" flowlat -j proc conns
is "  nothing is selected by what is unknown" "$(json "$TMP/out" 'len(d["flows"])')" 0
exits "ordinary user, text" 0 $in $user "$bin" flowlat

exits "no /proc: processes cannot be told" 3 $in unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$bin" flowlat -j --procs proc
is "  flows are there" "$(json "$TMP/out" 'len(d["flows"])')" 20
exits "a namespace without flows" 0 "$bin" flowlat -j dst 203.0.113.99
is "  is an empty answer" "$(json "$TMP/out" 'd["flows"]')" "[]"
