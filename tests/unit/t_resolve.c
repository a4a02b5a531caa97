// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of addresses, asked of a name server that this test runs itself on 127.0.0.1 and 127.0.0.2. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include "check.h"
#include "collect/dns.h"
#include "collect/resolve.h"
#include "core/util.h"

static char dir[] = "/tmp/t_resolve.XXXXXX";
static char hosts_path[64], conf_path[64];
static int server_fd[2], stranger_fd, stop_pipe[2];
static uint16_t port;
static unsigned asked[2][256], asked_total; /* by server and last byte of the address */

static const uint8_t *addr(const char *text)
{
	static uint8_t a[8][16];
	static unsigned turn;
	uint8_t *p = a[turn++ % 8];

	memset(p, 0, 10);
	memset(p + 10, 0xff, 2);
	if (inet_pton(AF_INET, text, p + 12) != 1 && inet_pton(AF_INET6, text, p) != 1)
		abort();
	return p;
}

/* ---- building answers ---- */

struct msg {
	uint8_t p[600];
	size_t n;
};

static void add(struct msg *m, const void *p, size_t n)
{
	memcpy(m->p + m->n, p, n);
	m->n += n;
}

static void add_record(struct msg *m, unsigned type, const void *data, size_t n)
{
	uint8_t head[12] = { 0xc0, 12, 0, (uint8_t)type, 0, 1, 0, 0, 0, 60, 0, (uint8_t)n };

	add(m, head, sizeof(head));
	add(m, data, n);
	m->p[7]++;
}

static void begin(struct msg *m, const uint8_t *q, size_t n, unsigned code)
{
	m->n = 0;
	add(m, q, n);
	m->p[2] |= 0x80;
	m->p[3] = (uint8_t)(0x80 | code);
}

/* The plain answer: hN.example. for the last byte N. */
static void begin_name(struct msg *m, const uint8_t *q, size_t n, unsigned last)
{
	uint8_t name[] = { 4, 'h', (uint8_t)('0' + last / 100), (uint8_t)('0' + last / 10 % 10),
			   (uint8_t)('0' + last % 10), 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0 };

	begin(m, q, n, 0);
	add_record(m, 12, name, sizeof(name));
}

/* What the server with index I says to the question Q about x.x.x.LAST (IPv6: about …1). */
static void serve(int i, const uint8_t *q, size_t n, unsigned last, const struct sockaddr_in *to)
{
	static const uint8_t cname[] = { 5, 'o', 't', 'h', 'e', 'r', 0xc0, 12 };
	static const uint8_t bad[] = { 5, 'a', 033, '[', '2', 'J', 0 }, digits[] = { 1, '8', 1, '8', 0 };
	static const uint8_t loop[] = { 0xc0, 12 + 30 };
	struct msg m;

	begin_name(&m, q, n, last);
	switch (last) {
	case 2: /* no such name */
		begin(&m, q, n, 3);
		break;
	case 3: /* the first question is lost */
		if (asked[0][last] + asked[1][last] == 1)
			return;
		break;
	case 4: /* a guess at the id, another question, then the right one */
		m.p[1] ^= 1;
		sendto(server_fd[i], m.p, m.n, 0, (const struct sockaddr *)to, sizeof(*to));
		m.p[1] ^= 1;
		m.p[13] ^= 1;
		m.p[n + 14] = 'X';
		sendto(server_fd[i], m.p, m.n, 0, (const struct sockaddr *)to, sizeof(*to));
		m.p[13] ^= 1;
		m.p[n + 14] = '0';
		break;
	case 5: /* one server is ill */
		if (i == 0)
			begin(&m, q, n, 2);
		break;
	case 6: /* a name that clears the screen */
		begin(&m, q, n, 0);
		add_record(&m, 12, bad, sizeof(bad));
		break;
	case 7: /* a name that looks like an address */
		begin(&m, q, n, 0);
		add_record(&m, 12, digits, sizeof(digits));
		break;
	case 8: /* a detour, and a name that ends in the question's: other.8.2.0.192.in-addr.arpa */
		begin(&m, q, n, 0);
		add_record(&m, 5, cname, sizeof(cname));
		add_record(&m, 12, cname, sizeof(cname));
		break;
	case 9: /* nothing, ever */
		return;
	case 10: /* somebody else is faster */
		m.p[n + 14] = 'X';
		sendto(stranger_fd, m.p, m.n, 0, (const struct sockaddr *)to, sizeof(*to));
		usleep(20000);
		m.p[n + 14] = '0';
		break;
	case 11: /* a pointer into itself */
		begin(&m, q, n, 0);
		add_record(&m, 12, loop, sizeof(loop));
		break;
	case 12: /* both are ill */
		begin(&m, q, n, 2);
		break;
	}
	sendto(server_fd[i], m.p, m.n, 0, (const struct sockaddr *)to, sizeof(*to));
}

