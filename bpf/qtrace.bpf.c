// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How long each packet waited in its qdisc, and which packets were dropped, why.
 *
 * A packet's wait begins at net_dev_queue, right before the qdisc, and ends at qdisc_dequeue; it is counted when the
 * driver gets the packet, at net_dev_start_xmit, where the counters count it too. Three facts make that exact:
 *
 * - Softirqs are off from net_dev_queue to the packet's way past the qdisc, and from qdisc_dequeue to the driver. So
 *   whatever reaches a device on a CPU stems from the last of these two events on this CPU and device: after
 *   net_dev_queue it went past the qdisc, after qdisc_dequeue it comes out of it. That is told without looking at the
 *   packet, and so for the segments that it may have been cut into on the way, too.
 * - Only the times are kept by packet, in sets of four with no locks and nothing to allocate. Who is pushed out of its
 *   set is not matched, and counted as that.
 * - A time is found by the packet's address and length. It is overwritten when the address is queued again, and deleted
 *   when the packet reaches the driver or is dropped. What remains are packets that were cut into pieces, whose length
 *   no piece has.
 */
#include <stdbool.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "model/hist.h"

/* Set by user space before loading. */
const volatile uint32_t stamp_mask; /* sets of stamps, less one: a power of two */
const volatile uint32_t has_reason; /* 1: kfree_skb tells one */
const volatile uint32_t want_drops; /* 1: q_packet is attached to kfree_skb */

#define SKB_COPY
#define PKT_SCRATCH_SLOT want_drops /* drops happen in the middle of a system call, too, which softirqs interrupt */
#include "skb.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct netdev_queue {
	struct net_device *dev;
};

struct dst_entry {
	struct net_device *dev;
};

struct sk_buff___q {
	int skb_iif;
	unsigned long _skb_refdst;
};

enum skb_drop_reason {
	SKB_DROP_REASON_XDP = 1,
};

#pragma clang attribute pop

volatile uint32_t q_gen; /* which tables to write into, 0 or 1 */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct pkt_sojourn_cell);
	__type(value, uint64_t);
} q_waits0 SEC(".maps"), q_waits1 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct pkt_drop_cell);
	__type(value, struct pkt_count);
} q_drops0 SEC(".maps"), q_drops1 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct qtrace_count);
} q_count SEC(".maps");

/* When a packet was queued, in 48 bits (they last for three days), and its length in the lower 16. */
struct stamp {
	uint64_t skb; /* 0: free */
	uint64_t when;
};

#define WAYS 4
#define COUNTED 0 /* as `when`: the driver was busy, it will get the packet again */

struct stamps {
	struct stamp way[WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct stamps);
} q_stamps SEC(".maps");

/* What happened last on this CPU at a device. Devices that share one get in each other's way only when nested. */
struct door {
	uint64_t dev;
	uint64_t out;   /* when packets left the qdisc; 0: one was brought to it */
	uint64_t since; /* of a single packet that left: its stamp, 0: not known */
};

#define DOORS 64

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DOORS);
	__type(key, uint32_t);
	__type(value, struct door);
} q_doors SEC(".maps");

/* The verifier lets a pointer become a number in one way only: when it is cut to its lower half. */
static __always_inline uint32_t mix(const void *p)
{
	uint32_t low;

	asm volatile("%0 = %1" : "=w"(low) : "w"((uint32_t)(uint64_t)p));
	return (uint32_t)(low * 0x9e3779b97f4a7c15ULL >> 32);
}

static __always_inline uint64_t stamp_now(void)
{
	return bpf_ktime_get_ns() << 16;
}

static __always_inline uint32_t stamp_len(const struct sk_buff *skb)
{
	uint32_t len = skb->len;

	return (len ^ len >> 16) & 0xffff;
}

static __always_inline struct stamps *stamps_of(const struct sk_buff *skb)
{
	uint32_t i = mix(skb) & stamp_mask;

	return bpf_map_lookup_elem(&q_stamps, &i);
}

static __always_inline struct stamp *stamp_find(const struct sk_buff *skb)
{
	struct stamps *s = stamps_of(skb);

	for (int i = 0; s && i < WAYS; i++)
		if (s->way[i].skb == (uint64_t)skb)
			return &s->way[i];
	return NULL;
}

