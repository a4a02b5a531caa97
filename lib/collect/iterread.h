/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading what BPF iterators write, through the door. */
#ifndef FLEUTAN_ITERREAD_H
#define FLEUTAN_ITERREAD_H

#include <stddef.h>
#include <sys/types.h>
#include "collect/bpfobj.h"
#include "core/err.h"

/* Takes whole records from LEN bytes at P: how many bytes (the rest comes again, with more behind it), or -errno. */
typedef ssize_t (*iter_parse)(void *arg, const void *p, size_t len);

/* Runs iterator PROG of O (NULL in a replay) to its end; the stream has the program's name. 0 or -errno. */
int iter_read(struct bpfobj *o, const char *prog, iter_parse parse, void *arg, struct err *e);

#endif
