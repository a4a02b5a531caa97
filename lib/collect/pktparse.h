/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a frame's own headers say: addresses, ports, protocol, VLAN. One parser for the programs in the kernel and for
 * user space, so that all rungs count a packet under the same key. Frames are hostile: nothing is read but through
 * PKT_LOAD, which checks, and the walk over headers is bounded.
 *
 * Who includes this may define beforehand, together with a `struct pkt_src` (what is read from):
 *   PKT_LOAD(src, off, to, n)     copies N bytes (a constant) at OFF to TO; 0, or else: they are not all there
 *   PKT_FETCH(src, off, to, n)    the same, for the rare headers: small code rather than fast
 *   PKT_FRAG_FIND(src, key)       the ports noted for a fragmented datagram (const struct pkt_frag_ports *), or NULL
 *   PKT_FRAG_NOTE(src, key, val)  notes them
 * Without PKT_LOAD a struct pkt_src is bytes and their number; without the others no fragments are remembered.
 */
#ifndef FLEUTAN_PKTPARSE_H
#define FLEUTAN_PKTPARSE_H

#include <stdbool.h>
#include <stdint.h>
#include "collect/pktrec.h"

#define PKT_INLINE static inline __attribute__((always_inline, unused))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PKT_BE16(x) ((uint16_t)((x) << 8 | (uint16_t)(x) >> 8))
#else
#define PKT_BE16(x) ((uint16_t)(x))
#endif

/* Which datagram a fragment belongs to, and what only its first one shows. */
struct pkt_frag_key {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint8_t proto, pad[3]; /* as the header says that has the id */
};

struct pkt_frag_ports {
	uint16_t sport, dport;
	uint8_t proto, pad[3]; /* behind the extension headers */
};

#ifndef PKT_LOAD
struct pkt_src {
	const uint8_t *data;
	uint32_t len;
};

PKT_INLINE int pkt_load(const struct pkt_src *s, uint32_t off, void *to, uint32_t n)
{
	if (off > s->len || n > s->len - off)
		return -1;
	__builtin_memcpy(to, s->data + off, n);
	return 0;
}
#define PKT_LOAD pkt_load
#endif
#ifndef PKT_FETCH
#define PKT_FETCH PKT_LOAD
#endif
#ifndef PKT_FRAG_FIND
PKT_INLINE const struct pkt_frag_ports *pkt_frag_find(const struct pkt_src *src, const struct pkt_frag_key *key)
{
	(void)src, (void)key;
	return 0;
}

PKT_INLINE void pkt_frag_note(const struct pkt_src *src, const struct pkt_frag_key *key,
			      const struct pkt_frag_ports *val)
{
	(void)src, (void)key, (void)val;
}
#define PKT_FRAG_FIND pkt_frag_find
#define PKT_FRAG_NOTE pkt_frag_note
#endif

/* What stands at an offset: an EtherType in host byte order, below 256 an IP protocol, or an Ethernet header. */
enum pkt_next {
	PKT_N_HOPOPTS = 0, PKT_N_IPIP = 4, PKT_N_TCP = 6, PKT_N_UDP = 17, PKT_N_DCCP = 33, PKT_N_IP6IN = 41,
	PKT_N_ROUTING = 43, PKT_N_FRAGMENT = 44, PKT_N_GRE = 47, PKT_N_AH = 51, PKT_N_DSTOPTS = 60, PKT_N_SCTP = 132,
	PKT_N_UDPLITE = 136,
	PKT_N_IP = 0x0800, PKT_N_TEB = 0x6558, PKT_N_VLAN = 0x8100, PKT_N_IP6 = 0x86dd, PKT_N_MPLS = 0x8847,
	PKT_N_MPLS_MC = 0x8848, PKT_N_PPPOE = 0x8864, PKT_N_QINQ = 0x88a8, PKT_N_QINQ_OLD = 0x9100,
	PKT_N_ETHER = 0x10000,
};

enum { PKT_PORT_VXLAN = 4789, PKT_PORT_GENEVE = 6081 };

/* How to look: */
#define PKT_INNER 1U /* count under the innermost header that can be read, not the outermost */
#define PKT_DEEP 2U  /* walk into tunnels, for l4 alone: a GSO packet's segments repeat all headers */

