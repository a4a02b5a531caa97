// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packets of an interval as flows: what is asked of which source, and in which order.
 * kbuild: CONFIG_PACKETS
 */
#include "app/traffic.h"

#include <errno.h>
#include <stdlib.h>

#include "app/run.h"
#include "app/spaces.h"
#include "collect/door.h"
#include "core/text.h"
#include "core/util.h"

uint64_t traffic_rate(uint64_t v, uint64_t ns)
{
	uint64_t us = MAX(ns / NSEC_PER_USEC, 1);

	return v < 1ULL << 44 ? v * 1000000 / us : v / us * 1000000;
}

/* Tracing queues costs the packets time: it is for who asks, by option or by naming a field. */
static bool wants(const struct look *l, enum flow_source source, bool option)
{
	return IS_ENABLED(CONFIG_SRC_QTRACE) && (option || flows_wants_source(&l->asked, source));
}

/* Inodes and descriptors of several namespaces; none for the one the thread is in. */
struct space_list {
	uint64_t *inode;
	int *fd;
	uint32_t n;
};

static int list_spaces(struct space_list *s, struct err *e)
{
	uint32_t i, n = spaces_count();

	memset(s, 0, sizeof(*s));
	if (!spaces_many())
		return 0;
	if (n >= PKT_NETNS_MAX)
		return err_set(e, E2BIG, "--netns all: packets of at most %u namespaces can be counted", PKT_NETNS_MAX - 1);
	s->inode = calloc(n, sizeof(*s->inode));
	s->fd = calloc(n, sizeof(*s->fd));
	if (!s->inode || !s->fd)
		return err_set(e, ENOMEM, "out of memory");
	s->n = n;
	for (i = 0; i < n; i++) {
		s->inode[i] = spaces_inode(i);
		s->fd[i] = spaces_fd(i);
	}
	return 0;
}

static void start_qtrace(struct traffic *t, const struct traffic_opts *o, const struct look *l, const struct space_list *s)
{
	struct qtrace_opts q = {
		.sojourn = wants(l, FLOW_SRC_SOJOURN, o->sojourn), .drops = wants(l, FLOW_SRC_DROPS, o->drops),
		.inner = o->inner, .stats = l->verbose, .netns = s->inode, .nnetns = s->n,
	};
	struct err e = { 0 };

	if ((q.sojourn || q.drops) && IS_ENABLED(CONFIG_SRC_QTRACE) && qtrace_start(&t->qtrace, &q, &e))
		memcpy(t->qtrace_why, e.text, sizeof(t->qtrace_why) - 1);
}

static int expect_busy(const struct traffic *t, const struct links *l, struct err *e)
{
	uint32_t i;

	for (i = 0; i < l->nlink; i++)
		if (link_may_be_busy(l, &l->link[i]))
			return pkt_expect_busy(t->source, e);
	return 0;
}

/* Before anything is counted: which hooks that takes. */
static int look_at_drivers(void *arg, uint32_t i, struct err *e)
{
	struct links l = { 0 };
	int r = links_collect(&l, false, e);

	(void)i;
	if (!r)
		r = expect_busy(arg, &l, e);
	links_free(&l);
	return r;
}

static int start(struct traffic *t, const struct traffic_opts *o, const struct look *l, struct err *e)
{
	struct pkt_opts p = {
		.method = (enum pkt_method)o->method, .split = o->cpu ? PKT_BY_CPU : PKT_BY_QUEUE, .btf = o->btf, .max_entries = o->entries,
		.count = l->watch ? 0 : l->count, .rx = o->rx, .tx = true, .inner = o->inner, .stats = l->verbose,
	};
	struct space_list s;
	int r = list_spaces(&s, e);

	t->space = calloc(spaces_count(), sizeof(*t->space));
	t->nspace = t->space ? spaces_count() : 0;
	if (!r && !t->space)
		r = err_set(e, ENOMEM, "out of memory");
	p.netns = s.inode;
	p.netns_fd = s.fd;
	p.nnetns = s.n;
	if (!r)
		r = pkt_start(&t->source, &p, t->why, sizeof(t->why), e);
	if (!r)
		r = spaces_each(look_at_drivers, t, e);
	if (!r)
		start_qtrace(t, o, l, &s);
	free(s.inode);
	free(s.fd);
	return r;
}