static __always_inline void stamp_set(const struct sk_buff *skb, uint64_t when)
{
	struct stamps *s = stamps_of(skb);
	uint64_t age = 0, now = stamp_now();
	struct stamp *to;

	if (!s)
		return;
	to = &s->way[0];
	for (int i = 0; i < WAYS; i++) {
		struct stamp *w = &s->way[i];

		if (w->skb == (uint64_t)skb) {
			to = w;
			break;
		}
		if (!w->skb) {
			to = w;
			age = UINT64_MAX;
		} else if (now - w->when > age) {
			to = w;
			age = now - w->when;
		}
	}
	to->skb = (uint64_t)skb;
	to->when = when;
}

static __always_inline struct door *door_of(const struct net_device *dev)
{
	uint32_t i = mix(dev) % DOORS;

	return bpf_map_lookup_elem(&q_doors, &i);
}

static __always_inline struct qtrace_count *counters(void)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(&q_count, &zero);
}

SEC("tp_btf/net_dev_queue")
int q_queue(uint64_t *ctx)
{
	const struct sk_buff *skb = (const void *)ctx[0];
	const struct net_device *dev = skb->dev;
	struct door *d;
	uint32_t nr;

	if (!ours(dev->nd_net.net, &nr))
		return 0;
	d = door_of(dev);
	if (!d)
		return 0;
	d->dev = (uint64_t)dev;
	d->out = 0;
	stamp_set(skb, stamp_now() | stamp_len(skb));
	return 0;
}

/* (qdisc, txq, packets, skb): skb is the first of a list of so many, or NULL. */
SEC("tp_btf/qdisc_dequeue")
int q_dequeue(uint64_t *ctx)
{
	const struct netdev_queue *txq = (const void *)ctx[1];
	const struct sk_buff *skb = (const void *)ctx[3];
	const struct net_device *dev;
	struct stamp *st;
	struct door *d;

	if (!skb)
		return 0;
	dev = txq->dev;
	d = door_of(dev);
	if (!d)
		return 0;
	d->dev = (uint64_t)dev;
	d->out = stamp_now();
	d->since = 0;
	if ((int)ctx[2] != 1)
		return 0;
	st = stamp_find(skb);
	if (st && (st->when & 0xffff) == stamp_len(skb))
		d->since = st->when;
	return 0;
}

struct pkt {
	const struct sk_buff *skb;
	struct pkt_src src;
	struct pkt_parsed p;
	uint32_t off, next; /* what stands where in src */
	uint32_t before;    /* bytes of the frame in front of src */
	uint32_t packets, bytes;
};

/* Before parsing: what led here shall not multiply the paths that the verifier has to walk. */
static __always_inline void blur(struct pkt *k)
{
	PKT_BLUR(k->src.base);
	PKT_BLUR(k->src.len);
	PKT_BLUR(k->off);
	PKT_BLUR(k->next);
	PKT_BLUR(k->before);
	PKT_BLUR(k->p.vlan);
}

/* Parses, and sets all but key.ifindex and key.what. LEN: bytes from the start of src to the end. */
static __always_inline void measure(struct pkt *k, uint64_t head, uint32_t len)
{
	unsigned how = inner ? PKT_INNER : 0;
	struct gso g;

	gso_of(head, k->skb, &g, false);
	k->src.len = len - GET(k->skb, data_len);
	k->p.vlan = vlan_of(k->skb);
	if (k->next == PKT_N_ETHER) {
		uint16_t type = 0;

		frame_fetch(&k->src, 12, &type, sizeof(type));
		k->off = 14;
		k->next = bpf_ntohs(type);
	}
	blur(k);
	PKT_BLUR(how);
	PKT_BLUR(g.size);
	/* No Ethernet header for the parser, which would be inlined with and without. */
	if (k->next < 0x600 || k->next > 0xffff)
		k->next = 256;
	pkt_parse(&k->src, k->off, k->next, how, &k->p);
	k->packets = 1;
	k->bytes = len + k->before;
	if (g.size) {
		uint32_t headers = pkt_headers(&k->src, &k->p);

		k->packets = g.segs ? g.segs : pkt_segments(len, headers, g.size);
		k->bytes += (k->packets - 1) * (headers + k->before);
	}
}

/* A packet, and what is to be said of it. */
struct seen {
	struct pkt k;
	const struct sk_buff *skb;
	uint32_t nr, ifindex;    /* namespace, device */
	uint32_t len;            /* from where it is parsed to its end */
	uint32_t bucket;         /* of the time in the qdisc */
	/* Yes and no, wide enough for PKT_BLUR: */
	uint32_t known;          /* that time */
	uint32_t tx;
	uint32_t at_device;      /* a whole frame, on its way out */
	/* drops: */
	uint32_t reason, iif, inum;
	uint16_t type;           /* of the device */
	uint16_t mac, net, data; /* offsets from head */
};

