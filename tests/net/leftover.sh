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
