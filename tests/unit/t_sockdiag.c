/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets through inet_diag: real connections against getsockopt(TCP_INFO), messages that were tampered with, and dumps
 * that go wrong (replayed from folders made here).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "collect/cgroup.h"
#include "collect/door.h"
#include "collect/sockdiag.h"
#include "collect/tcpinfo.h"
#include "core/util.h"
#include "model/strings.h"

#define TCP_INFO_OPTION 11 /* <netinet/tcp.h> and <linux/tcp.h> cannot be had together */

static struct layout all;

/* The member of tcp_info that a field is declared to be; false: it is none, or a bit field. */
static bool member(const struct tcpinfo *t, unsigned f, uint64_t *v, unsigned *end)
{
#define TI(m) { *v = t->m; *end = offsetof(struct tcpinfo, m) + sizeof(t->m); return true; }
#define TB(m, s, b) return false;
#define TB_NIBBLE(m, n) return false;
#define SRC_CODE return false;
#define SRC_DERIVED return false;
#define SRC_ITER return false;
#define SRC_SAMPLE return false;
#define SRC_PACKET return false;
#define SRC_DROPS return false;
#define SRC_SOJOURN return false;
	switch (f) {
#define X(id, key, word, head, kind, unit, merge, width, scale, names, source, help) case F_##id: source
	FLOW_FIELDS(X)
#undef X
	}
	return false;
}

/* A message as the kernel would send it. */
struct message {
	union {
		struct nlmsghdr nlh;
		char b[2048];
	} u;
};

static struct inet_diag_msg *message_init(struct message *m, unsigned state)
{
	struct inet_diag_msg *d;

	memset(m, 0, sizeof(*m));
	mnl_nlmsg_put_header(&m->u);
	m->u.nlh.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	m->u.nlh.nlmsg_flags = NLM_F_MULTI;
	d = mnl_nlmsg_put_extra_header(&m->u.nlh, sizeof(*d));
	d->idiag_family = AF_INET;
	d->idiag_state = (uint8_t)state;
	d->id.idiag_sport = htons(443);
	d->id.idiag_dport = htons(50000);
	d->id.idiag_src[0] = htonl(0xc0000201);
	d->id.idiag_dst[0] = htonl(0xc6336401);
	d->id.idiag_cookie[0] = 7;
	d->id.idiag_cookie[1] = 1;
	d->idiag_inode = 4711;
	d->idiag_uid = 33;
	return d;
}

static int parse(const struct message *m, const struct layout *l, unsigned proto, void *rec)
{
	size_t len = mnl_nlmsg_get_payload_len(&m->u.nlh);
	void *exact = malloc(len);
	int r;

	memcpy(exact, mnl_nlmsg_get_payload(&m->u.nlh), len);
	r = sockdiag_parse(l, proto, exact, len, rec);
	free(exact);
	return r;
}

static uint8_t rec[2048] __attribute__((aligned(8)));

/* Every wanted field of tcp_info is known exactly when the payload reaches its end. */
static void check_length(unsigned len)
{
	uint8_t info[512];
	struct tcpinfo t;
	struct message m;
	unsigned f, end;
	uint64_t v;

	/* Values that are no sentinels. */
	for (unsigned i = 0; i < sizeof(info); i++)
		info[i] = (uint8_t)(1 + i % 100);
	memcpy(&t, info, sizeof(t));
	message_init(&m, 1);
	mnl_attr_put_u8(&m.u.nlh, INET_DIAG_SHUTDOWN, 0);
	mnl_attr_put(&m.u.nlh, INET_DIAG_INFO, len, info);
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), 0);
	for (f = 0; f < F_COUNT; f++) {
		if (!member(&t, f, &v, &end))
			continue;
		if (rec_has(rec, f) != (end <= len))
			fprintf(stderr, "length %u, field %s\n", len, flow_schema.field[f].key);
		CHECK_EQ(rec_has(rec, f), end <= len);
		CHECK(!rec_has(rec, f) || rec_raw(&all, rec, f) == v);
	}
}

