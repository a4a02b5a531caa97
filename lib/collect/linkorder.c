/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices by number, addresses by value, qdiscs and classes with what they stand in before them: the kernel lists them
 * by hash.
 * kbuild: CONFIG_LINKS
 */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdlib.h>

#include "collect/linkparse.h"
#include "core/util.h"

#define DEPTH_MAX 32 /* deeper than any tree; and an end where there is no tree but a ring */

/* Where an entry goes: first by what it is called (to find parents by), then by how deep it stands. */
struct place {
	uint32_t ifindex, handle, pos;
	uint8_t is_class, depth;
};

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int by_ifindex(const void *x, const void *y)
{
	const struct link *a = x, *b = y;

	return ORDER(a->ifindex, b->ifindex);
}

static int by_addr(const void *x, const void *y)
{
	const struct link_addr *a = x, *b = y;
	int r = memcmp(a->addr, b->addr, sizeof(a->addr));

	return r ? r : ORDER(a->ifindex, b->ifindex);
}

static int by_name(const void *x, const void *y)
{
	const struct place *a = x, *b = y;

	if (a->ifindex != b->ifindex)
		return ORDER(a->ifindex, b->ifindex);
	if (a->is_class != b->is_class)
		return ORDER(a->is_class, b->is_class);
	if (a->handle != b->handle)
		return ORDER(a->handle, b->handle);
	return ORDER(a->pos, b->pos);
}

static int by_depth(const void *x, const void *y)
{
	const struct place *a = x, *b = y;

	if (a->ifindex != b->ifindex)
		return ORDER(a->ifindex, b->ifindex);
	if (a->depth != b->depth)
		return ORDER(a->depth, b->depth);
	return ORDER(a->pos, b->pos);
}

/* The first entry of that name, NULL: none. Of many qdiscs without a handle that is the root, which comes first. */
static const struct place *find_place(const struct place *p, uint32_t n, uint32_t ifindex, uint32_t handle,
				      bool is_class)
{
	const struct place key = { .ifindex = ifindex, .handle = handle, .is_class = is_class };
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (by_name(&p[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && p[lo].ifindex == ifindex && p[lo].handle == handle && p[lo].is_class == is_class ?
	       &p[lo] : NULL;
}

/* What entry POS stands in: a class, else the qdisc of that class; NULL: nothing. */
static const struct place *parent_of(const struct links *l, const struct place *p, uint32_t pos)
{
	const struct qdisc *q = &l->qdisc[pos];
	const struct place *up = NULL;
	uint32_t parent = q->parent;

	if (q->is_class && parent == TC_H_ROOT)
		parent = q->handle; /* the kernel's word for: directly in its qdisc */
	else if (parent == TC_H_ROOT || parent == TC_H_INGRESS)
		return NULL;
	if (parent != q->handle)
		up = find_place(p, l->nqdisc, q->ifindex, parent, true);
	if (!up)
		up = find_place(p, l->nqdisc, q->ifindex, TC_H_MAJ(parent), false);
	return up && up->pos != pos ? up : NULL;
}

static uint8_t depth_of(const struct links *l, const struct place *p, uint32_t pos)
{
	const struct place *up;
	uint8_t depth = 0;

	while (depth < DEPTH_MAX && (up = parent_of(l, p, pos))) {
		pos = up->pos;
		depth++;
	}
	return depth;
}

static int arrange_qdiscs(struct links *l)
{
	struct place *p = malloc((l->nqdisc + 1) * sizeof(*p));
	struct qdisc *sorted = malloc((l->nqdisc + 1) * sizeof(*sorted));
	uint32_t i;

	if (!p || !sorted) {
		free(p);
		free(sorted);
		return -ENOMEM;
	}
	for (i = 0; i < l->nqdisc; i++) {
		const struct qdisc *q = &l->qdisc[i];

		p[i] = (struct place){ .ifindex = q->ifindex, .handle = q->handle, .pos = i, .is_class = q->is_class };
	}
	qsort(p, l->nqdisc, sizeof(*p), by_name);
	for (i = 0; i < l->nqdisc; i++)
		p[i].depth = depth_of(l, p, p[i].pos);
	qsort(p, l->nqdisc, sizeof(*p), by_depth);
	for (i = 0; i < l->nqdisc; i++)
		sorted[i] = l->qdisc[p[i].pos];
	free(p);
	free(l->qdisc);
	l->qdisc = sorted;
	return 0;
}

int links_arrange(struct links *l)
{
	if (l->nlink)
		qsort(l->link, l->nlink, sizeof(*l->link), by_ifindex);
	if (l->naddr)
		qsort(l->addr, l->naddr, sizeof(*l->addr), by_addr);
	return l->nqdisc ? arrange_qdiscs(l) : 0;
}
