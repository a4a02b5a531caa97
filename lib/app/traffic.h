/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packets of an interval as flows: one row for each flow, device, direction and queue (and CPU, where that is asked
 * for), joined with sockets, processes and connection tracking.
 */
#ifndef FLEUTAN_TRAFFIC_H
#define FLEUTAN_TRAFFIC_H

#include "app/flows.h"
#include "collect/conntrack.h"
#include "collect/links.h"
#include "collect/packets.h"
#include "collect/qtrace.h"

/* What belongs to one network namespace. */
struct traffic_space {
	uint32_t name;        /* string id; 0: the caller's */
	struct links links;   /* of the end; the counters of qdiscs and devices are of the interval */
	struct links before;  /* as they stood at its beginning */
	struct ct_table ct;
	bool ct_known;
};

/* Beside each row of the table. */
struct traffic_meta {
	uint32_t hash, ifindex;
	uint32_t reason;      /* most frequent reason of drops, with its count */
	uint32_t reason_count;
	uint16_t space;
	bool reverse;         /* packets go from dst to src */
};

struct traffic_opts {
	const char *btf;
	uint32_t entries;
	int method;           /* enum pkt_method */
	bool rx, inner, sojourn, drops, cpu;
};

struct traffic {
	struct pkt_source *source; /* kept from one interval to the next, like the tracer */
	struct qtrace *qtrace;
	char why[160], qtrace_why[160];
	struct err ct_why;
	struct traffic_space *space;
	uint32_t nspace;

	struct look all;           /* the look without its selection */
	struct flows sockets;      /* every socket; its layout is that of the rows, its procset has their processes */
	struct table table;
	struct traffic_meta *meta; /* as many as the table has rows */
	struct hist *sojourn;      /* the same, or NULL: not asked for */
	uint32_t cap;
	uint32_t *bucket, mask;
	void **row;                /* the selected ones */
	uint32_t nrow, nflow;      /* a flow may have several rows */
	struct pkt_result result;
	struct qtrace_result qtraced;
	uint64_t begun, interval_ns;
	bool goes_on;              /* more intervals follow */
	bool failed;               /* out of memory */
};

/*
 * Waits look->interval_ns, then fills T with what was counted; FIELDS is what will be shown (what filter, sort and group
 * read is added). Notes sources, losses and cost in REP. 0 or -errno. traffic_release() frees an interval's rows.
 */
int traffic_take(struct traffic *t, const struct traffic_opts *o, const struct look *l, const struct fieldset *fields,
		 struct report *rep, struct err *e);
void traffic_release(struct traffic *t);
/* Ends the counting: nothing stays in the kernel. */
void traffic_end(struct traffic *t);

/* V per NS as V per second. */
uint64_t traffic_rate(uint64_t v, uint64_t ns);

/* traffic_rows.c, traffic_join.c: the parts of traffic_take(). */
struct pkt_key;
#define TRAFFIC_NO_ROW UINT32_MAX
uint32_t traffic_find(const struct traffic *t, const struct pkt_key *key); /* where CPUs are not kept apart */
uint32_t traffic_row(struct traffic *t, const struct pkt_key *key, bool cpu); /* finds or adds: its number, or TRAFFIC_NO_ROW */
void traffic_rows_free(struct traffic *t);
int traffic_join(struct traffic *t, const struct look *l, struct report *rep, struct err *e);

#endif
