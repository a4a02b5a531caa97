/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dumps over netlink, through the door: ask, read every message of the answer, ask again when what was dumped changed
 * meanwhile, but not for ever.
 */
#ifndef FLEUTAN_NLDUMP_H
#define FLEUTAN_NLDUMP_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "core/err.h"

/*
 * Called for each message that is not the netlink layer's own; NULL: the dump begins anew, what it gave is to be
 * forgotten. 0: go on, 1: enough (nothing more can be asked over this socket then), -errno.
 */
typedef int (*nldump_fn)(void *arg, const struct nlmsghdr *nlh);

#define NLDUMP_REPEATS 3

struct nldump {
	struct mnl_socket *nl; /* NULL in a replay */
	nldump_fn fn;
	void *arg;
	char *buf;
	uint32_t seq;
	uint32_t malformed;    /* datagrams whose end could not be read */
	bool interrupted;      /* what is being dumped changed */
	bool incomplete;       /* it stayed so, or an answer ended too early */
};

/* WHO begins the sentence when it fails. nldump_close() in any case. 0 or -errno. */
int nldump_open(struct nldump *d, int bus, const char *who, struct err *e);
/* Asks REQ (flags and sequence are set here), reads the answer, recorded as NAME. 0 or -errno, mostly the kernel's. */
int nldump_run(struct nldump *d, const char *name, struct nlmsghdr *req);
/* The same once, for who repeats more than one dump; sets d->interrupted. */
int nldump_once(struct nldump *d, const char *name, struct nlmsghdr *req);
void nldump_close(struct nldump *d);
/* The messages of one datagram of SIZE bytes at d->buf: 0 go on, 1 the dump is over, -errno. For the fuzzer. */
int nldump_walk(struct nldump *d, size_t size);

/* The first N bytes of an attribute; false, nothing copied, when it is shorter. */
static inline bool attr_copy(const struct nlattr *attr, void *to, size_t n)
{
	if (mnl_attr_get_payload_len(attr) < n)
		return false;
	memcpy(to, mnl_attr_get_payload(attr), n);
	return true;
}

#endif
