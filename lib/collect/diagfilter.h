/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of a filter that the kernel can apply during a dump of sockets, as bytecode of inet_diag. What it selects
 * is a superset: whatever the kernel cannot know passes, on both sides of a `not`.
 */
#ifndef FLEUTAN_DIAGFILTER_H
#define FLEUTAN_DIAGFILTER_H

#include <stdbool.h>
#include <stdint.h>
#include "model/filter.h"

#define DIAG_CODE_MAX 2048

/* One dump: sockets of one protocol and one family. */
struct diag_dump {
	unsigned proto; /* enum flow_proto: PROTO_TCP, PROTO_UDP, PROTO_RAW */
	bool v6;
	bool plain;     /* only what every kernel lets everybody ask: no marks, no control groups */
	uint32_t (*ifindex)(const char *dev);   /* 0: there is none */
	uint64_t (*cgroup)(const char *path);   /* 0: there is none, or not known; NULL: nobody knows */
};

struct diag_code {
	bool nothing;    /* no socket of this dump can match */
	bool special;    /* asks for more than a plain one would */
	uint32_t states; /* bit n: kernel state n can match */
	unsigned len;    /* bytes of bytecode; 0: every socket passes */
	uint8_t code[DIAG_CODE_MAX];
};

/* F may be NULL. Never fails: what does not fit is left to user space. */
void diagfilter_compile(struct diag_code *out, const struct filter *f, const struct diag_dump *d);

#endif
