// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows of the RTT sampler's maps as a replay may hand them over: anything at all. Two readings, the second being the rest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "collect/rttrung.h"
#include "collect/sockdiag.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0
#endif

static void gone(void *arg, const struct rtt_cell *cell)
{
	*(uint64_t *)arg += cell->bucket;
}

/* A copy of exactly LEN bytes at P, never NULL. */
static void *copy(const uint8_t *p, size_t len)
{
	void *c = malloc(len ? len : 1);

	if (!c)
		abort();
	memcpy(c, p, len);
	return c;
}

static void one_reading(struct rtt_past *past, const uint8_t *data, size_t size, unsigned families)
{
	size_t flows = size / 3, cells = size - flows;
	struct rtt_flow_row *flow = copy(data, flows);
	struct rtt_cell_row *cell = copy(data + flows, cells);
	struct rtt_set set = { 0 };
	uint64_t sum = 0;

	if (!rtt_join(past, flow, (uint32_t)((flows + FUZZ_LIE) / sizeof(*flow)), cell,
		      (uint32_t)((cells + FUZZ_LIE) / sizeof(*cell)), families, gone, &sum, &set) &&
	    !rtt_set_seal(&set) && set.n && !rtt_find(&set, set.flow[0].cookie))
		abort();
	rtt_set_free(&set);
	free(flow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtt_past past = { 0 };
	size_t half;

	if (!size)
		return 0;
	half = (size - 1) * (data[0] >> 2) / 63;
	one_reading(&past, data + 1, half, data[0] & 3);
	one_reading(&past, data + 1 + half, size - 1 - half, data[0] & 3);
	rtt_past_free(&past);
	return 0;
}
