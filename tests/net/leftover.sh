#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing of ours stays in the kernel, however we end.
. "$(dirname "$0")/../lib.sh"

if ! bpftool prog list >/dev/null 2>&1; then
	skip "what stays in the kernel" "bpftool does not run here"
	exit 0
fi
# The kernel frees programs a little after their last user went.
count() { for k in prog map link; do bpftool $k list | grep -c '^[0-9]*:' | tr '\n' ' '; done; }
same() { [ "$(count)" = "$before" ]; }
netns fl-left || exit 1
before=$(count)
background ip netns exec fl-left "$BIN" flowlat -J -i 0.2 -c 0 >/dev/null 2>&1
sleep 0.5
if same; then not_ok "it does load something while it samples" "$(count)"; else ok "it does load something while it samples"; fi
kill -9 "$last"
if wait_for 5 same; then ok "kill -9 while sampling"; else not_ok "kill -9 while sampling" "before $before, after $(count)"; fi
n=0 bad=0
while [ $n -lt 30 ]; do
	ip netns exec fl-left "$BIN" flowlat -J -i 0.1 -c 3 --procs bpf >/dev/null 2>&1 &
	p=$!
	sleep "0.0$((n * 3 % 10))$((n % 10))"
	kill -9 $p 2>/dev/null
	wait $p 2>/dev/null
	n=$((n + 1))
done
wait_for 5 same || bad=1
is "kill -9 at 30 moments" $bad 0
for sig in INT TERM HUP PIPE; do
	ip netns exec fl-left "$BIN" flowlat -J -i 5 -c 0 >/dev/null 2>&1 &
	p=$!
	sleep 0.3
	kill -$sig $p
	wait $p 2>/dev/null
	if wait_for 5 same; then ok "SIG$sig"; else not_ok "SIG$sig" "before $before, after $(count)"; fi
done

# flowq: programs, maps, links, packet sockets, qdiscs; on each rung, and looking into the namespace from outside.
ip -n fl-left link add q0 numtxqueues 4 numrxqueues 4 type veth peer name q1 && ip -n fl-left link set q0 up && ip -n fl-left link set q1 up
ip netns exec fl-left tc qdisc replace dev q0 root handle 1: mq
inside() { ip netns exec fl-left sh -c 'tc qdisc show; tc class show dev q0; tc filter show dev q0; cat /proc/net/packet'; }
wait_for 5 same
clean() { same && [ "$(inside)" = "$before_in" ]; }
before_in=$(inside)
for how in "--source trace" "--source filter" "--source ring" "--sojourn --drops" "--source trace --netns fl-left" \
	"--source filter --netns fl-left" "--source ring --netns fl-left"; do
	in="ip netns exec fl-left"
	case $how in *--netns*) in="" ;; esac
	# shellcheck disable=SC2086
	background $in "$BIN" flowq -J -r -i 0.2 -c 0 $how >/dev/null 2>"$TMP/err"
	sleep 0.7
	kill -0 "$last" 2>/dev/null || { not_ok "flowq $how" "$(cat "$TMP/err")"; continue; }
	if clean; then not_ok "flowq $how: it holds something while it counts" "$(count)"; else ok "flowq $how: it holds something while it counts"; fi
	kill -9 "$last"
	if wait_for 5 clean; then ok "flowq $how: kill -9 while counting"; else not_ok "flowq $how: kill -9 while counting" "before $before, after $(count) $(inside)"; fi
	n=0
	while [ $n -lt 10 ]; do
		# shellcheck disable=SC2086
		$in "$BIN" flowq -J -r -i 0.1 -c 3 $how >/dev/null 2>&1 &
		p=$!
		sleep "0.$((n * 3 % 4))$((n % 10))"
		kill -9 $p 2>/dev/null
		wait $p 2>/dev/null
		n=$((n + 1))
	done
	if wait_for 5 clean; then ok "flowq $how: kill -9 at 10 moments"; else not_ok "flowq $how: kill -9 at 10 moments" "before $before, after $(count) $(inside)"; fi
	for sig in INT TERM HUP PIPE; do
		# shellcheck disable=SC2086
		$in "$BIN" flowq -J -r -i 5 -c 0 $how >/dev/null 2>&1 &
		p=$!
		sleep 0.4
		kill -$sig $p
		wait $p 2>/dev/null
		if wait_for 5 clean; then ok "flowq $how: SIG$sig"; else not_ok "flowq $how: SIG$sig" "before $before, after $(count) $(inside)"; fi
	done
done
