#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The live screen restores the terminal, whatever ends it.
. "$(dirname "$0")/../lib.sh"
ulimit -c 0
python3 "$(dirname "$0")/live.py" "$BIN"
