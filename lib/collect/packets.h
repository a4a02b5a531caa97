/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets counted by flow, direction, CPU, device and queue. Three rungs behind one interface: programs on tracepoints
 * (pkttrace.c), an eBPF socket filter on AF_PACKET that counts and drops (pktfilter.c), AF_PACKET rings (pktring.c).
 */
#ifndef FLEUTAN_PACKETS_H
#define FLEUTAN_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "collect/pktrec.h"
#include "core/err.h"

enum pkt_method { PKT_AUTO, PKT_TRACE, PKT_FILTER, PKT_RING };

/* What rings cannot tell at once: CPU fanout knows no queue, queue fanout no CPU. */
enum pkt_split { PKT_BY_QUEUE, PKT_BY_CPU };

struct pkt_opts {
	enum pkt_method method;
	enum pkt_split split;
	const char *btf;       /* a BTF file instead of the kernel's (rung 1 then takes raw tracepoints), or NULL */
	uint32_t max_entries;  /* of the hash of one generation; 0: CONFIG_PKT_ENTRIES, less on a small machine */
	uint32_t count;        /* readings to come, 0: without end; with 1 there is no second generation */
	bool rx, tx;           /* what is wanted at all */
	bool inner;            /* count under the innermost header that can be read, not under the tunnel's */
	bool stats;            /* have the kernel count the programs' runs and time */
	/* Namespaces: none: the calling thread's. Else inode numbers (and descriptors, for AF_PACKET), numbered 1 … n in the keys. */
	const uint64_t *netns;
	const int *netns_fd;
	uint32_t nnetns;
};

/* What one reading says beside the counts. */
struct pkt_result {
	const char *source;    /* "net_dev_start_xmit", "packet_filter", "packet_ring" */
	bool by_cpu, by_queue; /* the key's CPU and queue mean something */
	uint64_t entries;      /* handed over */
	uint64_t lost_packets, lost_bytes; /* no room in the tables, or dropped by a ring: counted, but not by flow */
	uint64_t lost_flows;   /* entries that found no room (evicted): at most this many flows */
	uint64_t runs, run_ns; /* of our programs, 0: not counted */
	struct pkt_owner *owner; /* owned: pkt_result_free() */
	uint32_t nowner;
};

struct pkt_source;

/* Starts counting; WHY: why a better rung was not taken. 0 or -errno with a sentence. */
int pkt_start(struct pkt_source **out, const struct pkt_opts *o, char *why, size_t whylen, struct err *e);
/*
 * A driver that answers "busy" is given the same packet again: from now on such counts are taken back, at the price of another
 * hook for each packet. Only where some device can do that (link_may_be_busy()). 0 or -errno.
 */
int pkt_expect_busy(struct pkt_source *s, struct err *e);
/*
 * The interval begins now: what was counted since pkt_start(), while other things were prepared, is forgotten. To be
 * called once, and it takes no time, so that other counters can be read at the same moment; pkt_settle() follows soon, and
 * may take some. 0 or -errno.
 */
int pkt_begin(struct pkt_source *s, struct err *e);
int pkt_settle(struct pkt_source *s, struct err *e);
/*
 * The interval ends now, and the next one begins: in no time either, but for rings, which take some 60 ms. pkt_read() then
 * tells what it had. 0 or -errno.
 */
int pkt_cut(struct pkt_source *s, struct err *e);
/* As rtt_wait() (rttsample.h): sleeps, or empties rings, until DEADLINE_NS at most, and comes back every 200 ms. */
int pkt_wait(struct pkt_source *s, uint64_t deadline_ns, struct err *e);
/*
 * Calls FN once for each entry counted in the interval before pkt_cut() (a flow has one for each CPU, device,
 * direction and queue; the order means nothing). Not zero from FN stops with -ECANCELED. 0 or -errno.
 */
typedef int (*pkt_fn)(void *arg, const struct pkt_key *key, const struct pkt_count *n);
int pkt_read(struct pkt_source *s, pkt_fn fn, void *arg, struct pkt_result *res, struct err *e);
void pkt_result_free(struct pkt_result *res);
/* Detaches and frees: nothing stays in the kernel. NULL is fine. */
void pkt_stop(struct pkt_source *s);

#endif
