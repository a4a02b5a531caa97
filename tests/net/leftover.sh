#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing of ours stays in the kernel, however we end.
. "$(dirname "$0")/../lib.sh"

if ! bpftool prog list >/dev/null 2>&1; then
	skip "what stays in the kernel" "bpftool does not run here"
	exit 0
fi
# count [PID]: programs, maps and links that the process holds, or that no process holds (others may work here too).
count() {
	for k in prog map link; do echo "$k $(bpftool -j $k list)"; done | python3 -c 'import glob, json, re, sys
def held(pids):
    out = set()
    for f in glob.glob("/proc/%s/fdinfo/*" % pids):
        try:
            out.update(re.findall(r"^(prog|map|link)_id:\s+(\d+)", open(f).read(), re.M))
        except OSError:
            pass
    return out
if sys.argv[1] != "0":
    print(len(held(sys.argv[1])))
    sys.exit()
there = {}
for line in sys.stdin:
    kind, text = line.split(" ", 1)
    there.update({(kind, str(o["id"])): o for o in json.loads(text)})
kept = held("[0-9]*")
kept |= {("prog", str(o.get("prog_id"))) for k, o in there.items() if k[0] == "link" and k in kept}
kept |= {("map", str(m)) for k, o in there.items() if k[0] == "prog" and k in kept for m in o.get("map_ids", [])}
print(len(set(there) - kept))' "${1:-0}"
}
# What the devices of the namespace and its packet sockets look like: all that is not BPF.
inside() {
	ip netns exec fl-left sh -c 'tc qdisc show; tc class show dev q0; tc filter show dev q0; cat /proc/net/packet'
}
clean() { [ "$(count)" -le "$before" ] && [ "$(inside)" = "$before_in" ]; }
gone() { # NAME
	if wait_for 5 clean; then ok "$1"; else not_ok "$1" "held by nobody: $before, now $(count); $(inside)"; fi
}

netns fl-left || exit 1
ip -n fl-left link add q0 numtxqueues 4 numrxqueues 4 type veth peer name q1
ip -n fl-left link set q0 up && ip -n fl-left link set q1 up || exit 1
ip netns exec fl-left tc qdisc replace dev q0 root handle 1: mq
before=$(count) before_in=$(inside)

# ends WHAT MOMENTS COMMAND…: with every signal, and killed at so many moments of three samples
ends() {
	what=$1 moments=$2
	shift 2
	background "$@" -J -i 0.2 -c 0 >/dev/null 2>"$TMP/err"
	sleep 0.7
	if ! kill -0 "$last" 2>/dev/null; then
		not_ok "$what: runs" "$(cat "$TMP/err")"
		return
	fi
	if [ "$(count "$last")" -gt 0 ] || [ "$(inside)" != "$before_in" ]; then
		ok "$what: it does hold something while it samples"
	else
		not_ok "$what: it does hold something while it samples" "$(count "$last")"
	fi
	kill -9 "$last"
	gone "$what: kill -9 while sampling"
	n=0
	while [ $n -lt "$moments" ]; do
		"$@" -J -i 0.1 -c 3 >/dev/null 2>&1 &
		p=$!
		sleep "0.$((n * 3 % 10))$((n % 10))"
		kill -9 $p 2>/dev/null
		wait $p 2>/dev/null
		n=$((n + 1))
	done
	gone "$what: kill -9 at $moments moments"
	for sig in INT TERM HUP PIPE; do
		"$@" -J -i 5 -c 0 >/dev/null 2>&1 &
		p=$!
		sleep 0.4
		kill -$sig $p
		wait $p 2>/dev/null
		gone "$what: SIG$sig"
	done
}

in="ip netns exec fl-left"
ends flowlat 30 $in "$BIN" flowlat --procs bpf
for how in "--source trace" "--source filter" "--source ring" "--sojourn --drops"; do
	# shellcheck disable=SC2086
	ends "flowq $how" 10 $in "$BIN" flowq -r $how
done
# From outside: --netns.
for how in trace filter ring; do
	ends "flowq --source $how --netns" 4 "$BIN" flowq -r --source $how --netns fl-left
done
