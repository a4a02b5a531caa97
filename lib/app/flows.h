/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's flows as records: sockets, joined with their processes, filtered. Two ways over the same sources:
 * flows_collect() keeps them for sorting and grouping, flows_stream() prints each as it comes, in the kernel's order, in
 * memory that does not grow with their number.
 */
#ifndef FLEUTAN_FLOWS_H
#define FLEUTAN_FLOWS_H

#include "app/look.h"
#include "collect/rttsample.h"
#include "collect/sockdiag.h"
#include "view/view.h"

struct flows {
	struct layout layout;
	struct table table;
	void **row;         /* rows selected, in the kernel's order until somebody sorts them */
	uint32_t nrow;
	struct procset procs;
	bool procs_known;   /* procs holds an answer (perhaps not a complete one) */
	bool iter_served;   /* the socket iterators answered */
	struct hist rtt;    /* srtt of each selected flow that has one, ns */
	struct sock_stats stats;
};

struct flows_want {
	const struct look *look;
	struct fieldset fields;   /* what will be shown; what the filter and the sort read is added */
	const struct rtt_set *rtt; /* samples to join, or NULL */
	bool is_before;           /* this is such an earlier look: nothing is filtered yet */
	const struct flows *before; /* counters become differences to this earlier look (by cookie), or NULL */
};

/* What of the sockets this look wants: states, protocols, families, from options and filter. */
void flows_query(struct sock_query *q, const struct look *l);

/* Fills FL (flows_free() frees it, also after an error) and notes in REP which sources served. 0 or -errno. */
int flows_collect(struct flows *fl, const struct flows_want *w, struct report *rep, struct err *e);

/*
 * Prints every selected flow with RF, whose layout must be &fl->layout as flows_layout() made it, on the look's output,
 * behind HEAD and separated by RF's style. fl->rtt, fl->stats and REP are filled as by flows_collect(). 0 or -errno.
 */
int flows_stream(struct flows *fl, const struct flows_want *w, const struct rowfmt *rf, int fd, struct report *rep,
		 struct err *e);

/* True when one of the fields comes from this kind of source. */
bool flows_wants_source(const struct fieldset *want, enum flow_source source);

/* The layout of the records: to be called before flows_collect() or flows_stream(). */
void flows_layout(struct flows *fl, const struct flows_want *w);
void flows_free(struct flows *fl);

#endif
