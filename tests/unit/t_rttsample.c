/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Getting samples back out of smoothed values, and making flows of the sampler's maps. */
#include "check.h"
#include "collect/rttrung.h"
#include "collect/sockdiag.h"

static uint64_t seed = 88172645463325252ULL;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

/* What the kernel's estimator does with one sample: RFC 6298, with its own treatment of falling RTTs. */
static void estimate(struct rtt_state *s, uint32_t snd_nxt, long sample)
{
	long err, step;

	if (!s->srtt_us) {
		s->srtt_us = sample ? (uint32_t)sample * 8 : 1;
		s->mdev_us = (uint32_t)sample * 2;
		s->rtt_seq = snd_nxt;
		return;
	}
	err = sample - (long)(s->srtt_us / 8);
	step = labs(err) - (long)(s->mdev_us / 4);
	if (err < 0 && step > 0)
		step /= 8; /* a falling RTT shall not look like a varying one */
	s->srtt_us = (uint32_t)((long)s->srtt_us + err);
	s->mdev_us = (uint32_t)((long)s->mdev_us + step);
	if ((int32_t)(s->snd_una - s->rtt_seq) > 0)
		s->rtt_seq = snd_nxt;
}

struct tally {
	unsigned exact, wrong, none, ambiguous, updates;
};

/* N segments with samples of BASE + 0 … JITTER - 1; every third acknowledges nothing, every fifth takes no sample. */
static struct tally connection(unsigned n, uint32_t base, uint32_t jitter)
{
	struct rtt_state s = { .snd_una = rnd(UINT32_MAX) };
	struct tally t = { 0 };

	for (unsigned i = 0; i < n; i++) {
		struct rtt_state was = s;
		uint32_t sample = base + rnd(jitter), got = UINT32_MAX;
		bool update = i % 3 && i % 5;

		if (i % 3) {
			s.snd_una += 1448;
			s.delivered++;
		}
		if (update)
			estimate(&s, s.snd_una + 14480, sample);
		t.updates += update;
		switch (rtt_recover(&was, &s, &got)) {
		case RTT_SAMPLE:
			if (update && got == sample)
				t.exact++;
			else
				t.wrong++;
			break;
		case RTT_AMBIGUOUS:
			t.ambiguous++;
			if (was.mdev_us >= 4)
				t.wrong++;
			break;
		case RTT_NONE:
			t.none++;
			t.wrong += update;
			break;
		}
	}
	return t;
}

static void recovers_every_sample(void)
{
	static const uint32_t jitters[] = { 4, 10, 300, 40000, 5000000 };

	for (unsigned i = 0; i < sizeof(jitters) / sizeof(jitters[0]); i++)
		for (uint32_t base = 0; base < 300000; base = base * 7 + 5) {
			struct tally t = connection(3000, base, jitters[i]);

			CHECK_EQ(t.wrong, 0);
			CHECK_EQ(t.exact + t.none + t.ambiguous, 3000);
			CHECK(t.exact + t.ambiguous >= t.updates);
			if (jitters[i] >= 300)
				CHECK_EQ(t.exact, t.updates);
		}
}

/* A path without any jitter: the deviation dies away, and only then is there anything that cannot be told. */
static void still_water(void)
{
	struct tally t = connection(3000, 40000, 1);

	CHECK_EQ(t.wrong, 0);
	CHECK(t.ambiguous > 0);
	CHECK(t.exact > 40); /* until the deviation is gone, and once per round trip after that */
}

/* Several updates that nobody saw one by one must not pass for one sample. */
static void gaps_are_noticed(void)
{
	struct rtt_state s = { .snd_una = 1 };
	unsigned passed = 0, rounds = 20000;

	estimate(&s, 100, 20000);
	for (unsigned i = 0; i < rounds; i++) {
		struct rtt_state was = s;
		uint32_t got;

		for (unsigned k = 0; k < 2 + i % 4; k++) {
			s.snd_una += 1000;
			s.delivered++;
			estimate(&s, s.snd_una + 5000, 20000 + rnd(4000));
		}
		passed += rtt_recover(&was, &s, &got) == RTT_SAMPLE;
	}
	CHECK(passed < rounds / 100);
}