static __always_inline void count_wait(struct pkt_sojourn_cell *c, const struct seen *s)
{
	struct qtrace_count *all = counters();
	uint64_t packets = s->k.packets, *n;
	uint32_t gen = q_gen;

	if (!s->known) {
		if (all)
			__sync_fetch_and_add(&all->unmatched, packets);
		return;
	}
	c->bucket = s->bucket;
	for (int i = 0; i < 2; i++) {
		n = gen ? bpf_map_lookup_elem(&q_waits1, c) : bpf_map_lookup_elem(&q_waits0, c);
		if (n) {
			__sync_fetch_and_add(n, packets);
			return;
		}
		/* Another CPU may be the first. */
		if (!(gen ? bpf_map_update_elem(&q_waits1, c, &packets, BPF_NOEXIST) :
			    bpf_map_update_elem(&q_waits0, c, &packets, BPF_NOEXIST)))
			return;
	}
	if (all)
		__sync_fetch_and_add(&all->waits_lost, packets);
}

/* The time that a packet spent in the qdisc. Takes its stamp. False: it is counted already. */
static __always_inline bool wait_of(const struct sk_buff *skb, const struct net_device *dev, struct seen *s)
{
	struct stamp *st = stamp_find(skb);
	const struct door *d = door_of(dev);
	uint64_t since = 0, ns;

	if (st) {
		st->skb = 0;
		if (st->when == COUNTED)
			return false;
		if ((st->when & 0xffff) == stamp_len(skb))
			since = st->when;
	}
	if (!d || d->dev != (uint64_t)dev)
		return true;
	if (!since)
		since = d->since;
	s->known = !d->out || since;
	if (!s->known || !d->out)
		return true;
	ns = (d->out - (since & ~0xffffULL)) >> 16;
	/* Clocks of two CPUs may differ by a little. */
	s->bucket = hist_bucket(ns && !(ns >> 47) ? ns : 1);
	return true;
}

/* (skb, rc, dev, len). A packet that the driver had no room for is counted already. */
SEC("tp_btf/net_dev_xmit")
int q_busy(uint64_t *ctx)
{
	const struct net_device *dev;
	uint32_t nr;

	if ((int)ctx[1] != NETDEV_TX_BUSY)
		return 0;
	dev = (const void *)ctx[2];
	if (ours(dev->nd_net.net, &nr))
		stamp_set((const void *)ctx[0], COUNTED);
	return 0;
}

SEC("tp_btf/kfree_skb")
int q_forget(uint64_t *ctx)
{
	struct stamp *st = stamp_find((const void *)ctx[0]);

	if (st)
		st->skb = 0;
	return 0;
}

/* ---- drops ---- */

/*
 * The device, or nothing: sockets keep other things in skb->dev, so it is read as an address that may be none. Without
 * it the socket or the route tells the namespace.
 */
static __always_inline void find_home(struct seen *d)
{
	const struct net_device *dev = d->skb->dev;
	const struct sk_buff___q *skb = (const void *)d->skb;
	const struct sock *sk = d->skb->sk;
	const struct dst_entry *dst;
	unsigned long ref;

	if (!bpf_core_read(&d->ifindex, sizeof(d->ifindex), &dev->ifindex)) {
		d->inum = BPF_CORE_READ(dev, nd_net.net, ns.inum);
		bpf_core_read(&d->type, sizeof(d->type), &dev->type);
		return;
	}
	d->ifindex = 0;
	d->type = ARPHRD_ETHER;
	if (sk) {
		d->inum = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
		return;
	}
	ref = skb->_skb_refdst;
	dst = (const void *)(ref & ~1UL);
	if (dst)
		d->inum = BPF_CORE_READ(dst, dev, nd_net.net, ns.inum);
}

static __always_inline bool is_xdp(uint32_t reason)
{
	return bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_XDP) &&
	       reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_XDP);
}

/*
 * Which way it went, by where it was: a driver has whole frames to send; a packet knows the device it came in from, and
 * is at another one only when it is forwarded; what came from no device has no link header yet, or was just received.
 */
static __always_inline void find_way(struct seen *d)
{
	bool linked = d->mac != 0xffff;

	d->at_device = linked && d->mac == d->data && !is_xdp(d->reason);
	if (d->at_device)
		d->tx = true;
	else if (d->iif)
		d->tx = d->ifindex && d->ifindex != d->iif;
	else
		d->tx = !linked || d->mac > d->data;
	if (!d->ifindex)
		d->ifindex = d->iif;
}

