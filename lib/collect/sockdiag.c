/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps of sockets through inet_diag: one for each protocol and family, filtered by the kernel where it can. */
#include "collect/sockdiag.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "collect/cgroup.h"
#include "collect/diagfilter.h"
#include "collect/door.h"
#include "collect/nldump.h"
#include "collect/sockparse.h"
#include "core/text.h"
#include "core/util.h"

#define STATE_ESTABLISHED 1
#define STATE_SYN_RECV 3
#define STATE_CLOSE 7
#define STATE_NEW_SYN_RECV 12
#define STATES_ALL 0x1ffeu
/* UDP and raw sockets have a peer or none. */
#define STATES_DATAGRAM (1u << STATE_ESTABLISHED | 1u << STATE_CLOSE)

struct dump {
	const struct sock_query *q;
	sock_fn fn;
	void *arg;
	struct sock_stats *st;
	struct err *e;
	struct nldump nl;
	bool stopped;     /* by the consumer */
	bool apart;       /* this kernel lists IPv4 and IPv6 only one after the other */
	void *rec;
	struct sock_plan plan;
	struct diag_code code;
	union {
		struct nlmsghdr head;
		char bytes[MNL_NLMSG_HDRLEN + sizeof(struct inet_diag_req_v2) + MNL_ATTR_HDRLEN + DIAG_CODE_MAX];
	} req;
};

/* One protocol in one family, or in both (AF_UNSPEC). */
struct part {
	unsigned proto; /* SOCK_PROTO_* */
	uint8_t ipproto, family;
	char name[16];
};

static uint32_t find_ifindex(const char *dev)
{
	char name[16 + FILTER_TEXT];

	fmt_text(name, sizeof(name), "ifindex-%s", dev);
	return (uint32_t)door_number(name, door_replaying() ? 0 : if_nametoindex(dev));
}

static void compile(struct dump *d, const struct part *part, bool plain)
{
	const struct diag_dump dd = {
		.proto = d->plan.proto,
		.v6 = part->family != AF_INET,
		.plain = plain,
		.ifindex = find_ifindex,
		.cgroup = IS_ENABLED(CONFIG_CGROUP) ? cgroup_id : NULL,
	};

	diagfilter_compile(&d->code, d->q->filter, &dd);
}

static uint32_t part_states(const struct dump *d, const struct part *part)
{
	uint32_t states = d->q->states & d->code.states & STATES_ALL;

	if (part->proto != SOCK_PROTO_TCP)
		return states & STATES_DATAGRAM;
	/* Half-open connections answer to either name and come as syn-recv. */
	if (states & 1u << STATE_SYN_RECV)
		states |= 1u << STATE_NEW_SYN_RECV;
	return states;
}

/*
 * The first form of the question, from before there was a family in it, is the only one that is about both: the walk
 * through the kernel's table, which may have a million places, is then made once and not twice.
 */
static void put_both(struct nlmsghdr *nlh, uint8_t ext, uint32_t states)
{
	struct inet_diag_req *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

	nlh->nlmsg_type = TCPDIAG_GETSOCK;
	req->idiag_ext = ext;
	req->idiag_states = states;
}

static void put_one(struct nlmsghdr *nlh, const struct part *part, uint8_t ext, uint32_t states)
{
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	req->sdiag_family = part->family;
	req->sdiag_protocol = part->ipproto;
	req->idiag_ext = ext;
	req->idiag_states = states;
}

static int ask(struct dump *d, const struct part *part, uint32_t states)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&d->req);

	if (part->family == AF_UNSPEC)
		put_both(nlh, d->plan.ext, states);
	else
		put_one(nlh, part, d->plan.ext, states);
	if (d->code.len)
		mnl_attr_put(nlh, INET_DIAG_REQ_BYTECODE, d->code.len, d->code.code);
	return nldump_once(&d->nl, part->name, nlh);
}

/* One message: 0 go on, 1 enough. */
static int take(void *arg, const struct nlmsghdr *nlh)
{
	struct dump *d = arg;
	void *rec;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY && nlh->nlmsg_type != TCPDIAG_GETSOCK)
		return 0;
	rec = d->q->room ? d->q->room(d->arg) : d->rec;
	if (!rec)
		return 0;
	if (sock_plan_parse(&d->plan, mnl_nlmsg_get_payload(nlh), mnl_nlmsg_get_payload_len(nlh), rec)) {
		d->st->malformed++;
		return 0;
	}
	d->st->sockets++;
	d->stopped = d->fn(d->arg, rec);
	return d->stopped;
}

/* Asks, with as much of the filter as this kernel takes from this user. */
static int dump_filtered(struct dump *d, const struct part *part, uint32_t states)
{
	int r;

	for (;;) {
		r = ask(d, part, states);
		if ((r != -EINVAL && r != -EPERM) || !d->code.len)
			return r;
		if (d->code.special)
			compile(d, part, true);
		else
			d->code.len = 0;
	}
}

static int dump_part(struct dump *d, const struct part *part)
{
	uint32_t states;
	unsigned w;
	int r;

	sock_plan_init(&d->plan, d->q->layout, part->proto);
	compile(d, part, false);
	states = part_states(d, part);
	if (d->code.nothing || !states)
		return 0;
	r = dump_filtered(d, part, states);
	for (w = 0; w < HAVE_WORDS; w++)
		d->st->supplied.w[w] |= d->plan.supplied.w[w];
	return r;
}

