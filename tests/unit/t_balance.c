// SPDX-License-Identifier: GPL-2.0-or-later
/* How the load of queues is judged. */
#include "model/balance.h"

#include "check.h"

static char text[BALANCE_TEXT];

static const char *judge(const uint64_t *bytes, const char *const *mask, uint32_t n, uint64_t packets, uint64_t largest)
{
	struct balance b = { bytes, mask, n, packets, largest };

	balance_text(text, &b);
	return text;
}

static enum steering steering(const char *const *mask, uint32_t n)
{
	struct balance b = { NULL, mask, n, 0, 0 };

	return balance_steering(&b);
}

static void verdicts(void)
{
	static const char *const off[] = { "0", "0", "0", "0" }, *const own[] = { "1", "2", "4", "8" };
	const uint64_t even[] = { 25000000, 26000000, 24000000, 25000000 }, one[] = { 100, 90000000, 50, 0 };
	const uint64_t two[] = { 50000000, 50000000, 0, 0 }, single[] = { 90000000 };

	CHECK_STR(judge(single, off, 1, 100000, 0), "");
	CHECK_STR(judge(even, off, 4, 100000, 1000), "even: the busiest of 4 queues carries 26 % (a fair share is 25 %)");
	CHECK_STR(judge(one, off, 4, 999, 90000000), "too little traffic to speak of balance");
	CHECK_STR(judge(one, off, 4, 100000, 90000000),
		  "uneven: queue 1 carries 100 % (a fair share is 25 %), 1 of 4 is idle, nearly all of it one flow, which keeps to one queue");
	CHECK_STR(judge(one, off, 4, 100000, 1000000),
		  "uneven: queue 1 carries 100 % (a fair share is 25 %), 1 of 4 is idle; XPS is off: queues are chosen by the flows' hash");
	CHECK_STR(judge(one, own, 4, 100000, 1000000), 
		  "uneven: queue 1 carries 100 % (a fair share is 25 %), 1 of 4 is idle; XPS: who runs on CPU 1 sends there");
	CHECK_STR(judge(one, NULL, 4, 100000, 1000000), "uneven: queue 1 carries 100 % (a fair share is 25 %), 1 of 4 is idle");
	CHECK(!strncmp(judge(two, off, 4, 100000, 1000), "uneven: queue 0 carries 50 % (a fair share is 25 %), 2 of 4 are idle", 60));
	/* Sums near the end of 64 bits. */
	CHECK(!strncmp(judge((const uint64_t[]){ UINT64_MAX / 2, 1 }, off, 2, 100000, 1), "uneven: queue 0 carries 100 %", 29));
}

static void masks(void)
{
	CHECK_EQ(steering((const char *const[]){ "0", "00000000,00000000" }, 2), STEERING_NONE);
	CHECK_EQ(steering((const char *const[]){ "f", "f0" }, 2), STEERING_OWN);
	CHECK_EQ(steering((const char *const[]){ "00000001,00000000", "00000000,00000001" }, 2), STEERING_OWN);
	CHECK_EQ(steering((const char *const[]){ "3", "2" }, 2), STEERING_SHARED);
	CHECK_EQ(steering((const char *const[]){ "1", "0" }, 2), STEERING_PARTLY);
	CHECK_EQ(steering((const char *const[]){ "1", NULL }, 2), STEERING_UNKNOWN);
	CHECK_EQ(steering((const char *const[]){ "1", "xyz" }, 2), STEERING_UNKNOWN);
	CHECK_EQ(steering((const char *const[]){ "1", "" }, 2), STEERING_UNKNOWN);
	CHECK_EQ(steering(NULL, 2), STEERING_UNKNOWN);
}

static void lists(void)
{
	static const struct {
		const char *mask, *list;
	} t[] = {
		{ "0", "none" }, { "1", "0" }, { "f", "0-3" }, { "10d", "0,2-3,8" }, { "00000001,80000000", "31-32" }, { "", "" }, { "zz", "zz" },
	};
	char p[64], small[24];

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		balance_cpus(p, sizeof(p), t[i].mask);
		CHECK_STR(p, t[i].list);
	}
	balance_cpus(small, sizeof(small), "55555555");
	CHECK(strlen(small) < sizeof(small) && strstr(small, "..."));
}

/* More digits than any kernel has CPUs. */
static void endless(void)
{
	static char longer[4096];

	memset(longer, 'f', sizeof(longer) - 1);
	CHECK_EQ(steering((const char *const[]){ longer }, 1), STEERING_UNKNOWN);
}

int main(void)
{
	verdicts();
	masks();
	lists();
	endless();
	return check_done("balance");
}
