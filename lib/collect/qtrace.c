// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_SRC_QTRACE
 *
 * Time in the qdisc and drops with their reasons, from bpf/qtrace.bpf.c: its tables have two generations, of which one
 * is written while the other is read and emptied (pktrec.h).
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/qtrace.h"
#include "collect/bpfobj.h"
#include "collect/btf.h"
#include "collect/door.h"
#include "collect/pktrung.h"
#include "collect/qtrace.h"
#include "core/text.h"
#include "core/util.h"
#include "model/hist.h"
#include "model/strings.h"

#define CELLS_MIN 1024
#define CELLS_MAX (1U << 24)
#define CELLS_DEFAULT (1U << 18) /* less where there is less than a gigabyte of memory */
#define SETS_MIN 256             /* of stamps: 64 bytes each, of all packets that wait at a time */
#define SETS_MAX (1U << 14)
#define REASONS 256              /* the kernel has some 130 */
#define PIECE 256                /* elements in one message of a recording */

struct qtrace {
	struct bpfobj *waits, *drops; /* NULL: not asked for, or a replay; together they share their maps */
	struct bpfobj *maps;          /* the one of the two that is there */
	bool want_waits, want_drops, reasons;
	uint32_t gen;
	int stats; /* keeps the kernel counting run time; -1 */
	struct qtrace_count count;
	uint64_t runs, run_ns;
	bool named;            /* name is filled from the kernel's BTF */
	bool asked[REASONS];   /* by the caller, through the door */
	uint32_t name[REASONS]; /* string ids */
};

/* ---- start ---- */

static int load(struct qtrace *q, struct bpfobj **out, const struct qtrace_opts *o, bool drops, struct err *e)
{
	const uint8_t many = o->nnetns > 1, inner = o->inner;
	uint32_t netns = o->nnetns ? (uint32_t)o->netns[0] : 0, sets = SETS_MIN, mask, cells;
	const uint32_t reason = q->reasons, want_drops = drops;
	uint64_t memory = pkt_memory();
	struct stat st;
	const struct bpf_const consts[] = {
		{ "want_netns", &netns, sizeof(netns) },   { "many_netns", &many, sizeof(many) },
		{ "inner", &inner, sizeof(inner) },        { "stamp_mask", &mask, sizeof(mask) },
		{ "has_reason", &reason, sizeof(reason) }, { "want_drops", &want_drops, sizeof(want_drops) },
	};
	struct bpf_mapsize sizes[] = {
		{ "q_waits0", 1 }, { "q_waits1", 1 }, { "q_drops0", 1 }, { "q_drops1", 1 }, { "q_stamps", 1 },
	};
	const struct bpfobj_opts opts = {
		.consts = consts, .nconst = ARRAY_SIZE(consts), .sizes = sizes, .nsize = ARRAY_SIZE(sizes),
		.only = drops ? "q_packet" : NULL, .target = drops ? "btf_trace_kfree_skb" : NULL, .share = q->maps,
	};

	if (!o->nnetns) {
		if (stat("/proc/thread-self/ns/net", &st))
			return err_set(e, errno, "cannot tell the network namespace: /proc/thread-self/ns/net: %s",
				       err_text(errno));
		netns = (uint32_t)st.st_ino;
	}
	while (sets < SETS_MAX && sets * 64ULL < memory / 512)
		sets *= 2;
	mask = q->want_waits ? sets - 1 : 0;
	sizes[4].max_entries = mask + 1;
	cells = o->max_cells ? o->max_cells : (uint32_t)MIN(CELLS_DEFAULT, memory / 4096);
	cells = MIN(MAX(cells, CELLS_MIN), CELLS_MAX);
	if (q->want_waits)
		sizes[0].max_entries = sizes[1].max_entries = cells;
	if (q->want_drops)
		sizes[2].max_entries = sizes[3].max_entries = MAX(cells / 4, CELLS_MIN);
	return bpfobj_load(out, &qtrace_image, &opts, e);
}

static int number_netns(const struct qtrace *q, const struct qtrace_opts *o, struct err *e)
{
	for (uint32_t i = 0; i < o->nnetns && o->nnetns > 1; i++) {
		uint32_t inode = (uint32_t)o->netns[i], number = i + 1;

		if (bpf_map_update_elem(bpfobj_map(q->maps, "pkt_netns"), &inode, &number, BPF_ANY))
			return err_set(e, errno, "too many network namespaces: %s", err_text(errno));
	}
	return 0;
}

static void add_cost(const struct qtrace *q, uint64_t *runs, uint64_t *run_ns)
{
	*runs = *run_ns = 0;
	if (q->waits)
		bpfobj_cost(q->waits, NULL, runs, run_ns);
	if (q->drops)
		bpfobj_cost(q->drops, NULL, runs, run_ns);
}

