// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_PKT_TABLES
 *
 * The tables of the packet counters in the kernel (pktrec.h): how large they are, swapping their generations, reading
 * and clearing the one that nobody writes to any more.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "collect/bpfobj.h"
#include "collect/door.h"
#include "collect/pktrung.h"
#include "core/util.h"

#define SLOTS_MIN 256
#define SLOTS_MAX 16384        /* of one CPU */
#define SLOTS_ALL_MAX 65536    /* of all CPUs, in one generation */
#define CONSTS_MAX 16
#define GENERATIONS 2

void pkt_tables_size(struct pkt_tables *t, const struct pkt_opts *o, uint32_t ncpu, uint64_t memory)
{
	uint64_t room;

	t->ncpu = MIN(MAX(ncpu, 1), PKT_CPUS_MAX);
	t->once = o->count == 1;
	room = memory / 256 / sizeof(struct pkt_slot) / GENERATIONS;
	room = MIN(room, SLOTS_ALL_MAX) / t->ncpu;
	for (t->slots = SLOTS_MIN; t->slots < SLOTS_MAX && 2 * t->slots <= room;)
		t->slots *= 2;
	t->entries = pkt_entries(o, memory);
}

static size_t slots_len(const struct pkt_tables *t)
{
	return sizeof(*t->slot) * GENERATIONS * t->ncpu * t->slots;
}

static int load(const struct pkt_tables *t, struct bpfobj **out, const struct bpf_image *img,
		const struct bpf_const *more, unsigned nmore, struct bpfobj_opts *opts, struct err *e)
{
	uint32_t mask = t->slots - 1;
	struct bpf_const consts[CONSTS_MAX] = {
		{ "slot_mask", &mask, sizeof(mask) },
		{ "ncpus", &t->ncpu, sizeof(t->ncpu) },
		{ "hash_seed", &t->seed, sizeof(t->seed) },
	};
	const struct bpf_mapsize sizes[] = {
		{ "pkt_slots", GENERATIONS * t->ncpu * t->slots },
		{ "pkt_more0", t->once ? 1 : t->entries }, /* the one before pkt_tables_begin() */
		{ "pkt_more1", t->entries },
		{ "pkt_last", t->ncpu }, /* of rung 1 alone */
	};

	opts->nconst = 3 + MIN(nmore, CONSTS_MAX - 3);
	memcpy(consts + 3, more, (opts->nconst - 3) * sizeof(*more));
	opts->consts = consts;
	opts->sizes = sizes;
	opts->nsize = ARRAY_SIZE(sizes);
	return bpfobj_load(out, img, opts, e);
}

int pkt_tables_load_more(const struct pkt_tables *t, struct bpfobj **out, const struct bpf_image *img,
			 const struct bpf_const *more, unsigned nmore, struct err *e)
{
	struct bpfobj_opts opts = { .share = t->obj };

	return load(t, out, img, more, nmore, &opts, e);
}

int pkt_tables_load(struct pkt_tables *t, const struct pkt_opts *o, const struct bpf_image *img,
		    const struct bpf_const *more, unsigned nmore, const char *skip, struct err *e)
{
	struct bpfobj_opts opts = { .btf_path = o->btf, .skip = skip };
	int err;

	t->stats = -1;
	pkt_tables_size(t, o, door_cpus(), pkt_memory());
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != (ssize_t)sizeof(t->seed))
		t->seed = now_ns();
	err = load(t, &t->obj, img, more, nmore, &opts, e);
	if (err)
		return err;
	if (o->stats)
		t->stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	t->slot = mmap(NULL, slots_len(t), PROT_READ | PROT_WRITE, MAP_SHARED, bpfobj_map(t->obj, "pkt_slots"), 0);
	if (t->slot == MAP_FAILED) {
		t->slot = NULL;
		return err_set(e, errno, "BPF map pkt_slots cannot be mapped: %s", err_text(errno));
	}
	return 0;
}

void pkt_tables_close(struct pkt_tables *t)
{
	if (t->slot)
		munmap(t->slot, slots_len(t));
	if (!t->obj)
		return;
	bpfobj_free(t->obj);
	if (t->stats >= 0)
		close(t->stats);
	t->obj = NULL;
	t->slot = NULL;
}

