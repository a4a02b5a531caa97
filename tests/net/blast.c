// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A sender that knows what it sent, and a sink. A flow is a line `flow PROTO SRC SPORT DST DPORT PACKETS BYTES`, then
 * comes `total PACKETS BYTES NANOSECONDS`: packets (segments, fragments) and bytes, Ethernet header included, as the
 * wire sees them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define UDP_SEGMENT_OPT 103 /* netinet/udp.h of older C libraries lacks it */
#define THREADS_MAX 64
#define FLOWS_MAX 2000000
#define FILL_MAX 65536

static const char usage[] =
	"usage: blast udp [OPTIONS] SRC SPORT DST DPORT COUNT SIZE   COUNT datagrams (sends), SIZE bytes of payload\n"
	"       blast tcp [-n CONNECTIONS] [-c CPUS] SRC DST DPORT BYTES   BYTES on each connection\n"
	"       blast raw SRC DST PROTOCOL COUNT SIZE\n"
	"       blast frame DEV COUNT SIZE HEX              Ethernet frames: HEX, then zeros up to SIZE\n"
	"       blast sink [-k] [-P PORTS] udp|tcp ADDR PORT     until SIGTERM; -k: never reads (udp)\n"
	"  -P N  N destination ports     -A N  N destination addresses     -u  one unconnected socket for all of them\n"
	"        (else a connected socket for each, from SPORT on)         -x  destinations in random order\n"
	"  -T N  threads                 -c A,B  CPUs they are pinned to, in turn      -t MS  instead of COUNT\n"
	"  -z N  sizes from SIZE to N at random     -g N  UDP_SEGMENT: sends of N x SIZE (with -z: up to that)\n"
	"  -r N  packets/s of a thread   -p N  SO_PRIORITY   -m N  MTU (1500)   -n N  connections   -q  total alone\n";

static struct opts {
	unsigned ports, addrs, threads, max_size, segs, rate, prio, mtu, conns, ms, cpu[THREADS_MAX], ncpu;
	bool unconnected, random, quiet, keep;
} o = { .ports = 1, .addrs = 1, .threads = 1, .mtu = 1500, .conns = 1 };

struct count {
	uint64_t packets, bytes;
};

static void die(const char *what)
{
	fprintf(stderr, "blast: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void bad(const char *word)
{
	fprintf(stderr, "blast: bad argument '%s'\n%s", word, usage);
	exit(2);
}

static unsigned number(const char *s, unsigned long max)
{
	char *end;
	unsigned long v = strtoul(s, &end, 0);

	if (!*s || *end || v > max)
		bad(s);
	return (unsigned)v;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void pin(unsigned thread)
{
	cpu_set_t set;

	if (!o.ncpu)
		return;
	CPU_ZERO(&set);
	CPU_SET(o.cpu[thread % o.ncpu], &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

/* Address TEXT plus N, with PORT. */
static socklen_t address(struct sockaddr_storage *to, const char *text, unsigned n, unsigned port)
{
	struct sockaddr_in *a4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)to;
	uint32_t low;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, text, &a4->sin_addr) == 1) {
		a4->sin_family = AF_INET;
		a4->sin_addr.s_addr = htonl(ntohl(a4->sin_addr.s_addr) + n);
		a4->sin_port = htons((uint16_t)port);
		return sizeof(*a4);
	}
	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET6, text, &a6->sin6_addr) != 1)
		bad(text);
	a6->sin6_family = AF_INET6;
	memcpy(&low, a6->sin6_addr.s6_addr + 12, 4);
	low = htonl(ntohl(low) + n);
	memcpy(a6->sin6_addr.s6_addr + 12, &low, 4);
	a6->sin6_port = htons((uint16_t)port);
	return sizeof(*a6);
}

static const char *addr_text(const struct sockaddr_storage *a, char text[INET6_ADDRSTRLEN], unsigned *port)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;

	if (a->ss_family == AF_INET) {
		*port = ntohs(a4->sin_port);
		return inet_ntop(AF_INET, &a4->sin_addr, text, INET6_ADDRSTRLEN);
	}
	*port = ntohs(a6->sin6_port);
	return inet_ntop(AF_INET6, &a6->sin6_addr, text, INET6_ADDRSTRLEN);
}

