/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of addresses (-R): /etc/hosts first, then DNS over UDP, all look-ups at once. Nothing here waits longer than
 * asked: what was not answered in time stays asked, and a later resolve_run() takes the answer. Bounded: RESOLVE_NAMES
 * addresses in the life of a resolver, RESOLVE_FLIGHT questions at a time. In a replay only the recorded /etc/hosts is
 * read.
 */
#ifndef FLEUTAN_RESOLVE_H
#define FLEUTAN_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include "core/err.h"

#define RESOLVE_NAMES 1000
#define RESOLVE_FLIGHT 128 /* what small forwarders such as dnsmasq take at once (150), with room for others */

struct resolver;

/* Where things are; NULL and 0 stand for the usual. For tests, which run a name server of their own. Not copied. */
struct resolve_conf {
	const char *hosts;       /* "/etc/hosts" */
	const char *resolv_conf; /* "/etc/resolv.conf" */
	uint16_t port;           /* 53 */
};

/*
 * Opens sockets to the name servers, sends nothing. CONF may be NULL. *R is owned by the caller: resolve_free().
 * 0 or -errno.
 */
int resolve_start(struct resolver **r, const struct resolve_conf *conf, struct err *e);

/* Notes that the name of ADDR (16 bytes, IPv4 mapped) is wanted. False: the bound is reached. */
bool resolve_want(struct resolver *r, const uint8_t addr[16]);

/*
 * Asks and listens until every wanted address has its answer, or until DEADLINE_NS (CLOCK_MONOTONIC; one that is past:
 * takes what has come, asks what is new, and returns at once), or until a signal comes. Returns the number of
 * unanswered ones, or -errno.
 */
int resolve_run(struct resolver *r, uint64_t deadline_ns);

/* The name (letters, digits, '-', '_', '.'), valid until resolve_free(); NULL: none, or not known yet. */
const char *resolve_name(const struct resolver *r, const uint8_t addr[16]);

void resolve_free(struct resolver *r); /* R may be NULL */

#endif