/* Where parsing begins. Returns the bytes from there to the end, however far it was read already; 0: no packet. */
static __always_inline uint32_t find_start(struct seen *d, uint64_t head)
{
	uint32_t len = d->skb->len;

	if (d->at_device) {
		d->k.src.base = head + d->data;
		find_network(d->k.skb, head, d->k.src.base, d->type, &d->k.off, &d->k.next);
		return len;
	}
	d->k.next = bpf_ntohs(d->skb->protocol);
	/* A driver's own drop: nobody has looked for the network header yet. */
	if (!d->net || (d->mac != 0xffff && d->net < d->mac && d->mac < d->data))
		d->net = d->data;
	d->k.before = d->mac < d->net && d->net - d->mac <= 64 ? d->net - d->mac : 14;
	d->k.off = 0;
	if (d->k.next < 256) {
		if (!d->ifindex)
			return 0; /* a message between processes */
	}
	d->k.src.base = head + d->net;
	if ((int)(len + d->data - d->net) <= 0)
		return 0;
	return len + d->data - d->net;
}

static __always_inline void count_drop(const struct pkt_drop_cell *c, const struct pkt *k)
{
	struct pkt_count first = { k->packets, k->bytes }, *n;
	uint32_t gen = q_gen;
	struct qtrace_count *all;

	for (int i = 0; i < 2; i++) {
		n = gen ? bpf_map_lookup_elem(&q_drops1, c) : bpf_map_lookup_elem(&q_drops0, c);
		if (n) {
			__sync_fetch_and_add(&n->packets, k->packets);
			__sync_fetch_and_add(&n->bytes, k->bytes);
			return;
		}
		if (!(gen ? bpf_map_update_elem(&q_drops1, c, &first, BPF_NOEXIST) :
			    bpf_map_update_elem(&q_drops0, c, &first, BPF_NOEXIST)))
			return;
	}
	all = counters();
	if (all)
		__sync_fetch_and_add(&all->drops_lost, k->packets);
}

/* ---- one program, loaded once for each of the two: the parser is most of it ---- */

static __always_inline bool begin_wait(const uint64_t *ctx, struct seen *s, const struct skb_room *room)
{
	const struct net_device *dev = (const void *)ctx[1];

	if (!ours(dev->nd_net.net, &s->nr) || !wait_of(s->skb, dev, s))
		return false;
	s->ifindex = dev->ifindex;
	s->tx = s->at_device = true;
	s->k.src.base = room->data;
	find_network(s->skb, room->head, room->data, dev->type, &s->k.off, &s->k.next);
	s->len = s->skb->len;
	return true;
}

static __always_inline bool begin_drop(const uint64_t *ctx, struct seen *s, const struct skb_room *room)
{
	/* (skb, location), from 5.17 on (skb, location, reason). The kernel calls it for real drops only. */
	s->reason = has_reason ? (uint32_t)ctx[2] : 0;
	find_home(s);
	if (!our_inode(s->inum, &s->nr))
		return false;
	s->iif = ((const struct sk_buff___q *)s->skb)->skb_iif;
	s->data = (uint16_t)(room->data - room->head);
	s->mac = s->skb->mac_header;
	s->net = s->skb->network_header;
	find_way(s);
	s->len = find_start(s, room->head);
	return s->len;
}

static __always_inline void forget_how(struct seen *s)
{
	PKT_BLUR(s->ifindex);
	PKT_BLUR(s->nr);
	PKT_BLUR(s->len);
	PKT_BLUR(s->reason);
	PKT_BLUR(s->known);
	PKT_BLUR(s->bucket);
	PKT_BLUR(s->tx);
	PKT_BLUR(s->at_device);
}

SEC("tp_btf/net_dev_start_xmit")
int q_packet(uint64_t *ctx)
{
	struct seen s = { .skb = (const void *)ctx[0] };
	struct pkt_drop_cell c = { .pad = 0 };
	struct skb_room room;

	s.k.skb = s.skb;
	room_of(s.skb, &room);
	if (want_drops ? !begin_drop(ctx, &s, &room) : !begin_wait(ctx, &s, &room))
		return 0;
	forget_how(&s);
	measure(&s.k, room.head, s.len);
	c.key = s.k.p.key;
	c.key.ifindex = s.ifindex;
	c.key.what = what_of(&s.k.p, 0, s.at_device ? s.skb->queue_mapping : PKT_NO_QUEUE, s.tx, s.nr);
	c.reason = s.reason;
	if (want_drops)
		count_drop(&c, &s.k);
	else
		count_wait((struct pkt_sojourn_cell *)&c, &s);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
