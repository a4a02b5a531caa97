#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The same program on other kernels: each boots once under QEMU and runs tests/vm/guest/*.sh, two kernels at a time.
# VM_KERNELS="6.1 newest" runs those alone, VM_TESTS="flowlat" those scripts alone.
. "$(dirname "$0")/../lib.sh"

vm=$top/scripts/vm
export BIN

# What the scripts need there: the tests themselves, test tools, and programs of this machine as far as it has them.
set -- -f "$top/tests/lib.sh:/tests/lib.sh" -f "$top/tests/net/lab.py:/tests/net/lab.py" \
	-f "$top/tests/net/packets.py:/tests/net/packets.py"
for t in ${VM_TESTS:-$(cd "$top/tests/vm/guest" && ls)}; do
	set -- "$@" -f "$top/tests/vm/guest/${t%.sh}.sh:/tests/vm/guest/${t%.sh}.sh"
done
for t in conns nobpf blast nat; do
	tool $t >/dev/null || exit 1
	set -- "$@" -f "$O/tools/$t:/o/tools/$t"
done
for t in ss ethtool iperf3; do
	[ -z "$(command -v $t)" ] || set -- "$@" -f $t
done

# Python with no more than what packets.py loads.
python() {
	mkdir -p "$TMP/python/bin" && O=$O python3 -S -B -c '
import sys
sys.path.insert(0, sys.argv[1])
import packets
for m in list(sys.modules.values()):
    for f in getattr(m, "__file__", None), getattr(m, "__cached__", None):
        if f and not f.startswith(sys.argv[1]):
            print(f)
print(sys.executable)' "$top/tests/net" >"$TMP/modules" || return 1
	tar -c -P -h --ignore-failed-read -T "$TMP/modules" 2>/dev/null | tar -x -C "$TMP/python" 2>/dev/null
	ln -s "$(tail -n 1 "$TMP/modules")" "$TMP/python/bin/python3"
}
if python; then set -- "$@" -f "$TMP/python:/"; fi

cat >"$TMP/all" <<'END'
#!/bin/sh
echo "ok boots as $(uname -r)"
export BIN=/bin/fleutan O=/o TMP=/tmp PATH="$PATH:/o/tools"
for script in /tests/vm/guest/*.sh; do
	name=$(basename "$script" .sh)
	"$script" >/tmp/said 2>&1
	status=$?
	sed -E "s/^(ok|not ok|skip) ( *)/\1 \2$name: /" /tmp/said
	[ $status = 0 ] || echo "not ok $name: ended with status $status"
done
END
chmod +x "$TMP/all"

# begin KERNEL OPTIONS…: its results go to $TMP/KERNEL
begin() {
	kernel=$1
	shift
	background "$vm" run "$kernel" -t "${VM_TIMEOUT:-400}" "$@" -- "$TMP/all" \
		>"$TMP/$kernel" 2>"$TMP/$kernel.err"
}

# finish KERNEL PID: a kernel or an emulator that cannot be had is a skip with its reason
finish() {
	wait "$2"
	case $? in
	0) ;;
	77) echo "skip boots: $(sed 's/^vm: //' "$TMP/$1.err")" >>"$TMP/$1" ;;
	*)
		cat "$TMP/$1.err"
		echo "not ok comes to its end: $(head -n 1 "$TMP/$1.err")" >>"$TMP/$1" ;;
	esac
	sed -E "s/^(ok|not ok|skip) /\1 $1: /" "$TMP/$1"
}

before=""
for k in ${VM_KERNELS:-5.10 6.1 6.12 newest}; do
	begin "$k" "$@"
	# shellcheck disable=SC2086
	[ -z "$before" ] || finish $before
	before="$k $last"
done
# shellcheck disable=SC2086
finish $before
