// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_RESOLVE
 * Asynchronous look-ups of names: one connected UDP socket per name server (so that the kernel drops what comes from
 * elsewhere, and tells when nobody listens there), questions with random ids, one loop.
 */
#include "collect/resolve.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "collect/dns.h"
#include "collect/door.h"
#include "core/util.h"

#define SERVERS 3 /* as many as resolv.conf may name */
#define TRIES 4
#define TRY_NS NSEC_PER_SEC               /* a late answer to an earlier try still counts */
#define BUSY_NS (5 * NSEC_PER_MSEC)       /* when the kernel takes no more for now */
#define HOSTS_SIZE (256u << 10)
#define SLOTS 2048 /* power of two, more than RESOLVE_NAMES */

enum want_state { WANT_NEW, WANT_LOCAL_DONE, WANT_ASKED, WANT_DONE };

struct want {
	uint8_t addr[16];
	char *name;      /* owned */
	uint64_t due_ns; /* WANT_ASKED: when to ask again */
	uint16_t id;
	uint8_t state, tries;
	uint8_t server;  /* WANT_ASKED: asked last */
};

struct server {
	int fd;    /* connected */
	bool dead; /* refused in this run */
};

struct resolver {
	struct want *want;
	unsigned n, cap;
	unsigned unanswered, flying;
	bool fresh; /* some have not been looked for in /etc/hosts */
	struct server server[SERVERS];
	unsigned nserver;
	const char *hosts;
	uint16_t slot[SLOTS]; /* index into want + 1 */
};

static void add_server(struct resolver *r, const uint8_t addr[16], const char *scope, uint16_t port)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)addr);
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int bad;

	memcpy(&a4.sin_addr, addr + 12, 4);
	memcpy(&a6.sin6_addr, addr, 16);
	a6.sin6_scope_id = *scope ? if_nametoindex(scope) : 0;
	if (fd < 0)
		return;
	bad = v4 ? connect(fd, (struct sockaddr *)&a4, sizeof(a4)) : connect(fd, (struct sockaddr *)&a6, sizeof(a6));
	if (bad)
		close(fd);
	else
		r->server[r->nserver++].fd = fd;
}