static int look_before(void *arg, uint32_t i, struct err *e)
{
	struct traffic *t = arg;

	t->space[i].name = spaces_name_of(i);
	return links_collect(&t->space[i].before, true, e);
}

static int cut_qtrace(struct traffic *t, struct err *e)
{
	return IS_ENABLED(CONFIG_SRC_QTRACE) && t->qtrace ? qtrace_cut(t->qtrace, e) : 0;
}

/* What was seen while other things were prepared is not of the interval, for all counters alike. */
static int begin(struct traffic *t, struct err *e)
{
	int r = pkt_begin(t->source, e);

	if (!r)
		r = cut_qtrace(t, e);
	t->begun = now_ns();
	if (!r)
		r = spaces_each(look_before, t, e);
	if (!r)
		r = pkt_settle(t->source, e);
	if (!r && IS_ENABLED(CONFIG_SRC_QTRACE) && t->qtrace)
		r = qtrace_read(t->qtrace, NULL, NULL, NULL, &t->qtraced, e);
	return r;
}

static int look_after(void *arg, uint32_t i, struct err *e)
{
	struct traffic *t = arg;
	struct traffic_space *s = &t->space[i];
	struct links next = { 0 };
	int r = links_collect(&s->links, true, e);

	if (!r)
		r = expect_busy(t, &s->links, e); /* a device may have come, or a qdisc */
	/* Devices as they stand now are the next interval's beginning. */
	if (!r && t->goes_on && links_copy(&next, &s->links))
		r = err_set(e, ENOMEM, "out of memory");
	links_subtract(&s->links, &s->before);
	links_free(&s->before);
	s->before = next;
	/* Most hosts have no connection tracking, and need none. */
	s->ct_known = IS_ENABLED(CONFIG_CONNTRACK) && !conntrack_collect(&s->ct, CONFIG_MAX_FLOWS, &t->ct_why);
	return r;
}

/* What connection tracking tells, and what it says passes by unseen. */
static void note_conntrack(const struct traffic *t, struct report *rep)
{
	uint32_t s, i, known = 0, hidden = 0;
	char why[160] = "";

	for (s = 0; s < t->nspace; s++) {
		known += t->space[s].ct_known;
		rep->incomplete |= t->space[s].ct.incomplete;
		for (i = 0; i < t->space[s].ct.n; i++)
			hidden += t->space[s].ct.flow[i].hw_offloaded;
	}
	if (hidden)
		fmt_text(why, sizeof(why), "%u connections are offloaded to hardware: their packets are not seen here", hidden);
	if (IS_ENABLED(CONFIG_CONNTRACK))
		report_source(rep, "conntrack", known ? SOURCE_USED : SOURCE_UNUSED, known ? why : t->ct_why.text);
}

struct reading {
	struct traffic *t;
	bool cpu, rx;
};

static int one_count(void *arg, const struct pkt_key *key, const struct pkt_count *n)
{
	struct reading *rd = arg;
	struct traffic *t = rd->t;
	const struct layout *l = &t->sockets.layout;
	uint32_t i;
	void *row;

	if (!rd->rx && !PKT_GET(PKT_WHAT_TX, key->what))
		return 0; /* a recording has more than is asked for now */
	i = traffic_row(t, key, rd->cpu);
	if (i == TRAFFIC_NO_ROW)
		return t->failed ? -1 : 0;
	row = table_at(&t->table, i);
	rec_set(l, row, F_BYTES, rec_raw(l, row, F_BYTES) + n->bytes);
	rec_set(l, row, F_PACKETS, rec_raw(l, row, F_PACKETS) + n->packets);
	return 0;
}

#if IS_ENABLED(CONFIG_SRC_QTRACE)
static void one_sojourn(void *arg, const struct pkt_key *key, uint32_t bucket, uint64_t packets)
{
	struct reading *rd = arg;
	/* A flow that found no room has no row: its packets are told as lost. */
	uint32_t i = traffic_find(rd->t, key);

	if (i != TRAFFIC_NO_ROW)
		hist_add_bucket(&rd->t->sojourn[i], bucket, packets);
}

