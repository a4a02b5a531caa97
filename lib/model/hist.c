// SPDX-License-Identifier: GPL-2.0-or-later
/* Sparse log-linear histograms. */
#include "model/hist.h"

#include <stdlib.h>
#include <string.h>

#include "core/util.h"

#define SUB_BUCKETS (1u << HIST_SUB_BITS)

void hist_range(uint32_t bucket, uint64_t *lo, uint64_t *hi)
{
	/* The inverse of hist_bucket(): two times SUB_BUCKETS buckets of width 1, then SUB_BUCKETS of each further width. */
	uint32_t e = bucket < 2 * SUB_BUCKETS ? 0 : (bucket >> HIST_SUB_BITS) - 1;

	*lo = (uint64_t)(bucket - (e << HIST_SUB_BITS)) << e;
	*hi = bucket + 1 < HIST_BUCKETS ? *lo + (1ULL << e) : UINT64_MAX;
}

static uint64_t bucket_middle(uint32_t bucket)
{
	uint64_t lo, hi;

	hist_range(bucket, &lo, &hi);
	return lo + (hi - lo) / 2;
}

static uint64_t sum_saturated(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Position of the first cell that is not below BUCKET. */
static uint32_t cell_position(const struct hist *h, uint32_t bucket)
{
	uint32_t lo = 0, hi = h->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (h->cell[mid].bucket < bucket)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* COUNT values in BUCKET, of which the smallest and the largest are MIN and MAX. */
static void add_cell(struct hist *h, uint32_t bucket, uint64_t count, uint64_t min, uint64_t max)
{
	uint32_t i = cell_position(h, bucket);

	if (i == h->n || h->cell[i].bucket != bucket) {
		if (h->n == h->cap) {
			uint32_t cap = h->cap ? h->cap * 2 : 16;
			struct hist_cell *cell = realloc(h->cell, cap * sizeof(*cell));

			if (!cell) {
				h->failed = true;
				return;
			}
			h->cell = cell;
			h->cap = cap;
		}
		memmove(&h->cell[i + 1], &h->cell[i], (h->n - i) * sizeof(*h->cell));
		h->cell[i] = (struct hist_cell){ .bucket = bucket };
		h->n++;
	}
	h->cell[i].count = sum_saturated(h->cell[i].count, count);
	h->min = h->total ? MIN(h->min, min) : min;
	h->max = h->total ? MAX(h->max, max) : max;
	h->total = sum_saturated(h->total, count);
}

void hist_add(struct hist *h, uint64_t value, uint64_t count)
{
	if (count)
		add_cell(h, hist_bucket(value), count, value, value);
}

void hist_add_bucket(struct hist *h, uint32_t bucket, uint64_t count)
{
	uint64_t middle;

	if (!count || bucket >= HIST_BUCKETS)
		return;
	middle = bucket_middle(bucket);
	add_cell(h, bucket, count, middle, middle);
}

void hist_merge(struct hist *h, const struct hist *from)
{
	h->failed |= from->failed;
	for (uint32_t i = 0; i < from->n; i++)
		add_cell(h, from->cell[i].bucket, from->cell[i].count, from->min, from->max);
}

void hist_free(struct hist *h)
{
	free(h->cell);
	memset(h, 0, sizeof(*h));
}

/* What a cell's values are reported as. */
static uint64_t cell_value(const struct hist *h, const struct hist_cell *c)
{
	uint64_t v = bucket_middle(c->bucket);

	return MAX(MIN(v, h->max), h->min);
}

bool hist_quantile(const struct hist *h, uint32_t permyriad, uint64_t *v)
{
	uint64_t rank, seen = 0;

	if (!h->total)
		return false;
	permyriad = MIN(permyriad, 10000);
	/* ceil(total × permyriad / 10000) without an overflow */
	rank = h->total / 10000 * permyriad + (h->total % 10000 * permyriad + 9999) / 10000;
	*v = h->min;
	if (rank <= 1)
		return true;
	*v = h->max;
	for (uint32_t i = 0; i < h->n && rank < h->total; i++) {
		seen = sum_saturated(seen, h->cell[i].count);
		if (seen >= rank) {
			*v = cell_value(h, &h->cell[i]);
			break;
		}
	}
	return true;
}

/* Equal widths: from min in steps of so much that max falls into the last bin. */
static unsigned linear_edges(const struct hist *h, struct hist_bin *bin, unsigned nbins)
{
	uint64_t width = sum_saturated((h->max - h->min) / nbins, 1), lo = h->min;
	unsigned n = 0;
	bool more;

	do {
		uint64_t hi = sum_saturated(lo, width);

		bin[n++] = (struct hist_bin){ .lo = lo, .hi = hi };
		more = hi <= h->max && hi < UINT64_MAX;
		lo = hi;
	} while (more);
	return n;
}

/*
 * Equal ratios, without logarithms: the number of a bucket is SUB_BUCKETS × log2(value) with straight lines between the
 * powers of two (it differs from the true one by less than 0.09 × SUB_BUCKETS), so that bins of equally many buckets
 * have equal ratios as nearly as the histogram can tell, and exactly where that is a whole number of powers of two.
 * Below 2 × SUB_BUCKETS, where a bucket is one value wide, they are equally wide. No bin is finer than a bucket.
 */
static unsigned ratio_edges(const struct hist *h, struct hist_bin *bin, unsigned nbins)
{
	uint32_t first = hist_bucket(h->min), last = hist_bucket(h->max), step = (last - first) / nbins + 1;
	uint64_t lo = h->min, unused;
	unsigned n = 0;

	for (uint32_t b = first; b <= last; b += step) {
		bin[n].lo = lo;
		bin[n].count = 0;
		hist_range(MIN(b + step, HIST_BUCKETS) - 1, &unused, &bin[n].hi);
		lo = bin[n++].hi;
	}
	return n;
}

unsigned hist_bins(const struct hist *h, struct hist_bin *bin, unsigned nbins, bool log_scale)
{
	unsigned n, b = 0;

	if (!h->total || !nbins)
		return 0;
	n = log_scale ? ratio_edges(h, bin, nbins) : linear_edges(h, bin, nbins);
	/* Cells are sorted and so are bins: one walk. What is not below the last edge (UINT64_MAX) is in the last bin. */
	for (uint32_t i = 0; i < h->n; i++) {
		uint64_t v = cell_value(h, &h->cell[i]);

		while (b + 1 < n && v >= bin[b].hi)
			b++;
		bin[b].count = sum_saturated(bin[b].count, h->cell[i].count);
	}
	return n;
}
