#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Devices, queues, qdiscs and classes as tc shows them; balance; totals; processes of flows that ended (queues.py).
. "$(dirname "$0")/../lib.sh"

tool blast >/dev/null || exit 1
export BIN O TMP
python3 -B "$top/tests/net/queues.py"
netns fl-qc || exit 1
in="ip netns exec fl-qc"
exits "flowq in a namespace without traffic" 0 $in "$BIN" flowq -i 0.2
exits "  as JSON" 0 $in "$BIN" flowq -j -i 0.2
is "  no flows" "$(json "$TMP/out" 'sum(len(q["flows"]) for d in d["devices"] for q in d["queues"])')" 0
exits "the seed's form" 0 $in "$BIN" flows -q -i 0.2
exits "an unknown rung" 2 $in "$BIN" flowq -i 0.2 --source nonsense
has "  names the word and what was expected" "$(cat "$TMP/err")" "expected.*nonsense"
exits "-j with two samples" 2 $in "$BIN" flowq -j -i 0.2 -c 2
exits "two samples as lines" 0 $in "$BIN" flowq -J -i 0.2 -c 2
is "  two documents" "$(wc -l <"$TMP/out")" 2
exits "metrics" 0 $in "$BIN" flowq --metrics -i 0.2
# used PATTERN: sources in use of that name
used() {
	json "$TMP/out" "[s['name'] for s in d['sources'] if s['state'] == 'used' and
		__import__('re').search('$1', s['name'])]"
}
for rung in trace filter ring; do
	exits "--source $rung is named" 0 $in "$BIN" flowq -j -i 0.2 --source $rung
	has "  once" "$(used 'xmit|packet_')" "^\['[a-z_]+'\]$"
done
# Each rung's absence leads to the next, which says why.
nobpf=$(tool nobpf) && exits "without bpf(2): rings" 0 $in "$nobpf" EPERM "$BIN" flowq -j -i 0.2
is "  the rung" "$(used packet_)" "['packet_ring']"
exits "without BTF: the filter" 0 $in unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh \
	"$BIN" flowq -j -i 0.2
is "  the rung" "$(used packet_)" "['packet_filter']"
has "  says why" "$(cat "$TMP/out")" 'BTF'
exits "no rights at all" 1 $in setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps -all -- \
	"$BIN" flowq -j -i 0.2
has "  says why" "$(cat "$TMP/err")" '[Pp]ermission|permitted|CAP_'
