// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many established TCP connections over loopback: conns PROCESSES CONNECTIONS [PORT] [-6].
 * Each process listens on a port and an address of its own, holds both ends, and sends a few bytes each way on each connection,
 * so that every field of tcp_info has a value. Prints "ready" once all stand, and stays until it is ended or its parent dies.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int listener(bool v6, int port, int proc, struct sockaddr_storage *to, socklen_t *tolen)
{
	struct sockaddr_in *a4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)to;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0), one = 1;

	memset(to, 0, sizeof(*to));
	if (v6) {
		a6->sin6_family = AF_INET6;
		a6->sin6_addr = in6addr_loopback;
		a6->sin6_port = htons((uint16_t)(port + proc));
		*tolen = sizeof(*a6);
	} else {
		a4->sin_family = AF_INET;
		a4->sin_addr.s_addr = htonl(0x7f000001u + 256u * (unsigned)proc);
		a4->sin_port = htons((uint16_t)(port + proc));
		*tolen = sizeof(*a4);
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)to, *tolen) || listen(fd, 1024))
		die("listen");
	return fd;
}

static void exchange(int a, int b)
{
	char buf[16] = { 0 };

	if (write(a, "question", 8) != 8 || read(b, buf, 8) != 8 || write(b, "answer", 6) != 6 || read(a, buf, 6) != 6)
		die("exchange");
}

static void serve(bool v6, int port, int proc, int n, int ready)
{
	struct sockaddr_storage to;
	socklen_t len;
	int l = listener(v6, port, proc, &to, &len), i;

	for (i = 0; i < n; i++) {
		int c = socket(to.ss_family, SOCK_STREAM, 0), s;

		if (c < 0 || connect(c, (struct sockaddr *)&to, len))
			die("connect");
		s = accept(l, NULL, NULL);
		if (s < 0)
			die("accept");
		exchange(c, s);
	}
	if (write(ready, "r", 1) != 1)
		die("ready");
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	bool v6 = argc > 4 && !strcmp(argv[4], "-6");
	int procs = argc > 2 ? atoi(argv[1]) : 0, n = argc > 2 ? atoi(argv[2]) : 0, port = argc > 3 ? atoi(argv[3]) : 7000, i;
	pid_t parent = getpid();
	struct rlimit rl;
	int ready[2];
	char c;

	if (procs < 1 || n < 0 || pipe(ready)) {
		fprintf(stderr, "usage: conns PROCESSES CONNECTIONS [PORT] [-6]\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < procs; i++) {
		pid_t p = fork();

		if (p < 0)
			die("fork");
		if (!p) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				return 1;
			serve(v6, port, i, n, ready[1]);
		}
	}
	close(ready[1]);
	for (i = 0; i < procs; i++)
		if (read(ready[0], &c, 1) != 1)
			return 1;
	puts("ready");
	fflush(stdout);
	while (wait(NULL) > 0)
		;
	return 0;
}
