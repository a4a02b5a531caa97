#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Real programs over a veth pair: iperf3, nginx with wrk, curl, ssh. Names, volumes, groups and holders are right.
. "$(dirname "$0")/../lib.sh"

netns fl-pa fl-pb || exit 1
ip link add fl-va netns fl-pa type veth peer name fl-vb netns fl-pb || exit 1
ip -n fl-pa addr add 198.51.100.1/24 dev fl-va && ip -n fl-pb addr add 198.51.100.2/24 dev fl-vb
ip -n fl-pa link set fl-va up && ip -n fl-pb link set fl-vb up
a="ip netns exec fl-pa" b="ip netns exec fl-pb"
look="$a $BIN flowlat"

# iperf3: bytes as it counts them itself
background $b iperf3 -s -1 -p 5301 >/dev/null 2>&1
wait_for 5 sh -c "$b ss -Htln | grep -q 5301" || exit 1
background $a iperf3 -c 198.51.100.2 -p 5301 -n 20M -b 200M -J --logfile "$TMP/iperf"
client=$last
sleep 0.4
$look -j proc iperf3 >"$TMP/json"
is "iperf3: its two connections" "$(json "$TMP/json" 'len(d["flows"])')" 2
is "iperf3: it is the process" "$(json "$TMP/json" "{p['pid'] for f in d['flows'] for p in f['procs']} == {$client}")" True
is "iperf3: bytes grow" "$(json "$TMP/json" '0 < max(f["bytes_sent"] for f in d["flows"]) <= 21000000')" True
$look -g proc >"$TMP/text"
has "grouped by process" "$(cat "$TMP/text")" "iperf3\($client\)"
wait "$client"

# nginx with wrk: many connections, several holders of the listening socket
mkdir -p "$TMP/www" && echo hello >"$TMP/www/index.html" && chmod -R a+rX "$TMP"
cat >"$TMP/nginx.conf" <<C
worker_processes 2; pid $TMP/nginx.pid; daemon off; error_log /dev/null;
events { worker_connections 1024; }
http { access_log off; server { listen 198.51.100.2:8088; root $TMP/www; } }
C
background $b nginx -c "$TMP/nginx.conf" -p "$TMP"
wait_for 5 sh -c "$b ss -Htln | grep -q 8088" || not_ok "nginx" "did not start"
background $a wrk -t 1 -c 20 -d 8 http://198.51.100.2:8088/ >"$TMP/wrk" 2>&1
sleep 1
$b "$BIN" flowlat -j proc nginx >"$TMP/json"
is "nginx: 20 connections of wrk" "$(json "$TMP/json" 'len(d["flows"])')" 20
is "nginx: RTT of each" "$(json "$TMP/json" 'all(f["rtt_ns"] for f in d["flows"])')" True
$b "$BIN" flowlat -j --all state listen >"$TMP/json"
is "nginx: a listening socket lists all that hold it" "$(json "$TMP/json" 'sorted(len(f["procs"]) for f in d["flows"] if f["sport"] == 8088)')" "[3]"
$b "$BIN" flowlat -j -i 1 sport 8088 >"$TMP/json"
is "nginx: samples of a loaded server" "$(json "$TMP/json" 'sum(f["samples"] for f in d["flows"] if f["samples"]) > 1000')" True
is "nginx: ambiguous ones are few" "$(json "$TMP/json" 'sum(f["ambiguous"] or 0 for f in d["flows"]) * 5 < sum(f["samples"] or 0 for f in d["flows"])')" True
$b "$BIN" flowlat -j -g peer sport 8088 >"$TMP/json"
is "grouped by peer" "$(json "$TMP/json" '[(g["group"], g["flows"]) for g in d["groups"]]')" "[('198.51.100.1', 20)]"
$b "$BIN" flowlat -j -g prefix --prefix4 16 sport 8088 >"$TMP/json"
is "grouped by prefix" "$(json "$TMP/json" '[(g["group"], g["flows"]) for g in d["groups"]]')" "[('198.51.0.0/16', 20)]"

# curl, held open by a slow reader; ssh where it can be had
yes | head -c 20000000 >"$TMP/www/big"
background $a curl -s --limit-rate 100k -o /dev/null http://198.51.100.2:8088/big
curl=$last
sleep 1
$look -j "proc $curl" >"$TMP/json"
is "curl by process id" "$(json "$TMP/json" '[p["name"] for f in d["flows"] for p in f["procs"]]')" "['curl']"
is "curl: exe" "$(json "$TMP/json" '[p["exe"] for f in d["flows"] for p in f["procs"]]')" "['$(readlink -f "$(command -v curl)")']"
$b "$BIN" flowlat -j sport 8088 and send_q '>' 0 >"$TMP/json"
is "nginx sends to a slow reader: limited by its window" \
	"$(json "$TMP/json" '"rwnd" in [f["limited_by"] for f in d["flows"]]')" True

mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$TMP/key" && cp "$TMP/key.pub" "$TMP/authorized" && chmod 600 "$TMP/authorized"
background $b /usr/sbin/sshd -D -p 2222 -h "$TMP/key" -o "AuthorizedKeysFile $TMP/authorized" -o StrictModes=no -o PidFile=none -o UsePAM=no
wait_for 5 sh -c "$b ss -Htln | grep -q 2222" || not_ok "sshd" "did not start"
background $a ssh -p 2222 -i "$TMP/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes 198.51.100.2 sleep 20 2>/dev/null
wait_for 5 sh -c "$a ss -Htn state established dport = :2222 | grep -q ." || not_ok "ssh" "did not connect"
sleep 0.7
$look dport 2222 >"$TMP/text"
has "ssh is named" "$(cat "$TMP/text")" '198.51.100.2:2222 +ssh\([0-9]+\)'
