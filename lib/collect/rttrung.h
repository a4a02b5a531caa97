/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rungs behind rttsample.h, and what they share. */
#ifndef FLEUTAN_RTTRUNG_H
#define FLEUTAN_RTTRUNG_H

#include "collect/rttrec.h"
#include "collect/rttsample.h"

struct rtt_rung {
	const char *source;
	int (*start)(void **state, const struct rtt_opts *o, struct err *e);
	int (*wait)(void *state, uint64_t deadline_ns, struct err *e); /* NULL: sleep */
	int (*read)(void *state, struct rtt_set *set, struct err *e);  /* SET is empty; rtt_set_seal() follows */
	void (*stop)(void *state);
};

extern const struct rtt_rung rtt_rung_bpf, rtt_rung_poll;

/* Sleeps until DEADLINE_NS at most, see rtt_wait(). */
void rtt_sleep(uint64_t deadline_ns);
/* An empty flow at the end of SET, or NULL: no memory. The set's owner is the caller; *CAP is kept by it. */
struct rtt_flow *rtt_set_add(struct rtt_set *set, uint32_t *cap);
/* Sorts, and sums up the flows. 0 or -ENOMEM. */
int rtt_set_seal(struct rtt_set *set);

/* What the maps of rttsample.bpf.c hold, element by element. */
struct rtt_flow_row {
	uint64_t id;
	struct rtt_rec rec;
};

struct rtt_cell_row {
	struct rtt_cell cell;
	uint64_t count;
};

/*
 * What the reading before had: counts in the kernel only grow, an interval is the difference. Zero-initialise;
 * rtt_past_free() at the end.
 */
struct rtt_past {
	struct rtt_cell_row *cell; /* sorted by id and bucket */
	uint32_t ncell;
	struct rtt_past_flow {
		uint64_t id;
		uint32_t ambiguous;
	} *flow;                   /* sorted by id */
	uint32_t nflow;
	uint64_t made_up;          /* cookies given to flows without */
};

/* Called for each cell of a flow that ended. */
typedef void (*rtt_gone_fn)(void *arg, const struct rtt_cell *cell);

/*
 * Makes flows of a reading's rows, which it sorts: those in which something happened since PAST. Takes CELL (malloc)
 * over in any case: it becomes the past of the next reading, without the cells of flows that ended: GONE is told
 * those. Pure: for tests. 0 or -ENOMEM.
 */
int rtt_join(struct rtt_past *past, struct rtt_flow_row *flow, uint32_t nflow, struct rtt_cell_row *cell,
	     uint32_t ncell, unsigned families, rtt_gone_fn gone, void *arg, struct rtt_set *set);
void rtt_past_free(struct rtt_past *past);

#endif
