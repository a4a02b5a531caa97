/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes hold which sockets: the task_file iterator where it pays, else one bounded scan of /proc. */
#ifndef FLEUTAN_PROCESS_H
#define FLEUTAN_PROCESS_H

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

/* The rungs. Each fills PS without sealing it. */
int process_scan_proc(struct procset *ps, const struct process_want *want, struct err *e);
int process_iter_bpf(struct procset *ps, const struct process_want *want, struct err *e);

#endif
