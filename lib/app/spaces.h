/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network namespaces a look is about. One that was named is entered for good, before anything else is opened; several
 * (--netns all) are entered in turns by the dumps. Without CONFIG_NETNS, and without --netns, it is always the caller's.
 */
#ifndef FLEUTAN_SPACES_H
#define FLEUTAN_SPACES_H

#include "app/look.h"
#include "collect/sockdiag.h"

/* Resolves l->netns. 0 or -errno. */
int spaces_open(const struct look *l, struct err *e);
void spaces_close(void);
/* True when there is more than one. */
bool spaces_many(void);
/* True when some of those asked for could not be looked at. */
bool spaces_partial(void);
/* sockdiag_dump() in each of them; spaces_name() says meanwhile in which. */
int spaces_dump(const struct sock_query *q, sock_fn fn, void *arg, struct sock_stats *st, struct err *e);
/* How many there are (1: the caller's, or the one that was entered), and of each, with several: inode, descriptor, name. */
uint32_t spaces_count(void);
uint64_t spaces_inode(uint32_t i);
int spaces_fd(uint32_t i);
uint32_t spaces_name_of(uint32_t i);
/* Calls FN in each, with its number; the thread is back where it was. The first error ends it; who cannot be entered is passed over. */
int spaces_each(int (*fn)(void *arg, uint32_t i, struct err *e), void *arg, struct err *e);
/* String id of the namespace that is looked at, 0: the caller's. */
uint32_t spaces_name(void);
/* Sockets to be expected in all of them; 0: not known. */
uint64_t spaces_estimate(void);

#endif
