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

static void text(void *ctx, const struct report *rep, struct buf *b)
{
	const struct flowq *fq = ctx;
	const struct queues_text qt = { &fq->look, &fq->opts, &fq->traffic, &fq->queues };

	queues_text(&qt, rep, b);
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
