// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is to be said about a device, a queue, a qdisc, beside what was counted there.
 * kbuild: CONFIG_PACKETS
 */
#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>

#include "app/queues_priv.h"
#include "core/text.h"
#include "core/util.h"
#include "model/balance.h"
#include "model/strings.h"

#define UNKNOWN UINT64_MAX
#define TREE_DEPTH 16
#define HANDLE_ROOT 0xffffffffU /* TC_H_ROOT */

static uint32_t intern(const char *s)
{
	return strings_add(s, strlen(s));
}

static void set_text(const struct layout *l, void *rec, unsigned f, uint32_t id)
{
	if (id)
		rec_set(l, rec, f, id);
}

static void set_known(const struct layout *l, void *rec, unsigned f, uint64_t v)
{
	if (v != UNKNOWN)
		rec_set(l, rec, f, v);
}

static bool is_kind(const struct link *link, const char *const *kinds)
{
	const char *kind = strings_get(link->kind);

	while (*kinds && strcmp(kind, *kinds))
		kinds++;
	return *kinds;
}

/* Packets of these cross another device of the host as well. */
static bool stands_on_others(const struct link *link)
{
	static const char *const kinds[] = {
		"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "bridge", "bond", "team", "ifb", "vxlan", "geneve", "gre", "gretap", "erspan",
		"ip6gre", "ip6gretap", "ip6erspan", "ipip", "sit", "ip6tnl", "vti", "vti6", "xfrm", "wireguard", "vrf", "batadv", "bareudp", NULL
	};

	/* A tun without Ethernet is a tunnel; with it (tap) it is some guest's cable. */
	return is_kind(link, kinds) || (!strcmp(strings_get(link->kind), "tun") && link->type == ARPHRD_NONE);
}

static uint32_t kind_of(const struct link *link)
{
	return link->kind ? link->kind : intern(link->loopback ? "loopback" : "physical");
}

void device_describe(const struct layout *l, void *rec, const struct links *all, const struct link *link)
{
	const struct link *lower = link->lower ? links_find(all, link->lower) : NULL;
	const struct link *master = link->master ? links_find(all, link->master) : NULL;

	rec_set(l, rec, D_DEV, link->name);
	rec_set(l, rec, D_KIND, kind_of(link));
	set_text(l, rec, D_DRIVER, link->driver);
	if (lower && stands_on_others(link))
		rec_set(l, rec, D_LOWER, lower->name);
	if (master)
		rec_set(l, rec, D_MASTER, master->name);
	rec_set(l, rec, D_UP, link->up);
	rec_set(l, rec, D_MTU, link->mtu);
	rec_set(l, rec, D_TX_QUEUES, link->num_tx);
	rec_set(l, rec, D_RX_QUEUES, link->num_rx);
	rec_set(l, rec, D_COUNTED_TX_BYTES, link->stats.tx_bytes);
	rec_set(l, rec, D_COUNTED_TX_PACKETS, link->stats.tx_packets);
	rec_set(l, rec, D_COUNTED_RX_BYTES, link->stats.rx_bytes);
	rec_set(l, rec, D_COUNTED_RX_PACKETS, link->stats.rx_packets);
	rec_set(l, rec, D_IN_TOTAL, !link->loopback && !stands_on_others(link));
	if (link->wireless)
		rec_set(l, rec, D_HIDDEN, intern("Wi-Fi: mac80211 keeps queues of its own below these, and what it drops or retries is not seen here"));
}

/* OWN: it is this queue's alone, and so are its numbers. */
static void set_qdisc(const struct layout *l, void *rec, const struct qdisc *qd, bool own)
{
	char handle[24];

	rec_set(l, rec, Q_QDISC_KIND, qd->kind);
	handle_text(handle, qd->handle);
	rec_set(l, rec, Q_QDISC_HANDLE, intern(handle));
	handle_text(handle, qd->parent);
	rec_set(l, rec, Q_QDISC_PARENT, intern(handle));
	if (!own)
		return;
	rec_set(l, rec, Q_QDISC_BYTES, qd->bytes);
	rec_set(l, rec, Q_QDISC_PACKETS, qd->packets);
	rec_set(l, rec, Q_QDISC_DROPS, qd->drops);
	rec_set(l, rec, Q_QDISC_REQUEUES, qd->requeues);
	rec_set(l, rec, Q_QDISC_OVERLIMITS, qd->overlimits);
	rec_set(l, rec, Q_QDISC_BACKLOG, qd->backlog_bytes);
	rec_set(l, rec, Q_QDISC_QLEN, qd->backlog_packets);
}

