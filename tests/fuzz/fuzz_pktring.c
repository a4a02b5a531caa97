/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks of a packet ring, and the frames in them down to what they are counted as. */
#include <stdlib.h>
#include <string.h>
#include "collect/pktring.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0
#endif

struct state {
	struct pkt_tally tally;
	struct pkt_frag *frags;
	uint8_t flags;
};

static void on_frame(void *arg, const struct pkt_frame *f)
{
	struct state *s = arg;
	struct pkt_frame copy = *f;
	struct pkt_count n;
	struct pkt_key key;
	uint8_t *data = malloc(f->snap ? f->snap : 1);

	if (!data)
		return;
	/* The block ends behind the last frame only: each gets an end of its own. */
	memcpy(data, f->data, f->snap);
	copy.data = data;
	copy.snap += FUZZ_LIE;
	pkt_frame_count(&copy, s->flags & 1, s->flags & 2 ? s->frags : NULL, &key, &n);
	if (!n.packets)
		abort();
	pkt_tally_add(&s->tally, &key, &n);
	free(data);
}

static int on_entry(void *arg, const struct pkt_key *key, const struct pkt_count *n)
{
	(void)key;
	*(uint64_t *)arg += n->packets;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state s = { .tally.max = 64, .frags = pkt_frags_new() };
	struct pkt_result res = { 0 };
	uint64_t sum = 0;
	uint8_t *p;

	if (!size || !s.frags) {
		free(s.frags);
		return 0;
	}
	s.flags = data[0];
	p = malloc(size - 1 ? size - 1 : 1);
	if (p) {
		memcpy(p, data + 1, size - 1);
		pkt_block_walk(p, size - 1 + FUZZ_LIE, s.flags & 4, on_frame, &s);
		pkt_tally_read(&s.tally, on_entry, &sum, &res);
	}
	free(p);
	free(s.frags);
	pkt_tally_free(&s.tally);
	return 0;
}