static void test_lengths(void)
{
	static const unsigned len[] = { 0, 1, 5, 8, 71, 72, 73, 103, 104, 191, 192, 224, 231, 232, 233, 240, 248, 279,
					280, 281, 400 };
	unsigned i, f, end;
	struct tcpinfo t = { 0 };
	uint64_t v;

	for (i = 0; i < ARRAY_SIZE(len); i++)
		check_length(len[i]);
	for (f = 0; f < F_COUNT; f++)
		if (member(&t, f, &v, &end))
			CHECK_EQ(all.slot[f].width, flow_schema.field[f].width);
}

static void test_sentinels(void)
{
	static const uint8_t unknown[] = { F_RTT, F_RTTVAR, F_MIN_RTT, F_RCV_RTT, F_DELIVERY_RATE, F_PACING_RATE,
					   F_MAX_PACING_RATE,
					   F_SSTHRESH, F_ATO, F_PMTU, F_FACKETS, F_SND_WSCALE, F_RCV_WSCALE };
	struct tcpinfo t = { .min_rtt = ~0u, .pacing_rate = ~0ULL, .max_pacing_rate = ~0ULL,
			     .snd_ssthresh = 0x7fffffff };
	struct message m;
	unsigned i;

	message_init(&m, 1);
	mnl_attr_put(&m.u.nlh, INET_DIAG_INFO, sizeof(t), &t);
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), 0);
	for (i = 0; i < sizeof(unknown); i++)
		CHECK(!rec_has(rec, unknown[i]));
	CHECK(rec_has(rec, F_RETRANS) && rec_has(rec, F_LOST) && rec_has(rec, F_CWND) && rec_has(rec, F_BUSY));

	/* The low nibble is the first bit field on little-endian targets, the high one on others. */
	t = (struct tcpinfo){ .rtt = 1, .min_rtt = 0, .options = TCPINFO_WSCALE | TCPINFO_TS, .pacing_rate = 5,
			      .snd_ssthresh = 7 };
	t.wscale = htonl(1) == 1 ? 0x7a : 0xa7;
	t.flags = htonl(1) == 1 ? 0x80 : 0x01;
	message_init(&m, 1);
	mnl_attr_put(&m.u.nlh, INET_DIAG_INFO, sizeof(t), &t);
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), 0);
	CHECK(rec_has(rec, F_RTT) && rec_has(rec, F_RTTVAR) && !rec_has(rec, F_MIN_RTT) && rec_has(rec, F_SSTHRESH));
	CHECK_EQ(rec_raw(&all, rec, F_SND_WSCALE), 7);
	CHECK_EQ(rec_raw(&all, rec, F_RCV_WSCALE), 10);
	CHECK_EQ(rec_raw(&all, rec, F_APP_LIMITED), 1);
	CHECK_EQ(rec_raw(&all, rec, F_TS), 1);
	CHECK_EQ(rec_raw(&all, rec, F_SACK), 0);
	CHECK_EQ(rec_raw(&all, rec, F_WSCALE), 1);
}

