#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The exactness test of the packet sources (tests/net/packets.py) on another kernel. Emulated, most time goes into its steps and
# not into the traffic: with 10,000 packets a case each rung sees more than 100,000.
. "$(dirname "$0")/../../lib.sh"

if ! command -v python3 >/dev/null; then
	skip "exactness" "no python3 on the machine that made this one"
	exit 0
fi
# Emulated, receivers fall behind: what a device's backlog drops would never reach the router or the next counter.
echo 100000 >/proc/sys/net/core/netdev_max_backlog
python3 -S "$top/net/packets.py" trace filter ring COUNT=10000 STEPS=udp,tcp,vlan,nat
# Each failure has its line.
exit 0
