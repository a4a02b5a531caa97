// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows of counted packets: from what stood on the wire to the flow as its owner sees it, and the index that finds it.
 * kbuild: CONFIG_PACKETS
 */
#include "app/traffic.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "app/spaces.h"
#include "core/util.h"
#include "model/strings.h"

/* A flow seen from this host: `src` is the local end, or the originating side. */
struct ends {
	struct ct_tuple t;
	bool reverse, forwarded;
	const struct ct_flow *ct;
};

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* Multicast, or the limited broadcast. */
static bool is_group(const uint8_t a[16])
{
	if (memcmp(a, mapped, sizeof(mapped)))
		return a[0] == 0xff;
	return a[12] >> 4 == 0xe || (a[12] & a[13] & a[14] & a[15]) == 0xff;
}

static void turn(struct ends *e)
{
	struct ct_tuple t = e->t;

	memcpy(e->t.src, t.dst, 16);
	memcpy(e->t.dst, t.src, 16);
	e->t.sport = t.dport;
	e->t.dport = t.sport;
	e->reverse = !e->reverse;
}

/* As connection tracking has it, translations undone: a local end is the one that the socket has. */
static void orient_tracked(struct ends *e, const struct links *l, bool reply)
{
	const struct ct_flow *ct = e->ct;

	e->t = ct->orig;
	e->reverse = reply;
	if (links_is_local(l, ct->orig.src))
		return;
	if (!links_is_local(l, ct->reply.src)) {
		e->forwarded = true;
		return;
	}
	/* Somebody's connection to a socket here. */
	e->t = ct->reply;
	e->reverse = !reply;
}

static void orient(struct ends *e, const struct traffic_space *s, const struct pkt_key *k, bool tx)
{
	const struct links *l = &s->links;
	bool src_local, dst_local, reply;

	memcpy(e->t.src, k->src, 16);
	memcpy(e->t.dst, k->dst, 16);
	e->t.sport = ntohs(k->sport);
	e->t.dport = ntohs(k->dport);
	e->t.proto = (uint8_t)PKT_GET(PKT_WHAT_PROTO, k->what);
	src_local = links_is_local(l, k->src);
	dst_local = links_is_local(l, k->dst);
	if (src_local && dst_local) {
		/* Two sockets of this host: who sends is local on the way out, who receives on the way in. */
		if (!tx)
			turn(e);
		return;
	}
	e->ct = IS_ENABLED(CONFIG_CONNTRACK) && s->ct.n ? conntrack_find(&s->ct, &e->t, &reply) : NULL;
	if (e->ct) {
		orient_tracked(e, l, reply);
		return;
	}
	if (src_local)
		return;
	if (dst_local || (!tx && is_group(k->dst))) {
		turn(e);
		return;
	}
	if (is_group(k->dst))
		return;
	/* Passing through: without connection tracking nobody knows who began, so clients are those with the higher port. */
	e->forwarded = true;
	if (e->t.sport < e->t.dport || (e->t.sport == e->t.dport && memcmp(e->t.src, e->t.dst, 16) > 0))
		turn(e);
}

static unsigned proto_of(uint8_t ipproto)
{
	switch (ipproto) {
	case IPPROTO_TCP: return PROTO_TCP;
	case IPPROTO_UDP: return PROTO_UDP;
	case IPPROTO_ICMP: case IPPROTO_ICMPV6: return PROTO_ICMP;
	case IPPROTO_SCTP: return PROTO_SCTP;
	case IPPROTO_GRE: return PROTO_GRE;
	case IPPROTO_ESP: return PROTO_ESP;
	case IPPROTO_IPIP: case IPPROTO_IPV6: return PROTO_IPIP;
	case IPPROTO_IGMP: return PROTO_IGMP;
	default: return PROTO_OTHER;
	}
}

static bool has_ports(uint8_t ipproto)
{
	return ipproto == IPPROTO_TCP || ipproto == IPPROTO_UDP || ipproto == IPPROTO_SCTP || ipproto == IPPROTO_DCCP ||
	       ipproto == IPPROTO_UDPLITE;
}

/* What tells one row from another, packed so that it can be hashed and compared whole. */
struct row_key {
	struct ct_tuple t;
	uint32_t ifindex, queue, cpu;
	uint16_t vlan, space;
	uint8_t tx, kind, reverse, pad;
};

