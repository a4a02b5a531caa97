// SPDX-License-Identifier: GPL-2.0-or-later
/* What inet_diag does not tell about a socket: its receiving CPU and queue, and its sequence numbers. */
#include <stdbool.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "collect/iterrec.h"

#define NO_QUEUE 0xffff

/* The kernel's structures, as far as they are looked at. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	long long counter;
} atomic64_t;

struct sock_common {
	int skc_incoming_cpu;
	unsigned short skc_rx_queue_mapping;
	atomic64_t skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
	unsigned short sk_rx_queue_mapping;
	unsigned int sk_napi_id;
};

struct inet_sock {
	struct sock sk;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	uint32_t snd_una;
	uint32_t snd_nxt;
	uint32_t rcv_nxt;
};

struct udp_sock {
	struct inet_sock inet;
};

#pragma clang attribute pop

/* These have one layout on every kernel: each member takes eight bytes. */
struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
};

/* Set by user space: how many CPUs there can be. Numbers up to it in sk_napi_id are left-overs of the sender's CPU. */
const volatile uint32_t cpus;

/*
 * An accepted socket has in its queue whatever was in that memory before, until a packet comes from a device that
 * records its queues. Such devices have NAPI as well, so the queue counts where that was seen.
 */
static __always_inline uint32_t queue_of(const struct sock *sk, bool accepted)
{
	if (accepted && !(bpf_core_field_exists(sk->sk_napi_id) && sk->sk_napi_id > cpus))
		return NO_QUEUE;
	/* It moved from one struct into the other, and is in neither where the kernel was built without XPS. */
	if (bpf_core_field_exists(sk->sk_rx_queue_mapping))
		return sk->sk_rx_queue_mapping;
	if (bpf_core_field_exists(sk->__sk_common.skc_rx_queue_mapping))
		return sk->__sk_common.skc_rx_queue_mapping;
	return NO_QUEUE;
}

static __always_inline void common(struct sockiter_rec *r, const struct sock *sk)
{
	uint32_t queue = queue_of(sk, r->tcp);

	r->cookie = sk->__sk_common.skc_cookie.counter;
	r->rx_cpu = sk->__sk_common.skc_incoming_cpu;
	r->rx_queue = queue == NO_QUEUE ? -1 : (int32_t)queue;
}

SEC("iter/tcp")
int sock_tcp(struct bpf_iter__tcp *ctx)
{
	struct sockiter_rec r = { 0 };
	struct tcp_sock *tp;

	/* Sockets in TIME_WAIT and half-open ones are no full sockets and have none of this. */
	if (!ctx->sk_common || !(tp = bpf_skc_to_tcp_sock(ctx->sk_common)))
		return 0;
	r.tcp = 1;
	common(&r, &tp->inet_conn.icsk_inet.sk);
	r.snd_una = tp->snd_una;
	r.snd_nxt = tp->snd_nxt;
	r.rcv_nxt = tp->rcv_nxt;
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

SEC("iter/udp")
int sock_udp(struct bpf_iter__udp *ctx)
{
	struct sockiter_rec r = { 0 };

	if (!ctx->udp_sk)
		return 0;
	common(&r, &ctx->udp_sk->inet.sk);
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
