// SPDX-License-Identifier: GPL-2.0-or-later
/* The output buffer, and numbers and addresses as text: the hot end of every printer, so no printf on the way. */
#include "core/buf.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "core/util.h"

#define BUF_START 4096

bool buf_room(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : BUF_START;
	char *p;

	if (likely(n <= b->cap - b->len && !b->failed))
		return true;
	if (b->failed || n > SIZE_MAX / 2 - b->len)
		goto fail;
	while (cap < b->len + n)
		cap *= 2;
	p = realloc(b->p, cap);
	if (!p)
		goto fail;
	b->p = p;
	b->cap = cap;
	return true;
fail:
	b->failed = true;
	return false;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (!n || !buf_room(b, n))
		return;
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_ch(struct buf *b, char c)
{
	if (buf_room(b, 1))
		b->p[b->len++] = c;
}

void buf_fill(struct buf *b, char c, unsigned n)
{
	if (!n || !buf_room(b, n))
		return;
	memset(b->p + b->len, c, n);
	b->len += n;
}

void buf_u64(struct buf *b, uint64_t v)
{
	if (buf_room(b, 20))
		b->len += fmt_u64(b->p + b->len, v);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t room = 128;

	/* The second round has the room that the first one asked for. */
	for (int round = 0; round < 2; round++) {
		va_list ap;
		size_t n;

		if (!buf_room(b, room))
			return;
		va_start(ap, fmt);
		n = fmt_vtext(b->p + b->len, room, fmt, ap);
		va_end(ap);
		if (n < room) {
			b->len += n;
			return;
		}
		room = n + 1;
	}
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf)BUF_INIT;
}

static const char digit_pairs[201] =
	"00010203040506070809" "10111213141516171819" "20212223242526272829" "30313233343536373839" "40414243444546474849"
	"50515253545556575859" "60616263646566676869" "70717273747576777879" "80818283848586878889" "90919293949596979899";

#define TEN_8 100000000u

/*
 * The eight digits of V < 10^8, the first in the lowest byte: the halves, then the pairs, then the digits are divided
 * all at once. No loop and no branch: how long a number is cannot be predicted.
 */
static uint64_t eight_digits(uint32_t v)
{
	uint32_t high = (uint32_t)((uint64_t)v * 3518437209u >> 45); /* v / 10000 */
	uint64_t x = (uint64_t)(v - high * 10000) << 32 | high, tens;

	tens = x * 10486 >> 20 & 0x7f0000007f; /* / 100, exact below 10^4 */
	x = tens | (x - 100 * tens) << 16;
	tens = x * 103 >> 10 & 0xf000f000f000f; /* / 10, exact below 100 */
	return tens | (x - 10 * tens) << 8;
}

static void put_eight(char *p, uint64_t d)
{
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		d = __builtin_bswap64(d);
	memcpy(p, &d, 8);
}

#define ASCII_ZEROS 0x3030303030303030

unsigned fmt_u64(char *p, uint64_t v)
{
	uint64_t d;
	unsigned skip;

	if (v < 10) {
		*p = (char)('0' + v);
		return 1;
	}
	if (v >= TEN_8) {
		uint64_t high = v / TEN_8;
		unsigned n = fmt_u64(p, high);

		put_eight(p + n, eight_digits((uint32_t)(v - high * TEN_8)) | ASCII_ZEROS);
		return n + 8;
	}
	d = eight_digits((uint32_t)v);
	skip = (unsigned)__builtin_ctzll(d) & ~7u; /* bits of leading zeros */
	put_eight(p, (d | ASCII_ZEROS) >> skip);
	return 8 - skip / 8;
}

static unsigned fmt_v4(char *p, const uint8_t a[4])
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++) {
		unsigned hundreds = a[i] * 41u >> 12; /* a / 100 for each a below 256 */
		const char *pair = digit_pairs + (a[i] - hundreds * 100) * 2;

		if (i)
			p[n++] = '.';
		if (hundreds)
			p[n++] = (char)('0' + hundreds);
		if (a[i] >= 10)
			p[n++] = pair[0];
		p[n++] = pair[1];
	}
	return n;
}

/* One group in hexadecimal without leading zeros. */
static unsigned fmt_group(char *p, unsigned g)
{
	static const char hex[] = "0123456789abcdef";
	unsigned n = 0;

	if (g >= 0x1000)
		p[n++] = hex[g >> 12];
	if (g >= 0x100)
		p[n++] = hex[g >> 8 & 15];
	if (g >= 0x10)
		p[n++] = hex[g >> 4 & 15];
	p[n++] = hex[g & 15];
	return n;
}

unsigned fmt_addr(char *p, const uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	unsigned group[8], n = 0, best = 8, best_len = 1, run = 0;

	if (!memcmp(addr, mapped, sizeof(mapped)))
		return fmt_v4(p, addr + 12);
	/* RFC 5952: the first of the longest runs of zero groups becomes "::", a single zero group does not. */
	for (unsigned i = 0; i < 8; i++) {
		group[i] = (unsigned)addr[2 * i] << 8 | addr[2 * i + 1];
		run = group[i] ? 0 : run + 1;
		if (run > best_len) {
			best_len = run;
			best = i + 1 - run;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == best) {
			p[n++] = ':';
			p[n++] = ':';
			i += best_len - 1;
			continue;
		}
		if (i && p[n - 1] != ':')
			p[n++] = ':';
		n += fmt_group(p + n, group[i]);
	}
	return n;
}

int buf_flush(struct buf *b, int fd)
{
	size_t done = 0;
	int ret = b->failed ? -ENOMEM : 0;

	while (!ret && done < b->len) {
		ssize_t n = write(fd, b->p + done, b->len - done);

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };

			if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
				ret = -errno;
		} else if (errno != EINTR) {
			ret = -errno;
		}
	}
	/* Emptied after an error too: whoever goes on printing must not fill memory with what nobody takes. */
	b->len = 0;
	return ret;
}
