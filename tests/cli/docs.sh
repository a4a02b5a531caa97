#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Manual pages and completion say what the program says: every option, every field, every key; completion works in both
# shells.
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 1
list=$("$BIN" --list)

# What is committed is what the scripts make of a program with everything in it.
if grep -q 'is not set' "$O/.config" 2>/dev/null; then
	skip "what is generated is up to date" "this program does not have everything"
else
	exits "scripts/completion" 0 scripts/completion "$BIN" "$TMP/completion"
	for f in fleutan.bash _fleutan; do
		exits "completion/$f is what scripts/completion makes" 0 cmp "completion/$f" "$TMP/completion/$f"
	done
	exits "scripts/man-fields" 0 scripts/man-fields "$BIN" "$TMP/man"
	for f in man/*.1; do
		exits "$f is what scripts/man-fields makes" 0 cmp "$f" "$TMP/$f"
	done
fi
exits "scripts/completion without a program" 2 scripts/completion
exits "scripts/man-fields without a program" 2 scripts/man-fields
exits "scripts/fields without a program" 2 scripts/fields

# Options as --help lists them, and as the manual page's lists and texts have them.
options() {
	"$BIN" "$1" --help | sed -n '/^ *--*[A-Za-z0-9]/s/^ *\(.*\)/\1/p' | sed 's/   *.*//; s/, /\n/; s/ .*//' | sort -u
}
flags() { # of lines that begin with $1
	awk -v head="$1" 'index($0, head) == 1 || (head == "" && /^\./) {
		for (i = 1; i < NF; i++)
			if ($i ~ /^(\.)?(Fl)$/)
				print "-" $(i + 1)
	}' "$2" | sort -u
}
for a in $list; do
	page=man/$a.1
	[ -r "$page" ] || { not_ok "$page" "is not there"; continue; }
	options "$a" >"$TMP/help"
	flags ".It" "$page" >"$TMP/listed"
	flags "" "$page" >"$TMP/mentioned"
	is "$page: every option of --help has its entry" "$(comm -23 "$TMP/help" "$TMP/listed" | tr '\n' ' ')" ""
	is "$page: no other option has one" "$(comm -13 "$TMP/help" "$TMP/listed" | tr '\n' ' ')" ""
	# --lat, --vol and -q of the earlier tool's verb stand in the synopsis.
	is "$page: no other option is mentioned" "$(comm -13 "$TMP/help" "$TMP/mentioned" | grep -v -x -e --lat -e --vol -e -q | tr '\n' ' ')" ""
	has "man/fleutan.1 names $a" "$(cat man/fleutan.1)" "^\.It Xr $a 1\$"
done
"$BIN" --help | grep -o -e ' --[a-z]*' -e '\[-s\]' | tr -d ' []' | sort -u >"$TMP/help"
flags "" man/fleutan.1 >"$TMP/mentioned"
is "man/fleutan.1: every option of the program" "$(comm -23 "$TMP/help" "$TMP/mentioned" | tr '\n' ' ')" ""

# Fields: each applet's on its page, but for those of the first one, to whose page the others refer; and each of --fields with
# one of them (those of packets are flowq's).
first=$(echo "$list" | head -1)
for a in $list; do
	scripts/fields "$BIN" "$a" | cut -f1 | sort >"$TMP/served-$a"
	cp "$TMP/served-$a" "$TMP/own"
	if [ "$a" != "$first" ]; then
		comm -23 "$TMP/served-$a" "$TMP/served-$first" >"$TMP/own"
		has "man/$a.1 refers to $first" "$(cat "man/$a.1")" "^\.Xr $first 1"
	fi
	sed -n '/^\.\\" fields begin/,/^\.\\" fields end/s/^\.It Cm \([^ ]*\).*/\1/p' "man/$a.1" | sort >"$TMP/listed"
	is "man/$a.1: the fields of $a" "$(comm -3 "$TMP/own" "$TMP/listed" | tr '\n' ' ')" ""
	within "  and there were some" "$(wc -l <"$TMP/listed")" 20 200
