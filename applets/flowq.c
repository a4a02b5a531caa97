// SPDX-License-Identifier: GPL-2.0-or-later
/* flowq: what flows through which queue of which device, and which of them suffers. */
//applet: flowq packets of flows, by device and queue
//config:config FLOWQ
//config:	bool "flowq (10 KB)"
//config:	depends on PACKETS && LINKS
//config:	default y
//config:	help
//config:	  Counts packets for an interval and shows the load of each device's
//config:	  queues, the flows inside, and what the qdiscs say about themselves.

#include <errno.h>
#include <stdlib.h>

#include "app/arrange.h"
#include "app/queues.h"
#include "app/run.h"
#include "core/util.h"
#include "model/strings.h"
#include "view/barlist.h"

struct flowq {
	struct look look; /* first: look_opts fill it */
	struct traffic_opts opts;
	struct columns cols;

	/* the sample */
	struct traffic traffic;
	struct queues queues;
	struct arranged arranged;
	struct flows rows; /* what arrange_rows() works on: borrowed from traffic */
};

#define O(member) offsetof(struct flowq, member)
#define INTERVAL_DEFAULT (2 * NSEC_PER_SEC)
#define FLOWS_TEXT 5      /* flows shown of each queue, unless -N says otherwise */
#define QUEUES_TEXT 8     /* queues up to which idle ones are shown */

static const struct opt flowq_opts[] = {
	{ 'r', OPT_FLAG, O(opts.rx), "rx", NULL, HELP("receive queues too"), 0, 0 },
#if IS_ENABLED(CONFIG_SRC_QTRACE)
	{ 0, OPT_FLAG, O(opts.sojourn), "sojourn", NULL, HELP("time of each packet in its qdisc"), 0, 0 },
	{ 0, OPT_FLAG, O(opts.drops), "drops", NULL, HELP("drops of each flow, with the kernel's reason"), 0, 0 },
#endif
	{ 0, OPT_FLAG, O(opts.inner), "inner", NULL, HELP("flows inside tunnels instead of the tunnels"), 0, 0 },
	{ 0, OPT_LIST, O(opts.method), "source", "auto|trace|filter|ring", HELP("how packets are counted"), 0, 0 },
	{ 0, OPT_TEXT, O(opts.btf), "btf", "FILE", HELP("the kernel's types, where it does not tell them itself"), 0, 0 },
	{ 0, OPT_UINT, O(opts.entries), "entries", "N", HELP("room for so many flows, each with its queue and CPU"), 1024, 16777216 },
	{ 0 }
};

static const struct opt *const flowq_tables[] = { look_opts, flowq_opts, NULL };

static const uint8_t cols_usual[] = { F_DEV, F_DIR, F_QUEUE, F_BYTES, F_PACKETS, F_SRC, F_SPORT, F_DST, F_DPORT, F_PROCS };
static const uint8_t cols_all[] = {
	F_PROTO, F_SRC, F_SPORT, F_DST, F_DPORT, F_DEV, F_DIR, F_QUEUE, F_VLAN, F_STATE, F_FORWARDED, F_PROCS, F_UID, F_BYTES, F_PACKETS,
	F_RATE, F_DROPS, F_DROP_REASON, F_SOJOURN_P50, F_SOJOURN_P90, F_SOJOURN_P99, F_SOJOURN_MAX, F_SOJOURN_PACKETS, F_IN_DEV, F_OUT_DEV,
	F_OFFLOADED, F_ORIG_SRC, F_ORIG_SPORT, F_ORIG_DST, F_ORIG_DPORT, F_REPLY_SRC, F_REPLY_SPORT, F_REPLY_DST, F_REPLY_DPORT, F_RTT,
	F_MIN_RTT, F_CONG,
};
static const uint8_t cols_group[] = { F_GROUP, F_FLOWS, F_BYTES, F_PACKETS, F_RATE, F_DROPS };
static const uint8_t cols_queue[] = {
	Q_NETNS, Q_DEV, Q_DIR, Q_QUEUE, Q_BYTES, Q_PACKETS, Q_FLOWS, Q_QDISC_DROPS, Q_QDISC_REQUEUES, Q_QDISC_OVERLIMITS, Q_QDISC_BACKLOG,
	Q_QDISC_QLEN, Q_BQL_LIMIT, Q_BQL_INFLIGHT, Q_TX_TIMEOUTS, Q_SOJOURN_P50, Q_SOJOURN_P99,
};
static const uint8_t queue_labels[] = { Q_NETNS, Q_DEV, Q_DIR, Q_QUEUE };

static bool is_machine(const struct look *l)
{
	return l->json || l->jsonl || l->words;
}

