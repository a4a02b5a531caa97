/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expands what scripts/bpflz.h compressed: one stream of bits and bytes, the bits taken from a byte that is fetched
 * when they run out, the highest first. Numbers from 1 on are written as bits: before each bit after the leading one
 * stands a 0, behind the last a 1. It starts with literals:
 *	literals: how many, the bytes; then bit 0: a copy from the last distance, its length; bit 1: another copy
 *	copy: (distance - 1) / 64 + 1, six bits of distance - 1, length - 1; then bit 0: literals; bit 1: another copy
 * Included by lib/collect/bpfimage.c and, to check its own work, by scripts/bpfpack.c.
 */
#ifndef FLEUTAN_BPFLZ_H
#define FLEUTAN_BPFLZ_H

#include <stddef.h>
#include <stdint.h>

#define LZ_LOW 6 /* bits of a distance that are written as they are; measured: 5 to 8 differ by 1% */

struct lz {
	const uint8_t *p, *end;
	unsigned bits; /* what is left of the byte, and a 1 behind it */
};

/* Behind the end all bits are 1, which ends every number. */
static uint8_t lz_byte(struct lz *z)
{
	return z->p < z->end ? *z->p++ : 0xff;
}

static inline unsigned lz_bit(struct lz *z)
{
	z->bits <<= 1;
	if (!(z->bits & 0xff))
		z->bits = lz_byte(z) << 1 | 1;
	return z->bits >> 8 & 1;
}

/* A number, and LOW bits behind it as they are. */
static uint32_t lz_number(struct lz *z, unsigned low)
{
	uint32_t v = 1;

	while (!lz_bit(z))
		v = v << 1 | lz_bit(z);
	while (low--)
		v = v << 1 | lz_bit(z);
	return v;
}

/* Fills OUT whole; -1: P is no such stream. */
static int lz_expand(uint8_t *out, size_t len, const uint8_t *p, size_t n)
{
	struct lz z = { p, p + n, 0x80 };
	unsigned literals = 1, other = 0;
	uint32_t count, dist = 1;

	for (size_t at = 0; at < len; literals = !literals && !other) {
		if (other)
			dist = lz_number(&z, LZ_LOW) - (1 << LZ_LOW) + 1;
		if (!literals && dist - 1 >= at)
			return -1;
		for (count = lz_number(&z, 0) + other; count && at < len; count--, at++)
			out[at] = literals ? lz_byte(&z) : out[at - dist];
		other = at < len && lz_bit(&z);
	}
	return z.p == z.end ? 0 : -1;
}

#endif
