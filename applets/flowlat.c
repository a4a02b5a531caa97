// SPDX-License-Identifier: GPL-2.0-or-later
/* flowlat: how far away the host's flows are, and what holds them up. */
//applet: flowlat round-trip times of flows, by process
//config:config FLOWLAT
//config:	bool "flowlat (5 KB)"
//config:	default y
//config:	help
//config:	  Shows the round-trip time of every TCP flow with its distribution, and
//config:	  what tcp_info tells about loss, windows and rates, by process.

#include <errno.h>
#include <stdlib.h>

#include "app/arrange.h"
#include "app/flows.h"
#include "app/run.h"
#include "app/sampling.h"
#include "core/util.h"
#include "model/strings.h"
#include "view/barlist.h"

struct flowlat {
	struct look look; /* first: look_opts fill it */
	uint32_t bins;
	int scale, method;
	const char *thresh;
	bool vol;

	uint64_t threshold[BARLIST_THRESHOLDS];
	unsigned nthreshold;
	struct columns cols;

	/* the sample */
	struct flows flows;
	struct flows_want want;
	struct sampling sampling;
	struct arranged arranged;
	struct hist_bin bin[64];
};

#define O(member) offsetof(struct flowlat, member)
#define BINS_MAX 64

static const struct opt flowlat_opts[] = {
	{ 0, OPT_UINT, O(bins), "bins", "N", HELP("bins of the distribution (10)"), 1, BINS_MAX },
	{ 0, OPT_LIST, O(scale), "scale", "log|lin", HELP("bins of equal ratio or of equal width"), 0, 0 },
	{ 0, OPT_TEXT, O(thresh), "thresh", "A,B,C", HELP("colours and marks from these RTTs on (ms, or with a unit)"), 0, 0 },
	{ 0, OPT_FLAG, O(vol), "vol", NULL, HELP("bandwidth-delay product, segments and bytes instead"), 0, 0 },
#if IS_ENABLED(CONFIG_INTERVAL)
	{ 0, OPT_LIST, O(method), "source", "auto|bpf|poll", HELP("how -i samples: in the kernel, or by asking again"), 0, 0 },
#endif
	{ 0 }
};

static const struct opt *const flowlat_tables[] = { look_opts, flowlat_opts, NULL };

/* What each view shows; the same names work with --cols, -s and in filters. */
static const uint8_t cols_usual[] = { F_RTT, F_MIN_RTT, F_SRC, F_SPORT, F_DST, F_DPORT, F_PROCS };
static const uint8_t cols_vol[] = { F_CWND_BYTES, F_BDP, F_SEGS_OUT, F_SEGS_IN, F_BYTES_SENT, F_BYTES_RECEIVED,
				    F_SRC, F_SPORT, F_DST, F_DPORT, F_PROCS };
static const uint8_t cols_group[] = { F_GROUP, F_FLOWS, F_RTT, F_MIN_RTT, F_RETRANS, F_BYTES_SENT, F_BYTES_RECEIVED };
static const uint8_t cols_sampled[] = { F_SAMPLES, F_AMBIGUOUS, F_RTT_P50, F_RTT_P90, F_RTT_P99, F_RTT_MAX };

static int choose_columns(struct flowlat *fl, struct err *e)
{
	struct look *l = &fl->look;
	struct columns *c = &fl->cols;
	bool machine = l->json || l->jsonl || l->words;

	c->n = 0;
	if (l->group != GROUP_NONE)
		columns_add(c, cols_group, sizeof(cols_group));
	else if (machine)
		columns_add_all(c, l);
	else if (fl->vol)
		columns_add(c, cols_vol, sizeof(cols_vol));
	else
		columns_add(c, cols_usual, sizeof(cols_usual));
	if (l->interval_ns && !machine && !fl->vol)
		columns_add(c, cols_sampled, sizeof(cols_sampled));
	return columns_settle(c, l, e);
}

