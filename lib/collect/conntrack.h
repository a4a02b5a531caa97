/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forwarded and translated flows as connection tracking knows them (ctnetlink over libmnl). */
#ifndef FLEUTAN_CONNTRACK_H
#define FLEUTAN_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/err.h"

struct ct_tuple {
	uint8_t src[16], dst[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint16_t sport, dport;    /* host byte order; 0: the protocol has none */
	uint8_t proto, pad[3];
};

struct ct_flow {
	struct ct_tuple orig, reply; /* reply as packets of that direction look: its src is the translated destination */
	bool translated;             /* reply is not orig turned round */
	bool offloaded, hw_offloaded; /* packets pass by a flow table; in hardware: nobody here sees them */
};

struct ct_table {
	struct ct_flow *flow;
	uint32_t n, mask, seed;
	uint32_t *bucket;  /* both tuples of each flow, hashed (2 × position + direction + 1) */
	bool incomplete;
};

/* Fills T with entries of the calling thread's namespace, at most MAX. 0 or -errno (-ENOENT: no connection tracking here). */
int conntrack_collect(struct ct_table *t, uint32_t max, struct err *e);
void conntrack_free(struct ct_table *t);
/* The flow to which packets with this tuple (as on the wire) belong; *REPLY: they go in the reply direction. NULL: none. */
const struct ct_flow *conntrack_find(const struct ct_table *t, const struct ct_tuple *wire, bool *reply);

/* One message of ctnetlink (bytes after nlmsghdr). Pure: for fuzzer and tests. 0, -EBADMSG, or -EAFNOSUPPORT: to be passed over. */
int conntrack_parse(const void *msg, size_t len, struct ct_flow *f);

#endif