/* Sockets that are not connections (any more, or yet). */
static void test_states(void)
{
	struct tcpinfo t = { .unacked = 3, .sacked = 128, .snd_cwnd = 10, .reordering = 3, .rto = 1000000,
			     .last_data_sent = 4000000000u };
	struct message m;
	uint64_t v;

	message_init(&m, 10);
	mnl_attr_put(&m.u.nlh, INET_DIAG_INFO, sizeof(t), &t);
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), 0);
	CHECK(!rec_has(rec, F_UNACKED) && !rec_has(rec, F_SACKED) && !rec_has(rec, F_CWND));
	CHECK(rec_has(rec, F_ACCEPT_QUEUE) && rec_has(rec, F_BACKLOG) && !rec_has(rec, F_RECV_Q) && !rec_has(rec, F_SEND_Q));
	CHECK(!rec_has(rec, F_RETRANS) && !rec_has(rec, F_RTO) && !rec_has(rec, F_LAST_SND) &&
	      !rec_has(rec, F_BYTES_SENT));

	message_init(&m, 2);
	mnl_attr_put(&m.u.nlh, INET_DIAG_INFO, sizeof(t), &t);
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), 0);
	CHECK(rec_has(rec, F_RTO) && !rec_has(rec, F_LAST_SND) && !rec_has(rec, F_TS));

	/* Time-wait: no tcp_info, no user; an inode of 0 is known to be none. */
	message_init(&m, 6)->idiag_inode = 0;
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), 0);
	CHECK(!rec_has(rec, F_RTT) && !rec_has(rec, F_UID) && !rec_has(rec, F_CWND));
	CHECK(rec_get(&all, rec, F_INODE, &v) && v == 0);
	CHECK(rec_get(&all, rec, F_COOKIE, &v) && v == 0x100000007ULL);
	CHECK(rec_get(&all, rec, F_STATE, &v) && v == 6);
	CHECK(rec_get(&all, rec, F_SPORT, &v) && v == 443);
	CHECK(!memcmp(rec_addr(&all, rec, F_SRC), "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16));
	CHECK(!rec_has(rec, F_TIMER_EXPIRES) && rec_has(rec, F_TIMER));

	/* A raw socket has no ports; tcp_info in an answer about UDP means nothing. */
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_RAW, rec), 0);
	CHECK(!rec_has(rec, F_SPORT) && !rec_has(rec, F_DPORT));
	message_init(&m, 7);
	mnl_attr_put(&m.u.nlh, INET_DIAG_INFO, sizeof(t), &t);
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_UDP, rec), 0);
	CHECK(!rec_has(rec, F_CWND) && rec_has(rec, F_SPORT));
}

static void test_attributes(void)
{
	const uint32_t mem[9] = { 11, 12, 13, 14, 15, 16, 17, 18, 19 };
	struct inet_diag_msg *d;
	struct message m;
	uint64_t v;

	d = message_init(&m, 1);
	d->idiag_timer = 200;
	d->idiag_expires = 1500;
	mnl_attr_put_strz(&m.u.nlh, INET_DIAG_CONG, "bbr");
	mnl_attr_put_u32(&m.u.nlh, INET_DIAG_MARK, 0xbeef);
	mnl_attr_put_u8(&m.u.nlh, INET_DIAG_SHUTDOWN, 0);
	mnl_attr_put(&m.u.nlh, INET_DIAG_SKMEMINFO, sizeof(mem), mem);
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), 0);
	CHECK_STR(strings_get((uint32_t)rec_raw(&all, rec, F_CONG)), "bbr");
	CHECK(rec_get(&all, rec, F_MARK, &v) && v == 0xbeef);
	CHECK(rec_get(&all, rec, F_UID, &v) && v == 33);
	CHECK(rec_get(&all, rec, F_RCVBUF, &v) && v == 12);
	CHECK(rec_get(&all, rec, F_SNDBUF, &v) && v == 14);
	CHECK(rec_get(&all, rec, F_SK_DROPS, &v) && v == 19);
	CHECK(rec_get(&all, rec, F_TIMER, &v) && v == 5);
	CHECK(rec_get(&all, rec, F_TIMER_EXPIRES, &v) && v == 1500 * NSEC_PER_MSEC);
	/* Shorter than today's. */
	message_init(&m, 1);
	mnl_attr_put(&m.u.nlh, INET_DIAG_SKMEMINFO, 15, mem);
	mnl_attr_put(&m.u.nlh, INET_DIAG_MARK, 3, mem);
	mnl_attr_put(&m.u.nlh, INET_DIAG_CGROUP_ID, 7, mem);
	mnl_attr_put(&m.u.nlh, INET_DIAG_CONG, 0, mem);
	mnl_attr_put(&m.u.nlh, INET_DIAG_CONG, 20, "12345678901234567890");
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), 0);
	CHECK(rec_has(rec, F_WMEM) && !rec_has(rec, F_SNDBUF) && !rec_has(rec, F_MARK) && !rec_has(rec, F_CONG));
	CHECK(!rec_has(rec, F_CGROUP));
}