static void print_flow(const char *proto, const struct sockaddr_storage *src, const struct sockaddr_storage *dst,
		       struct count n)
{
	char s[INET6_ADDRSTRLEN], d[INET6_ADDRSTRLEN];
	unsigned sport, dport;

	if (o.quiet)
		return;
	addr_text(src, s, &sport);
	addr_text(dst, d, &dport);
	printf("flow %s %s %u %s %u %llu %llu\n", proto, s, sport, d, dport, (unsigned long long)n.packets,
	       (unsigned long long)n.bytes);
}

static void print_total(struct count n, uint64_t ns)
{
	printf("total %llu %llu %llu\n", (unsigned long long)n.packets, (unsigned long long)n.bytes,
	       (unsigned long long)ns);
}

static uint32_t random32(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

/* UDP: what a datagram of LEN bytes of payload becomes on the wire. */
static struct count wire_udp(bool v6, size_t len, unsigned seg)
{
	size_t ip = v6 ? 40 : 20, head = 14 + ip, per;
	struct count n = { 1, head + 8 + len };

	if (seg) {
		n.packets = (len + seg - 1) / seg;
		n.bytes = n.packets * (head + 8) + len;
	} else if (ip + 8 + len > o.mtu) {
		if (v6)
			head += 8;
		per = (o.mtu - (head - 14)) & ~(size_t)7;
		n.packets = (8 + len + per - 1) / per;
		n.bytes = n.packets * head + 8 + len;
	}
	return n;
}

static struct blast {
	const char *src, *dst;
	unsigned sport, dport, size, flows;
	uint64_t count;
	int *fd;                        /* one, or one for each flow */
	struct sockaddr_storage *peer;  /* of each flow */
	socklen_t len;
	bool v6;
} b;

struct sender {
	pthread_t thread;
	unsigned number;
	uint64_t count;
	struct count *flow, sum;
	int error;
};

static void pace(uint64_t start, uint64_t sent)
{
	uint64_t due = start + sent * 1000000000 / o.rate, now = now_ns();
	struct timespec t;

	if (due < now + 50000)
		return;
	t.tv_sec = (time_t)((due - now) / 1000000000);
	t.tv_nsec = (long)((due - now) % 1000000000);
	nanosleep(&t, NULL);
}

static int send_one(unsigned flow, const void *data, size_t len)
{
	unsigned tries;
	ssize_t r = -1;

	/* An ICMP error of an earlier packet is reported instead of sending. */
	for (tries = 0; tries < 1000; tries++) {
		if (o.unconnected)
			r = sendto(b.fd[0], data, len, 0, (struct sockaddr *)&b.peer[flow], b.len);
		else
			r = send(b.fd[flow], data, len, 0);
		if (r == (ssize_t)len)
			return 0;
		if (errno != ECONNREFUSED && errno != EINTR && errno != EAGAIN && errno != ENOBUFS)
			break;
	}
	return r < 0 ? errno : EMSGSIZE;
}

static void *send_all(void *arg)
{
	static const char data[FILL_MAX];
	struct sender *s = arg;
	uint64_t i, start = now_ns(), end = start + o.ms * 1000000ull, state = 88172645463325252ull + s->number;
	unsigned flow = s->number * (b.flows / o.threads), most = o.max_size ? o.max_size : b.size;

	if (o.segs)
		most = o.segs * b.size;
	pin(s->number);
	for (i = 0; o.ms ? ((i & 63) || now_ns() < end) : i < s->count; i++) {
		size_t len = most;
		struct count n;

		if (o.max_size)
			len = b.size + random32(&state) % (most - b.size + 1);
		flow = o.random ? random32(&state) % b.flows : (flow + 1) % b.flows;
		s->error = send_one(flow, data, len);
		if (s->error)
			break;
		n = wire_udp(b.v6, len, o.segs ? b.size : 0);
		s->flow[flow].packets += n.packets;
		s->flow[flow].bytes += n.bytes;
		s->sum.packets += n.packets;
		s->sum.bytes += n.bytes;
		if (o.rate)
			pace(start, i + 1);
	}
	return NULL;
}

static int udp_socket(const struct sockaddr_storage *from)
{
	int fd = socket(from->ss_family, SOCK_DGRAM, 0), seg = (int)b.size, prio = (int)o.prio, big = 1 << 20;

	if (fd < 0 || bind(fd, (const struct sockaddr *)from, b.len))
		die("bind");
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
	if (o.prio && setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &prio, sizeof(prio)))
		die("SO_PRIORITY");
	if (o.segs && setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT_OPT, &seg, sizeof(seg)))
		die("UDP_SEGMENT");
	return fd;
}

