/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of connection tracking by ctnetlink: one dump for both families.
 * kbuild: CONFIG_CONNTRACK
 */
#include "collect/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "collect/door.h"
#include "collect/nldump.h"
#include "core/text.h"
#include "core/util.h"

#define COUNT_FILE "/proc/sys/net/netfilter/nf_conntrack_count"
#define FLOWS_MAX (1u << 24) /* whatever the caller allows */

/* Bits of CTA_STATUS; headers may be older than the second. */
#define STATUS_OFFLOAD (1u << 14)
#define STATUS_HW_OFFLOAD (1u << 15)

#define HAVE_SRC 1u
#define HAVE_DST 2u
#define HAVE_PROTO 4u
#define HAVE_TUPLE (HAVE_SRC | HAVE_DST | HAVE_PROTO)

/* An address into 16 bytes; its bit when it is whole. */
static unsigned parse_addr(const struct nlattr *attr, uint8_t to[16], unsigned bit)
{
	if (mnl_attr_get_payload_len(attr) >= 16) {
		memcpy(to, mnl_attr_get_payload(attr), 16);
		return bit;
	}
	if (!attr_copy(attr, to + 12, 4))
		return 0;
	memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	return bit;
}

static unsigned parse_ip(const struct nlattr *nest, struct ct_tuple *t)
{
	const struct nlattr *attr;
	unsigned have = 0;

	mnl_attr_for_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case CTA_IP_V4_SRC:
		case CTA_IP_V6_SRC:
			have |= parse_addr(attr, t->src, HAVE_SRC);
			break;
		case CTA_IP_V4_DST:
		case CTA_IP_V6_DST:
			have |= parse_addr(attr, t->dst, HAVE_DST);
			break;
		}
	}
	return have;
}

/* What stands in the place of ports is something else with some protocols: a key of GRE that no header shows. */
static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP || proto == IPPROTO_DCCP ||
	       proto == IPPROTO_UDPLITE;
}

static unsigned parse_proto(const struct nlattr *nest, struct ct_tuple *t)
{
	const struct nlattr *attr;
	unsigned have = 0;

	mnl_attr_for_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case CTA_PROTO_NUM:
			have |= attr_copy(attr, &t->proto, 1) ? HAVE_PROTO : 0;
			break;
		case CTA_PROTO_SRC_PORT:
			attr_copy(attr, &t->sport, 2);
			break;
		case CTA_PROTO_DST_PORT:
			attr_copy(attr, &t->dport, 2);
			break;
		}
	}
	t->sport = has_ports(t->proto) ? ntohs(t->sport) : 0;
	t->dport = has_ports(t->proto) ? ntohs(t->dport) : 0;
	return have;
}

static bool parse_tuple(const struct nlattr *nest, struct ct_tuple *t)
{
	const struct nlattr *attr;
	unsigned have = 0;

	memset(t, 0, sizeof(*t));
	mnl_attr_for_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case CTA_TUPLE_IP:
			have |= parse_ip(attr, t);
			break;
		case CTA_TUPLE_PROTO:
			have |= parse_proto(attr, t);
			break;
		}
	}
	return have == HAVE_TUPLE;
}

static bool is_turned_round(const struct ct_tuple *a, const struct ct_tuple *b)
{
	return !memcmp(a->src, b->dst, 16) && !memcmp(a->dst, b->src, 16) && a->sport == b->dport &&
	       a->dport == b->sport && a->proto == b->proto;
}

int conntrack_parse(const void *msg, size_t len, struct ct_flow *f)
{
	const uint8_t *p = msg;
	const struct nlattr *attr;
	const size_t head = MNL_ALIGN(sizeof(struct nfgenmsg));
	bool orig = false, reply = false;
	uint32_t status = 0;

	if (len < head || len > INT32_MAX)
		return -EBADMSG;
	if (p[0] != AF_INET && p[0] != AF_INET6)
		return -EAFNOSUPPORT;
	mnl_attr_for_each_payload((void *)(p + head), (int)(len - head)) {
		switch (mnl_attr_get_type(attr)) {
		case CTA_TUPLE_ORIG:
			orig = parse_tuple(attr, &f->orig);
			break;
		case CTA_TUPLE_REPLY:
			reply = parse_tuple(attr, &f->reply);
			break;
		case CTA_STATUS:
			attr_copy(attr, &status, sizeof(status));
			break;
		}
	}
	if (!orig || !reply)
		return -EBADMSG;
	status = ntohl(status);
	f->offloaded = status & (STATUS_OFFLOAD | STATUS_HW_OFFLOAD);
	f->hw_offloaded = status & STATUS_HW_OFFLOAD;
	f->translated = !is_turned_round(&f->orig, &f->reply);
	return 0;
}

