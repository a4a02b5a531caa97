// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What sockets, processes and connection tracking know about the rows of counted packets.
 * kbuild: CONFIG_PACKETS
 */
#include "app/traffic.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "app/spaces.h"
#include "core/util.h"
#include "model/strings.h"

/* Sockets by their ends: an open hash of positions in the table + 1. */
struct socket_index {
	const struct flows *fl;
	uint32_t *bucket, mask;
};

/* One end, or both, of a socket; what is zero is not bound or not connected. */
struct socket_key {
	uint8_t src[16], dst[16];
	uint32_t netns;
	uint16_t sport, dport;
	uint8_t proto, pad[3];
};

static const uint8_t any4[16] = { [10] = 0xff, [11] = 0xff }, any6[16];

static void key_of(const struct layout *l, const void *rec, struct socket_key *k)
{
	const uint8_t *src = rec_addr(l, rec, F_SRC), *dst = rec_addr(l, rec, F_DST);

	memset(k, 0, sizeof(*k));
	if (src)
		memcpy(k->src, src, 16);
	if (dst)
		memcpy(k->dst, dst, 16);
	k->sport = rec_has(rec, F_SPORT) ? (uint16_t)rec_raw(l, rec, F_SPORT) : 0;
	k->dport = rec_has(rec, F_DPORT) ? (uint16_t)rec_raw(l, rec, F_DPORT) : 0;
	k->netns = rec_has(rec, F_NETNS) ? (uint32_t)rec_raw(l, rec, F_NETNS) : 0;
	k->proto = (uint8_t)rec_raw(l, rec, F_PROTO);
}

/* A socket that is not connected has the peer "any" in either family; zero stands for both. */
static void forget_any(struct socket_key *k)
{
	if (!memcmp(k->src, any4, 16))
		memset(k->src, 0, 16);
	if (!memcmp(k->dst, any4, 16))
		memset(k->dst, 0, 16);
}

static int index_build(struct socket_index *x, const struct flows *fl)
{
	uint32_t size = 64, i, b;
	struct socket_key k;

	while (size < fl->table.n * 2)
		size *= 2;
	x->fl = fl;
	x->mask = size - 1;
	x->bucket = calloc(size, sizeof(*x->bucket));
	if (!x->bucket)
		return -ENOMEM;
	for (i = 0; i < fl->table.n; i++) {
		key_of(&fl->layout, table_at(&fl->table, i), &k);
		forget_any(&k);
		b = hash_seeded(hash_random_seed(), &k, sizeof(k)) & x->mask;
		while (x->bucket[b])
			b = (b + 1) & x->mask;
		x->bucket[b] = i + 1;
	}
	return 0;
}

static const void *index_find(const struct socket_index *x, const struct socket_key *k)
{
	struct socket_key other;
	uint32_t b = hash_seeded(hash_random_seed(), k, sizeof(*k)) & x->mask;

	for (; x->bucket[b]; b = (b + 1) & x->mask) {
		const void *rec = table_at(&x->fl->table, x->bucket[b] - 1);

		key_of(&x->fl->layout, rec, &other);
		forget_any(&other);
		if (!memcmp(k, &other, sizeof(other)))
			return rec;
	}
	return NULL;
}

static bool is_forwarded(const struct layout *l, const void *row)
{
	return rec_has(row, F_FORWARDED) && rec_raw(l, row, F_FORWARDED);
}

/* The socket of a flow: connected to its peer, else bound to its address, else to its port alone. */
static const void *socket_of(const struct socket_index *x, const struct layout *l, const void *row)
{
	struct socket_key k;
	const void *rec;

	key_of(l, row, &k);
	rec = index_find(x, &k);
	if (rec || (k.proto != PROTO_UDP && k.proto != PROTO_TCP))
		return rec;
	memcpy(k.dst, any6, 16);
	k.dport = 0;
	rec = index_find(x, &k);
	if (rec)
		return rec;
	memcpy(k.src, any6, 16);
	return index_find(x, &k);
}

/* The row keeps what was counted and who it is; the socket gives the rest. */
static void take_socket(const struct layout *l, void *row, const void *sock, void *scratch)
{
	unsigned f;

	memcpy(scratch, row, l->size);
	memcpy(row, sock, l->size);
	for (f = 0; f < F_COUNT; f++) {
		const struct slot *s = &l->slot[f];

		if (s->width && !s->bits && rec_has(scratch, f)) {
			memcpy((char *)row + s->off, (char *)scratch + s->off, s->width);
			fieldset_add(rec_have(row), f);
		}
	}
	if (!rec_has(scratch, F_DEV))
		fieldset_del(rec_have(row), F_DEV);
}

