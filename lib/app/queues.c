// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counted packets laid out by device and queue.
 * kbuild: CONFIG_PACKETS
 */
#include "app/queues.h"

#include <errno.h>
#include <stdlib.h>

#include "app/queues_priv.h"
#include "core/text.h"
#include "core/util.h"
#include "model/balance.h"
#include "model/strings.h"

static void layout_all(struct layout *l, const struct schema *s)
{
	struct fieldset all = { { 0 } };
	unsigned f;

	for (f = 0; f < s->n; f++)
		fieldset_add(&all, f);
	layout_init(l, s, &all, false);
}

/* One more device, its queues behind those of the others; LINK NULL: it is gone by now. */
static int add_device(struct queues *q, const struct traffic *t, const struct queues_opts *o, uint32_t space, uint32_t ifindex,
		      const struct link *link)
{
	const struct layout *l = &q->dev_layout;
	struct queue_device *at = realloc(q->at, (q->dev.n + 1) * sizeof(*at)), *d;
	void *rec = at ? table_add(&q->dev) : NULL;
	uint32_t i, n;

	if (at)
		q->at = at;
	if (!rec)
		return -ENOMEM;
	d = &at[q->dev.n - 1];
	*d = (struct queue_device){ .space = space, .ifindex = ifindex, .first = q->queue.n };
	d->ntx = link ? link->num_tx : 0;
	d->nrx = link && o->rx ? link->num_rx : 0;
	rec_set(l, rec, D_IFINDEX, ifindex);
	if (t->space[space].name)
		rec_set(l, rec, D_NETNS, t->space[space].name);
	if (link)
		device_describe(l, rec, &t->space[space].links, link);
	n = d->ntx + d->nrx + 2;
	for (i = 0; i < n; i++)
		if (!table_add(&q->queue))
			return -ENOMEM;
	return 0;
}

static int add_devices(struct queues *q, const struct traffic *t, const struct queues_opts *o)
{
	uint32_t s, i;
	int r = 0;

	for (s = 0; s < t->nspace; s++)
		for (i = 0; i < t->space[s].links.nlink && !r; i++) {
			const struct link *link = &t->space[s].links.link[i];

			r = add_device(q, t, o, s, link->ifindex, link);
		}
	return r;
}

/* Devices are in the order of their namespaces, then numbers; those that are gone by now follow, few. */
static uint32_t find_device(const struct queues *q, uint32_t nknown, uint32_t space, uint32_t ifindex)
{
	uint32_t lo = 0, hi = nknown;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct queue_device *d = &q->at[mid];

		if (d->space < space || (d->space == space && d->ifindex < ifindex))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < nknown && q->at[lo].space == space && q->at[lo].ifindex == ifindex)
		return lo;
	for (lo = nknown; lo < q->dev.n; lo++)
		if (q->at[lo].space == space && q->at[lo].ifindex == ifindex)
			break;
	return lo;
}

/* The queue's row of a device; a number beyond its queues, or none, is in the row for those. */
static uint32_t queue_index(const struct queue_device *d, bool tx, uint32_t queue)
{
	return d->first + (tx ? MIN(queue, d->ntx) : d->ntx + 1 + MIN(queue, d->nrx));
}

static void add(const struct layout *l, void *rec, unsigned f, uint64_t v)
{
	rec_set(l, rec, f, (rec_has(rec, f) ? rec_raw(l, rec, f) : 0) + v);
}

/* Sums up every row, selected or not, and notes in WHERE which queue it is in. */
static int sum_rows(struct queues *q, const struct traffic *t, const struct queues_opts *o, uint32_t *where)
{
	const struct layout *l = &t->sockets.layout, *ql = &q->queue_layout, *dl = &q->dev_layout;
	uint32_t i, nknown = q->dev.n, d;
	int r;

	for (i = 0; i < t->table.n; i++) {
		const void *row = table_at(&t->table, i);
		bool tx = rec_raw(l, row, F_DIR) == FLOW_TX;
		uint64_t bytes = rec_raw(l, row, F_BYTES), packets = rec_raw(l, row, F_PACKETS);
		void *queue;

		d = find_device(q, nknown, t->meta[i].space, t->meta[i].ifindex);
		if (d == q->dev.n && (r = add_device(q, t, o, t->meta[i].space, t->meta[i].ifindex, NULL)))
			return r;
		where[i] = queue_index(&q->at[d], tx, rec_has(row, F_QUEUE) ? (uint32_t)rec_raw(l, row, F_QUEUE) : UINT32_MAX);
		queue = table_at(&q->queue, where[i]);
		add(ql, queue, Q_BYTES, bytes);
		add(ql, queue, Q_PACKETS, packets);
		add(ql, queue, Q_FLOWS, 1);
		if (rec_has(row, F_DROPS))
			add(ql, queue, Q_DROPS, rec_raw(l, row, F_DROPS));
		add(dl, table_at(&q->dev, d), tx ? D_TX_BYTES : D_RX_BYTES, bytes);
		add(dl, table_at(&q->dev, d), tx ? D_TX_PACKETS : D_RX_PACKETS, packets);
	}
	return 0;
}

