/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is joined to sockets by their cookie: samples of an interval, what BPF iterators tell, an earlier look. */
#include <errno.h>
#include <stdlib.h>

#include "app/flows_priv.h"
#include "collect/sockiter.h"

void flows_add_samples(const struct layout *l, void *rec, const struct rtt_flow *rf)
{
	static const struct {
		uint8_t field;
		uint16_t permyriad;
	} quantile[] = { { F_RTT_P50, 5000 }, { F_RTT_P90, 9000 }, { F_RTT_P99, 9900 } };
	uint64_t v;
	unsigned i;

	rec_set(l, rec, F_SAMPLES, rf->samples);
	rec_set(l, rec, F_AMBIGUOUS, rf->ambiguous);
	for (i = 0; i < ARRAY_SIZE(quantile); i++)
		if (hist_quantile(&rf->hist, quantile[i].permyriad, &v))
			rec_set(l, rec, quantile[i].field, v);
	if (rf->hist.total)
		rec_set(l, rec, F_RTT_MAX, rf->hist.max);
}

static void set_iter(const struct layout *l, void *rec, const struct sockiter_rec *s)
{
	if (s->rx_cpu >= 0)
		rec_set(l, rec, F_RX_CPU, (uint64_t)s->rx_cpu);
	if (s->rx_queue >= 0)
		rec_set(l, rec, F_RX_QUEUE, (uint64_t)s->rx_queue);
	if (s->tcp) {
		rec_set(l, rec, F_SND_UNA, s->snd_una);
		rec_set(l, rec, F_SND_NXT, s->snd_nxt);
		rec_set(l, rec, F_RCV_NXT, s->rcv_nxt);
	}
}

void flows_join_iter(struct flows *fl, struct report *rep)
{
	struct sockiter_set set = { 0 };
	struct err e = { 0 };
	uint32_t i;

	if (!flows_wants_source(&fl->layout.want, FLOW_SRC_ITER))
		return;
	if (!IS_ENABLED(CONFIG_SRC_SOCK_ITER)) {
		report_source(rep, "sock_iter", SOURCE_UNAVAILABLE, "not built in");
		return;
	}
	if (sockiter_collect(&set, true, &e)) {
		report_source(rep, "sock_iter", SOURCE_UNAVAILABLE, e.text);
		return;
	}
	fl->iter_served = true;
	report_source(rep, "sock_iter", SOURCE_USED, NULL);
	for (i = 0; i < fl->table.n; i++) {
		void *rec = table_at(&fl->table, i);
		const struct sockiter_rec *s;
		uint64_t cookie;

		if (rec_get(&fl->layout, rec, F_COOKIE, &cookie) && (s = sockiter_find(&set, cookie)))
			set_iter(&fl->layout, rec, s);
	}
	sockiter_free(&set);
}

/* A flow that ended within the interval has samples, but no socket any more. */
void flows_add_ended(struct flows *fl, const struct rtt_set *rtt)
{
	const struct layout *l = &fl->layout;
	uint32_t i;

	for (i = 0; i < rtt->n; i++) {
		const struct rtt_flow *rf = &rtt->flow[i];
		void *rec;

		if (!rf->ended)
			continue;
		rec = table_add(&fl->table);
		if (!rec)
			return;
		rec_set(l, rec, F_PROTO, PROTO_TCP);
		rec_set_addr(l, rec, F_SRC, rf->key.src);
		rec_set_addr(l, rec, F_DST, rf->key.dst);
		rec_set(l, rec, F_SPORT, rf->key.sport);
		rec_set(l, rec, F_DPORT, rf->key.dport);
		rec_set(l, rec, F_STATE, FLOW_STATE_CLOSED);
		rec_set(l, rec, F_FORWARDED, 0);
		rec_set(l, rec, F_COOKIE, rf->cookie);
		if (rf->inode)
			rec_set(l, rec, F_INODE, rf->inode);
		if (rf->srtt_us)
			rec_set(l, rec, F_RTT, rf->srtt_us);
		if (rf->min_rtt_us)
			rec_set(l, rec, F_MIN_RTT, rf->min_rtt_us);
	}
}

struct cookie_ref {
	uint64_t cookie;
	const void *rec;
};

static int cmp_cookie(const void *a, const void *b)
{
	uint64_t x = ((const struct cookie_ref *)a)->cookie, y = ((const struct cookie_ref *)b)->cookie;

	return x < y ? -1 : x > y;
}

static void subtract_record(const struct layout *l, void *rec, const struct layout *lb, const void *old)
{
	unsigned f;

	for (f = 0; f < l->schema->n; f++) {
		uint64_t now, then;

		if (l->schema->field[f].kind != FK_COUNTER || flow_field_source(f) == FLOW_SRC_SAMPLE ||
		    !rec_has(rec, f) || !rec_has(old, f))
			continue;
		now = rec_raw(l, rec, f);
		then = rec_raw(lb, old, f);
		rec_set(l, rec, f, now > then ? now - then : 0);
	}
}

/* Both looks store a counter in the same width and unit, so the difference needs no conversion. */
int flows_subtract(struct flows *fl, const struct flows *before, struct err *e)
{
	struct cookie_ref *ref = malloc((before->table.n + 1) * sizeof(*ref));
	uint32_t i, n = 0;

	if (!ref)
		return err_set(e, ENOMEM, "out of memory");
	for (i = 0; i < before->table.n; i++) {
		ref[n].rec = table_at(&before->table, i);
		if (rec_get(&before->layout, ref[n].rec, F_COOKIE, &ref[n].cookie))
			n++;
	}
	qsort(ref, n, sizeof(*ref), cmp_cookie);
	for (i = 0; i < fl->table.n; i++) {
		void *rec = table_at(&fl->table, i);
		struct cookie_ref key, *hit;

		if (!rec_get(&fl->layout, rec, F_COOKIE, &key.cookie))
			continue;
		hit = bsearch(&key, ref, n, sizeof(*ref), cmp_cookie);
		if (hit)
			subtract_record(&fl->layout, rec, &before->layout, hit->rec);
	}
	free(ref);
	return 0;
}
