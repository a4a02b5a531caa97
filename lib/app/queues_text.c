// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices, their queues and the flows in them, for people.
 * kbuild: CONFIG_PACKETS
 */
#include <stdlib.h>

#include "app/queues.h"
#include "core/util.h"
#include "model/strings.h"
#include "view/barlist.h"
#include "view/view.h"

#define QUEUES_TEXT 8 /* queues up to which idle ones are shown */

/* "12.3M bytes (6.15M/s), 8123 packets" */
static void amount(struct buf *b, uint64_t bytes, uint64_t packets, uint64_t ns)
{
	char t[16];

	buf_add(b, t, fmt_si(t, bytes));
	buf_str(b, "B, ");
	buf_add(b, t, fmt_si(t, traffic_rate(bytes, ns) * 8));
	buf_str(b, "bit/s, ");
	buf_u64(b, packets);
	buf_str(b, " packets");
}

static void text_top(const struct queues_text *qt, const struct report *rep, struct buf *b)
{
	const struct queues *q = qt->queues;
	struct buf line = BUF_INIT;
	char t[16];

	buf_add(&line, t, fmt_ns(t, rep->interval_ns));
	buf_str(&line, ": ");
	buf_u64(&line, qt->traffic->nflow);
	buf_str(&line, qt->traffic->nflow == 1 ? " flow" : " flows");
	buf_str(&line, qt->look->filter.n ? " selected; of all, out " : "; out ");
	amount(&line, q->tx_bytes, q->tx_packets, rep->interval_ns);
	if (qt->opts->rx) {
		buf_str(&line, "; in ");
		amount(&line, q->rx_bytes, q->rx_packets, rep->interval_ns);
	}
	if (qt->opts->sojourn && qt->traffic->qtrace)
		buf_printf(&line, "; time in the qdisc known of %llu of %llu packets", (unsigned long long)qt->traffic->qtraced.matched,
			   (unsigned long long)(qt->traffic->qtraced.matched + qt->traffic->qtraced.unmatched));
	buf_ch(&line, 0);
	if (!line.failed)
		text_wrap(b, &qt->look->screen, line.p, 0);
	buf_free(&line);
}

static const char *text_of(const struct layout *l, const void *rec, unsigned f)
{
	return rec_has(rec, f) ? strings_get((uint32_t)rec_raw(l, rec, f)) : "";
}

/* "eth0: physical ixgbe, mtu 1500, 4 transmit queues" and what else is to be said, one line each. */
static void text_device(const struct queues_text *qt, const void *rec, struct buf *b)
{
	static const uint8_t sentence[] = { D_BALANCE, D_HIDDEN };
	const struct screen *s = &qt->look->screen;
	const struct layout *l = &qt->queues->dev_layout;
	unsigned i;

	buf_ch(b, '\n');
	ink_on(b, s, INK_BOLD);
	if (rec_has(rec, D_NETNS)) {
		text_safe(b, s, text_of(l, rec, D_NETNS), 40);
		buf_ch(b, '/');
	}
	if (rec_has(rec, D_DEV))
		text_safe(b, s, text_of(l, rec, D_DEV), 40);
	else
		buf_printf(b, "device %llu, gone by now", (unsigned long long)rec_raw(l, rec, D_IFINDEX));
	ink_off(b, s);
	if (rec_has(rec, D_KIND)) {
		buf_str(b, ": ");
		text_safe(b, s, text_of(l, rec, D_KIND), 20);
	}
	if (rec_has(rec, D_LOWER)) {
		buf_str(b, " on ");
		text_safe(b, s, text_of(l, rec, D_LOWER), 40);
	}
	if (rec_has(rec, D_MASTER)) {
		buf_str(b, " in ");
		text_safe(b, s, text_of(l, rec, D_MASTER), 40);
	}
	if (rec_has(rec, D_TX_QUEUES) && rec_raw(l, rec, D_TX_QUEUES) > 1)
		buf_printf(b, ", %llu transmit queues", (unsigned long long)rec_raw(l, rec, D_TX_QUEUES));
	if (rec_has(rec, D_IN_TOTAL) && !rec_raw(l, rec, D_IN_TOTAL))
		buf_str(b, ", not in the total");
	if (rec_has(rec, D_STEERING)) {
		buf_str(b, "; ");
		buf_str(b, text_of(l, rec, D_STEERING));
	}
	buf_ch(b, '\n');
	for (i = 0; i < sizeof(sentence); i++) {
		const char *t = text_of(l, rec, sentence[i]);

		if (*t)
			text_wrap(b, s, t, 2);
	}
}

