/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formatted text without stdio, whose printf alone is a sixth of a small program. Knows %s %c %d %u %x %X %% with the
 * flags '-' and '0', a width, a precision of %s (both may be '*') and the lengths l, ll and z. The compiler checks the
 * arguments; no other conversion may be used.
 */
#ifndef FLEUTAN_TEXT_H
#define FLEUTAN_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/* As snprintf() and vsnprintf(): at most CAP - 1 bytes and a NUL at P, returns the bytes there would be with more room. */
size_t fmt_text(char *p, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t fmt_vtext(char *p, size_t cap, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

#endif