static void *server(void *arg)
{
	struct pollfd pfd[3] = { { .fd = server_fd[0], .events = POLLIN }, { .fd = server_fd[1], .events = POLLIN },
				 { .fd = stop_pipe[0], .events = POLLIN } };
	uint8_t q[600];

	while (poll(pfd, 3, -1) > 0 && !pfd[2].revents) {
		for (int i = 0; i < 2; i++) {
			struct sockaddr_in from;
			socklen_t len = sizeof(from);
			ssize_t n;
			unsigned last;

			if (!(pfd[i].revents & POLLIN))
				continue;
			n = recvfrom(server_fd[i], q, sizeof(q), 0, (struct sockaddr *)&from, &len);
			if (n < 20)
				continue;
			last = q[12] == 1 && q[14] == 1 ? (unsigned)(q[13] - '0') : (unsigned)atoi((char *)q + 13);
			last &= 255;
			asked[i][last]++;
			asked_total++;
			serve(i, q, (size_t)n, last, &from);
		}
	}
	return arg;
}

static int bound(const char *address, uint16_t *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(*p) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, address, &a.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || getsockname(fd, (struct sockaddr *)&a, &len))
		abort();
	*p = ntohs(a.sin_port);
	return fd;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

/* ---- pure functions ---- */

static void questions(void)
{
	static const uint8_t four[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\0017\0012\0010\003192\7in-addr\4arpa\0\0\14\0\1";
	static const char six[] = "\0011\0010\0010\0010";
	uint8_t q[DNS_QUERY_SIZE];

	CHECK_EQ(dns_query(q, 0x1234, addr("192.0.2.7")), sizeof(four) - 1);
	CHECK(!memcmp(q, four, sizeof(four) - 1));
	CHECK_EQ(dns_query(q, 0, addr("2001:db8::1")), 12 + 64 + 4 + 5 + 1 + 4);
	CHECK(!memcmp(q + 12, six, sizeof(six) - 1));
	CHECK(!memcmp(q + 12 + 56, "\0011\0010\0010\0012\3ip6\4arpa\0\0\14\0\1", 22));
	CHECK(dns_query(q, 0, addr("255.255.255.255")) <= sizeof(q));
}

static void answers(void)
{
	uint8_t q[DNS_QUERY_SIZE], long_name[260];
	size_t n = dns_query(q, 77, addr("192.0.2.1")), at = 0;
	char name[DNS_NAME_SIZE];
	struct msg m;

	begin_name(&m, q, n, 1);
	CHECK_EQ(dns_answer(m.p, m.n, q, n, name), DNS_NAME);
	CHECK_STR(name, "h001.example");
	m.p[23] = 'I'; /* in-addr in other capitals */
	CHECK_EQ(dns_answer(m.p, m.n, q, n, name), DNS_NAME);
	for (size_t cut = 0; cut < m.n; cut++) /* cut anywhere: never a name, never beyond the end (ASan) */
		CHECK(dns_answer(memcpy(long_name, m.p, cut), cut, q, n, name) != DNS_NAME);
	m.p[2] &= 0x7f; /* a question */
	CHECK_EQ(dns_answer(m.p, m.n, q, n, name), DNS_FOREIGN);
	begin(&m, q, n, 0);
	CHECK_EQ(dns_answer(m.p, m.n, q, n, name), DNS_NO_NAME);
	begin(&m, q, n, 5);
	CHECK_EQ(dns_answer(m.p, m.n, q, n, name), DNS_FAILED);
	m.p[5] = 0; /* a refusal without the question */
	CHECK_EQ(dns_answer(m.p, 12, q, n, name), DNS_FAILED);
	/* 255 bytes of name are the most there can be: three labels of 63 and one of 61. */
	for (int last = 62; last >= 61; last--) {
		at = 0;
		for (int i = 0; i < 4; i++) {
			int k = i < 3 ? 63 : last;

			long_name[at++] = (uint8_t)k;
			memset(long_name + at, 'a', (size_t)k);
			at += (size_t)k;
		}
		long_name[at++] = 0;
		begin(&m, q, n, 0);
		add_record(&m, 12, long_name, at);
		CHECK_EQ(dns_answer(m.p, m.n, q, n, name), last == 61 ? DNS_NAME : DNS_NO_NAME);
	}
	CHECK_EQ(strlen(name), 253);
}

static void files(void)
{
	static const char hosts[] = "# comment\n127.0.0.1\tlocalhost lo # x\n\n::1 ip6-localhost\n1.2.3 bad\n10.0.0.1\n"
				    "10.0.0.2 a;b\n 10.0.0.3   spaced  \r\n10.0.0.4 \033[2J\n"
				    "::ffff:10.0.0.5 five.example";
	static const char conf[] = "search example\nnameserver 192.0.2.53\n;nameserver 1.1.1.1\n"
				   "nameserver fe80::1%eth0\n"
				   "nameserver nonsense\nnameserver 10.0.0.1%an-interface-too-long\nnameserver\t::1";
	char name[DNS_NAME_SIZE], scope[DNS_SCOPE_SIZE];
	uint8_t a[16];
	size_t pos = 0;

#define HOST(address, text) do { \
	CHECK(hosts_next(hosts, sizeof(hosts) - 1, &pos, a, name)); \
	CHECK(!memcmp(a, addr(address), 16)); \
	CHECK_STR(name, text); \
} while (0)
	HOST("127.0.0.1", "localhost");
	HOST("::1", "ip6-localhost");
	HOST("10.0.0.2", "a");
	HOST("10.0.0.3", "spaced");
	HOST("10.0.0.5", "five.example");
	CHECK(!hosts_next(hosts, sizeof(hosts) - 1, &pos, a, name));
	pos = 0;
#define SERVER(address, text) do { \
	CHECK(resolvconf_next(conf, sizeof(conf) - 1, &pos, a, scope)); \
	CHECK(!memcmp(a, addr(address), 16)); \
	CHECK_STR(scope, text); \
} while (0)
	SERVER("192.0.2.53", "");
	SERVER("fe80::1", "eth0");
	SERVER("::1", "");
	CHECK(!resolvconf_next(conf, sizeof(conf) - 1, &pos, a, scope));
}