/* A device's list: its queues, and behind each the flows in it, on the scale of the busiest queue. */
struct device_list {
	const struct queues_text *qt;
	const struct report *rep;
	const struct section *flows; /* beside the queues' rows */
	struct barlist flow;
};

static void flows_of_queue(void *arg, struct buf *b, uint32_t row)
{
	const struct device_list *d = arg;
	const struct section *s = &d->flows[row];

	if (s->nrow)
		barlist_text(b, &d->qt->look->screen, s, &d->flow, d->rep->procs);
}

static void flow_list(const struct queues_text *qt, struct barlist *l)
{
	static const uint8_t ends[] = { F_SRC, F_SPORT, F_DST, F_DPORT };
	const struct layout *lay = &qt->traffic->sockets.layout;

	l->value = F_BYTES;
	if (qt->opts->drops)
		l->left[l->nleft++] = F_DROPS;
	if (qt->opts->sojourn) {
		l->left[l->nleft++] = F_SOJOURN_P50;
		l->left[l->nleft++] = F_SOJOURN_P99;
	}
	l->left[l->nleft++] = F_PACKETS;
	l->left[l->nleft++] = F_BYTES;
	l->right[l->nright++] = F_PROTO;
	memcpy(l->right + l->nright, ends, sizeof(ends));
	l->nright += sizeof(ends);
	if (lay->slot[F_DST_NAME].width)
		l->right[l->nright++] = F_DST_NAME;
	if (qt->opts->drops)
		l->right[l->nright++] = F_DROP_REASON;
	l->right[l->nright++] = F_PROCS;
}

/* True when some row knows the field and it is not zero. */
static bool says(const struct section *s, unsigned f)
{
	uint64_t v;

	for (uint32_t i = 0; i < s->nrow; i++)
		if (rec_get(s->layout, s->row[i], f, &v) && v)
			return true;
	return false;
}

/* True when a queue has CPUs of its own. */
static bool is_steered(const struct section *s)
{
	for (uint32_t i = 0; i < s->nrow; i++) {
		const char *cpus = text_of(s->layout, s->row[i], Q_STEERING);

		if (*cpus && strcmp(cpus, "none"))
			return true;
	}
	return false;
}

static void queue_list(const struct queues_text *qt, const struct section *s, struct barlist *l)
{
	static const uint8_t when[] = { Q_BQL_LIMIT, Q_BQL_INFLIGHT, Q_QDISC_BACKLOG, Q_QDISC_REQUEUES, Q_QDISC_DROPS, Q_DROPS };
	unsigned i;

	l->left[l->nleft++] = Q_DIR;
	l->left[l->nleft++] = Q_QUEUE;
	for (i = 0; i < sizeof(when); i++)
		if (says(s, when[i]) || (when[i] == Q_DROPS && qt->opts->drops))
			l->left[l->nleft++] = when[i];
	if (qt->opts->sojourn) {
		l->left[l->nleft++] = Q_SOJOURN_P50;
		l->left[l->nleft++] = Q_SOJOURN_P99;
	}
	l->left[l->nleft++] = Q_PACKETS;
	l->left[l->nleft++] = Q_BYTES;
	l->value = Q_BYTES;
	l->right[l->nright++] = Q_QDISC_KIND;
	l->right[l->nright++] = Q_QDISC_HANDLE;
	if (is_steered(s))
		l->right[l->nright++] = Q_STEERING;
}

/* The queues that carried something, or all when they are few; with their flows beside them. */
static void busy_queues(struct section *s, struct section *flows)
{
	uint32_t i, n = 0;

	for (i = 0; i < s->nrow; i++) {
		const void *rec = s->row[i];

		if (s->total > QUEUES_TEXT && !rec_raw(s->layout, rec, Q_PACKETS) && !flows[i].nrow)
			continue;
		flows[n] = flows[i];
		((void **)s->row)[n++] = s->row[i];
	}
	s->nrow = n;
}

