/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tracing programs know of a packet in the kernel: its namespace, its headers, its size on the wire. For every
 * program that has an skb; the keys of different programs are equal because they are made here.
 */
#ifndef FLEUTAN_SKB_H
#define FLEUTAN_SKB_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "pktkernel.h"

struct pkt_src {
	uint64_t base; /* address of the frame's linear part */
	uint32_t len;  /* bytes of that */
	bool cast;     /* read it as CAN_CAST allows */
};

/*
 * A pointer that the verifier knows nothing of may be read through any of the kernel's types, as if it were one that it
 * knows: a load instruction that does no harm where it faults. Before 6.2 a helper has to copy, at 10 to 15 ns a time.
 */
struct __kernel_sockaddr_storage {
	uint64_t w[16];
};

extern void *bpf_rdonly_cast(const void *obj, uint32_t btf_id) __attribute__((weak)) SEC(".ksyms");

#ifdef PKT_RAW /* functions are called by their number in the kernel's own BTF */
#define CAN_CAST false
#else
#define CAN_CAST (&bpf_rdonly_cast && bpf_core_type_exists(struct __kernel_sockaddr_storage))
#endif
#define CAST(p, type) ((const type *)bpf_rdonly_cast((const void *)(p), bpf_core_type_id_kernel(type)))

/* Set by user space before loading. */
const volatile uint32_t want_netns; /* inode of the namespace, 0: any */
const volatile uint8_t many_netns;  /* 1: count in the namespaces of map pkt_netns */
const volatile uint8_t inner;       /* 1: count tunnels by what is in them */

/* Datagrams in fragments: what their first one showed. */
struct pkt_frag_key;
struct pkt_frag_ports;
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct pkt_frag_key);
	__type(value, struct pkt_frag_ports);
} pkt_frags SEC(".maps");

/* Inode of a namespace to its number in pkt_key.what. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2048);
	__type(key, uint32_t);
	__type(value, uint32_t);
} pkt_netns SEC(".maps");

static __always_inline int frame_fetch(const struct pkt_src *s, uint32_t off, void *to, uint32_t n)
{
	return off + n > s->len ? -1 : bpf_probe_read_kernel(to, n, (void *)(s->base + off));
}

static __always_inline int frame_load(const struct pkt_src *s, uint32_t off, void *to, uint32_t n)
{
	const struct __kernel_sockaddr_storage *p;

	if (!s->cast)
		return frame_fetch(s, off, to, n);
	if (off + n > s->len)
		return -1;
	p = CAST(s->base + off, struct __kernel_sockaddr_storage);
	__builtin_memcpy(to, p, n);
	return 0;
}

static __always_inline const struct pkt_frag_ports *frag_find(const struct pkt_src *s, const struct pkt_frag_key *k)
{
	(void)s;
	return bpf_map_lookup_elem(&pkt_frags, k);
}

static __always_inline void frag_note(const struct pkt_src *s, const struct pkt_frag_key *k,
				      const struct pkt_frag_ports *v)
{
	(void)s;
	bpf_map_update_elem(&pkt_frags, k, v, BPF_ANY);
}

/* A program that always copies is half as large (SKB_COPY). */
#ifdef SKB_COPY
#define PKT_LOAD frame_fetch
#else
#define PKT_LOAD frame_load
#endif
#define PKT_FETCH frame_fetch
#define PKT_FRAG_FIND frag_find
#define PKT_FRAG_NOTE frag_note
#include "collect/pktparse.h"

static __always_inline bool our_inode(uint32_t inum, uint32_t *number)
{
	uint32_t *nr;

	*number = 0;
	if (!many_netns)
		return inum == want_netns || !want_netns;
	nr = bpf_map_lookup_elem(&pkt_netns, &inum);
	if (nr)
		*number = *nr;
	return nr;
}

static __always_inline bool ours(const struct net *net, uint32_t *number)
{
	return our_inode(GET(net, ns.inum), number);
}