/* The kernel's mask as a list. */
static void set_cpus(const struct layout *l, void *rec, uint32_t mask)
{
	char text[256];

	if (!mask)
		return;
	balance_cpus(text, sizeof(text), strings_get(mask));
	rec_set(l, rec, Q_STEERING, intern(text));
}

static void transmit_queue(const struct layout *l, void *rec, const struct traffic_space *s, const struct link *link, uint32_t queue)
{
	const struct qdisc *root = links_qdisc(&s->links, link->ifindex, HANDLE_ROOT), *own = NULL;
	const struct link_queue *lq = link->tx ? &link->tx[queue] : NULL;

	/* The children of mq and mqprio are the queues' own; any other root is shared by all. */
	if (root && (!strcmp(strings_get(root->kind), "mq") || !strcmp(strings_get(root->kind), "mqprio")))
		own = links_qdisc(&s->links, link->ifindex, (root->handle & 0xffff0000U) | (queue + 1));
	if (own || root)
		set_qdisc(l, rec, own ? own : root, own || link->num_tx == 1);
	if (!lq)
		return;
	set_known(l, rec, Q_BQL_LIMIT, lq->bql_limit_bytes);
	set_known(l, rec, Q_BQL_INFLIGHT, lq->bql_inflight_bytes);
	set_known(l, rec, Q_BQL_STALLS, lq->bql_stalls);
	set_known(l, rec, Q_TX_TIMEOUTS, lq->tx_timeouts);
	set_cpus(l, rec, lq->xps_cpus);
}

void queue_describe(const struct layout *l, void *rec, const struct traffic_space *s, const struct link *link, bool tx, uint32_t queue)
{
	if (tx)
		transmit_queue(l, rec, s, link, queue);
	else if (link->rx)
		set_cpus(l, rec, link->rx[queue].rps_cpus);
}

void queue_sojourn(const struct layout *l, void *rec, const struct hist *h)
{
	static const struct {
		uint8_t field;
		uint16_t permyriad;
	} q[] = { { Q_SOJOURN_P50, 5000 }, { Q_SOJOURN_P90, 9000 }, { Q_SOJOURN_P99, 9900 } };
	uint64_t v;
	unsigned i;

	if (!h->total)
		return;
	for (i = 0; i < ARRAY_SIZE(q); i++)
		if (hist_quantile(h, q[i].permyriad, &v))
			rec_set(l, rec, q[i].field, v);
	rec_set(l, rec, Q_SOJOURN_MAX, h->max);
	rec_set(l, rec, Q_SOJOURN_PACKETS, h->total);
}

void device_judge(struct queues *q, uint32_t d, const struct link *link, const uint64_t *largest)
{
	const struct queue_device *at = &q->at[d];
	void *dev = table_at(&q->dev, d);
	uint64_t *bytes = calloc(at->ntx + 1, sizeof(*bytes));
	const char **mask = calloc(at->ntx + 1, sizeof(*mask));
	struct balance b = { bytes, mask, at->ntx, rec_raw(&q->dev_layout, dev, D_TX_PACKETS), 0 };
	char text[BALANCE_TEXT];
	uint32_t i, busiest = 0;

	if (!bytes || !mask || !link || !link->tx || !at->ntx)
		b.mask = NULL;
	for (i = 0; bytes && i < at->ntx; i++) {
		bytes[i] = rec_raw(&q->queue_layout, table_at(&q->queue, at->first + i), Q_BYTES);
		busiest = bytes[i] > bytes[busiest] ? i : busiest;
		if (b.mask)
			mask[i] = link->tx[i].xps_cpus ? strings_get(link->tx[i].xps_cpus) : NULL;
	}
	if (bytes && at->ntx > 1) {
		b.largest_flow = largest[at->first + busiest];
		balance_text(text, &b);
		set_text(&q->dev_layout, dev, D_BALANCE, intern(text));
		balance_steering_text(text, &b, "XPS");
		set_text(&q->dev_layout, dev, D_STEERING, intern(text));
	}
	free(bytes);
	free(mask);
}

