/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interval's RTT samples, and the counters before it: what a look over time (-i) adds to a look at a moment. */
#ifndef FLEUTAN_SAMPLING_H
#define FLEUTAN_SAMPLING_H

#include "app/flows.h"
#include "core/util.h"

struct sampling {
	struct rtt_sampler *sampler; /* kept from one interval to the next */
	struct rtt_set set;
	struct flows before;
	bool done;                   /* asked through sampling_done() */
	char why[160];               /* a better rung was not taken because */
};

/* Whether the set holds an interval's samples. */
static inline bool sampling_done(const struct sampling *s)
{
	return IS_ENABLED(CONFIG_INTERVAL) && s->done;
}

/* Waits look->interval_ns, then fills s->set and what W joins (w->rtt, w->before); notes sources, losses and cost in REP. 0 or -errno. */
int sampling_take(struct sampling *s, enum rtt_method method, struct flows_want *w, struct report *rep, struct err *e);
/* Frees one interval's samples. */
void sampling_release(struct sampling *s);
/* Ends the sampling: nothing stays in the kernel. */
void sampling_end(struct sampling *s);

#endif