/*
 * Visits every CPU: what ran there without being preemptible is over then. A CPU that may not be visited (a cpuset) is
 * given a moment instead; one that is off runs nothing.
 */
static void visit_cpus(uint32_t ncpu)
{
	unsigned long home[PKT_CPUS_MAX / (8 * sizeof(long))], one[ARRAY_SIZE(home)];
	const unsigned bits = 8 * sizeof(*one);
	bool missed = false;
	long len = syscall(__NR_sched_getaffinity, 0, sizeof(home), home);

	for (uint32_t cpu = 0; len > 0 && cpu < ncpu; cpu++) {
		memset(one, 0, sizeof(one));
		one[cpu / bits] = 1UL << cpu % bits;
		missed |= syscall(__NR_sched_setaffinity, 0, sizeof(one), one) != 0;
	}
	if (len > 0)
		syscall(__NR_sched_setaffinity, 0, len, home);
	if (len <= 0 || missed)
		poll(NULL, 0, 20);
}

void pkt_synchronize(uint32_t ncpu)
{
	if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		visit_cpus(ncpu); /* not built in, or nohz_full */
}

static int read_slots(struct pkt_tables *t, uint32_t gen, pkt_fn fn, void *arg)
{
	uint32_t n = t->ncpu * t->slots;
	struct pkt_slot *s = t->slot + (size_t)gen * n;

	for (; n--; s++) {
		if (!s->n.packets)
			continue;
		if (fn(arg, &s->key, &s->n))
			return -ECANCELED;
		memset(s, 0, sizeof(*s));
	}
	return 0;
}

struct hand_over {
	pkt_fn fn;
	void *arg;
};

static int on_entry(void *arg, const void *key, const void *value)
{
	const struct hand_over *h = arg;
	const struct pkt_count *n = value;

	return n->packets ? h->fn(h->arg, key, n) : 0; /* 0: all were taken back */
}

/* What only grows in the kernel. */
static void read_totals(struct pkt_tables *t, struct pkt_result *res)
{
	uint64_t runs = 0, run_ns = 0;
	struct pkt_lost l = t->lost;
	uint32_t zero = 0;

	bpf_map_lookup_elem(bpfobj_map(t->obj, "pkt_lost"), &zero, &l);
	res->lost_packets += l.packets - t->lost.packets;
	res->lost_bytes += l.bytes - t->lost.bytes;
	res->lost_flows += l.flows - t->lost.flows;
	t->lost = l;
	bpfobj_cost(t->obj, NULL, &runs, &run_ns);
	res->runs += runs - t->runs;
	res->run_ns += run_ns - t->run_ns;
	t->runs = runs;
	t->run_ns = run_ns;
}

static int drain(struct pkt_tables *t, uint32_t gen, struct hand_over *h)
{
	int err = read_slots(t, gen, h->fn, h->arg);

	return err ? err : bpf_drain(bpfobj_map(t->obj, gen ? "pkt_more1" : "pkt_more0"), sizeof(struct pkt_key),
				     sizeof(struct pkt_count), on_entry, h);
}

static int forget(void *arg, const struct pkt_key *key, const struct pkt_count *n)
{
	(void)arg, (void)key, (void)n;
	return 0;
}

int pkt_tables_cut(struct pkt_tables *t, struct err *e)
{
	uint32_t next = !t->gen;
	int err = bpfobj_poke(t->obj, "pkt_gen", &next, sizeof(next));

	if (err)
		return err_set(e, -err, "counting packets: %s", err_text(-err));
	t->gen = next;
	return 0;
}

int pkt_tables_settle(struct pkt_tables *t, struct err *e)
{
	struct hand_over nobody = { forget, NULL };
	struct pkt_result ignored = { 0 };
	int err;

	pkt_synchronize(t->ncpu);
	err = drain(t, !t->gen, &nobody);
	read_totals(t, &ignored);
	return err ? err_set(e, -err, "counting packets: %s", err_text(-err)) : 0;
}

int pkt_tables_read(struct pkt_tables *t, pkt_fn fn, void *arg, struct pkt_result *res, struct err *e)
{
	struct hand_over h = { fn, arg };
	int err;

	pkt_synchronize(t->ncpu);
	err = drain(t, !t->gen, &h);
	if (!err)
		read_totals(t, res);
	return err ? err_set(e, -err, "reading packet counts out of the kernel: %s", err_text(-err)) : 0;
}
