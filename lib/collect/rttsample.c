// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_INTERVAL
 *
 * RTT samples of an interval: which rung is taken, and the set of flows that comes of it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "collect/door.h"
#include "collect/rttrung.h"
#include "core/text.h"
#include "core/util.h"

#define SLEEP_SLICE_NS (200 * NSEC_PER_MSEC)

struct rtt_sampler {
	const struct rtt_rung *rung;
	void *state;
};

void rtt_sleep(uint64_t deadline_ns)
{
	uint64_t now = now_ns(), ns;
	struct timespec t;

	if (now >= deadline_ns)
		return;
	ns = MIN(deadline_ns - now, SLEEP_SLICE_NS);
	t.tv_sec = (time_t)(ns / NSEC_PER_SEC);
	t.tv_nsec = (long)(ns % NSEC_PER_SEC);
	ppoll(NULL, 0, &t, NULL);
}

static int start(struct rtt_sampler *s, const struct rtt_rung *rung, const struct rtt_opts *o, struct err *e)
{
	int err = rung->start(&s->state, o, e);

	if (!err)
		s->rung = rung;
	return err;
}

int rtt_start(struct rtt_sampler **out, const struct rtt_opts *o, char *why, size_t whylen, struct err *e)
{
	struct rtt_sampler *s = calloc(1, sizeof(*s));
	enum rtt_method method = o->method;
	struct err no = { 0 };
	int err = -ENOSYS;

	if (whylen)
		*why = 0;
	if (!s)
		return err_set(e, ENOMEM, "no memory for sampling round-trip times");
	if (door_replaying()) /* what was recorded is what can be replayed */
		method = (enum rtt_method)door_number("rtt_method", RTT_POLL);
	err_set(&no, ENOSYS, "sampling by BPF is not built in");
	if (IS_ENABLED(CONFIG_SRC_RTT_SAMPLE) && method != RTT_POLL)
		err = start(s, &rtt_rung_bpf, o, &no);
	if (err && whylen && method == RTT_AUTO)
		fmt_text(why, whylen, "%s", no.text);
	if (err && o->all_netns)
		method = RTT_BPF; /* polling would show one namespace for all */
	if (err && method != RTT_BPF) {
		err_set(&no, ENOSYS, "polling is not built in");
		if (IS_ENABLED(CONFIG_SRC_RTT_POLL))
			err = start(s, &rtt_rung_poll, o, &no);
	}
	if (err) {
		free(s);
		return err_set(e, -err, "%s", no.text);
	}
	if (!door_replaying())
		door_number("rtt_method", s->rung->wait ? RTT_POLL : RTT_BPF);
	*out = s;
	return 0;
}

int rtt_wait(struct rtt_sampler *s, uint64_t deadline_ns, struct err *e)
{
	if (door_replaying())
		return 0;
	if (s->rung->wait)
		return s->rung->wait(s->state, deadline_ns, e);
	rtt_sleep(deadline_ns);
	return 0;
}

int rtt_read(struct rtt_sampler *s, struct rtt_set *set, struct err *e)
{
	int err;

	memset(set, 0, sizeof(*set));
	set->source = s->rung->source;
	err = s->rung->read(s->state, set, e);
	if (!err && rtt_set_seal(set))
		err = err_set(e, ENOMEM, "no memory for round-trip times");
	if (err)
		rtt_set_free(set);
	return err;
}

void rtt_stop(struct rtt_sampler *s)
{
	if (!s)
		return;
	s->rung->stop(s->state);
	free(s);
}

struct rtt_flow *rtt_set_add(struct rtt_set *set, uint32_t *cap)
{
	struct rtt_flow *f;

	if (set->n == *cap) {
		uint32_t more = *cap ? *cap * 2 : 64;

		f = realloc(set->flow, (size_t)more * sizeof(*f));
		if (!f)
			return NULL;
		set->flow = f;
		*cap = more;
	}
	f = &set->flow[set->n++];
	memset(f, 0, sizeof(*f));
	return f;
}

static int cmp_cookie(const void *a, const void *b)
{
	const struct rtt_flow *x = a, *y = b;

	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

int rtt_set_seal(struct rtt_set *set)
{
	bool failed = false;

	if (set->n)
		qsort(set->flow, set->n, sizeof(*set->flow), cmp_cookie);
	for (uint32_t i = 0; i < set->n; i++) {
		struct rtt_flow *f = &set->flow[i];

		f->samples = (uint32_t)MIN(f->hist.total, UINT32_MAX);
		hist_merge(&set->all, &f->hist);
		set->samples += f->hist.total;
		set->ambiguous += f->ambiguous;
		failed |= f->hist.failed;
	}
	return failed || set->all.failed ? -ENOMEM : 0;
}

void rtt_set_free(struct rtt_set *set)
{
	for (uint32_t i = 0; i < set->n; i++)
		hist_free(&set->flow[i].hist);
	free(set->flow);
	hist_free(&set->all);
	memset(set, 0, sizeof(*set));
}

const struct rtt_flow *rtt_find(const struct rtt_set *set, uint64_t cookie)
{
	struct rtt_flow want = { .cookie = cookie };

	return set->n ? bsearch(&want, set->flow, set->n, sizeof(*set->flow), cmp_cookie) : NULL;
}
