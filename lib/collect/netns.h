/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network namespaces other than the caller's (--netns all|NAME|PID). Only with CONFIG_NETNS. */
#ifndef FLEUTAN_NETNS_H
#define FLEUTAN_NETNS_H

#include <stdbool.h>
#include <stdint.h>
#include "core/err.h"

#define NETNS_MAX 4096

struct netns {
	uint32_t name; /* string id: its name in /run/netns, else the lowest pid in it; either is a word for --netns */
	int fd;        /* owned by the list */
	uint64_t inode;
};

struct netns_list {
	struct netns *ns;
	uint32_t n;
	bool incomplete; /* some processes could not be asked, or there were too many */
	int home;        /* the namespace to return to; owned */
};

/*
 * Namespaces that WORD means. 0 or -errno with a sentence that names the word; L is freed by netns_free() in any
 * case.
 */
int netns_resolve(struct netns_list *l, const char *word, struct err *e);
/* Moves the calling thread into namespace I of the list. 0 or -errno. */
int netns_enter(const struct netns_list *l, uint32_t i, struct err *e);
/* Back to where the thread was at netns_resolve(). 0 or -errno: nothing that follows can be trusted. */
int netns_return(const struct netns_list *l, struct err *e);
void netns_free(struct netns_list *l);

#endif
