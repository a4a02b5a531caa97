/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The values of filter expressions: numbers with units, ports, addresses. Pure functions over bytes and a length, used
 * by the filter's parser only. Each returns NULL, or what was expected ("expected a port, 0 to 65535").
 */
#ifndef FLEUTAN_FILTER_VALUE_H
#define FLEUTAN_FILTER_VALUE_H

#include "model/field.h"

/* A number for field F, into its base unit. FK_ID: decimal or 0x hex, "value/mask" fills *MASK (else left alone). */
const char *value_number(const struct field *f, const char *s, size_t len, uint64_t *v, uint64_t *mask);

/* "443" or, as ss writes it, ":443". */
const char *value_port(const char *s, size_t len, uint64_t *port);

/* "1-1024", or one port. */
const char *value_port_range(const char *s, size_t len, uint64_t *lo, uint64_t *hi);

struct value_addr {
	uint8_t addr[16]; /* IPv4 mapped; bits past the prefix are zero */
	uint8_t plen;     /* in the mapped 128 bits */
	bool any;         /* "*" or nothing: any address */
	bool has_port;
	uint64_t port;
	const char *dev;  /* the "eth0" of fe80::1%eth0, inside S; NULL: none */
	size_t dev_len;
};

extern const char value_addr_expected[];

/*
 * A, A/PREFIX, A:PORT, [A6]:PORT, *:PORT, A6%DEV. NET: the bytes that an IPv4 address lacks may be left out ("10" is
 * 10.0.0.0/8), as tcpdump's `net` has it; with a prefix that is always so.
 */
const char *value_addr(const char *s, size_t len, bool net, struct value_addr *a);

#endif