static void add_servers(struct resolver *r, const char *path, uint16_t port)
{
	static const uint8_t loopback[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	char text[4096], scope[DNS_SCOPE_SIZE];
	ssize_t len = door_read_file(path, text, sizeof(text));
	unsigned named = 0;
	uint8_t addr[16];
	size_t pos = 0;

	while (named < SERVERS && len > 0 && resolvconf_next(text, (size_t)len, &pos, addr, scope)) {
		add_server(r, addr, scope, port);
		named++;
	}
	if (!named)
		add_server(r, loopback, "", port); /* what resolv.conf(5) says */
}

int resolve_start(struct resolver **rp, const struct resolve_conf *conf, struct err *e)
{
	static const struct resolve_conf usual;
	struct resolver *r = calloc(1, sizeof(*r));

	*rp = r;
	if (!r)
		return err_set(e, ENOMEM, "out of memory");
	conf = conf ? conf : &usual;
	r->hosts = conf->hosts ? conf->hosts : "/etc/hosts";
	if (!door_replaying())
		add_servers(r, conf->resolv_conf ? conf->resolv_conf : "/etc/resolv.conf",
			    conf->port ? conf->port : 53);
	return 0;
}

/* The slot where ADDR is, or where it belongs. */
static unsigned find_slot(const struct resolver *r, const uint8_t addr[16])
{
	unsigned h = hash_bytes(addr, 16) % SLOTS;

	while (r->slot[h] && memcmp(r->want[r->slot[h] - 1].addr, addr, 16))
		h = (h + 1) % SLOTS;
	return h;
}

bool resolve_want(struct resolver *r, const uint8_t addr[16])
{
	unsigned h = find_slot(r, addr);
	struct want *w;

	if (r->slot[h])
		return true;
	if (r->n == RESOLVE_NAMES)
		return false;
	if (r->n == r->cap) {
		unsigned cap = r->cap ? r->cap * 2 : 32;

		w = realloc(r->want, cap * sizeof(*w));
		if (!w)
			return false;
		r->want = w;
		r->cap = cap;
	}
	w = &r->want[r->n++];
	memset(w, 0, sizeof(*w));
	memcpy(w->addr, addr, 16);
	r->slot[h] = (uint16_t)r->n;
	r->unanswered++;
	r->fresh = true;
	return true;
}

const char *resolve_name(const struct resolver *r, const uint8_t addr[16])
{
	unsigned h = find_slot(r, addr);

	return r->slot[h] ? r->want[r->slot[h] - 1].name : NULL;
}

/* NAME may be NULL. Without memory for it the address stays a number. */
static void answer(struct resolver *r, struct want *w, const char *name)
{
	if (w->state == WANT_ASKED)
		r->flying--;
	w->state = WANT_DONE;
	w->name = name ? strdup(name) : NULL;
	r->unanswered--;
}

static int look_in_hosts(struct resolver *r)
{
	char *text = malloc(HOSTS_SIZE), name[DNS_NAME_SIZE];
	uint8_t addr[16];
	size_t pos = 0, len;
	ssize_t got;

	if (!text)
		return -ENOMEM;
	got = door_read_file(r->hosts, text, HOSTS_SIZE);
	len = got > 0 ? (size_t)got : 0; /* no such file: nothing in it */
	while (len == HOSTS_SIZE - 1 && len && text[len - 1] != '\n')
		len--; /* a name that was cut off would be a wrong one */
	while (hosts_next(text, len, &pos, addr, name)) {
		unsigned i = r->slot[find_slot(r, addr)];

		if (i && r->want[i - 1].state == WANT_NEW)
			answer(r, &r->want[i - 1], name);
	}
	free(text);
	for (unsigned i = 0; i < r->n; i++)
		if (r->want[i].state == WANT_NEW)
			r->want[i].state = WANT_LOCAL_DONE;
	r->fresh = false;
	return 0;
}

static struct want *want_by_id(const struct resolver *r, uint16_t id)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->want[i].state == WANT_ASKED && r->want[i].id == id)
			return &r->want[i];
	return NULL;
}

/* An id that nobody can guess and that no other question in flight has. */
static int choose_id(const struct resolver *r, uint16_t *id)
{
	do {
		if (getrandom(id, sizeof(*id), GRND_NONBLOCK) != (ssize_t)sizeof(*id))
			return -EAGAIN; /* the host has only just started */
	} while (want_by_id(r, *id));
	return 0;
}

/* The server whose turn it is, leaving out dead ones; NULL: none left. */
static struct server *choose_server(struct resolver *r, unsigned turn)
{
	for (unsigned i = 0; i < r->nserver; i++) {
		struct server *s = &r->server[(turn + i) % r->nserver];

		if (!s->dead)
			return s;
	}
	return NULL;
}

/* Nobody listens there, as ICMP has told, or no way leads there: those who wait for it ask the next one at once. */
static void bury(struct resolver *r, struct server *s, uint64_t now)
{
	s->dead = true;
	for (unsigned i = 0; i < r->n; i++)
		if (r->want[i].state == WANT_ASKED && &r->server[r->want[i].server] == s)
			r->want[i].due_ns = now;
}

/* Asks for W; false: the kernel takes no more just now. */
static bool ask(struct resolver *r, struct want *w, uint64_t now)
{
	uint8_t q[DNS_QUERY_SIZE];
	struct server *s;

	while ((s = choose_server(r, w->tries))) {
		if (w->state != WANT_ASKED) {
			if (choose_id(r, &w->id))
				return false;
			w->state = WANT_ASKED;
			r->flying++;
		}
		if (send(s->fd, q, dns_query(q, w->id, w->addr), MSG_NOSIGNAL) >= 0) {
			w->tries++;
			w->server = (uint8_t)(s - r->server);
			w->due_ns = now + TRY_NS;
			return true;
		}
		w->due_ns = now + BUSY_NS;
		if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
			return false;
		bury(r, s, now);
	}
	answer(r, w, NULL);
	return true;
}