static int sum_sojourn(struct queues *q, const struct traffic *t, const uint32_t *where)
{
	struct hist *h = t->sojourn ? calloc(q->queue.n + 1, sizeof(*h)) : NULL;
	uint32_t i;

	if (!t->sojourn)
		return 0;
	if (!h)
		return -ENOMEM;
	for (i = 0; i < t->table.n; i++)
		hist_merge(&h[where[i]], &t->sojourn[i]);
	for (i = 0; i < q->queue.n; i++) {
		queue_sojourn(&q->queue_layout, table_at(&q->queue, i), &h[i]);
		hist_free(&h[i]);
	}
	free(h);
	return 0;
}

static uint64_t permille(uint64_t part, uint64_t whole)
{
	if (!whole)
		return 0;
	return whole < UINT64_MAX / 1000 ? part * 1000 / whole : part / (whole / 1000);
}

/* Everything about each queue that is not a sum. */
static void describe_queues(struct queues *q, const struct traffic *t, const struct queues_opts *o)
{
	const struct layout *ql = &q->queue_layout, *dl = &q->dev_layout;
	uint32_t d, i;

	for (d = 0; d < q->dev.n; d++) {
		const struct queue_device *at = &q->at[d];
		const struct traffic_space *s = &t->space[at->space];
		const struct link *link = links_find(&s->links, at->ifindex);
		void *dev = table_at(&q->dev, d);

		add(dl, dev, D_TX_BYTES, 0);
		add(dl, dev, D_TX_PACKETS, 0);
		if (o->rx) {
			add(dl, dev, D_RX_BYTES, 0);
			add(dl, dev, D_RX_PACKETS, 0);
		}
		for (i = 0; i < at->ntx + at->nrx + 2; i++) {
			bool tx = i <= at->ntx;
			uint32_t n = tx ? i : i - at->ntx - 1;
			void *rec = table_at(&q->queue, at->first + i);
			uint64_t total = rec_has(dev, tx ? D_TX_BYTES : D_RX_BYTES) ? rec_raw(dl, dev, tx ? D_TX_BYTES : D_RX_BYTES) : 0;

			if (rec_has(dev, D_DEV))
				rec_set(ql, rec, Q_DEV, rec_raw(dl, dev, D_DEV));
			if (s->name)
				rec_set(ql, rec, Q_NETNS, s->name);
			rec_set(ql, rec, Q_DIR, tx ? FLOW_TX : FLOW_RX);
			add(ql, rec, Q_BYTES, 0);
			add(ql, rec, Q_PACKETS, 0);
			add(ql, rec, Q_FLOWS, 0);
			rec_set(ql, rec, Q_RATE, traffic_rate(rec_raw(ql, rec, Q_BYTES), t->interval_ns));
			rec_set(ql, rec, Q_SHARE, permille(rec_raw(ql, rec, Q_BYTES), total));
			if (n == (tx ? at->ntx : at->nrx))
				continue; /* the row for what has no number */
			rec_set(ql, rec, Q_QUEUE, n);
			queue_describe(ql, rec, s, link, tx, n);
		}
	}
}

/* The largest flow of each queue, for the verdict. */
static void judge(struct queues *q, const struct traffic *t, const uint32_t *where)
{
	const struct layout *l = &t->sockets.layout;
	uint64_t *largest = calloc(q->queue.n + 1, sizeof(*largest));
	uint32_t i, d;

	for (i = 0; largest && i < t->table.n; i++) {
		uint64_t bytes = rec_raw(l, table_at(&t->table, i), F_BYTES);

		largest[where[i]] = MAX(largest[where[i]], bytes);
	}
	for (d = 0; largest && d < q->dev.n; d++)
		device_judge(q, d, links_find(&t->space[q->at[d].space].links, q->at[d].ifindex), largest);
	free(largest);
}

