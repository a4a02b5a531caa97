// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_SRC_RTT_SAMPLE
 *
 * From the rows of the sampler's maps to flows: what happened since the reading before. Pure.
 */
#include <errno.h>
#include <stdlib.h>

#include "collect/rttrung.h"
#include "collect/sockdiag.h"
#include "core/util.h"
#include "model/sort.h"

#define FAMILY_4 2  /* AF_INET and AF_INET6 as Linux has them on every target */
#define FAMILY_6 10

static int cmp_flow(const void *a, const void *b)
{
	const struct rtt_flow_row *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int cmp_cell(const void *a, const void *b)
{
	const struct rtt_cell_row *x = a, *y = b;

	if (x->cell.id != y->cell.id)
		return x->cell.id < y->cell.id ? -1 : 1;
	return x->cell.bucket < y->cell.bucket ? -1 : x->cell.bucket > y->cell.bucket;
}

static int cmp_past_flow(const void *a, const void *b)
{
	const struct rtt_past_flow *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Puts row IDX[i] at place i, for all i. IDX is used up. */
static void permute(uint8_t *rows, size_t size, uint32_t *idx, uint32_t n)
{
	uint8_t first[sizeof(struct rtt_flow_row)];

	for (uint32_t i = 0; i < n; i++) {
		uint32_t to = i, from;

		if (idx[i] == i)
			continue;
		memcpy(first, rows + i * size, size);
		for (; (from = idx[to]) != i; to = from) {
			memcpy(rows + to * size, rows + from * size, size);
			idx[to] = to;
		}
		memcpy(rows + to * size, first, size);
		idx[to] = to;
	}
}

static void read_keys(uint64_t *key, const uint8_t *rows, size_t size, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		memcpy(&key[i], rows + i * size, sizeof(key[i]));
		key[i] >>= 32;
	}
}

/*
 * Sorts N rows of SIZE bytes that begin with an id: linear by its upper half, which is as good as random, then the
 * short runs that agree in it by CMP. (musl's qsort() alone takes 0.8 s for a million cells.) 0 or -ENOMEM.
 */
static int sort_rows(void *rows, size_t size, uint32_t n, int (*cmp)(const void *, const void *))
{
	uint64_t *key = calloc((size_t)n + 1, sizeof(*key));
	uint32_t *idx = malloc(2 * (size_t)n * sizeof(*idx) + 1), to;
	bool ok = key && idx;

	if (ok) {
		read_keys(key, rows, size, n);
		for (uint32_t i = 0; i < n; i++)
			idx[i] = i;
		sort_by_key(key, idx, idx + n, n);
		permute(rows, size, idx, n);
		read_keys(key, rows, size, n);
	}
	for (uint32_t from = 0; ok && from < n; from = to) {
		for (to = from + 1; to < n && key[to] == key[from]; to++)
			;
		if (to - from > 1)
			qsort((uint8_t *)rows + from * size, to - from, size, cmp);
	}
	free(key);
	free(idx);
	return ok ? 0 : -ENOMEM;
}

static void map_addr(uint8_t out[16], const uint8_t in[16], unsigned family)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (family == FAMILY_4) {
		memcpy(out, mapped, sizeof(mapped));
		memcpy(out + sizeof(mapped), in, 4);
	} else {
		memcpy(out, in, 16);
	}
}

/* The difference of a counter that begins anew when a flow's record is made anew. */
static uint32_t since(uint32_t before, uint32_t now)
{
	return now >= before ? now - before : now;
}

static uint32_t ambiguous_since(const struct rtt_past *past, const struct rtt_flow_row *row)
{
	struct rtt_past_flow want = { .id = row->id }, *was = NULL;

	if (past->nflow)
		was = bsearch(&want, past->flow, past->nflow, sizeof(*past->flow), cmp_past_flow);
	return since(was ? was->ambiguous : 0, row->rec.ambiguous);
}

static void fill(struct rtt_flow *f, const struct rtt_flow_row *row, struct rtt_past *past)
{
	const struct rtt_rec *r = &row->rec;

	f->cookie = r->cookie ? r->cookie : RTT_NO_COOKIE + past->made_up++;
	map_addr(f->key.src, r->src, r->family);
	map_addr(f->key.dst, r->dst, r->family);
	f->key.sport = r->sport;
	f->key.dport = r->dport;
	f->key.ifindex = r->ifindex;
	f->key.proto = 6;
	f->inode = r->inode;
	f->ended = r->ended;
	f->srtt_us = r->last.srtt_us >> 3;
	f->min_rtt_us = r->min_rtt_us == UINT32_MAX ? 0 : r->min_rtt_us;
}