/* Sends what is due. Returns when something will be due next. */
static uint64_t ask_due(struct resolver *r, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	bool ready = true;

	for (unsigned i = 0; i < r->n; i++) {
		struct want *w = &r->want[i];

		if (w->state == WANT_ASKED && w->tries >= TRIES && now >= w->due_ns)
			answer(r, w, NULL);
		else if (ready && (w->state == WANT_ASKED ? now >= w->due_ns :
				   w->state == WANT_LOCAL_DONE && r->flying < RESOLVE_FLIGHT))
			ready = ask(r, w, now);
	}
	for (unsigned i = 0; i < r->n; i++)
		if (r->want[i].state == WANT_ASKED)
			next = MIN(next, r->want[i].due_ns);
	return ready ? next : now + BUSY_NS;
}

static void take_answer(struct resolver *r, const uint8_t *msg, size_t len, uint64_t now)
{
	uint8_t q[DNS_QUERY_SIZE];
	char name[DNS_NAME_SIZE];
	struct want *w = len >= 2 ? want_by_id(r, (uint16_t)(msg[0] << 8 | msg[1])) : NULL;

	if (!w)
		return;
	switch (dns_answer(msg, len, q, dns_query(q, w->id, w->addr), name)) {
	case DNS_NAME:
		answer(r, w, name);
		break;
	case DNS_NO_NAME:
		answer(r, w, NULL);
		break;
	case DNS_FAILED:
		if (w->tries < r->nserver)
			w->due_ns = now; /* the next one may know */
		else
			answer(r, w, NULL);
		break;
	case DNS_FOREIGN:
		break;
	}
}

/* Reads what has come. The bound keeps a server that never stops from holding us here. */
static void listen_once(struct resolver *r, struct server *s, uint64_t now)
{
	uint8_t msg[1232];

	for (unsigned i = 0; i < 2 * RESOLVE_FLIGHT; i++) {
		ssize_t n = recv(s->fd, msg, sizeof(msg), MSG_DONTWAIT);

		if (n >= 0) {
			take_answer(r, msg, (size_t)n, now);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR)
			return;
		bury(r, s, now);
		return;
	}
}

int resolve_run(struct resolver *r, uint64_t deadline_ns)
{
	struct pollfd pfd[SERVERS];
	uint64_t now, next;
	int err = r->fresh ? look_in_hosts(r) : 0;

	if (err)
		return err;
	for (unsigned i = 0; i < r->nserver; i++)
		r->server[i].dead = false;
	for (;;) {
		struct timespec ts;
		int n;

		now = now_ns();
		for (unsigned i = 0; i < r->nserver; i++)
			listen_once(r, &r->server[i], now);
		next = MIN(ask_due(r, now), deadline_ns);
		if (!r->unanswered || now >= deadline_ns)
			return (int)r->unanswered;
		for (unsigned i = 0; i < r->nserver; i++)
			pfd[i] = (struct pollfd){ .fd = r->server[i].dead ? -1 : r->server[i].fd, .events = POLLIN };
		next = next > now ? next - now : 0;
		ts.tv_sec = (time_t)MIN(next / NSEC_PER_SEC, 60);
		ts.tv_nsec = (long)(next % NSEC_PER_SEC);
		n = ppoll(pfd, r->nserver, &ts, NULL);
		if (n < 0)
			return errno == EINTR ? (int)r->unanswered : -errno;
	}
}

void resolve_free(struct resolver *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->n; i++)
		free(r->want[i].name);
	for (unsigned i = 0; i < r->nserver; i++)
		close(r->server[i].fd);
	free(r->want);
	free(r);
}