/* Sockets that ended within the interval, by the ends they had. */
static int cmp_owner(const void *a, const void *b)
{
	const struct pkt_owner *x = a, *y = b;
	int d = memcmp(x->src, y->src, 32); /* src and dst */

	if (!d)
		d = x->sport != y->sport ? (x->sport < y->sport ? -1 : 1) : x->dport != y->dport ? (x->dport < y->dport ? -1 : 1) : 0;
	if (!d)
		d = x->netns != y->netns ? (x->netns < y->netns ? -1 : 1) : x->proto - y->proto;
	return d;
}

/* SPACE: the row's, of several. */
static const struct pkt_owner *owner_find(const struct pkt_result *res, const struct layout *l, const void *row, uint32_t space)
{
	const uint8_t *src = rec_addr(l, row, F_SRC), *dst = rec_addr(l, row, F_DST);
	const struct pkt_owner *hit;
	struct pkt_owner k = { 0 };
	unsigned way;

	if (!src || !dst || !rec_has(row, F_SPORT) || !res->nowner)
		return NULL;
	memcpy(k.src, src, 16);
	memcpy(k.dst, dst, 16);
	k.sport = (uint16_t)rec_raw(l, row, F_SPORT);
	k.dport = (uint16_t)rec_raw(l, row, F_DPORT);
	k.netns = spaces_many() ? (uint32_t)spaces_inode(space) : 0;
	k.proto = rec_raw(l, row, F_PROTO) == PROTO_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	/* Connected; then not connected; then bound to no address either, in both families. */
	for (way = 0; way < 4; way++) {
		if (way == 1) {
			memcpy(k.dst, src[0] || memcmp(src, any4, 12) ? any6 : any4, 16);
			k.dport = 0;
		}
		if (way >= 2)
			memcpy(k.src, way == 2 ? any4 : any6, 16);
		if (way >= 2)
			memcpy(k.dst, way == 2 ? any4 : any6, 16);
		hit = bsearch(&k, res->owner, res->nowner, sizeof(k), cmp_owner);
		if (hit)
			return hit;
	}
	return NULL;
}

/* Processes of sockets that are gone are added to those that still hold one. */
static int add_owner(struct procset *ps, const struct pkt_owner *o)
{
	uint32_t n, p;

	if (!o->inode || procset_find(ps, o->inode, &n))
		return 0;
	p = procset_add_proc(ps, o->pid, strings_add((const char *)o->comm, strnlen((const char *)o->comm, sizeof(o->comm))), 0);
	if (p != UINT32_MAX)
		procset_add_link(ps, o->inode, p);
	return 1;
}

static int join_owners(struct traffic *t, const struct layout *l)
{
	struct procset *ps = &t->sockets.procs;
	uint32_t i;
	int added = 0;

	if (!t->result.nowner || !t->sockets.procs_known)
		return 0;
	for (i = 0; !spaces_many() && i < t->result.nowner; i++)
		t->result.owner[i].netns = 0;
	qsort(t->result.owner, t->result.nowner, sizeof(*t->result.owner), cmp_owner);
	for (i = 0; i < t->table.n; i++) {
		void *row = table_at(&t->table, i);
		bool known = is_forwarded(l, row) || (rec_has(row, F_INODE) && rec_raw(l, row, F_INODE));
		const struct pkt_owner *o = known ? NULL : owner_find(&t->result, l, row, t->meta[i].space);

		if (o)
			rec_set(l, row, F_INODE, o->inode);
	}
	/* Found before anything is added: an inode of somebody who lives is not added again. */
	for (i = 0; i < t->result.nowner; i++)
		added += add_owner(ps, &t->result.owner[i]);
	return added ? procset_seal(ps) : 0;
}

/* Rows of one flow, found by their ends and one thing more: a hash beside the table's own, of its size. */
struct way {
	uint32_t row, in, out; /* number of the first row + 1; string ids of devices */
};

static struct way *way_find(const struct traffic *t, const struct layout *l, struct way *way, const void *row, unsigned field)
{
	struct {
		struct socket_key k;
		uint32_t more;
	} key, other;
	uint32_t b;