static void text_queues(const struct queues_text *qt, const struct report *rep, struct section *s, struct buf *b)
{
	struct device_list d = { .qt = qt, .rep = rep, .flows = s->sub->of };
	struct barlist list = { .after = flows_of_queue, .arg = &d };
	void **fit;
	uint32_t i, n = 0;

	busy_queues(s, (struct section *)s->sub->of);
	for (i = 0; i < s->nrow; i++) {
		d.flow.full = MAX(d.flow.full, rec_raw(s->layout, s->row[i], Q_BYTES));
		n += d.flows[i].nrow;
	}
	/* Columns are as wide as the flows of all queues of the device need. */
	d.flow.fit = fit = malloc((n + 1) * sizeof(*fit));
	for (i = 0; fit && i < s->nrow; i++) {
		memcpy(fit + d.flow.nfit, d.flows[i].row, d.flows[i].nrow * sizeof(*fit));
		d.flow.nfit += d.flows[i].nrow;
	}
	queue_list(qt, s, &list);
	flow_list(qt, &d.flow);
	d.flow.indent = 2;
	d.flow.no_head = true;
	if (!s->nsub)
		list.after = NULL;
	list.full = d.flow.full;
	if (d.flow.nfit)
		barlist_align(&qt->look->screen, s, &list, d.flows, &d.flow, d.flow.nleft, rep->procs);
	s->total = s->nrow; /* idle ones are told below */
	barlist_text(b, &qt->look->screen, s, &list, rep->procs);
	free(fit);
}

/* Classes, and qdiscs that are not simply a queue's own, as a tree. Columns that say nothing are left out. */
static void text_tree(const struct queues_text *qt, const struct section *s, struct buf *b)
{
	static const uint8_t usual[] = { T_NAME, T_BYTES, T_PACKETS, T_DROPS };
	static const uint8_t when[] = { T_OVERLIMITS, T_REQUEUES, T_BACKLOG, T_QLEN, T_LIMIT_RATE, T_CEIL };
	uint8_t col[sizeof(usual) + sizeof(when)];
	unsigned ncol = sizeof(usual), k;
	struct rowfmt *rf;

	if (!says(s, T_CLASS) || !(rf = malloc(sizeof(*rf))))
		return;
	memcpy(col, usual, sizeof(usual));
	for (k = 0; k < sizeof(when); k++)
		if (says(s, when[k]))
			col[ncol++] = when[k];
	rowfmt_init(rf, ROW_TABLE, s->layout, col, ncol, NULL, &qt->look->screen);
	rowfmt_fit(rf, s->row, s->nrow);
	rowfmt_head(b, rf);
	rowfmt_rows(rf, b, s->row, s->nrow);
	free(rf);
}

static void text_groups(const struct queues_text *qt, const struct report *rep, struct buf *b)
{
	struct barlist list = { .value = F_BYTES, .right = { F_FLOWS, F_GROUP }, .nright = 2 };

	if (qt->opts->drops)
		list.left[list.nleft++] = F_DROPS;
	list.left[list.nleft++] = F_PACKETS;
	list.left[list.nleft++] = F_BYTES;
	buf_str(b, "\nper group: bar = bytes\n");
	barlist_text(b, &qt->look->screen, &rep->section[1], &list, rep->procs);
}

static uint64_t device_bytes(const struct layout *l, const void *rec)
{
	return rec_raw(l, rec, D_TX_BYTES) + (rec_has(rec, D_RX_BYTES) ? rec_raw(l, rec, D_RX_BYTES) : 0);
}

/* The next of the devices that were not shown yet: that with the most traffic; ndev: none is left that had any. */
static uint32_t next_device(const struct queues_text *qt, const bool *done)
{
	const struct queues *q = qt->queues;
	uint64_t most = 0;
	uint32_t d, best = q->ndev;

	for (d = 0; d < q->ndev; d++) {
		uint64_t bytes = device_bytes(&q->dev_layout, q->dev_row[d]);

		if (done[d] || (!bytes && !qt->look->filter.n) || (best != q->ndev && bytes <= most))
			continue;
		best = d;
		most = bytes;
	}
	return best;
}

void queues_text(const struct queues_text *qt, const struct report *rep, struct buf *b)
{
	const struct queues *q = qt->queues;
	bool *done = calloc(q->ndev + 1, sizeof(*done));
	uint32_t d, idle = q->ndev;

	text_top(qt, rep, b);
	if (qt->look->group != GROUP_NONE && rep->section[1].nrow)
		text_groups(qt, rep, b);
	while (done && (d = next_device(qt, done)) < q->ndev) {
		done[d] = true;
		idle--;
		text_device(qt, q->dev_row[d], b);
		text_queues(qt, rep, &q->queue_section[d], b);
		text_tree(qt, &q->qdisc_section[d], b);
	}
	free(done);
	if (idle)
		buf_printf(b, "\n%u %s idle\n", idle, idle == 1 ? "device was" : "devices were");
}
