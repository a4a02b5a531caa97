/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sorting rows, and merging flows into groups. */
#ifndef FLEUTAN_GROUP_H
#define FLEUTAN_GROUP_H

#include "core/err.h"
#include "model/flow.h"
#include "model/procset.h"

/*
 * Sorts ROW (N pointers to records of L) by FIELD: numbers and addresses by value, text and enums by name; unknown last in
 * both directions; stable. PS is needed only for FK_PROCS (by first process name). 0 or -ENOMEM.
 */
int rows_sort(void **row, uint32_t n, const struct layout *l, unsigned field, bool descending, const struct procset *ps);

/*
 * What follows GROUP_CGROUP goes by what the packet counters say of each row (F_CPU, F_DEV, F_DIR, F_QUEUE); of
 * sockets, by the device they are bound to, and by CPU and receive queue of the last packet.
 */
enum group_by { GROUP_NONE, GROUP_PEER, GROUP_PREFIX, GROUP_PROC, GROUP_CGROUP, GROUP_CPU, GROUP_DEV, GROUP_QUEUE };

struct group_opts {
	enum group_by by;
	uint8_t prefix4, prefix6; /* GROUP_PREFIX: lengths, e.g. 24 and 48 */
	bool by_name;             /* GROUP_PROC: one group per name, without process ids: bounded labels for metrics */
};

/*
 * Merges rows into OUT, whose layout must be wide and hold F_GROUP, F_FLOWS and the fields wanted. F_GROUP is the peer's
 * address, the prefix, "name(pid)", the cgroup, "cpu 3", "eth0" or "eth0 tx 2" ("eth0 tx": the queue was not recorded);
 * what has none is in the group "(none)" and what is unknown in "(unknown)".
 * A flow held by several processes counts in the first one's group (lowest pid). Each field merges as its declaration
 * says; FM_MEAN over the members that know it. Past STRINGS_MAX names the rest is in the group "…"; rows for whose groups
 * OUT has no room are counted in out->evicted. 0 or -errno.
 */
int rows_group(struct table *out, void *const *row, uint32_t n, const struct layout *l, const struct group_opts *o,
	       const struct procset *ps, struct err *e);

/* Fields that grouping by this needs in the rows' layout. PACKETS: the rows hold packet fields. */
void group_reads(enum group_by by, bool packets, struct fieldset *want);

#endif