static void test_broken(void)
{
	struct message m;
	unsigned len;

	for (len = 0; len < sizeof(struct inet_diag_msg); len++) {
		message_init(&m, 1);
		m.u.nlh.nlmsg_len = (uint32_t)mnl_nlmsg_size(len);
		CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), -EBADMSG);
	}
	message_init(&m, 1)->idiag_family = AF_UNIX;
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), -EBADMSG);
	message_init(&m, 0);
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), -EBADMSG);
	message_init(&m, 13);
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), -EBADMSG);
	/* An attribute that says it is longer than the message ends it. */
	message_init(&m, 1);
	mnl_attr_put_u32(&m.u.nlh, INET_DIAG_MARK, 1);
	((struct nlattr *)(m.u.b + 16 + 72))->nla_len = 100;
	CHECK_EQ(parse(&m, &all, SOCK_PROTO_TCP, rec), 0);
	CHECK(!rec_has(rec, F_MARK) && rec_has(rec, F_STATE));
}

/* Nothing is stored that nobody asked for. */
static void test_layout(void)
{
	struct fieldset want = { { 0 } };
	struct layout l;

	sockdiag_layout(&l, &want);
	CHECK_EQ(l.size, sizeof(struct fieldset));
	fieldset_add(&want, F_RTT);
	sockdiag_layout(&l, &want);
	CHECK_EQ(l.size, sizeof(struct fieldset) + 8);
	fieldset_add(&want, F_RTTVAR);
	fieldset_add(&want, F_SPORT);
	sockdiag_layout(&l, &want);
	CHECK_EQ(l.size, sizeof(struct fieldset) + 8 + 16);
	CHECK_EQ(l.slot[F_RTTVAR].off - l.slot[F_RTT].off, 4);
	check_length(280);
}

/* Ports of one connection, and its records in the dump: the end that has PORT and the other one. */
struct pair {
	int client, server;
	uint16_t port, peer;
	unsigned found;
	uint8_t *rec[2];
};

static int keep(void *arg, const void *r)
{
	struct pair *p = arg;
	uint64_t sport, dport;

	if (!r || !rec_get(&all, r, F_SPORT, &sport) || !rec_get(&all, r, F_DPORT, &dport))
		return 0;
	if (sport == p->port && dport == p->peer)
		p->found |= 1, memcpy(p->rec[0], r, all.size);
	if (sport == p->peer && dport == p->port)
		p->found |= 2, memcpy(p->rec[1], r, all.size);
	return 0;
}

static socklen_t loopback(struct sockaddr_storage *ss, int family)
{
	memset(ss, 0, sizeof(*ss));
	ss->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		((struct sockaddr_in *)ss)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(struct sockaddr_in);
	}
	((struct sockaddr_in6 *)ss)->sin6_addr = in6addr_loopback;
	return sizeof(struct sockaddr_in6);
}

static uint16_t local_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	CHECK(!getsockname(fd, (struct sockaddr *)&ss, &len));
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

static bool connect_pair(struct pair *p, int family)
{
	struct sockaddr_storage ss;
	socklen_t len = loopback(&ss, family);
	int listener = socket(family, SOCK_STREAM, 0), i;
	char data[3000] = { 0 };

	memset(p, 0, sizeof(*p));
	if (bind(listener, (struct sockaddr *)&ss, len) || listen(listener, 5)) {
		close(listener);
		return false;
	}
	getsockname(listener, (struct sockaddr *)&ss, &len);
	p->client = socket(family, SOCK_STREAM, 0);
	CHECK(!connect(p->client, (struct sockaddr *)&ss, len));
	p->server = accept(listener, NULL, NULL);
	close(listener);
	for (i = 0; i < 20; i++) {
		CHECK_EQ(write(p->client, data, 700), 700);
		CHECK_EQ(recv(p->server, data, 700, MSG_WAITALL), 700);
		CHECK_EQ(write(p->server, data, 3000), 3000);
		CHECK_EQ(recv(p->client, data, 3000, MSG_WAITALL), 3000);
	}
	usleep(100000); /* the last delayed acknowledgement */
	p->port = local_port(p->client);
	p->peer = local_port(p->server);
	p->rec[0] = calloc(1, all.size);
	p->rec[1] = calloc(1, all.size);
	return true;
}