/* The queue's number: some devices store that of a receive queue plus one, zero when none was recorded. LINK may be NULL. */
static uint32_t queue_of(const struct pkt_key *k, const struct link *link)
{
	uint32_t queue = PKT_GET(PKT_WHAT_QUEUE, k->what);

	if (PKT_GET(PKT_WHAT_TX, k->what) || !link)
		return queue;
	if (link->num_rx == 1)
		return 0;
	return !link->rx_plus_one ? queue : queue ? queue - 1 : PKT_NO_QUEUE;
}

static void make_key(struct row_key *r, const struct ends *e, const struct pkt_key *k, const struct link *link, uint32_t space, bool cpu)
{
	memset(r, 0, sizeof(*r));
	r->t = e->t;
	r->ifindex = k->ifindex;
	r->queue = queue_of(k, link);
	r->cpu = cpu ? PKT_GET(PKT_WHAT_CPU, k->what) : 0;
	r->vlan = (uint16_t)PKT_GET(PKT_WHAT_VLAN, k->what);
	r->space = (uint16_t)space;
	r->tx = (uint8_t)PKT_GET(PKT_WHAT_TX, k->what);
	r->kind = (uint8_t)PKT_GET(PKT_WHAT_KIND, k->what);
	/* A local flow's direction follows from that at the device. */
	r->reverse = e->forwarded && e->reverse;
}

static bool same_number(const struct layout *l, const void *rec, unsigned f, uint32_t v)
{
	return rec_has(rec, f) ? rec_raw(l, rec, f) == v : !v;
}

static bool same_row(const struct traffic *t, uint32_t i, const struct row_key *r)
{
	const struct layout *l = &t->sockets.layout;
	const struct traffic_meta *m = &t->meta[i];
	const void *rec = table_at(&t->table, i);
	const uint8_t *src = rec_addr(l, rec, F_SRC), *dst = rec_addr(l, rec, F_DST);

	if (m->ifindex != r->ifindex || m->space != r->space || rec_raw(l, rec, F_DIR) != r->tx || m->reverse != r->reverse ||
	    (rec_has(rec, F_QUEUE) ? rec_raw(l, rec, F_QUEUE) != r->queue : r->queue != PKT_NO_QUEUE) ||
	    rec_raw(l, rec, F_PROTO) != proto_of(r->t.proto) || !same_number(l, rec, F_SPORT, r->t.sport) ||
	    !same_number(l, rec, F_DPORT, r->t.dport) || !same_number(l, rec, F_VLAN, r->vlan) ||
	    !same_number(l, rec, F_CPU, r->cpu))
		return false;
	if (!src || !dst)
		return r->kind == PKT_OTHER;
	return r->kind != PKT_OTHER && !memcmp(src, r->t.src, 16) && !memcmp(dst, r->t.dst, 16);
}

static void set_tuple(const struct layout *l, void *rec, unsigned src, const struct ct_tuple *t, bool ports)
{
	/* The four fields of a tuple follow each other in flow_fields.h. */
	rec_set_addr(l, rec, src, t->src);
	rec_set_addr(l, rec, src + 2, t->dst);
	if (!ports)
		return;
	rec_set(l, rec, src + 1, t->sport);
	rec_set(l, rec, src + 3, t->dport);
}
_Static_assert(F_DPORT == F_SRC + 3 && F_ORIG_DPORT == F_ORIG_SRC + 3 && F_REPLY_DPORT == F_REPLY_SRC + 3, "tuples");

static void fill(const struct traffic *t, void *rec, const struct row_key *r, const struct ends *e, bool cpu)
{
	const struct layout *l = &t->sockets.layout;
	const struct traffic_space *s = &t->space[r->space];
	const struct link *link = links_find(&s->links, r->ifindex);
	unsigned proto = r->kind == PKT_OTHER ? PROTO_OTHER : proto_of(r->t.proto);

	rec_set(l, rec, F_PROTO, proto);
	rec_set(l, rec, F_DIR, r->tx ? FLOW_TX : FLOW_RX);
	rec_set(l, rec, F_BYTES, 0);
	rec_set(l, rec, F_PACKETS, 0);
	if (s->name)
		rec_set(l, rec, F_NETNS, s->name);
	if (link)
		rec_set(l, rec, F_DEV, link->name);
	if (r->queue != PKT_NO_QUEUE)
		rec_set(l, rec, F_QUEUE, r->queue);
	if (cpu)
		rec_set(l, rec, F_CPU, r->cpu);
	if (r->vlan)
		rec_set(l, rec, F_VLAN, r->vlan);
	if (r->kind == PKT_OTHER)
		return;
	set_tuple(l, rec, F_SRC, &r->t, r->kind == PKT_IP && has_ports(r->t.proto));
	rec_set(l, rec, F_FORWARDED, e->forwarded);
	if (!e->ct)
		return;
	rec_set(l, rec, F_OFFLOADED, e->ct->offloaded || e->ct->hw_offloaded);
	if (e->forwarded || e->ct->translated) {
		set_tuple(l, rec, F_ORIG_SRC, &e->ct->orig, has_ports(r->t.proto));
		set_tuple(l, rec, F_REPLY_SRC, &e->ct->reply, has_ports(r->t.proto));
	}
}

