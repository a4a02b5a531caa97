/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only BPF iterators over sockets tell: receive CPU and queue, sequence numbers. Joined to sockets by cookie. */
#ifndef FLEUTAN_SOCKITER_H
#define FLEUTAN_SOCKITER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "collect/iterrec.h" /* struct sockiter_rec */
#include "core/err.h"
#include "model/flow.h"

struct sockiter_set {
	struct sockiter_rec *rec; /* sorted by cookie */
	uint32_t n, cap;
};

/*
 * Reads TCP and UDP sockets of the calling thread's network namespace. Run it after the inet_diag dump, which gives
 * each socket its cookie. 0 or -errno (-EOPNOTSUPP: no BPF here).
 */
int sockiter_collect(struct sockiter_set *set, bool udp, struct err *e);
const struct sockiter_rec *sockiter_find(const struct sockiter_set *set, uint64_t cookie);
void sockiter_free(struct sockiter_set *set);

/* Takes whole records from LEN bytes at P into the set, unsorted: how many bytes, or -errno. For tests. */
ssize_t sockiter_parse(void *sockiter_set, const void *p, size_t len);

#endif
