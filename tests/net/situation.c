// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The few flows of the recordings in tests/replay, over loopback: situation [-n NAME] [-u]. TCP over IPv4, over IPv6 and from
 * an IPv6 socket to an IPv4 address, two of each, of different sizes; a listening socket that a second process holds too.
 * NAME becomes the name of both processes; \e and \n in it are understood. -u: three connected UDP sockets and one that is not.
 * Says "ready" and exchanges a few bytes ten times a second until it is ended.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLOWS 6

static int ends[FLOWS][2];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static socklen_t address(struct sockaddr_storage *to, const char *text, int port)
{
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *a4 = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET6, text, &a6->sin6_addr) == 1) {
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons((uint16_t)port);
		return sizeof(*a6);
	}
	a4->sin_family = AF_INET;
	a4->sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, text, &a4->sin_addr) != 1)
		die(text);
	return sizeof(*a4);
}

static int bound(int type, const char *text, int port)
{
	struct sockaddr_storage a;
	socklen_t len = address(&a, text, port);
	int fd = socket(a.ss_family, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len))
		die(text);
	return fd;
}

static int connected(int type, const char *from, int sport, const char *text, int port)
{
	struct sockaddr_storage a;
	socklen_t len = address(&a, text, port);
	int fd = bound(type, from, sport);

	if (connect(fd, (struct sockaddr *)&a, len))
		die("connect");
	return fd;
}

static void tcp(void)
{
	static const char *const from[] = { "127.0.0.1", "::1", "::ffff:127.0.0.1" };
	static const char *const at[] = { "127.0.0.1", "::1", "::ffff:127.0.0.2" };
	int i, l[2] = { bound(SOCK_STREAM, "127.0.0.1", 5001), bound(SOCK_STREAM, "::", 5002) };

	if (listen(l[0], 16) || listen(l[1], 16))
		die("listen");
	/* Three connections are six flows: both ends are ours. */
	for (i = 0; i < FLOWS / 2; i++) {
		ends[i][0] = connected(SOCK_STREAM, from[i], 40001 + i, at[i], i ? 5002 : 5001);
		ends[i][1] = accept(l[i > 0], NULL, NULL);
		if (ends[i][1] < 0)
			die("accept");
	}
}

static void udp(void)
{
	ends[0][0] = connected(SOCK_DGRAM, "127.0.0.1", 40001, "127.0.0.2", 5001);
	ends[0][1] = connected(SOCK_DGRAM, "127.0.0.2", 5001, "127.0.0.1", 40001);
	ends[1][0] = connected(SOCK_DGRAM, "::1", 40002, "::1", 5002);
	ends[1][1] = connected(SOCK_DGRAM, "::1", 5002, "::1", 40002);
	bound(SOCK_DGRAM, "0.0.0.0", 5353);
}

static void name(const char *text)
{
	char out[16];
	size_t n = 0;

	for (; *text && n < sizeof(out) - 1; text++) {
		out[n++] = *text;
		if (*text == '\\' && (text[1] == 'e' || text[1] == 'n'))
			out[n - 1] = *++text == 'e' ? 27 : '\n';
	}
	out[n] = 0;
	prctl(PR_SET_NAME, out);
}

int main(int argc, char **argv)
{
	static char buf[20000];
	int c, i, dgram = 0;
	pid_t child;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((c = getopt(argc, argv, "n:u")) > 0) {
		if (c == 'n')
			name(optarg);
		else if (c == 'u')
			dgram = 1;
		else
			return 2;
	}
	if (dgram)
		udp();
	else
		tcp();
	child = dgram ? 0 : fork();
	if (child < 0)
		die("fork");
	if (!child && !dgram) {
		/* The second holder of the listening sockets, and of nothing else. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (i = 0; i < FLOWS; i++) {
			if (ends[i][0]) {
				close(ends[i][0]);
				close(ends[i][1]);
			}
		}
		for (;;)
			pause();
	}
	for (c = 0; ; c++) {
		for (i = 0; i < FLOWS && ends[i][0]; i++) {
			size_t size = dgram ? 100 : (size_t)(i + 1) * 1000;

			if (write(ends[i][0], buf, size) < 0 || read(ends[i][1], buf, sizeof(buf)) < 0 ||
			    write(ends[i][1], buf, 50) < 0 || read(ends[i][0], buf, sizeof(buf)) < 0)
				die("exchange");
		}
		if (!c) {
			puts("ready");
			fflush(stdout);
		}
		usleep(100000);
	}
}