/* "10,50,100": milliseconds as in the seed, or times with a unit. */
static int parse_thresholds(struct flowlat *fl, struct err *e)
{
	const char *p = fl->thresh;

	while (p) {
		size_t len = strcspn(p, ",");
		uint64_t ns, last = fl->nthreshold ? fl->threshold[fl->nthreshold - 1] : 0;

		if (fl->nthreshold == BARLIST_THRESHOLDS || !parse_time(p, len, NSEC_PER_MSEC, &ns) || ns <= last)
			return err_set(e, EINVAL, "--thresh: expected up to three growing RTTs such as 10,50,100 or 500us,2ms, not '%s'",
				       fl->thresh);
		fl->threshold[fl->nthreshold++] = ns;
		p = p[len] ? p + len + 1 : NULL;
	}
	return 0;
}

static bool can_stream(const struct flowlat *fl)
{
	const struct look *l = &fl->look;

	return IS_ENABLED(CONFIG_STREAM) && (l->words || l->json || l->jsonl) && l->sort_none && !l->interval_ns && l->group == GROUP_NONE && !l->out && !l->resolve &&
	       (!l->rows || l->rows == ROWS_DEFAULT) && !flows_wants_source(&fl->want.fields, FLOW_SRC_ITER);
}

static void add_section(struct report *rep, enum section_kind kind, const char *key, const struct hist *h)
{
	struct section *s = &rep->section[rep->nsection++];

	s->kind = kind;
	s->key = key;
	s->hist = h;
}

static void add_distribution(struct flowlat *fl, struct report *rep)
{
	const struct hist *h = sampling_done(&fl->sampling) ? &fl->sampling.set.all : &fl->flows.rtt;

	add_section(rep, SECTION_QUANTILES, "rtt_quantiles", h);
	add_section(rep, SECTION_HIST, "rtt_histogram", h);
	rep->section[rep->nsection - 1].bin = fl->bin;
	rep->section[rep->nsection - 1].nbin = hist_bins(h, fl->bin, fl->bins, !fl->scale);
}

static int sample(void *ctx, struct report *rep, struct err *e)
{
	struct flowlat *fl = ctx;
	struct section *s = &rep->section[0];
	int r = 0;

	memset(&fl->want, 0, sizeof(fl->want));
	fl->want.look = &fl->look;
	columns_want(&fl->cols, &fl->look, &fl->want.fields);
	if (IS_ENABLED(CONFIG_INTERVAL) && fl->look.interval_ns)
		r = sampling_take(&fl->sampling, (enum rtt_method)fl->method, &fl->want, rep, e);
	if (r)
		return r;
	flows_layout(&fl->flows, &fl->want);
	add_section(rep, SECTION_ROWS, "flows", NULL);
	s->layout = &fl->flows.layout;
	s->col = fl->cols.col;
	s->ncol = fl->cols.n;
	if (can_stream(fl)) {
		rep->procs = &fl->flows.procs;
		return 0;
	}
	r = flows_collect(&fl->flows, &fl->want, rep, e);
	if (!r)
		r = arrange_rows(&fl->arranged, &fl->flows, &fl->want, rep, s, e);
	if (!r)
		add_distribution(fl, rep);
	return r;
}

static int stream(void *ctx, const struct rowfmt *rf, struct report *rep, struct err *e)
{
	struct flowlat *fl = ctx;
	int r = flows_stream(&fl->flows, &fl->want, rf, 1, rep, e);

	rep->section[0].total = fl->flows.nrow;
	if (!r)
		add_distribution(fl, rep);
	return r;
}

static void release(void *ctx)
{
	struct flowlat *fl = ctx;

	flows_free(&fl->flows);
	if (IS_ENABLED(CONFIG_INTERVAL))
		sampling_release(&fl->sampling);
	arrange_free(&fl->arranged);
}

