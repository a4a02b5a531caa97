#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Time in the qdisc and drops of flows against what tc and the sender know (sojourn.py).
. "$(dirname "$0")/../lib.sh"

tool blast >/dev/null || exit 1
export BIN O TMP
python3 -B "$top/tests/net/sojourn.py"
# Each failure has its line.
exit 0
