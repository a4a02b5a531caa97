// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rung 1 of the packet counters: tracepoints. Every packet is counted by its own headers, whoever sent it.
 *
 * Transmitted packets are counted where the driver gets them (behind the qdisc, whose own counters the sums equal);
 * a driver that answers "busy" gets the same packet again, so that count is taken back. Received packets are counted
 * where a device hands them to the network stack, after GRO.
 *
 * Not seen: a VLAN device's received packets (the real device's are, with their VLAN), headers that lie in page
 * fragments (counted as PKT_OTHER), and what XDP sends or swallows.
 *
 * With PKT_RAW this becomes the object for kernels whose BTF comes from a file (pktraw.bpf.c).
 */
#include <stdbool.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "pktcount.h"
#include "skb.h"

/* Set by user space before loading. */
const volatile uint8_t can_cast;   /* 1: use bpf_rdonly_cast() where the kernel has it */
const volatile uint64_t id_secret; /* odd, random */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, uint64_t);
	__type(value, struct pkt_owner);
} pkt_owners SEC(".maps");

volatile uint32_t pkt_busy; /* set by user space before pkt_tx_done is attached: counts may have to be taken back */

/* What each CPU counted last, to be taken back when the driver was busy. max_entries is ncpus. */
struct pkt_last {
	uint64_t skb;
	uint32_t packets, bytes;
	uint32_t slot, ifindex;
	uint8_t place, gen;
	uint8_t pad[6];
	struct pkt_key key; /* only for PKT_IN_HASH */
	uint64_t fill[6];   /* two cache lines of its own */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct pkt_last);
} pkt_last SEC(".maps");

/* ---- who has a socket ---- */

static __always_inline void addr4(uint8_t *to, uint32_t addr)
{
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &addr, 4);
}

static __always_inline void owner_ends(struct pkt_owner *o, const struct sock *sk)
{
	const struct sock_common *c = &sk->__sk_common;
	const struct socket *s = GET(sk, sk_socket);

	o->sport = GET(c, skc_num);
	o->dport = bpf_ntohs(GET(c, skc_dport));
	if (GET(c, skc_family) == AF_INET) {
		addr4(o->src, GET(c, skc_rcv_saddr));
		addr4(o->dst, GET(c, skc_daddr));
	} else if (bpf_core_field_exists(struct sock_common, skc_v6_daddr)) {
		bpf_core_read(o->src, sizeof(o->src), &c->skc_v6_rcv_saddr);
		bpf_core_read(o->dst, sizeof(o->dst), &c->skc_v6_daddr);
	}
	if (!o->inode && s)
		o->inode = BPF_CORE_READ(s, file, f_inode, i_ino);
}

/*
 * A socket by its address and port: another one may lie at the same place a moment later. The verifier makes no number of
 * a pointer, but copies its bytes.
 */
static __always_inline uint64_t owner_id(const struct sock *sk, uint16_t port)
{
	uint64_t id = 0;

	bpf_probe_read_kernel(&id, sizeof(id), &sk);
	return (id ^ (uint64_t)port << 48) * id_secret;
}

static __always_inline bool is_user_process(void)
{
	const struct task_struct *t = (const void *)bpf_get_current_task();

	return !(BPF_CORE_READ(t, flags) & PF_KTHREAD);
}

/* SK belongs to the process that runs right now. */
static __always_inline void owner_note(const struct sock *sk, uint8_t proto)
{
	struct pkt_owner o = { .proto = proto };
	uint64_t id = owner_id(sk, GET(sk, __sk_common.skc_num));

	o.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	o.pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(o.comm, sizeof(o.comm));
	owner_ends(&o, sk);
	bpf_map_update_elem(&pkt_owners, &id, &o, BPF_ANY);
}

/* A new UDP flow, mostly within the sender's own system call; if in a softirq on top of another's, users differ. */
static __always_inline void owner_of_udp(const struct sk_buff *skb)
{
	const struct sock *sk = GET(skb, sk);
	uint32_t state;

	if (!sk)
		return;
	state = GET(sk, __sk_common.skc_state);
	/* Those two are no whole sockets. */
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV || GET(sk, sk_protocol) != PKT_N_UDP)
		return;
	if (GET(sk, sk_uid.val) == (uint32_t)bpf_get_current_uid_gid() && is_user_process())
		owner_note(sk, PKT_N_UDP);
}

/* ---- counting ---- */