/* A walk over the two sorted arrays of cells side by side, flow by flow. */
struct walk {
	struct rtt_cell_row *cell;
	const struct rtt_cell_row *was;
	uint32_t i, n;       /* cells read */
	uint32_t j, nwas;    /* cells of the reading before */
	uint32_t kept;       /* cells that are the past of the next one */
	rtt_gone_fn gone;
	void *arg;
};

/* Adds what is new in the cells of flow ID to HIST. */
static void take_cells(struct walk *w, uint64_t id, bool ended, struct hist *hist)
{
	while (w->i < w->n && w->cell[w->i].cell.id < id)
		w->i++; /* of a flow that is younger than the reading of flows: it counts in full the next time */
	for (; w->i < w->n && w->cell[w->i].cell.id == id; w->i++) {
		struct rtt_cell_row *c = &w->cell[w->i];
		uint64_t before = 0;

		while (w->j < w->nwas && cmp_cell(&w->was[w->j], c) < 0)
			w->j++;
		if (w->j < w->nwas && !cmp_cell(&w->was[w->j], c))
			before = w->was[w->j].count;
		hist_add_bucket(hist, c->cell.bucket, c->count >= before ? c->count - before : c->count);
		if (ended)
			w->gone(w->arg, &c->cell);
		else
			w->cell[w->kept++] = *c;
	}
}

/* Remembers the flows of this reading for the next one. */
static int remember(struct rtt_past *past, const struct rtt_flow_row *flow, uint32_t nflow)
{
	struct rtt_past_flow *p = NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; i < nflow; i++)
		n += flow[i].rec.ambiguous && !flow[i].rec.ended;
	if (n && !(p = malloc(n * sizeof(*p))))
		return -ENOMEM;
	free(past->flow);
	past->flow = p;
	past->nflow = n;
	for (uint32_t i = 0; i < nflow; i++)
		if (flow[i].rec.ambiguous && !flow[i].rec.ended)
			*p++ = (struct rtt_past_flow){ .id = flow[i].id, .ambiguous = flow[i].rec.ambiguous };
	return 0;
}

static bool family_wanted(unsigned family, unsigned families)
{
	return family == FAMILY_4 ? families & SOCK_FAMILY_4 : family == FAMILY_6 && families & SOCK_FAMILY_6;
}

int rtt_join(struct rtt_past *past, struct rtt_flow_row *flow, uint32_t nflow, struct rtt_cell_row *cell,
	     uint32_t ncell, unsigned families, rtt_gone_fn gone, void *arg, struct rtt_set *set)
{
	struct walk w = { .cell = cell, .n = ncell, .was = past->cell, .nwas = past->ncell, .gone = gone, .arg = arg };
	uint32_t cap = 0;
	int err = sort_rows(flow, sizeof(*flow), nflow, cmp_flow);

	if (!err)
		err = sort_rows(cell, sizeof(*cell), ncell, cmp_cell);
	for (uint32_t i = 0; i < nflow && !err; i++) {
		const struct rtt_flow_row *row = &flow[i];
		struct hist hist = { 0 };
		uint32_t ambiguous = ambiguous_since(past, row);
		struct rtt_flow *f;

		take_cells(&w, row->id, row->rec.ended, &hist);
		if (!family_wanted(row->rec.family, families) || (!hist.total && !ambiguous && !row->rec.ended)) {
			hist_free(&hist);
			continue;
		}
		f = rtt_set_add(set, &cap);
		if (!f) {
			hist_free(&hist);
			err = -ENOMEM;
			break;
		}
		fill(f, row, past);
		f->ambiguous = ambiguous;
		f->hist = hist;
	}
	free(past->cell);
	past->cell = cell;
	past->ncell = w.kept;
	return err ? err : remember(past, flow, nflow);
}

void rtt_past_free(struct rtt_past *past)
{
	free(past->cell);
	free(past->flow);
	memset(past, 0, sizeof(*past));
}
