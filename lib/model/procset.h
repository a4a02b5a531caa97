/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which processes hold which sockets: a map from socket inode to a list of processes. Filled by a collector
 * (collect/process.c by /proc, collect/taskiter.c by BPF), then sealed and only read (by several threads at once).
 */
#ifndef FLEUTAN_PROCSET_H
#define FLEUTAN_PROCSET_H

#include <stdbool.h>
#include <stdint.h>

struct proc {
	uint32_t pid;
	uint32_t name; /* string id: comm of the thread group leader */
	uint32_t exe;  /* string id: path of the executable, 0: not known */
	uint32_t args; /* string id: arguments, 0: not asked for */
	uint32_t cgroup; /* string id: cgroup v2 path, 0: not known or not asked */
};

struct procset_link {
	uint32_t inode, proc; /* inode 0 never occurs */
};

struct procset {
	struct proc *proc;        /* nproc entries, in order of discovery */
	struct procset_link *link; /* before sealing: in order of discovery; after: sorted by inode, then pid, no duplicates */
	uint32_t nproc, capproc, nlink, caplink;
	uint32_t *bucket; /* after sealing: hash index into link[] + 1 */
	uint32_t mask;
	bool complete;    /* every process of the host could be read: a socket nobody holds is held by none */
	bool failed;      /* out of memory or past the bound: some holders are missing */
};

void procset_init(struct procset *ps);
void procset_free(struct procset *ps);
/* Adds a process; returns its index or UINT32_MAX (bound or memory; ps->failed). */
uint32_t procset_add_proc(struct procset *ps, uint32_t pid, uint32_t name, uint32_t exe);
void procset_add_link(struct procset *ps, uint32_t inode, uint32_t proc);
/* Sorts and indexes: for procset_find. What is added afterwards is found after another one. 0 or -ENOMEM. */
int procset_seal(struct procset *ps);
/* First link of INODE, the number of its links in *N (0: none found). */
const struct procset_link *procset_find(const struct procset *ps, uint32_t inode, uint32_t *n);
/*
 * The same for one socket, telling nobody from unknown: the number of holders (their links at *LINK); 0: held by none
 * (an orphan, with inode 0, or everything could be read and nobody has it); -1: not known. PS may be NULL.
 */
int procset_holders(const struct procset *ps, uint32_t inode, const struct procset_link **link);

#endif
