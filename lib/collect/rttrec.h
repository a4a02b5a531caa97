/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the BPF program rttsample.bpf.c and user space (collect/rttbpf.c) share: the records of its maps, and the
 * arithmetic that gets a sample back out of the kernel's smoothed values. Fixed-width types, no holes.
 */
#ifndef FLEUTAN_RTTREC_H
#define FLEUTAN_RTTREC_H

#include <stdbool.h>
#include <stdint.h>

/* What is remembered of a socket's RTT estimator: the members of struct tcp_sock of the same names. */
struct rtt_state {
	uint32_t srtt_us;   /* 8 × the smoothed RTT */
	uint32_t mdev_us;   /* 4 × the mean deviation */
	uint32_t rtt_seq;
	uint32_t snd_una;
	uint32_t delivered;
};

/*
 * One flow, in a hash by its id: the socket's address in memory mixed with the kernel's hash of its addresses and
 * ports. Together they name one life of one socket on every kernel, also where the cookie cannot be had; the cookie
 * is noted as soon as there is one.
 */
struct rtt_rec {
	struct rtt_state last;
	uint32_t ambiguous;
	uint64_t cookie;      /* 0: none yet */
	uint32_t inode;       /* 0: none (yet, or any more) */
	uint32_t min_rtt_us;  /* the kernel's windowed minimum as the iterator last saw it; ~0: none */
	uint32_t ended;       /* 1: the socket is closed */
	uint32_t ifindex;
	uint16_t sport, dport; /* host byte order */
	uint16_t family;      /* AF_INET, AF_INET6 */
	uint16_t pad;
	uint8_t src[16], dst[16]; /* as the kernel has them: 4 or 16 bytes are used */
};

/* One bucket of one flow's histogram: a hash from rtt_cell to the number of samples, a uint64_t. */
struct rtt_cell {
	uint64_t id;
	uint32_t bucket; /* hist_bucket() of the sample in ns */
	uint32_t pad;
};

/* The one element of map rtt_count. Both only grow. */
struct rtt_count {
	uint64_t lost;    /* samples that found no room in rtt_cells */
	uint64_t evicted; /* flows that found no room in rtt_flows */
};

/*
 * The one element of map rtt_turned: a bit for each flow (by a hash of its id) that was turned away, so that one flow
 * counts once and not with each of its segments. Two may share a bit, so the count is never too high, and too low by 3 %
 * at 4,000 flows. User space clears it with each reading.
 */
#define RTT_TURNED_WORDS 1024
struct rtt_turned {
	uint64_t bit[RTT_TURNED_WORDS];
};

_Static_assert(sizeof(struct rtt_rec) == 88, "struct rtt_rec has holes");
_Static_assert(sizeof(struct rtt_cell) == 16, "struct rtt_cell has holes");

enum rtt_verdict {
	RTT_NONE,      /* no sample was taken */
	RTT_SAMPLE,    /* exactly one, and this is it */
	RTT_AMBIGUOUS, /* it cannot be told whether one was taken, or several were */
};

/*
 * The sample that led from the estimator's state WAS to IS, in microseconds.
 *
 * tcp_rtt_estimator() adds err = sample - (srtt >> 3) to srtt, so that one difference gives the sample back without
 * loss. The deviation moves in step with it, by an amount that follows from err alone: that tells one update from
 * several (a segment that nobody saw, e.g. in FIN_WAIT1, where tcp_probe does not fire), and it tells "no update"
 * from "an update with err 0", since the deviation then shrinks by a quarter. Only a deviation below one microsecond
 * stands still, and there the sequence numbers may still tell.
 */
static inline __attribute__((always_inline)) enum rtt_verdict
rtt_recover(const struct rtt_state *was, const struct rtt_state *is, uint32_t *sample_us)
{
	int64_t quarter = was->mdev_us >> 2, err, dev;
	uint32_t smooth = was->srtt_us >> 3;

	if (!is->srtt_us) /* never measured, or reset by disconnect */
		return RTT_NONE;
	if (!was->srtt_us) { /* the first one is taken as it is; 0 is stored as 1 */
		*sample_us = is->srtt_us >> 3;
		return is->mdev_us == *sample_us << 1 && (is->srtt_us == 1 || !(is->srtt_us & 7)) ?
		       RTT_SAMPLE : RTT_AMBIGUOUS;
	}
	if (was->srtt_us == is->srtt_us && was->mdev_us == is->mdev_us) {
		if (quarter)
			return RTT_NONE;
		*sample_us = smooth;
		if (was->rtt_seq != is->rtt_seq) /* only an update moves it */
			return RTT_SAMPLE;
		if (was->snd_una == is->snd_una && was->delivered == is->delivered) /* nothing was acknowledged */
			return RTT_NONE;
		/* an update would have moved rtt_seq, once snd_una is past it */
		return (int32_t)(is->snd_una - was->rtt_seq) > 0 ? RTT_NONE : RTT_AMBIGUOUS;
	}
	err = (int64_t)is->srtt_us - was->srtt_us;
	if (err + smooth < 0)
		return RTT_AMBIGUOUS;
	*sample_us = (uint32_t)(err + smooth);
	if (err < 0) {
		dev = -err - quarter;
		if (dev > 0)
			dev >>= 3;
	} else {
		dev = err - quarter;
	}
	return (uint32_t)(was->mdev_us + dev) == is->mdev_us ? RTT_SAMPLE : RTT_AMBIGUOUS;
}

#endif
