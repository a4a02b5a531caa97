// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Merging flows into groups.
 * kbuild: CONFIG_GROUPS
 *
 * A group is what has one name: the name is interned, and its id, a small number, leads to the group's record.
 */
#include "model/group.h"

#include <errno.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/util.h"
#include "model/strings.h"

/* A field that both the rows and the groups have. */
struct plan {
	uint8_t field, merge;
	uint8_t mean; /* FM_MEAN: which of the counts is its own */
};

struct grouping {
	struct table *out;
	const struct layout *from;
	const struct group_opts *opts;
	const struct procset *ps;
	uint32_t none, unknown;    /* string ids */
	struct buf name;           /* scratch */
	uint32_t *group_of;        /* by string id: position in OUT + 1, 0: no such group yet */
	struct fieldset *disagree; /* by group: FM_NONE fields whose members differ */
	uint32_t *known;           /* by group and mean field: members that know it (their sum is in the record) */
	uint32_t cap;              /* groups that the two arrays have room for */
	unsigned nplan, nmean;
	bool failed;               /* out of memory */
	struct plan plan[SCHEMA_FIELDS_MAX];
};

/* By CPU, device and queue. */
static void place_reads(enum group_by by, bool packets, struct fieldset *want)
{
#if IS_ENABLED(CONFIG_PACKETS)
	if (by != GROUP_CPU)
		fieldset_add(want, F_DEV);
	if (by == GROUP_CPU)
		fieldset_add(want, packets ? F_CPU : F_RX_CPU);
	else if (by == GROUP_QUEUE)
		fieldset_add(want, packets ? F_QUEUE : F_RX_QUEUE);
	if (by == GROUP_QUEUE && packets)
		fieldset_add(want, F_DIR);
#else
	(void)by;
	(void)packets;
	(void)want;
#endif
}

void group_reads(enum group_by by, bool packets, struct fieldset *want)
{
	switch (by) {
	case GROUP_NONE:
		return;
	case GROUP_PEER:
	case GROUP_PREFIX:
		fieldset_add(want, F_DST);
		return;
	case GROUP_CGROUP:
		fieldset_add(want, F_CGROUP);
		fieldset_add(want, F_INODE);
		return;
	case GROUP_PROC:
		fieldset_add(want, F_PROCS);
		fieldset_add(want, F_INODE);
		return;
	case GROUP_CPU:
	case GROUP_DEV:
	case GROUP_QUEUE:
		place_reads(by, packets, want);
		return;
	}
}

static uint32_t intern_name(struct grouping *g)
{
	/* Out of memory: strings.h has an answer for that, and the caller hears of it at the end. */
	uint32_t id = strings_add(g->name.p ? g->name.p : "", g->name.len);

	g->name.len = 0;
	return id;
}

/* "192.0.2.1", or "192.0.2.0/24" when grouping by prefix. A socket without a peer has the address 0. */
static uint32_t name_by_peer(struct grouping *g, const void *row)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, zero[16];
	const uint8_t *dst = rec_addr(g->from, row, F_DST);
	bool v4 = dst && !memcmp(dst, mapped, sizeof(mapped));
	unsigned skip = v4 ? 12 : 0, plen = v4 ? g->opts->prefix4 : g->opts->prefix6;
	uint8_t net[16];

	if (!dst)
		return g->unknown;
	if (!memcmp(dst + skip, zero, 16 - skip))
		return g->none;
	memcpy(net, dst, sizeof(net));
	for (unsigned i = skip; g->opts->by == GROUP_PREFIX && i < 16; i++) {
		unsigned before = (i - skip) * 8, keep = plen > before ? MIN(plen - before, 8) : 0;

		net[i] &= (uint8_t)(0xff00u >> keep);
	}
	if (buf_room(&g->name, 46))
		g->name.len += fmt_addr(g->name.p + g->name.len, net);
	if (g->opts->by == GROUP_PREFIX) {
		buf_ch(&g->name, '/');
		buf_u64(&g->name, plen);
	}
	return intern_name(g);
}

/* The process that counts for a row: the one with the lowest pid. NULL, and *ID says of which kind the lack is. */
static const struct proc *first_holder(const struct grouping *g, const void *row, uint32_t *id)
{
	const struct procset_link *link;
	uint64_t inode;
	int n = -1;

	if (rec_get(g->from, row, F_INODE, &inode))
		n = procset_holders(g->ps, (uint32_t)inode, &link);
	*id = n < 0 ? g->unknown : g->none;
	return n > 0 ? &g->ps->proc[link->proc] : NULL;
}

/* "nginx(1234)" */
static uint32_t name_by_proc(struct grouping *g, const void *row)
{
	uint32_t id;
	const struct proc *p = first_holder(g, row, &id);

	if (!p)
		return id;
	if (g->opts->by_name)
		return p->name;
	buf_str(&g->name, strings_get(p->name));
	buf_ch(&g->name, '(');
	buf_u64(&g->name, p->pid);
	buf_ch(&g->name, ')');
	return intern_name(g);
}

