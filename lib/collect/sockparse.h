/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a message of inet_diag becomes a record: what sockdiag.c prepares once per dump and uses for every socket. */
#ifndef FLEUTAN_SOCKPARSE_H
#define FLEUTAN_SOCKPARSE_H

#include "collect/sockdiag.h"

#define CONG_CACHE 4
#define CONG_NAME 16

struct sock_plan {
	const struct layout *layout;
	uint8_t proto;            /* enum flow_proto */
	uint8_t ext;              /* attributes to ask for: bits of inet_diag_req_v2.idiag_ext */
	uint16_t block;           /* where the bytes of tcp_info lie in the record */
	uint16_t from, len;       /* which bytes of it */
	struct fieldset fixed;    /* wanted, and known of every socket */
	struct fieldset supplied; /* what some message had */
	/* tcp_info: what a payload of this length holds */
	uint32_t info_len;
	struct fieldset info_known, info_supplied;
	/* strings seen last */
	struct {
		char name[CONG_NAME];
		uint32_t id;
	} cong[CONG_CACHE];
	uint32_t ifindex, dev;
	uint64_t cgroup_id;
	uint32_t cgroup;
};

/* PROTO: SOCK_PROTO_*. */
void sock_plan_init(struct sock_plan *p, const struct layout *l, unsigned proto);
/* One message (bytes after nlmsghdr, aligned to 4 as netlink has it) into REC. 0 or -EBADMSG. */
int sock_plan_parse(struct sock_plan *p, const void *msg, size_t len, void *rec);

#endif
