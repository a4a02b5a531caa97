#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# flowlat on another kernel: its answers, a known delay, and each rung down to no capability at all. There is no python here.
. "$(dirname "$0")/../../lib.sh"

# A look leaves one JSON document in $TMP/out.
state() { grep -o "\"name\":\"$1\",\"state\":\"[a-z]*\"" "$TMP/out" | cut -d'"' -f8; }
named() { grep -o '"procs":\[{"pid":[0-9]*,"name":"conns"' "$TMP/out" | wc -l; }
# values KEY: of each flow, sorted
values() { grep -o "\"$1\":[0-9a-z]*" "$TMP/out" | cut -d: -f2 | sort | xargs; }
flows() { values sport | wc -w; }

netns fl-vm || exit 1
in="ip netns exec fl-vm"
background $in conns 2 5 7300 >"$TMP/c"
wait_for 20 grep -q ready "$TMP/c" || exit 1

exits "flowlat" 0 $in "$BIN" flowlat -j
is "  flows" "$(flows)" 20
is "  sock_diag" "$(state sock_diag)" used
is "  names" "$(named)" 20
lacks "  RTT is there" "$(values rtt_ns)" null
exits "text" 0 $in "$BIN" flowlat
is "  bars with names" "$(grep -c 'conns([0-9]*)' "$TMP/out")" 20

exits "--procs bpf" 0 $in "$BIN" flowlat -j --procs bpf
is "  bpf_iter" "$(state bpf_iter)" used
is "  names" "$(named)" 20
exits "what only iterators tell" 0 $in "$BIN" flowlat -j --cols +rx_cpu,snd_una,snd_nxt,rcv_nxt
is "  sequence numbers match the peer's" "$(values snd_nxt)" "$(values rcv_nxt)"
is "  nothing is unacknowledged" "$(values snd_nxt)" "$(values snd_una)"
lacks "  none is unknown" "$(values snd_nxt)" null

# A known delay: netem holds each packet for 20 ms on both sides.
netns fl-va fl-vb || exit 1
ip link add fl-a netns fl-va type veth peer name fl-b netns fl-vb || exit 1
ip -n fl-va addr add 198.51.100.1/24 dev fl-a && ip -n fl-vb addr add 198.51.100.2/24 dev fl-b
ip -n fl-va link set fl-a up && ip -n fl-vb link set fl-b up
tc -n fl-va qdisc add dev fl-a root netem delay 20ms && tc -n fl-vb qdisc add dev fl-b root netem delay 20ms || exit 1
# A fifo that is also open for writing: nc ends with its input.
mkfifo "$TMP/silence" && exec 7<>"$TMP/silence"
ip netns exec fl-vb nc -l -p 7400 <&7 >/dev/null &
pids="$pids $!"
sleep 0.5
(while :; do echo tick; sleep 0.05; done) | ip netns exec fl-va nc 198.51.100.2 7400 &
pids="$pids $!"
sleep 1
exits "netem 20 + 20 ms, -i samples in the kernel" 0 ip netns exec fl-va "$BIN" flowlat -j -i 2
is "  tcp_probe" "$(state tcp_probe)" used
lacks "  the samples are not missing" "$(grep -o '"missing":.*' "$TMP/out")" '"(rtt|samples|procs)'
within "  samples" "$(values samples)" 10 60
within "  their median" "$(sed 's/.*"rtt_quantiles":{"p50_ns":\([0-9]*\).*/\1/' "$TMP/out")" 40000000 60000000
within "  the smallest" "$(values min_rtt_ns)" 40000000 50000000
is "  who sends" "$(grep -o '"name":"nc"' "$TMP/out" | sort -u)" '"name":"nc"'
exits "the same, by asking again" 0 ip netns exec fl-va "$BIN" flowlat -j -i 2 --source poll
is "  sock_diag_poll" "$(state sock_diag_poll)" used
within "  their median" "$(sed 's/.*"rtt_quantiles":{"p50_ns":\([0-9]*\).*/\1/' "$TMP/out")" 40000000 60000000

nobtf='mount -t tmpfs none /sys/kernel/btf && exec "$@"'
exits "no BTF: -i asks again" 0 $in unshare -m sh -c "$nobtf" sh "$BIN" flowlat -j -i 0.5
is "  the rung" "$(state sock_diag_poll)" used
is "  not the other" "$(state tcp_probe)" unavailable
has "  says why" "$(cat "$TMP/err")" BTF
exits "no BTF: what only iterators tell" 3 $in unshare -m sh -c "$nobtf" sh "$BIN" flowlat -j --cols +snd_una
has "  absent is null" "$(values snd_una)" '^(null ){19}null$'
has "  missing is named" "$(grep -o '"missing":.*' "$TMP/out")" snd_una
has "  on stderr too" "$(cat "$TMP/err")" BTF

for e in EPERM ENOSYS; do
	exits "bpf(2) answers $e" 0 $in nobpf $e "$BIN" flowlat -j -i 0.5
	is "  the rung" "$(state sock_diag_poll)" used
	is "  names" "$(named)" 20
done

nocaps="setpriv --bounding-set -bpf,-perfmon,-sys_admin --inh-caps -all --"
exits "root without capabilities for BPF" 0 $in $nocaps "$BIN" flowlat -j -i 0.5
is "  the rung" "$(state sock_diag_poll)" used

user="setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps -all --"
exits "ordinary user" 0 $in $user "$BIN" flowlat -j -i 0.5
is "  flows" "$(flows)" 20
is "  the rung" "$(state sock_diag_poll)" used
lacks "  RTT is there" "$(values rtt_ns)" null
is "  processes of others are unknown, not none" "$(values procs)" "$(for i in $(seq 20); do echo null; done | xargs)"

noproc='mount -t tmpfs none /proc && exec "$@"'
exits "no /proc: processes cannot be told" 3 $in unshare -m sh -c "$noproc" sh "$BIN" flowlat -j --procs proc
is "  flows are there" "$(flows)" 20
