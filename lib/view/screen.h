/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the terminal can show, and text made safe for it. */
#ifndef FLEUTAN_SCREEN_H
#define FLEUTAN_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include "core/buf.h"

struct screen {
	unsigned width; /* columns: COLUMNS (20 to 1000), else the terminal's, else 80, not a terminal 132; 0: no limit */
	unsigned height; /* lines, 24 when unknown */
	bool utf8;      /* eighth blocks and other non-ASCII allowed */
	bool color;
	bool tty;
};

enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Looks at FD, the locale's variables (LC_ALL, LC_CTYPE, LANG), TERM, NO_COLOR, COLUMNS. ASCII: the -a option. */
void screen_init(struct screen *s, int fd, bool ascii, enum color_mode color);

enum ink { INK_PLAIN, INK_DIM, INK_BOLD, INK_GREEN, INK_YELLOW, INK_RED, INK_CYAN };
void ink_on(struct buf *b, const struct screen *s, enum ink i);  /* nothing when colour is off */
void ink_off(struct buf *b, const struct screen *s);

/*
 * Text from outside, made safe: control characters, DEL, C1, invalid UTF-8, bidi overrides and zero-width characters
 * become '?'; non-ASCII becomes '?' too unless the screen takes UTF-8. Cut to MAX columns (0: no limit) with a trailing ~ .
 * Returns the columns written.
 */
unsigned text_safe(struct buf *b, const struct screen *s, const char *text, unsigned max);

/* A sentence, made safe, in lines that fit the screen, each behind INDENT columns. */
void text_wrap(struct buf *b, const struct screen *s, const char *text, unsigned indent);

/*
 * One code point of TEXT (NUL-terminated, not at its end): stores it in *CP and returns its bytes. What is not
 * well-formed UTF-8 (RFC 3629: also overlong forms and surrogates) is one byte, *CP CP_INVALID.
 */
unsigned utf8_next(const char *text, uint32_t *cp);
#define CP_INVALID UINT32_MAX
/* True for what changes a line unseen: C0, DEL, C1, bidi controls, zero-width characters, line separators. */
bool cp_hidden(uint32_t cp);

/*
 * A bar of at most WIDTH columns for VALUE of FULL (both in the same unit), with a second quantity INNER <= VALUE drawn
 * inside it (0: none): '█' for inner and '░' for the rest, so that it reads without colour; ASCII '#' and '-'. In UTF-8 the
 * solid part ends in eighths. A value above 0 always shows at least one mark, and so does inner. Pads to WIDTH columns.
 */
void bar(struct buf *b, const struct screen *s, unsigned width, uint64_t value, uint64_t inner, uint64_t full,
	 enum ink ink);

/*
 * A duration for people, rounded to three significant digits, at most 7 columns: "842us", "28.8ms", "1.26s", "16.7min",
 * "2.78h", "41.7d". No NUL; needs 12 bytes at P.
 */
unsigned fmt_ns(char *p, uint64_t ns);
/* A number of bytes or a rate: "999", "1.50k", "12.3M" (powers of 1000). At most 6 columns. No NUL; needs 8 bytes. */
unsigned fmt_si(char *p, uint64_t v);

#endif
