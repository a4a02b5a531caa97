/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets joined with processes and samples, kept in a table. */
#include <errno.h>
#include <stdlib.h>

#include "app/flows_priv.h"
#include "model/sort.h"

/* Kernel states: 1 established, 2 syn-sent, 4 and 5 fin-wait, 7 close, 8 close-wait, 9 last-ack, 10 listen, 11 closing. */
#define STATES_CONNECTED (1u << 1 | 1u << 2 | 1u << 4 | 1u << 5 | 1u << 8 | 1u << 9 | 1u << 11)
#define STATES_ALL 0x1ffeu
#define STATE_CLOSE 7

void flows_query(struct sock_query *q, const struct look *l)
{
	memset(q, 0, sizeof(*q));
	q->families = SOCK_FAMILY_4 | SOCK_FAMILY_6;
	q->protos = (l->tcp ? SOCK_PROTO_TCP : 0) | (l->udp ? SOCK_PROTO_UDP : 0) | (l->raw ? SOCK_PROTO_RAW : 0);
	if (!q->protos)
		q->protos = fieldset_has(&l->filter.reads, F_PROTO) ? SOCK_PROTO_TCP | SOCK_PROTO_UDP | SOCK_PROTO_RAW
								    : SOCK_PROTO_TCP;
	/* A filter that asks about states is about all of them; a UDP socket without a peer is "closed" to the kernel. */
	q->states = STATES_CONNECTED;
	if (l->all_states || fieldset_has(&l->filter.reads, F_STATE))
		q->states = STATES_ALL;
	else if (q->protos != SOCK_PROTO_TCP)
		q->states |= 1u << STATE_CLOSE;
	q->filter = l->filter.n ? &l->filter : NULL;
}

void flows_layout(struct flows *fl, const struct flows_want *w)
{
	const struct look *l = w->look;
	struct fieldset want = w->fields;
	unsigned i;

	if (!w->is_before) {
		for (i = 0; i < HAVE_WORDS; i++)
			want.w[i] |= l->filter.reads.w[i];
		if (!l->sort_none)
			fieldset_add(&want, l->sort_field);
		if (IS_ENABLED(CONFIG_GROUPS))
			group_reads((enum group_by)l->group, l->serves & SERVES(FLOW_SRC_PACKET), &want);
	}
	flow_derive_wants(&want);
	/* The distribution at the top of every view; the inode joins processes, the cookie samples and iterators. */
	fieldset_add(&want, F_RTT);
	if (fieldset_has(&want, F_PROCS))
		fieldset_add(&want, F_INODE);
	if (w->rtt || w->before || flows_wants_source(&want, FLOW_SRC_ITER))
		fieldset_add(&want, F_COOKIE);
	sockdiag_layout(&fl->layout, &want);
}

bool flows_wants_source(const struct fieldset *want, enum flow_source source)
{
	unsigned f;

	for (f = 0; f < F_COUNT; f++)
		if (fieldset_has(want, f) && flow_field_source(f) == source)
			return true;
	return false;
}

bool flows_want_procs(const struct flows *fl, const struct look *l)
{
	return l->procs != PROCS_NO && fieldset_has(&fl->layout.want, F_PROCS);
}

void flows_inodes_add(struct flows_inodes *in, const struct layout *l, const void *rec)
{
	uint64_t v;

	if (!rec_get(l, rec, F_INODE, &v) || !v)
		return;
	if (in->n == in->cap) {
		uint32_t cap = in->cap ? in->cap * 2 : 64;
		uint32_t *p = realloc(in->v, cap * sizeof(*p));

		if (!p) {
			in->failed = true;
			return;
		}
		in->v = p;
		in->cap = cap;
	}
	in->v[in->n++] = (uint32_t)v;
}

int flows_find_procs(struct flows *fl, const struct look *l, uint64_t sockets, struct flows_inodes *in,
		     struct report *rep, struct err *e)
{
	struct process_want want = {
		.method = l->procs == PROCS_BPF ? PROCESS_BPF : l->procs == PROCS_PROC ? PROCESS_PROC : PROCESS_AUTO,
		.sockets = sockets,
		.exe = true,
		.cgroup = l->group == GROUP_CGROUP || fieldset_has(&fl->layout.want, F_CGROUP),
		.args = l->cmdline,
	};
	const char *used = NULL;
	char why[160] = "";
	int r;