static int start(struct qtrace *q, const struct qtrace_opts *o, struct err *e)
{
	/* Stamps are made and removed before they are looked for. */
	static const char *const progs[] = { "q_forget", "q_busy", "q_queue", "q_dequeue", "q_packet" };
	int err = 0;

	if (q->want_waits)
		err = load(q, &q->waits, o, false, e);
	q->maps = q->waits;
	if (!err && q->want_drops) {
		/* Whether the tracepoint gives a reason (from 5.17 on) is known by trying. */
		q->reasons = true;
		err = load(q, &q->drops, o, true, e);
		if (err == -EINVAL) {
			q->reasons = false;
			err = load(q, &q->drops, o, true, e);
		}
		if (!q->maps)
			q->maps = q->drops;
	}
	if (!err)
		err = number_netns(q, o, e);
	if (!err && o->stats)
		q->stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (!err)
		add_cost(q, &q->runs, &q->run_ns);
	for (unsigned i = 0; i < ARRAY_SIZE(progs) && q->waits && !err; i++)
		err = bpfobj_attach(q->waits, progs[i], e);
	if (q->drops && !err)
		err = bpfobj_attach(q->drops, "q_packet", e);
	return err;
}

int qtrace_start(struct qtrace **out, const struct qtrace_opts *o, struct err *e)
{
	struct qtrace *q = calloc(1, sizeof(*q));
	int err = 0;

	*out = NULL;
	if (!q)
		return err_set(e, ENOMEM, "no memory for tracing qdiscs");
	q->stats = -1;
	q->want_waits = o->sojourn;
	q->want_drops = o->drops;
	if (!door_replaying())
		err = start(q, o, e);
	q->reasons = door_number("qtrace_reasons", q->reasons) != 0;
	if (err)
		qtrace_stop(q);
	else
		*out = q;
	return err;
}

void qtrace_stop(struct qtrace *q)
{
	if (!q)
		return;
	bpfobj_free(q->drops);
	bpfobj_free(q->waits);
	if (q->stats >= 0)
		close(q->stats);
	free(q);
}

/* ---- reading ---- */

struct wait_row {
	struct pkt_sojourn_cell cell;
	uint64_t packets;
};

struct drop_row {
	struct pkt_drop_cell cell;
	struct pkt_count n;
};
_Static_assert(sizeof(struct wait_row) == 64 && sizeof(struct drop_row) == 72, "rows have holes");

/* Where a table's elements go: to the caller, and into a recording. */
struct sink {
	qtrace_sojourn_fn wait;
	qtrace_drop_fn drop;
	void *arg;
	uint64_t packets;
	size_t key, value;
	struct door_stream stream;
	uint8_t *piece; /* NULL: nothing is recorded */
	unsigned n;
};

static void hand_over(struct sink *k, const void *row)
{
	struct wait_row w;
	struct drop_row d;

	if (k->value == sizeof(w.packets)) {
		memcpy(&w, row, sizeof(w));
		if (w.cell.bucket >= HIST_BUCKETS) /* a recording may say anything */
			return;
		k->packets += w.packets;
		if (k->wait && w.packets)
			k->wait(k->arg, &w.cell.key, w.cell.bucket, w.packets);
		return;
	}
	memcpy(&d, row, sizeof(d));
	if (k->drop && d.n.packets)
		k->drop(k->arg, &d.cell.key, d.cell.reason, &d.n);
}

static int on_element(void *arg, const void *key, const void *value)
{
	struct sink *k = arg;
	uint8_t row[sizeof(struct drop_row)];

	memcpy(row, key, k->key);
	memcpy(row + k->key, value, k->value);
	hand_over(k, row);
	if (k->piece) {
		memcpy(k->piece + k->n++ * (k->key + k->value), row, k->key + k->value);
		if (k->n == PIECE) {
			door_stream_note(&k->stream, k->piece, k->n * (k->key + k->value));
			k->n = 0;
		}
	}
	return 0;
}

static int replay(struct sink *k)
{
	uint8_t piece[PIECE * sizeof(struct drop_row)];
	size_t size = k->key + k->value;
	ssize_t n;

	while ((n = door_stream_read(&k->stream, piece, sizeof(piece))) > 0) {
		if ((size_t)n % size)
			return -EBADMSG;
		for (size_t i = 0; i < (size_t)n / size; i++)
			hand_over(k, piece + i * size);
	}
	return (int)n;
}

/* One table through the door. MAP: of the kernel, -1 in a replay. */
static int read_table(struct sink *k, const char *stream, int map)
{
	int err = door_stream_open(&k->stream, stream, -1);

	if (err)
		return err;
	if (door_recording() && !(k->piece = malloc(PIECE * (k->key + k->value))))
		err = -ENOMEM;
	else if (map < 0)
		err = replay(k);
	else
		err = bpf_drain(map, (uint32_t)k->key, (uint32_t)k->value, on_element, k);
	if (k->n)
		door_stream_note(&k->stream, k->piece, k->n * (k->key + k->value));
	free(k->piece);
	door_stream_close(&k->stream);
	return err;
}

int qtrace_cut(struct qtrace *q, struct err *e)
{
	uint32_t next = !q->gen;
	int err = q->maps ? bpfobj_poke(q->maps, "q_gen", &next, sizeof(next)) : 0;

	if (err)
		return err_set(e, -err, "tracing qdiscs: %s", err_text(-err));
	q->gen = next;
	return 0;
}

