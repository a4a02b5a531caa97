/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_INTERVAL
 *
 * An interval's RTT samples, and the counters before it.
 */
#include "app/sampling.h"

#include "app/run.h"
#include "app/spaces.h"
#include "collect/door.h"
#include "core/util.h"

static int step(void *arg, uint64_t until, struct err *e)
{
	struct sampling *s = arg;

	return rtt_wait(s->sampler, until, e);
}

static bool wants_counters(const struct fieldset *want)
{
	unsigned f;

	for (f = 0; f < F_COUNT; f++)
		if (fieldset_has(want, f) && flow_schema.field[f].kind == FK_COUNTER && flow_field_source(f) != FLOW_SRC_SAMPLE)
			return true;
	return false;
}

/* The counters as they stand before the interval; who holds the sockets is asked at its end. */
static int look_before(struct sampling *s, struct flows_want *w, struct err *e)
{
	struct flows_want want = *w;
	struct report ignored;

	run_report_init(&ignored, "", 0, w->look);
	fieldset_del(&want.fields, F_PROCS);
	fieldset_add(&want.fields, F_COOKIE);
	want.is_before = true;
	flows_layout(&s->before, &want);
	w->before = &s->before;
	return flows_collect(&s->before, &want, &ignored, e);
}

static void note_source(const struct sampling *s, struct report *rep)
{
	bool polled = strcmp(s->set.source, "tcp_probe") != 0;

	if (polled && *s->why)
		report_source(rep, "tcp_probe", SOURCE_UNAVAILABLE, s->why);
	report_source(rep, s->set.source, SOURCE_USED, polled ? "polled: changes of the smoothed RTT, not each sample" : NULL);
}

int sampling_take(struct sampling *s, enum rtt_method method, struct flows_want *w, struct report *rep, struct err *e)
{
	const struct look *l = w->look;
	struct rtt_opts o = {
		.method = method,
		.max_flows = CONFIG_MAX_FLOWS,
		.interval_ns = l->interval_ns,
		.filter = l->filter.n ? &l->filter : NULL,
		.families = SOCK_FAMILY_4 | SOCK_FAMILY_6,
		.all_netns = spaces_many(),
		.stats = l->verbose,
	};
	uint64_t start;
	int r = 0;

	if (!s->sampler)
		r = rtt_start(&s->sampler, &o, s->why, sizeof(s->why), e);
	if (!r && wants_counters(&w->fields))
		r = look_before(s, w, e);
	start = now_ns();
	if (!r)
		r = run_wait(l, start + l->interval_ns, step, s, e);
	/* A signal or a key ends the interval early: what is shown is of the time that passed. */
	if (!r && !door_replaying())
		rep->interval_ns = MIN(l->interval_ns, now_ns() - start);
	if (!r)
		r = rtt_read(s->sampler, &s->set, e);
	if (r)
		return r;
	w->rtt = &s->set;
	s->done = true;
	note_source(s, rep);
	rep->lost_records += s->set.lost;
	rep->evicted_flows += s->set.evicted;
	rep->kernel_runs = s->set.events;
	rep->kernel_ns = s->set.run_ns;
	return 0;
}

void sampling_release(struct sampling *s)
{
	flows_free(&s->before);
	rtt_set_free(&s->set);
	s->done = false;
}

void sampling_end(struct sampling *s)
{
	if (s->sampler)
		rtt_stop(s->sampler);
	s->sampler = NULL;
}