done
"$BIN" --fields | cut -d' ' -f1 | sort >"$TMP/fields"
is "flowlat counts no packets" "$(grep -x -e bytes -e queue -e sojourn_p50 "$TMP/served-flowlat")" ""
if echo "$list" | grep -q -x flowq; then
	is "every field is some applet's" "$(sort -u "$TMP"/served-* | comm -3 - "$TMP/fields" | tr '\n' ' ')" ""
fi

# Keys of real documents: of one flow at least.
keys='import json,sys
def walk(x):
    if isinstance(x, dict):
        for k in x: print(k); walk(x[k])
    elif isinstance(x, list):
        for y in x: walk(y)
for f in sys.argv[1:]: walk(json.load(open(f)))'
# What pages say of keys: those of fields, and those named in the section of JSON; "a.b" is b in a.
keys_listed() { # PAGE…
	{
		sed -n 's/^\.It Cm [^ ]* Pq Va \(.*\)/\1/p; s/^\.It Cm \([^ ]*\)$/\1/p' "$@"
		for page; do sed -n '/^\.Sh JSON/,/^\.Sh METRICS/s/^\.\(It \)*Va //p' "$page"; done
	} | tr -d ' ' | tr ',.' '\n\n' | sed 's/[:;]$//' | sort -u
}
for args in "" "-g peer" "-i 0.1" "--cols all"; do
	# shellcheck disable=SC2086
	"$BIN" flowlat -j -A $args >"$TMP/doc" 2>/dev/null
	python3 -c "$keys" "$TMP/doc"
done | sort -u >"$TMP/keys"
keys_listed man/flowlat.1 >"$TMP/listed"
is "man/flowlat.1: every key of JSON" "$(comm -23 "$TMP/keys" "$TMP/listed" | tr '\n' ' ')" ""
within "  and there were some" "$(wc -l <"$TMP/keys")" 20 400

# flowq looks at packets that one process sends to itself over loopback meanwhile.
chatter='import socket,time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
s.connect(s.getsockname())
while True:
    s.send(b"x")
    time.sleep(0.01)'
# The keys of devices, queues or qdiscs in a document, as --fields has them.
members='import json,sys
def add(keys, row):
    for k, v in row.items():
        if isinstance(v, dict): keys.update(k + "." + m for m in v)
        elif not isinstance(v, list): keys.add(k)
what, keys = sys.argv[1], set()
for f in sys.argv[2:]:
    for dev in json.load(open(f))["devices"]:
        for row in [dev] if what == "device" else dev[what + "s"]: add(keys, row)
print("\n".join(sorted(keys)))'
flowq_tests() {
	background python3 -c "$chatter"
	for args in "" "-g peer" "-r" "--cols all"; do
		# shellcheck disable=SC2086
		"$BIN" flowq -j -i 0.1 $args >"$TMP/doc${args%% *}" 2>"$TMP/err" ||
			not_ok "flowq -j $args" "$(cat "$TMP/err")"
	done
	python3 -c "$keys" "$TMP"/doc* | sort -u >"$TMP/keys"
	keys_listed man/flowlat.1 man/flowq.1 >"$TMP/listed"
	is "man/flowq.1: every key of JSON" "$(comm -23 "$TMP/keys" "$TMP/listed" | tr '\n' ' ')" ""
	within "  and there were some" "$(wc -l <"$TMP/keys")" 60 400
	for what in device queue qdisc; do
		python3 -c "$members" $what "$TMP"/doc* >"$TMP/keys"
		sed -n "/^\.\\\\\" $what fields begin/,/^\.\\\\\" $what fields end/s/^\.It Va //p" man/flowq.1 | sort >"$TMP/listed"
		# An object of which nothing is known is null: "sojourn".
		is "man/flowq.1: no other key of a $what" "$(comm -23 "$TMP/keys" "$TMP/listed" | grep -v -x -e sojourn -e qdisc | tr '\n' ' ')" ""
		is "man/flowq.1: every key of a $what" "$(comm -13 "$TMP/keys" "$TMP/listed" | grep -v -e '^sojourn\.' -e '^qdisc\.' -e '^netns$' | tr '\n' ' ')" ""
		"$BIN" --fields $what | awk '{ print $2 }' | grep -v -x -e dev -e name | sort >"$TMP/fields"
		is "  and of what --fields $what has" "$(grep -v -x dev "$TMP/listed" | comm -3 "$TMP/fields" -)" ""
	done
	exits "--fields of what has none" 2 "$BIN" --fields nonsense
	exits "--fields: one word too many" 2 "$BIN" --fields queue queue
}
rm -f "$TMP"/doc*
if ! echo "$list" | grep -q -x flowq; then
	skip "keys of flowq" "it is not in this program"
