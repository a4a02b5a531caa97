// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_SRC_PKT_FILTER
 *
 * Packets counted by a socket filter (bpf/pkttap.bpf.c): one packet socket in each namespace, whose filter counts
 * what passes and keeps nothing.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/pkttap.h"
#include "collect/bpfobj.h"
#include "collect/pktrung.h"
#include "core/util.h"

/* Not in the headers of every libc. */
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

struct tap {
	int sock;
	struct bpfobj *obj; /* NULL: the tables' own */
};

struct pkt_filter {
	struct pkt_tables tables;
	const struct pkt_opts *opts; /* while starting */
	uint64_t runs, run_ns;       /* of the programs beside the tables' own, as the reading before found them */
	uint32_t n;
	struct tap tap[];
};

/* A program for namespace I: the first one comes with the tables. */
static int load(struct pkt_filter *f, uint32_t i, struct err *e)
{
	const struct pkt_opts *o = f->opts;
	const uint32_t rx = o->rx, tx = o->tx, inner = o->inner, netns = o->nnetns > 1 ? i + 1 : 0;
	const struct bpf_const consts[] = {
		{ "want_rx", &rx, sizeof(rx) },
		{ "want_tx", &tx, sizeof(tx) },
		{ "want_inner", &inner, sizeof(inner) },
		{ "netns_number", &netns, sizeof(netns) },
	};

	if (!i)
		return pkt_tables_load(&f->tables, o, &pkttap_image, consts, ARRAY_SIZE(consts), NULL, e);
	return pkt_tables_load_more(&f->tables, &f->tap[i].obj, &pkttap_image, consts, ARRAY_SIZE(consts), e);
}

/* The filter is there before the first packet can come: a socket without a protocol is shown none. */
static int open_tap(void *arg, uint32_t i, struct err *e)
{
	const struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct pkt_filter *f = arg;
	struct tap *t = &f->tap[i];
	const int on = 1;
	int prog;

	t->sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (t->sock < 0)
		return err_set(e, errno, "packet socket: %s", err_text(errno));
	prog = bpfobj_prog(t->obj ? t->obj : f->tables.obj, "pkt_tap");
	if (setsockopt(t->sock, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)))
		return err_set(e, errno, "packet socket takes no filter: %s", err_text(errno));
	if (!f->opts->tx) /* older kernels do not know it: then the filter looks away */
		setsockopt(t->sock, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (bind(t->sock, (const struct sockaddr *)&all, sizeof(all)))
		return err_set(e, errno, "packet socket: %s", err_text(errno));
	return 0;
}

/* No packet is counted after it. */
static void close_taps(struct pkt_filter *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		if (f->tap[i].sock >= 0)
			close(f->tap[i].sock);
		f->tap[i].sock = -1;
	}
}

static void filter_stop(void *state)
{
	struct pkt_filter *f = state;

	close_taps(f);
	for (uint32_t i = 0; i < f->n; i++)
		bpfobj_free(f->tap[i].obj);
	pkt_tables_close(&f->tables);
	free(f);
}

static int filter_start(void **state, const struct pkt_opts *o, struct err *e)
{
	uint32_t n = MAX(o->nnetns, 1);
	struct pkt_filter *f;
	int err = 0;

	if (n >= PKT_NETNS_MAX)
		return err_set(e, E2BIG, "more than %u network namespaces", PKT_NETNS_MAX - 1);
	f = calloc(1, sizeof(*f) + n * sizeof(*f->tap));
	if (!f)
		return err_set(e, ENOMEM, "no memory for counting packets");
	f->opts = o;
	f->n = n;
	for (uint32_t i = 0; i < n; i++)
		f->tap[i].sock = -1;
	for (uint32_t i = 0; i < n && !err; i++)
		err = load(f, i, e);
	if (!err)
		err = pkt_each_netns(o, open_tap, f, e);
	f->opts = NULL;
	if (err)
		filter_stop(f);
	else
		*state = f;
	return err;
}

static int filter_read(void *state, pkt_fn fn, void *arg, struct pkt_result *res, struct err *e)
{
	struct pkt_filter *f = state;
	uint64_t runs = 0, run_ns = 0;

	if (f->tables.once)
		close_taps(f);
	for (uint32_t i = 1; i < f->n; i++)
		bpfobj_cost(f->tap[i].obj, NULL, &runs, &run_ns);
	res->runs = runs - f->runs;
	res->run_ns = run_ns - f->run_ns;
	f->runs = runs;
	f->run_ns = run_ns;
	res->by_cpu = res->by_queue = true;
	return pkt_tables_read(&f->tables, fn, arg, res, e);
}

static int filter_cut(void *state, struct err *e)
{
	struct pkt_filter *f = state;

	return pkt_tables_cut(&f->tables, e);
}

static int filter_settle(void *state, struct err *e)
{
	struct pkt_filter *f = state;

	for (uint32_t i = 1; i < f->n; i++)
		bpfobj_cost(f->tap[i].obj, NULL, &f->runs, &f->run_ns);
	return pkt_tables_settle(&f->tables, e);
}

const struct pkt_rung pkt_rung_filter = {
	.start = filter_start, .begin = filter_cut, .settle = filter_settle, .cut = filter_cut, .read = filter_read,
	.stop = filter_stop,
};
