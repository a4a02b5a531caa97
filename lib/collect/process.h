/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes hold which sockets: the task_file iterator where it pays, else one bounded scan of /proc. */
#ifndef FLEUTAN_PROCESS_H
#define FLEUTAN_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include "core/err.h"
#include "model/procset.h"

enum process_method { PROCESS_AUTO, PROCESS_BPF, PROCESS_PROC };

struct process_want {
	enum process_method method;
	uint64_t sockets;       /* how many sockets are asked about (estimate): AUTO uses BPF when it is large */
	bool exe, cgroup, args; /* fill proc.exe, proc.cgroup, proc.args */
	const uint32_t *inode;  /* sorted inodes that matter, or NULL for all: the scan of /proc stops when all have been found and */
	uint32_t ninode;        /* no other process can matter is NOT assumed: a socket may have several holders, so it only skips links */
};

/*
 * Fills and seals PS. *USED says which rung was taken ("bpf_iter" or "proc"), WHY (of size WHYLEN) why a better one was not.
 * 0 or -errno (nothing could be read at all).
 */
int process_collect(struct procset *ps, const struct process_want *want, const char **used, char *why, size_t whylen,
		    struct err *e);

/* True: a link to this inode is asked for. */
static inline bool process_wants(const struct process_want *w, uint32_t inode)
{
	uint32_t lo = 0, hi = w->ninode;

	if (!w->inode)
		return true;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (w->inode[mid] < inode)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->ninode && w->inode[lo] == inode;
}

/* The first pid namespace has this inode number on every Linux. */
#define FIRST_PID_NS "pid:[4026531836]"

/* The rungs. Each fills PS without sealing it. */
int process_scan_proc(struct procset *ps, const struct process_want *want, struct err *e);
int process_iter_bpf(struct procset *ps, const struct process_want *want, struct err *e);

#endif
