/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only tracepoints can tell about queueing: how long each packet waited in its qdisc, and what was dropped and
 * why. Both cost per packet, so each is attached only when asked for (bpf/qtrace.bpf.c).
 */
#ifndef FLEUTAN_QTRACE_H
#define FLEUTAN_QTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "collect/pktrec.h"
#include "core/err.h"

struct qtrace_opts {
	bool sojourn, drops;
	bool inner;            /* as in pkt_opts */
	uint32_t max_cells;    /* 0: default */
	bool stats;
	const uint64_t *netns; /* as in pkt_opts */
	uint32_t nnetns;
};

/*
 * Packets that a device was handed: matched + unmatched + lost is what the counters (packets.h) count. A device without
 * a qdisc (noqueue) has only waits of bucket 0, as one whose qdisc nobody had to wait in.
 */
struct qtrace_result {
	uint64_t matched;    /* their time in the qdisc is known (bypass included) */
	uint64_t unmatched;  /* it is not: cut into segments within the qdisc, queued before the start */
	uint64_t lost;       /* it found no room in the table */
	uint64_t drops_lost; /* drops that found no room */
	bool reasons;        /* the kernel gives reasons for drops */
	uint64_t runs, run_ns;
};

struct qtrace;

/* 0 or -errno with a sentence why not. */
int qtrace_start(struct qtrace **out, const struct qtrace_opts *o, struct err *e);
/* The interval ends now, and the next one begins; qtrace_read() then tells what it had. 0 or -errno. */
int qtrace_cut(struct qtrace *q, struct err *e);
/* Deltas since the start or the reading before; either FN may be NULL. 0 or -errno. */
typedef void (*qtrace_sojourn_fn)(void *arg, const struct pkt_key *key, uint32_t bucket, uint64_t packets);
typedef void (*qtrace_drop_fn)(void *arg, const struct pkt_key *key, uint32_t reason, const struct pkt_count *n);
int qtrace_read(struct qtrace *q, qtrace_sojourn_fn sojourn, qtrace_drop_fn drop, void *arg, struct qtrace_result *res,
		struct err *e);
void qtrace_stop(struct qtrace *q);
/*
 * The name of a reason in lower case without its prefix ("qdisc_drop", "tcp_csum"), from the kernel's BTF, as a string
 * id; 0: not known.
 */
uint32_t qtrace_reason(struct qtrace *q, uint32_t reason);

#endif
