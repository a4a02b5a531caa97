// SPDX-License-Identifier: GPL-2.0-or-later
/* model/hist.c */
#include "check.h"
#include "core/util.h"
#include "model/hist.h"

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void one_value(uint64_t v)
{
	uint32_t b = hist_bucket(v);
	uint64_t lo, hi, middle;

	CHECK(b < HIST_BUCKETS);
	hist_range(b, &lo, &hi);
	CHECK(lo <= v && (v < hi || v == UINT64_MAX));
	middle = lo + (hi - lo) / 2;
	/* wrong by at most 1/64 of itself */
	CHECK((middle > v ? middle - v : v - middle) <= v / (2u << HIST_SUB_BITS));
	CHECK(HIST_ERROR_PERMILLE >= 1000 / (2 << HIST_SUB_BITS));
}

static void test_buckets(void)
{
	uint64_t lo, hi = 0;

	for (uint32_t b = 0; b < HIST_BUCKETS; b++) {
		uint64_t end = hi;

		hist_range(b, &lo, &hi);
		CHECK(lo == end && hi > lo);
		CHECK_EQ(hist_bucket(lo), b);
		CHECK_EQ(hist_bucket(hi - 1), b);
	}
	CHECK(hi == UINT64_MAX);
	CHECK_EQ(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1);
	for (int i = 0; i < 64; i++) {
		one_value(1ULL << i);
		one_value((1ULL << i) - 1);
		one_value((1ULL << i) + 1);
	}
	one_value(UINT64_MAX);
	for (int i = 0; i < 20000; i++)
		one_value(random_u64() >> random_u64() % 64);
}

static int order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void test_quantiles(void)
{
	static uint64_t all[10007];
	static const uint32_t asked[] = { 0, 1, 100, 2500, 5000, 9000, 9900, 9999, 10000, 20000 };
	struct hist h = { 0 };
	uint64_t v;

	CHECK(!hist_quantile(&h, 5000, &v));
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		all[i] = random_u64() >> (20 + random_u64() % 40);
		hist_add(&h, all[i], 1);
	}
	qsort(all, ARRAY_SIZE(all), sizeof(*all), order);
	CHECK_EQ(h.total, ARRAY_SIZE(all));
	CHECK(h.min == all[0] && h.max == all[ARRAY_SIZE(all) - 1]);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		size_t p = MIN(asked[i], 10000), rank = (ARRAY_SIZE(all) * p + 9999) / 10000;
		uint64_t want = all[rank ? rank - 1 : 0];

		CHECK(hist_quantile(&h, asked[i], &v));
		CHECK((v > want ? v - want : want - v) <= want / 64);
		CHECK(v >= h.min && v <= h.max);
	}
	CHECK(hist_quantile(&h, 10000, &v) && v == h.max);
	CHECK(hist_quantile(&h, 0, &v) && v == h.min);
	hist_free(&h);
}

static void test_edges(void)
{
	struct hist h = { 0 };
	uint64_t v;

	hist_add(&h, 123456789, 0);
	CHECK_EQ(h.total, 0);
	hist_add(&h, 123456789, 1);
	CHECK(hist_quantile(&h, 5000, &v) && v == 123456789); /* one value: exact */
	hist_add(&h, 0, 1);
	hist_add(&h, UINT64_MAX, 1);
	CHECK(h.min == 0 && h.max == UINT64_MAX && h.total == 3);
	CHECK(hist_quantile(&h, 10000, &v) && v == UINT64_MAX);
	hist_add(&h, 5, UINT64_MAX); /* counts saturate */
	CHECK(h.total == UINT64_MAX);
	CHECK(hist_quantile(&h, 5000, &v) && v == 5);
	hist_add_bucket(&h, HIST_BUCKETS, 1);
	hist_add_bucket(&h, UINT32_MAX, 1);
	CHECK_EQ(h.n, 4);
	hist_free(&h);
	CHECK(!h.cell && !h.total);
	hist_add_bucket(&h, hist_bucket(1000000), 2);
	CHECK(h.min == h.max && h.total == 2);
	CHECK_EQ(hist_bucket(h.min), hist_bucket(1000000));
	hist_add(&h, h.min + 1, 1);
	CHECK(h.max == h.min + 1 && h.n == 1);
	hist_free(&h);
}

