/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets and tcp_info through inet_diag, over libmnl. */
#ifndef FLEUTAN_SOCKDIAG_H
#define FLEUTAN_SOCKDIAG_H

#include "core/err.h"
#include "model/filter.h"
#include "model/flow.h"

#define SOCK_FAMILY_4 1
#define SOCK_FAMILY_6 2
#define SOCK_PROTO_TCP 1
#define SOCK_PROTO_UDP 2
#define SOCK_PROTO_RAW 4

struct sock_query {
	unsigned families; /* SOCK_FAMILY_* */
	unsigned protos;   /* SOCK_PROTO_* */
	uint32_t states;   /* bit n: kernel state n (1 established … 12 new-syn-recv) */
	const struct filter *filter; /* or NULL; the kernel gets what it can apply, the caller still applies it all */
	const struct layout *layout; /* from sockdiag_layout() */
	void *(*room)(void *arg); /* where the next record is to be made (layout->size bytes, 8-byte aligned), so that it need not be
				   * copied; NULL answers: no room, the socket is passed over. NULL: a place of the dump's own */
};

struct sock_stats {
	uint64_t sockets;          /* records delivered */
	uint64_t interrupted;      /* dumps that the kernel marked inconsistent */
	uint64_t malformed;        /* messages that could not be parsed */
	bool incomplete;           /* a dump stayed inconsistent after the repeats */
	unsigned unsupported;      /* SOCK_PROTO_UDP, SOCK_PROTO_RAW: this kernel cannot list them */
	struct fieldset supplied;  /* what some socket's answer had room for; of tcp_info wanted or not, known or not */
};

/* Lays out WANT: fields of tcp_info are one block copied as it comes, short on an old kernel, cut on a newer one. */
void sockdiag_layout(struct layout *l, const struct fieldset *want);

/*
 * Called for each socket; REC is valid during the call only, laid out by q->layout, SRC_DERIVED fields not yet filled
 * (flow_derive()). Non-zero stops the dump. REC NULL: the dump is repeated, forget what came; a consumer that cannot
 * (it streams) returns non-zero, then the dump goes on as it is and is reported incomplete.
 */
typedef int (*sock_fn)(void *arg, const void *rec);

/* 0 or -errno. Sockets of the calling thread's network namespace. */
int sockdiag_dump(const struct sock_query *q, sock_fn fn, void *arg, struct sock_stats *st, struct err *e);

/* How many TCP sockets there are, cheaply (/proc/net/sockstat and sockstat6, netns of the caller); 0: not known. */
uint64_t sockdiag_estimate(void);

/*
 * One inet_diag message (bytes after nlmsghdr, aligned to 4) into REC. PROTO: SOCK_PROTO_*. Pure: for the fuzzer and
 * tests. 0 or -EBADMSG.
 */
int sockdiag_parse(const struct layout *l, unsigned proto, const void *msg, size_t len, void *rec);

#endif
