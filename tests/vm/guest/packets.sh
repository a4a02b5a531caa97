#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The exactness test of the packet sources (tests/net/packets.py) on another kernel, on each rung, with 50,000 packets a case.
. "$(dirname "$0")/../../lib.sh"

if ! command -v python3 >/dev/null; then
	skip "exactness" "no python3 on the machine that made this one"
	exit 0
fi
python3 -S "$top/net/packets.py" ${RUNGS:-trace filter ring} COUNT="${COUNT:-50000}" STEPS="${STEPS:-udp,tcp,router,nat}"
# Each failure has its line.
exit 0