/* The socket's own control group; where the kernel does not tell it, the one of the process that holds it. */
static uint32_t name_by_cgroup(struct grouping *g, const void *row)
{
	const struct proc *p;
	uint64_t cgroup;
	uint32_t id;

	if (rec_get(g->from, row, F_CGROUP, &cgroup))
		return cgroup ? (uint32_t)cgroup : g->none;
	p = first_holder(g, row, &id);
	if (!p)
		return id;
	return p->cgroup ? p->cgroup : g->unknown;
}

#if IS_ENABLED(CONFIG_PACKETS)
/* "cpu 3" */
static uint32_t name_by_cpu(struct grouping *g, const void *row)
{
	uint64_t cpu;

	if (!rec_get(g->from, row, g->from->slot[F_CPU].width ? F_CPU : F_RX_CPU, &cpu))
		return g->unknown;
	buf_str(&g->name, "cpu ");
	buf_u64(&g->name, cpu);
	return intern_name(g);
}

/* Packets always have a device, and most sockets are bound to none. */
/* "eth0", or "space/eth0" where it is in another namespace than the caller's. */
static void put_dev(struct grouping *g, const void *row, uint64_t dev)
{
	uint64_t netns;

	if (rec_get(g->from, row, F_NETNS, &netns) && netns) {
		buf_str(&g->name, strings_get((uint32_t)netns));
		buf_ch(&g->name, '/');
	}
	buf_str(&g->name, strings_get((uint32_t)dev));
}

static uint32_t name_by_dev(struct grouping *g, const void *row)
{
	uint64_t dev;

	if (!rec_get(g->from, row, F_DEV, &dev) || !dev)
		return g->none;
	put_dev(g, row, dev);
	return intern_name(g);
}

/* "eth0 tx 2"; "eth0 tx" when the queue was not recorded; of a socket, which has but a receive queue, "rx 2". */
static uint32_t name_by_queue(struct grouping *g, const void *row)
{
	bool packets = g->from->slot[F_QUEUE].width;
	uint64_t dev = 0, dir = FLOW_RX, queue;
	bool known = rec_get(g->from, row, packets ? F_QUEUE : F_RX_QUEUE, &queue);

	rec_get(g->from, row, F_DEV, &dev);
	if (packets ? !dev || !rec_get(g->from, row, F_DIR, &dir) : !known)
		return g->unknown;
	put_dev(g, row, dev);
	if (dev)
		buf_ch(&g->name, ' ');
	buf_str(&g->name, dir == FLOW_RX ? "rx" : "tx");
	if (known) {
		buf_ch(&g->name, ' ');
		buf_u64(&g->name, queue);
	}
	return intern_name(g);
}
#endif

static uint32_t group_name(struct grouping *g, const void *row)
{
	switch (g->opts->by) {
	case GROUP_PEER:
	case GROUP_PREFIX:
		return name_by_peer(g, row);
	case GROUP_PROC:
		return name_by_proc(g, row);
	case GROUP_CGROUP:
		return name_by_cgroup(g, row);
#if IS_ENABLED(CONFIG_PACKETS)
	case GROUP_CPU:
		return name_by_cpu(g, row);
	case GROUP_DEV:
		return name_by_dev(g, row);
	case GROUP_QUEUE:
		return name_by_queue(g, row);
#endif
	default:
		return g->none;
	}
}

static bool grow_side(struct grouping *g)
{
	uint32_t cap = g->cap ? g->cap * 2 : 64;
	struct fieldset *disagree = realloc(g->disagree, cap * sizeof(*disagree));
	uint32_t *known;

	if (!disagree)
		return false;
	g->disagree = disagree;
	known = realloc(g->known, (size_t)cap * (g->nmean + 1) * sizeof(*known));
	if (!known)
		return false;
	g->known = known;
	g->cap = cap;
	return true;
}

#define NO_GROUP UINT32_MAX

/* Position of the group of that name, made when it is new; NO_GROUP: no room, OUT counts the row as evicted. */
static uint32_t find_group(struct grouping *g, uint32_t id)
{
	uint32_t at = g->group_of[id];
	void *rec;

	if (at)
		return at - 1;
	at = g->out->n;
	if (at >= g->cap && !grow_side(g)) {
		g->failed = true;
		return NO_GROUP;
	}
	rec = table_add(g->out);
	if (!rec)
		return NO_GROUP;
	memset(&g->disagree[at], 0, sizeof(*g->disagree));
	memset(&g->known[at * g->nmean], 0, g->nmean * sizeof(*g->known));
	rec_set(g->out->lay, rec, F_GROUP, id);
	rec_set(g->out->lay, rec, F_FLOWS, 0);
	g->group_of[id] = at + 1;
	return at;
}

