#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Recorded situations (tests/replay/NAME, made by tests/replay/record) against golden outputs, byte for byte. UPDATE=1 writes
# the golden outputs anew: look at them before they are committed.
. "$(dirname "$0")/../lib.sh"
cd "$top/tests/replay" || exit 1
command -v python3 >/dev/null || { skip "replays" "python3 is not installed"; exit 0; }
if [ "$(python3 -c 'import sys; print(sys.byteorder)')" != little ]; then
	skip "replays" "recordings are little-endian, this machine is not"
	exit 0
fi
tapes="basic listen hostile interval poll udp iter queues"
unset FLEUTAN_RECORD FLEUTAN_REPLAY NO_COLOR
mkdir -p golden

# The same situations as another kernel or an accident would have left them: tcp_info as 5.10 has it (232 bytes), as 3.10 had
# it (104), and as one may have it some day; a list of sockets that changed while it was read, once or again and again.
./tape.py info basic "$TMP/oldkernel" 232
./tape.py info basic "$TMP/ancient" 104
./tape.py info basic "$TMP/newkernel" 400
./tape.py intr basic "$TMP/intr" 1
./tape.py intr basic "$TMP/intr-always" 9
for t in $tapes; do ln -s "$top/tests/replay/$t" "$TMP/$t"; done

# What a tape was recorded with and has to be replayed with.
args() {
	case $1 in
	interval) echo "-i 1" ;;
	poll) echo "-i 0.3" ;;
	udp) echo "-u" ;;
	iter) echo "--procs bpf" ;;
	queues) echo "-r --sojourn --drops" ;;
	listen) echo "-A" ;;
	esac
}

# Which applet a tape was recorded with.
applet() { case $1 in queues) echo flowq ;; *) echo flowlat ;; esac }

# golden FILE STATUS TAPE ARGUMENTS…: what is shown, what is said on stderr, and the exit status
golden() {
	file=$1 want=$2 tape=$3
	shift 3
	"$BIN" "$(applet "$tape")" --replay "$TMP/$tape" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	got=$?
	{
		sed 's/"fleutan": *"[^"]*"/"fleutan":"VERSION"/; s/^\(fleutan_info{version="\)[^"]*/\1VERSION/' "$TMP/out"
		[ ! -s "$TMP/err" ] || { echo "--- stderr"; cat "$TMP/err"; }
		[ $got = 0 ] || echo "--- status $got"
	} >"$TMP/new"
	[ -z "${UPDATE:-}" ] || cp "$TMP/new" "golden/$file"
	if [ $got != "$want" ]; then
		not_ok "$file" "exit $got, expected $want: $(head -c 300 "$TMP/err")"
	elif cmp -s "golden/$file" "$TMP/new"; then
		ok "$file"
	else
		not_ok "$file" "differs from tests/replay/golden/$file"
		diff -u "golden/$file" "$TMP/new" | cat -v | head -40
	fi
}
utf8() { LC_ALL=C.UTF-8 TERM=xterm golden "$@"; }
ascii() { LC_ALL=C TERM=vt100 golden "$@"; }

for t in $tapes oldkernel; do
	metrics=
	case $t in interval | poll) metrics="-g peer" ;; esac
	# shellcheck disable=SC2046,SC2086
	{
		COLUMNS=80 utf8 "$t.80.utf8" 0 "$t" $(args "$t")
		COLUMNS=200 utf8 "$t.200.utf8" 0 "$t" $(args "$t")
		COLUMNS=80 ascii "$t.80.ascii" 0 "$t" $(args "$t")
		COLUMNS=200 ascii "$t.200.ascii" 0 "$t" $(args "$t")
		COLUMNS=80 utf8 "$t.long" 0 "$t" $(args "$t") -l
		COLUMNS=80 utf8 "$t.json" 0 "$t" $(args "$t") -j
		COLUMNS=80 utf8 "$t.metrics" 0 "$t" $(args "$t") --metrics $metrics
	}
done

# Forms of output that do not depend on the situation.
export COLUMNS=100
utf8 basic.jsonl 0 basic -J
utf8 basic.cols 0 basic --cols rtt,min_rtt,queueing,dst,dport,procs
utf8 basic.cols-plus 0 basic --cols +cwnd,mss,retrans,limited_by -s +dport
utf8 iter.cols 0 iter --procs bpf --cols sport,dport,snd_una,snd_nxt,rcv_nxt,procs -s sport
utf8 iter.cols.json 0 iter --procs bpf -j --cols +snd_una,snd_nxt,rcv_nxt
for g in proc peer prefix cgroup; do
	# Where there is only the first version of control groups nobody can tell.
	status=0
	[ $g != cgroup ] || status=3
	utf8 "basic.group-$g" $status basic -g $g
	utf8 "basic.group-$g.json" $status basic -g $g -j
	utf8 "basic.group-$g.metrics" $status basic -g $g --metrics
