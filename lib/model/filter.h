/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filter expressions in the terms of ss and tcpdump: `dport 443 and dst 10.0.0.0/8 and rtt > 20ms`.
 *
 * Parsed against a schema into a small tree, evaluated on records with three-valued logic: a comparison with something
 * unknown is unknown, under `not` too, and what is not true selects nothing. Collectors read the tree to hand the
 * kernel what it can apply (collect/diagfilter.c); user space always evaluates the whole.
 */
#ifndef FLEUTAN_FILTER_H
#define FLEUTAN_FILTER_H

#include "core/err.h"
#include "model/field.h"
#include "model/procset.h"

enum filter_op { FO_AND, FO_OR, FO_NOT, FO_CMP, FO_KNOWN };
enum filter_cmp { FC_EQ, FC_NE, FC_LT, FC_LE, FC_GT, FC_GE };

#define FILTER_NODES 128
#define FILTER_TEXT 64 /* bytes of a word compared with, NUL included */

struct filter_node {
	uint8_t op;        /* enum filter_op */
	uint8_t cmp;       /* FO_CMP: enum filter_cmp */
	uint8_t field;     /* FO_CMP, FO_KNOWN: field of the schema */
	/*
	 * FK_ADDR: prefix length in the mapped 128 bits (10.0.0.0/8 is 104). An IPv6 prefix never matches IPv4, not
	 * even ::/0; what is IPv4 is `= ::ffff:0:0/96` and what is not is `!=` that. Only FC_EQ and FC_NE occur.
	 */
	uint8_t plen;
	uint8_t left, right; /* FO_AND, FO_OR: both; FO_NOT: left. Indexes into node[] */
	uint64_t num;      /* numbers, ports, enums, flags: in the base unit of the field */
	uint64_t mask;     /* mark = value/mask; ~0 otherwise */
	uint8_t addr[16];
	char text[FILTER_TEXT]; /* FK_TEXT and FK_PROCS: name, glob with * and ?, or a pid (num, text empty) */
};

struct filter {
	const struct schema *schema;
	uint16_t n, root; /* n 0: no filter, everything passes */
	struct fieldset reads; /* fields it looks at: an applet adds them to what it wants */
	struct filter_node node[FILTER_NODES];
};

/*
 * Parses TEXT (LEN bytes, anything at all; blanks only: the empty filter). On error returns -EINVAL, leaves F empty,
 * and names the offending word and what was expected: "filter: 'foo' at column 9: expected a field, 'not' or '('".
 *
 * Beyond FIELD OP VALUE it knows
 * - `FIELD VALUE` (equality), `FIELD` alone: a flag is set, a text is not empty, a process is known to hold the socket,
 *   any other field is known (under `not`: is not known; only of processes it may be unknown itself);
 * - `port N`, `portrange A-B`, `host A`, `net P` (either end), the same behind `src`, `dst`, `src or dst`, `src and
 *   dst`, `port (80 or 443)` and `port 80 or 443`; an address alone is a host;
 * - ss's `sport = :443`, `src 10.0.0.1:443`, `dst [::1]:22`, `src *:22`, `fe80::1%eth0`, `fwmark = 0x1/0x3`;
 * - `proc NAME|GLOB|/PATH|PID` (comm, base name of the executable, or its path), `tcp`, `udp` and the other protocols,
 *   `ip`, `ip6`;
 * - `state NAME` and ss's groups (connected, synchronized, bucket, big, all); `state A state B` is either;
 * - `( … )`, and/or/not, & && | || !, = == eq, != ne neq, < lt, <= le leq, > gt, >= ge geq, juxtaposition as `and`;
 * - values with units: 20ms, 1.5s, 300us (a time needs one); 64k, 10M, 1G (powers of 1000), Ki, Mi, Gi (of 1024),
 *   with or without B behind them; 10mbit (rates, /8); 5%; what does not come out whole in the field's unit is refused;
 * - texts with * and ?, in quotes ('…' or "…") where they hold blanks or signs.
 */
int filter_parse(struct filter *f, const struct schema *s, const char *text, size_t len, struct err *e);

/*
 * Adds `AND (expression)` to F, which filter_parse() has filled and which may be empty: options such as -4, -t, -p,
 * --netns are filters too. On error F is as it was.
 */
int filter_and(struct filter *f, const char *text, struct err *e);

/* True when the record is selected. PS may be NULL: then every question about processes is unknown. */
bool filter_match(const struct filter *f, const struct layout *l, const void *rec, const struct procset *ps);

/* True when the filter asks about processes (FK_PROCS). */
bool filter_needs_procs(const struct filter *f);

#endif