static void text_top(const struct flowlat *fl, const struct report *rep, struct buf *b)
{
	static const struct {
		const char *name;
		uint16_t permyriad;
	} q[] = { { "p50", 5000 }, { "p90", 9000 }, { "p99", 9900 } };
	const struct hist *h = sampling_done(&fl->sampling) ? &fl->sampling.set.all : &fl->flows.rtt;
	char t[32];
	uint64_t v;
	unsigned i;

	buf_u64(b, fl->flows.nrow);
	buf_str(b, fl->flows.nrow == 1 ? " flow" : " flows");
	if (sampling_done(&fl->sampling)) {
		buf_str(b, ", ");
		buf_u64(b, h->total);
		buf_str(b, fl->sampling.set.source && !strcmp(fl->sampling.set.source, "tcp_probe") ? " RTT samples in " : " changes of srtt in ");
		buf_add(b, t, fmt_ns(t, rep->interval_ns));
	}
	if (h->total) {
		buf_str(b, sampling_done(&fl->sampling) ? "\nrtt" : "; srtt");
		for (i = 0; i < ARRAY_SIZE(q); i++) {
			if (!hist_quantile(h, q[i].permyriad, &v))
				continue;
			buf_ch(b, ' ');
			buf_str(b, q[i].name);
			buf_ch(b, ' ');
			buf_add(b, t, fmt_ns(t, v));
		}
		buf_str(b, " max ");
		buf_add(b, t, fmt_ns(t, h->max));
	}
	buf_ch(b, '\n');
}

static void text_rows(const struct flowlat *fl, const struct report *rep, struct buf *b)
{
	static const uint8_t ends[] = { F_SRC, F_SPORT, F_DST, F_DPORT };
	struct barlist list = { .value = F_RTT, .inner = F_MIN_RTT, .has_inner = true, .nthreshold = fl->nthreshold };
	bool grouped = IS_ENABLED(CONFIG_GROUPS) && fl->look.group != GROUP_NONE;

	memcpy(list.threshold, fl->threshold, sizeof(list.threshold));
	if (fl->vol && !grouped) {
		list.value = F_CWND_BYTES;
		list.has_inner = false;
		list.nthreshold = 0;
		list.nleft = 6;
		memcpy(list.left, cols_vol, 6);
	} else if (sampling_done(&fl->sampling) && !grouped) {
		static const uint8_t left[] = { F_SAMPLES, F_RTT_P50, F_RTT_P99 };

		list.value = F_RTT_P99;
		list.inner = F_RTT_P50;
		list.nleft = sizeof(left);
		memcpy(list.left, left, sizeof(left));
	} else {
		list.left[0] = F_RTT;
		list.left[1] = F_MIN_RTT;
		list.nleft = 2;
	}
	if (fl->look.netns)
		list.right[list.nright++] = F_NETNS;
	if (grouped) {
		list.right[list.nright++] = F_FLOWS;
		list.right[list.nright++] = F_GROUP;
	} else {
		memcpy(list.right + list.nright, ends, sizeof(ends));
		list.nright += sizeof(ends);
	}
	if (rep->section[0].layout->slot[F_DST_NAME].width)
		list.right[list.nright++] = F_DST_NAME;
	if (!grouped)
		list.right[list.nright++] = F_PROCS;
	buf_str(b, fl->vol && !grouped ? "per flow: bar = cwnd x mss (CWNDB); BDP = delivery rate x min rtt\n"
		: grouped ? "per group: bar = mean srtt, dark part = min rtt, the rest is queueing\n"
		: sampling_done(&fl->sampling) ? "per flow: bar = p99 of the samples, dark part = median\n"
			      : "per flow: bar = srtt, dark part = min rtt, the rest is queueing\n");
	barlist_text(b, &fl->look.screen, &rep->section[0], &list, rep->procs);
}

