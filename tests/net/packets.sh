#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What flowq counts is what tc, devices and sender count, to the packet and the byte, on every rung (packets.py).
. "$(dirname "$0")/../lib.sh"

tool blast >/dev/null && tool nat >/dev/null || exit 1
export BIN O TMP
# shellcheck disable=SC2086
python3 -B "$top/tests/net/packets.py" ${RUNGS:-trace filter ring} ${COUNT:+COUNT=$COUNT}
# Each failure has its line.
exit 0