/* The selected rows, sorted into their queues: a slice of flow_row for each. */
static int place_flows(struct queues *q, const struct traffic *t, const struct look *l, const struct queues_opts *o, const uint32_t *where)
{
	uint32_t *start = calloc(q->queue.n + 2, sizeof(*start)), i, n, next = 0;
	int r = 0;

	q->flow_section = calloc(q->queue.n + 1, sizeof(*q->flow_section));
	q->flow_row = malloc((t->nrow + 1) * sizeof(*q->flow_row));
	if (!start || !q->flow_section || !q->flow_row) {
		free(start);
		return -ENOMEM;
	}
	/* t->row is in the order of the table. */
	for (i = 0, n = 0; i < t->table.n && n < t->nrow; i++)
		if (table_at(&t->table, i) == t->row[n]) {
			start[where[i] + 2]++;
			n++;
		}
	for (i = 2; i < q->queue.n + 2; i++)
		start[i] += start[i - 1];
	for (i = 0; i < t->table.n && next < t->nrow; i++)
		if (table_at(&t->table, i) == t->row[next])
			q->flow_row[start[where[i] + 1]++] = t->row[next++];
	for (i = 0; i < q->queue.n && !r; i++) {
		struct section *s = &q->flow_section[i];

		*s = (struct section){ .kind = SECTION_ROWS, .key = "flows", .layout = &t->sockets.layout, .col = o->flow_col, .ncol = o->nflow_col };
		s->row = q->flow_row + start[i];
		s->total = start[i + 1] - start[i];
		if (!l->sort_none)
			r = rows_sort((void **)s->row, s->total, s->layout, l->sort_field, !l->sort_ascending, &t->sockets.procs);
		s->nrow = o->limit && o->limit < s->total ? o->limit : s->total;
	}
	free(start);
	return r;
}

/* Queues worth a row: all that have a number, and what has none when something was counted there. */
static bool is_queue(const struct queues *q, const void *rec)
{
	return rec_has(rec, Q_QUEUE) || rec_raw(&q->queue_layout, rec, Q_PACKETS) || (rec_has(rec, Q_DROPS) && rec_raw(&q->queue_layout, rec, Q_DROPS));
}

static bool has_flows(const struct queues *q, const struct queue_device *d)
{
	uint32_t i;

	for (i = 0; i < d->ntx + d->nrx + 2; i++)
		if (q->flow_section[d->first + i].total)
			return true;
	return false;
}

static const uint8_t dev_cols[] = {
	D_DEV, D_IFINDEX, D_NETNS, D_KIND, D_DRIVER, D_LOWER, D_MASTER, D_UP, D_MTU, D_TX_QUEUES, D_RX_QUEUES, D_TX_BYTES, D_TX_PACKETS,
	D_RX_BYTES, D_RX_PACKETS, D_COUNTED_TX_BYTES, D_COUNTED_TX_PACKETS, D_COUNTED_RX_BYTES, D_COUNTED_RX_PACKETS, D_IN_TOTAL,
	D_BALANCE, D_STEERING, D_HIDDEN,
};
/* From Q_DIR and T_KIND on: the device stands around them, and the tree's indentation is for people. */
static uint8_t queue_cols[Q_COUNT - Q_DIR], qdisc_cols[T_COUNT - T_KIND];

static void fill_section(struct section *s, const char *key, const struct layout *l, const uint8_t *col, unsigned ncol)
{
	*s = (struct section){ .kind = SECTION_ROWS, .key = key, .layout = l, .col = col, .ncol = ncol };
}

