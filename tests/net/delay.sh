#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A path of a known delay (20 ms each way, by a program that holds packets between two namespaces) is measured within 1 ms or 5 %.
. "$(dirname "$0")/../lib.sh"

delay=$(tool delay) || exit 1
netns fl-da fl-db || exit 1
background "$delay" fl-da fl-db 20000 >"$TMP/delay"
wait_for 10 grep -q ready "$TMP/delay" || { not_ok "delay path" "$(cat "$TMP/delay")"; exit 1; }
background ip netns exec fl-db iperf3 -s -1 -p 5201 >/dev/null 2>&1
wait_for 5 ip netns exec fl-da sh -c 'ss -Htln >/dev/null; ip netns exec fl-db ss -Htln | grep -q 5201'
background ip netns exec fl-da iperf3 -c 192.0.2.2 -p 5201 -t 8 -b 2M >/dev/null 2>&1
sleep 2
flowlat="ip netns exec fl-da $BIN flowlat"

$flowlat -j dport 5201 and bytes_sent '>' 100000 >"$TMP/json"
is "one loaded flow" "$(json "$TMP/json" 'len(d["flows"])')" 1
within "srtt of a path of 40 ms" "$(json "$TMP/json" 'd["flows"][0]["rtt_ns"]')" 39000000 42000000
within "min rtt" "$(json "$TMP/json" 'd["flows"][0]["min_rtt_ns"]')" 39900000 41000000
is "process" "$(json "$TMP/json" 'd["flows"][0]["procs"][0]["name"]')" iperf3
within "median over flows" "$(json "$TMP/json" 'd["rtt_quantiles"]["p50_ns"]')" 39000000 42000000

for source in bpf poll; do
	$flowlat -j -i 2 --source $source dport 5201 >"$TMP/json" 2>"$TMP/err"
	within "-i --source $source: median of the samples" "$(json "$TMP/json" 'd["rtt_quantiles"]["p50_ns"]')" 39000000 42000000
	within "-i --source $source: samples of the loaded flow" "$(json "$TMP/json" 'max(f["samples"] or 0 for f in d["flows"])')" 2 100000
	within "-i --source $source: its own p99" "$(json "$TMP/json" 'max(f["rtt_p99_ns"] or 0 for f in d["flows"])')" 39000000 44000000
	is "-i --source $source: histogram adds up" "$(json "$TMP/json" 'sum(b["count"] for b in d["rtt_histogram"]) == sum(f["samples"] or 0 for f in d["flows"])')" True
	is "-i --source $source: counters are of the interval" \
		"$(json "$TMP/json" '250000 < max(f["bytes_sent"] for f in d["flows"]) < 1000000')" True
done

background ip netns exec fl-db iperf3 -s -1 -p 5203 >/dev/null 2>&1
wait_for 5 sh -c 'ip netns exec fl-db ss -Htln | grep -q 5203'
background ip netns exec fl-da iperf3 -6 -c 2001:db8::2 -p 5203 -t 3 -b 2M >/dev/null 2>&1
sleep 1.5
$flowlat -j -6 dport 5203 and bytes_sent '>' 100000 >"$TMP/json"
is "IPv6: one loaded flow" "$(json "$TMP/json" '[f["dst"] for f in d["flows"]]')" "['2001:db8::2']"
within "IPv6: srtt of a path of 40 ms" "$(json "$TMP/json" 'd["flows"][0]["rtt_ns"]')" 39000000 42000000
is "IPv6: -4 does not show it" "$($flowlat -j -4 dport 5203 | python3 -c 'import json,sys; print(json.load(sys.stdin)["flows"])')" "[]"

# A flow that ends within the interval is there with its samples.
background ip netns exec fl-db iperf3 -s -1 -p 5202 >/dev/null 2>&1
sleep 0.3
background $flowlat -j -i 3 dport 5202 >"$TMP/ended"
flow=$last
sleep 0.5
ip netns exec fl-da iperf3 -c 192.0.2.2 -p 5202 -t 1 -b 2M >/dev/null 2>&1
wait "$flow"
is "ended flows are shown" "$(json "$TMP/ended" 'sum(1 for f in d["flows"] if f["state"] == "closed") >= 2')" True
within "samples of ended flows" "$(json "$TMP/ended" 'd["rtt_quantiles"]["p50_ns"]')" 39000000 42000000
