/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters compiled to inet_diag's bytecode, against the filter itself: 10,000 random expressions on random sockets
 * through an interpreter of our own, then some hundred through the kernel on real loopback sockets. What the bytecode
 * selects must hold everything that the filter selects, and exactly that where the kernel knows every field asked
 * about.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <unistd.h>
#include "check.h"
#include "collect/cgroup.h"
#include "collect/diagfilter.h"
#include "collect/sockdiag.h"
#include "core/util.h"
#include "model/strings.h"

#define SOCKETS 40

static uint32_t seed = 1;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* What the kernel looks at. */
struct sock {
	bool v6;
	uint16_t sport, dport;
	uint8_t src[16], dst[16]; /* mapped */
	uint32_t ifindex, mark;
};

static bool bits_match(const uint8_t *a, const uint8_t *b, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if ((a[i / 8] ^ b[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

/* A host condition as the kernel applies it. */
static bool host(const struct inet_diag_hostcond *h, const struct sock *s, bool src)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *addr = src ? s->src : s->dst;
	int family = s->v6 ? AF_INET6 : AF_INET;

	if (h->port != -1 && h->port != (src ? s->sport : s->dport))
		return false;
	if (h->family != AF_UNSPEC && h->family != family) {
		if (family == AF_INET6 && h->family == AF_INET && !memcmp(addr, mapped, 12))
			return bits_match(addr + 12, (const uint8_t *)h->addr, h->prefix_len);
		return false;
	}
	return bits_match(s->v6 ? addr : addr + 12, (const uint8_t *)h->addr, h->prefix_len);
}

static bool run_op(const uint8_t *p, const struct sock *s)
{
	const struct inet_diag_bc_op *op = (const struct inet_diag_bc_op *)p;
	const struct inet_diag_markcond *m = (const struct inet_diag_markcond *)(op + 1);
	uint16_t port = op[1].no;
	uint32_t ifindex;

	memcpy(&ifindex, op + 1, 4);
	switch (op->code) {
	case INET_DIAG_BC_JMP: return false;
	case INET_DIAG_BC_S_GE: return s->sport >= port;
	case INET_DIAG_BC_S_LE: return s->sport <= port;
	case INET_DIAG_BC_D_GE: return s->dport >= port;
	case INET_DIAG_BC_D_LE: return s->dport <= port;
	case INET_DIAG_BC_S_COND: return host((const void *)(op + 1), s, true);
	case INET_DIAG_BC_D_COND: return host((const void *)(op + 1), s, false);
	case INET_DIAG_BC_DEV_COND: return s->ifindex == ifindex;
	case INET_DIAG_BC_MARK_COND: return (s->mark & m->mask) == m->mark;
	}
	CHECK(!"an instruction");
	return false;
}

static unsigned op_length(const struct inet_diag_bc_op *op)
{
	const struct inet_diag_hostcond *h = (const struct inet_diag_hostcond *)(op + 1);

	switch (op->code) {
	case INET_DIAG_BC_JMP: return 4;
	case INET_DIAG_BC_S_COND:
	case INET_DIAG_BC_D_COND: return 4 + 8 + (h->family == AF_INET ? 4 : h->family == AF_INET6 ? 16 : 0);
	case INET_DIAG_BC_MARK_COND:
	case INET_DIAG_BC_CGROUP_COND: return 12;
	default: return 8;
	}
}

/* Lengths, and jumps to instructions or to one of the two ends: what the kernel asks of a program. */
static bool audit(const struct diag_code *c)
{
	bool begins[DIAG_CODE_MAX + 8] = { 0 };
	unsigned at;

	for (at = 0; at < c->len; ) {
		const struct inet_diag_bc_op *op = (const struct inet_diag_bc_op *)(c->code + at);

		begins[at] = true;
		if (op->yes != op_length(op))
			return false;
		at += op->yes;
	}
	begins[c->len] = begins[c->len + 4] = true;
	for (at = 0; at < c->len; ) {
		const struct inet_diag_bc_op *op = (const struct inet_diag_bc_op *)(c->code + at);

		if (op->no < op->yes || at + op->no > c->len + 4 || !begins[at + op->no])
			return false;
		at += op->yes;
	}
	return at == c->len;
}

static bool run(const struct diag_code *c, const struct sock *s)
{
	unsigned at = 0;

	while (at < c->len) {
		const struct inet_diag_bc_op *op = (const struct inet_diag_bc_op *)(c->code + at);

		at += run_op(c->code + at, s) ? op->yes : op->no;
	}
	return at == c->len;
}

static const char *const leaves[] = {
	"sport 443", "sport = 80", "sport != 80", "dport > 1023", "dport >= 1024", "sport < 1024", "sport <= 80",
		"port 443",
	"dport < 0", "sport >= 0", "sport <= 65535", "src 10.0.0.0/8", "dst 10.1.0.0/16", "host 10.1.2.3",
		"net 10.0.0.0/24",
	"dst 2001:db8::/32", "src 2001:db8::1", "dst ::/0", "src ::1", "dst 0.0.0.0/0", "src != 10.0.0.0/8", "ip",
		"ip6", "tcp",
	"udp", "dev lo", "dev != lo", "mark 0x10", "mark = 0x10/0xf0", "mark != 3", "dst ::/8", "forwarded", "sport",
	/* what the kernel cannot know: */
	"rtt > 20ms", "uid 0", "not rtt > 1ms", "cwnd 10", "dev 'e*'", "state established", "state != listen",
};
#define KERNEL_LEAVES 33u

/* A random expression; *EXACT: the kernel knows all about it. */
static void expression(char *text, size_t room, unsigned depth, bool *exact)
{
	size_t len = strlen(text);
	unsigned i = rnd(ARRAY_SIZE(leaves));

	if (room - len < 200 || !depth || !rnd(4)) {
		if (rnd(3))
			i %= KERNEL_LEAVES;
		*exact &= i < KERNEL_LEAVES;
		strcat(text, leaves[i]);
		return;
	}
	strcat(text, rnd(3) ? "(" : "not (");
	expression(text, room, depth - 1, exact);
	strcat(text, rnd(2) ? ") and (" : ") or (");
	expression(text, room, depth - 1, exact);
	strcat(text, ")");
}

static struct layout layout;

static void random_addr(uint8_t *a, bool v6)
{
	static const uint8_t v4[5][4] = { { 10, 1, 2, 3 }, { 10, 0, 0, 9 }, { 192, 0, 2, 1 }, { 0, 0, 0, 0 },
					  { 10, 1, 9, 9 } };

	memset(a, 0, 16);
	if (!v6 || !rnd(3)) {
		a[10] = a[11] = 0xff;
		memcpy(a + 12, v4[rnd(5)], 4);
	} else if (rnd(3)) {
		memcpy(a, "\x20\x01\x0d\xb8", 4);
		a[15] = (uint8_t)rnd(3);
	} else {
		a[15] = (uint8_t)rnd(2);
	}
}

static void random_socket(struct sock *s, void *rec, bool v6, unsigned proto)
{
	static const uint16_t ports[] = { 0, 22, 80, 443, 1023, 1024, 40000, 65535 };

	*s = (struct sock){ .v6 = v6, .sport = ports[rnd(8)], .dport = ports[rnd(8)],
			    .mark = rnd(3) ? rnd(20) : 0x10 + rnd(9) };
	random_addr(s->src, v6);
	random_addr(s->dst, v6);
	s->ifindex = rnd(3);
	memset(rec, 0, layout.size);
	rec_set(&layout, rec, F_PROTO, proto);
	rec_set(&layout, rec, F_FORWARDED, 0);
	rec_set_addr(&layout, rec, F_SRC, s->src);
	rec_set_addr(&layout, rec, F_DST, s->dst);
	if (proto != PROTO_RAW) {
		rec_set(&layout, rec, F_SPORT, s->sport);
		rec_set(&layout, rec, F_DPORT, s->dport);
	}
	if (s->ifindex)
		rec_set(&layout, rec, F_DEV, strings_add(s->ifindex == 1 ? "lo" : "eth0", s->ifindex == 1 ? 2 : 4));
	rec_set(&layout, rec, F_MARK, s->mark);
	rec_set(&layout, rec, F_STATE, 1 + rnd(11));
	if (rnd(2))
		rec_set(&layout, rec, F_RTT, 1000 * rnd(40));
	rec_set(&layout, rec, F_UID, rnd(2));
}

static uint32_t lo_only(const char *name)
{
	return strcmp(name, "lo") ? 0 : 1;
}

static void test_random(void)
{
	static const unsigned protos[] = { PROTO_TCP, PROTO_UDP, PROTO_RAW };
	unsigned i, k, code = 0, nothing = 0, exactly = 0;
	void *rec = calloc(1, layout.size);
	struct diag_code c;
	struct err e = { 0 };

	for (i = 0; i < 10000; i++) {
		struct diag_dump d = { .proto = protos[rnd(3)], .v6 = rnd(2), .ifindex = lo_only };
		struct filter f = { 0 };
		bool exact = true, unbound_dev;
		char text[2048] = "";

		expression(text, sizeof(text), rnd(6), &exact);
		if (filter_parse(&f, &flow_schema, text, strlen(text), &e)) {
			fprintf(stderr, "%s: %s\n", text, e.text);
			CHECK(!"parsed");
			continue;
		}
		diagfilter_compile(&c, &f, &d);
		CHECK(audit(&c));
		code += c.len != 0;
		nothing += c.nothing;
		unbound_dev = fieldset_has(&f.reads, F_DEV);
		for (k = 0; k < SOCKETS; k++) {
			struct sock s;
			bool user, kernel;

			/* Code for IPv6 serves a dump of both families. */
			random_socket(&s, rec, d.v6 && rnd(3), d.proto);
			user = filter_match(&f, &layout, rec, NULL);
			kernel = !c.nothing && c.states >> rec_raw(&layout, rec, F_STATE) & 1 && run(&c, &s);
			if (user && !kernel) {
				fprintf(stderr, "lost: %s\n", text);
				CHECK(!"a superset");
				return;
			}
			/*
			 * A socket without device has an unknown one to us, none to the kernel; prefixes that cover
			 * mapped addresses are left to us.
			 */
			if (exact && !user && kernel && !(unbound_dev && !s.ifindex) && !strstr(text, "::")) {
				fprintf(stderr, "too many: %s\n", text);
				CHECK(!"exact");
				return;
			}
			exactly += exact && user == kernel;
		}
	}
	CHECK(code > 3000 && nothing > 300 && exactly > 100000);
	free(rec);
}

static bool compiles(const char *text, unsigned proto, bool v6, struct diag_code *c)
{
	struct diag_dump d = { .proto = proto, .v6 = v6, .ifindex = lo_only };
	struct filter f = { 0 };
	struct err e = { 0 };

	CHECK_EQ(filter_parse(&f, &flow_schema, text, strlen(text), &e), 0);
	diagfilter_compile(c, &f, &d);
	return c->len != 0;
}

static void test_narrowing(void)
{
	struct diag_code c;
	char text[4096] = "sport 1";
	unsigned i;

	CHECK(!compiles("udp and sport 5", PROTO_TCP, false, &c) && c.nothing);
	CHECK(compiles("tcp and sport 5", PROTO_TCP, false, &c) && c.len == 12);
	CHECK(!compiles("ip6", PROTO_TCP, false, &c) && c.nothing);
	CHECK(compiles("ip", PROTO_TCP, true, &c));
	CHECK(!compiles("ip", PROTO_TCP, false, &c) && !c.nothing);
	CHECK(!compiles("src 2001:db8::/32", PROTO_TCP, false, &c) && c.nothing);
	CHECK(!compiles("sport 5", PROTO_RAW, false, &c) && c.nothing);
	CHECK(!compiles("not sport 5", PROTO_RAW, false, &c) && c.nothing);
	CHECK(!compiles("state established", PROTO_TCP, false, &c) && c.states == 1 << 1);
	compiles("state established and rtt > 1ms or state listen and sport 5", PROTO_TCP, false, &c);
	CHECK_EQ(c.states, 1 << 1 | 1 << 10);
	compiles("not state established", PROTO_TCP, false, &c);
	CHECK_EQ(c.states, 0x1ffe & ~(1 << 1));
	compiles("not (state established and rtt > 1ms)", PROTO_TCP, false, &c);
	CHECK_EQ(c.states, 0x1ffe);
	CHECK(!compiles("rtt > 1ms or sport 5", PROTO_TCP, false, &c) && !c.nothing);
	CHECK(compiles("rtt > 1ms and sport 5", PROTO_TCP, false, &c));
	CHECK(compiles("mark 5", PROTO_TCP, false, &c) && c.special);
	CHECK(compiles("not dst 2001:db8::/32", PROTO_TCP, true, &c));
	CHECK(!compiles("not dst ::/8", PROTO_TCP, true, &c) && !c.nothing);
	diagfilter_compile(&c, NULL, &(struct diag_dump){ .proto = PROTO_TCP });
	CHECK(!c.len && !c.nothing && c.states == 0x1ffe);
	/* As many comparisons as a filter holds. */
	for (i = 2; i <= 60; i++)
		sprintf(text + strlen(text), " or sport %u", i);
	CHECK(compiles(text, PROTO_TCP, false, &c));
	CHECK(audit(&c) && c.len == 60 * 12 + 59 * 4);
}

/* The kernel itself: 0, or the error it answers to a dump with this bytecode. */
static int ask_kernel(const struct diag_code *c, bool v6)
{
	static union {
		struct nlmsghdr h;
		char b[65536];
	} u;
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&u);
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	ssize_t n;
	int r = 0;

	CHECK(nl && !mnl_socket_bind(nl, 0, 0));
	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	req->sdiag_family = v6 ? AF_INET6 : AF_INET;
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_states = 1 << 9; /* hardly any socket */
	mnl_attr_put(nlh, INET_DIAG_REQ_BYTECODE, c->len, c->code);
	CHECK(mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) > 0);
	n = mnl_socket_recvfrom(nl, &u, sizeof(u));
	CHECK(n > 0);
	if (n > 0 && u.h.nlmsg_type == NLMSG_ERROR)
		r = ((struct nlmsgerr *)mnl_nlmsg_get_payload(&u.h))->error;
	mnl_socket_close(nl);
	return r;
}

static void test_kernel_accepts(void)
{
	struct err e = { 0 };
	struct diag_code c;
	unsigned i, asked = 0;

	for (i = 0; i < 600; i++) {
		struct diag_dump d = { .proto = PROTO_TCP, .v6 = rnd(2), .ifindex = lo_only, .plain = geteuid() != 0 };
		struct filter f = { 0 };
		char text[2048] = "";
		bool exact = true;
		int r;

		expression(text, sizeof(text), 1 + rnd(5), &exact);
		if (filter_parse(&f, &flow_schema, text, strlen(text), &e))
			continue;
		diagfilter_compile(&c, &f, &d);
		if (!c.len)
			continue;
		asked++;
		r = ask_kernel(&c, d.v6);
		if (r && !(r == -EPERM && c.special)) {
			fprintf(stderr, "%s: %d\n", text, r);
			CHECK_EQ(r, 0);
			return;
		}
	}
	CHECK(asked > 150);
}

/* Cookies of our own sockets that a dump gives and the filter selects. */
struct chosen {
	const struct filter *f;
	uint16_t port[2 * SOCKETS];
	unsigned nport;
	uint64_t sum;
	unsigned n;
};

static int choose(void *arg, const void *rec)
{
	struct chosen *c = arg;
	uint64_t sport = 0, dport = 0, cookie = 0;
	unsigned i;

	if (!rec) {
		c->sum = c->n = 0;
		return 0;
	}
	rec_get(&layout, rec, F_SPORT, &sport);
	rec_get(&layout, rec, F_DPORT, &dport);
	rec_get(&layout, rec, F_COOKIE, &cookie);
	for (i = 0; i < c->nport && c->port[i] != sport; i++)
		;
	if (i == c->nport || !filter_match(c->f, &layout, rec, NULL))
		return 0;
	c->n++;
	c->sum += cookie * cookie;
	return 0;
}

static uint16_t open_socket(int family, const char *addr, int *fd)
{
	struct sockaddr_storage ss = { .ss_family = (sa_family_t)family };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	socklen_t len = family == AF_INET ? sizeof(*in) : sizeof(*in6);

	*fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	inet_pton(family, addr, family == AF_INET ? (void *)&in->sin_addr : (void *)&in6->sin6_addr);
	if (*fd < 0 || bind(*fd, (struct sockaddr *)&ss, len) || listen(*fd, 8) ||
	    getsockname(*fd, (struct sockaddr *)&ss, &len))
		return 0;
	return ntohs(in->sin_port);
}

/* Connects a socket from ADDR to the listener at PORT; its own port. */
static uint16_t join(int family, const char *addr, uint16_t port, int *fd)
{
	struct sockaddr_storage ss = { .ss_family = (sa_family_t)family };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	socklen_t len = family == AF_INET ? sizeof(*in) : sizeof(*in6);

	*fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	inet_pton(family, addr, family == AF_INET ? (void *)&in->sin_addr : (void *)&in6->sin6_addr);
	in->sin_port = htons(port);
	if (*fd < 0 || connect(*fd, (struct sockaddr *)&ss, len) || getsockname(*fd, (struct sockaddr *)&ss, &len))
		return 0;
	return ntohs(in->sin_port);
}

static void test_live(void)
{
	static const struct {
		int family;
		const char *listen, *connect;
		int connect_family;
	} kind[] = {
		{ AF_INET, "127.0.0.1", "127.0.0.1", AF_INET }, { AF_INET, "127.1.2.3", "127.1.2.3", AF_INET },
		{ AF_INET6, "::1", "::1", AF_INET6 }, { AF_INET6, "::", "127.0.0.1", AF_INET },
		{ AF_INET6, "::", "::ffff:127.9.0.1", AF_INET6 },
	};
	static const char *const form[] = {
		"sport %u", "dport %u", "port %u", "sport >= %u", "not dport > %u", "src 127.0.0.0/8 and not port %u",
			"ip and port >= %u",
		"ip6 or sport %u", "dst 127.0.0.1 and sport != %u", "src ::1 or dst 127.1.2.3 or sport < %u",
			"dst ::/0 and not sport %u",
		"not (state listen or dport %u)", "state listen and sport >= %u", "host 127.9.0.1 and port != %u",
			"not host 127.9.0.1 or port %u",
		"not dst ::/8 and sport >= %u",
	};
	int fd[2 * ARRAY_SIZE(kind)];
	struct chosen base = { 0 }, c;
	struct err e = { 0 };
	struct sock_stats st;
	unsigned i, k, some = 0;

	for (i = 0; i < ARRAY_SIZE(kind); i++) {
		uint16_t port = open_socket(kind[i].family, kind[i].listen, &fd[2 * i]);

		base.port[base.nport++] = port;
		fd[2 * i + 1] = -1;
		if (port)
			base.port[base.nport++] = join(kind[i].connect_family, kind[i].connect, port, &fd[2 * i + 1]);
	}
	for (i = 0; i < ARRAY_SIZE(form); i++) {
		for (k = 0; k < base.nport; k++) {
			struct sock_query q = { .families = SOCK_FAMILY_4 | SOCK_FAMILY_6, .protos = SOCK_PROTO_TCP,
						.states = 0x1ffe,
						.layout = &layout };
			struct filter f = { 0 };
			char text[128];

			if (!base.port[k])
				continue;
			snprintf(text, sizeof(text), form[i], base.port[k]);
			CHECK_EQ(filter_parse(&f, &flow_schema, text, strlen(text), &e), 0);
			base.f = &f;
			base.n = 0;
			base.sum = 0;
			c = base;
			CHECK_EQ(sockdiag_dump(&q, choose, &base, &st, &e), 0);
			q.filter = &f;
			CHECK_EQ(sockdiag_dump(&q, choose, &c, &st, &e), 0);
			if (c.n != base.n || c.sum != base.sum)
				fprintf(stderr, "%s: %u of %u\n", text, c.n, base.n);
			CHECK(c.n == base.n && c.sum == base.sum);
			some += c.n;
		}
	}
	CHECK(some > 100);
	for (i = 0; i < ARRAY_SIZE(fd); i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

int main(void)
{
	static const uint8_t fields[] = { F_PROTO, F_FORWARDED, F_SRC, F_DST, F_SPORT, F_DPORT, F_DEV, F_MARK, F_STATE,
					  F_RTT, F_UID,
					  F_CWND, F_COOKIE };
	struct fieldset want = { { 0 } };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		fieldset_add(&want, fields[i]);
	sockdiag_layout(&layout, &want);
	test_narrowing();
	test_random();
	test_kernel_accepts();
	test_live();
	cgroup_free();
	strings_free();
	return check_done("diagfilter");
}