static void qdisc_row(const struct layout *l, void *rec, uint32_t dev, const struct qdisc *qd, unsigned depth)
{
	char text[96], handle[24];

	if (dev)
		rec_set(l, rec, T_DEV, dev);
	rec_set(l, rec, T_KIND, qd->kind);
	rec_set(l, rec, T_CLASS, qd->is_class);
	handle_text(handle, qd->handle);
	rec_set(l, rec, T_HANDLE, intern(handle));
	/* What kind of class it is, the qdisc above it says. */
	fmt_text(text, sizeof(text), "%*s%s %s", (int)depth * 2, "", qd->is_class ? "class" : strings_get(qd->kind), handle);
	rec_set(l, rec, T_NAME, intern(text));
	handle_text(handle, qd->parent);
	rec_set(l, rec, T_PARENT, intern(handle));
	rec_set(l, rec, T_BYTES, qd->bytes);
	rec_set(l, rec, T_PACKETS, qd->packets);
	rec_set(l, rec, T_DROPS, qd->drops);
	rec_set(l, rec, T_OVERLIMITS, qd->overlimits);
	rec_set(l, rec, T_REQUEUES, qd->requeues);
	rec_set(l, rec, T_BACKLOG, qd->backlog_bytes);
	rec_set(l, rec, T_QLEN, qd->backlog_packets);
	set_known(l, rec, T_LIMIT_RATE, qd->rate_bytes_per_s);
	set_known(l, rec, T_CEIL, qd->ceil_bytes_per_s);
	rec_set(l, rec, T_OFFLOADED, qd->offloaded);
}

struct tree {
	struct queues *q;
	const struct qdisc *qd; /* of one device */
	uint32_t n, dev;
	bool *done;
	int r;
};

static bool has_queues(const struct qdisc *p)
{
	return !strcmp(strings_get(p->kind), "mq") || !strcmp(strings_get(p->kind), "mqprio");
}

/*
 * A class hangs on its parent class or, at the top, on its qdisc ("root" to the kernel); a qdisc on the class it is in, or on a
 * queue of mq, which is a class that is not listed.
 */
static bool hangs_on(const struct qdisc *c, const struct qdisc *p)
{
	uint32_t major = p->handle & 0xffff0000U;

	if (c->parent == p->handle && c->parent)
		return true;
	if (p->is_class)
		return false;
	return c->is_class ? c->parent == HANDLE_ROOT && (c->handle & 0xffff0000U) == major
			   : has_queues(p) && c->parent != p->handle && (c->parent & 0xffff0000U) == major;
}

/* Of what hangs on I and was not shown yet: that with the lowest parent, so that children of mq are in the order of their queues. */
static uint32_t next_child(const struct tree *t, uint32_t i)
{
	uint32_t k, best = t->n;

	for (k = 0; k < t->n; k++)
		if (!t->done[k] && hangs_on(&t->qd[k], &t->qd[i]) && (best == t->n || t->qd[k].parent < t->qd[best].parent))
			best = k;
	return best;
}

/* Qdisc or class I, then what hangs on it. Each once, however the parents lie. */
static void branch(struct tree *t, uint32_t i, unsigned depth)
{
	void *rec = table_add(&t->q->qdisc);
	uint32_t k;

	t->done[i] = true;
	if (!rec) {
		t->r = -ENOMEM;
		return;
	}
	qdisc_row(&t->q->qdisc_layout, rec, t->dev, &t->qd[i], depth);
	while (!t->r && depth + 1 < TREE_DEPTH && (k = next_child(t, i)) < t->n)
		branch(t, k, depth + 1);
}

int qdiscs_build(struct queues *q, const struct traffic *t)
{
	uint32_t d, i;

	for (d = 0; d < q->dev.n; d++) {
		struct queue_device *at = &q->at[d];
		const struct links *l = &t->space[at->space].links;
		struct tree tree = { .q = q, .dev = rec_has(table_at(&q->dev, d), D_DEV) ?
				     (uint32_t)rec_raw(&q->dev_layout, table_at(&q->dev, d), D_DEV) : 0 };
		uint32_t first = 0;

		while (first < l->nqdisc && l->qdisc[first].ifindex < at->ifindex)
			first++;
		tree.qd = l->qdisc + first;
		while (first + tree.n < l->nqdisc && tree.qd[tree.n].ifindex == at->ifindex)
			tree.n++;
		at->qdisc = q->qdisc.n;
		tree.done = calloc(tree.n + 1, 1);
		if (!tree.done)
			return -ENOMEM;
		/* Roots first (the device's, ingress, clsact), then whatever hangs on nothing that is known. */
		for (i = 0; i < tree.n && !tree.r; i++)
			if (!tree.done[i] && !tree.qd[i].is_class && tree.qd[i].parent >= 0xfffffff1U)
				branch(&tree, i, 0);
		for (i = 0; i < tree.n && !tree.r; i++)
			if (!tree.done[i])
				branch(&tree, i, 0);
		at->nqdisc = q->qdisc.n - at->qdisc;
		free(tree.done);
		if (tree.r)
			return tree.r;
	}
	return 0;
}