/* A packet on its way to be counted. Everything in it is kept in registers, as far as they go. */
struct tally {
	const struct sk_buff *skb;
	const struct net_device *dev;
	uint64_t head;
	struct pkt_src src;
	uint32_t off, next; /* what stands where in src */
	uint32_t before;    /* bytes of the frame in front of src */
	uint32_t len;       /* bytes from there on */
	struct pkt_parsed p;
	struct gso gso;
	uint32_t cpu, netns, packets, bytes;
	struct pkt_where at;
};

static __always_inline unsigned how(const struct tally *t)
{
	return (inner ? PKT_INNER : 0) | (t->gso.size ? PKT_DEEP : 0);
}

/*
 * The straight way of nearly every packet: TCP or UDP, of a flow that has its slot. The kernel itself says where the
 * network header is: SRC begins there, T->before bytes of the frame come first, T->len follow. False: nothing was done.
 */
static __always_inline bool count_again(struct tally *t, struct pkt_src src, bool tx)
{
	const struct sk_buff *skb = t->skb;

	src.cast = true;
	gso_of(t->head, skb, &t->gso, true);
	if (inner || !pkt_parse_plain(&src, 0, bpf_ntohs(GET(skb, protocol)), t->gso.size, &t->p))
		return false;
	t->packets = 1;
	t->bytes = t->before + t->len;
	if (t->gso.size) {
		t->packets = t->gso.segs;
		t->bytes += (t->packets - 1) * (t->before + pkt_headers(&src, &t->p));
	}
	t->cpu = bpf_get_smp_processor_id();
	t->p.vlan = vlan_of(skb);
	t->p.key.ifindex = GET(t->dev, ifindex);
	t->p.key.what = what_of(&t->p, t->cpu, GET(skb, queue_mapping), tx, t->netns);
	return t->packets && pkt_count_again(&t->p.key, t->cpu, t->packets, t->bytes, &t->at.slot);
}

static __always_inline void count(struct tally *t, bool tx)
{
	const struct sk_buff *skb = t->skb;

	t->len = GET(skb, len);
	t->src.len = t->len - GET(skb, data_len);
	t->p.vlan = vlan_of(skb);
	t->src.cast = false;
	gso_of(t->head, skb, &t->gso, false);
	pkt_parse(&t->src, t->off, t->next, how(t), &t->p);
	t->packets = 1;
	t->bytes = t->len + t->before;
	if (t->gso.size) {
		uint32_t headers = pkt_headers(&t->src, &t->p);

		t->packets = t->gso.segs ? t->gso.segs : pkt_segments(t->len, headers, t->gso.size);
		t->bytes += (t->packets - 1) * (headers + t->before);
	}
	t->cpu = bpf_get_smp_processor_id();
	t->p.key.ifindex = GET(t->dev, ifindex);
	t->p.key.what = what_of(&t->p, t->cpu, GET(skb, queue_mapping), tx, t->netns);
	pkt_count(&t->p.key, t->cpu, t->packets, t->bytes, &t->at);
}

static __always_inline struct pkt_last *last_here(void)
{
	uint32_t cpu = bpf_get_smp_processor_id();

	return !pkt_busy ? NULL : bpf_map_lookup_elem(&pkt_last, &cpu);
}

static __always_inline bool tx_again(struct tally t)
{
	uint32_t len = GET(t.skb, len), linear = len - GET(t.skb, data_len);
	struct pkt_last *last;

	t.before = (uint32_t)(t.head + GET(t.skb, network_header) - t.src.base);
	t.len = len - t.before;
	if (t.before > linear ||
	    !count_again(&t, (struct pkt_src){ t.src.base + t.before, linear - t.before, true }, true))
		return false;
	last = last_here();
	if (last) {
		last->skb = (uint64_t)t.skb;
		last->packets = t.packets;
		last->bytes = t.bytes;
		last->slot = t.at.slot;
		last->ifindex = t.p.key.ifindex;
		last->place = PKT_IN_SLOT;
	}
	return true;
}