struct pkt_parsed {
	struct pkt_key key; /* src, dst, sport, dport; the rest is left to the caller */
	uint32_t l4;        /* where the transport header begins (with either flag the innermost), 0: none */
	uint16_t vlan;      /* in: as known from elsewhere, 0: none; out: the outermost */
	uint8_t l4_proto;
	uint8_t proto, kind; /* for key.what */
};

#define PKT_MAX_HEADERS 16

struct pkt_head4 {
	uint8_t vihl, tos;
	uint16_t len, id, frag;
	uint8_t ttl, proto;
	uint16_t check;
	uint32_t src, dst;
};

struct pkt_head6 {
	uint8_t version, flow[3];
	uint16_t len;
	uint8_t next, hops;
	uint8_t src[16], dst[16];
};

/* The fragment header of IPv6. */
struct pkt_headf {
	uint8_t next, pad;
	uint16_t frag;
	uint32_t id;
};

#define PKT_HEAD4 20
#define PKT_HEAD6 40

PKT_INLINE void pkt_set4(uint8_t *to, uint32_t addr)
{
	uint64_t zero = 0, v = (uint64_t)addr << 32 | 0xffff0000;

	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		v = 0xffffULL << 32 | addr;
	__builtin_memcpy(to, &zero, 8);
	__builtin_memcpy(to + 8, &v, 8);
}

PKT_INLINE bool pkt_tunnel_port(uint16_t dport)
{
	return dport == PKT_BE16(PKT_PORT_VXLAN) || dport == PKT_BE16(PKT_PORT_GENEVE);
}

PKT_INLINE bool pkt_has_ports(uint32_t proto)
{
	return proto == PKT_N_TCP || proto == PKT_N_UDP || proto == PKT_N_SCTP || proto == PKT_N_DCCP ||
	       proto == PKT_N_UDPLITE;
}

/*
 * Eight bytes of a header, read at once: a load may cost ten instructions in the kernel. WORD makes one out of bytes,
 * FRONT and BACK are its first and its last four, as they lay in memory.
 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PKT_WORD_BYTE(n, b) ((uint64_t)(b) << 8 * (n))
#define PKT_FRONT(w) ((uint32_t)(w))
#define PKT_BACK(w) ((uint32_t)((w) >> 32))
#else
#define PKT_WORD_BYTE(n, b) ((uint64_t)(b) << (56 - 8 * (n)))
#define PKT_FRONT(w) ((uint32_t)((w) >> 32))
#define PKT_BACK(w) ((uint32_t)(w))
#endif
#define PKT_WORD(a, b, c, d, e, f, g, h) (PKT_WORD_BYTE(0, a) | PKT_WORD_BYTE(1, b) | PKT_WORD_BYTE(2, c) | \
	PKT_WORD_BYTE(3, d) | PKT_WORD_BYTE(4, e) | PKT_WORD_BYTE(5, f) | PKT_WORD_BYTE(6, g) | PKT_WORD_BYTE(7, h))
#define PKT_GET8(w, n) ((uint8_t)((w) / PKT_WORD_BYTE(n, 1)))
#define PKT_GET16(w, n) (PKT_GET8(w, n) << 8 | PKT_GET8(w, (n) + 1))

/* A length of 0: more than the field can say (big GSO packets). */
PKT_INLINE bool pkt_has_room(uint32_t len, uint32_t need)
{
	return len >= need || !len;
}

/* Nearly every packet: TCP or UDP right behind an IP header without options. False: look closer. */
PKT_INLINE bool pkt_parse_plain(const struct pkt_src *src, uint32_t off, uint32_t next, unsigned how,
				struct pkt_parsed *p)
{
	uint64_t h[6];
	uint32_t ports;