/* The devices to be shown, each with its queues, which have their flows, and with its qdiscs. */
static int nest(struct queues *q, const struct look *l, const struct queues_opts *o, struct section *devices)
{
	uint32_t d, i, nq = 0, total_queues = q->queue.n;
	struct section *flow;

	q->dev_row = malloc((q->dev.n + 1) * sizeof(*q->dev_row));
	q->shown = malloc((q->dev.n + 1) * sizeof(*q->shown));
	q->queue_row = malloc((total_queues + 1) * sizeof(*q->queue_row));
	q->qdisc_row = malloc((q->qdisc.n + 1) * sizeof(*q->qdisc_row));
	q->queue_section = calloc(q->dev.n + 1, sizeof(*q->queue_section));
	q->qdisc_section = calloc(q->dev.n + 1, sizeof(*q->qdisc_section));
	q->queue_sub = calloc(q->dev.n + 1, sizeof(*q->queue_sub));
	flow = calloc(total_queues + 1, sizeof(*flow));
	if (!q->dev_row || !q->shown || !q->queue_row || !q->qdisc_row || !q->queue_section || !q->qdisc_section || !q->queue_sub || !flow) {
		free(flow);
		return -ENOMEM;
	}
	for (i = 0; i < sizeof(queue_cols); i++)
		queue_cols[i] = (uint8_t)(Q_DIR + i);
	for (i = 0; i < sizeof(qdisc_cols); i++)
		qdisc_cols[i] = (uint8_t)(T_KIND + i);
	for (i = 0; i < q->qdisc.n; i++)
		q->qdisc_row[i] = table_at(&q->qdisc, i);
	for (d = 0; d < q->dev.n; d++) {
		struct queue_device *at = &q->at[d];
		struct section *qs = &q->queue_section[q->ndev], *ts = &q->qdisc_section[q->ndev];

		/* A filter selects devices by their flows. */
		if (l->filter.n && !has_flows(q, at))
			continue;
		fill_section(qs, "queues", &q->queue_layout, queue_cols, sizeof(queue_cols));
		qs->row = q->queue_row + nq;
		q->queue_sub[q->ndev].of = flow + nq;
		for (i = 0; i < at->ntx + at->nrx + 2; i++) {
			void *rec = table_at(&q->queue, at->first + i);

			if (!is_queue(q, rec))
				continue;
			flow[nq] = q->flow_section[at->first + i];
			q->queue_row[nq++] = rec;
			qs->nrow = ++qs->total;
		}
		qs->sub = &q->queue_sub[q->ndev];
		qs->nsub = o->flows;
		fill_section(ts, "qdiscs", &q->qdisc_layout, qdisc_cols, sizeof(qdisc_cols));
		ts->row = q->qdisc_row + at->qdisc;
		ts->nrow = ts->total = at->nqdisc;
		q->shown[q->ndev] = d;
		q->dev_row[q->ndev++] = table_at(&q->dev, d);
	}
	free(q->flow_section);
	q->flow_section = flow;
	fill_section(devices, "devices", &q->dev_layout, dev_cols, sizeof(dev_cols));
	q->dev_sub[0].of = q->queue_section;
	q->dev_sub[1].of = q->qdisc_section;
	devices->sub = q->dev_sub;
	devices->nsub = 2;
	devices->row = q->dev_row;
	devices->nrow = devices->total = q->ndev;
	return 0;
}

static void total(struct queues *q)
{
	const struct layout *l = &q->dev_layout;
	uint32_t d;

	for (d = 0; d < q->dev.n; d++) {
		const void *rec = table_at(&q->dev, d);

		if (!rec_has(rec, D_IN_TOTAL) || !rec_raw(l, rec, D_IN_TOTAL))
			continue;
		q->tx_bytes += rec_raw(l, rec, D_TX_BYTES);
		q->tx_packets += rec_raw(l, rec, D_TX_PACKETS);
		if (!rec_has(rec, D_RX_BYTES))
			continue;
		q->rx_bytes += rec_raw(l, rec, D_RX_BYTES);
		q->rx_packets += rec_raw(l, rec, D_RX_PACKETS);
	}
}

int queues_build(struct queues *q, const struct traffic *t, const struct look *l, const struct queues_opts *o,
		 struct section *devices, struct err *e)
{
	uint32_t *where = malloc((t->table.n + 1) * sizeof(*where));
	int r = where ? 0 : -ENOMEM;

	layout_all(&q->dev_layout, &device_schema);
	layout_all(&q->queue_layout, &queue_schema);
	layout_all(&q->qdisc_layout, &qdisc_schema);
	table_init(&q->dev, &q->dev_layout, UINT32_MAX);
	table_init(&q->queue, &q->queue_layout, UINT32_MAX);
	table_init(&q->qdisc, &q->qdisc_layout, UINT32_MAX);
	if (!r)
		r = add_devices(q, t, o);
	if (!r)
		r = sum_rows(q, t, o, where);
	if (!r)
		r = sum_sojourn(q, t, where);
	if (!r) {
		describe_queues(q, t, o);
		judge(q, t, where);
		total(q);
		r = qdiscs_build(q, t);
	}
	if (!r)
		r = place_flows(q, t, l, o, where);
	if (!r)
		r = nest(q, l, o, devices);
	free(where);
	return r ? err_set(e, -r, "out of memory") : 0;
}

void queues_free(struct queues *q)
{
	table_free(&q->dev);
	table_free(&q->queue);
	table_free(&q->qdisc);
	free(q->at);
	free(q->dev_row);
	free(q->queue_row);
	free(q->qdisc_row);
	free(q->flow_row);
	free(q->shown);
	free(q->queue_section);
	free(q->qdisc_section);
	free(q->flow_section);
	free(q->queue_sub);
	memset(q, 0, sizeof(*q));
}
