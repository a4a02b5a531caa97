/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices, qdiscs, classes and addresses of a namespace.
 * kbuild: CONFIG_LINKS
 */
#include "collect/links.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "collect/linkparse.h"
#include "collect/nldump.h"
#include "core/text.h"
#include "core/util.h"
#include "model/strings.h"

#define DUMP_INVISIBLE 10 /* TCA_DUMP_INVISIBLE */

enum { LINKS, QDISCS, CLASSES, ADDRS };

/* A growing array, and how far it reached before the dump that is being read. */
struct pile {
	void *p;
	uint32_t n, cap, max, from;
	size_t size;
};

struct gather {
	struct links *l;
	struct pile *pile;
	unsigned what;
	struct nldump d;
};

/* Where the next entry goes, NULL: nowhere. */
static void *next_item(struct pile *pile)
{
	if (pile->n == pile->cap && pile->cap < pile->max) {
		uint32_t cap = pile->cap ? MIN(pile->cap * 2, pile->max) : 32;
		void *p = realloc(pile->p, cap * pile->size);

		if (p) {
			pile->p = p;
			pile->cap = cap;
		}
	}
	return pile->n < pile->cap ? (char *)pile->p + pile->n * pile->size : NULL;
}

static int take(void *arg, const struct nlmsghdr *nlh)
{
	struct gather *g = arg;
	const void *msg;
	size_t len;
	void *item;
	int r;

	if (!nlh) {
		g->pile->n = g->pile->from;
		return 0;
	}
	msg = mnl_nlmsg_get_payload(nlh);
	len = mnl_nlmsg_get_payload_len(nlh);
	item = next_item(g->pile);
	if (!item)
		r = -EBADMSG;
	else if (g->what == LINKS)
		r = link_parse(msg, len, item);
	else if (g->what == ADDRS)
		r = link_addr_parse(msg, len, item);
	else
		r = qdisc_parse(msg, len, g->what == CLASSES, item);
	if (!r)
		g->pile->n++;
	else if (r == -EBADMSG)
		g->l->incomplete = true;
	return 0;
}

/* One question; IFINDEX 0: about all devices. */
static int ask(struct gather *g, struct pile *pile, unsigned what, uint32_t ifindex)
{
	static const struct {
		const char *name;
		uint16_t type, head;
	} question[] = {
		[LINKS] = { "route-link", RTM_GETLINK, sizeof(struct ifinfomsg) },
		[QDISCS] = { "route-qdisc", RTM_GETQDISC, sizeof(struct tcmsg) },
		[CLASSES] = { "route-class", RTM_GETTCLASS, sizeof(struct tcmsg) },
		[ADDRS] = { "route-addr", RTM_GETADDR, sizeof(struct ifaddrmsg) },
	};
	union {
		struct nlmsghdr head;
		char bytes[64];
	} req;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&req);
	/* All begin with the family; zeros mean everything. */
	struct tcmsg *m = mnl_nlmsg_put_extra_header(nlh, question[what].head);

	nlh->nlmsg_type = question[what].type;
	if (what == CLASSES)
		m->tcm_ifindex = (int)ifindex;
	if (what == QDISCS)
		mnl_attr_put(nlh, TCA_DUMP_INVISIBLE, 0, NULL);
	g->pile = pile;
	g->what = what;
	pile->from = pile->n;
	return nldump_run(&g->d, question[what].name, nlh);
}

/* Qdiscs of all devices, then the classes of each device that has some. */
static int ask_qdiscs(struct gather *g, struct pile *pile)
{
	uint32_t i, n, asked = 0;
	int r = ask(g, pile, QDISCS, 0);

	/* The qdiscs of a device come one after the other. */
	for (i = 0, n = pile->n; i < n && !r; i++) {
		const struct qdisc *q = (const struct qdisc *)pile->p + i;

		if (q->ifindex == asked || !qdisc_has_classes(strings_get(q->kind)))
			continue;
		asked = q->ifindex;
		r = ask(g, pile, CLASSES, asked);
	}
	/* A kernel may have no qdiscs at all. */
	return r == -EOPNOTSUPP ? 0 : r;
}