/* The record against what the socket itself says. */
static void check_socket(int fd, const void *r, const struct sock_stats *st)
{
	struct tcpinfo t = { 0 };
	socklen_t len = sizeof(t);
	struct stat sb;
	unsigned f, end;
	uint64_t v, compared = 0;

	CHECK(!getsockopt(fd, IPPROTO_TCP, TCP_INFO_OPTION, &t, &len));
	for (f = 0; f < F_COUNT; f++) {
		if (!member(&t, f, &v, &end) || f == F_LAST_SND || f == F_LAST_RCV || f == F_LAST_ACK)
			continue;
		CHECK_EQ(fieldset_has(&st->supplied, f), end <= len);
		if (!rec_has(r, f))
			continue;
		compared++;
		if (rec_raw(&all, r, f) != v)
			fprintf(stderr, "field %s\n", flow_schema.field[f].key);
		CHECK_EQ(rec_raw(&all, r, f), v);
	}
	CHECK(compared > 30);
	CHECK(rec_has(r, F_RTT) && rec_has(r, F_MIN_RTT) && rec_has(r, F_CONG) && rec_has(r, F_TS));
	CHECK(!fstat(fd, &sb) && rec_get(&all, r, F_INODE, &v) && v == (uint32_t)sb.st_ino);
	CHECK(rec_get(&all, r, F_UID, &v) && v == getuid());
	CHECK(rec_get(&all, r, F_STATE, &v) && v == 1);
	CHECK(rec_get(&all, r, F_RCVBUF, &v) && v > 0);
	CHECK(rec_get(&all, r, F_COOKIE, &v) && v > 0);
}

static void test_real(int family)
{
	struct sock_query q = { .families = SOCK_FAMILY_4 | SOCK_FAMILY_6, .protos = SOCK_PROTO_TCP, .states = 1 << 1,
				.layout = &all };
	struct sock_stats st;
	struct err e = { 0 };
	struct pair p;
	char text[64];
	struct filter f = { 0 };

	if (!connect_pair(&p, family))
		return;
	CHECK_EQ(sockdiag_dump(&q, keep, &p, &st, &e), 0);
	CHECK_EQ(p.found, 3);
	CHECK_EQ(st.malformed, 0);
	CHECK(!st.incomplete);
	CHECK(st.sockets >= 2);
	check_socket(p.client, p.rec[0], &st);
	check_socket(p.server, p.rec[1], &st);
	CHECK(sockdiag_estimate() >= 2);
	/* The kernel filters: exactly our two. */
	snprintf(text, sizeof(text), "port %u and port %u", p.port, p.peer);
	CHECK_EQ(filter_parse(&f, &flow_schema, text, strlen(text), &e), 0);
	q.filter = &f;
	p.found = 0;
	CHECK_EQ(sockdiag_dump(&q, keep, &p, &st, &e), 0);
	CHECK_EQ(p.found, 3);
	CHECK_EQ(st.sockets, 2);
	/* Closing makes a time-wait of one end. */
	close(p.client);
	usleep(20000);
	close(p.server);
	usleep(20000);
	q.states = 1 << 6;
	p.found = 0;
	CHECK_EQ(sockdiag_dump(&q, keep, &p, &st, &e), 0);
	CHECK_EQ(p.found, 1);
	CHECK(!rec_has(p.rec[0], F_UID) && !rec_has(p.rec[0], F_RTT) && rec_has(p.rec[0], F_TIMER_EXPIRES));
	free(p.rec[0]);
	free(p.rec[1]);
}

