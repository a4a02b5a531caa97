/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log-linear histograms of 64-bit values, mergeable: values below 2^HIST_SUB_BITS have a bucket of their own, above that
 * each power of two is cut into 2^HIST_SUB_BITS equal buckets (as in HdrHistogram). A value reported from a bucket is its
 * middle, so it is wrong by at most 1/2^(HIST_SUB_BITS+1) of itself: HIST_ERROR_PERMILLE.
 */
#ifndef FLEUTAN_HIST_H
#define FLEUTAN_HIST_H

#include <stdbool.h>
#include <stdint.h>

#define HIST_SUB_BITS 5
#define HIST_ERROR_PERMILLE 16 /* 1/64 = 15.6 permille, rounded up */
#define HIST_BUCKETS ((64 - HIST_SUB_BITS + 1) << HIST_SUB_BITS)

/* The bucket of a value; the same arithmetic runs in BPF (bpf/rttsample.bpf.c includes this header). */
static inline __attribute__((always_inline)) uint32_t hist_bucket(uint64_t v)
{
	uint32_t e = 0;
	uint64_t x = v >> (HIST_SUB_BITS + 1);

	/* floor(log2(v)) - HIST_SUB_BITS, at least 0, without clz (BPF has none). */
	if (x >> 32) { e += 32; x >>= 32; }
	if (x >> 16) { e += 16; x >>= 16; }
	if (x >> 8) { e += 8; x >>= 8; }
	if (x >> 4) { e += 4; x >>= 4; }
	if (x >> 2) { e += 2; x >>= 2; }
	if (x >> 1) { e += 1; x >>= 1; }
	if (x)
		e += 1;
	/* v >> e lies in [32, 64) when e > 0, below 64 when e == 0 */
	return (e << HIST_SUB_BITS) + (uint32_t)(v >> e);
}

/* The range [lo, hi) that a bucket stands for (hi of the last one is UINT64_MAX). */
void hist_range(uint32_t bucket, uint64_t *lo, uint64_t *hi);

/* A sparse histogram: sorted runs of (bucket, count). Owned memory; zero-initialise, hist_free at the end. */
struct hist_cell {
	uint32_t bucket;
	uint64_t count;
};

struct hist {
	struct hist_cell *cell; /* sorted by bucket */
	uint32_t n, cap;
	uint64_t total;
	uint64_t min, max; /* exact where they were given as values, else from the bucket; meaningless when total is 0 */
	bool failed;       /* out of memory: some counts are missing */
};

void hist_add(struct hist *h, uint64_t value, uint64_t count);
void hist_add_bucket(struct hist *h, uint32_t bucket, uint64_t count);
void hist_merge(struct hist *h, const struct hist *from);
void hist_free(struct hist *h);

/*
 * The value at quantile PERMYRIAD/10000 (5000: median) by the nearest-rank rule; the middle of its bucket, never above
 * max nor below min; the first and the last rank are min and max themselves. False when the histogram is empty.
 */
bool hist_quantile(const struct hist *h, uint32_t permyriad, uint64_t *v);

/*
 * Re-bins for display into at most NBINS bins of equal width (lin) or equal ratio (log) that cover min … max; count goes
 * by the bucket's middle. Fills lo/hi/count, returns the number of bins (0: empty histogram).
 */
struct hist_bin {
	uint64_t lo, hi, count;
};
unsigned hist_bins(const struct hist *h, struct hist_bin *bin, unsigned nbins, bool log_scale);

#endif
