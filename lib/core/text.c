// SPDX-License-Identifier: GPL-2.0-or-later
/* A small printf: text, characters and whole numbers. */
#include "core/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/buf.h"
#include "core/util.h"

struct out {
	char *p;
	size_t cap, len; /* len counts what did not fit, too */
};

static void put(struct out *o, const char *s, size_t n)
{
	if (o->len < o->cap)
		memcpy(o->p + o->len, s, MIN(n, o->cap - o->len));
	o->len += n;
}

static void put_times(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, &c, 1);
}

/* V in decimal or, where ALPHA is the digit ten, in hexadecimal. P needs 20 bytes; returns the number of characters. */
static unsigned digits(char *p, uint64_t v, char alpha)
{
	unsigned n = 0;

	if (!alpha)
		return fmt_u64(p, v);
	for (unsigned shift = 64; shift; ) {
		unsigned d = v >> (shift -= 4) & 15;

		if (n || d || !shift)
			p[n++] = (char)(d < 10 ? '0' + d : alpha + d - 10);
	}
	return n;
}

/* A number at *FMT, or what `*` stands for. */
static int take_number(const char **fmt, va_list *ap)
{
	int n = 0;

	if (**fmt == '*') {
		++*fmt;
		return va_arg(*ap, int);
	}
	for (; **fmt >= '0' && **fmt <= '9'; ++*fmt)
		n = (n * 10 + (**fmt - '0')) & 0xfff;
	return n;
}

/* The integer of the next argument, LONGS letters l wide; what is negative is the two's complement in 64 bits. */
static uint64_t take_integer(va_list *ap, unsigned longs, bool is_signed)
{
	if (longs > 1)
		return va_arg(*ap, unsigned long long);
	if (longs)
		return is_signed ? (uint64_t)va_arg(*ap, long) : va_arg(*ap, unsigned long);
	return is_signed ? (uint64_t)va_arg(*ap, int) : va_arg(*ap, unsigned);
}

/* One conversion, FMT behind its '%'; returns what is behind its letter. */
static const char *convert(struct out *o, const char *fmt, va_list *ap)
{
	char number[20], fill = ' ', sign = 0;
	const char *text = number;
	int width, prec = -1, len;
	unsigned longs = 0;
	bool left = false;
	uint64_t v;

	for (; *fmt == '-' || *fmt == '0'; fmt++) {
		left = left || *fmt == '-';
		fill = *fmt == '0' ? '0' : fill;
	}
	width = take_number(&fmt, ap);
	if (*fmt == '.') {
		fmt++;
		prec = take_number(&fmt, ap);
	}
	for (; *fmt == 'l' || *fmt == 'z'; fmt++)
		longs++; /* a size_t is as wide as a long everywhere */
	if (*fmt == 's') {
		text = va_arg(*ap, const char *);
		len = (int)(prec < 0 ? strlen(text) : strnlen(text, (size_t)prec));
	} else if (*fmt == 'c') {
		number[0] = (char)va_arg(*ap, int);
		len = 1;
	} else {
		v = take_integer(ap, longs, *fmt == 'd');
		if (*fmt == 'd' && v >> 63) {
			v = -v;
			sign = '-';
		}
		len = (int)digits(number, v, (*fmt | 0x20) == 'x' ? *fmt - 'x' + 'a' : 0);
	}
	width -= len + (sign != 0);
	if (!left && fill == ' ')
		put_times(o, ' ', width);
	put_times(o, sign, sign != 0);
	if (!left && fill != ' ')
		put_times(o, fill, width);
	put(o, text, (size_t)len);
	if (left)
		put_times(o, ' ', width);
	return fmt + 1;
}

size_t fmt_vtext(char *p, size_t cap, const char *fmt, va_list ap)
{
	struct out o = { .p = p, .cap = cap ? cap - 1 : 0 };
	va_list args; /* a parameter of this type may be an array, whose address is another type */

	va_copy(args, ap);
	while (*fmt) {
		size_t plain = strcspn(fmt, "%");

		put(&o, fmt, plain);
		fmt += plain;
		if (!*fmt)
			break;
		if (*++fmt == '%')
			put(&o, fmt++, 1);
		else
			fmt = convert(&o, fmt, &args);
	}
	va_end(args);
	if (cap)
		p[MIN(o.len, cap - 1)] = 0;
	return o.len;
}

size_t fmt_text(char *p, size_t cap, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fmt_vtext(p, cap, fmt, ap);
	va_end(ap);
	return n;
}
