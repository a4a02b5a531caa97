/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to what links.c has gathered, and the difference of two looks.
 * kbuild: CONFIG_LINKS
 */
#include <linux/pkt_sched.h>
#include <stdlib.h>

#include "collect/links.h"
#include "core/text.h"
#include "core/util.h"
#include "model/strings.h"

const struct link *links_find(const struct links *l, uint32_t ifindex)
{
	uint32_t lo = 0, hi = l->nlink;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (l->link[mid].ifindex < ifindex)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->nlink && l->link[lo].ifindex == ifindex ? &l->link[lo] : NULL;
}

bool links_is_local(const struct links *l, const uint8_t addr[16])
{
	static const uint8_t loopback6[16] = { [15] = 1 }, loopback4[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };
	uint32_t lo = 0, hi = l->naddr;

	if (!memcmp(addr, loopback6, sizeof(loopback6)) || !memcmp(addr, loopback4, sizeof(loopback4)))
		return true;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int r = memcmp(l->addr[mid].addr, addr, 16);

		if (!r)
			return true;
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* The first entry of a device, or where it would be. */
static uint32_t first_qdisc(const struct links *l, uint32_t ifindex)
{
	uint32_t lo = 0, hi = l->nqdisc;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (l->qdisc[mid].ifindex < ifindex)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct qdisc *links_qdisc(const struct links *l, uint32_t ifindex, uint32_t parent)
{
	uint32_t i;

	for (i = first_qdisc(l, ifindex); i < l->nqdisc && l->qdisc[i].ifindex == ifindex; i++)
		if (l->qdisc[i].parent == parent && !l->qdisc[i].is_class)
			return &l->qdisc[i];
	return NULL;
}

/* The qdiscs and classes of the look before, by what they are called: place + 1, 0: empty; at most half full. */
struct past {
	const struct qdisc *qdisc;
	uint32_t *slot, mask;
};

static uint32_t past_slot(const struct past *p, const struct qdisc *q)
{
	const uint32_t key[4] = { q->ifindex, q->handle, q->parent, q->is_class };

	return hash_bytes(key, sizeof(key)) & p->mask;
}

static bool past_build(struct past *p, const struct links *before)
{
	uint32_t i, at;

	*p = (struct past){ .qdisc = before->qdisc, .mask = 1 };
	while (p->mask < 2 * before->nqdisc)
		p->mask = 2 * p->mask + 1;
	p->slot = calloc((size_t)p->mask + 1, sizeof(*p->slot));
	for (i = 0; p->slot && i < before->nqdisc; i++) {
		for (at = past_slot(p, &before->qdisc[i]); p->slot[at]; at = (at + 1) & p->mask)
			;
		p->slot[at] = i + 1;
	}
	return p->slot;
}

static const struct qdisc *past_find(const struct past *p, const struct qdisc *q)
{
	uint32_t at;

	for (at = past_slot(p, q); p->slot[at]; at = (at + 1) & p->mask) {
		const struct qdisc *b = &p->qdisc[p->slot[at] - 1];

		if (b->ifindex == q->ifindex && b->handle == q->handle && b->parent == q->parent &&
		    b->kind == q->kind && b->is_class == q->is_class)
			return b;
	}
	return NULL;
}

/* A qdisc counts drops and the like in 32 bits. */
static uint64_t since32(uint64_t now, uint64_t before)
{
	return (uint32_t)(now - before);
}

/*
 * Bytes have 64 bits, so that they went back tells a new one, which may well have the old one's name. Packets may have
 * gone round at 32 bits.
 */
static bool subtract_qdisc(struct qdisc *q, const struct qdisc *before)
{
	if (q->bytes < before->bytes)
		return false;
	q->bytes -= before->bytes;
	q->packets = q->packets < before->packets ? since32(q->packets, before->packets) : q->packets - before->packets;
	q->drops = since32(q->drops, before->drops);
	q->requeues = since32(q->requeues, before->requeues);
	q->overlimits = since32(q->overlimits, before->overlimits);
	return true;
}

/*
 * The numbers of mq are the sums of its children at that time: when one of these was replaced meanwhile, the difference
 * is too small. REPLACED: it even went back.
 */
static void sum_children(const struct links *l, struct qdisc *mq, bool replaced)
{
	struct qdisc sum = *mq;
	uint32_t i, n = 0;

	sum.bytes = sum.packets = sum.drops = sum.requeues = sum.overlimits = 0;
	for (i = first_qdisc(l, mq->ifindex); i < l->nqdisc && l->qdisc[i].ifindex == mq->ifindex; i++) {
		const struct qdisc *q = &l->qdisc[i];

		if (q->is_class || q == mq || TC_H_MAJ(q->parent) != mq->handle || !TC_H_MIN(q->parent))
			continue;
		n++;
		sum.bytes += q->bytes;
		sum.packets += q->packets;
		sum.drops += q->drops;
		sum.requeues += q->requeues;
		sum.overlimits += q->overlimits;
	}
	if (n && (replaced || sum.bytes > mq->bytes))
		*mq = sum;
}

static void subtract_qdiscs(struct links *l, const struct past *past)
{
	/* The root of a device comes first: it waits for its children. */
	struct qdisc *mq = NULL;
	bool replaced = false;
	uint32_t i;

	for (i = 0; i < l->nqdisc; i++) {
		struct qdisc *q = &l->qdisc[i];
		const struct qdisc *before = past_find(past, q);
		bool done = before && subtract_qdisc(q, before);

		if (mq && mq->ifindex != q->ifindex) {
			sum_children(l, mq, replaced);
			mq = NULL;
		}
		if (before && q->parent == TC_H_ROOT && !q->is_class && !strncmp(strings_get(q->kind), "mq", 2)) {
			mq = q;
			replaced = !done;
		}
	}
	if (mq)
		sum_children(l, mq, replaced);
}

/* A counter that went back has begun anew, unless it is one of 32 bits (a small machine's) that went round. */
static uint64_t since(uint64_t now, uint64_t before)
{
	if (now >= before)
		return now - before;
	return sizeof(long) == 4 && before <= UINT32_MAX ? since32(now, before) : now;
}

static void subtract_link(struct link_stats *st, const struct link_stats *b)
{
	st->rx_packets = since(st->rx_packets, b->rx_packets);
	st->rx_bytes = since(st->rx_bytes, b->rx_bytes);
	st->tx_packets = since(st->tx_packets, b->tx_packets);
	st->tx_bytes = since(st->tx_bytes, b->tx_bytes);
	st->rx_drops = since(st->rx_drops, b->rx_drops);
	st->tx_drops = since(st->tx_drops, b->tx_drops);
}

/* Not known stays not known. */
static void subtract_queues(struct link *l, const struct link *b)
{
	uint32_t i;

	for (i = 0; l->tx && b->tx && i < MIN(l->num_tx, b->num_tx); i++) {
		if (l->tx[i].bql_stalls != UINT64_MAX && b->tx[i].bql_stalls != UINT64_MAX)
			l->tx[i].bql_stalls = since(l->tx[i].bql_stalls, b->tx[i].bql_stalls);
		if (l->tx[i].tx_timeouts != UINT64_MAX && b->tx[i].tx_timeouts != UINT64_MAX)
			l->tx[i].tx_timeouts = since(l->tx[i].tx_timeouts, b->tx[i].tx_timeouts);
	}
}

void links_subtract(struct links *l, const struct links *before)
{
	struct past past;
	uint32_t i;

	for (i = 0; i < l->nlink; i++) {
		const struct link *b = links_find(before, l->link[i].ifindex);

		if (!b)
			continue;
		subtract_link(&l->link[i].stats, &b->stats);
		subtract_queues(&l->link[i], b);
	}
	if (past_build(&past, before))
		subtract_qdiscs(l, &past);
	else
		l->incomplete = true;
	free(past.slot);
}

void handle_text(char *p, uint32_t handle)
{
	unsigned major = TC_H_MAJ(handle) >> 16, minor = TC_H_MIN(handle);

	if (handle == TC_H_ROOT)
		fmt_text(p, 24, "root");
	else if (!minor)
		fmt_text(p, 24, "%x:", major);
	else if (!major)
		fmt_text(p, 24, ":%x", minor);
	else
		fmt_text(p, 24, "%x:%x", major, minor);
}

bool link_may_be_busy(const struct links *l, const struct link *link)
{
	static const char *const never[] = {
		"bridge", "vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "bond", "team", "dummy", "tun", "ifb", "vxlan", "geneve", "gre", "gretap",
		"ip6gre", "ip6gretap", "ipip", "sit", "ip6tnl", "vti", "vti6", "xfrm", "wireguard", "vrf", "nlmon", "netkit",
	};
	const char *kind = strings_get(link->kind);
	const struct qdisc *root;

	if (link->loopback || !link->up)
		return false;
	if (!strcmp(kind, "veth")) {
		root = links_qdisc(l, link->ifindex, UINT32_MAX); /* TC_H_ROOT */
		return !root || strcmp(strings_get(root->kind), "noqueue");
	}
	for (unsigned i = 0; i < ARRAY_SIZE(never); i++)
		if (!strcmp(kind, never[i]))
			return false;
	return true;
}