/* The raw socket with inode A[0]. */
static int count_raw(void *arg, const void *r)
{
	unsigned *a = arg;

	if (r && rec_raw(&all, r, F_INODE) == a[0] && rec_raw(&all, r, F_PROTO) == PROTO_RAW && !rec_has(r, F_SPORT))
		a[1]++;
	return 0;
}

/* Where the kernel can list them, and we may make one. */
static void test_raw(void)
{
	struct sock_query q = { .families = SOCK_FAMILY_4, .protos = SOCK_PROTO_RAW, .states = 0x1ffe, .layout = &all };
	int fd = socket(AF_INET, SOCK_RAW, 200);
	unsigned a[2] = { 0 };
	struct sock_stats st;
	struct err e = { 0 };
	struct stat sb;

	if (fd < 0)
		return;
	CHECK(!fstat(fd, &sb));
	a[0] = (unsigned)sb.st_ino;
	CHECK_EQ(sockdiag_dump(&q, count_raw, a, &st, &e), 0);
	CHECK_EQ(a[1], st.unsupported & SOCK_PROTO_RAW ? 0 : 1);
	close(fd);
}

static int count_udp(void *arg, const void *r)
{
	unsigned *a = arg;
	uint64_t port;

	if (r && rec_get(&all, r, F_SPORT, &port) && port == a[0])
		a[1 + (rec_raw(&all, r, F_STATE) == 7)]++;
	return 0;
}

static void test_udp(void)
{
	struct sock_query q = { .families = SOCK_FAMILY_4 | SOCK_FAMILY_6, .protos = SOCK_PROTO_UDP | SOCK_PROTO_RAW,
				.states = 0x1ffe,
				.layout = &all };
	struct sockaddr_storage ss;
	socklen_t len = loopback(&ss, AF_INET);
	struct sock_stats st;
	struct err e = { 0 };
	unsigned a[3] = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK(!bind(fd, (struct sockaddr *)&ss, len));
	a[0] = local_port(fd);
	CHECK_EQ(sockdiag_dump(&q, count_udp, a, &st, &e), 0);
	if (!(st.unsupported & SOCK_PROTO_UDP)) {
		CHECK_EQ(a[2], 1);
		((struct sockaddr_in *)&ss)->sin_port = htons(9);
		CHECK(!connect(fd, (struct sockaddr *)&ss, len));
		CHECK_EQ(sockdiag_dump(&q, count_udp, a, &st, &e), 0);
		CHECK_EQ(a[1], 1);
	}
	close(fd);
}

/* Replays. */
static char dir[64];

static void folder(void)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "rm -rf %s; mkdir %s", dir, dir);
	CHECK_EQ(system(path), 0);
	snprintf(path, sizeof(path), "%s/format", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	CHECK(write(fd, htonl(1) == 1 ? "fleutan recording 1 big-endian\n" : "fleutan recording 1 little-endian\n",
		    htonl(1) == 1 ? 31 : 34) > 30);
	close(fd);
}