elif [ "$(id -u)" != 0 ]; then
	skip "keys of flowq" "needs root"
else
	flowq_tests
fi

# Their examples are no usage errors. Long and endless ones are shortened.
mkdir "$TMP/bin"
"$BIN" --install -s "$TMP/bin"
ln -s "$BIN" "$TMP/bin/fleutan"
sed -n 's/^\.Dl \$ \(fleutan\|flow[a-z]*\) /\1 /p' man/*.1 | sed 's/ -i [0-9]*/ -i 0.1/; s/ -c 0/ -c 2/; /flowq/{ / -i /!s/$/ -i 0.1/; }' >"$TMP/examples"
within "examples in the manual pages" "$(wc -l <"$TMP/examples")" 8 100
while read -r line; do
	case $(id -u),$line in
	0,* | *,flowlat* | *--lat*) ;;
	*) skip "example: $line" "needs root"; continue ;;
	esac
	PATH=$TMP/bin:$PATH timeout 20 sh -c "$line" >/dev/null 2>"$TMP/err" </dev/null
	within "example: $line" $? 0 0
done <"$TMP/examples"

if command -v mandoc >/dev/null; then
	is "mandoc -T lint finds nothing" "$(mandoc -T lint -W warning man/*.1 2>&1)" ""
else
	skip "mandoc -T lint finds nothing" "mandoc is not installed"
fi
if command -v groff >/dev/null; then
	is "groff finds nothing" "$(groff -mdoc -ww -z -k -Tutf8 man/*.1 2>&1)" ""
else
	skip "groff finds nothing" "groff is not installed"
fi

# What completion offers in filters is understood.
for f in "host 127.0.0.1" "net 10/8" "port 1" "portrange 1-2" ip ip6 "not tcp" "src port 1" "dst host ::1" \
	"rtt gt 1ms or rtt le 1ms" "rtt ge 1ms and rtt lt 1s" "state eq listen" "state ne closed"; do
	exits "filter: $f" 0 "$BIN" flowlat -l -N 1 "$f"
done
scripts/fields "$BIN" flowlat | awk -F'\t' '$3 != "-" { n = split($3, name, " "); for (i = 1; i <= n; i++) print $1, name[i] }' >"$TMP/names"
while read -r f; do
	"$BIN" flowlat -l -N 1 "$f" >/dev/null 2>"$TMP/err" || echo "$f: $(cat "$TMP/err")"
done <"$TMP/names" >"$TMP/wrong"
is "filters know the names that completion offers" "$(cat "$TMP/wrong")" ""
within "  and there were some" "$(wc -l <"$TMP/names")" 20 500