static void udp_prepare(void)
{
	struct sockaddr_storage from;
	struct rlimit files;
	unsigned i;

	b.flows = o.ports * o.addrs;
	if (!b.flows || b.flows > FLOWS_MAX || b.size > 65507 || (o.max_size && o.max_size < b.size) ||
	    (uint64_t)o.segs * b.size > 65000)
		bad("too many flows, or a size out of range");
	files.rlim_cur = files.rlim_max = b.flows + 100;
	if (!o.unconnected && b.flows > 900 && setrlimit(RLIMIT_NOFILE, &files))
		die("setrlimit");
	b.peer = calloc(b.flows, sizeof(*b.peer));
	b.fd = calloc(o.unconnected ? 1 : b.flows, sizeof(*b.fd));
	if (!b.peer || !b.fd)
		die("memory");
	for (i = 0; i < b.flows; i++) {
		b.len = address(&b.peer[i], b.dst, i / o.ports, b.dport + i % o.ports);
		if (o.unconnected && i)
			continue;
		address(&from, b.src, 0, b.sport + i);
		b.fd[i] = udp_socket(&from);
		if (!o.unconnected && connect(b.fd[i], (struct sockaddr *)&b.peer[i], b.len))
			die("connect");
	}
	b.v6 = b.peer[0].ss_family == AF_INET6;
}

static int udp(char **arg)
{
	static struct sender s[THREADS_MAX];
	struct count sum = { 0, 0 };
	struct sockaddr_storage from;
	uint64_t start;
	unsigned i, t;

	b = (struct blast){ .src = arg[0], .sport = number(arg[1], 65535), .dst = arg[2],
			    .dport = number(arg[3], 65535), .count = number(arg[4], UINT32_MAX),
			    .size = number(arg[5], 65507) };
	udp_prepare();
	start = now_ns();
	for (t = 0; t < o.threads; t++) {
		s[t].number = t;
		s[t].count = b.count / o.threads + (t < b.count % o.threads);
		s[t].flow = calloc(b.flows, sizeof(struct count));
		if (!s[t].flow || pthread_create(&s[t].thread, NULL, send_all, &s[t]))
			die("thread");
	}
	for (t = 0; t < o.threads; t++) {
		pthread_join(s[t].thread, NULL);
		errno = s[t].error;
		if (errno)
			die("send");
		sum.packets += s[t].sum.packets;
		sum.bytes += s[t].sum.bytes;
	}
	start = now_ns() - start;
	for (i = 0; i < b.flows && !o.quiet; i++) {
		struct count n = { 0, 0 };

		for (t = 0; t < o.threads; t++) {
			n.packets += s[t].flow[i].packets;
			n.bytes += s[t].flow[i].bytes;
		}
		address(&from, b.src, 0, b.sport + (o.unconnected ? 0 : i));
		if (n.packets)
			print_flow("udp", &from, &b.peer[i], n);
	}
	print_total(sum, start);
	return 0;
}

/*
 * What our end of a connection has sent, by its own counts (tcp_info at fixed offsets: C libraries know parts of it).
 * Timestamps are on; a SYN has 8 bytes of options more than other segments.
 */
static struct count wire_tcp(int fd, bool v6)
{
	unsigned char info[256] = { 0 };
	socklen_t len = sizeof(info);
	uint32_t segs;
	uint64_t bytes;

	if (getsockopt(fd, IPPROTO_TCP, 11 /* TCP_INFO */, info, &len) || len < 208)
		die("TCP_INFO");
	memcpy(&segs, info + 136, 4);
	memcpy(&bytes, info + 200, 8);
	return (struct count){ segs, bytes + segs * (uint64_t)(14 + (v6 ? 40 : 20) + 32) + 8 };
}

struct conn {
	pthread_t thread;
	unsigned number;
	uint64_t bytes;
	int fd;
};

