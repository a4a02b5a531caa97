/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counting a parsed packet, for every rung that counts in the kernel: the maps and who may write where. See
 * lib/collect/pktrec.h for the two generations.
 *
 * A CPU's slots have one writer at a time, because everything that sends or receives a packet runs with softirqs off:
 * net_dev_start_xmit and net_dev_xmit under the transmit lock (or local_bh_disable() for devices without one),
 * netif_receive_skb in the softirq or, from a tun device or a tunnel, in a process that has them off. The one exception
 * is netpoll (netconsole), which may send from a hard interrupt: it can lose a count that it interrupts. With
 * PREEMPT_RT softirqs are threads, but the local lock that stands for "off" lets one at a time run on a CPU.
 */
#ifndef FLEUTAN_PKTCOUNT_H
#define FLEUTAN_PKTCOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "collect/pktrec.h"

/* Set by user space before loading. */
const volatile uint32_t slot_mask; /* slots of one CPU in one generation, less one: a power of two, at least 2 */
const volatile uint32_t ncpus;     /* the highest CPU number that is possible, plus one */
const volatile uint64_t hash_seed; /* random: who sends packets shall not choose where they collide */

volatile uint32_t pkt_gen; /* the generation to write into, 0 or 1 */

/* (generation * ncpus + cpu) * (slot_mask + 1) + hash; max_entries is 2 * ncpus * (slot_mask + 1). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, uint32_t);
	__type(value, struct pkt_slot);
} pkt_slots SEC(".maps");

/* Flows that found both their slots taken. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct pkt_key);
	__type(value, struct pkt_count);
} pkt_more0 SEC(".maps"), pkt_more1 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct pkt_lost);
} pkt_lost SEC(".maps");

/* Where a packet went, so that it can be taken back. */
enum pkt_place { PKT_IN_SLOT, PKT_IN_HASH, PKT_NOWHERE };

struct pkt_where {
	uint32_t slot; /* index in pkt_slots */
	uint8_t place; /* enum pkt_place */
	uint8_t gen;
	bool fresh;    /* the flow's first packet here */
};

/*
 * Sums of products: words that differ in any bit give other sums for most seeds, and the upper bits, which are taken,
 * hang on all of them. Multiplications that do not wait for one another, and one.
 */
static __always_inline uint32_t pkt_hash(const uint64_t *w)
{
	uint64_t s = hash_seed, h;

	h = (w[1] + s) * ((w[3] ^ s) | 1) + w[0] * (s | 1) + w[2] * (s >> 9 | 1) +
	    ((w[5] << 17 | w[5] >> 47) + s) * ((w[4] ^ s >> 3) | 1);
	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ULL;
	return h >> 40;
}

/* The first of a flow's two slots in a generation; the other is its neighbour. */
static __always_inline uint32_t pkt_slot_of(const uint64_t *w, uint32_t cpu, uint32_t gen)
{
	uint32_t mask = slot_mask;

	return ((gen ? ncpus : 0) + cpu) * (mask + 1) + (pkt_hash(w) & mask);
}

static __always_inline bool pkt_same(const uint64_t *a, const uint64_t *b)
{
	return !((a[4] ^ b[4]) | (a[3] ^ b[3]) | (a[1] ^ b[1]) | (a[5] ^ b[5]) | (a[0] ^ b[0]) | (a[2] ^ b[2]));
}

static __always_inline void pkt_turn_away(uint32_t packets, uint32_t bytes)
{
	uint32_t zero = 0;
	struct pkt_lost *l = bpf_map_lookup_elem(&pkt_lost, &zero);

	if (!l)
		return;
	__sync_fetch_and_add(&l->packets, packets);
	__sync_fetch_and_add(&l->bytes, bytes);
	__sync_fetch_and_add(&l->flows, 1);
}

/* K is a copy: were its address known outside, the compiler could not keep keys in registers. */
static __always_inline void pkt_count_more(struct pkt_key k, uint32_t packets, uint32_t bytes, struct pkt_where *at)
{
	struct pkt_count first = { packets, bytes }, *n;

	n = at->gen ? bpf_map_lookup_elem(&pkt_more1, &k) : bpf_map_lookup_elem(&pkt_more0, &k);
	at->place = PKT_IN_HASH;
	if (n) {
		n->packets += packets;
		n->bytes += bytes;
		return;
	}
	at->fresh = true;
	if (at->gen ? bpf_map_update_elem(&pkt_more1, &k, &first, BPF_NOEXIST) :
		      bpf_map_update_elem(&pkt_more0, &k, &first, BPF_NOEXIST)) {
		at->place = PKT_NOWHERE;
		pkt_turn_away(packets, bytes);
	}
}

static __always_inline void pkt_take(struct pkt_slot *s, const uint64_t *w, uint32_t packets, uint32_t bytes)
{
	uint64_t *to = (uint64_t *)&s->key;

	for (int i = 0; i < 6; i++)
		to[i] = w[i];
	s->n.bytes = bytes;
	s->n.packets = packets; /* last: user space may read a generation that is being written, to show how it goes */
}

/* The usual case in a few instructions: the flow has its first slot. False: nothing was done. *SLOT is which. */
static __always_inline bool pkt_count_again(const struct pkt_key *k, uint32_t cpu, uint32_t packets, uint32_t bytes,
					    uint32_t *slot)
{
	const uint64_t *w = (const uint64_t *)k;
	uint32_t i = pkt_slot_of(w, cpu, pkt_gen);
	struct pkt_slot *a = bpf_map_lookup_elem(&pkt_slots, &i);

	if (!a || !pkt_same((const uint64_t *)&a->key, w))
		return false;
	a->n.packets += packets;
	a->n.bytes += bytes;
	*slot = i;
	return true;
}

/* Counts under KEY, whose CPU is CPU. Nothing is moved or turned out: a flow stays where it began. */
static __always_inline void pkt_count(const struct pkt_key *k, uint32_t cpu, uint32_t packets, uint32_t bytes,
				      struct pkt_where *at)
{
	const uint64_t *w = (const uint64_t *)k;
	struct pkt_slot *a, *b;
	uint32_t i, j;

	at->gen = pkt_gen != 0;
	at->place = PKT_IN_SLOT;
	at->fresh = false;
	i = pkt_slot_of(w, cpu, at->gen);
	at->slot = i;
	a = bpf_map_lookup_elem(&pkt_slots, &i);
	if (!a)
		return;
	if (pkt_same((const uint64_t *)&a->key, w)) {
		a->n.packets += packets;
		a->n.bytes += bytes;
		return;
	}
	j = i ^ 1;
	b = bpf_map_lookup_elem(&pkt_slots, &j);
	if (!b)
		return;
	if (pkt_same((const uint64_t *)&b->key, w)) {
		at->slot = j;
		b->n.packets += packets;
		b->n.bytes += bytes;
	} else if (!a->n.packets) {
		at->fresh = true;
		pkt_take(a, w, packets, bytes);
	} else if (!b->n.packets) {
		at->fresh = true;
		at->slot = j;
		pkt_take(b, w, packets, bytes);
	} else {
		pkt_count_more(*k, packets, bytes, at);
	}
}

#endif
