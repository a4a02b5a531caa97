# SPDX-License-Identifier: GPL-2.0-or-later
# What every test script uses: results are lines `ok NAME`, `not ok NAME: why`, `skip NAME: why`, which tests/run counts.
# A script gets BIN (the program under test), O (its build folder) and TMP (a folder of its own, removed afterwards).

set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
O=${O:-$top/build}
BIN=${BIN:-$O/fleutan}
TMP=${TMP:-$(mktemp -d)}
pids=""
spaces=""

cleanup() {
	status=$?
	for p in $pids; do kill "$p" 2>/dev/null; done
	for p in $pids; do wait "$p" 2>/dev/null; done
	for space in $spaces; do ip netns del "$space" 2>/dev/null; done
	exit $status
}
trap cleanup EXIT
trap 'exit 1' INT TERM

ok() { echo "ok $1"; }
not_ok() { echo "not ok $1: ${2:-}"; }
skip() { echo "skip $1: $2"; }

# is NAME GOT WANTED
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', expected '$3'"; fi; }
# has NAME TEXT PATTERN: an extended regular expression somewhere in it
has() { if printf '%s\n' "$2" | grep -Eq -- "$3"; then ok "$1"; else not_ok "$1" "no /$3/ in: $(printf '%s' "$2" | head -c 600)"; fi; }
# lacks NAME TEXT PATTERN
lacks() { if printf '%s\n' "$2" | grep -Eq -- "$3"; then not_ok "$1" "/$3/ in: $(printf '%s' "$2" | head -c 600)"; else ok "$1"; fi; }
# within NAME VALUE LOW HIGH (integers)
within() {
	if [ -n "$2" ] && [ "$2" -ge "$3" ] 2>/dev/null && [ "$2" -le "$4" ]; then ok "$1"; else not_ok "$1" "'$2' is not within $3 .. $4"; fi
}
# exits NAME STATUS COMMAND…: its output is left in $TMP/out and $TMP/err
exits() {
	name=$1 want=$2
	shift 2
	"$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	got=$?
	if [ $got = "$want" ]; then ok "$name"; else not_ok "$name" "exit $got, expected $want: $(head -c 300 "$TMP/err")"; fi
}

# background COMMAND…: its process id in $last; ended with the script
background() {
	"$@" &
	last=$!
	pids="$pids $last"
}

# wait_for SECONDS COMMAND…: until it succeeds
wait_for() {
	tries=$(($1 * 20))
	shift
	while ! "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}

# netns NAME…: made now, removed with the script; lo is up
netns() {
	for space; do
		ip netns add "$space" && spaces="$spaces $space" && ip -n "$space" link set lo up || return 1
	done
}

# tool NAME: the test tool tests/net/NAME.c, built on demand
tool() {
	mkdir -p "$O/tools"
	[ "$O/tools/$1" -nt "$top/tests/net/$1.c" ] || ${HOSTCC:-cc} -O2 -Wall -Wextra -D_GNU_SOURCE -pthread -o "$O/tools/$1" "$top/tests/net/$1.c" || return 1
	echo "$O/tools/$1"
}

# json FILE EXPRESSION: python over the parsed document d
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"; }
