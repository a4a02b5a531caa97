# SPDX-License-Identifier: GPL-2.0-or-later
# Completion for bash, made by scripts/completion from what the program says of itself.

# The options of an applet, with what stands for their value in its help; fields that it lacks.
_fleutan_options()
{
	case $1 in
	flowlat)
		opts="-4 -6 -t --tcp -u --udp --raw -A --all -p=PID|NAME --process=PID|NAME --netns=all|NAME|PID -i=SECS
		--interval=SECS -c=N --count=N -w --watch -g=none|peer|prefix|proc|cgroup|cpu|dev|queue
		--group=none|peer|prefix|proc|cgroup|cpu|dev|queue --prefix4=BITS --prefix6=BITS -s=FIELD
		--sort=FIELD -N=N --rows=N --cols=LIST -l --long --procs=auto|bpf|proc|no --args -R --resolve -n
		--numeric -a --ascii --color=auto|always|never -j --json -J --jsonl --metrics -o=FILE --output=FILE
		-v --verbose --record=DIR --replay=DIR -h --help --bins=N --scale=log|lin --thresh=A,B,C --vol
		--source=auto|bpf|poll"
		lacks="dir queue cpu vlan bytes packets rate drops drop_reason sojourn_p50 sojourn_p90 sojourn_p99
		sojourn_max sojourn_packets in_dev out_dev offloaded orig_src orig_sport orig_dst orig_dport
		reply_src reply_sport reply_dst reply_dport" ;;
	flowq)
		opts="-4 -6 -t --tcp -u --udp --raw -A --all -p=PID|NAME --process=PID|NAME --netns=all|NAME|PID -i=SECS
		--interval=SECS -c=N --count=N -w --watch -g=none|peer|prefix|proc|cgroup|cpu|dev|queue
		--group=none|peer|prefix|proc|cgroup|cpu|dev|queue --prefix4=BITS --prefix6=BITS -s=FIELD
		--sort=FIELD -N=N --rows=N --cols=LIST -l --long --procs=auto|bpf|proc|no --args -R --resolve -n
		--numeric -a --ascii --color=auto|always|never -j --json -J --jsonl --metrics -o=FILE --output=FILE
		-v --verbose --record=DIR --replay=DIR -h --help -r --rx --sojourn --drops --inner
		--source=auto|trace|filter|ring --btf=FILE --entries=N"
		lacks="" ;;
	*) return 1 ;;
	esac
}

# The views of a verb of the seed, each with the applet that it leads to.
_fleutan_views()
{
	case $1 in
	flows) views="--lat=flowlat --vol=flowlat -q=flowq" ;;
	*) return 1 ;;
	esac
}

# The names that a field can have.
_fleutan_names()
{
	case $1 in
	proto) names="other tcp udp raw icmp sctp gre esp ipip igmp" ;;
	state) names="unknown established syn-sent syn-recv fin-wait-1 fin-wait-2 time-wait closed close-wait last-ack listen closing new-syn-recv" ;;
	ca_state) names="open disorder cwr recovery loss" ;;
	limited_by) names="none app cwnd rwnd sndbuf" ;;
	timer) names="off on keepalive timewait persist unknown" ;;
	dir) names="rx tx" ;;
	*) names= ;;
	esac
}

_fleutan_field_words="netns proto src sport dst dport dst_name dev state forwarded proc group flows uid inode cookie mark
	cgroup rtt min_rtt rttvar queueing rcv_rtt samples ambiguous rtt_p50 rtt_p90 rtt_p99 rtt_max retrans
	retrans_now lost sacked unacked fackets reordering reord_seen dsack_dups rcv_ooopack retransmits
	probes backoff ca_state rto ato total_rto rto_recoveries total_rto_time cong cwnd ssthresh mss pmtu
	rcv_mss advmss pacing_rate max_pacing_rate delivery_rate app_limited send_rate bdp cwnd_bytes
	limited_by busy rwnd_limited sndbuf_limited snd_wnd rcv_wnd rcv_space rcv_ssthresh snd_wscale
	rcv_wscale bytes_sent bytes_retrans bytes_acked bytes_received segs_out segs_in data_segs_out
	data_segs_in delivered delivered_ce notsent recv_q send_q accept_queue backlog last_snd last_rcv
	last_ack ts sack wscale ecn ecnseen fastopen rehash received_ce timer timer_expires rmem rcvbuf wmem
	sndbuf sk_drops rx_cpu rx_queue snd_una snd_nxt rcv_nxt dir queue cpu vlan bytes packets rate drops
	drop_reason sojourn_p50 sojourn_p90 sojourn_p99 sojourn_max sojourn_packets in_dev out_dev offloaded
	orig_src orig_sport orig_dst orig_dport reply_src reply_sport reply_dst reply_dport"

# What may follow these words of a filter: `want` is term, next (an operator, a value, or the end of the term), value or
# join; `field` is what a value is compared with, `operators` what may stand behind it.
_fleutan_filter_state()
{
	local word
	want=term field=
	for word in "$@"; do
		word=${word//[\'\"\\]/}
		case $word in
		and|or|not|'&'*|'|'*|'!'|'(') want=term field=; continue ;;
		')') want=join; continue ;;
		eq|ne|neq|lt|le|leq|gt|ge|geq|'='|'=='|'!='|'<'*|'>'*) [ "$want" = next ] && want=value; continue ;;
		esac
		case $want in
		value) want=join ;;
		next)
			case $field,$word in
			src,host|src,net|src,port|src,portrange|dst,host|dst,net|dst,port|dst,portrange) want=value field= ;;
			*) want=join ;;
			esac ;;
		*)
			case $word in
			host|net|port|portrange) want=value field= ;;
			*) case " $_fleutan_field_words " in
				*[[:space:]]"$word"[[:space:]]*) want=next field=$word ;;
				*) want=join field= ;;
				esac ;;
			esac ;;
		esac
	done
	case $field in
	src|dst|dev|proc|proto|state|ca_state|limited_by|timer|dir) operators=(eq ne and or) ;;
	*) operators=(eq ne gt ge lt le and or) ;;
	esac
}

