// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_PACKETS
 *
 * Packets counted by flow: which rung is taken, and the way of its counts through the door.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "collect/door.h"
#include "collect/pktrung.h"
#include "collect/rttrung.h"
#include "core/text.h"
#include "core/util.h"

#define ENTRIES_MIN 1024
#define ENTRIES_MAX (1U << 24)
#define PIECE 256 /* entries in one message of a recording */

struct pkt_source {
	const struct pkt_rung *rung; /* NULL in a replay */
	enum pkt_method method;
	void *state;
};

static const struct {
	const char *source, *word; /* as results and as reasons call it */
	const struct pkt_rung *rung;
} rungs[] = {
	[PKT_TRACE] = { "net_dev_start_xmit", "tracing", IS_ENABLED(CONFIG_SRC_PKT_TRACE) ? &pkt_rung_trace : NULL },
	[PKT_FILTER] = { "packet_filter", "socket filter",
			 IS_ENABLED(CONFIG_SRC_PKT_FILTER) ? &pkt_rung_filter : NULL },
	[PKT_RING] = { "packet_ring", "packet rings", IS_ENABLED(CONFIG_SRC_PKT_RING) ? &pkt_rung_ring : NULL },
};

static int start_rung(struct pkt_source *s, enum pkt_method m, const struct pkt_opts *o, struct err *e)
{
	int err;

	if (!rungs[m].rung)
		return err_set(e, ENOSYS, "not built in");
	err = rungs[m].rung->start(&s->state, o, e);
	if (!err) {
		s->rung = rungs[m].rung;
		s->method = m;
	}
	return err;
}

/* The best rung that starts; in WHY what was wrong with those above it. */
static int start_best(struct pkt_source *s, const struct pkt_opts *o, char *why, size_t whylen, struct err *e)
{
	enum pkt_method first = o->method ? o->method : PKT_TRACE, last = o->method ? o->method : PKT_RING;
	char all[sizeof(e->text)] = "";
	bool denied = true;
	size_t len = 0;
	int err = 0;

	for (unsigned m = first; m <= last; m++) {
		struct err no = { 0 };

		if (len < whylen)
			fmt_text(why, whylen, "%s", all);
		err = start_rung(s, (enum pkt_method)m, o, &no);
		if (!err)
			return 0;
		denied &= err == -EPERM || err == -EACCES || err == -ENOSYS;
		if (len < sizeof(all))
			len += fmt_text(all + len, sizeof(all) - len, "%s%s: %s", len ? "; " : "", rungs[m].word,
					no.text);
	}
	if (denied && err != -ENOSYS && first != last)
		return err_set(e, EPERM, "counting packets is not allowed: it needs root, or CAP_NET_RAW, and CAP_BPF "
			       "and CAP_PERFMON for the better ways");
	return err_set(e, -err, "%s", all);
}

int pkt_start(struct pkt_source **out, const struct pkt_opts *o, char *why, size_t whylen, struct err *e)
{
	struct pkt_source *s = calloc(1, sizeof(*s));
	int err = 0;

	if (whylen)
		*why = 0;
	if (!s)
		return err_set(e, ENOMEM, "no memory for counting packets");
	if (!door_replaying())
		err = start_best(s, o, why, whylen, e);
	if (err) {
		free(s);
		return err;
	}
	s->method = (enum pkt_method)door_number("pkt_method", s->method);
	if (s->method < PKT_TRACE || s->method > PKT_RING)
		s->method = PKT_RING; /* a recording may say anything */
	*out = s;
	return 0;
}

uint64_t pkt_memory(void)
{
	struct sysinfo si;

	return sysinfo(&si) ? 64 << 20 : (uint64_t)si.totalram * si.mem_unit;
}

uint32_t pkt_entries(const struct pkt_opts *o, uint64_t memory)
{
	uint32_t n = o->max_entries ? o->max_entries : (uint32_t)MIN(CONFIG_PKT_ENTRIES, memory / 1024);

	return MIN(MAX(n, ENTRIES_MIN), ENTRIES_MAX);
}

int pkt_each_netns(const struct pkt_opts *o, int (*fn)(void *arg, uint32_t i, struct err *e), void *arg, struct err *e)
{
	int home, err = 0;

	if (!o->nnetns)
		return fn(arg, 0, e);
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return err_set(e, errno, "/proc/thread-self/ns/net: %s", err_text(errno));
	for (uint32_t i = 0; i < o->nnetns && !err; i++) {
		if (setns(o->netns_fd[i], CLONE_NEWNET))
			err = err_set(e, errno, "cannot enter a network namespace: %s", err_text(errno));
		else
			err = fn(arg, i, e);
	}
	if (setns(home, CLONE_NEWNET))
		err = err_set(e, errno, "cannot return to the network namespace: %s", err_text(errno));
	close(home);
	return err;
}

int pkt_expect_busy(struct pkt_source *s, struct err *e)
{
	return s->rung && s->rung->expect_busy ? s->rung->expect_busy(s->state, e) : 0;
}

int pkt_begin(struct pkt_source *s, struct err *e)
{
	return s->rung ? s->rung->begin(s->state, e) : 0;
}