static int choose_columns(struct flowq *fq, struct err *e)
{
	static const uint8_t sojourn[] = { F_SOJOURN_P50, F_SOJOURN_P99 }, drops[] = { F_DROPS, F_DROP_REASON };
	struct look *l = &fq->look;
	struct columns *c = &fq->cols;

	c->n = 0;
	if (l->group != GROUP_NONE)
		columns_add(c, cols_group, sizeof(cols_group));
	else if (is_machine(l))
		columns_add(c, cols_all, sizeof(cols_all));
	else
		columns_add(c, cols_usual, sizeof(cols_usual));
	if (l->group == GROUP_NONE && !is_machine(l)) {
		columns_add(c, sojourn, fq->opts.sojourn ? sizeof(sojourn) : 0);
		columns_add(c, drops, fq->opts.drops ? sizeof(drops) : 0);
	}
	return columns_settle(c, l, e);
}

/* The flat list: rows of flows, or groups of them. */
static int flat_section(struct flowq *fq, struct flows_want *w, struct report *rep, struct err *e)
{
	struct section *s = &rep->section[rep->nsection++];

	*s = (struct section){ .kind = SECTION_ROWS, .key = "flows", .col = fq->cols.col, .ncol = fq->cols.n };
	s->no_json = fq->look.group == GROUP_NONE; /* there they stand in their queues */
	s->layout = &fq->traffic.sockets.layout;
	fq->rows = fq->traffic.sockets;
	fq->rows.row = fq->traffic.row;
	fq->rows.nrow = fq->traffic.nrow;
	return arrange_rows(&fq->arranged, &fq->rows, w, rep, s, e);
}

static void metrics_section(struct flowq *fq, struct report *rep)
{
	struct section *s = &rep->section[rep->nsection++];

	*s = (struct section){
		.kind = SECTION_ROWS, .key = "queues", .layout = &fq->queues.queue_layout, .col = cols_queue, .ncol = sizeof(cols_queue),
		.row = fq->queues.queue_row, .label = queue_labels, .nlabel = sizeof(queue_labels),
	};
	for (uint32_t d = 0; d < fq->queues.ndev; d++)
		s->nrow += fq->queues.queue_section[d].nrow;
	s->total = s->nrow;
}

static int sample(void *ctx, struct report *rep, struct err *e)
{
	struct flowq *fq = ctx;
	struct look *l = &fq->look;
	struct flows_want w = { .look = l };
	struct queues_opts o = {
		.rx = fq->opts.rx, .flows = l->group == GROUP_NONE, .flow_col = fq->cols.col, .nflow_col = fq->cols.n,
		.limit = l->rows != ROWS_DEFAULT ? l->rows : is_machine(l) ? 0 : FLOWS_TEXT,
	};
	int r;

	columns_want(&fq->cols, l, &w.fields);
	r = traffic_take(&fq->traffic, &fq->opts, l, &w.fields, rep, e);
	if (r)
		return r;
	rep->section[0].only_json = true;
	r = queues_build(&fq->queues, &fq->traffic, l, &o, &rep->section[0], e);
	rep->section[0].only_json = true;
	rep->nsection = 1;
	if (!r)
		r = flat_section(fq, &w, rep, e);
	if (!r && l->metrics)
		metrics_section(fq, rep);
	return r;
}

static void release(void *ctx)
{
	struct flowq *fq = ctx;

	arrange_free(&fq->arranged);
	queues_free(&fq->queues);
	traffic_release(&fq->traffic);
}

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

static void text_top(const struct flowq *fq, const struct report *rep, struct buf *b)
{
	const struct queues *q = &fq->queues;
	struct buf line = BUF_INIT;
	char t[16];

	buf_add(&line, t, fmt_ns(t, rep->interval_ns));
	buf_str(&line, ": ");
	buf_u64(&line, fq->traffic.nflow);
	buf_str(&line, fq->traffic.nflow == 1 ? " flow" : " flows");
	buf_str(&line, fq->look.filter.n ? " selected; of all, out " : "; out ");
	amount(&line, q->tx_bytes, q->tx_packets, rep->interval_ns);
	if (fq->opts.rx) {
		buf_str(&line, "; in ");
		amount(&line, q->rx_bytes, q->rx_packets, rep->interval_ns);
	}
	if (fq->opts.sojourn && fq->traffic.qtrace)
		buf_printf(&line, "; time in the qdisc known of %llu of %llu packets", (unsigned long long)fq->traffic.qtraced.matched,
			   (unsigned long long)(fq->traffic.qtraced.matched + fq->traffic.qtraced.unmatched));
	buf_ch(&line, 0);
	if (!line.failed)
		text_wrap(b, &fq->look.screen, line.p, 0);
	buf_free(&line);
}

