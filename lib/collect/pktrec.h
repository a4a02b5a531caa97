/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the packet counters in the kernel (bpf/pkttrace.bpf.c, bpf/pkttap.bpf.c) and user space (collect/packets.c)
 * share. Fixed-width types, no holes, one cache line per count.
 *
 * Counts lie in two generations of tables. Programs write into the one that `pkt_gen` names; user space swaps it, waits
 * until no program can still be writing into the old one (RCU), reads that whole and clears it. So an interval's counts
 * are exact and need no memory of the interval before, and what has gone quiet takes no room.
 *
 * A generation is an array of slots, a part of it for each CPU (only that CPU writes there: no atomic operation), and
 * a hash, also with the CPU in its key, for flows that find their slots taken.
 */
#ifndef FLEUTAN_PKTREC_H
#define FLEUTAN_PKTREC_H

#include <stdint.h>

/* What a packet is counted under, as it stood on the wire. */
struct pkt_key {
	uint8_t src[16], dst[16]; /* IPv4 as ::ffff:a.b.c.d; zero where there is no address */
	uint16_t sport, dport;    /* network byte order; zero where there are none, or not known */
	uint32_t ifindex;
	uint64_t what;            /* PKT_WHAT_*: native byte order */
};

/* Fields of pkt_key.what: shift and number of bits. */
#define PKT_WHAT_QUEUE 0, 16  /* PKT_NO_QUEUE: none recorded */
#define PKT_WHAT_VLAN 16, 12  /* outermost VLAN id, 0: none */
#define PKT_WHAT_CPU 28, 13
#define PKT_WHAT_PROTO 41, 8  /* IPPROTO_* */
#define PKT_WHAT_TX 49, 1     /* 1: transmitted */
#define PKT_WHAT_KIND 50, 3   /* enum pkt_kind */
#define PKT_WHAT_NETNS 53, 11 /* 0: the namespace asked for; with several: the one's number */

#define PKT_NO_QUEUE 0xffff
#define PKT_CPUS_MAX 8192
#define PKT_NETNS_MAX 2048

enum pkt_kind {
	PKT_IP,        /* addresses are known; ports where the protocol has some */
	PKT_IP_FRAG,   /* a later fragment of an unknown datagram: no ports */
	PKT_OTHER,     /* no IP (ARP, STP, …), or not to be parsed: no addresses, what.PROTO is 0 */
};

#define PKT_BITS(shift, bits, v) (((uint64_t)(v) & ((1ULL << (bits)) - 1)) << (shift))
#define PKT_PUT(field, v) PKT_BITS_(PKT_BITS, field, v)
#define PKT_BITS_(m, ...) m(__VA_ARGS__)
#define PKT_UNBITS(shift, bits, what) ((uint32_t)((what) >> (shift) & ((1ULL << (bits)) - 1)))
#define PKT_GET(field, what) PKT_BITS_(PKT_UNBITS, field, what)

/* Packets and bytes as the wire sees them: a GSO or GRO packet counts as its segments, bytes with the Ethernet header. */
struct pkt_count {
	uint64_t packets, bytes;
};

/* One slot: free while n.packets is 0. */
struct pkt_slot {
	struct pkt_key key;
	struct pkt_count n;
};
_Static_assert(sizeof(struct pkt_slot) == 64, "one cache line");

/* The one element of map pkt_lost; these only grow. */
struct pkt_lost {
	uint64_t packets, bytes; /* found no room in any table */
	uint64_t flows;          /* times a flow was turned away: at most once for each of its packets */
};

/*
 * Who had a socket: noted where it is known for certain, so that flows whose socket ends within the interval still
 * have a process. One per socket.
 */
struct pkt_owner {
	uint8_t src[16], dst[16]; /* local and remote end, as in pkt_key */
	uint16_t sport, dport;    /* host byte order; dport 0: not connected */
	uint32_t netns;           /* inode of the namespace */
	uint32_t inode;           /* of the socket, 0: none */
	uint32_t pid;             /* thread group */
	uint8_t proto, pad[3];
	uint8_t comm[16];         /* name of the thread; not terminated when all 16 are used */
};

/* Time in the qdisc: cells of histograms (model/hist.h), key and a count of packets (uint64_t). The key's CPU is 0. */
struct pkt_sojourn_cell {
	struct pkt_key key;
	uint32_t bucket; /* hist_bucket(ns); 0: went past the qdisc without waiting */
	uint32_t pad;
};

/* Drops: packets and bytes of struct pkt_count by this. The key's CPU is 0, its queue that of the transmit side or PKT_NO_QUEUE. */
struct pkt_drop_cell {
	struct pkt_key key;
	uint32_t reason; /* the kernel's enum skb_drop_reason; 0 where the kernel gives none */
	uint32_t pad;
};

/* The one element of map q_count (bpf/qtrace.bpf.c), in packets. These only grow. */
struct qtrace_count {
	uint64_t unmatched;              /* sent, but the time in the qdisc is not known */
	uint64_t waits_lost, drops_lost; /* found no room in the table */
};

#endif