static void one_drop(void *arg, const struct pkt_key *key, uint32_t reason, const struct pkt_count *n)
{
	struct reading *rd = arg;
	struct traffic *t = rd->t;
	uint32_t i = traffic_row(t, key, false);
	const struct layout *l = &t->sockets.layout;
	void *row;

	if (i == TRAFFIC_NO_ROW)
		return;
	row = table_at(&t->table, i);
	rec_set(l, row, F_DROPS, (rec_has(row, F_DROPS) ? rec_raw(l, row, F_DROPS) : 0) + n->packets);
	if (n->packets < t->meta[i].reason_count)
		return;
	t->meta[i].reason_count = (uint32_t)MIN(n->packets, UINT32_MAX);
	t->meta[i].reason = reason;
}

/* Quantiles and counts into the rows: a flow without a drop had none. */
static void fill_traced(struct traffic *t, bool sojourn, bool drops)
{
	static const struct {
		uint8_t field;
		uint16_t permyriad;
	} q[] = { { F_SOJOURN_P50, 5000 }, { F_SOJOURN_P90, 9000 }, { F_SOJOURN_P99, 9900 } };
	const struct layout *l = &t->sockets.layout;
	uint32_t i, k, reason;
	uint64_t v;

	for (i = 0; i < t->table.n; i++) {
		void *row = table_at(&t->table, i);
		const struct hist *h = &t->sojourn[i];

		for (k = 0; sojourn && k < ARRAY_SIZE(q); k++)
			if (hist_quantile(h, q[k].permyriad, &v))
				rec_set(l, row, q[k].field, v);
		if (sojourn && h->total) {
			rec_set(l, row, F_SOJOURN_MAX, h->max);
			rec_set(l, row, F_SOJOURN_PACKETS, h->total);
		}
		if (drops && !rec_has(row, F_DROPS))
			rec_set(l, row, F_DROPS, 0);
		reason = t->meta[i].reason_count ? qtrace_reason(t->qtrace, t->meta[i].reason) : 0;
		if (reason)
			rec_set(l, row, F_DROP_REASON, reason);
	}
}

static int read_qtrace(struct traffic *t, struct reading *rd, bool sojourn, bool drops, struct report *rep, struct err *e)
{
	char why[160] = "";
	uint64_t seen;
	int r;

	if (!sojourn && !drops)
		return 0;
	if (!t->qtrace) {
		report_source(rep, "qdisc_trace", SOURCE_UNAVAILABLE, t->qtrace_why);
		rep->unserved = true;
		return 0;
	}
	r = qtrace_read(t->qtrace, one_sojourn, one_drop, rd, &t->qtraced, e);
	if (r)
		return r;
	fill_traced(t, sojourn, drops);
	seen = t->qtraced.matched + t->qtraced.unmatched;
	if (sojourn)
		fmt_text(why, sizeof(why), "time in the qdisc known of %llu of %llu packets", (unsigned long long)t->qtraced.matched,
			 (unsigned long long)seen);
	if (drops && !t->qtraced.reasons)
		fmt_text(why + strlen(why), sizeof(why) - strlen(why), "%sthis kernel gives no reasons for drops", *why ? "; " : "");
	report_source(rep, "qdisc_trace", SOURCE_USED, why);
	rep->lost_records += t->qtraced.lost + t->qtraced.drops_lost;
	rep->kernel_runs += t->qtraced.runs;
	rep->kernel_ns += t->qtraced.run_ns;
	return 0;
}
#endif

static int read_counts(struct traffic *t, const struct traffic_opts *o, struct reading *rd, struct report *rep, struct err *e)
{
	int r = pkt_read(t->source, one_count, rd, &t->result, e);

	if (t->failed)
		return err_set(e, ENOMEM, "out of memory");
	if (r)
		return r;
	/* "tracing: no BTF; socket filter: not allowed" */
	if (*t->why)
		report_source(rep, "tracing", SOURCE_UNAVAILABLE, t->why + (strncmp(t->why, "tracing: ", 9) ? 0 : 9));
	report_source(rep, t->result.source, SOURCE_USED, NULL);
	/* Who hands over a BTF file wants tracing. */
	rep->unserved |= o->btf && *t->why;
	rep->lost_records += t->result.lost_packets;
	rep->evicted_flows += t->result.lost_flows;
	rep->kernel_runs += t->result.runs;
	rep->kernel_ns += t->result.run_ns;
	return 0;
}

/* All sockets, whatever is selected in the end: what a row's socket says may be what the filter asks about. */
static void ask_for_all(struct traffic *t, const struct look *l, const struct fieldset *fields, struct flows_want *w)
{
	struct look *all = &t->all;

	*all = *l;
	all->filter.n = 0;
	memset(&all->filter.reads, 0, sizeof(all->filter.reads));
	all->tcp = all->udp = all->all_states = all->sort_none = true;
	all->raw = false;
	*w = (struct flows_want){ .look = all, .fields = *fields };
	flows_layout(&t->sockets, w);
}