/* ---- the whole ---- */

static struct resolver *started(uint16_t at_port)
{
	const struct resolve_conf conf = { .hosts = hosts_path, .resolv_conf = conf_path, .port = at_port };
	struct resolver *r = NULL;
	struct err e;

	CHECK_EQ(resolve_start(&r, &conf, &e), 0);
	return r;
}

static void look_ups(void)
{
	struct resolver *r = started(port);
	uint64_t t0 = now_ns();
	unsigned before;
	char text[32];

	for (int i = 1; i <= 12; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", i);
		CHECK(resolve_want(r, addr(text)));
	}
	CHECK(resolve_want(r, addr("192.0.2.1"))); /* twice is once */
	CHECK(resolve_want(r, addr("192.0.2.200")));
	CHECK(resolve_want(r, addr("2001:db8::1")));
	CHECK(!resolve_name(r, addr("192.0.2.1")));
	CHECK_EQ(resolve_run(r, now_ns() + 1500 * NSEC_PER_MSEC), 1); /* .9 never answers */
	CHECK(now_ns() - t0 >= 1500 * NSEC_PER_MSEC);
	CHECK_STR(resolve_name(r, addr("192.0.2.1")), "h001.example");
	CHECK(!resolve_name(r, addr("192.0.2.2")));
	CHECK_STR(resolve_name(r, addr("192.0.2.3")), "h003.example");
	CHECK_STR(resolve_name(r, addr("192.0.2.4")), "h004.example");
	CHECK_STR(resolve_name(r, addr("192.0.2.5")), "h005.example");
	CHECK(!resolve_name(r, addr("192.0.2.6")));
	CHECK(!resolve_name(r, addr("192.0.2.7")));
	CHECK_STR(resolve_name(r, addr("192.0.2.8")), "other.8.2.0.192.in-addr.arpa");
	CHECK(!resolve_name(r, addr("192.0.2.9")));
	CHECK_STR(resolve_name(r, addr("192.0.2.10")), "h010.example");
	CHECK(!resolve_name(r, addr("192.0.2.11")));
	CHECK(!resolve_name(r, addr("192.0.2.12")));
	CHECK_STR(resolve_name(r, addr("192.0.2.200")), "from-hosts");
	CHECK_STR(resolve_name(r, addr("2001:db8::1")), "h001.example");
	CHECK(!resolve_name(r, addr("192.0.2.99"))); /* never wanted */
	CHECK_EQ(asked[0][200] + asked[1][200], 0);
	CHECK_EQ(asked[0][5], 1);
	CHECK_EQ(asked[1][5], 1);
	CHECK_EQ(asked[0][12], 1);
	CHECK_EQ(asked[1][12], 1);
	CHECK_EQ(asked[0][9], 1);
	CHECK_EQ(asked[1][9], 1);
	before = asked_total;
	t0 = now_ns();
	CHECK_EQ(resolve_run(r, 0), 1); /* known ones are not asked again, and nothing waits */
	CHECK(now_ns() - t0 < NSEC_PER_SEC / 2);
	CHECK_EQ(asked_total, before);
	CHECK(resolve_want(r, addr("192.0.2.100")));
	CHECK_EQ(resolve_run(r, now_ns() + 100 * NSEC_PER_MSEC), 1);
	CHECK_STR(resolve_name(r, addr("192.0.2.100")), "h100.example");
	resolve_free(r);
}

