// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_SRC_RTT_POLL
 *
 * Where there is no BPF: the smoothed RTT of each socket, dumped again and again through inet_diag, counted whenever
 * it has changed. These are smoothed values, not samples: peaks are flattened, and what happens between two dumps
 * leaves one trace at most.
 */
#include <errno.h>
#include <stdlib.h>

#include "collect/door.h"
#include "collect/rttrung.h"
#include "collect/sockdiag.h"
#include "core/util.h"

#define MIN_PERIOD_NS (20 * NSEC_PER_MSEC)
#define INTERVAL_PARTS 50 /* dumps per interval, where they are cheap enough */
#define DUMP_SHARE 10     /* at most one part in ten of the time is spent on dumps */

/* ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK, CLOSING: those that may still get another RTT. */
#define STATES (1U << 1 | 1U << 4 | 1U << 5 | 1U << 8 | 1U << 9 | 1U << 11)

struct rtt_poll {
	struct layout layout;
	struct sock_query query;
	uint64_t period_ns, next_ns;
	uint32_t dumps;       /* since the last reading */
	uint64_t dump_ns;
	bool begun;           /* the first dump is over: flows that come later are new */
	bool complete;        /* the last dump was whole: who is missing has ended */
	struct rtt_set set;   /* flows in order of appearance; hist: since the last reading */
	uint32_t cap, max, turned;
	uint32_t *seen;       /* number of the dump that saw the flow, as long as set.flow */
	uint32_t dump;
	uint32_t *slot;       /* hash by cookie: index into set.flow plus one, 0 empty */
	uint32_t mask;
};

static uint32_t *slot_of(const struct rtt_poll *p, uint64_t cookie)
{
	uint32_t h = (uint32_t)((cookie * 0x9e3779b97f4a7c15ULL) >> 32) & p->mask;

	while (p->slot[h] && p->set.flow[p->slot[h] - 1].cookie != cookie)
		h = (h + 1) & p->mask;
	return &p->slot[h];
}