# Adds the words that begin with $cur, behind $before. They may come from outside: nothing may expand them, as compgen -W
# would, and what the shell would read in another way is left out.
_fleutan_add()
{
	local word
	for word; do
		[[ $word == "$cur"* && $word != *[!A-Za-z0-9_.,@%/+-]* ]] && COMPREPLY+=("$before$word")
	done
}

_fleutan_add_fields()
{
	local word
	for word in $_fleutan_field_words; do
		[[ $lacks == *"$word"* && " "$lacks" " == *[[:space:]]"$word"[[:space:]]* ]] || _fleutan_add "$word"
	done
}

_fleutan_add_processes()
{
	local file name
	local -A seen
	for file in /proc/[0-9]*/comm; do
		{ IFS= read -r name <"$file"; } 2>/dev/null
		[[ ! $name || ${seen[$name]} ]] || _fleutan_add "$name"
		[[ ! $name ]] || seen[$name]=1
	done
}

# The value of an option, by what stands for it in the help.
_fleutan_value()
{
	local file words before=
	case $1 in
	FILE) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	DIR) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	FIELD)
		[[ $cur == +* ]] && before=+ cur=${cur:1} || _fleutan_add none
		_fleutan_add_fields ;;
	LIST)
		compopt -o nospace 2>/dev/null
		[[ $cur == *,* ]] || _fleutan_add all
		[[ $cur == +* ]] && before=+ cur=${cur:1}
		[[ $cur == *,* ]] && before=$before${cur%,*}, cur=${cur##*,}
		_fleutan_add_fields ;;
	'PID|NAME') _fleutan_add_processes ;;
	'all|NAME|PID')
		_fleutan_add all
		for file in /run/netns/*; do
			[[ -e $file ]] && _fleutan_add "${file##*/}"
		done ;;
	*[A-Z]*) ;;
	*) IFS='|' read -ra words <<<"$1"; _fleutan_add "${words[@]}" ;;
	esac
}

# What the option's value is, in `arg`; of letters in one word the last one's, and empty when the word holds the value too.
_fleutan_takes()
{
	local word=$1 option i
	arg=
	[[ $seed && $word == -t ]] && word=--thresh
	if [[ $word == --* ]]; then
		for option in $opts; do
			[[ $option == "$word="* ]] && arg=${option#*=}
		done
		return
	fi
	for ((i = 1; i < ${#word}; i++)); do
		for option in $opts; do
			[[ $option == "-${word:i:1}="* ]] || continue
			((i < ${#word} - 1)) || arg=${option#*=}
			return
		done
	done
}

_fleutan_filter()
{
	local want field operators names file before=
	_fleutan_filter_state "$@"
	case $want in
	term)
		_fleutan_add host net port portrange ip ip6 not other tcp udp raw icmp sctp gre esp ipip igmp
		_fleutan_add_fields ;;
	next|value)
		_fleutan_names "$field"
		_fleutan_add $names
		case $field in
		proc) _fleutan_add_processes ;;
		dev) for file in /sys/class/net/*; do _fleutan_add "${file##*/}"; done ;;
		src|dst) [[ $want == next ]] && _fleutan_add host net port portrange ;;
		esac
		[[ $want == next ]] && _fleutan_add "${operators[@]}" ;;
	join) _fleutan_add and or ;;
	esac
}

# The words behind an applet's name, or behind a verb of the seed; $1 is where they begin.
_fleutan_applet()
{
	local word arg= only_filter= i
	local -a filter=()
	for ((i = $1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $arg ]]; then
			[[ $word == = ]] || arg=
		elif [[ $only_filter || $word != -?* ]]; then
			filter+=("$word")
		elif [[ $word == -- ]]; then
			only_filter=1
		else
			_fleutan_takes "$word"
		fi
	done
	[[ $arg && $cur == = ]] && cur=
	if [[ $arg ]]; then
		_fleutan_value "$arg"
	elif [[ $cur == -* && ! $only_filter ]]; then
		for word in $opts; do
			_fleutan_add "${word%%=*}"
		done
	else
		_fleutan_filter "${filter[@]}"
	fi
}

_fleutan()
{
	local cur=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]} before= opts lacks views view i seed=
	COMPREPLY=()
	if _fleutan_options "${COMP_WORDS[0]##*/}"; then
		_fleutan_applet 1
	elif ((COMP_CWORD == 1)); then
		_fleutan_add flowlat flowq flows --list --fields --version --install --help
	elif [[ $first == --install ]]; then
		[[ $cur == -* ]] && _fleutan_add -s || _fleutan_value DIR
	elif _fleutan_options "$first"; then
		_fleutan_applet 2
	elif _fleutan_views "$first"; then
		for ((i = 2; i < COMP_CWORD; i++)); do
			for view in $views; do
				[[ ${COMP_WORDS[i]} == "${view%=*}" ]] && seed=${view#*=}
			done
		done
		if [[ $seed ]]; then
			_fleutan_options "$seed"
			_fleutan_applet 2
		else
			for view in $views; do
				_fleutan_add "${view%=*}"
			done
		fi
	fi
}

complete -F _fleutan fleutan flowlat flowq
