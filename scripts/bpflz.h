/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compresses for lib/collect/bpflz.h, where the format is described. The streams have some ten thousand bytes, so the
 * cheapest way through each is searched for (not quite the cheapest: of two ways to a place the cheaper one is kept,
 * even if the last distance of the other would have served better later). Included by bpfpack.c alone.
 */
#ifndef FLEUTAN_SCRIPTS_BPFLZ_H
#define FLEUTAN_SCRIPTS_BPFLZ_H

#include "../lib/collect/bpflz.h"
#include "bpfpack.h"

#define LZ_RUN 256 /* literals that are looked at as one run */

enum { LITERALS, COPY };

/* The cheapest known way to a place whose last step was literals or a copy. */
struct way {
	uint32_t cost, dist;
	uint32_t len; /* of the last step */
	int last;     /* what the step before it was */
	int other;    /* whether the last step writes a distance of its own */
};

struct lz_out {
	uint8_t *p;
	size_t n, bit_at;
	unsigned left; /* bits not yet used in p[bit_at] */
};

static void put_byte(struct lz_out *o, uint8_t v)
{
	o->p[o->n++] = v;
}

static void put_bit(struct lz_out *o, unsigned v)
{
	if (!o->left) {
		o->bit_at = o->n;
		o->left = 8;
		put_byte(o, 0);
	}
	o->p[o->bit_at] |= v << --o->left;
}

/* Without its first bit if that went elsewhere. */
static void put_number(struct lz_out *o, uint32_t v, int elsewhere)
{
	int top = 31;

	while (!(v >> top))
		top--;
	while (top--) {
		if (!elsewhere)
			put_bit(o, 0);
		elsewhere = 0;
		put_bit(o, v >> top & 1);
	}
	if (!elsewhere)
		put_bit(o, 1);
}

static unsigned number_bits(uint32_t v)
{
	unsigned n = 1;

	while (v >>= 1)
		n += 2;
	return n;
}

static void try_way(struct way *to, const struct way *from, uint32_t cost, uint32_t dist, uint32_t len, int last,
		    int other)
{
	if (from->cost == NO_DATA || from->cost + cost >= to->cost)
		return;
	*to = (struct way){ from->cost + cost, dist, len, last, other };
}

/* Everything that may follow place I, which is the FIRST one or not. W is one pair of ways per place. */
static void step(struct way (*w)[2], const uint8_t *in, uint32_t n, uint32_t i, int first, int32_t *head, int32_t *prev)
{
	const struct way *lit = &w[i][LITERALS], *copy = &w[i][COPY];
	uint32_t best = 1, h;

	for (uint32_t k = 1; k <= LZ_RUN && k <= n - i; k++)
		try_way(&w[i + k][LITERALS], copy, !first + number_bits(k) + 8 * k, copy->dist, k, COPY, 0);
	for (uint32_t k = 1; lit->cost != NO_DATA && lit->dist <= i && k <= n - i; k++) {
		if (in[i + k - 1] != in[i + k - 1 - lit->dist])
			break;
		try_way(&w[i + k][COPY], lit, 1 + number_bits(k), lit->dist, k, LITERALS, 0);
	}
	if (n - i < 2)
		return;
	h = in[i] << 8 | in[i + 1];
	for (int32_t j = head[h]; j >= 0; j = prev[j]) {
		uint32_t dist = i - j, len = 0;
		unsigned far = 1 + number_bits(((dist - 1) >> 7) + 1) + 7;

		while (i + len < n && in[i + len] == in[j + len])
			len++;
		for (uint32_t k = 2; len > best && k <= len; k++) {
			try_way(&w[i + k][COPY], lit, far + number_bits(k - 1), dist, k, LITERALS, 1);
			if (!first)
				try_way(&w[i + k][COPY], copy, far + number_bits(k - 1), dist, k, COPY, 1);
		}
		best = len > best ? len : best;
	}
	prev[i] = head[h];
	head[h] = i;
}

/* The way is known from its end backward, and is written from its start. */
static void write_steps(struct lz_out *o, struct way (*w)[2], const uint8_t *in, uint32_t from, uint32_t n)
{
	int last = w[n][COPY].cost < w[n][LITERALS].cost ? COPY : LITERALS;
	struct way *steps = grow(n + 1, sizeof(*steps)), s;

	for (uint32_t at = n; at > from; at -= s.len) {
		s = w[at][last];
		steps[at - s.len] = s;
		steps[at - s.len].last = last;
		last = s.last;
	}
	for (uint32_t at = from; at < n; at += s.len) {
		s = steps[at];
		if (at > from)
			put_bit(o, s.other);
		if (s.other) {
			put_number(o, ((s.dist - 1) >> 7) + 1, 0);
			put_byte(o, (s.dist - 1) << 1 | (s.len == 2));
		}
		put_number(o, s.len - s.other, s.other);
		for (uint32_t i = 0; s.last == LITERALS && i < s.len; i++)
			put_byte(o, in[at + i]);
	}
	free(steps);
}

/* Returns IN from FROM on, compressed to *OUT_LEN bytes; proves first that they expand to what they were. */
static uint8_t *lz_compress(const uint8_t *in, uint32_t from, uint32_t n, uint32_t *out_len)
{
	struct lz_out o = { .p = grow(2 * (size_t)n + 64, 1) };
	struct way (*w)[2] = grow(n + 1, sizeof(*w));
	int32_t *head = grow(65536, sizeof(*head)), *prev = grow(n + 1, sizeof(*prev));
	uint8_t *check = grow(n, 1);

	for (uint32_t i = 0; i <= n; i++)
		w[i][LITERALS].cost = w[i][COPY].cost = NO_DATA;
	w[from][COPY] = (struct way){ .dist = 1 };
	memset(head, 0xff, 65536 * sizeof(*head));
	for (uint32_t i = 0; i < n; i++)
		step(w, in, n, i, i == from, head, prev);
	write_steps(&o, w, in, from, n);
	memcpy(check, in, from);
	if (lz_expand(check, from, n, o.p, o.n) || memcmp(check, in, n))
		die("compressed wrongly");
	free(w);
	free(head);
	free(prev);
	free(check);
	*out_len = o.n;
	return o.p;
}

#endif