static bool grow(struct traffic *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 1024, mask = cap * 2 - 1, i;
	struct traffic_meta *meta = realloc(t->meta, cap * sizeof(*meta));
	uint32_t *bucket = meta ? calloc((size_t)mask + 1, sizeof(*bucket)) : NULL;
	struct hist *sojourn = NULL;

	if (meta)
		t->meta = meta;
	if (bucket && t->qtrace && !(sojourn = realloc(t->sojourn, cap * sizeof(*sojourn)))) {
		free(bucket);
		bucket = NULL;
	}
	if (!bucket) {
		t->failed = true;
		return false;
	}
	if (sojourn) {
		memset(sojourn + t->cap, 0, (cap - t->cap) * sizeof(*sojourn));
		t->sojourn = sojourn;
	}
	for (i = 0; i < t->table.n; i++) {
		uint32_t b = t->meta[i].hash & mask;

		while (bucket[b])
			b = (b + 1) & mask;
		bucket[b] = i + 1;
	}
	free(t->bucket);
	t->bucket = bucket;
	t->mask = mask;
	t->cap = cap;
	return true;
}

/* The key of a row, its hash, and where it is, or TRAFFIC_NO_ROW. False: of no namespace that is looked at. */
struct place {
	struct ends ends;
	struct row_key key;
	uint32_t hash, row;
};

static bool find_row(const struct traffic *t, const struct pkt_key *k, bool cpu, struct place *p)
{
	uint32_t number = PKT_GET(PKT_WHAT_NETNS, k->what), space = number ? number - 1 : 0, b;

	memset(&p->ends, 0, sizeof(p->ends));
	p->row = TRAFFIC_NO_ROW;
	if (space >= t->nspace)
		return false;
	if (PKT_GET(PKT_WHAT_KIND, k->what) != PKT_OTHER)
		orient(&p->ends, &t->space[space], k, PKT_GET(PKT_WHAT_TX, k->what));
	make_key(&p->key, &p->ends, k, links_find(&t->space[space].links, k->ifindex), space, cpu);
	p->hash = hash_seeded(hash_random_seed(), &p->key, sizeof(p->key));
	if (!t->bucket)
		return true;
	for (b = p->hash & t->mask; t->bucket[b]; b = (b + 1) & t->mask)
		if (t->meta[t->bucket[b] - 1].hash == p->hash && same_row(t, t->bucket[b] - 1, &p->key)) {
			p->row = t->bucket[b] - 1;
			break;
		}
	return true;
}

uint32_t traffic_find(const struct traffic *t, const struct pkt_key *k)
{
	struct place p;

	find_row(t, k, false, &p);
	return p.row;
}

uint32_t traffic_row(struct traffic *t, const struct pkt_key *k, bool cpu)
{
	struct place p;
	uint32_t b;
	void *rec;

	if (!find_row(t, k, cpu, &p) || p.row != TRAFFIC_NO_ROW)
		return p.row;
	if (t->table.n == t->cap && !grow(t))
		return TRAFFIC_NO_ROW;
	rec = table_add(&t->table);
	if (!rec)
		return TRAFFIC_NO_ROW; /* counted by the table */
	t->meta[t->table.n - 1] = (struct traffic_meta){
		.hash = p.hash, .ifindex = p.key.ifindex, .space = p.key.space, .reverse = p.key.reverse,
	};
	fill(t, rec, &p.key, &p.ends, cpu);
	for (b = p.hash & t->mask; t->bucket[b]; b = (b + 1) & t->mask)
		;
	t->bucket[b] = t->table.n;
	return t->table.n - 1;
}

void traffic_rows_free(struct traffic *t)
{
	uint32_t i;

	for (i = 0; t->sojourn && i < t->table.n; i++)
		hist_free(&t->sojourn[i]);
	free(t->sojourn);
	free(t->meta);
	free(t->bucket);
	free(t->row);
	table_free(&t->table);
	t->sojourn = NULL;
	t->meta = NULL;
	t->bucket = NULL;
	t->row = NULL;
	t->cap = t->mask = t->nrow = 0;
}