/* True when the filter leaves something of both families, and both are asked for. */
static bool wants_both(struct dump *d, const struct part *part)
{
	struct part one = *part;
	bool some;

	if (d->q->families != (SOCK_FAMILY_4 | SOCK_FAMILY_6))
		return false;
	d->plan.proto = PROTO_TCP;
	one.family = AF_INET;
	compile(d, &one, false);
	some = !d->code.nothing;
	one.family = AF_INET6;
	compile(d, &one, false);
	return some && !d->code.nothing;
}

/* One protocol; what went wrong is said. */
static int dump_proto(struct dump *d, struct part *part)
{
	const size_t len = strlen(part->name);
	int r = -EOPNOTSUPP, i;

	if (part->proto == SOCK_PROTO_TCP && !d->apart && wants_both(d, part)) {
		r = dump_part(d, part);
		d->apart = r == -EINVAL || r == -ENOENT || r == -EOPNOTSUPP;
		if (!d->apart)
			goto done;
	}
	for (i = 0, r = 0; i < 2 && !r && !d->stopped; i++) {
		if (!(d->q->families & (i ? SOCK_FAMILY_6 : SOCK_FAMILY_4)))
			continue;
		part->family = i ? AF_INET6 : AF_INET;
		memcpy(part->name + len, i ? "6" : "4", 2);
		r = dump_part(d, part);
	}
	if (r == -ENOENT && part->proto != SOCK_PROTO_TCP) {
		d->st->unsupported |= part->proto;
		return 0;
	}
	if (r == -ENOENT)
		return err_set(d->e, ENOENT, "sock_diag: this kernel cannot list TCP sockets (no inet_diag, tcp_diag)");
done:
	if (IS_ENABLED(CONFIG_REPLAY) && r == -ENODATA && !d->nl.nl)
		return err_set(d->e, ENODATA, "replay: the recording has no (further) stream '%s'", part->name);
	return r ? err_set(d->e, -r, "%s: %s", part->name, err_text(-r)) : 0;
}

/* All protocols and families once. */
static int dump_all(struct dump *d)
{
	static const struct part parts[] = {
		{ SOCK_PROTO_TCP, IPPROTO_TCP, AF_UNSPEC, "sock_diag-tcp" },
		{ SOCK_PROTO_UDP, IPPROTO_UDP, AF_UNSPEC, "sock_diag-udp" },
		{ SOCK_PROTO_RAW, IPPROTO_RAW, AF_UNSPEC, "sock_diag-raw" },
	};
	unsigned i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(parts) && !r && !d->stopped; i++) {
		struct part part = parts[i];

		if (d->q->protos & part.proto)
			r = dump_proto(d, &part);
	}
	return r;
}

static int run(struct dump *d)
{
	struct sock_stats *st = d->st;
	unsigned repeat;
	int r = 0;

	for (repeat = 0; ; repeat++) {
		d->nl.interrupted = false;
		r = dump_all(d);
		if (r || !d->nl.interrupted || d->stopped)
			break;
		st->interrupted++;
		if (repeat == NLDUMP_REPEATS || d->fn(d->arg, NULL)) {
			st->incomplete = true;
			break;
		}
		st->sockets = st->malformed = d->nl.malformed = 0;
	}
	st->malformed += d->nl.malformed;
	st->incomplete |= d->nl.incomplete;
	return r;
}

int sockdiag_dump(const struct sock_query *q, sock_fn fn, void *arg, struct sock_stats *st, struct err *e)
{
	struct dump *d = calloc(1, sizeof(*d));
	int r = -ENOMEM;

	memset(st, 0, sizeof(*st));
	if (d) {
		*d = (struct dump){ .q = q, .fn = fn, .arg = arg, .st = st, .e = e };
		d->rec = calloc(1, q->layout->size);
	}
	if (!d || !d->rec) {
		err_set(e, ENOMEM, "sock_diag: out of memory");
	} else {
		r = nldump_open(&d->nl, NETLINK_SOCK_DIAG, "sock_diag", e);
		d->nl.fn = take;
		d->nl.arg = d;
		if (!r)
			r = run(d);
		nldump_close(&d->nl);
	}
	if (d)
		free(d->rec);
	free(d);
	return r;
}

/* The number behind WORD in the line that begins with HEAD, 0 when there is none. */
static uint64_t stat_number(const char *text, const char *head, const char *word)
{
	const char *line = strstr(text, head), *p;
	uint64_t v = 0;
	size_t end;

	if (!line)
		return 0;
	end = strcspn(line, "\n");
	p = strstr(line, word);
	if (!p || (size_t)(p - line) >= end)
		return 0;
	p += strlen(word);
	parse_u64(p, strspn(p, "0123456789"), &v);
	return v;
}

uint64_t sockdiag_estimate(void)
{
	char text[1024];
	uint64_t n = 0;

	/* The thread's own namespace, not the process's. */
	if (door_read_file("/proc/thread-self/net/sockstat", text, sizeof(text)) > 0)
		n = stat_number(text, "TCP:", " inuse ") + stat_number(text, "TCP:", " tw ");
	if (door_read_file("/proc/thread-self/net/sockstat6", text, sizeof(text)) > 0)
		n += stat_number(text, "TCP6:", " inuse ");
	return n;
}