/* Rows beside those of the kernel's table: what is in its slots, and flows all of whose packets were dropped. */
#define ROWS_MORE (3 * 65536)

static int step(void *arg, uint64_t until, struct err *e)
{
	struct traffic *t = arg;

	return pkt_wait(t->source, until, e);
}

/* What every row has, and what is asked about it. */
static void all_fields(struct fieldset *f, const struct look *l, const struct fieldset *shown, bool cpu)
{
	static const uint8_t always[] = {
		F_PROTO, F_SRC, F_SPORT, F_DST, F_DPORT, F_DEV, F_DIR, F_QUEUE, F_VLAN, F_BYTES, F_PACKETS, F_RATE, F_FORWARDED,
		F_FLOWS,
	};
	unsigned i;

	*f = *shown;
	for (i = 0; i < HAVE_WORDS; i++)
		f->w[i] |= l->filter.reads.w[i];
	for (i = 0; i < sizeof(always); i++)
		fieldset_add(f, always[i]);
	if (cpu)
		fieldset_add(f, F_CPU);
	if (!l->sort_none)
		fieldset_add(f, l->sort_field);
	if (IS_ENABLED(CONFIG_GROUPS))
		group_reads((enum group_by)l->group, true, f);
	if (fieldset_has(f, F_PROCS))
		fieldset_add(f, F_INODE);
	if (spaces_many())
		fieldset_add(f, F_NETNS);
}

int traffic_take(struct traffic *t, const struct traffic_opts *o, const struct look *l, const struct fieldset *shown,
		 struct report *rep, struct err *e)
{
	struct reading rd = { .t = t, .cpu = o->cpu, .rx = o->rx };
	struct fieldset fields;
	struct flows_want w;
	uint64_t ended;
	int r = 0;

	t->goes_on = l->watch || l->count != 1;
	if (!t->source) {
		r = start(t, o, l, e);
		if (!r)
			r = begin(t, e);
	}
	if (!r)
		r = run_wait(l, t->begun + l->interval_ns, step, t, e);
	if (!r)
		r = pkt_cut(t->source, e);
	if (!r)
		r = cut_qtrace(t, e);
	if (r)
		return r;
	/* A signal or a key ends the interval early: what is shown is of the time that passed. */
	ended = now_ns();
	rep->interval_ns = door_number("interval_ns", door_replaying() ? l->interval_ns : ended - t->begun);
	t->interval_ns = rep->interval_ns;
	t->begun = ended;
	all_fields(&fields, l, shown, o->cpu);
	r = spaces_each(look_after, t, e);
	if (r)
		return r;
	note_conntrack(t, rep);
	ask_for_all(t, l, &fields, &w);
	table_init(&t->table, &t->sockets.layout, (o->entries ? o->entries : CONFIG_PKT_ENTRIES) + ROWS_MORE);
	r = read_counts(t, o, &rd, rep, e);
#if IS_ENABLED(CONFIG_SRC_QTRACE)
	if (!r)
		r = read_qtrace(t, &rd, wants(l, FLOW_SRC_SOJOURN, o->sojourn), wants(l, FLOW_SRC_DROPS, o->drops), rep, e);
#endif
	if (!r)
		r = flows_collect(&t->sockets, &w, rep, e);
	return r ? r : traffic_join(t, l, rep, e);
}

void traffic_release(struct traffic *t)
{
	uint32_t i;

	traffic_rows_free(t);
	flows_free(&t->sockets);
	pkt_result_free(&t->result);
	for (i = 0; i < t->nspace; i++) {
		links_free(&t->space[i].links);
		if (IS_ENABLED(CONFIG_CONNTRACK))
			conntrack_free(&t->space[i].ct);
	}
	t->nflow = 0;
}

void traffic_end(struct traffic *t)
{
	uint32_t i;

	pkt_stop(t->source);
	if (IS_ENABLED(CONFIG_SRC_QTRACE))
		qtrace_stop(t->qtrace);
	for (i = 0; i < t->nspace; i++)
		links_free(&t->space[i].before);
	free(t->space);
	memset(t, 0, sizeof(*t));
}
