/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the scan of /proc and the choice between the rungs share, and what tests enter by. */
#ifndef FLEUTAN_PROCSCAN_H
#define FLEUTAN_PROCSCAN_H

#include <stdbool.h>
#include "collect/process.h"

/* The inode of "socket:[N]" (LEN bytes); 0: it is something else. */
uint32_t procscan_socket(const char *link, size_t len);

/*
 * One message of a recorded scan, host byte order, u32 each: a pid and the inodes of its sockets; pid 0: the last
 * message, followed by 1 when every process could be read. 0 or -EBADMSG.
 */
int procscan_parse(struct procset *ps, const struct process_want *want, const void *msg, size_t len);

#endif
