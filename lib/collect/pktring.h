/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The half of the packet rings that makes no system call: blocks of TPACKET_V3, what a frame is counted as, the table. */
#ifndef FLEUTAN_PKTRING_H
#define FLEUTAN_PKTRING_H

#include "collect/packets.h"

/* One packet in a block. DATA begins at the link header, as far as the device has one. */
struct pkt_frame {
	const uint8_t *data;
	uint32_t snap, len; /* bytes that are there, bytes of the packet */
	uint32_t net;       /* where the network header is; may lie behind SNAP */
	uint32_t ifindex;
	uint16_t proto;     /* EtherType, host byte order */
	uint16_t vlan;      /* tag that the kernel has taken out, 0: none */
	uint16_t gso_size;  /* 0: a single packet */
	bool tx;
};

typedef void (*pkt_frame_fn)(void *arg, const struct pkt_frame *f);
/* Calls FN for each packet in a block of LEN bytes. 0, or -EBADMSG: broken from there on. */
int pkt_block_walk(const uint8_t *p, size_t len, bool vnet, pkt_frame_fn fn, void *arg);

/* Ports of fragmented datagrams, one per place: a later one takes it from an earlier. */
#define PKT_FRAGS 256
struct pkt_frag;

/*
 * What is counted for a frame: addresses, ports, ifindex, VLAN, direction, protocol, kind; CPU, queue and namespace are
 * the ring's to add. FRAGS: PKT_FRAGS entries, zero at first, or NULL.
 */
void pkt_frame_count(const struct pkt_frame *f, bool inner, struct pkt_frag *frags, struct pkt_key *key,
		     struct pkt_count *n);
struct pkt_frag *pkt_frags_new(void); /* free() */

/* Counts by key, at most MAX of them. Zero-initialise with MAX; pkt_tally_free(). */
struct pkt_tally {
	struct pkt_slot *slot;
	uint32_t mask, n, max, seed;
	uint64_t lost_packets, lost_bytes, lost_flows;
};

void pkt_tally_add(struct pkt_tally *t, const struct pkt_key *key, const struct pkt_count *n);
/* Hands over and empties. 0 or -ECANCELED. */
int pkt_tally_read(struct pkt_tally *t, pkt_fn fn, void *arg, struct pkt_result *res);
void pkt_tally_free(struct pkt_tally *t);

#endif