	if (next == PKT_N_IP) {
		if (PKT_LOAD(src, off, h, PKT_HEAD4 + 4) ||
		    (h[0] & PKT_WORD(0xff, 0, 0, 0, 0, 0, 0x3f, 0xff)) != PKT_WORD(0x45, 0, 0, 0, 0, 0, 0, 0) ||
		    !pkt_has_room(PKT_GET16(h[0], 2), PKT_HEAD4 + 4))
			return false;
		p->proto = PKT_GET8(h[1], 1);
		pkt_set4(p->key.src, PKT_BACK(h[1]));
		pkt_set4(p->key.dst, PKT_FRONT(h[2]));
		ports = PKT_BACK(h[2]);
		p->l4 = off + PKT_HEAD4;
	} else if (next == PKT_N_IP6) {
		if (PKT_LOAD(src, off, h, PKT_HEAD6 + 4) ||
		    (h[0] & PKT_WORD(0xf0, 0, 0, 0, 0, 0, 0, 0)) != PKT_WORD(0x60, 0, 0, 0, 0, 0, 0, 0) ||
		    !pkt_has_room(PKT_GET16(h[0], 4), 4))
			return false;
		p->proto = PKT_GET8(h[0], 6);
		__builtin_memcpy(p->key.src, &h[1], 16);
		__builtin_memcpy(p->key.dst, &h[3], 16);
		__builtin_memcpy(&ports, &h[5], 4);
		p->l4 = off + PKT_HEAD6;
	} else {
		return false;
	}
	if (p->proto != PKT_N_TCP && p->proto != PKT_N_UDP)
		return false;
	__builtin_memcpy(&p->key.sport, &ports, 4);
	p->l4_proto = p->proto;
	p->kind = PKT_IP;
	return !(how && p->proto == PKT_N_UDP && pkt_tunnel_port(p->key.dport));
}

/* ---- everything else, header by header ---- */

struct pkt_walk {
	uint32_t off, end; /* END: of the IP datagram */
	uint32_t next;
	uint8_t how;
	uint8_t nested; /* within a tunnel */
	uint8_t first;  /* of several fragments, and its ports are yet to be read */
	struct pkt_frag_key frag;
	struct pkt_frag_ports ports;
	union { /* the header in hand */
		struct pkt_head4 ip4;
		struct pkt_head6 ip6;
		struct pkt_headf frag6;
		uint16_t half[4];
		uint8_t byte[8];
	} h;
};

PKT_INLINE bool pkt_wanted(const struct pkt_walk *w)
{
	return !w->nested || w->how & PKT_INNER;
}

/* A fragment that is not the first. Always the last header that can be read. */
PKT_INLINE void pkt_later_fragment(const struct pkt_src *src, const struct pkt_walk *w, struct pkt_parsed *p)
{
	const struct pkt_frag_ports *f;

	if (!pkt_wanted(w))
		return;
	f = PKT_FRAG_FIND(src, &w->frag);
	if (f) {
		p->proto = f->proto;
		p->key.sport = f->sport;
		p->key.dport = f->dport;
		return;
	}
	p->proto = w->frag.proto;
	if (pkt_has_ports(p->proto) || p->proto == PKT_N_HOPOPTS || p->proto == PKT_N_ROUTING ||
	    p->proto == PKT_N_DSTOPTS || p->proto == PKT_N_AH)
		p->kind = PKT_IP_FRAG;
}

PKT_INLINE void pkt_enter(const struct pkt_walk *w, struct pkt_parsed *p)
{
	if (!pkt_wanted(w))
		return;
	__builtin_memcpy(p->key.src, w->frag.src, 16);
	__builtin_memcpy(p->key.dst, w->frag.dst, 16);
	p->key.sport = p->key.dport = 0;
	p->proto = (uint8_t)w->next;
	p->kind = PKT_IP;
}

PKT_INLINE bool pkt_walk_ip4(const struct pkt_src *src, struct pkt_walk *w, struct pkt_parsed *p)
{
	const struct pkt_head4 *h = &w->h.ip4;
	uint32_t frag;

	if (PKT_FETCH(src, w->off, &w->h, PKT_HEAD4) || h->vihl < 0x45 || h->vihl > 0x4f)
		return false;
	frag = PKT_BE16(h->frag);
	w->end = h->len ? w->off + PKT_BE16(h->len) : UINT32_MAX;
	w->off += (h->vihl & 15) * 4U;
	w->next = h->proto;
	pkt_set4(w->frag.src, h->src);
	pkt_set4(w->frag.dst, h->dst);
	w->frag.id = h->id;
	w->frag.proto = h->proto;
	pkt_enter(w, p);
	w->first = (frag & 0x3fff) == 0x2000;
	if (!(frag & 0x1fff))
		return true;
	pkt_later_fragment(src, w, p);
	return false;
}