	key_of(l, row, &key.k);
	key.more = field < F_COUNT && rec_has(row, field) ? (uint32_t)rec_raw(l, row, field) : 0;
	for (b = hash_seeded(hash_random_seed(), &key, sizeof(key)) & t->mask; way[b].row; b = (b + 1) & t->mask) {
		const void *first = table_at(&t->table, way[b].row - 1);

		key_of(l, first, &other.k);
		other.more = field < F_COUNT && rec_has(first, field) ? (uint32_t)rec_raw(l, first, field) : 0;
		if (!memcmp(&key, &other, sizeof(key)))
			break;
	}
	return &way[b];
}

/* Where a forwarded flow's packets come in and go out, in the direction of `src` to `dst`. */
static void join_devices(struct traffic *t, const struct layout *l)
{
	struct way *way = calloc((size_t)t->mask + 1, sizeof(*way)), *w;
	uint32_t i, pass;

	if (!way) {
		t->failed = true;
		return;
	}
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < t->table.n; i++) {
			void *row = table_at(&t->table, i);
			uint32_t dev = rec_has(row, F_DEV) ? (uint32_t)rec_raw(l, row, F_DEV) : 0;

			if (!is_forwarded(l, row))
				continue;
			w = way_find(t, l, way, row, F_COUNT);
			w->row = w->row ? w->row : i + 1;
			if (!pass)
				*((rec_raw(l, row, F_DIR) == FLOW_TX) != t->meta[i].reverse ? &w->out : &w->in) = dev;
			if (pass && w->in)
				rec_set(l, row, F_IN_DEV, w->in);
			if (pass && w->out)
				rec_set(l, row, F_OUT_DEV, w->out);
		}
	}
	free(way);
}

/*
 * A flow has a row for each place where it was seen, but is one flow: of those that agree in field PLACE as well (F_COUNT: none)
 * only the first selected one counts. How many do; MARK: and notes that in them.
 */
static uint32_t count_flows(struct traffic *t, const struct layout *l, unsigned place, bool mark)
{
	struct way *way = calloc((size_t)t->mask + 1, sizeof(*way));
	uint32_t i, n = 0, flows = 0;

	t->failed |= !way;
	for (i = 0; way && i < t->table.n && n < t->nrow; i++) {
		void *row = table_at(&t->table, i);
		struct way *w;

		if (row != t->row[n])
			continue;
		n++;
		w = way_find(t, l, way, row, place);
		if (mark)
			rec_set(l, row, F_FLOWS, !w->row);
		flows += !w->row;
		w->row = w->row ? w->row : i + 1;
	}
	free(way);
	return flows;
}

int traffic_join(struct traffic *t, const struct look *l, struct report *rep, struct err *e)
{
	const struct layout *lay = &t->sockets.layout;
	struct socket_index x = { 0 };
	void *scratch = malloc(lay->size);
	uint32_t i;
	int r = scratch ? index_build(&x, &t->sockets) : -ENOMEM;

	for (i = 0; !r && i < t->table.n; i++) {
		void *row = table_at(&t->table, i);
		const void *sock = rec_has(row, F_FORWARDED) && !is_forwarded(lay, row) ? socket_of(&x, lay, row) : NULL;

		if (sock)
			take_socket(lay, row, sock, scratch);
		else if (is_forwarded(lay, row))
			rec_set(lay, row, F_INODE, 0); /* nobody here has it */
	}
	if (!r)
		r = join_owners(t, lay);
	if (!r && fieldset_has(&lay->want, F_IN_DEV) && t->table.n)
		join_devices(t, lay);
	free(x.bucket);
	free(scratch);
	t->row = r ? NULL : malloc((t->table.n + 1) * sizeof(*t->row));
	if (!t->row)
		return err_set(e, ENOMEM, "out of memory");
	rep->procs = t->sockets.procs_known ? &t->sockets.procs : NULL;
	for (i = 0; i < t->table.n; i++) {
		void *row = table_at(&t->table, i);

		rec_set(lay, row, F_RATE, traffic_rate(rec_raw(lay, row, F_BYTES), t->interval_ns));
		flow_derive(lay, row);
		if (filter_match(&l->filter, lay, row, rep->procs))
			t->row[t->nrow++] = row;
	}
	if (t->table.n) {
		t->nflow = count_flows(t, lay, F_COUNT, l->group < GROUP_CPU);
		/* In a queue's group each row is another flow. */
		if (l->group == GROUP_CPU || l->group == GROUP_DEV)
			count_flows(t, lay, l->group == GROUP_CPU ? F_CPU : F_DEV, true);
	}
	rep->evicted_flows += t->table.evicted;
	return t->failed ? err_set(e, ENOMEM, "out of memory") : 0;
}