static void text(void *ctx, const struct report *rep, struct buf *b)
{
	const struct flowlat *fl = ctx;
	unsigned i;

	text_top(fl, rep, b);
	for (i = 0; i < rep->nsection && !fl->vol; i++) {
		const struct section *s = &rep->section[i];

		if (s->kind != SECTION_HIST || !s->nbin)
			continue;
		buf_ch(b, '\n');
		histogram_text(b, &fl->look.screen, s->bin, s->nbin,
			       sampling_done(&fl->sampling) ? "distribution of rtt (samples)" : "distribution of srtt (flows)");
	}
	if (!rep->section[0].nrow)
		return;
	buf_ch(b, '\n');
	text_rows(fl, rep, b);
}

/* Live screen: the next thing to sort or group by. */
static void key(void *ctx, int k)
{
	static const uint8_t sorts[] = { F_RTT, F_RTT_P99, F_MIN_RTT, F_RETRANS, F_BYTES_SENT, F_BYTES_RECEIVED };
	struct flowlat *fl = ctx;
	struct look *l = &fl->look;
	unsigned i;

	if (k == 's') {
		for (i = 0; i < sizeof(sorts) && sorts[i] != l->sort_field; i++)
			;
		l->sort_field = sorts[(i + 1) % sizeof(sorts)];
		l->sort_none = false;
	} else if (k == 'g' && IS_ENABLED(CONFIG_GROUPS)) {
		l->group = (l->group + 1) % (GROUP_CGROUP + 1);
		choose_columns(fl, NULL);
	}
}

/* Programs that read JSON sort for themselves: unsorted rows can be printed as they come. */
static const char *default_sort(const struct flowlat *fl)
{
	const struct look *l = &fl->look;

	if ((l->json || l->jsonl || l->words) && l->group == GROUP_NONE)
		return "none";
	if (fl->vol)
		return "cwnd_bytes";
	return l->interval_ns && l->group == GROUP_NONE ? "rtt_p99" : "rtt";
}

static int flowlat_main(const struct applet *self, int argc, char **argv)
{
	static const uint8_t labels[] = { F_GROUP };
	struct flowlat *fl = calloc(1, sizeof(*fl));
	struct run r = {
		.schema = "fleutan/flowlat", .version = 1, .ctx = fl, .sample = sample, .stream = IS_ENABLED(CONFIG_STREAM) ? stream : NULL, .text = text,
		.release = release, .key = key, .label = labels, .nlabel = sizeof(labels),
	};
	struct err e = { 0 };
	int n, status = EXIT_USAGE;

	if (!fl)
		return fail(EXIT_FAILED, "out of memory");
	r.look = &fl->look;
	look_init(&fl->look);
	fl->bins = 10;
	n = opts_parse(self, argc, argv, fl, &e);
	if (n >= 0) {
		/* One label set per group keeps a fleet's metrics bounded. */
		if (fl->look.metrics && fl->look.group == GROUP_NONE)
			fl->look.group = GROUP_PROC;
		n = look_settle(&fl->look, default_sort(fl), (unsigned)n, argv, &e);
	}
	if (!n)
		n = choose_columns(fl, &e);
	if (!n)
		n = parse_thresholds(fl, &e);
	if (!n)
		status = run(&r);
	else if (n == -ECANCELED)
		status = EXIT_ANSWERED;
	else
		fail(EXIT_USAGE, "%s", e.text);
	if (IS_ENABLED(CONFIG_INTERVAL))
		sampling_end(&fl->sampling);
	free(fl);
	strings_free();
	return status;
}

const struct applet applet_flowlat = {
	.name = "flowlat",
	.summary = "round-trip times of flows, by process",
	.main = flowlat_main,
	.opts = flowlat_tables,
	.args = "[FILTER]",
	.example = HELP("flowlat dport 443 and rtt '>' 20ms\nflowlat -g proc\nflowlat -i 5 -p nginx\nflowlat -J | jq .flows[].rtt_ns\n"),
};
