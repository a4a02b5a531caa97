/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_LINKS
 *
 * What rtnetlink does not tell of a device: its driver and GRO by ethtool, its queues and whether it is wireless by
 * sysfs.
 *
 * sysfs shows the namespace in which it was mounted, not that of the thread that reads it, and every namespace may have
 * an eth0 with number 2: a folder is only taken for the device's own when its hardware address agrees, too.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "collect/door.h"
#include "collect/linkparse.h"
#include "core/text.h"
#include "core/util.h"
#include "model/strings.h"

#define FOLDER "/sys/class/net/"

struct sys {
	char path[sizeof(FOLDER) + 80];
	size_t base;      /* length of the device's folder in it, with the slash */
	uint32_t room;    /* queues there is still room for */
	bool other_space; /* sysfs belongs to another namespace */
	char text[2048];  /* of one file: a mask of 4,096 CPUs is longer than 1 KB */
};

/* Reads a file of the device's folder: length without the end of line, or -errno. */
static ssize_t read_sys(struct sys *s, const char *name)
{
	ssize_t n;

	fmt_text(s->path + s->base, sizeof(s->path) - s->base, "%s", name);
	n = door_read_file(s->path, s->text, sizeof(s->text));
	while (n > 0 && s->text[n - 1] == '\n')
		s->text[--n] = 0;
	return n;
}

/* False when NAME leads out of the folder of devices. */
static bool enter_folder(struct sys *s, const char *name)
{
	if (strchr(name, '/') || name[0] == '.' || strlen(name) >= IF_NAMESIZE)
		return false;
	s->base = fmt_text(s->path, sizeof(s->path), FOLDER "%s/", name);
	return true;
}

static uint64_t number_of(struct sys *s, const char *name)
{
	uint64_t v = UINT64_MAX;
	ssize_t n = read_sys(s, name);

	if (n > 0)
		parse_u64(s->text, (size_t)n, &v);
	return v;
}

/* Whether the folder is that of L, and not of another namespace's device of the same name. */
static bool is_own_folder(struct sys *s, const struct link *l)
{
	char want[3 * sizeof(l->hwaddr) + 1];
	size_t len = 0;
	unsigned i;

	for (i = 0; i < l->hwaddr_len; i++)
		len += fmt_text(want + len, sizeof(want) - len, i ? ":%02x" : "%02x", l->hwaddr[i]);
	return read_sys(s, "address") >= (ssize_t)len && !memcmp(s->text, want, len) &&
	       number_of(s, "ifindex") == l->ifindex;
}

/* A mask of CPUs or queues, as the kernel writes it. */
static uint32_t mask_of(struct sys *s, const char *name)
{
	ssize_t n = read_sys(s, name);

	return n > 0 ? strings_add(s->text, (size_t)n) : 0;
}

struct counts {
	uint32_t tx, rx; /* the highest number of a queue, plus one */
};

static int count_queue(void *arg, const char *name)
{
	struct counts *c = arg;
	uint32_t *n = name[0] == 't' ? &c->tx : &c->rx;
	uint64_t v;

	if ((!strncmp(name, "tx-", 3) || !strncmp(name, "rx-", 3)) && parse_u64(name + 3, strlen(name + 3), &v) &&
	    v >= *n && v < LINK_QUEUES_MAX)
		*n = (uint32_t)v + 1;
	return 0;
}

/* What is read of a queue: of one for transmission, then of one for reception. */
static const struct queue_file {
	const char *name;
	uint8_t off;
	bool mask;
} queue_file[] = {
#define NUMBER(name, m) { name, offsetof(struct link_queue, m), false }
#define MASK(name, m) { name, offsetof(struct link_queue, m), true }
	NUMBER("byte_queue_limits/limit", bql_limit_bytes),
	NUMBER("byte_queue_limits/inflight", bql_inflight_bytes),
	NUMBER("byte_queue_limits/stall_cnt", bql_stalls),
	NUMBER("tx_timeout", tx_timeouts),
	MASK("xps_cpus", xps_cpus),
	MASK("xps_rxqs", xps_rxqs),
#define TX_FILES 6
	MASK("rps_cpus", rps_cpus),
	NUMBER("rps_flow_cnt", rps_flow_cnt),
};

/* False when it is not there, or cannot be read. */
static bool read_queue_file(struct sys *s, struct link_queue *q, const char *dir, uint32_t i,
			    const struct queue_file *f)
{
	char name[64], *to = (char *)q + f->off;
	uint64_t v;
	uint32_t id;

	fmt_text(name, sizeof(name), "queues/%s-%u/%s", dir, i, f->name);
	if (f->mask) {
		id = mask_of(s, name);
		memcpy(to, &id, sizeof(id));
		return id;
	}
	v = number_of(s, name);
	memcpy(to, &v, sizeof(v));
	return v != UINT64_MAX;
}