/* Adds to stream NAME a datagram of a socket in STATE (0: none) and the end of the dump (unless END is 0) with CODE. */
static void datagram(const char *name, unsigned state, unsigned end, int code, unsigned flags)
{
	union {
		struct nlmsghdr nlh;
		char b[512];
	} u;
	struct message m;
	struct nlmsghdr *nlh;
	uint32_t len = 0;
	uint8_t head[4];
	char path[128];
	int fd;

	memset(&u, 0, sizeof(u));
	if (state) {
		message_init(&m, state);
		m.u.nlh.nlmsg_flags |= (uint16_t)flags;
		len = m.u.nlh.nlmsg_len;
		memcpy(&u, &m.u, len);
	}
	if (end) {
		nlh = mnl_nlmsg_put_header(u.b + len);
		nlh->nlmsg_type = (uint16_t)end;
		nlh->nlmsg_flags = (uint16_t)flags;
		*(int *)mnl_nlmsg_put_extra_header(nlh, sizeof(int)) = code;
		len += nlh->nlmsg_len;
	}
	snprintf(path, sizeof(path), "%s/stream,%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	head[0] = (uint8_t)len;
	head[1] = (uint8_t)(len >> 8);
	head[2] = head[3] = 0;
	CHECK(write(fd, head, 4) == 4 && write(fd, &u, len) == (ssize_t)len);
	close(fd);
}

struct heard {
	unsigned records, forgets;
	int stop_at, refuse;
};

static int hear(void *arg, const void *r)
{
	struct heard *h = arg;

	if (r)
		return ++h->records == (unsigned)h->stop_at;
	h->forgets++;
	if (!h->refuse)
		h->records = 0;
	return h->refuse;
}

static int replay_of(struct heard *h, unsigned families, unsigned protos, struct sock_stats *st, struct err *e)
{
	struct sock_query q = { .families = families, .protos = protos, .states = 0x1ffe, .layout = &all };
	int r;

	*e = (struct err){ 0 };
	CHECK_EQ(door_setup(NULL, dir, e), 0);
	r = sockdiag_dump(&q, hear, h, st, e);
	CHECK_EQ(door_finish(e), 0);
	return r;
}

static int replay(struct heard *h, unsigned protos, struct sock_stats *st, struct err *e)
{
	return replay_of(h, SOCK_FAMILY_4, protos, st, e);
}

/* Both families in one dump, or, where the kernel cannot, one after the other: also when the whole is repeated. */
static void test_both(void)
{
	const unsigned both = SOCK_FAMILY_4 | SOCK_FAMILY_6;
	struct heard h = { 0 };
	struct sock_stats st;
	struct err e;

	folder();
	datagram("sock_diag-tcp,0", 1, 0, 0, 0);
	datagram("sock_diag-tcp,0", 1, NLMSG_DONE, 0, 0);
	CHECK_EQ(replay_of(&h, both, SOCK_PROTO_TCP, &st, &e), 0);
	CHECK_EQ(h.records, 2);
	folder();
	datagram("sock_diag-tcp,0", 0, NLMSG_ERROR, -EINVAL, 0);
	datagram("sock_diag-tcp4,0", 1, NLMSG_DONE, 0, 0);
	datagram("sock_diag-tcp6,0", 1, NLMSG_DONE, 0, NLM_F_DUMP_INTR);
	datagram("sock_diag-tcp4,1", 1, NLMSG_DONE, 0, 0);
	datagram("sock_diag-tcp6,1", 1, NLMSG_DONE, 0, 0);
	h = (struct heard){ 0 };
	CHECK_EQ(replay_of(&h, both, SOCK_PROTO_TCP, &st, &e), 0);
	CHECK_EQ(h.records, 2);
	CHECK_EQ(h.forgets, 1);
	CHECK(!st.incomplete);
}

static void test_interrupted(void)
{
	struct heard h = { 0 };
	struct sock_stats st;
	struct err e;

	/* Interrupted twice, then whole. */
	folder();
	datagram("sock_diag-tcp4,0", 1, NLMSG_DONE, 0, NLM_F_DUMP_INTR);
	datagram("sock_diag-tcp4,1", 1, 0, 0, NLM_F_DUMP_INTR);
	datagram("sock_diag-tcp4,1", 1, NLMSG_DONE, 0, 0);
	datagram("sock_diag-tcp4,2", 1, NLMSG_DONE, 0, 0);
	CHECK_EQ(replay(&h, SOCK_PROTO_TCP, &st, &e), 0);
	CHECK_EQ(h.forgets, 2);
	CHECK_EQ(h.records, 1);
	CHECK_EQ(st.sockets, 1);
	CHECK_EQ(st.interrupted, 2);
	CHECK(!st.incomplete);
	/* A consumer that cannot forget. */
	h = (struct heard){ .refuse = 1 };
	CHECK_EQ(replay(&h, SOCK_PROTO_TCP, &st, &e), 0);
	CHECK_EQ(h.forgets, 1);
	CHECK(st.incomplete && st.sockets == 1);
	/* For ever: not more than three repeats. */
	folder();
	for (int i = 0; i < 6; i++) {
		char name[32];

		snprintf(name, sizeof(name), "sock_diag-tcp4,%d", i);
		datagram(name, 1, NLMSG_DONE, 0, NLM_F_DUMP_INTR);
	}
	h = (struct heard){ 0 };
	CHECK_EQ(replay(&h, SOCK_PROTO_TCP, &st, &e), 0);
	CHECK_EQ(h.forgets, 3);
	CHECK_EQ(st.interrupted, 4);
	CHECK(st.incomplete && st.sockets == 1);
}

static void test_refused(void)
{
	struct heard h = { 0 };
	struct sock_stats st;
	struct err e;

	/* No module for raw sockets: not an error. */
	folder();
	datagram("sock_diag-tcp4,0", 1, NLMSG_DONE, 0, 0);
	datagram("sock_diag-raw4,0", 0, NLMSG_ERROR, -ENOENT, 0);
	CHECK_EQ(replay(&h, SOCK_PROTO_TCP | SOCK_PROTO_RAW, &st, &e), 0);
	CHECK_EQ(st.unsupported, SOCK_PROTO_RAW);
	CHECK_EQ(st.sockets, 1);
	folder();
	datagram("sock_diag-tcp4,0", 0, NLMSG_ERROR, -ENOENT, 0);
	CHECK_EQ(replay(&h, SOCK_PROTO_TCP, &st, &e), -ENOENT);
	CHECK(strstr(e.text, "tcp_diag") != NULL);
	folder();
	datagram("sock_diag-tcp4,0", 1, NLMSG_DONE, -ENOMEM, 0);
	CHECK_EQ(replay(&h, SOCK_PROTO_TCP, &st, &e), -ENOMEM);
	/* Nothing recorded, then a recording that ends too early. */
	folder();
	CHECK_EQ(replay(&h, SOCK_PROTO_TCP, &st, &e), -ENODATA);
	CHECK(strstr(e.text, "sock_diag-tcp4") != NULL);
	datagram("sock_diag-tcp4,0", 1, 0, 0, 0);
	CHECK_EQ(replay(&h, SOCK_PROTO_TCP, &st, &e), 0);
	CHECK(st.incomplete && st.sockets == 1);
	/* The consumer has enough. */
	folder();
	datagram("sock_diag-tcp4,0", 1, 0, 0, 0);
	datagram("sock_diag-tcp4,0", 1, 0, 0, 0);
	datagram("sock_diag-tcp4,0", 13, 0, 0, 0);
	datagram("sock_diag-tcp4,0", 1, NLMSG_DONE, 0, 0);
	h = (struct heard){ .stop_at = 2 };
	CHECK_EQ(replay(&h, SOCK_PROTO_TCP, &st, &e), 0);
	CHECK_EQ(st.sockets, 2);
	h = (struct heard){ 0 };
	CHECK_EQ(replay(&h, SOCK_PROTO_TCP, &st, &e), 0);
	CHECK_EQ(st.sockets, 3);
	CHECK_EQ(st.malformed, 1);
}

int main(void)
{
	struct fieldset want = { { 0 } };
	char command[96];
	unsigned f;

	for (f = 0; f < F_COUNT; f++)
		fieldset_add(&want, f);
	sockdiag_layout(&all, &want);
	CHECK(all.size <= sizeof(rec));
	snprintf(dir, sizeof(dir), "/tmp/t_sockdiag.%d", (int)getpid());
	test_lengths();
	test_sentinels();
	test_states();
	test_attributes();
	test_broken();
	test_layout();
	test_real(AF_INET);
	test_real(AF_INET6);
	test_udp();
	test_raw();
	if (IS_ENABLED(CONFIG_REPLAY)) {
		test_both();
		test_interrupted();
		test_refused();
	}
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	CHECK_EQ(system(command), 0);
	cgroup_free();
	strings_free();
	return check_done("sockdiag");
}
