// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_SRC_PKT_TRACE
 *
 * Packets counted by programs on tracepoints (bpf/pkttrace.bpf.c), and the processes that were seen with their sockets.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "bpf/pktraw.h"
#include "bpf/pkttrace.h"
#include "collect/bpfobj.h"
#include "collect/pktrung.h"
#include "core/util.h"

struct pkt_trace {
	struct pkt_tables tables;
	bool busy; /* counts are taken back */
};

static void trace_stop(void *state)
{
	struct pkt_trace *t = state;

	pkt_tables_close(&t->tables);
	free(t);
}

/* CAN_CAST: whether programs may read the frame by load instructions is known by trying. */
static int load(struct pkt_trace *t, const struct pkt_opts *o, bool can_cast, struct err *e)
{
	const uint8_t many = o->nnetns > 1, inner = o->inner, cast = can_cast;
	uint32_t netns = o->nnetns ? (uint32_t)o->netns[0] : 0;
	uint64_t secret;
	struct stat st;
	const struct bpf_const consts[] = {
		{ "want_netns", &netns, sizeof(netns) }, { "many_netns", &many, sizeof(many) },
		{ "inner", &inner, sizeof(inner) },      { "can_cast", &cast, sizeof(cast) },
		{ "id_secret", &secret, sizeof(secret) },
	};

	if (!o->nnetns) {
		if (stat("/proc/thread-self/ns/net", &st))
			return err_set(e, errno, "cannot tell the network namespace: /proc/thread-self/ns/net: %s",
				       err_text(errno));
		netns = (uint32_t)st.st_ino;
	}
	if (getrandom(&secret, sizeof(secret), GRND_NONBLOCK) != (ssize_t)sizeof(secret))
		secret = now_ns();
	secret |= 1;
	return pkt_tables_load(&t->tables, o, o->btf ? &pktraw_image : &pkttrace_image, consts, ARRAY_SIZE(consts),
			       !o->tx ? "pkt_tx" : !o->rx ? "pkt_rx" : NULL, e);
}

static int number_netns(const struct pkt_trace *t, const struct pkt_opts *o, struct err *e)
{
	int map = bpfobj_map(t->tables.obj, "pkt_netns");

	for (uint32_t i = 0; i < o->nnetns; i++) {
		uint32_t inode = (uint32_t)o->netns[i], number = i + 1;

		if (bpf_map_update_elem(map, &inode, &number, BPF_ANY))
			return err_set(e, errno, "too many network namespaces: %s", err_text(errno));
	}
	return 0;
}

static int trace_start(void **state, const struct pkt_opts *o, struct err *e)
{
	static const char *const progs[] = { "pkt_sock_state", "pkt_tx", "pkt_rx" };
	struct pkt_trace *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return err_set(e, ENOMEM, "no memory for counting packets");
	err = load(t, o, true, e);
	if (err == -EINVAL) {
		pkt_tables_close(&t->tables);
		err = load(t, o, false, e);
	}
	if (!err)
		err = number_netns(t, o, e);
	for (unsigned i = 0; i < ARRAY_SIZE(progs) && !err; i++)
		if (bpfobj_prog(t->tables.obj, progs[i]) >= 0)
			err = bpfobj_attach(t->tables.obj, progs[i], e);
	if (err)
		trace_stop(t);
	else
		*state = t;
	return err;
}

struct owners {
	struct pkt_owner *p;
	uint32_t n, cap;
};

static int on_owner(void *arg, const void *key, const void *value)
{
	struct owners *o = arg;

	(void)key;
	if (o->n == o->cap) {
		uint32_t cap = o->cap ? o->cap * 2 : 64;
		struct pkt_owner *p = realloc(o->p, sizeof(*p) * cap);

		if (!p)
			return -ENOMEM;
		o->p = p;
		o->cap = cap;
	}
	memcpy(&o->p[o->n++], value, sizeof(*o->p));
	return 0;
}

static int trace_read(void *state, pkt_fn fn, void *arg, struct pkt_result *res, struct err *e)
{
	struct pkt_trace *t = state;
	struct owners o = { 0 };
	int err;

	if (t->tables.once)
		bpfobj_detach(t->tables.obj);
	err = pkt_tables_read(&t->tables, fn, arg, res, e);
	if (err)
		return err;
	err = bpf_drain(bpfobj_map(t->tables.obj, "pkt_owners"), sizeof(uint64_t), sizeof(struct pkt_owner),
			on_owner, &o);
	res->owner = o.p;
	res->nowner = o.n;
	res->by_cpu = res->by_queue = true;
	return err ? err_set(e, -err, "reading who has sockets out of the kernel: %s", err_text(-err)) : 0;
}

static int trace_expect_busy(void *state, struct err *e)
{
	struct pkt_trace *t = state;
	uint32_t yes = 1;
	int err;

	if (t->busy || bpfobj_prog(t->tables.obj, "pkt_tx") < 0)
		return 0;
	err = bpfobj_poke(t->tables.obj, "pkt_busy", &yes, sizeof(yes));
	if (err)
		return err_set(e, -err, "counting packets: %s", err_text(-err));
	err = bpfobj_attach(t->tables.obj, "pkt_tx_done", e);
	t->busy = !err;
	return err;
}

static int trace_cut(void *state, struct err *e)
{
	struct pkt_trace *t = state;

	return pkt_tables_cut(&t->tables, e);
}

static int trace_settle(void *state, struct err *e)
{
	struct pkt_trace *t = state;

	return pkt_tables_settle(&t->tables, e);
}

const struct pkt_rung pkt_rung_trace = {
	.start = trace_start, .expect_busy = trace_expect_busy, .begin = trace_cut, .settle = trace_settle, .cut = trace_cut, .read = trace_read,
	.stop = trace_stop,
};