/* More than fit in flight, up to the bound. */
static void many(void)
{
	struct resolver *r = started(port);
	unsigned named = 0, wanted = 0;
	char text[32];

	for (int i = 0; i < RESOLVE_NAMES + 10; i++) {
		snprintf(text, sizeof(text), "10.9.%d.%d", i / 100, 101 + i % 100);
		wanted += resolve_want(r, addr(text));
	}
	CHECK_EQ(wanted, RESOLVE_NAMES);
	CHECK_EQ(resolve_run(r, now_ns() + 20 * NSEC_PER_SEC), 0);
	for (int i = 0; i < RESOLVE_NAMES; i++) {
		snprintf(text, sizeof(text), "10.9.%d.%d", i / 100, 101 + i % 100);
		named += resolve_name(r, addr(text)) != NULL;
	}
	CHECK_EQ(named, RESOLVE_NAMES);
	resolve_free(r);
}

/* Nobody listens, no files at all: an answer at once. */
static void nobody(void)
{
	uint16_t free_port = 0;
	int fd = bound("127.0.0.1", &free_port);
	uint64_t t0 = now_ns();
	struct resolver *r;

	close(fd);
	write_file(conf_path, "nameserver 127.0.0.1\n");
	unlink(hosts_path);
	for (int round = 0; round < 2; round++) {
		r = started(free_port);
		CHECK(resolve_want(r, addr("192.0.2.1")));
		CHECK(resolve_want(r, addr("192.0.2.2")));
		CHECK_EQ(resolve_run(r, now_ns() + 5 * NSEC_PER_SEC), 0);
		CHECK(!resolve_name(r, addr("192.0.2.1")));
		resolve_free(r);
		unlink(conf_path); /* then 127.0.0.1 it is */
	}
	CHECK(now_ns() - t0 < NSEC_PER_SEC);
	resolve_free(NULL);
}

int main(void)
{
	uint16_t any = 0;
	pthread_t thread;

	questions();
	answers();
	files();
	if (!mkdtemp(dir) || pipe(stop_pipe))
		abort();
	snprintf(hosts_path, sizeof(hosts_path), "%s/hosts", dir);
	snprintf(conf_path, sizeof(conf_path), "%s/resolv.conf", dir);
	write_file(hosts_path, "127.0.0.1 localhost\n192.0.2.200 from-hosts another\n192.0.2.200 too-late\n");
	write_file(conf_path, "# comment\nsearch example\nnameserver 127.0.0.1\nnameserver 127.0.0.2\n");
	server_fd[0] = bound("127.0.0.1", &port);
	server_fd[1] = bound("127.0.0.2", &port);
	stranger_fd = bound("127.0.0.1", &any);
	if (pthread_create(&thread, NULL, server, NULL))
		abort();
	look_ups();
	many();
	nobody();
	if (write(stop_pipe[1], "", 1) != 1)
		abort();
	pthread_join(thread, NULL);
	rmdir(dir);
	return check_done("resolve");
}