static void first_sample_and_reset(void)
{
	struct rtt_state none = { 0 }, one = { .srtt_us = 40000 * 8, .mdev_us = 80000 }, zero = { .srtt_us = 1 };
	struct rtt_state late = { .srtt_us = 40000 * 8 + 3, .mdev_us = 61234 };
	uint32_t us = 0;

	CHECK_EQ(rtt_recover(&none, &one, &us), RTT_SAMPLE);
	CHECK_EQ(us, 40000);
	CHECK_EQ(rtt_recover(&none, &zero, &us), RTT_SAMPLE);
	CHECK_EQ(us, 0);
	CHECK_EQ(rtt_recover(&none, &late, &us), RTT_AMBIGUOUS);
	CHECK_EQ(rtt_recover(&none, &none, &us), RTT_NONE);
	CHECK_EQ(rtt_recover(&one, &none, &us), RTT_NONE);
	CHECK_EQ(rtt_recover(&one, &one, &us), RTT_NONE);
}

static struct rtt_cell_row *cells(uint32_t n, const struct rtt_cell_row *from)
{
	struct rtt_cell_row *c = malloc(n * sizeof(*c) + 1);

	memcpy(c, from, n * sizeof(*c));
	return c;
}

static unsigned gone_cells;

static void gone(void *arg, const struct rtt_cell *cell)
{
	(void)arg;
	(void)cell;
	gone_cells++;
}

static struct rtt_flow_row row(uint64_t id, uint64_t cookie, uint32_t ambiguous, uint32_t ended)
{
	struct rtt_flow_row r = { .id = id };

	r.rec.cookie = cookie;
	r.rec.ambiguous = ambiguous;
	r.rec.ended = ended;
	r.rec.family = 2;
	memcpy(r.rec.src, "\xc0\0\2\1", 4);
	r.rec.min_rtt_us = UINT32_MAX;
	r.rec.last.srtt_us = 80;
	r.rec.dport = 443;
	return r;
}

static int one_cell(struct rtt_past *past, struct rtt_flow_row row[3], uint32_t bucket, uint64_t count,
		    unsigned families, struct rtt_set *set)
{
	struct rtt_cell_row c = { { 9, bucket, 0 }, count };

	return rtt_join(past, row, 3, cells(1, &c), 1, families, gone, NULL, set);
}