/* Makes the table anew, at least twice as large as what is in it. 0 or -ENOMEM. */
static int rehash(struct rtt_poll *p)
{
	uint32_t size = p->slot ? p->mask + 1 : 256;
	uint32_t *slot;

	while (size < 2 * (p->set.n + 1))
		size *= 2;
	slot = calloc(size, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(p->slot);
	p->slot = slot;
	p->mask = size - 1;
	for (uint32_t i = 0; i < p->set.n; i++)
		*slot_of(p, p->set.flow[i].cookie) = i + 1;
	return 0;
}

static struct rtt_flow *begin(struct rtt_poll *p, uint64_t cookie, const void *rec)
{
	const struct layout *l = &p->layout;
	uint32_t cap = p->cap, *seen;
	const uint8_t *a;
	struct rtt_flow *f = rtt_set_add(&p->set, &p->cap);

	if (!f)
		return NULL;
	f->cookie = cookie;
	if (cap != p->cap) {
		seen = realloc(p->seen, p->cap * sizeof(*seen));
		if (!seen || (p->set.n > p->mask / 2 && rehash(p))) {
			p->seen = seen ? seen : p->seen;
			p->set.n--;
			p->cap = cap; /* the array is larger, which does no harm */
			return NULL;
		}
		p->seen = seen;
	}
	*slot_of(p, cookie) = p->set.n;
	if ((a = rec_addr(l, rec, F_SRC)))
		memcpy(f->key.src, a, 16);
	if ((a = rec_addr(l, rec, F_DST)))
		memcpy(f->key.dst, a, 16);
	f->key.sport = rec_has(rec, F_SPORT) ? (uint16_t)rec_raw(l, rec, F_SPORT) : 0;
	f->key.dport = rec_has(rec, F_DPORT) ? (uint16_t)rec_raw(l, rec, F_DPORT) : 0;
	f->key.proto = 6;
	return f;
}

/* One socket of a dump. A repeated dump (REC NULL) does no harm: what has not changed since is not counted again. */
static int on_socket(void *arg, const void *rec)
{
	struct rtt_poll *p = arg;
	const struct layout *l = &p->layout;
	struct rtt_flow *f;
	uint64_t cookie, ns;
	uint32_t i;

	if (!rec || !rec_get(l, rec, F_COOKIE, &cookie) || !rec_get(l, rec, F_RTT, &ns))
		return 0;
	i = *slot_of(p, cookie);
	f = i ? &p->set.flow[i - 1] : NULL;
	if (!f) {
		if (p->set.n >= p->max) {
			p->turned++;
			return 0;
		}
		f = begin(p, cookie, rec);
		if (!f)
			return -ENOMEM;
		i = p->set.n;
		f->srtt_us = p->begun ? 0 : (uint32_t)(ns / NSEC_PER_USEC);
	}
	p->seen[i - 1] = p->dump;
	if (!f->inode && rec_has(rec, F_INODE))
		f->inode = (uint32_t)rec_raw(l, rec, F_INODE);
	if (rec_has(rec, F_MIN_RTT))
		f->min_rtt_us = (uint32_t)rec_raw(l, rec, F_MIN_RTT);
	if (f->srtt_us != ns / NSEC_PER_USEC)
		hist_add(&f->hist, ns, 1);
	f->srtt_us = (uint32_t)(ns / NSEC_PER_USEC);
	return f->hist.failed ? -ENOMEM : 0;
}

static int poll_once(struct rtt_poll *p, struct err *e)
{
	uint64_t start = now_ns(), ns;
	struct sock_stats st = { 0 };
	int err;

	p->dump++;
	p->turned = 0;
	err = sockdiag_dump(&p->query, on_socket, p, &st, e);
	if (err)
		return err;
	ns = now_ns() - start;
	p->complete = !st.incomplete;
	p->begun = true;
	p->dumps++;
	p->dump_ns += ns;
	p->next_ns = start + MAX(p->period_ns, ns * DUMP_SHARE);
	return 0;
}

static void poll_stop(void *state)
{
	struct rtt_poll *p = state;

	rtt_set_free(&p->set);
	free(p->seen);
	free(p->slot);
	free(p);
}

static int poll_start(void **state, const struct rtt_opts *o, struct err *e)
{
	static const uint8_t fields[] = { F_COOKIE, F_RTT, F_MIN_RTT, F_INODE, F_SRC, F_SPORT, F_DST, F_DPORT };
	struct rtt_poll *p = calloc(1, sizeof(*p));
	struct fieldset want = { { 0 } };
	int err;

	if (!p || rehash(p)) {
		free(p);
		return err_set(e, ENOMEM, "no memory for sampling");
	}
	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
		fieldset_add(&want, fields[i]);
	for (unsigned i = 0; o->filter && i < HAVE_WORDS; i++)
		want.w[i] |= o->filter->reads.w[i];
	sockdiag_layout(&p->layout, &want);
	p->query = (struct sock_query){
		.families = o->families, .protos = SOCK_PROTO_TCP, .states = STATES, .filter = o->filter,
		.layout = &p->layout,
	};
	p->max = MAX(o->max_flows, 1);
	p->period_ns = MAX(o->interval_ns / INTERVAL_PARTS, MIN_PERIOD_NS);
	err = poll_once(p, e);
	if (err)
		poll_stop(p);
	else
		*state = p;
	return err;
}

static int poll_wait(void *state, uint64_t deadline_ns, struct err *e)
{
	struct rtt_poll *p = state;

	if (now_ns() >= p->next_ns)
		return poll_once(p, e);
	rtt_sleep(MIN(deadline_ns, p->next_ns));
	return 0;
}

/* Hands out what was counted; flows that are still there stay, with an empty histogram. */
static int hand_out(struct rtt_poll *p, struct rtt_set *set)
{
	uint32_t cap = 0, kept = 0;

	for (uint32_t i = 0; i < p->set.n; i++) {
		struct rtt_flow *f = &p->set.flow[i], *out;

		f->ended = p->complete && p->seen[i] != p->dump;
		if (f->hist.total || f->ended) {
			out = rtt_set_add(set, &cap);
			if (!out)
				return -ENOMEM;
			*out = *f;
			memset(&f->hist, 0, sizeof(f->hist));
		}
		if (f->ended)
			continue;
		p->seen[kept] = p->seen[i];
		p->set.flow[kept++] = *f;
	}
	p->set.n = kept;
	return rehash(p);
}

static int poll_read(void *state, struct rtt_set *set, struct err *e)
{
	struct rtt_poll *p = state;
	uint32_t dumps = (uint32_t)door_number("rtt_dumps", p->dumps + 1U);
	int err = 0;

	/* Live one more dump, for what the last moments brought; in a replay all those that were made. */
	for (uint32_t i = door_replaying() ? p->dumps : dumps - 1; i < dumps && !err; i++)
		err = poll_once(p, e);
	if (err)
		return err;
	set->events = p->dumps;
	set->run_ns = p->dump_ns;
	set->evicted = p->turned;
	p->dumps = 0;
	p->dump_ns = 0;
	return hand_out(p, set) ? err_set(e, ENOMEM, "no memory for round-trip times") : 0;
}

const struct rtt_rung rtt_rung_poll = {
	.source = "sock_diag_poll", .start = poll_start, .wait = poll_wait, .read = poll_read, .stop = poll_stop,
};