done
for g in cpu dev queue; do utf8 "iter.group-$g" 0 iter --procs bpf -g $g; done
utf8 iter.group-cpu.json 0 iter --procs bpf -g cpu -j
ascii basic.group-proc.ascii 0 basic -g proc
utf8 basic.vol 0 basic --vol
ascii basic.vol.ascii 0 basic --vol
utf8 basic.bins-lin 0 basic --bins 5 --scale lin
utf8 basic.bins-lin.json 0 basic --bins 5 --scale lin -j
utf8 basic.bins-1 0 basic --bins 1
utf8 basic.bins-64 0 basic --bins 64
utf8 basic.thresh-color 0 basic --thresh 3us,10us,20us --color=always
ascii basic.thresh-ascii 0 basic --thresh 3us,10us,20us
utf8 basic.group-color 0 basic -g peer --color=always
utf8 hostile.color 0 hostile --color=always
utf8 listen.group-proc 0 listen -A -g proc
utf8 basic.filter 0 basic rtt '>' 2us and dport 5002
utf8 basic.filter-none 0 basic dst 203.0.113.9
utf8 basic.filter-none.json 0 basic -j dst 203.0.113.9
utf8 basic.rows 0 basic -N 2 -s +sport
utf8 interval.cols 0 interval -i 1 --cols dst,dport,samples,ambiguous,rtt_p50,rtt_p99,rtt_max
for w in 20 40 60; do COLUMNS=$w utf8 basic.$w.utf8 0 basic; done
utf8 newkernel.json 0 newkernel -j
utf8 ancient.json 0 ancient -j
utf8 ancient.cols 3 ancient --cols +delivery_rate,bytes_sent
# What is printed as it comes cannot be taken back: that list is not whole.
utf8 intr.100 0 intr
utf8 intr.json 3 intr -j
utf8 intr-always.100 3 intr-always
utf8 intr-always.json 3 intr-always -j
for g in peer proc dev queue; do utf8 "queues.group-$g" 0 queues -r -g $g; done
utf8 queues.tx 0 queues
ascii queues.jsonl 0 queues -r -J
utf8 queues.filter 0 queues -r dport 7001
utf8 queues.cols 0 queues -r --cols dev,dir,queue,packets,bytes,rate,sojourn_p99,drops,procs
utf8 queues.rows 0 queues -N 1 -s packets
is "a newer kernel's tcp_info changes nothing" "$(cat golden/newkernel.json)" "$(cat golden/basic.json)"

