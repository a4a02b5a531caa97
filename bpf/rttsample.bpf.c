// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every RTT sample of every TCP socket of one network namespace, counted in the kernel into a histogram per flow.
 *
 * tcp_probe fires at the start of tcp_rcv_established(), before the segment's acknowledgement is processed: what it
 * sees is what the segments before it left behind. So the first sight of a socket is the exact state at the
 * beginning, and the update made by the last segment is seen later: by the next segment, by a change of state, or by
 * the iterator that user space runs before it reads.
 *
 * The socket is locked (or owned by the softirq) in all three programs, so a flow's record and cells have one writer
 * at a time and need no atomic operations; where an old kernel's iterator does not lock, a torn look is told by
 * rtt_recover().
 */
#include <stdbool.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "model/hist.h"
#include "collect/rttrec.h"

#define AF_INET 2
#define AF_INET6 10

enum { TCP_ESTABLISHED = 1, TCP_FIN_WAIT1 = 4, TCP_CLOSE = 7, TCP_CLOSE_WAIT = 8, TCP_LAST_ACK = 9, TCP_CLOSING = 11 };

/* Bits of the states after ESTABLISHED in which data is still acknowledged, but tcp_probe is silent. */
#define QUIET_STATES (1U << TCP_FIN_WAIT1 | 1U << TCP_CLOSE_WAIT | 1U << TCP_LAST_ACK | 1U << TCP_CLOSING)

/* The kernel's structures, as far as they are looked at. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	uint8_t u6_addr8[16];
};

typedef struct {
	long long counter;
} atomic64_t;

struct sock_common {
	uint32_t skc_daddr;
	uint32_t skc_rcv_saddr;
	unsigned int skc_hash;
	uint16_t skc_dport;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
};

struct inode {
	unsigned long i_ino;
};

struct file {
	struct inode *f_inode;
};

struct socket {
	struct file *file;
};

struct sock {
	struct sock_common __sk_common;
	struct socket *sk_socket;
};

struct inet_sock {
	struct sock sk;
	uint16_t inet_sport;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
};

struct minmax_sample {
	uint32_t t;
	uint32_t v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	uint32_t srtt_us;
	uint32_t mdev_us;
	uint32_t rtt_seq;
	uint32_t snd_una;
	uint32_t delivered;
	struct minmax rtt_min;
};

struct bpf_iter__tcp {
	struct sock_common *sk_common;
};

#pragma clang attribute pop

/* Set by user space before loading. */
const volatile uint32_t want_netns;  /* inode of the namespace, 0: any */
const volatile uint32_t can_cookie;  /* 1: tracing programs have bpf_get_socket_cookie() here */
const volatile uint64_t id_secret;   /* odd, random: what leaves the kernel (and may be recorded) tells no addresses */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, uint64_t);
	__type(value, struct rtt_rec);
} rtt_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct rtt_cell);
	__type(value, uint64_t);
} rtt_cells SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct rtt_count);
} rtt_count SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct rtt_turned);
} rtt_turned SEC(".maps");

#define SK(tp) (&(tp)->inet_conn.icsk_inet.sk)

/* The verifier lets a pointer become a number in one way only: when it is cut to its lower half. */
static __always_inline uint64_t flow_id(const struct tcp_sock *tp)
{
	uint32_t low;

	asm volatile("%0 = %1" : "=w"(low) : "w"((uint32_t)(uint64_t)tp));
	return ((uint64_t)SK(tp)->__sk_common.skc_hash << 32 | low) * id_secret;
}

static __always_inline void take(const struct tcp_sock *tp, struct rtt_state *s)
{
	s->srtt_us = tp->srtt_us;
	s->mdev_us = tp->mdev_us;
	s->rtt_seq = tp->rtt_seq;
	s->snd_una = tp->snd_una;
	s->delivered = tp->delivered;
}

/* What may not be there yet at first sight: a socket that nobody has accepted has no inode. */
static __always_inline void name(struct rtt_rec *r, struct tcp_sock *tp)
{
	if (!r->inode)
		r->inode = SK(tp)->sk_socket->file->f_inode->i_ino;
	if (!r->cookie)
		r->cookie = can_cookie ? bpf_get_socket_cookie(tp) :
			    (uint64_t)SK(tp)->__sk_common.skc_cookie.counter;
}

static __always_inline void lose(uint64_t id, bool flow)
{
	uint32_t zero = 0, h = (uint32_t)(id ^ id >> 32) * 2654435761U >> 16;
	struct rtt_count *c = bpf_map_lookup_elem(&rtt_count, &zero);
	struct rtt_turned *t;

	if (!c)
		return;
	if (!flow) {
		__sync_fetch_and_add(&c->lost, 1);
		return;
	}
	t = bpf_map_lookup_elem(&rtt_turned, &zero);
	if (!t || t->bit[h >> 6] >> (h & 63) & 1)
		return;
	t->bit[h >> 6] |= 1ULL << (h & 63);
	__sync_fetch_and_add(&c->evicted, 1);
}

