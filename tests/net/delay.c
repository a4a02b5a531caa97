// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A path with a known delay between two network namespaces, for kernels without netem.
 *
 *     delay NSA NSB US [DROP_EVERY]
 *
 * One TUN device d0 in each of the two named namespaces (ip netns), configured and up: 192.0.2.1/30 and
 * 2001:db8::1/64 in NSA, 192.0.2.2/30 and 2001:db8::2/64 in NSB. Every packet is held for US microseconds in each
 * direction; every DROP_EVERY-th packet of a direction is dropped. Says "ready" on stdout, ends on SIGTERM or SIGINT
 * or when its parent dies; the devices go with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MTU 1500
#define QUEUE 16384 /* packets of a direction that are on their way; what comes beyond is dropped, as in any router */

struct packet {
	uint64_t due_ns;
	uint32_t len;
	uint8_t data[MTU + 36];
};

struct way {
	int from, to;
	struct packet *q; /* ring of QUEUE */
	uint32_t head, n;
	uint64_t seen;
};

static volatile sig_atomic_t quit;

static void on_signal(int sig)
{
	(void)sig;
	quit = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "delay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void run(const char *cmd)
{
	if (system(cmd)) {
		fprintf(stderr, "delay: failed: %s\n", cmd);
		exit(1);
	}
}

/* A TUN device d0 inside namespace NS with the addresses whose last digit is HOST. */
static int tun_open(const char *ns, int host)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char path[128], cmd[512];
	int fd, nsfd, home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	nsfd = open(path, O_RDONLY | O_CLOEXEC);
	if (home < 0 || nsfd < 0 || setns(nsfd, CLONE_NEWNET))
		die(path);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	strcpy(r.ifr_name, "d0");
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r))
		die("/dev/net/tun");
	snprintf(cmd, sizeof(cmd),
		 "ip link set lo up; ip addr add 192.0.2.%d/30 dev d0 && "
		 "ip -6 addr add 2001:db8::%d/64 dev d0 nodad && ip link set d0 mtu %d txqueuelen 10000 up",
		 host, host, MTU);
	run(cmd);
	if (setns(home, CLONE_NEWNET))
		die("setns");
	close(home);
	close(nsfd);
	return fd;
}

static void take_in(struct way *w, uint64_t delay_ns, uint64_t drop_every)
{
	static uint8_t sink[65536];

	for (int i = 0; i < 256; i++) {
		bool drop = w->n == QUEUE || (drop_every && (w->seen + 1) % drop_every == 0);
		struct packet *p = &w->q[(w->head + w->n) % QUEUE];
		ssize_t n = drop ? read(w->from, sink, sizeof(sink)) : read(w->from, p->data, sizeof(p->data));

		if (n <= 0)
			return;
		w->seen++;
		if (drop)
			continue;
		p->len = (uint32_t)n;
		p->due_ns = now_ns() + delay_ns;
		w->n++;
	}
}

static void let_out(struct way *w)
{
	uint64_t now = now_ns();

	for (; w->n && w->q[w->head].due_ns <= now; w->n--) {
		struct packet *p = &w->q[w->head];

		if (write(w->to, p->data, p->len) < 0 && errno == EAGAIN)
			return;
		w->head = (w->head + 1) % QUEUE;
	}
}

/* Sleeps until a packet comes or the first one held is due. */
static void wait_for(struct way w[2], int timer)
{
	struct pollfd p[3] = { { w[0].from, POLLIN, 0 }, { w[1].from, POLLIN, 0 }, { timer, POLLIN, 0 } };
	struct itimerspec t = { 0 };
	uint64_t due = 0, ticks;

	for (int i = 0; i < 2; i++) {
		uint64_t d = w[i].n ? w[i].q[w[i].head].due_ns : 0;

		if (d && (!due || d < due))
			due = d;
	}
	t.it_value.tv_sec = (time_t)(due / 1000000000ULL);
	t.it_value.tv_nsec = (long)(due % 1000000000ULL);
	timerfd_settime(timer, TFD_TIMER_ABSTIME, &t, NULL);
	poll(p, 3, 1000);
	if (p[2].revents && read(timer, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		die("timer");
}

int main(int argc, char **argv)
{
	uint64_t delay_ns, drop_every;
	struct sigaction sa = { .sa_handler = on_signal };
	struct way w[2] = { 0 };
	pid_t parent = getppid();
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: delay NSA NSB US [DROP_EVERY]\n");
		return 2;
	}
	delay_ns = strtoull(argv[3], NULL, 10) * 1000;
	drop_every = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	w[0].from = w[1].to = tun_open(argv[1], 1);
	w[1].from = w[0].to = tun_open(argv[2], 2);
	w[0].q = calloc(QUEUE, sizeof(*w[0].q));
	w[1].q = calloc(QUEUE, sizeof(*w[1].q));
	if (timer < 0 || !w[0].q || !w[1].q)
		die("start");
	printf("ready\n");
	fflush(stdout);
	while (!quit && getppid() == parent) {
		for (int i = 0; i < 2; i++) {
			take_in(&w[i], delay_ns, drop_every);
			let_out(&w[i]);
		}
		wait_for(w, timer);
	}
	free(w[0].q);
	free(w[1].q);
	return 0;
}