SEC(TRACE "net_dev_start_xmit")
int pkt_tx(uint64_t *ctx)
{
	struct tally t;
	struct pkt_last *last;

	t.skb = (const void *)ctx[0];
	t.dev = (const void *)ctx[1];
	if (!ours(GET(t.dev, nd_net.net), &t.netns))
		return 0;
	t.head = (uint64_t)GET(t.skb, head);
	t.src.base = (uint64_t)GET(t.skb, data);
	if (can_cast && CAN_CAST && tx_again(t))
		return 0;
	t.before = 0;
	find_network(t.skb, t.head, t.src.base, GET(t.dev, type), &t.off, &t.next);
	count(&t, true);
	if (t.at.fresh && t.p.proto == PKT_N_UDP)
		owner_of_udp(t.skb);
	last = last_here();
	if (!last)
		return 0;
	last->skb = (uint64_t)t.skb;
	last->packets = t.packets;
	last->bytes = t.bytes;
	last->slot = t.at.slot;
	last->place = t.at.place;
	last->gen = t.at.gen;
	last->ifindex = t.p.key.ifindex;
	if (t.at.place == PKT_IN_HASH)
		last->key = t.p.key;
	return 0;
}

static __always_inline void take_back(struct pkt_count *n, const struct pkt_last *last)
{
	n->packets -= last->packets;
	n->bytes -= last->bytes;
}

/* (skb, rc, dev, len): the driver has the packet, or it was busy and will be given it again. */
SEC(TRACE "net_dev_xmit")
int pkt_tx_done(uint64_t *ctx)
{
	const struct net_device *dev;
	struct pkt_last *last;
	struct pkt_slot *s;
	struct pkt_count *n;
	uint32_t nr;

	if ((int)ctx[1] != NETDEV_TX_BUSY)
		return 0;
	dev = (const void *)ctx[2];
	last = last_here();
	if (!last || last->skb != ctx[0] || last->ifindex != (uint32_t)GET(dev, ifindex) ||
	    !ours(GET(dev, nd_net.net), &nr))
		return 0;
	last->skb = 0;
	if (last->place == PKT_IN_SLOT) {
		s = bpf_map_lookup_elem(&pkt_slots, &last->slot);
		if (s)
			take_back(&s->n, last);
	} else if (last->place == PKT_IN_HASH) {
		n = last->gen ? bpf_map_lookup_elem(&pkt_more1, &last->key) :
				   bpf_map_lookup_elem(&pkt_more0, &last->key);
		if (n)
			take_back(n, last);
	}
	return 0;
}

static __always_inline bool rx_again(struct tally t)
{
	t.len = GET(t.skb, len);
	return count_again(&t, (struct pkt_src){ t.src.base, t.len - GET(t.skb, data_len), true }, false);
}

/* The link header is behind us: data is what skb->protocol says. */
SEC(TRACE "netif_receive_skb")
int pkt_rx(uint64_t *ctx)
{
	struct tally t;
	uint16_t mac;

	t.skb = (const void *)ctx[0];
	t.dev = GET(t.skb, dev);
	if (!ours(GET(t.dev, nd_net.net), &t.netns))
		return 0;
	t.head = (uint64_t)GET(t.skb, head);
	t.src.base = (uint64_t)GET(t.skb, data);
	mac = GET(t.skb, mac_header);
	t.before = (uint32_t)(t.src.base - t.head) - mac;
	if (mac == 0xffff || t.before > 256)
		t.before = 0;
	if (can_cast && CAN_CAST && rx_again(t))
		return 0;
	t.off = 0;
	t.next = bpf_ntohs(GET(t.skb, protocol));
	if (t.next < 256)
		t.next = 256;
	count(&t, false);
	return 0;
}

/* (sk, oldstate, newstate). Whoever has locked the socket is within a system call on it, and is the one that runs. */
SEC(TRACE "inet_sock_set_state")
int pkt_sock_state(uint64_t *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	struct pkt_owner o, *noted;
	uint32_t nr;
	uint64_t id;

	if (GET(sk, sk_protocol) != PKT_N_TCP || !ours(GET(sk, __sk_common.skc_net.net), &nr))
		return 0;
	/* Closed for good: its port is given back by now, and what was noted before is better. */
	if ((uint32_t)ctx[2] == TCP_CLOSE && !GET(sk, __sk_common.skc_num))
		return 0;
	/* connect() says who before there is a port. */
	id = owner_id(sk, 0);
	if (GET(sk, sk_lock.owned) && is_user_process()) {
		bpf_map_delete_elem(&pkt_owners, &id);
		owner_note(sk, PKT_N_TCP);
		return 0;
	}
	noted = bpf_map_lookup_elem(&pkt_owners, &id);
	if (!noted)
		return 0;
	o = *noted;
	bpf_map_delete_elem(&pkt_owners, &id);
	owner_ends(&o, sk);
	id = owner_id(sk, o.sport);
	bpf_map_update_elem(&pkt_owners, &id, &o, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
