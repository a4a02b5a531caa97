#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Names, verbs, links, help: everything that is the same for all applets.
. "$(dirname "$0")/../lib.sh"

exits "--list" 0 "$BIN" --list
list=$(cat "$TMP/out")
has "--list names flowlat" "$list" '^flowlat$'
exits "--version" 0 "$BIN" --version
has "--version" "$(cat "$TMP/out")" '^fleutan [0-9]'
exits "--help" 0 "$BIN" --help
has "--help names every applet" "$(cat "$TMP/out")" 'flowlat +round-trip'
exits "no word: help" 0 "$BIN"
exits "unknown applet" 2 "$BIN" flowfoo
is "  one line" "$(wc -l <"$TMP/err")" 1
has "  names the word" "$(cat "$TMP/err")" "'flowfoo'"
exits "unknown option of the program" 2 "$BIN" --foo
has "  names the word" "$(cat "$TMP/err")" "'--foo'"
ln -s "$BIN" "$TMP/flowfoo"
exits "a link to an applet that is not there" 2 "$TMP/flowfoo"
ln -s "$BIN" "$TMP/anything"
exits "a link of another name is the program itself" 0 "$TMP/anything" --list

for a in $list; do
	exits "$a --help" 0 "$BIN" "$a" --help
	has "$a --help: usage first" "$(head -1 "$TMP/out")" "^Usage: $a "
	is "$a --help: nothing on stderr" "$(cat "$TMP/err")" ""
	ln -s "$BIN" "$TMP/$a"
	exits "$a by its link" 0 "$TMP/$a" --help
	exits "$a: unknown option" 2 "$BIN" "$a" --no-such-option
	is "  one line" "$(wc -l <"$TMP/err")" 1
	has "  names it" "$(cat "$TMP/err")" "'--no-such-option'"
	exits "$a: unknown letter" 2 "$BIN" "$a" -Z
	exits "$a: -j with several samples" 2 "$BIN" "$a" -j -i 1 -c 2
	exits "$a: bad interval" 2 "$BIN" "$a" -i soon
	has "  says what was expected" "$(cat "$TMP/err")" "'soon'.*expected"
	exits "$a: bad group" 2 "$BIN" "$a" -g nonsense
	exits "$a: bad sort field" 2 "$BIN" "$a" -s nonsense
	has "  names it" "$(cat "$TMP/err")" "'nonsense'"
	exits "$a: bad filter" 2 "$BIN" "$a" rrt '>' 20ms
	has "  names the word" "$(cat "$TMP/err")" "'rrt'"
	is "  one line" "$(wc -l <"$TMP/err")" 1
	exits "$a: filter with a wrong unit" 2 "$BIN" "$a" rtt '>' 20apples
	if [ "$a" = flowq ] && [ "$(id -u)" != 0 ]; then
		skip "$a: -4 -6 -t -u are understood" "counting packets needs root"
	else
		exits "$a: -4 -6 -t -u are understood" 0 "$BIN" "$a" -46tu -j -i 0.1
	fi
done

# What only another applet counts is refused wherever it is named.
for args in "--cols rtt,bytes" "-s bytes" "bytes gt 5" "--cols +sojourn.p50_ns" "-l dir rx or drops gt 1"; do
	# shellcheck disable=SC2086
	exits "flowlat $args" 2 "$BIN" flowlat $args
	has "  says who has it" "$(cat "$TMP/err")" "'(bytes|sojourn_p50|dir)' is counted by flowq"
	is "  one line" "$(wc -l <"$TMP/err")" 1
done
lacks "flowlat --cols all leaves it out" "$("$BIN" flowlat --cols all -N 1 | head -1)" "SOJ50|REASON|OFFL"

mkdir "$TMP/bin"
exits "--install -s" 0 "$BIN" --install -s "$TMP/bin"
is "  symlinks" "$(readlink "$TMP/bin/flowlat")" "$(readlink -f "$BIN")"
exits "  they work" 0 "$TMP/bin/flowlat" --help
exits "--install" 0 "$BIN" --install "$TMP/bin"
is "  hard links" "$(stat -c %i "$TMP/bin/flowlat")" "$(stat -L -c %i "$BIN")"
exits "--install to nowhere" 1 "$BIN" --install "$TMP/no/where"
exits "--install with too much" 2 "$BIN" --install a b
exits "make install CONFIG_PREFIX=" 0 make -s -C "$top" O="$O" install CONFIG_PREFIX="$TMP/prefix"
exits "  an applet of it" 0 "$TMP/prefix/bin/flowlat" --help

# The seed's verbs lead to the same code.
exits "fleutan flows --lat" 0 "$BIN" flows --lat
exits "fleutan flows --vol" 0 "$BIN" flows --vol
exits "fleutan flows --lat -t 10,50,100 -g peer" 0 "$BIN" flows --lat -t 10,50,100 -g peer
exits "fleutan flows --lat --thresh 1,2,3 --group proc" 0 "$BIN" flows --lat --thresh 1,2,3 --group proc
exits "fleutan flows --lat -t nonsense" 2 "$BIN" flows --lat -t nonsense
if ! echo "$list" | grep -q -x flowq; then
	exits "fleutan flows -q, which is not in this program" 2 "$BIN" flows -q
elif [ "$(id -u)" != 0 ]; then
	skip "fleutan flows -q" "counting packets needs root"
else
	exits "fleutan flows -q -i 0.1" 0 "$BIN" flows -q -i 0.1
	has "  is flowq" "$(head -1 "$TMP/out")" 'flows?; out '
	exits "fleutan flows -i 0.1 -q: in any order" 0 "$BIN" flows -i 0.1 -q
fi
exits "fleutan flows without a view" 2 "$BIN" flows
has "  says what was expected" "$(cat "$TMP/err")" '--lat'
exits "fleutan flows --nonsense" 2 "$BIN" flows --nonsense

exits "output to a full device" 1 sh -c "'$BIN' --list >/dev/full"
exits "-o a folder that is not there" 1 "$BIN" flowlat -j -o "$TMP/no/file"
exits "-o FILE" 0 "$BIN" flowlat -j -o "$TMP/file"
exits "  is JSON" 0 python3 -m json.tool "$TMP/file"
is "  and nothing else is left" "$(ls "$TMP" | grep -c tmp)" 0