PKT_INLINE bool pkt_walk_ip6(const struct pkt_src *src, struct pkt_walk *w, struct pkt_parsed *p)
{
	const struct pkt_head6 *h = &w->h.ip6;

	if (PKT_FETCH(src, w->off, &w->h, PKT_HEAD6) || (h->version & 0xf0) != 0x60)
		return false;
	w->off += PKT_HEAD6;
	w->end = h->len ? w->off + PKT_BE16(h->len) : UINT32_MAX;
	w->next = h->next;
	__builtin_memcpy(w->frag.src, h->src, 16);
	__builtin_memcpy(w->frag.dst, h->dst, 16);
	pkt_enter(w, p);
	w->first = false;
	return true;
}

/* What lies between the Ethernet header and IP. */
PKT_INLINE bool pkt_walk_link(const struct pkt_src *src, struct pkt_walk *w, struct pkt_parsed *p)
{
	const uint16_t *h = w->h.half;
	const uint8_t *b = w->h.byte;

	switch (w->next) {
	case PKT_N_ETHER:
		if (PKT_FETCH(src, w->off + 12, &w->h, 2))
			return false;
		w->off += 14;
		w->next = PKT_BE16(h[0]);
		return w->next >= 0x600;
	case PKT_N_VLAN:
	case PKT_N_QINQ:
	case PKT_N_QINQ_OLD:
		if (PKT_FETCH(src, w->off, &w->h, 4))
			return false;
		if (!w->nested && !p->vlan)
			p->vlan = PKT_BE16(h[0]) & 0xfff;
		w->off += 4;
		w->next = PKT_BE16(h[1]);
		return w->next >= 0x600;
	case PKT_N_PPPOE:
		if (PKT_FETCH(src, w->off, &w->h, 8))
			return false;
		w->off += 8;
		w->next = h[3] == PKT_BE16(0x0021) ? PKT_N_IP : PKT_N_IP6;
		return h[3] == PKT_BE16(0x0021) || h[3] == PKT_BE16(0x0057);
	case PKT_N_MPLS:
	case PKT_N_MPLS_MC:
		if (PKT_FETCH(src, w->off, &w->h, 4))
			return false;
		w->off += 4;
		if (!(b[2] & 1))
			return true;
		/* Nothing says what follows the last label but its own first bits. */
		if (PKT_FETCH(src, w->off, &w->h, 1))
			return false;
		w->next = b[0] >> 4 == 4 ? PKT_N_IP : PKT_N_IP6;
		return b[0] >> 4 == 4 || b[0] >> 4 == 6;
	}
	return false;
}

/* Into a tunnel: NEXT stands HLEN bytes on. */
PKT_INLINE bool pkt_dive(struct pkt_walk *w, uint32_t hlen, uint32_t next)
{
	if (!w->how)
		return false;
	w->off += hlen;
	w->next = next == PKT_N_TEB ? PKT_N_ETHER : next;
	w->nested = true;
	return w->next >= 0x600;
}

PKT_INLINE bool pkt_walk_gre(const struct pkt_src *src, struct pkt_walk *w)
{
	const uint16_t *h = w->h.half;
	uint32_t f;

	if (!w->how || PKT_FETCH(src, w->off, &w->h, 4))
		return false;
	f = PKT_BE16(h[0]);
	if (f & 0x4fff) /* source routing, recursion, another version */
		return false;
	return pkt_dive(w, 4 + (f >> 15) * 4 + (f >> 13 & 1) * 4 + (f >> 12 & 1) * 4, PKT_BE16(h[1]));
}