# bash: words as Readline would hand them over (it cuts at = and : ), then what is offered.
offers() { # WORD…: the last one is being completed
	bash -c 'cd "$1" && . "$2" && shift 2 || exit 1
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_fleutan
		printf "%s\n" "${COMPREPLY[@]}"' bash "$TMP" "$top/completion/fleutan.bash" "$@" | sort | tr '\n' ' ' | sed 's/ $//'
}
bash_tests() {
	exits "bash: the file is sound" 0 bash -n completion/fleutan.bash
	for a in $list; do
		has "bash: fleutan offers $a" "$(offers fleutan "")" "(^| )$a( |\$)"
		has "bash: $a is registered" "$(bash -c ". completion/fleutan.bash; complete -p $a" 2>&1)" '_fleutan'
		is "bash: $a -" "$(offers "$a" - | tr ' ' '\n')" "$(options "$a" | sort)"
		is "bash: fleutan $a --sor" "$(offers fleutan "$a" --sor)" "--sort"
		is "bash: $a -g p" "$(offers "$a" -g p)" "peer prefix proc"
	done
	is "bash: fleutan --" "$(offers fleutan --)" "--fields --help --install --list --version"
	is "bash: fleutan flows" "$(offers fleutan flows "")" "--lat --vol -q"
	is "bash: fleutan flows --lat -g pe" "$(offers fleutan flows --lat -g pe)" "peer"
	is "bash: in the old form -t has a value" "$(offers fleutan flows --lat -t "")" ""
	has "bash: in the new one it has none" "$(offers flowlat -t "")" 'dport'
	is "bash: fleutan nonsense" "$(offers fleutan nonsense "")" ""
	is "bash: fleutan --install" "$(offers fleutan --install /usr/bi)" "/usr/bin"
	is "bash: --group=pe" "$(offers flowlat --group = pe)" "peer"
	is "bash: --color=" "$(offers flowlat --color =)" "always auto never"
	is "bash: --procs" "$(offers flowlat --procs "")" "auto bpf no proc"
	is "bash: --scale" "$(offers flowlat --scale "")" "lin log"
	is "bash: --source" "$(offers flowlat --source "")" "auto bpf poll"
	is "bash: letters in one word" "$(offers flowlat -46s min_)" "min_rtt"
	is "bash: a value in the same word" "$(offers flowlat -gpeer lim)" "limited_by"
	is "bash: -s +" "$(offers flowlat -s +min_)" "+min_rtt"
	is "bash: --cols" "$(offers flowlat --cols min_)" "min_rtt"
	is "bash: --cols +a,b" "$(offers flowlat --cols +rtt,min_)" "+rtt,min_rtt"
	is "bash: a path of another folder" "$(offers "$TMP/bin/flowlat" --reco)" "--record"
	is "bash: -o takes files" "$(offers flowlat -o /etc/passw | tr ' ' '\n' | grep -x /etc/passwd)" "/etc/passwd"
	is "bash: --record takes folders" "$(offers flowlat --record /usr/bi)" "/usr/bin"
	is "bash: options end" "$(offers flowlat -- -)" ""
	is "bash: state" "$(offers flowlat -i 5 state es)" "established"
	is "bash: proto =" "$(offers flowlat proto = t)" "tcp"
	is "bash: behind a value" "$(offers flowlat dport 443 "")" "and or"
	is "bash: behind a field" "$(offers flowlat tcp and rtt "")" "and eq ge gt le lt ne or"
	is "bash: behind an address field" "$(offers flowlat dst p)" "port portrange"
	is "bash: behind an operator" "$(offers flowlat rtt '>' "")" ""
	has "bash: behind and" "$(offers flowlat dport 443 and r)" '(^| )rtt( |$)'
	is "bash: a device" "$(offers flowlat dev lo)" "lo"

	if echo "$list" | grep -q -x flowq; then
		is "bash: flowq --source" "$(offers flowq --source "")" "auto filter ring trace"
		is "bash: flowq -g" "$(offers flowq -g c)" "cgroup cpu"
		is "bash: flowq --btf takes files" "$(offers flowq --btf /etc/passw | tr ' ' '\n' | grep -x /etc/passwd)" "/etc/passwd"
		is "bash: flowq --cols" "$(offers flowq --cols sojourn_p9)" "sojourn_p90 sojourn_p99"
		is "bash: what flowlat lacks is not offered" "$(offers flowlat --cols sojourn_p9)" ""
		is "bash: fleutan flows -q --so" "$(offers fleutan flows -q --so)" "--sojourn --sort --source"
	fi

	# Names from outside: offered when they are plain, never expanded.
	cp "$(command -v sleep)" "$TMP/fl-docs-proc"
	cp "$(command -v sleep)" "$TMP/\$(>hurt)"
	background "$TMP/fl-docs-proc" 60
	wait_for 5 grep -qs fl-docs-proc "/proc/$last/comm"
	background "$TMP/\$(>hurt)" 60
	wait_for 5 grep -qs hurt "/proc/$last/comm"
	is "bash: -p takes processes" "$(offers flowlat -p fl-docs)" "fl-docs-proc"
	is "bash: proc takes processes" "$(offers flowlat proc fl-docs)" "fl-docs-proc"
	lacks "bash: a hostile name is not offered" "$(offers flowlat -p "")" 'hurt'
	is "bash: nor run" "$(ls "$TMP/hurt" 2>/dev/null)" ""
	if [ "$(id -u)" = 0 ] && netns fl-docs 2>/dev/null; then
		is "bash: --netns" "$(offers flowlat --netns fl-do)" "fl-docs"
	else
		skip "bash: --netns" "needs root"
	fi
	is "bash: --netns all" "$(offers flowlat --netns al)" "all"
}
if command -v bash >/dev/null; then bash_tests; else skip "completion for bash" "bash is not installed"; fi