# Nothing in any output is raw: no control character but line feeds (and colours where asked for), and JSON is JSON.
for f in golden/*; do
	case $f in *color*) continue ;; esac
	LC_ALL=C tr -d '\n\040-\176\200-\377' <"$f" | grep -q . && echo "$f"
done >"$TMP/raw"
is "no control characters" "$(cat "$TMP/raw")" ""
for f in golden/*.json golden/*.jsonl; do
	grep -v -e '^--- ' -e '^flow[a-z]*: ' "$f" | python3 -m json.tool >/dev/null 2>&1 || echo "$f"
done >"$TMP/bad"
is "JSON is JSON" "$(cat "$TMP/bad")" ""
for f in golden/*.80.utf8 golden/*.80.ascii golden/*.200.utf8; do
	n=${f%.*} n=${n##*.}
	sed '/^--- stderr/,$d' "$f" | python3 -c 'import sys
for l in sys.stdin.buffer.read().decode().splitlines():
	if len(l) > int(sys.argv[1]): print(sys.argv[2], len(l))' "$n" "$f"
done >"$TMP/wide"
is "no line is wider than the screen" "$(cat "$TMP/wide")" ""
is "ASCII is ASCII" "$(LC_ALL=C grep -lP '[\x80-\xff]' golden/*ascii)" ""

# A replay asks nothing of this kernel. ("/proc/self/…" of the program's own memory use is not asked for without -v either.)
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	for t in $tapes; do
		sampled=
		case $t in interval | poll) sampled="-i 1" ;; udp) sampled=-u ;; esac
		# shellcheck disable=SC2086
		strace -f -o "$TMP/trace" "$BIN" "$(applet "$t")" --replay "$t" $(args "$t") -g peer >/dev/null 2>&1
		is "replay of $t: no socket, no bpf(2)" "$(grep -cE '\b(socket|bpf|perf_event_open|setns)\(' "$TMP/trace")" 0
		is "replay of $t: no /proc, no /sys" "$(grep -E 'open.*"/(proc|sys)/' "$TMP/trace")" ""
	done
else
	skip "a replay asks nothing of this kernel" "strace is not installed or cannot trace"
fi
# Twice the same: a recording of a replay is refused, and what was recorded now can be replayed now.
exits "--record and --replay together" 2 "$BIN" flowlat --record "$TMP/r" --replay basic
exits "--record" 0 "$BIN" flowlat -j -N 5 --record "$TMP/fresh" dst 127.0.0.1
cp "$TMP/out" "$TMP/live"
exits "  and replayed" 0 "$BIN" flowlat -j -N 5 --replay "$TMP/fresh" dst 127.0.0.1
json "$TMP/live" '[d["flows"], d["rtt_quantiles"], d["time_ms"]]' >"$TMP/a"
json "$TMP/out" '[d["flows"], d["rtt_quantiles"], d["time_ms"]]' >"$TMP/b"
is "  is the same answer" "$(cat "$TMP/b")" "$(cat "$TMP/a")"
exits "--record into a folder with something in it" 1 "$BIN" flowlat --record "$TMP/fresh"
has "  says so" "$(cat "$TMP/err")" 'not empty'
exits "--record where no folder can be" 2 "$BIN" flowlat --record "$TMP/no/where"
exits "--replay of what is no recording" 2 "$BIN" flowlat --replay "$TMP"
has "  says so" "$(cat "$TMP/err")" 'no recording'
exits "--replay of nothing" 2 "$BIN" flowlat --replay "$TMP/no/where"
exits "FLEUTAN_REPLAY" 0 env FLEUTAN_REPLAY=basic "$BIN" flowlat -j
is "  is as --replay" "$(json "$TMP/out" 'len(d["flows"])')" "$(grep -o '"proto"' golden/basic.json | wc -l)"
exits "a recording that did not fit is not called whole" 1 sh -c "trap '' XFSZ; ulimit -f 0; '$BIN' flowlat -j --record '$TMP/cut'"

# Broken recordings: answered, or refused, under the sanitizers.
san=${O%-san}-san
if ! make -s -j2 -C "$top" SAN=1 LINK= O="$san" all >"$TMP/log" 2>&1; then
	not_ok "SAN=1 builds" "$(tail -3 "$TMP/log")"
	exit 1
fi
n=0 bad=0
while [ $n -lt 70 ]; do
	set -- $tapes
	shift $((n % $#))
	t=$1
	# shellcheck disable=SC2046
	set -- $(args "$t") --cols all
	case $t in interval | poll) set -- "$@" -l ;; esac
	[ $((n / 7 % 2)) = 0 ] || set -- "$@" -j
	rm -rf "$TMP/mutant"
	./tape.py mutate "$t" "$TMP/mutant" $n
	timeout -k 2 20 "$san/fleutan" "$(applet "$t")" --replay "$TMP/mutant" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	status=$?
	if [ $status -gt 3 ] || grep -qE 'Sanitizer|runtime error' "$TMP/err"; then
		bad=$((bad + 1))
		echo "# mutant $n of $t: $(applet "$t") $*: exit $status: $(grep -aE 'ERROR|runtime error|SUMMARY|#[0-5] ' "$TMP/err" | head -8)"
		mkdir -p "$san/mutants" && rm -rf "$san/mutants/$n" && cp -r "$TMP/mutant" "$san/mutants/$n"
	fi
	n=$((n + 1))
done
is "$n broken recordings: none crashes" $bad 0
# A message of nearly 4 GB, as a signed length: a step backwards.
cp -r basic "$TMP/back"
printf '\370\377\377\377' | dd of="$TMP/back/stream,sock_diag-tcp,0" bs=1 seek=460 conv=notrunc 2>/dev/null
timeout -s KILL 10 "$san/fleutan" flowlat --replay "$TMP/back" >/dev/null 2>"$TMP/err"
within "a message longer than all memory: its end is found" $? 0 3
exits "a whole one under the sanitizers" 0 "$san/fleutan" flowlat --replay basic -l
