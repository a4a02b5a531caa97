/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rungs behind packets.h, and what they share. */
#ifndef FLEUTAN_PKTRUNG_H
#define FLEUTAN_PKTRUNG_H

#include "collect/packets.h"

struct door_stream;

struct pkt_rung {
	int (*start)(void **state, const struct pkt_opts *o, struct err *e);
	int (*expect_busy)(void *state, struct err *e); /* NULL: nothing can be done about it */
	int (*begin)(void *state, struct err *e);
	int (*settle)(void *state, struct err *e); /* NULL: nothing to be done */
	int (*wait)(void *state, uint64_t deadline_ns, struct err *e); /* NULL: sleep */
	int (*cut)(void *state, struct err *e);
	int (*read)(void *state, pkt_fn fn, void *arg, struct pkt_result *res, struct err *e); /* RES is zeroed, source set */
	void (*stop)(void *state);
};

extern const struct pkt_rung pkt_rung_trace, pkt_rung_filter, pkt_rung_ring;

/*
 * Calls FN in each namespace of O (I: its index), or once where the thread is when O names none; stops at the first
 * error. The thread is back home afterwards. 0 or -errno.
 */
int pkt_each_netns(const struct pkt_opts *o, int (*fn)(void *arg, uint32_t i, struct err *e), void *arg, struct err *e);
/* Bytes of memory of this machine, and how many flows a table may have for it. */
uint64_t pkt_memory(void);
uint32_t pkt_entries(const struct pkt_opts *o, uint64_t memory);
/* Hands over the entries of a recording. 0, -ECANCELED or another -errno. */
int pkt_replay(struct door_stream *s, pkt_fn fn, void *arg);

/*
 * The tables of the two rungs that count in the kernel (bpf/pktcount.h). pkttables.c sizes, swaps, reads and clears
 * them.
 */
struct bpfobj;
struct bpf_image;
struct bpf_const;
struct pkt_tables {
	struct bpfobj *obj;
	struct pkt_slot *slot; /* mapped */
	uint32_t ncpu, slots;  /* slots of each CPU in a generation: a power of two */
	uint32_t gen;          /* where programs write; the other one is to be read */
	uint32_t entries;      /* of a generation's hash */
	bool once;             /* there is one interval: what comes before it goes into a hash without room */
	uint64_t seed;
	struct pkt_lost lost;  /* as the reading before found it */
	int stats;             /* keeps the kernel counting the programs' time; -1 */
	uint64_t runs, run_ns; /* as the reading before found them */
};

/* Sizes for a machine with so many CPUs and so much memory. */
void pkt_tables_size(struct pkt_tables *t, const struct pkt_opts *o, uint32_t ncpu, uint64_t memory);
/*
 * Loads IMG with tables of this machine's size, and MORE constants. 0 or -errno; pkt_tables_close() in any case, T
 * zero-initialised.
 */
int pkt_tables_load(struct pkt_tables *t, const struct pkt_opts *o, const struct bpf_image *img,
		    const struct bpf_const *more, unsigned nmore, const char *skip, struct err *e);
/* The programs of IMG once more, with other constants, on the tables of T. *OUT is the caller's. */
int pkt_tables_load_more(const struct pkt_tables *t, struct bpfobj **out, const struct bpf_image *img,
			 const struct bpf_const *more, unsigned nmore, struct err *e);
/* What is counted from now on is kept apart: at the beginning (what came before is forgotten) and at each end of an interval. */
int pkt_tables_cut(struct pkt_tables *t, struct err *e);
/* After the first cut. */
int pkt_tables_settle(struct pkt_tables *t, struct err *e);
/* Reads and clears what was counted before the cut. Fills RES but for the owners. */
int pkt_tables_read(struct pkt_tables *t, pkt_fn fn, void *arg, struct pkt_result *res, struct err *e);
void pkt_tables_close(struct pkt_tables *t);
/* Waits until no program that began before can still be running: an RCU grace period. */
void pkt_synchronize(uint32_t ncpu);

#endif