# zsh: a real one on a terminal; a key shows what its line has become.
cat >"$TMP/drive.zsh" <<'EOF'
zmodload zsh/zpty zsh/zselect
out=$1/line dir=$2
zpty z zsh -f -i
zpty -w z "PS1= PS2=; fpath=($dir \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w z "show() { print -r -- \"\$BUFFER\" >$out.new; mv $out.new $out; BUFFER= }; zle -N show; bindkey '^P' show; print rea''dy"
zpty -r -m z greeting '*ready*'
while IFS= read -r line; do
	rm -f $out
	zpty -n -w z "$line"$'\t\C-p'
	for ((i = 0; i < 250; i++)); do
		[[ -e $out ]] && break
		zpty -r -t z rest
		zselect -t 2
	done
	[[ -e $out ]] && print -r -- "$(<$out)" || print "(no answer)"
done
zpty -d z
EOF
completes() { # LINE WANTED pairs
	for pair; do echo "${pair%%=>*}" | sed 's/ $//'; done >"$TMP/lines"
	timeout 60 zsh -f "$TMP/drive.zsh" "$TMP" "$top/completion" <"$TMP/lines" >"$TMP/answers"
	n=0
	for pair; do
		n=$((n + 1))
		is "zsh: ${pair%% =>*}" "$(sed -n "${n}s/ *\$//p" "$TMP/answers")" "${pair#*=> }"
	done
}
if command -v zsh >/dev/null; then
	exits "zsh: the file is sound" 0 zsh -n completion/_fleutan
	completes \
		"flowlat state est => flowlat state established" \
		"fleutan flowl => fleutan flowlat" \
		"fleutan --ins => fleutan --install" \
		"fleutan flows --v => fleutan flows --vol" \
		"fleutan flows --lat -g pee => fleutan flows --lat -g peer" \
		"fleutan flowlat --resol => fleutan flowlat --resolve" \
		"flowlat --group=pee => flowlat --group=peer" \
		"flowlat -4g pee => flowlat -4g peer" \
		"flowlat --color nev => flowlat --color never" \
		"flowlat -s +rtt_p5 => flowlat -s +rtt_p50" \
		"flowlat --cols +rtt,min_ => flowlat --cols +rtt,min_rtt," \
		"flowlat -o $TMP/fl-docs-p => flowlat -o $TMP/fl-docs-proc" \
		"flowlat --netns al => flowlat --netns all" \
		"flowlat -i 5 dport 443 an => flowlat -i 5 dport 443 and" \
		"flowlat rtt gt 20ms and not que => flowlat rtt gt 20ms and not queueing" \
		"flowlat src portr => flowlat src portrange" \
		"flowlat proto = tc => flowlat proto = tcp" \
		"flowlat -p fl-doc => flowlat -p fl-docs-proc"
	if echo "$list" | grep -q -x flowq; then
		completes \
			"flowq --source fil => flowq --source filter" \
			"flowq -s +sojourn_m => flowq -s +sojourn_max" \
			"flowlat -s +sojourn_m => flowlat -s +sojourn_m" \
			"flowq dir t => flowq dir tx" \
			"fleutan flows -q --drop => fleutan flows -q --drops"
	fi
else
	skip "completion for zsh" "zsh is not installed"
fi