	if (in && !in->failed && !in->n) {
		/* No socket has an inode: there is nothing to look for. */
		fl->procs.complete = true;
		fl->procs_known = !procset_seal(&fl->procs);
		return 0;
	}
	if (in && !in->failed && sort_u32(in->v, in->n)) {
		want.inode = in->v;
		want.ninode = in->n;
	}
	r = process_collect(&fl->procs, &want, &used, why, sizeof(why), e);

	if (r) {
		report_source(rep, "proc", SOURCE_UNAVAILABLE, e->text);
		return r;
	}
	fl->procs_known = true;
	report_source(rep, used, SOURCE_USED, why);
	return 0;
}

/* Everything about one record that does not come from the socket itself. */
void flows_complete(const struct flows *fl, const struct flows_want *w, void *rec)
{
	const struct layout *l = &fl->layout;
	uint64_t cookie;

	flow_derive(l, rec);
	if (IS_ENABLED(CONFIG_INTERVAL) && w->rtt && rec_get(l, rec, F_COOKIE, &cookie)) {
		const struct rtt_flow *rf = rtt_find(w->rtt, cookie);

		if (rf)
			flows_add_samples(l, rec, rf);
	}
}

static int keep(void *arg, const void *rec)
{
	struct flows_pass *p = arg;
	struct flows *fl = p->fl;
	void *copy;

	if (!rec) {
		if (spaces_many())
			return -1; /* what other namespaces gave cannot be told apart any more */
		table_free(&fl->table);
		table_init(&fl->table, &fl->layout, p->max);
		return 0;
	}
	copy = table_add(&fl->table);
	if (!copy)
		return 0; /* counted by the table */
	memcpy(copy, rec, fl->layout.size);
	if (spaces_name())
		rec_set(&fl->layout, copy, F_NETNS, spaces_name());
	return 0;
}

bool flows_parallel(uint64_t sockets)
{
	/* A recording must see the same order each time. */
	return IS_ENABLED(CONFIG_THREADS) && sockets >= 2000 && !door_recording() && !door_replaying();
}

#if IS_ENABLED(CONFIG_THREADS)
struct procs_job {
	struct flows *fl;
	struct flows_pass *pass;
	struct err err;
};

static void *procs_thread(void *arg)
{
	struct procs_job *job = arg;

	flows_find_procs(job->fl, job->pass->w->look, job->pass->estimate, NULL, job->pass->rep, &job->err);
	return NULL;
}

static int collect_parallel(struct flows *fl, struct flows_pass *p, const struct sock_query *q, struct err *e)
{
	struct procs_job job = { .fl = fl, .pass = p };
	pthread_t thread;
	int r, failed = pthread_create(&thread, NULL, procs_thread, &job);

	r = spaces_dump(q, keep, p, &fl->stats, e);
	if (failed)
		procs_thread(&job);
	else
		pthread_join(thread, NULL);
	return r;
}
#endif

static int collect_sockets(struct flows *fl, struct flows_pass *p, const struct sock_query *q, struct err *e)
{
	bool procs = flows_want_procs(fl, p->w->look);
	struct flows_inodes in = { 0 };
	struct err pe = { 0 };
	uint32_t i;
	int r;

#if IS_ENABLED(CONFIG_THREADS)
	if (procs && flows_parallel(p->estimate))
		return collect_parallel(fl, p, q, e);
#endif
	r = spaces_dump(q, keep, p, &fl->stats, e);
	if (r || !procs)
		return r;
	for (i = 0; i < fl->table.n; i++)
		flows_inodes_add(&in, &fl->layout, table_at(&fl->table, i));
	flows_find_procs(fl, p->w->look, fl->table.n, &in, p->rep, &pe);
	free(in.v);
	return 0;
}