/* The N queues in folders DIR-…; a file that the first one has not is not looked for in the others. */
static struct link_queue *read_queues(struct sys *s, const char *dir, uint32_t n)
{
	const struct queue_file *f = queue_file + (dir[0] == 'r' ? TX_FILES : 0);
	const struct queue_file *end = dir[0] == 'r' ? queue_file + ARRAY_SIZE(queue_file) : f + TX_FILES;
	struct link_queue *q;
	uint32_t i;

	if (!n || n > s->room)
		return NULL;
	q = malloc(n * sizeof(*q));
	if (!q)
		return NULL;
	s->room -= n;
	for (i = 0; i < n; i++)
		q[i] = (struct link_queue){ .bql_limit_bytes = UINT64_MAX, .bql_inflight_bytes = UINT64_MAX,
					    .bql_stalls = UINT64_MAX, .tx_timeouts = UINT64_MAX,
					    .rps_flow_cnt = UINT64_MAX };
	for (; f < end; f++)
		for (i = 0; i < n; i++)
			if (!read_queue_file(s, &q[i], dir, i, f) && !i)
				break;
	return q;
}

/* The kernel makes a folder for each queue in use; netlink tells how many there is room for. */
static void read_folder(struct sys *s, struct link *l)
{
	struct counts c = { 0, 0 };

	fmt_text(s->path + s->base, sizeof(s->path) - s->base, "queues");
	if (door_list(s->path, count_queue, &c))
		return;
	l->num_tx = c.tx;
	l->num_rx = c.rx;
	l->tx = read_queues(s, "tx", c.tx);
	l->rx = read_queues(s, "rx", c.rx);
}

static void read_sysfs(struct sys *s, struct link *l, bool queues)
{
	const bool radio = !l->kind && (l->type == ARPHRD_ETHER || (l->type >= ARPHRD_IEEE80211 &&
								    l->type <= ARPHRD_IEEE80211_RADIOTAP));

	if ((!radio && !queues) || !enter_folder(s, strings_get(l->name)))
		return;
	if (!is_own_folder(s, l)) {
		s->other_space = true;
		return;
	}
	if (radio && read_sys(s, "uevent") > 0)
		l->wireless = strstr(s->text, "DEVTYPE=wlan") != NULL;
	/* lo is the same everywhere: whose it is, is told by the other devices. */
	if (queues && !(l->loopback && s->other_space))
		read_folder(s, l);
}

/* What ethtool says: how many queues are in use (0: not said), whether GRO is on; behind that the driver's name. */
struct answer {
	uint32_t tx, rx;
	uint8_t gro;
	char driver[32];
};

static bool ethtool(int fd, const char *name, void *command)
{
	struct ifreq ifr = { .ifr_data = command };

	memcpy(ifr.ifr_name, name, MIN(strlen(name), sizeof(ifr.ifr_name) - 1));
	return !ioctl(fd, SIOCETHTOOL, &ifr);
}

static ssize_t ask_ethtool(int fd, const char *name, struct answer *a)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_value gro = { .cmd = ETHTOOL_GGRO };
	struct ethtool_channels ch = { .cmd = ETHTOOL_GCHANNELS };
	size_t len = 0;

	*a = (struct answer){ 0 };
	if (ethtool(fd, name, &ch)) {
		a->tx = ch.tx_count + ch.combined_count;
		a->rx = ch.rx_count + ch.combined_count;
	}
	a->gro = ethtool(fd, name, &gro) && gro.data;
	if (ethtool(fd, name, &info)) {
		len = strnlen(info.driver, sizeof(info.driver));
		memcpy(a->driver, info.driver, MIN(len, sizeof(a->driver)));
	}
	return (ssize_t)(offsetof(struct answer, driver) + len);
}

static void read_ethtool(struct link *l, int fd)
{
	const char *name = strings_get(l->name);
	const ssize_t head = offsetof(struct answer, driver);
	char record[8 + IF_NAMESIZE];
	struct answer a;
	ssize_t n = fd < 0 ? -EBADF : ask_ethtool(fd, name, &a);

	fmt_text(record, sizeof(record), "ethtool-%s", name);
	n = door_bytes(record, &a, sizeof(a), n);
	if (n < head)
		return;
	l->gro = a.gro;
	l->driver = strings_add(a.driver, strnlen(a.driver, (size_t)(n - head)));
	if (a.tx && a.tx < l->num_tx)
		l->num_tx = a.tx;
	if (a.rx && a.rx < l->num_rx)
		l->num_rx = a.rx;
}

void links_ask_ethtool(struct links *l, int fd)
{
	uint32_t i;

	for (i = 0; i < l->nlink; i++)
		read_ethtool(&l->link[i], fd);
}

void links_read_sysfs(struct links *l, bool queues)
{
	struct sys *s = malloc(sizeof(*s));
	uint32_t i;

	if (!s) {
		l->incomplete = true;
		return;
	}
	s->room = LINKS_QUEUES_MAX;
	s->other_space = false;
	/* lo, which is number 1, comes last. */
	for (i = l->nlink; i-- > 0;)
		read_sysfs(s, &l->link[i], queues);
	free(s);
}
