// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How a device's load is spread over its queues.
 * kbuild: CONFIG_LINKS
 */
#include "model/balance.h"

#include <string.h>

#include "core/text.h"
#include "core/util.h"

#define LITTLE 1000    /* packets below which nothing is said about balance: chance alone makes them uneven */
#define MASK_WORDS 256 /* of 32 bits: as many CPUs as any kernel has */

struct cpus {
	uint32_t w[MASK_WORDS];
};

/* Words of up to 8 hexadecimal digits, the last one of CPUs 0 to 31. False: not to be read. */
static bool parse_mask(const char *text, struct cpus *c, bool *any)
{
	size_t len = strlen(text);
	unsigned bit = 0;

	memset(c, 0, sizeof(*c));
	*any = false;
	while (len--) {
		char ch = text[len];
		uint32_t v;

		if (ch == ',')
			continue;
		if (ch >= '0' && ch <= '9')
			v = (uint32_t)(ch - '0');
		else if (ch >= 'a' && ch <= 'f')
			v = (uint32_t)(ch - 'a' + 10);
		else
			return false;
		if (bit / 32 >= MASK_WORDS)
			return false;
		c->w[bit / 32] |= v << bit % 32;
		*any |= v;
		bit += 4;
	}
	return bit;
}

void balance_cpus(char *p, size_t cap, const char *mask)
{
	struct cpus c;
	size_t n = 0;
	bool any;
	unsigned from, to;

	*p = 0;
	if (!parse_mask(mask, &c, &any) || !any) {
		fmt_text(p, cap, "%s", *mask && parse_mask(mask, &c, &any) ? "none" : mask);
		return;
	}
	for (from = 0; from < MASK_WORDS * 32 && n + 16 < cap; from = to + 1) {
		for (to = from; to < MASK_WORDS * 32 && c.w[to / 32] >> to % 32 & 1; to++)
			;
		if (to == from)
			continue;
		n += fmt_text(p + n, cap - n, to - from > 1 ? "%s%u-%u" : "%s%u", n ? "," : "", from, to - 1);
	}
	if (n + 16 >= cap)
		fmt_text(p + n, cap - n, "...");
}

enum steering balance_steering(const struct balance *b)
{
	struct cpus seen = { { 0 } }, one;
	uint32_t i, set = 0;
	bool any, shared = false;
	unsigned w;

	for (i = 0; i < b->n; i++) {
		if (!b->mask || !b->mask[i] || !parse_mask(b->mask[i], &one, &any))
			return STEERING_UNKNOWN;
		set += any;
		for (w = 0; w < MASK_WORDS; w++) {
			shared |= seen.w[w] & one.w[w];
			seen.w[w] |= one.w[w];
		}
	}
	if (!set)
		return b->n ? STEERING_NONE : STEERING_UNKNOWN;
	return set < b->n ? STEERING_PARTLY : shared ? STEERING_SHARED : STEERING_OWN;
}

void balance_steering_text(char p[BALANCE_TEXT], const struct balance *b, const char *what)
{
	static const char *const text[] = {
		[STEERING_UNKNOWN] = NULL, [STEERING_NONE] = "off", [STEERING_OWN] = "each queue has CPUs of its own",
		[STEERING_SHARED] = "some CPUs have several queues", [STEERING_PARTLY] = "some queues have no CPU",
	};
	const char *t = text[balance_steering(b)];

	*p = 0;
	if (t)
		fmt_text(p, BALANCE_TEXT, "%s: %s", what, t);
}

static void because(char *p, size_t cap, const struct balance *b, uint32_t busiest)
{
	char cpus[64];

	switch (balance_steering(b)) {
	case STEERING_NONE:
		fmt_text(p, cap, "; XPS is off: queues are chosen by the flows' hash");
		break;
	case STEERING_OWN:
	case STEERING_SHARED:
		balance_cpus(cpus, sizeof(cpus), b->mask[busiest]);
		fmt_text(p, cap, "; XPS: who runs on CPU %s sends there", cpus);
		break;
	case STEERING_PARTLY:
		fmt_text(p, cap, "; XPS leaves some queues without a CPU");
		break;
	case STEERING_UNKNOWN:
		break;
	}
}

void balance_text(char p[BALANCE_TEXT], const struct balance *b)
{
	uint64_t sum = 0;
	uint32_t i, busiest = 0, idle = 0;
	unsigned share, fair;
	size_t n;

	*p = 0;
	if (b->n < 2)
		return;
	for (i = 0; i < b->n; i++) {
		sum += b->bytes[i];
		idle += !b->bytes[i];
		if (b->bytes[i] > b->bytes[busiest])
			busiest = i;
	}
	if (b->packets < LITTLE) {
		fmt_text(p, BALANCE_TEXT, "too little traffic to speak of balance");
		return;
	}
	if (!sum)
		return; /* packets there were, but nobody knows of which queue */
	share = (unsigned)MIN(b->bytes[busiest] / MAX(sum / 1000, 1), 1000);
	fair = 1000 / b->n;
	/* Half as much again as its share is what hashing some tens of flows gives. */
	if (share <= fair + fair / 2 || share <= fair + 50) {
		fmt_text(p, BALANCE_TEXT, "even: the busiest of %u queues carries %u %% (a fair share is %u %%)", b->n, share / 10, fair / 10);
		return;
	}
	n = fmt_text(p, BALANCE_TEXT, "uneven: queue %u carries %u %% (a fair share is %u %%)", busiest, share / 10, fair / 10);
	if (idle)
		n += fmt_text(p + n, BALANCE_TEXT - n, ", %u of %u %s idle", idle, b->n, idle == 1 ? "is" : "are");
	if (b->largest_flow >= b->bytes[busiest] / 10 * 8) {
		fmt_text(p + n, BALANCE_TEXT - n, ", nearly all of it one flow, which keeps to one queue");
		return;
	}
	because(p + n, BALANCE_TEXT - n, b, busiest);
}