static void select_rows(struct flows *fl, const struct flows_want *w)
{
	const struct procset *ps = fl->procs_known ? &fl->procs : NULL;
	uint32_t i;

	for (i = 0; i < fl->table.n; i++) {
		void *rec = table_at(&fl->table, i);
		uint64_t v;

		if (!w->is_before && !filter_match(&w->look->filter, &fl->layout, rec, ps))
			continue;
		fl->row[fl->nrow++] = rec;
		if (rec_get(&fl->layout, rec, F_RTT, &v))
			hist_add(&fl->rtt, v, 1);
	}
}

int flows_collect(struct flows *fl, const struct flows_want *w, struct report *rep, struct err *e)
{
	struct flows_pass p = { .fl = fl, .w = w, .rep = rep, .max = CONFIG_MAX_FLOWS, .estimate = spaces_estimate() };
	struct sock_query q;
	uint32_t i;
	int r;

	flows_query(&q, w->look);
	q.layout = &fl->layout;
	table_init(&fl->table, &fl->layout, p.max);
	r = collect_sockets(fl, &p, &q, e);
	if (r) {
		report_source(rep, "sock_diag", SOURCE_UNAVAILABLE, e->text);
		return r;
	}
	report_source(rep, "sock_diag", SOURCE_USED, NULL);
	flows_join_iter(fl, rep);
	if (IS_ENABLED(CONFIG_INTERVAL) && w->rtt)
		flows_add_ended(fl, w->rtt);
	fl->row = malloc((fl->table.n + 1) * sizeof(*fl->row));
	if (!fl->row)
		return err_set(e, ENOMEM, "out of memory");
	for (i = 0; i < fl->table.n; i++)
		flows_complete(fl, w, table_at(&fl->table, i));
	/* Before the filter: what it asks about counters is about those of the interval. */
	if (IS_ENABLED(CONFIG_INTERVAL) && w->before)
		r = flows_subtract(fl, w->before, e);
	select_rows(fl, w);
	flows_report(fl, w, rep);
	return r;
}

/* True when a source for field F served, whether or not a flow had a value for it. */
static bool served(const struct flows *fl, const struct flows_want *w, unsigned f)
{
	const struct fieldset *got = &fl->stats.supplied;

	switch (flow_field_source(f)) {
	case FLOW_SRC_TCPINFO: /* an old kernel's tcp_info is shorter; a host without a TCP socket tells nothing */
		return fieldset_has(got, f) || !fieldset_has(got, F_RTO);
	case FLOW_SRC_ITER:
		return fl->iter_served;
	case FLOW_SRC_SAMPLE:
		return w->rtt != NULL;
	case FLOW_SRC_CODE:
		if (f == F_PROCS)
			return fl->procs_known || w->look->procs == PROCS_NO;
		return (f != F_CGROUP && f != F_MARK) || fieldset_has(got, f);
	default:
		return true;
	}
}

/* Losses, and which of the wanted fields nobody could supply. */
void flows_report(const struct flows *fl, const struct flows_want *w, struct report *rep)
{
	unsigned f;

	for (f = 0; f < F_COUNT && fl->stats.sockets; f++)
		if (fieldset_has(&fl->layout.want, f) && !served(fl, w, f))
			fieldset_add(&rep->missing, f);
	rep->unserved |= (fl->stats.unsupported & SOCK_PROTO_UDP && w->look->udp) ||
			 (fl->stats.unsupported & SOCK_PROTO_RAW && w->look->raw);
	if (spaces_partial()) {
		rep->unserved = true;
		report_source(rep, "netns", SOURCE_UNAVAILABLE, "some namespaces could not be looked at");
	}
	if (fl->stats.unsupported)
		report_source(rep, fl->stats.unsupported & SOCK_PROTO_UDP ? "udp_diag" : "raw_diag", SOURCE_UNAVAILABLE,
			      "this kernel cannot list these sockets");
	rep->evicted_flows += fl->table.evicted;
	rep->lost_records += fl->stats.malformed;
	rep->incomplete |= fl->stats.incomplete;
	rep->procs = fl->procs_known ? &fl->procs : NULL;
}

void flows_free(struct flows *fl)
{
	free(fl->row);
	table_free(&fl->table);
	procset_free(&fl->procs);
	hist_free(&fl->rtt);
	memset(fl, 0, sizeof(*fl));
}