static int ask_all(struct gather *g)
{
	struct links *l = g->l;
	struct pile link = { .max = LINKS_MAX, .size = sizeof(*l->link) };
	struct pile qdisc = { .max = QDISCS_MAX, .size = sizeof(*l->qdisc) };
	struct pile addr = { .max = ADDRS_MAX, .size = sizeof(*l->addr) };
	int r = ask(g, &link, LINKS, 0);

	if (!r)
		r = ask_qdiscs(g, &qdisc);
	if (!r)
		r = ask(g, &addr, ADDRS, 0);
	l->link = link.p;
	l->nlink = link.n;
	l->qdisc = qdisc.p;
	l->nqdisc = qdisc.n;
	l->addr = addr.p;
	l->naddr = addr.n;
	return r;
}

/* A device may have room for more queues than it uses; mq has a child for each that it does. */
static void count_queues(struct links *l)
{
	uint32_t i, root = 0, most = 0;
	struct link *link = NULL;

	for (i = 0; i < l->nqdisc; i++) {
		const struct qdisc *q = &l->qdisc[i];

		if (q->parent == TC_H_ROOT && !q->is_class) {
			link = strcmp(strings_get(q->kind), "mq") ? NULL : (struct link *)links_find(l, q->ifindex);
			root = q->handle;
			most = 0;
		} else if (link && link->ifindex == q->ifindex && TC_H_MAJ(q->parent) == root && !q->is_class) {
			most = MAX(most, TC_H_MIN(q->parent));
			link->num_tx = MIN(most, LINK_QUEUES_MAX);
		}
	}
}

int links_collect(struct links *l, bool queues, struct err *e)
{
	struct gather g = { .l = l };
	int r;

	*l = (struct links){ 0 };
	r = nldump_open(&g.d, NETLINK_ROUTE, "links", e);
	if (!r) {
		g.d.fn = take;
		g.d.arg = &g;
		r = ask_all(&g);
		if (!r)
			r = links_arrange(l);
		if (r)
			err_set(e, -r, r == -ENODATA ? "replay: the recording has no (further) list of devices"
						     : "links: cannot list devices and qdiscs: %s", err_text(-r));
	}
	if (!r) {
		/* Each knows better how many queues are in use. */
		links_ask_ethtool(l, g.d.nl ? mnl_socket_get_fd(g.d.nl) : -1);
		count_queues(l);
		links_read_sysfs(l, queues);
	}
	l->incomplete |= g.d.incomplete;
	nldump_close(&g.d);
	return r;
}

/* N elements of SIZE bytes; NULL stays NULL. False: out of memory. */
static bool copy_array(void *to, const void *from, uint32_t n, size_t size)
{
	void *p = from ? malloc(n * size + 1) : NULL;

	if (p)
		memcpy(p, from, n * size);
	memcpy(to, &p, sizeof(p));
	return p || !from;
}

int links_copy(struct links *to, const struct links *from)
{
	bool good;
	uint32_t i;

	*to = (struct links){ .nqdisc = from->nqdisc };
	good = copy_array(&to->link, from->link, from->nlink, sizeof(*from->link));
	good &= copy_array(&to->qdisc, from->qdisc, from->nqdisc, sizeof(*from->qdisc));
	for (i = 0; good && i < from->nlink; i++) {
		to->nlink++;
		good = copy_array(&to->link[i].tx, from->link[i].tx, from->link[i].num_tx, sizeof(struct link_queue));
		good &= copy_array(&to->link[i].rx, from->link[i].rx, from->link[i].num_rx, sizeof(struct link_queue));
	}
	if (good)
		return 0;
	links_free(to);
	return -ENOMEM;
}

void links_free(struct links *l)
{
	uint32_t i;

	for (i = 0; i < l->nlink; i++) {
		free(l->link[i].tx);
		free(l->link[i].rx);
	}
	free(l->link);
	free(l->qdisc);
	free(l->addr);
	*l = (struct links){ 0 };
}
