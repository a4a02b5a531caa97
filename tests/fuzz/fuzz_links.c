/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first byte says of what kind the rest is: a message about a device, a class, a qdisc or an address, or a whole
 * datagram of such messages, which are then put in order, subtracted and looked for.
 */
#include <stdlib.h>
#include <string.h>
#include "collect/linkparse.h"
#include "collect/nldump.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0
#endif

#define SOME 64

struct found {
	struct links l;
	bool is_class;
};

static int take(void *arg, const struct nlmsghdr *nlh)
{
	struct found *f = arg;
	const void *msg = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh);

	if (f->l.nlink < SOME && !link_parse(msg, len, &f->l.link[f->l.nlink]))
		f->l.nlink++;
	if (f->l.naddr < SOME && !link_addr_parse(msg, len, &f->l.addr[f->l.naddr]))
		f->l.naddr++;
	f->is_class = !f->is_class;
	if (f->l.nqdisc < SOME && !qdisc_parse(msg, len, f->is_class, &f->l.qdisc[f->l.nqdisc]))
		f->l.nqdisc++;
	return 0;
}

static void walk(char *p, size_t len)
{
	struct found f = { .l = { .link = calloc(SOME, sizeof(struct link)), .qdisc = calloc(SOME, sizeof(struct qdisc)),
				  .addr = calloc(SOME, sizeof(struct link_addr)) } };
	struct nldump d = { .fn = take, .arg = &f, .buf = p };
	char text[24];
	uint32_t i;

	if (f.l.link && f.l.qdisc && f.l.addr) {
		nldump_walk(&d, len);
		links_arrange(&f.l);
		for (i = 0; i < f.l.nqdisc; i++) {
			links_qdisc(&f.l, f.l.qdisc[i].ifindex, f.l.qdisc[i].parent);
			links_find(&f.l, f.l.qdisc[i].ifindex);
			handle_text(text, f.l.qdisc[i].handle);
		}
		for (i = 0; i < f.l.naddr; i++)
			links_is_local(&f.l, f.l.addr[i].addr);
		links_subtract(&f.l, &f.l);
	}
	links_free(&f.l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *p;
	struct link l;
	struct qdisc q;
	struct link_addr a;
	size_t len = size - 1;

	if (!size)
		return 0;
	p = malloc(len ? len : 1);
	if (!p)
		return 0;
	memcpy(p, data + 1, len);
	switch (data[0] % 5) {
	case 0:
		link_parse(p, len + FUZZ_LIE, &l);
		break;
	case 1:
		qdisc_parse(p, len + FUZZ_LIE, true, &q);
		break;
	case 2:
		qdisc_parse(p, len + FUZZ_LIE, false, &q);
		break;
	case 3:
		link_addr_parse(p, len + FUZZ_LIE, &a);
		break;
	case 4:
		walk(p, len + FUZZ_LIE);
		break;
	}
	free(p);
	return 0;
}
