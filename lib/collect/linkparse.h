/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of links.c, and what tests and the fuzzer enter by. */
#ifndef FLEUTAN_LINKPARSE_H
#define FLEUTAN_LINKPARSE_H

#include "collect/links.h"

/* A machine that has more is cut off there: incomplete. */
#define LINKS_MAX 65536u
#define QDISCS_MAX 262144u
#define ADDRS_MAX 262144u
#define LINK_QUEUES_MAX 4096u    /* of one device: the kernel's own bound */
#define LINKS_QUEUES_MAX 262144u /* of all of them, where each is looked at */

/* One message of rtnetlink each (bytes after nlmsghdr). 0, -EBADMSG, or -EAFNOSUPPORT: to be passed over. */
int link_parse(const void *msg, size_t len, struct link *l);
int qdisc_parse(const void *msg, size_t len, bool is_class, struct qdisc *q);
int link_addr_parse(const void *msg, size_t len, struct link_addr *a);

/* Whether the classes of this kind of qdisc are worth a question: not where there are none, or just queues or flows. */
bool qdisc_has_classes(const char *kind);
/* Brings all into the order that links.h promises. 0 or -ENOMEM. */
int links_arrange(struct links *l);

/* FD: any socket of the calling thread's namespace, -1 in a replay. */
void links_ask_ethtool(struct links *l, int fd);
void links_read_sysfs(struct links *l, bool queues);

#endif