static void readings_are_differences(void)
{
	static const uint8_t src[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	struct rtt_past past = { 0 };
	struct rtt_set set = { 0 };
	struct rtt_flow_row a[] = { row(9, 100, 2, 0), row(3, 0, 0, 1), row(5, 50, 0, 0) };
	struct rtt_flow_row b[] = { row(9, 100, 5, 0), row(5, 50, 0, 0), row(7, 70, 0, 0) };
	const struct rtt_flow *f;

	/* Cells of flow 7, which is younger than the reading of flows; of 3, which ended and never had a cookie. */
	CHECK_EQ(rtt_join(&past, a, 3, cells(4, (struct rtt_cell_row[]){ { { 9, 40, 0 }, 3 }, { { 3, 44, 0 }, 7 },
		 { { 7, 41, 0 }, 2 }, { { 9, 33, 0 }, 1 } }), 4, SOCK_FAMILY_4 | SOCK_FAMILY_6, gone, NULL, &set), 0);
	CHECK_EQ(rtt_set_seal(&set), 0);
	CHECK_EQ(set.n, 2);
	CHECK_EQ(set.samples, 11);
	CHECK_EQ(set.ambiguous, 2);
	CHECK_EQ(set.all.total, 11);
	CHECK_EQ(gone_cells, 1);
	f = rtt_find(&set, 100);
	CHECK(f && f->samples == 4 && f->ambiguous == 2 && !f->ended && f->srtt_us == 10 && !f->min_rtt_us);
	CHECK(f && f->key.dport == 443 && !memcmp(f->key.src, src, 16));
	CHECK(!rtt_find(&set, 50));
	f = rtt_find(&set, RTT_NO_COOKIE);
	CHECK(f && f->ended && f->samples == 7);
	rtt_set_free(&set);

	CHECK_EQ(rtt_join(&past, b, 3, cells(3, (struct rtt_cell_row[]){ { { 9, 40, 0 }, 13 }, { { 7, 41, 0 }, 5 },
		 { { 9, 33, 0 }, 1 } }), 3, SOCK_FAMILY_4 | SOCK_FAMILY_6, gone, NULL, &set), 0);
	CHECK_EQ(rtt_set_seal(&set), 0);
	CHECK_EQ(set.n, 2);
	f = rtt_find(&set, 100);
	CHECK(f && f->samples == 10 && f->ambiguous == 3 && f->hist.n == 1);
	f = rtt_find(&set, 70);
	CHECK(f && f->samples == 5);
	rtt_set_free(&set);

	/* Nothing new; then only IPv6 wanted; then buckets that cannot be. */
	CHECK_EQ(one_cell(&past, b, 40, 13, SOCK_FAMILY_4, &set), 0);
	CHECK_EQ(set.n, 0);
	CHECK_EQ(one_cell(&past, b, 40, 14, SOCK_FAMILY_6, &set), 0);
	CHECK_EQ(set.n, 0);
	CHECK_EQ(one_cell(&past, b, UINT32_MAX, 1, SOCK_FAMILY_4, &set), 0);
	CHECK_EQ(set.n, 0);
	rtt_set_free(&set);
	rtt_past_free(&past);
}

/* Many flows in any order, read twice: each gets its own samples, and those once. */
static void every_flow_gets_its_own(void)
{
	enum { FLOWS = 700, CELLS = 9 };
	static uint64_t id[FLOWS], count[FLOWS][CELLS];
	static struct rtt_flow_row flow[FLOWS];
	struct rtt_past past = { 0 };
	struct rtt_set set = { 0 };
	unsigned wrong = 0;

	for (unsigned i = 0; i < FLOWS; i++)
		id[i] = ((uint64_t)rnd(1U << 31) << 33 | i) * 0x9e3779b97f4a7c15ULL;
	for (unsigned round = 0; round < 3; round++) {
		struct rtt_cell_row *cell = malloc(FLOWS * CELLS * sizeof(*cell));
		uint64_t fresh[FLOWS] = { 0 };

		for (unsigned i = 0; i < FLOWS; i++)
			flow[i] = row(id[i], 1000 + i, 0, 0);
		for (unsigned i = 0; i < FLOWS * CELLS; i++) {
			unsigned f = i / CELLS, k = i % CELLS, j = rnd(i + 1), more = 1 + rnd(100);

			count[f][k] += more;
			fresh[f] += more;
			cell[i] = cell[j]; /* a shuffle from within */
			cell[j] = (struct rtt_cell_row){ { id[f], 100 + k, 0 }, count[f][k] };
		}
		for (unsigned i = FLOWS - 1; i; i--) {
			unsigned j = rnd(i + 1);
			struct rtt_flow_row t = flow[i];

			flow[i] = flow[j];
			flow[j] = t;
		}
		CHECK_EQ(rtt_join(&past, flow, FLOWS, cell, FLOWS * CELLS, SOCK_FAMILY_4, gone, NULL, &set), 0);
		CHECK_EQ(rtt_set_seal(&set), 0);
		CHECK_EQ(set.n, FLOWS);
		for (unsigned i = 0; i < FLOWS; i++) {
			const struct rtt_flow *f = rtt_find(&set, 1000 + i);

			wrong += !f || f->samples != fresh[i] || f->hist.n != CELLS;
		}
		CHECK_EQ(wrong, 0);
		rtt_set_free(&set);
	}
	rtt_past_free(&past);
}

int main(void)
{
	recovers_every_sample();
	still_water();
	gaps_are_noticed();
	first_sample_and_reset();
	readings_are_differences();
	every_flow_gets_its_own();
	return check_done("rttsample");
}