/* What was not counted, and what it cost, since the reading before. */
static void read_counts(struct qtrace *q, struct qtrace_result *res)
{
	struct qtrace_count c = q->count;
	uint64_t runs, run_ns;
	uint32_t zero = 0;

	if (q->maps)
		bpf_map_lookup_elem(bpfobj_map(q->maps, "q_count"), &zero, &c);
	add_cost(q, &runs, &run_ns);
	res->unmatched = door_number("qtrace_unmatched", c.unmatched - q->count.unmatched);
	res->lost = door_number("qtrace_lost", c.waits_lost - q->count.waits_lost);
	res->drops_lost = door_number("qtrace_drops_lost", c.drops_lost - q->count.drops_lost);
	res->runs = door_number("qtrace_runs", runs - q->runs);
	res->run_ns = door_number("qtrace_run_ns", run_ns - q->run_ns);
	q->count = c;
	q->runs = runs;
	q->run_ns = run_ns;
}

int qtrace_read(struct qtrace *q, qtrace_sojourn_fn sojourn, qtrace_drop_fn drop, void *arg, struct qtrace_result *res,
		struct err *e)
{
	struct sink waits = {
		.wait = sojourn, .arg = arg, .key = sizeof(struct pkt_sojourn_cell), .value = sizeof(uint64_t),
	};
	struct sink drops = {
		.drop = drop, .arg = arg, .key = sizeof(struct pkt_drop_cell), .value = sizeof(struct pkt_count),
	};
	uint32_t old = !q->gen;
	int err = 0;

	if (q->maps)
		pkt_synchronize(door_cpus()); /* then nobody writes into the old one any more */
	memset(res, 0, sizeof(*res));
	if (!err && q->want_waits)
		err = read_table(&waits, "qtrace_sojourn",
				 q->maps ? bpfobj_map(q->maps, old ? "q_waits1" : "q_waits0") : -1);
	if (!err && q->want_drops)
		err = read_table(&drops, "qtrace_drops",
				 q->maps ? bpfobj_map(q->maps, old ? "q_drops1" : "q_drops0") : -1);
	if (err)
		return err_set(e, -err, "reading qdisc times and drops out of the kernel: %s", err_text(-err));
	res->matched = waits.packets;
	res->reasons = q->reasons;
	read_counts(q, res);
	return 0;
}

/* ---- names of reasons ---- */

/* SKB_DROP_REASON_QDISC_DROP is qdisc_drop, SKB_CONSUMED is consumed. */
static uint32_t nice_name(const char *enumerator)
{
	static const char *const prefix[] = { "SKB_DROP_REASON_", "SKB_" };
	char name[64];
	size_t n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(prefix) && !n; i++)
		if (!strncmp(enumerator, prefix[i], strlen(prefix[i])))
			n = strlen(prefix[i]);
	enumerator += n;
	for (n = 0; enumerator[n] && n < sizeof(name); n++)
		name[n] = enumerator[n] >= 'A' && enumerator[n] <= 'Z' ? enumerator[n] | 0x20 : enumerator[n];
	return strings_add(name, n);
}

/* All at once: the kernel's BTF is some megabytes, and not kept. */
static void learn_names(struct qtrace *q)
{
	struct btf_name want = { .name = "skb_drop_reason", .cls = BTF_ENUMERATION };
	struct btf b;
	size_t len;
	void *p;

	q->named = true;
	if (bpf_map_btf(NULL, &p, &len, NULL))
		return;
	if (!btf_open(&b, p, len, &want, 1, NULL)) {
		for (uint32_t v = 0; want.n && v < REASONS; v++) {
			const char *name = btf_enumerator_name(&b, want.id[0], v);

			if (name)
				q->name[v] = nice_name(name);
		}
		btf_done(&b);
	}
	munmap(p, len);
}

static uint32_t ask_name(struct qtrace *q, uint32_t reason)
{
	char name[64], stream[32];
	ssize_t n = -ENOENT;

	if (!q->named && !door_replaying())
		learn_names(q);
	if (q->name[reason])
		n = (ssize_t)fmt_text(name, sizeof(name), "%s", strings_get(q->name[reason]));
	fmt_text(stream, sizeof(stream), "qtrace_reason_%u", reason);
	n = door_bytes(stream, name, sizeof(name), n);
	return n > 0 ? strings_add(name, MIN((size_t)n, sizeof(name))) : 0;
}

uint32_t qtrace_reason(struct qtrace *q, uint32_t reason)
{
	char name[64];

	if (!q->reasons)
		return 0;
	if (reason >> 16) /* openvswitch, mac80211, …: their lists are not in the kernel's BTF but in their own */
		return strings_add(name, fmt_text(name, sizeof(name), "subsystem %u reason %u", reason >> 16,
						  reason & 0xffff));
	if (reason >= REASONS)
		return 0;
	if (!q->asked[reason]) {
		q->name[reason] = ask_name(q, reason);
		q->asked[reason] = true;
	}
	return q->name[reason];
}