static void *push(void *arg)
{
	static const char data[FILL_MAX];
	struct conn *c = arg;
	uint64_t left = c->bytes;
	char end;

	pin(c->number);
	while (left) {
		ssize_t r = send(c->fd, data, left < sizeof(data) ? (size_t)left : sizeof(data), MSG_NOSIGNAL);

		if (r <= 0)
			die("send");
		left -= (uint64_t)r;
	}
	/* The peer ends once it has all: then nothing of ours is under way but the last ACK. */
	if (shutdown(c->fd, SHUT_WR) || read(c->fd, &end, 1) != 0)
		die("end");
	return NULL;
}

/* A connection that has ended knows no peer: who it was is kept from before. */
static int tcp(char **arg)
{
	static struct conn c[THREADS_MAX];
	static struct sockaddr_storage src[THREADS_MAX];
	struct sockaddr_storage dst;
	struct count sum = { 0, 0 }, n;
	socklen_t len = address(&dst, arg[1], 0, number(arg[2], 65535)), sl;
	uint64_t start = now_ns();
	unsigned i;

	for (i = 0; i < o.conns; i++) {
		address(&src[i], arg[0], 0, 0);
		c[i].number = i;
		c[i].bytes = number(arg[3], UINT32_MAX);
		c[i].fd = socket(dst.ss_family, SOCK_STREAM, 0);
		if (c[i].fd < 0 || bind(c[i].fd, (struct sockaddr *)&src[i], len) ||
		    connect(c[i].fd, (struct sockaddr *)&dst, len))
			die("connect");
		sl = sizeof(src[i]);
		if (getsockname(c[i].fd, (struct sockaddr *)&src[i], &sl))
			die("getsockname");
	}
	for (i = 0; i < o.conns; i++)
		if (pthread_create(&c[i].thread, NULL, push, &c[i]))
			die("thread");
	for (i = 0; i < o.conns; i++)
		pthread_join(c[i].thread, NULL);
	for (i = 0; i < o.conns; i++) {
		n = wire_tcp(c[i].fd, dst.ss_family == AF_INET6);
		print_flow("tcp", &src[i], &dst, n);
		sum.packets += n.packets;
		sum.bytes += n.bytes;
	}
	print_total(sum, now_ns() - start);
	return 0;
}

static int raw(char **arg)
{
	struct sockaddr_storage src, dst;
	unsigned proto = number(arg[2], 255), count = number(arg[3], UINT32_MAX), size = number(arg[4], 1400), i;
	socklen_t len = address(&src, arg[0], 0, 0);
	bool v6 = src.ss_family == AF_INET6;
	int fd = socket(src.ss_family, SOCK_RAW, (int)proto);
	static const char data[1400];
	struct count sum = { count, (uint64_t)count * (14 + (v6 ? 40 : 20) + size) };
	char name[8];

	address(&dst, arg[1], 0, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&src, len))
		die("raw socket");
	for (i = 0; i < count; i++)
		if (sendto(fd, data, size, 0, (struct sockaddr *)&dst, len) != (ssize_t)size)
			die("sendto");
	snprintf(name, sizeof(name), "%u", proto);
	print_flow(name, &src, &dst, sum);
	print_total(sum, 0);
	return 0;
}

struct sockaddr_packet { /* struct sockaddr_ll, without kernel headers */
	uint16_t family, protocol;
	int32_t ifindex;
	uint16_t hatype;
	uint8_t pkttype, halen, addr[8];
};

static int frame(char **arg)
{
	unsigned count = number(arg[1], UINT32_MAX), size = number(arg[2], 1514), i, byte;
	struct sockaddr_packet to = { .family = AF_PACKET, .ifindex = (int32_t)if_nametoindex(arg[0]), .halen = 6 };
	struct count sum = { count, (uint64_t)count * size };
	uint8_t data[2048] = { 0 };
	const char *hex = arg[3];
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	for (i = 0; hex[0] && hex[1] && i < sizeof(data); i++, hex += 2) {
		if (sscanf(hex, "%2x", &byte) != 1)
			bad(arg[3]);
		data[i] = (uint8_t)byte;
	}
	memcpy(&to.protocol, data + 12, 2);
	if (fd < 0 || !to.ifindex)
		die(arg[0]);
	for (i = 0; i < count; i++)
		if (sendto(fd, data, size, 0, (struct sockaddr *)&to, sizeof(to)) != (ssize_t)size)
			die("sendto");
	print_total(sum, 0);
	return 0;
}

