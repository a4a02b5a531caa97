/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files behind flows.h share. */
#ifndef FLEUTAN_FLOWS_PRIV_H
#define FLEUTAN_FLOWS_PRIV_H

#include "app/flows.h"
#include "app/spaces.h"
#include "collect/door.h"
#include "collect/process.h"
#include "core/util.h"

#if IS_ENABLED(CONFIG_THREADS)
#include <pthread.h>
#endif

struct flows_pass {
	struct flows *fl;
	const struct flows_want *w;
	struct report *rep;
	uint32_t max;
	uint64_t estimate; /* sockets, roughly */
};

/* Inodes of the sockets somebody asks about: a scan of /proc then looks for nothing else. */
struct flows_inodes {
	uint32_t *v, n, cap;
	bool failed;
};

void flows_inodes_add(struct flows_inodes *in, const struct layout *l, const void *rec);

/* True when so many sockets pay for a second thread. */
bool flows_parallel(uint64_t sockets);

bool flows_want_procs(const struct flows *fl, const struct look *l);
int flows_find_procs(struct flows *fl, const struct look *l, uint64_t sockets, struct flows_inodes *in,
		     struct report *rep, struct err *e);
void flows_complete(const struct flows *fl, const struct flows_want *w, void *rec);
void flows_report(const struct flows *fl, const struct flows_want *w, struct report *rep);

/* flows_join.c */
void flows_add_samples(const struct layout *l, void *rec, const struct rtt_flow *rf);
void flows_join_iter(struct flows *fl, struct report *rep);
void flows_add_ended(struct flows *fl, const struct rtt_set *rtt);
int flows_subtract(struct flows *fl, const struct flows *before, struct err *e);

#endif
