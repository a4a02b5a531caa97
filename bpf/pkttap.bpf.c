// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counts every packet that an AF_PACKET socket is shown, and keeps none. A socket filter sees only what user space may
 * know of a packet (the UAPI's __sk_buff), so this needs no BTF and no tracing: bpf(2) and packet sockets are enough.
 *
 * What the tap sees: on the way out what the qdisc has let through, on the way in what comes before the bridge and the
 * IP stack. On loopback each packet is seen twice, out and in.
 */
#include <stdbool.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "pktcount.h"

struct pkt_src {
	struct __sk_buff *skb;
	bool net; /* offsets count from the network header, and only what lies in one piece is read: the fast way */
};

static __always_inline int src_load(const struct pkt_src *s, uint32_t off, void *to, uint32_t n)
{
	return s->net ? bpf_skb_load_bytes_relative(s->skb, off, to, n, BPF_HDR_START_NET) :
			bpf_skb_load_bytes(s->skb, off, to, n);
}

/* Ports of fragmented datagrams whose later fragments may yet come. */
struct pkt_frag_key;
struct pkt_frag_ports;
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct pkt_frag_key);
	__type(value, struct pkt_frag_ports);
} pkt_frags SEC(".maps");

#define PKT_LOAD src_load
#define PKT_FRAG_FIND(src, key) ((void)(src), bpf_map_lookup_elem(&pkt_frags, key))
#define PKT_FRAG_NOTE(src, key, val) ((void)(src), bpf_map_update_elem(&pkt_frags, key, val, BPF_ANY))
#include "collect/pktparse.h"

/* Set by user space before loading. */
const volatile uint32_t want_rx, want_tx, want_inner;
const volatile uint32_t netns_number; /* for the key */

/*
 * How far the network header is from the start of the frame. Nothing says so: devices have Ethernet headers or none,
 * with or without tags. The two ways of reading have to meet: the same 16 bytes, with addresses or checksum in them.
 */
static __always_inline uint32_t net_offset(struct __sk_buff *skb)
{
	uint64_t net[2], raw[2];
	uint16_t type;

	if (!bpf_skb_load_bytes_relative(skb, 0, net, sizeof(net), BPF_HDR_START_NET)) {
		if (!bpf_skb_load_bytes(skb, 14, raw, sizeof(raw)) && raw[0] == net[0] && raw[1] == net[1])
			return 14;
		if (!bpf_skb_load_bytes(skb, 0, raw, sizeof(raw)) && raw[0] == net[0] && raw[1] == net[1])
			return 0;
		if (!bpf_skb_load_bytes(skb, 18, raw, sizeof(raw)) && raw[0] == net[0] && raw[1] == net[1])
			return 18;
	}
	return !bpf_skb_load_bytes(skb, 12, &type, sizeof(type)) && type == (uint16_t)skb->protocol ? 14 : 0;
}

/* Anything but one plain packet: a GSO packet, or headers that have to be walked. */
static __always_inline void parse_rest(struct __sk_buff *skb, bool plain, uint32_t next, struct pkt_parsed *p,
				       uint32_t *packets, uint32_t *bytes)
{
	const struct pkt_src src = { skb, false };
	uint32_t off = 0, headers, size = skb->gso_size;

	/* In front of tags that are still there is always an Ethernet header. */
	if (next == PKT_N_VLAN || next == PKT_N_QINQ || next == PKT_N_QINQ_OLD)
		next = PKT_N_ETHER;
	else
		off = net_offset(skb);
	if (plain) {
		p->l4 += off;
	} else {
		*p = (struct pkt_parsed){ .vlan = p->vlan, .kind = PKT_OTHER };
		pkt_parse_walk(&src, off, next < 0x600 ? 0x5ff : next, /* numbers below are the kernel's own */
			       (want_inner ? PKT_INNER : 0) | (size ? PKT_DEEP : 0), p);
	}
	if (!size)
		return;
	headers = pkt_headers(&src, p);
	*packets = skb->gso_segs ? skb->gso_segs : pkt_segments(*bytes, headers, size);
	*bytes += (*packets - 1) * headers;
}

SEC("socket")
int pkt_tap(struct __sk_buff *skb)
{
	const struct pkt_src src = { skb, true };
	bool tx = skb->pkt_type == PACKET_OUTGOING, plain;
	uint32_t next = bpf_ntohs((uint16_t)skb->protocol), cpu = bpf_get_smp_processor_id();
	uint32_t packets = 1, bytes = skb->len;
	struct pkt_parsed p;
	struct pkt_where at;

	if (!(tx ? want_tx : want_rx))
		return 0;
	p.l4 = p.l4_proto = p.proto = p.kind = 0; /* the verifier sees registers saved that nobody reads */
	p.vlan = skb->vlan_present ? skb->vlan_tci & 0xfff : 0;
	plain = pkt_parse_plain(&src, 0, next, want_inner ? PKT_INNER : skb->gso_size ? PKT_DEEP : 0, &p);
	if (!plain || skb->gso_size)
		parse_rest(skb, plain, next, &p, &packets, &bytes);
	p.key.ifindex = skb->ifindex;
	p.key.what = PKT_PUT(PKT_WHAT_QUEUE, skb->queue_mapping) | PKT_PUT(PKT_WHAT_VLAN, p.vlan) |
		     PKT_PUT(PKT_WHAT_CPU, cpu) | PKT_PUT(PKT_WHAT_PROTO, p.proto) | PKT_PUT(PKT_WHAT_TX, tx) |
		     PKT_PUT(PKT_WHAT_KIND, p.kind) | PKT_PUT(PKT_WHAT_NETNS, netns_number);
	pkt_count(&p.key, cpu, packets, bytes, &at);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
