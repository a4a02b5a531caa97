/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The live screen (-w): alternate screen, raw keys, resize. The terminal is restored on every signal that can be caught
 * and at exit. Only where stdin and stdout are terminals.
 */
#ifndef FLEUTAN_LIVE_H
#define FLEUTAN_LIVE_H

#include "core/buf.h"
#include "core/err.h"
#include "view/screen.h"

int live_start(struct err *e);              /* 0 or -errno */
void live_stop(void);                       /* restores; harmless when not started */
void live_frame(const struct buf *frame, const struct screen *s); /* cut to the screen's height, drawn without flicker */
/* Waits up to TIMEOUT_NS for a key: the key (a byte; arrows are 'A'..'D' | 0x100), 0: time is up, -1: quit was asked by a signal,
 * -2: the size changed. */
int live_key(uint64_t timeout_ns);

#endif
