/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every RTT sample of an interval, per flow: taken in the kernel at each update by BPF (tracepoint tcp_probe), or by
 * polling inet_diag where there is no BPF. One interface, two rungs.
 */
#ifndef FLEUTAN_RTTSAMPLE_H
#define FLEUTAN_RTTSAMPLE_H

#include "core/err.h"
#include "model/filter.h"
#include "model/flow.h"
#include "model/hist.h"

struct rtt_flow {
	/*
	 * The kernel's socket cookie: joins with F_COOKIE. A flow that ended before it had one (where BPF cannot give
	 * it one) gets a number of its own from RTT_NO_COOKIE upwards.
	 */
	uint64_t cookie;
	struct flow_key key;
	uint32_t inode;       /* of the socket, 0 unknown: joins with processes also after the socket died */
	uint32_t samples;     /* hist.total */
	uint32_t ambiguous;   /* moments at which it could not be told whether a sample was taken, or several were */
	bool ended;           /* the socket closed within the interval: the dump at its end does not have it */
	uint32_t srtt_us, min_rtt_us; /* last seen, 0 unknown */
	struct hist hist;     /* ns */
};

#define RTT_NO_COOKIE (1ULL << 63)

struct rtt_set {
	struct rtt_flow *flow; /* sorted by cookie */
	uint32_t n;
	struct hist all;       /* every sample of every flow, ns */
	uint64_t samples, ambiguous;
	uint64_t lost;         /* samples that found no room in the kernel's tables */
	uint64_t evicted;      /* flows that found no room */
	uint64_t events, run_ns; /* cost: program runs and their time, 0 where the kernel does not tell; or dumps */
	const char *source;    /* "tcp_probe" or "sock_diag_poll" */
};

struct rtt_sampler;

enum rtt_method { RTT_AUTO, RTT_BPF, RTT_POLL };

struct rtt_opts {
	enum rtt_method method;
	uint32_t max_flows;
	uint64_t interval_ns;       /* polling: chooses its period from it */
	const struct filter *filter; /* polling: handed to the dumps; may be NULL */
	unsigned families;
	bool all_netns;             /* flows of every namespace (BPF only: polling sees the caller's) */
	bool stats;                 /* have the kernel count the programs' runs and time */
};

/* Starts sampling in the calling thread's network namespace; WHY: why a better rung was not taken. 0 or -errno. */
int rtt_start(struct rtt_sampler **out, const struct rtt_opts *o, char *why, size_t whylen, struct err *e);
/*
 * To be called in a loop until the interval is over: sleeps or polls until DEADLINE_NS (now_ns()) at most, comes back
 * earlier for a signal and every 200 ms for the caller's progress line. In a replay it does not wait at all. 0 or
 * -errno.
 */
int rtt_wait(struct rtt_sampler *s, uint64_t deadline_ns, struct err *e);
/* Reads what was sampled since rtt_start or the last rtt_read (deltas: nothing is deleted in the kernel). */
int rtt_read(struct rtt_sampler *s, struct rtt_set *set, struct err *e);
void rtt_set_free(struct rtt_set *set);
/* Finds a flow; NULL: none. */
const struct rtt_flow *rtt_find(const struct rtt_set *set, uint64_t cookie);
void rtt_stop(struct rtt_sampler *s); /* detaches and frees; nothing stays in the kernel */

#endif