static void test_merge(void)
{
	struct hist a = { 0 }, b = { 0 }, both = { 0 }, empty = { 0 };

	for (int i = 0; i < 5000; i++) {
		uint64_t v = random_u64() >> (10 + random_u64() % 50);

		hist_add(i & 1 ? &a : &b, v, 1 + i % 3);
		hist_add(&both, v, 1 + i % 3);
	}
	hist_merge(&a, &empty);
	hist_merge(&a, &b);
	CHECK(a.total == both.total && a.min == both.min && a.max == both.max && a.n == both.n);
	CHECK(!memcmp(&a.min, &both.min, sizeof(a.min)));
	for (uint32_t i = 0; i < a.n; i++) {
		CHECK(a.cell[i].bucket == both.cell[i].bucket && a.cell[i].count == both.cell[i].count);
		CHECK(!i || a.cell[i - 1].bucket < a.cell[i].bucket);
	}
	hist_merge(&empty, &both);
	CHECK(empty.total == both.total && empty.min == both.min && empty.max == both.max);
	b.failed = true;
	hist_merge(&a, &b);
	CHECK(a.failed);
	hist_free(&a);
	hist_free(&b);
	hist_free(&both);
	hist_free(&empty);
}

static void check_bins(const struct hist *h, unsigned nbins, bool log_scale)
{
	struct hist_bin *bin = malloc(nbins * sizeof(*bin));
	unsigned n = hist_bins(h, bin, nbins, log_scale);
	uint64_t sum = 0;

	CHECK(n >= 1 && n <= nbins);
	CHECK(bin[0].lo == h->min);
	CHECK(bin[n - 1].hi > h->max || h->max == UINT64_MAX);
	CHECK(bin[n - 1].lo <= h->max);
	for (unsigned i = 0; i < n; i++) {
		CHECK(bin[i].hi > bin[i].lo);
		CHECK(i + 1 == n || bin[i].hi == bin[i + 1].lo);
		/* equal widths, the last one only where numbers end */
		CHECK(log_scale || i + 1 == n || bin[i].hi - bin[i].lo == bin[0].hi - bin[0].lo);
		sum += bin[i].count;
	}
	CHECK(sum == h->total);
	free(bin);
}

static void test_bins(void)
{
	static const unsigned sizes[] = { 1, 2, 3, 10, 20, 21, 64, 5000 };
	struct hist_bin bin[64];
	struct hist h = { 0 };

	CHECK_EQ(hist_bins(&h, bin, 64, true), 0);
	for (int round = 0; round < 60; round++) {
		int n = round % 2 ? 1 + round : 3000;

		for (int i = 0; i < n; i++)
			hist_add(&h, random_u64() >> (round + random_u64() % 4), 1);
		if (round % 7 == 0)
			hist_add(&h, round % 14 ? 0 : UINT64_MAX, 1);
		if (round % 5 == 0)
			hist_add_bucket(&h, (uint32_t)(random_u64() % HIST_BUCKETS), 3);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			check_bins(&h, sizes[i], false);
			check_bins(&h, sizes[i], true);
		}
		CHECK_EQ(hist_bins(&h, bin, 0, true), 0);
		hist_free(&h);
	}
}

/* Values a person can check: ten bins of one each, and bins that double. */
static void test_bins_known(void)
{
	struct hist_bin bin[64];
	struct hist h = { 0 };

	for (uint64_t v = 0; v < 10; v++)
		hist_add(&h, v, v + 1);
	CHECK_EQ(hist_bins(&h, bin, 10, false), 10);
	for (uint64_t i = 0; i < 10; i++)
		CHECK(bin[i].lo == i && bin[i].hi == i + 1 && bin[i].count == i + 1);
	CHECK_EQ(hist_bins(&h, bin, 5, false), 5);
	CHECK(bin[4].lo == 8 && bin[4].hi == 10 && bin[4].count == 19);
	hist_free(&h);
	for (int i = 0; i < 8; i++)
		hist_add(&h, 1024ULL << i, 1);
	hist_add(&h, (1024ULL << 8) - 1, 1);
	CHECK_EQ(hist_bins(&h, bin, 8, true), 8);
	for (int i = 0; i < 8; i++)
		CHECK(bin[i].lo == 1024ULL << i && bin[i].hi == 2048ULL << i && bin[i].count == (i < 7 ? 1 : 2));
	hist_free(&h);
	hist_add(&h, 500, 4);
	CHECK_EQ(hist_bins(&h, bin, 10, true), 1);
	CHECK(bin[0].lo == 500 && bin[0].hi > 500 && bin[0].count == 4);
	hist_free(&h);
}

int main(void)
{
	test_buckets();
	test_quantiles();
	test_edges();
	test_merge();
	test_bins();
	test_bins_known();
	return check_done("hist");
}