static __always_inline uint16_t vlan_of(const struct sk_buff *skb)
{
	uint16_t tci = GET(skb, vlan_tci) & 0xfff;
	const struct sk_buff___present *old = (const void *)skb;

	/* Before 6.2 a tag that was taken off leaves its number behind. */
	if (tci && bpf_core_field_exists(old->vlan_present) &&
	    !(GET(old, __pkt_vlan_present_offset[0]) & VLAN_PRESENT_BIT))
		return 0;
	return tci;
}

/*
 * Where the buffer and in it the data begin, as numbers: what a program loads itself is since 6.17 something typed, of
 * which the verifier would keep count on each path through the parser.
 */
struct skb_room {
	uint64_t head, data;
};

static __always_inline void room_of(const struct sk_buff *skb, struct skb_room *r)
{
	uint32_t narrow[2];

	if (bpf_core_field_size(skb->head) == sizeof(r->head)) {
		/* Neighbours in every kernel so far, but who knows. */
		if (bpf_core_field_offset(skb->data) == bpf_core_field_offset(skb->head) + sizeof(r->head)) {
			bpf_core_read(r, sizeof(*r), &skb->head);
			return;
		}
		bpf_core_read(&r->head, sizeof(r->head), &skb->head);
		bpf_core_read(&r->data, sizeof(r->data), &skb->data);
		return;
	}
	bpf_core_read(&narrow[0], sizeof(narrow[0]), &skb->head);
	bpf_core_read(&narrow[1], sizeof(narrow[1]), &skb->data);
	r->head = narrow[0];
	r->data = narrow[1];
}

static __always_inline const struct skb_shared_info *shared_info(uint64_t head, const struct sk_buff *skb)
{
	uint64_t end = GET(skb, end);

	/* An offset, on 32-bit kernels a pointer. */
	if (bpf_core_field_size(skb->head) == 8)
		end += head;
	return (const void *)end;
}

struct gso {
	uint16_t size, segs;
};

static __always_inline void gso_of(uint64_t head, const struct sk_buff *skb, struct gso *g, bool cast)
{
	const struct skb_shared_info *si = shared_info(head, skb);

	if (cast) {
		si = CAST(si, struct skb_shared_info);
		g->size = si->gso_size;
		g->segs = g->size ? si->gso_segs : 0;
		return;
	}
	/* Neighbours in every kernel so far, but who knows. */
	if (bpf_core_field_offset(si->gso_segs) == bpf_core_field_offset(si->gso_size) + 2) {
		bpf_core_read(g, sizeof(*g), &si->gso_size);
		return;
	}
	bpf_core_read(&g->size, sizeof(g->size), &si->gso_size);
	bpf_core_read(&g->segs, sizeof(g->segs), &si->gso_segs);
}

static __always_inline uint64_t what_of(const struct pkt_parsed *p, uint32_t cpu, uint32_t queue, bool tx,
					uint32_t netns)
{
	return PKT_PUT(PKT_WHAT_QUEUE, queue) | PKT_PUT(PKT_WHAT_VLAN, p->vlan) | PKT_PUT(PKT_WHAT_CPU, cpu) |
	       PKT_PUT(PKT_WHAT_PROTO, p->proto) | PKT_PUT(PKT_WHAT_TX, tx) | PKT_PUT(PKT_WHAT_KIND, p->kind) |
	       PKT_PUT(PKT_WHAT_NETNS, netns);
}

/*
 * At the driver's door a frame begins with its link header; where that is not Ethernet (TYPE of the device), the skb
 * knows what follows. BASE: its data, HEAD: its buffer.
 */
static __always_inline void find_network(const struct sk_buff *skb, uint64_t head, uint64_t base, uint16_t type,
					 uint32_t *off, uint32_t *next)
{
	*off = 0;
	*next = PKT_N_ETHER;
	if (type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK)
		return;
	*off = (uint32_t)(head + GET(skb, network_header) - base);
	*next = bpf_ntohs(GET(skb, protocol));
	if (*off > 256 || *next < 256)
		*next = 256; /* nothing that is known */
}

#endif