/* Kept only as long as every member says the same. */
static void merge_agreed(struct grouping *g, void *rec, uint32_t at, const void *row, unsigned f, bool first)
{
	const struct layout *l = g->out->lay;
	bool addr = l->schema->field[f].kind == FK_ADDR, same = true;
	uint64_t v = 0;

	if (fieldset_has(&g->disagree[at], f))
		return;
	if (!rec_has(row, f))
		same = false;
	else if (!addr)
		rec_get(g->from, row, f, &v);
	if (same && !first)
		same = addr ? !memcmp(rec_addr(l, rec, f), rec_addr(g->from, row, f), 16) : rec_raw(l, rec, f) == v;
	if (!same) {
		fieldset_add(&g->disagree[at], f);
		fieldset_del(rec_have(rec), f);
	} else if (first && addr) {
		rec_set_addr(l, rec, f, rec_addr(g->from, row, f));
	} else if (first) {
		rec_set(l, rec, f, v);
	}
}

static void merge_number(struct grouping *g, void *rec, uint32_t at, const void *row, const struct plan *p)
{
	const struct layout *l = g->out->lay;
	uint64_t v, have;

	if (!rec_get(g->from, row, p->field, &v))
		return;
	if (p->merge == FM_MEAN)
		g->known[at * g->nmean + p->mean]++;
	if (rec_get(l, rec, p->field, &have)) {
		if (p->merge == FM_MIN)
			v = MIN(v, have);
		else if (p->merge == FM_MAX)
			v = MAX(v, have);
		else
			v = v > UINT64_MAX - have ? UINT64_MAX : v + have;
	}
	rec_set(l, rec, p->field, v);
}

static void merge_row(struct grouping *g, uint32_t at, const void *row, bool first)
{
	void *rec = table_at(g->out, at);
	uint64_t flows = rec_raw(g->out->lay, rec, F_FLOWS);

	for (unsigned i = 0; i < g->nplan; i++) {
		if (g->plan[i].merge == FM_NONE)
			merge_agreed(g, rec, at, row, g->plan[i].field, first);
		else
			merge_number(g, rec, at, row, &g->plan[i]);
	}
	/* A row may be but one of several of its flow, and then knows whether it is the one that counts. */
	rec_set(g->out->lay, rec, F_FLOWS, flows + (rec_has(row, F_FLOWS) ? rec_raw(g->from, row, F_FLOWS) : 1));
}

static void make_plan(struct grouping *g)
{
	const struct layout *l = g->out->lay;

	for (unsigned f = 0; f < l->schema->n; f++) {
		struct plan p = { .field = (uint8_t)f, .merge = l->schema->field[f].merge };

		if (f == F_GROUP || f == F_FLOWS || !l->slot[f].width || !g->from->slot[f].width)
			continue;
		if (p.merge == FM_MEAN)
			p.mean = (uint8_t)g->nmean++;
		g->plan[g->nplan++] = p;
	}
}

/* What FM_MEAN fields hold so far is the sum. */
static void divide_means(struct grouping *g)
{
	for (unsigned i = 0; i < g->nplan; i++) {
		const struct plan *p = &g->plan[i];

		for (uint32_t at = 0; p->merge == FM_MEAN && at < g->out->n; at++) {
			void *rec = table_at(g->out, at);
			uint32_t known = g->known[at * g->nmean + p->mean];

			if (known)
				rec_set(g->out->lay, rec, p->field, rec_raw(g->out->lay, rec, p->field) / known);
		}
	}
}

int rows_group(struct table *out, void *const *row, uint32_t n, const struct layout *l, const struct group_opts *o,
	       const struct procset *ps, struct err *e)
{
	struct grouping *g = calloc(1, sizeof(*g));
	bool failed = true;

	if (!g)
		goto out;
	g->out = out;
	g->from = l;
	g->opts = o;
	g->ps = ps;
	g->none = strings_add("(none)", 6);
	g->unknown = strings_add("(unknown)", 9);
	g->group_of = calloc(STRINGS_MAX, sizeof(*g->group_of)); /* pages that no id falls into are never touched */
	if (!g->group_of)
		goto out;
	make_plan(g);
	for (uint32_t i = 0; i < n && !g->failed; i++) {
		uint32_t before = out->n, at = find_group(g, group_name(g, row[i]));

		if (at != NO_GROUP)
			merge_row(g, at, row[i], out->n != before);
	}
	divide_means(g);
	failed = g->failed || g->name.failed;
out:
	if (g) {
		buf_free(&g->name);
		free(g->group_of);
		free(g->disagree);
		free(g->known);
		free(g);
	}
	return failed ? err_set(e, ENOMEM, "out of memory while grouping") : 0;
}