static const char *text_of(const struct layout *l, const void *rec, unsigned f)
{
	return rec_has(rec, f) ? strings_get((uint32_t)rec_raw(l, rec, f)) : "";
}

/* "eth0: physical ixgbe, mtu 1500, 4 transmit queues" and what else is to be said, one line each. */
static void text_device(const struct flowq *fq, const void *rec, struct buf *b)
{
	static const uint8_t sentence[] = { D_BALANCE, D_HIDDEN };
	const struct screen *s = &fq->look.screen;
	const struct layout *l = &fq->queues.dev_layout;
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
	const struct flowq *fq;
	const struct report *rep;
	const struct section *flows; /* beside the queues' rows */
	struct barlist flow;
};

static void flows_of_queue(void *arg, struct buf *b, uint32_t row)
{
	const struct device_list *d = arg;
	const struct section *s = &d->flows[row];

	if (s->nrow)
		barlist_text(b, &d->fq->look.screen, s, &d->flow, d->rep->procs);
}

static void flow_list(const struct flowq *fq, struct barlist *l)
{
	static const uint8_t ends[] = { F_SRC, F_SPORT, F_DST, F_DPORT };
	const struct layout *lay = &fq->traffic.sockets.layout;

	l->value = F_BYTES;
	if (fq->opts.drops)
		l->left[l->nleft++] = F_DROPS;
	if (fq->opts.sojourn) {
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
	if (fq->opts.drops)
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

static void queue_list(const struct flowq *fq, const struct section *s, struct barlist *l)
{
	static const uint8_t when[] = { Q_BQL_LIMIT, Q_BQL_INFLIGHT, Q_QDISC_BACKLOG, Q_QDISC_REQUEUES, Q_QDISC_DROPS, Q_DROPS };
	unsigned i;

	l->left[l->nleft++] = Q_DIR;
	l->left[l->nleft++] = Q_QUEUE;
	for (i = 0; i < sizeof(when); i++)
		if (says(s, when[i]) || (when[i] == Q_DROPS && fq->opts.drops))
			l->left[l->nleft++] = when[i];
	if (fq->opts.sojourn) {
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

static void text_queues(const struct flowq *fq, const struct report *rep, struct section *s, struct buf *b)
{
	struct device_list d = { .fq = fq, .rep = rep, .flows = s->sub->of };
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
	queue_list(fq, s, &list);
	flow_list(fq, &d.flow);
	d.flow.indent = 2;
	d.flow.no_head = true;
	if (!s->nsub)
		list.after = NULL;
	list.full = d.flow.full;
	if (d.flow.nfit)
		barlist_align(&fq->look.screen, s, &list, d.flows, &d.flow, d.flow.nleft, rep->procs);
	s->total = s->nrow; /* idle ones are told below */
	barlist_text(b, &fq->look.screen, s, &list, rep->procs);
	free(fit);
}

/* Classes, and qdiscs that are not simply a queue's own, as a tree. Columns that say nothing are left out. */
static void text_tree(const struct flowq *fq, const struct section *s, struct buf *b)
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
	rowfmt_init(rf, ROW_TABLE, s->layout, col, ncol, NULL, &fq->look.screen);
	rowfmt_fit(rf, s->row, s->nrow);
	rowfmt_head(b, rf);
	rowfmt_rows(rf, b, s->row, s->nrow);
	free(rf);
}

static void text_groups(const struct flowq *fq, const struct report *rep, struct buf *b)
{
	struct barlist list = { .value = F_BYTES, .right = { F_FLOWS, F_GROUP }, .nright = 2 };

	if (fq->opts.drops)
		list.left[list.nleft++] = F_DROPS;
	list.left[list.nleft++] = F_PACKETS;
	list.left[list.nleft++] = F_BYTES;
	buf_str(b, "\nper group: bar = bytes\n");
	barlist_text(b, &fq->look.screen, &rep->section[1], &list, rep->procs);
}

static uint64_t device_bytes(const struct layout *l, const void *rec)
{
	return rec_raw(l, rec, D_TX_BYTES) + (rec_has(rec, D_RX_BYTES) ? rec_raw(l, rec, D_RX_BYTES) : 0);
}

/* The next of the devices that were not shown yet: that with the most traffic; ndev: none is left that had any. */
static uint32_t next_device(const struct flowq *fq, const bool *done)
{
	const struct queues *q = &fq->queues;
	uint64_t most = 0;
	uint32_t d, best = q->ndev;

	for (d = 0; d < q->ndev; d++) {
		uint64_t bytes = device_bytes(&q->dev_layout, q->dev_row[d]);

		if (done[d] || (!bytes && !fq->look.filter.n) || (best != q->ndev && bytes <= most))
			continue;
		best = d;
		most = bytes;
	}
	return best;
}

static void text(void *ctx, const struct report *rep, struct buf *b)
{
	const struct flowq *fq = ctx;
	const struct queues *q = &fq->queues;
	bool *done = calloc(q->ndev + 1, sizeof(*done));
	uint32_t d, idle = q->ndev;

	text_top(fq, rep, b);
	if (fq->look.group != GROUP_NONE && rep->section[1].nrow)
		text_groups(fq, rep, b);
	while (done && (d = next_device(fq, done)) < q->ndev) {
		done[d] = true;
		idle--;
		text_device(fq, q->dev_row[d], b);
		text_queues(fq, rep, &q->queue_section[d], b);
		text_tree(fq, &q->qdisc_section[d], b);
	}
	free(done);
	if (idle)
		buf_printf(b, "\n%u %s idle\n", idle, idle == 1 ? "device was" : "devices were");
}

/* Live screen: the next thing to sort or group by. */
static void key(void *ctx, int k)
{
	static const uint8_t sorts[] = { F_BYTES, F_PACKETS, F_DROPS, F_SOJOURN_P99 };
	struct flowq *fq = ctx;
	struct look *l = &fq->look;
	unsigned i;

	if (k == 's') {
		for (i = 0; i < sizeof(sorts) && sorts[i] != l->sort_field; i++)
			;
		l->sort_field = sorts[(i + 1) % (fq->opts.sojourn ? 4 : fq->opts.drops ? 3 : 2)];
		l->sort_none = false;
	} else if (k == 'g' && IS_ENABLED(CONFIG_GROUPS)) {
		l->group = (l->group + 1) % (GROUP_QUEUE + 1);
		fq->opts.cpu = l->group == GROUP_CPU && fq->traffic.result.by_cpu;
		choose_columns(fq, NULL);
	}
}

static int settle(struct flowq *fq, int n, char **argv, struct err *e)
{
	struct look *l = &fq->look;
	int r;

	if (!l->interval_ns)
		l->interval_ns = INTERVAL_DEFAULT;
	/* One label set per group keeps a fleet's metrics bounded. */
	if (l->metrics && l->group == GROUP_NONE)
		l->group = GROUP_PROC;
	if (fq->opts.btf && is_privileged_start())
		return err_set(e, EPERM, "--btf is refused: started with more rights than yours");
	if (l->raw || l->all_states)
		return err_set(e, EINVAL, "%s selects sockets, and flowq counts packets of all: expected -t, -u or a filter",
			       l->raw ? "--raw" : "-A");
	fq->opts.cpu = l->group == GROUP_CPU;
	if (fq->opts.cpu && (fq->opts.sojourn || fq->opts.drops))
		return err_set(e, EINVAL, "-g cpu: --sojourn and --drops are not told by CPU");
	r = look_settle(l, "bytes", (unsigned)n, argv, e);
	if (!r && l->tcp != l->udp)
		r = filter_and(&l->filter, l->tcp ? "tcp" : "udp", e);
	else if (!r && l->tcp)
		r = filter_and(&l->filter, "tcp or udp", e);
	return r ? r : choose_columns(fq, e);
}

static int flowq_main(const struct applet *self, int argc, char **argv)
{
	static const uint8_t labels[] = { F_GROUP };
	struct flowq *fq = calloc(1, sizeof(*fq));
	struct run r = {
		.schema = "fleutan/flowq", .version = 1, .ctx = fq, .sample = sample, .text = text, .release = release, .key = key,
		.label = labels, .nlabel = sizeof(labels),
	};
	struct err e = { 0 };
	int n, status = EXIT_USAGE;

	if (!fq)
		return fail(EXIT_FAILED, "out of memory");
	r.look = &fq->look;
	look_init(&fq->look);
	fq->look.serves = SERVES(FLOW_SRC_PACKET) | SERVES(FLOW_SRC_DROPS) | SERVES(FLOW_SRC_SOJOURN);
	n = opts_parse(self, argc, argv, fq, &e);
	if (n >= 0)
		n = settle(fq, n, argv, &e);
	if (!n)
		status = run(&r);
	else if (n == -ECANCELED)
		status = EXIT_ANSWERED;
	else
		fail(EXIT_USAGE, "%s", e.text);
	traffic_end(&fq->traffic);
	free(fq);
	strings_free();
	return status;
}

const struct applet applet_flowq = {
	.name = "flowq",
	.summary = "packets of flows, by device and queue",
	.main = flowq_main,
	.opts = flowq_tables,
	.args = "[FILTER]",
	.example = HELP("flowq -i 5\nflowq -r dev eth0 and dport 443\nflowq --sojourn --drops -s sojourn_p99\nflowq -j | jq .devices[].queues[]\n"),
};