/* A protocol with ports, in which UDP may carry a tunnel. */
PKT_INLINE bool pkt_walk_ports(const struct pkt_src *src, struct pkt_walk *w, struct pkt_parsed *p)
{
	const uint8_t *b = w->h.byte;
	uint16_t dport;

	if (w->off + 4 > w->end || PKT_FETCH(src, w->off, &w->h, 4))
		return false;
	w->ports.sport = w->h.half[0];
	w->ports.dport = dport = w->h.half[1];
	w->ports.proto = (uint8_t)w->next;
	p->l4 = w->off;
	p->l4_proto = (uint8_t)w->next;
	if (pkt_wanted(w)) {
		p->key.sport = w->ports.sport;
		p->key.dport = dport;
	}
	if (w->first) {
		PKT_FRAG_NOTE(src, &w->frag, &w->ports);
		w->first = false;
	}
	if (w->next != PKT_N_UDP || !w->how)
		return false;
	if (dport == PKT_BE16(PKT_PORT_VXLAN))
		return !PKT_FETCH(src, w->off + 8, &w->h, 1) && b[0] & 8 && pkt_dive(w, 16, PKT_N_ETHER);
	if (dport == PKT_BE16(PKT_PORT_GENEVE))
		return !PKT_FETCH(src, w->off + 8, &w->h, 4) && !(b[0] & 0xc0) &&
		       pkt_dive(w, 16 + (b[0] & 0x3f) * 4U, (uint32_t)b[2] << 8 | b[3]);
	return false;
}

/* The fragment header of IPv6. */
PKT_INLINE bool pkt_walk_frag6(const struct pkt_src *src, struct pkt_walk *w, struct pkt_parsed *p)
{
	const struct pkt_headf *h = &w->h.frag6;

	if (PKT_FETCH(src, w->off, &w->h, sizeof(*h)))
		return false;
	w->off += sizeof(*h);
	w->next = h->next;
	w->frag.id = h->id;
	w->frag.proto = h->next;
	w->first = h->frag == PKT_BE16(1);
	if (!(h->frag & PKT_BE16(0xfff8)))
		return true;
	pkt_later_fragment(src, w, p);
	return false;
}

PKT_INLINE bool pkt_walk_proto(const struct pkt_src *src, struct pkt_walk *w, struct pkt_parsed *p)
{
	const uint8_t *h = w->h.byte;

	if (pkt_wanted(w))
		p->proto = (uint8_t)w->next;
	switch (w->next) {
	case PKT_N_HOPOPTS:
	case PKT_N_ROUTING:
	case PKT_N_DSTOPTS:
	case PKT_N_AH:
		if (PKT_FETCH(src, w->off, &w->h, 2))
			return false;
		w->off += w->next == PKT_N_AH ? (h[1] + 2) * 4U : (h[1] + 1) * 8U;
		w->next = h[0];
		return true;
	case PKT_N_FRAGMENT:
		return pkt_walk_frag6(src, w, p);
	case PKT_N_TCP:
	case PKT_N_UDP:
	case PKT_N_SCTP:
	case PKT_N_DCCP:
	case PKT_N_UDPLITE:
		return pkt_walk_ports(src, w, p);
	}
	/* Behind extension headers the later fragments do not tell the protocol. */
	if (w->first && w->frag.proto != w->next) {
		w->ports = (struct pkt_frag_ports){ .proto = (uint8_t)w->next };
		PKT_FRAG_NOTE(src, &w->frag, &w->ports);
	}
	p->l4 = w->off;
	p->l4_proto = (uint8_t)w->next;
	switch (w->next) {
	case PKT_N_IPIP:
		return pkt_dive(w, 0, PKT_N_IP);
	case PKT_N_IP6IN:
		return pkt_dive(w, 0, PKT_N_IP6);
	case PKT_N_GRE:
		return pkt_walk_gre(src, w);
	}
	return false;
}

/* Where the walk keeps what it knows. */
struct pkt_scratch {
	struct pkt_walk w;
	struct pkt_parsed p;
};

/*
 * The verifier follows each value that it can tell along each path through the walk, and there are too many. Of what
 * lies in a map it can tell nothing: whatever way a header was passed, the next begins the same. With softirqs off no
 * other program of the same object runs on this CPU meanwhile.
 */
#ifdef __bpf__
volatile uint32_t pkt_zero; /* stays 0, but who would know: for variables that shall look the same on all paths */
#define PKT_BLUR(x) ((x) = (__typeof__(x))((x) + pkt_zero))

