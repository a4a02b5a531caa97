/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parser of what bpf/taskfile.bpf.c writes: apart, for the fuzzer and the tests. */
#ifndef FLEUTAN_TASKITER_H
#define FLEUTAN_TASKITER_H

#include <stddef.h>
#include <sys/types.h>
#include "collect/process.h"

struct taskiter {
	struct procset *ps;              /* what is filled */
	const struct process_want *want; /* inodes that matter */
	uint32_t proc;                   /* whose sockets are coming: index in PS */
	bool some;                       /* a process has come */
};

/* Takes whole records from LEN bytes at P: how many bytes, or -EBADMSG. */
ssize_t taskiter_parse(void *taskiter, const void *p, size_t len);

#endif