int pkt_settle(struct pkt_source *s, struct err *e)
{
	return s->rung && s->rung->settle ? s->rung->settle(s->state, e) : 0;
}

int pkt_cut(struct pkt_source *s, struct err *e)
{
	return s->rung ? s->rung->cut(s->state, e) : 0;
}

int pkt_wait(struct pkt_source *s, uint64_t deadline_ns, struct err *e)
{
	if (!s->rung)
		return 0;
	if (s->rung->wait)
		return s->rung->wait(s->state, deadline_ns, e);
	rtt_sleep(deadline_ns);
	return 0;
}

/* Where entries go: to the caller, and into a recording. */
struct sink {
	pkt_fn fn;
	void *arg;
	uint64_t entries;
	struct door_stream stream;
	struct pkt_slot *piece; /* NULL: nothing is recorded */
	unsigned n;
};

static int sink_add(void *arg, const struct pkt_key *key, const struct pkt_count *n)
{
	struct sink *k = arg;

	k->entries++;
	if (k->piece) {
		k->piece[k->n++] = (struct pkt_slot){ *key, *n };
		if (k->n == PIECE) {
			door_stream_note(&k->stream, k->piece, sizeof(*k->piece) * k->n);
			k->n = 0;
		}
	}
	return k->fn(k->arg, key, n);
}

int pkt_replay(struct door_stream *s, pkt_fn fn, void *arg)
{
	struct pkt_slot piece[PIECE];
	ssize_t n;

	while ((n = door_stream_read(s, piece, sizeof(piece))) > 0) {
		if (n % sizeof(*piece))
			return -EBADMSG;
		for (size_t i = 0; i < (size_t)n / sizeof(*piece); i++)
			if (piece[i].n.packets && fn(arg, &piece[i].key, &piece[i].n))
				return -ECANCELED;
	}
	return (int)n;
}

/* Numbers and owners: noted live, taken from the recording in a replay. */
static int door_result(struct pkt_result *res)
{
	struct { const char *name; uint64_t *v; } number[] = {
		{ "pkt_lost_packets", &res->lost_packets }, { "pkt_lost_bytes", &res->lost_bytes },
		{ "pkt_lost_flows", &res->lost_flows }, { "pkt_runs", &res->runs }, { "pkt_run_ns", &res->run_ns },
	};
	struct pkt_owner piece[PIECE], *more;
	struct door_stream s;
	ssize_t n;
	int err;

	for (unsigned i = 0; i < ARRAY_SIZE(number); i++)
		*number[i].v = door_number(number[i].name, *number[i].v);
	res->by_cpu = door_number("pkt_by_cpu", res->by_cpu) != 0;
	res->by_queue = door_number("pkt_by_queue", res->by_queue) != 0;
	if (!door_recording() && !door_replaying())
		return 0;
	err = door_stream_open(&s, "pkt_owners", -1);
	if (err)
		return err;
	for (uint32_t i = 0; door_recording() && i < res->nowner; i += PIECE)
		door_stream_note(&s, res->owner + i, sizeof(*res->owner) * MIN(PIECE, res->nowner - i));
	while (door_replaying() && !err && (n = door_stream_read(&s, piece, sizeof(piece))) != 0) {
		err = n < 0 ? (int)n : n % (ssize_t)sizeof(*piece) ? -EBADMSG : 0;
		more = err ? NULL : realloc(res->owner, sizeof(*more) * res->nowner + (size_t)n);
		if (!more) {
			err = err ? err : -ENOMEM;
			break;
		}
		memcpy(more + res->nowner, piece, (size_t)n);
		res->owner = more;
		res->nowner += (uint32_t)((size_t)n / sizeof(*more));
	}
	door_stream_close(&s);
	return err;
}

int pkt_read(struct pkt_source *s, pkt_fn fn, void *arg, struct pkt_result *res, struct err *e)
{
	struct sink k = { .fn = fn, .arg = arg };
	int err;

	memset(res, 0, sizeof(*res));
	res->source = rungs[s->method].source;
	err = door_stream_open(&k.stream, "pkt_entries", -1);
	if (!err && door_recording() && !(k.piece = malloc(PIECE * sizeof(*k.piece))))
		err = -ENOMEM;
	if (err) {
		door_stream_close(&k.stream);
		return err_set(e, -err, "reading packet counts: %s", err_text(-err));
	}
	if (s->rung)
		err = s->rung->read(s->state, sink_add, &k, res, e);
	else if ((err = pkt_replay(&k.stream, sink_add, &k)))
		err_set(e, -err, "reading packet counts from a recording: %s", err_text(-err));
	if (k.n)
		door_stream_note(&k.stream, k.piece, sizeof(*k.piece) * k.n);
	free(k.piece);
	door_stream_close(&k.stream);
	res->entries = k.entries;
	if (!err && (err = door_result(res)))
		err_set(e, -err, "reading packet counts: %s", err_text(-err));
	if (err)
		pkt_result_free(res);
	return err;
}

void pkt_result_free(struct pkt_result *res)
{
	free(res->owner);
	res->owner = NULL;
	res->nowner = 0;
}

void pkt_stop(struct pkt_source *s)
{
	if (!s)
		return;
	if (s->rung)
		s->rung->stop(s->state);
	free(s);
}