static void *drain_tcp(void *arg)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct sockaddr_storage src, dst;
	socklen_t sl = sizeof(src), dl = sizeof(dst);
	int fd = (int)(intptr_t)arg;
	char *data = malloc(FILL_MAX);
	struct count n;

	if (!data || getsockname(fd, (struct sockaddr *)&src, &sl) || getpeername(fd, (struct sockaddr *)&dst, &dl))
		die("getpeername");
	while (read(fd, data, FILL_MAX) > 0)
		;
	shutdown(fd, SHUT_WR);
	usleep(100000); /* until the peer has acknowledged the end */
	n = wire_tcp(fd, src.ss_family == AF_INET6);
	pthread_mutex_lock(&lock);
	print_flow("tcp", &src, &dst, n);
	fflush(stdout);
	pthread_mutex_unlock(&lock);
	close(fd);
	free(data);
	return NULL;
}

static void sink_tcp(const struct sockaddr_storage *at, socklen_t len)
{
	int fd = socket(at->ss_family, SOCK_STREAM, 0), one = 1, c;
	pthread_t thread;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (const struct sockaddr *)at, len) || listen(fd, 128))
		die("listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		c = accept(fd, NULL, NULL);
		if (c >= 0 && !pthread_create(&thread, NULL, drain_tcp, (void *)(intptr_t)c))
			pthread_detach(thread);
		else if (c >= 0)
			die("thread");
	}
}

static void *drain_udp(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char data[2048];

	while (recv(fd, data, sizeof(data), 0) >= 0 || errno == EINTR)
		;
	return NULL;
}

static int sink(char **arg)
{
	struct sockaddr_storage at;
	unsigned port = number(arg[2], 65535), i;
	socklen_t len = address(&at, arg[1], 0, port);
	pthread_t thread;

	if (!strcmp(arg[0], "tcp"))
		sink_tcp(&at, len);
	for (i = 0; i < o.ports; i++) {
		int fd = socket(at.ss_family, SOCK_DGRAM, 0);

		address(&at, arg[1], 0, port + i);
		if (fd < 0 || bind(fd, (struct sockaddr *)&at, len))
			die("bind");
		if (!o.keep && pthread_create(&thread, NULL, drain_udp, (void *)(intptr_t)fd))
			die("thread");
	}
	puts("ready");
	fflush(stdout);
	while (pause())
		;
	return 0;
}

static void cpus(char *list)
{
	char *p;

	for (p = strtok(list, ","); p && o.ncpu < THREADS_MAX; p = strtok(NULL, ","))
		o.cpu[o.ncpu++] = number(p, 1023);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; int args, (*run)(char **); } command[] = {
		{ "udp", 6, udp }, { "tcp", 4, tcp }, { "raw", 5, raw }, { "frame", 4, frame }, { "sink", 3, sink },
	};
	unsigned i;
	int c;

	if (argc < 2)
		bad("no command");
	argv++, argc--;
	while ((c = getopt(argc, argv, "+P:A:T:c:t:z:g:r:p:m:n:uxqk")) != -1) {
		switch (c) {
		case 'P': o.ports = number(optarg, 65535); break;
		case 'A': o.addrs = number(optarg, 65535); break;
		case 'T': o.threads = number(optarg, THREADS_MAX); break;
		case 'c': cpus(optarg); break;
		case 't': o.ms = number(optarg, 600000); break;
		case 'z': o.max_size = number(optarg, 65507); break;
		case 'g': o.segs = number(optarg, 64); break;
		case 'r': o.rate = number(optarg, 10000000); break;
		case 'p': o.prio = number(optarg, UINT32_MAX); break;
		case 'm': o.mtu = number(optarg, 65535); break;
		case 'n': o.conns = number(optarg, THREADS_MAX); break;
		case 'u': o.unconnected = true; break;
		case 'x': o.random = true; break;
		case 'q': o.quiet = true; break;
		case 'k': o.keep = true; break;
		default: bad(argv[optind - 1]);
		}
	}
	for (i = 0; o.threads && o.ports && i < sizeof(command) / sizeof(*command); i++)
		if (!strcmp(argv[0], command[i].name) && argc - optind == command[i].args)
			return command[i].run(argv + optind);
	fputs(usage, stderr);
	return 2;
}