/* Where a program may interrupt another one of its object: 0 or 1, one for each. */
#ifndef PKT_SCRATCH_SLOT
#define PKT_SCRATCH_SLOT 0
#endif

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, uint32_t);
	__type(value, struct pkt_scratch);
} pkt_scratch SEC(".maps");

PKT_INLINE struct pkt_scratch *pkt_room(struct pkt_scratch *none)
{
	uint32_t slot = PKT_SCRATCH_SLOT;

	(void)none;
	return bpf_map_lookup_elem(&pkt_scratch, &slot);
}
#define PKT_SCRATCH ((struct pkt_scratch *)0)
/* So that the compiler keeps nothing in registers either. */
#define PKT_FORGET() asm volatile("" ::: "memory")
#else
#define pkt_room(own) (own)
#define PKT_SCRATCH (&(struct pkt_scratch){ 0 })
#define PKT_FORGET() ((void)0)
#endif

PKT_INLINE void pkt_walk(const struct pkt_src *src, struct pkt_scratch *s)
{
	for (unsigned i = 0; i < PKT_MAX_HEADERS; i++) {
		uint32_t next;
		bool more;

		PKT_FORGET();
		next = s->w.next;
		if (next < 256)
			more = pkt_walk_proto(src, &s->w, &s->p);
		else if (next == PKT_N_IP)
			more = pkt_walk_ip4(src, &s->w, &s->p);
		else if (next == PKT_N_IP6)
			more = pkt_walk_ip6(src, &s->w, &s->p);
		else
			more = pkt_walk_link(src, &s->w, &s->p);
		if (!more)
			break;
	}
	PKT_FORGET();
}

PKT_INLINE void pkt_parse_walk(const struct pkt_src *src, uint32_t off, uint32_t next, unsigned how,
			       struct pkt_parsed *p)
{
	struct pkt_scratch *s = pkt_room(PKT_SCRATCH);

	if (!s)
		return;
	__builtin_memset(s, 0, sizeof(*s));
	s->w.off = off;
	s->w.next = next;
	s->w.how = (uint8_t)how;
	s->p.vlan = p->vlan;
	s->p.kind = PKT_OTHER;
	pkt_walk(src, s);
	*p = s->p;
}

/* The plain case, if it is one, from an Ethernet header on as well. */
PKT_INLINE bool pkt_parse_quick(const struct pkt_src *src, uint32_t off, uint32_t next, unsigned how,
				struct pkt_parsed *p)
{
	uint16_t type;

	if (next != PKT_N_ETHER)
		return pkt_parse_plain(src, off, next, how, p);
	return !PKT_LOAD(src, off + 12, &type, 2) && pkt_parse_plain(src, off + 14, PKT_BE16(type), how, p);
}

/*
 * What the frame at SRC shows. NEXT (enum pkt_next) stands at OFF. All of *P but key.ifindex and key.what is set; what
 * is no IP or broken before an IP header's end becomes PKT_OTHER with zeroes.
 */
PKT_INLINE void pkt_parse(const struct pkt_src *src, uint32_t off, uint32_t next, unsigned how, struct pkt_parsed *p)
{
	if (!pkt_parse_quick(src, off, next, how, p))
		pkt_parse_walk(src, off, next, how, p);
}

/* Bytes from the start of the frame to the end of the transport header: what each segment of a GSO packet repeats. */
PKT_INLINE uint32_t pkt_headers(const struct pkt_src *src, const struct pkt_parsed *p)
{
	uint8_t doff;

	if (p->l4_proto == PKT_N_UDP)
		return p->l4 + 8;
	if (p->l4_proto != PKT_N_TCP || PKT_LOAD(src, p->l4 + 12, &doff, 1))
		return p->l4;
	return p->l4 + (doff >> 4) * 4U;
}

/* Segments of a GSO packet of LEN bytes whose count was not given. */
PKT_INLINE uint32_t pkt_segments(uint32_t len, uint32_t headers, uint32_t gso_size)
{
	return len > headers && gso_size ? (len - headers + gso_size - 1) / gso_size : 1;
}

#endif