/* A record for a socket seen for the first time. VIRGIN: just established, its estimator began at nothing. */
static __always_inline struct rtt_rec *begin(struct tcp_sock *tp, uint64_t id, bool virgin)
{
	struct sock_common *c = &SK(tp)->__sk_common;
	struct rtt_rec r = { 0 };

	if (!virgin)
		take(tp, &r.last);
	r.ifindex = c->skc_bound_dev_if;
	r.sport = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
	r.dport = bpf_ntohs(c->skc_dport);
	r.family = c->skc_family;
	if (r.family == AF_INET) {
		*(uint32_t *)r.src = c->skc_rcv_saddr;
		*(uint32_t *)r.dst = c->skc_daddr;
	} else if (bpf_core_field_exists(c->skc_v6_daddr)) {
		bpf_probe_read_kernel(r.src, sizeof(r.src), &c->skc_v6_rcv_saddr);
		bpf_probe_read_kernel(r.dst, sizeof(r.dst), &c->skc_v6_daddr);
	}
	if (bpf_map_update_elem(&rtt_flows, &id, &r, BPF_ANY)) {
		lose(id, true);
		return NULL;
	}
	return bpf_map_lookup_elem(&rtt_flows, &id);
}

static __always_inline void count(uint64_t id, uint32_t sample_us)
{
	struct rtt_cell k = { .id = id, .bucket = hist_bucket(sample_us * 1000ULL) };
	uint64_t one = 1, *n = bpf_map_lookup_elem(&rtt_cells, &k);

	if (n)
		++*n;
	else if (bpf_map_update_elem(&rtt_cells, &k, &one, BPF_ANY))
		lose(id, false);
}

static __always_inline void observe(struct tcp_sock *tp, uint64_t id, struct rtt_rec *r)
{
	struct rtt_state now;
	uint32_t us = 0;

	take(tp, &now);
	switch (rtt_recover(&r->last, &now, &us)) {
	case RTT_SAMPLE:
		count(id, us);
		break;
	case RTT_AMBIGUOUS:
		r->ambiguous++;
		break;
	case RTT_NONE:
		break;
	}
	r->last = now;
	if (!r->inode || !r->cookie)
		name(r, tp);
}

static __always_inline bool ours(const struct tcp_sock *tp)
{
	return !want_netns || SK(tp)->__sk_common.skc_net.net->ns.inum == want_netns;
}

SEC("tp_btf/tcp_probe")
int rtt_probe(uint64_t *ctx)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)ctx[0]);
	struct rtt_rec *r;
	uint64_t id;

	if (!tp || !ours(tp))
		return 0;
	id = flow_id(tp);
	r = bpf_map_lookup_elem(&rtt_flows, &id);
	if (!r)
		r = begin(tp, id, false);
	if (r)
		observe(tp, id, r);
	return 0;
}

/* (sk, oldstate, newstate), after everything that led to the new state was done but before sk says so. */
SEC("tp_btf/inet_sock_set_state")
int rtt_set_state(uint64_t *ctx)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)ctx[0]);
	int state = (int)ctx[2];
	struct rtt_rec *r;
	uint64_t id;

	if (!tp || !ours(tp))
		return 0;
	id = flow_id(tp);
	/* A former life that is still there had the same addresses and ports: a new record, the cells go on. */
	r = state == TCP_ESTABLISHED ? begin(tp, id, true) : bpf_map_lookup_elem(&rtt_flows, &id);
	if (!r)
		return 0;
	observe(tp, id, r);
	r->ended = state == TCP_CLOSE;
	r->min_rtt_us = tp->rtt_min.s[0].v;
	return 0;
}

SEC("iter/tcp")
int rtt_look(struct bpf_iter__tcp *ctx)
{
	struct sock_common *c = ctx->sk_common;
	struct tcp_sock *tp = c ? bpf_skc_to_tcp_sock(c) : NULL;
	struct rtt_rec *r;
	uint64_t id;

	if (!tp)
		return 0;
	id = flow_id(tp);
	r = bpf_map_lookup_elem(&rtt_flows, &id);
	/* Established sockets wait for their first segment: idle ones take no room. */
	if (!r && QUIET_STATES >> SK(tp)->__sk_common.skc_state & 1)
		r = begin(tp, id, false);
	if (!r)
		return 0;
	observe(tp, id, r);
	r->min_rtt_us = tp->rtt_min.s[0].v;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
