/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expands what scripts/bpflz.h compressed: one stream of bits and bytes, the bits taken from a byte that is fetched
 * when they run out, the highest first. Numbers from 1 on are written as bits: before each bit after the leading one
 * stands a 0, behind the last a 1. It starts with literals:
 *	literals: how many, the bytes; then bit 0: a copy from the last distance, its length; bit 1: another copy
 *	copy: (distance - 1) / 128 + 1, a byte of the other bits of distance - 1 and the first bit of the number that
 *	follows, length - 1; then bit 0: literals; bit 1: another copy
 * Included by lib/collect/bpfimage.c and, to check its own work, by scripts/bpflz.h.
 */
#ifndef FLEUTAN_BPFLZ_H
#define FLEUTAN_BPFLZ_H

#include <stddef.h>
#include <stdint.h>

struct lz {
	const uint8_t *p, *end;
	unsigned bits; /* what is left of the byte, and a 1 behind it */
};

/* Behind the end all bits are 1, which ends every number. */
static uint8_t lz_byte(struct lz *z)
{
	return z->p < z->end ? *z->p++ : 0xff;
}

static unsigned lz_bit(struct lz *z)
{
	z->bits <<= 1;
	if (!(z->bits & 0xff))
		z->bits = lz_byte(z) << 1 | 1;
	return z->bits >> 8 & 1;
}

/* A number whose first bit has been read. */
static uint32_t lz_number(struct lz *z, unsigned bit)
{
	uint32_t v = 1;

	for (; !bit; bit = lz_bit(z))
		v = v << 1 | lz_bit(z);
	return v;
}

/* Fills OUT from AT on; copies may reach into what stands before. -1: P is no such stream. */
static int lz_expand(uint8_t *out, size_t at, size_t len, const uint8_t *p, size_t n)
{
	struct lz z = { p, p + n, 0x80 };
	uint32_t count, low, dist = 1;
	int literals = 1, far = 0;

	for (; at < len; literals = !literals && !far) {
		low = lz_bit(&z);
		if (far) {
			dist = lz_number(&z, low) << 7;
			low = lz_byte(&z);
			dist += (low >> 1) - 127;
		}
		count = lz_number(&z, low & 1) + far;
		if (!literals && dist - 1 >= at)
			return -1;
		for (; count && at < len; count--, at++)
			out[at] = literals ? lz_byte(&z) : out[at - dist];
		far = at < len && lz_bit(&z);
	}
	return 0;
}

#endif