/* Ports and addresses are chosen by strangers: H, the start, is one that they do not know. */
static uint32_t tuple_hash(uint64_t h, const struct ct_tuple *t)
{
	uint64_t w[5];
	unsigned i;

	_Static_assert(sizeof(*t) == sizeof(w), "no holes");
	memcpy(w, t, sizeof(w));
	for (i = 0; i < 5; i++) {
		h = (h ^ w[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

static const struct ct_tuple *tuple_of(const struct ct_table *t, uint32_t slot)
{
	const struct ct_flow *f = &t->flow[(slot - 1) / 2];

	return (slot - 1) & 1 ? &f->reply : &f->orig;
}

/* Both tuples of all flows into a table that is at most two thirds full. */
static int index_flows(struct ct_table *t)
{
	uint32_t slot, at;

	t->mask = 3;
	while (t->mask < 3 * t->n)
		t->mask = 2 * t->mask + 1;
	t->bucket = calloc((size_t)t->mask + 1, sizeof(*t->bucket));
	if (!t->bucket)
		return -ENOMEM;
	for (slot = 1; slot <= 2 * t->n; slot++) {
		const struct ct_tuple *mine = tuple_of(t, slot);

		/* Of the same tuple in several zones the first stays. */
		for (at = tuple_hash(t->seed, mine) & t->mask; t->bucket[at]; at = (at + 1) & t->mask)
			if (!memcmp(tuple_of(t, t->bucket[at]), mine, sizeof(*mine)))
				break;
		if (!t->bucket[at])
			t->bucket[at] = slot;
	}
	return 0;
}

static const struct ct_flow *look_up(const struct ct_table *t, const struct ct_tuple *key, bool *reply)
{
	uint32_t at;

	for (at = tuple_hash(t->seed, key) & t->mask; t->bucket[at]; at = (at + 1) & t->mask) {
		if (memcmp(tuple_of(t, t->bucket[at]), key, sizeof(*key)))
			continue;
		*reply = (t->bucket[at] - 1) & 1;
		return &t->flow[(t->bucket[at] - 1) / 2];
	}
	return NULL;
}

const struct ct_flow *conntrack_find(const struct ct_table *t, const struct ct_tuple *wire, bool *reply)
{
	struct ct_tuple key = *wire;
	const struct ct_flow *f;

	if (!t->bucket)
		return NULL;
	memset(key.pad, 0, sizeof(key.pad));
	f = look_up(t, &key, reply);
	if (f)
		return f;
	/* Translated already, on its way out: it looks like the other direction, turned round. */
	memcpy(key.src, wire->dst, 16);
	memcpy(key.dst, wire->src, 16);
	key.sport = wire->dport;
	key.dport = wire->sport;
	f = look_up(t, &key, reply);
	if (f)
		*reply = !*reply;
	return f;
}

struct gather {
	struct ct_table *t;
	uint32_t cap, max;
};

static int take(void *arg, const struct nlmsghdr *nlh)
{
	struct gather *g = arg;
	struct ct_table *t = g->t;
	int r;

	if (!nlh) {
		t->n = 0;
		return 0;
	}
	if (t->n == g->cap) {
		uint32_t cap = MIN(g->cap * 2, g->max);
		void *p = cap > g->cap ? realloc(t->flow, cap * sizeof(*t->flow)) : NULL;

		if (!p) {
			t->incomplete = true;
			return 1;
		}
		t->flow = p;
		g->cap = cap;
	}
	r = conntrack_parse(mnl_nlmsg_get_payload(nlh), mnl_nlmsg_get_payload_len(nlh), &t->flow[t->n]);
	if (!r)
		t->n++;
	else if (r == -EBADMSG)
		t->incomplete = true;
	return 0;
}

/* How many entries the namespace has; -ENOENT: nothing is tracked, and asking would make the kernel load the module. */
static int64_t count_entries(void)
{
	char text[24];
	uint64_t n = 0;
	ssize_t len = door_read_file(COUNT_FILE, text, sizeof(text));

	if (len < 0)
		return len;
	parse_u64(text, strcspn(text, "\n"), &n);
	return (int64_t)MIN(n, FLOWS_MAX);
}

static int ask(struct nldump *d)
{
	union {
		struct nlmsghdr head;
		char bytes[32];
	} req;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&req);

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg)); /* zeros: every family */
	return nldump_run(d, "conntrack", nlh);
}

static int failed(int r, struct err *e)
{
	if (r == -EPERM)
		return err_set(e, EPERM, "conntrack: listing connections needs the capability CAP_NET_ADMIN");
	/* No such protocol of netlink, no such part of nfnetlink, no such file. */
	if (r == -EPROTONOSUPPORT || r == -EINVAL || r == -ENOENT)
		return err_set(e, ENOENT, "conntrack: this kernel tracks no connections, or cannot list them "
					  "(nf_conntrack, nf_conntrack_netlink)");
	if (IS_ENABLED(CONFIG_REPLAY) && r == -ENODATA)
		return err_set(e, ENODATA, "replay: the recording has no (further) stream 'conntrack'");
	return err_set(e, -r, "conntrack: cannot list connections: %s", err_text(-r));
}

int conntrack_collect(struct ct_table *t, uint32_t max, struct err *e)
{
	struct gather g = { .t = t, .max = MIN(max, FLOWS_MAX) };
	struct nldump d;
	int64_t n = count_entries();
	int r;

	*t = (struct ct_table){ .seed = hash_random_seed() };
	if (n <= 0) /* a dump of nothing takes milliseconds: the table of all namespaces is one */
		return n ? failed((int)n, e) : 0;
	g.cap = (uint32_t)MIN(n + n / 16 + 16, g.max);
	t->flow = malloc((g.cap + 1) * sizeof(*t->flow));
	if (!t->flow)
		return failed(-ENOMEM, e);
	r = nldump_open(&d, NETLINK_NETFILTER, "conntrack", e);
	if (!r) {
		d.fn = take;
		d.arg = &g;
		r = ask(&d);
		if (!r)
			r = index_flows(t);
	}
	t->incomplete |= d.incomplete;
	nldump_close(&d);
	return r ? failed(r, e) : 0;
}

void conntrack_free(struct ct_table *t)
{
	free(t->flow);
	free(t->bucket);
	*t = (struct ct_table){ 0 };
}
