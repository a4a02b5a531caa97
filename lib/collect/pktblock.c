// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_SRC_PKT_RING
 *
 * Packets out of the blocks of a ring, and counting them in user space.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <stdlib.h>

#include "collect/pktring.h"
#include "core/util.h"

struct pkt_src {
	const uint8_t *data;
	uint32_t len;
	struct pkt_frag *frags;
};

struct pkt_frag_key;
struct pkt_frag_ports;
static int src_load(const struct pkt_src *s, uint32_t off, void *to, uint32_t n);
static const struct pkt_frag_ports *frag_find(const struct pkt_src *s, const struct pkt_frag_key *key);
static void frag_note(const struct pkt_src *s, const struct pkt_frag_key *key, const struct pkt_frag_ports *val);
#define PKT_LOAD src_load
#define PKT_FRAG_FIND frag_find
#define PKT_FRAG_NOTE frag_note
#include "collect/pktparse.h"

struct pkt_frag {
	struct pkt_frag_key key;
	struct pkt_frag_ports ports;
};

static inline int src_load(const struct pkt_src *s, uint32_t off, void *to, uint32_t n)
{
	if (off > s->len || n > s->len - off)
		return -1;
	memcpy(to, s->data + off, n);
	return 0;
}

static struct pkt_frag *frag_at(const struct pkt_src *s, const struct pkt_frag_key *key)
{
	return s->frags ? &s->frags[hash_bytes(key, sizeof(*key)) % PKT_FRAGS] : NULL;
}

static const struct pkt_frag_ports *frag_find(const struct pkt_src *s, const struct pkt_frag_key *key)
{
	const struct pkt_frag *f = frag_at(s, key);

	return f && !memcmp(&f->key, key, sizeof(*key)) ? &f->ports : NULL;
}

static void frag_note(const struct pkt_src *s, const struct pkt_frag_key *key, const struct pkt_frag_ports *val)
{
	struct pkt_frag *f = frag_at(s, key);

	if (f)
		*f = (struct pkt_frag){ *key, *val };
}

struct pkt_frag *pkt_frags_new(void)
{
	return calloc(PKT_FRAGS, sizeof(struct pkt_frag));
}

void pkt_frame_count(const struct pkt_frame *f, bool inner, struct pkt_frag *frags, struct pkt_key *key,
		     struct pkt_count *n)
{
	const struct pkt_src src = { f->data, f->snap, frags };
	unsigned how = (inner ? PKT_INNER : 0) | (f->gso_size ? PKT_DEEP : 0);
	struct pkt_parsed p = { .vlan = f->vlan };
	uint32_t headers, segments, off = f->net, next = MAX(f->proto, 0x5ffU);

	/*
	 * The network header may lie behind tags that are still there: then the walk begins at the Ethernet header.
	 * Numbers below 0x600 are the kernel's own, for frames without an EtherType.
	 */
	if (next == PKT_N_VLAN || next == PKT_N_QINQ || next == PKT_N_QINQ_OLD) {
		off = 0;
		next = PKT_N_ETHER;
	}
	pkt_parse_walk(&src, off, next, how, &p);
	*key = p.key;
	key->ifindex = f->ifindex;
	key->what = PKT_PUT(PKT_WHAT_VLAN, p.vlan) | PKT_PUT(PKT_WHAT_PROTO, p.proto) |
		    PKT_PUT(PKT_WHAT_TX, f->tx) | PKT_PUT(PKT_WHAT_KIND, p.kind);
	headers = f->gso_size ? pkt_headers(&src, &p) : 0;
	segments = pkt_segments(f->len, headers, f->gso_size);
	n->packets = segments;
	n->bytes = f->len + (uint64_t)(segments - 1) * headers;
}

/* ---- blocks ---- */

#define FRAME_HEAD (TPACKET_ALIGN(sizeof(struct tpacket3_hdr)) + sizeof(struct sockaddr_ll))

/* The packet whose header is at P with SIZE bytes until the next one. False: broken. */
static bool frame_parse(const uint8_t *p, size_t size, bool vnet, struct pkt_frame *f)
{
	struct virtio_net_hdr v = { 0 };
	struct sockaddr_ll ll;
	struct tpacket3_hdr h;

	memcpy(&h, p, sizeof(h));
	memcpy(&ll, p + TPACKET_ALIGN(sizeof(h)), sizeof(ll));
	if (h.tp_len > INT32_MAX || h.tp_mac > size || h.tp_snaplen > size - h.tp_mac || h.tp_net < h.tp_mac ||
	    h.tp_mac < FRAME_HEAD + (vnet ? sizeof(v) : 0))
		return false;
	if (vnet)
		memcpy(&v, p + h.tp_mac - sizeof(v), sizeof(v));
	f->data = p + h.tp_mac;
	f->snap = h.tp_snaplen;
	f->len = h.tp_len;
	f->net = h.tp_net - h.tp_mac;
	f->ifindex = (uint32_t)ll.sll_ifindex;
	f->proto = (uint16_t)((ll.sll_protocol & 0xff) << 8 | ll.sll_protocol >> 8);
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		f->proto = ll.sll_protocol;
	f->vlan = h.tp_status & TP_STATUS_VLAN_VALID ? h.hv1.tp_vlan_tci & 0xfff : 0;
	f->gso_size = v.gso_type != VIRTIO_NET_HDR_GSO_NONE ? v.gso_size : 0;
	f->tx = ll.sll_pkttype == PACKET_OUTGOING;
	return true;
}

int pkt_block_walk(const uint8_t *p, size_t len, bool vnet, pkt_frame_fn fn, void *arg)
{
	struct tpacket_block_desc d;
	uint32_t next, status;
	size_t left;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, p, sizeof(d));
	next = d.hdr.bh1.offset_to_first_pkt;
	for (uint32_t n = d.hdr.bh1.num_pkts; n; n--) {
		struct pkt_frame f;

		if (!next || next > len || len - next < FRAME_HEAD)
			return -EBADMSG;
		p += next;
		len -= next;
		memcpy(&next, p + offsetof(struct tpacket3_hdr, tp_next_offset), sizeof(next));
		if (next && next < FRAME_HEAD)
			return -EBADMSG;
		left = next && next < len ? next : len;
		/* Before 6.2 a packet that the kernel cannot describe (UDP_SEGMENT) is dropped, and counted so, but its place stays. */
		memcpy(&status, p + offsetof(struct tpacket3_hdr, tp_status), sizeof(status));
		if (!(status & TP_STATUS_USER))
			continue;
		if (!frame_parse(p, left, vnet, &f))
			return -EBADMSG;
		fn(arg, &f);
	}
	return 0;
}

/* ---- the table ---- */

#define TALLY_MIN 256

static uint32_t tally_hash(const struct pkt_tally *t, const struct pkt_key *key)
{
	uint64_t w[sizeof(*key) / 8], h = t->seed;

	memcpy(w, key, sizeof(w));
	for (unsigned i = 0; i < ARRAY_SIZE(w); i++) {
		h = (h ^ w[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

/* The slot of KEY, or the free one where it belongs. */
static struct pkt_slot *tally_slot(const struct pkt_tally *t, const struct pkt_key *key)
{
	uint32_t i = tally_hash(t, key) & t->mask;

	while (t->slot[i].n.packets && memcmp(&t->slot[i].key, key, sizeof(*key)))
		i = (i + 1) & t->mask;
	return &t->slot[i];
}

/* Makes room so that at most two slots of three are taken. */
static bool tally_grow(struct pkt_tally *t)
{
	uint32_t size = t->slot ? (t->mask + 1) * 2 : TALLY_MIN, old = t->slot ? t->mask + 1 : 0;
	struct pkt_slot *was = t->slot;

	if (size > 1U << 25 || !(t->slot = calloc(size, sizeof(*t->slot)))) {
		t->slot = was;
		return false;
	}
	if (!t->seed)
		t->seed = hash_random_seed() | 1;
	t->mask = size - 1;
	for (uint32_t i = 0; i < old; i++)
		if (was[i].n.packets)
			*tally_slot(t, &was[i].key) = was[i];
	free(was);
	return true;
}

void pkt_tally_add(struct pkt_tally *t, const struct pkt_key *key, const struct pkt_count *n)
{
	struct pkt_slot *s = t->slot ? tally_slot(t, key) : NULL;

	if (!n->packets)
		return;
	if (!s || !s->n.packets) {
		if (t->n >= t->max || ((!s || t->n >= (t->mask + 1) / 3 * 2) && !tally_grow(t))) {
			t->lost_flows++;
			t->lost_packets += n->packets;
			t->lost_bytes += n->bytes;
			return;
		}
		s = tally_slot(t, key);
		s->key = *key;
		t->n++;
	}
	s->n.packets += n->packets;
	s->n.bytes += n->bytes;
}

int pkt_tally_read(struct pkt_tally *t, pkt_fn fn, void *arg, struct pkt_result *res)
{
	uint32_t size = t->slot ? t->mask + 1 : 0, n = t->n;

	res->lost_packets += t->lost_packets;
	res->lost_bytes += t->lost_bytes;
	res->lost_flows += t->lost_flows;
	t->lost_packets = t->lost_bytes = t->lost_flows = 0;
	for (uint32_t i = 0; i < size; i++)
		if (t->slot[i].n.packets && fn(arg, &t->slot[i].key, &t->slot[i].n))
			return -ECANCELED;
	t->n = 0;
	if (n >= size / 8 && n) {
		memset(t->slot, 0, sizeof(*t->slot) * size);
	} else { /* it was once fuller: let it grow again as far as it must */
		free(t->slot);
		t->slot = NULL;
	}
	return 0;
}

void pkt_tally_free(struct pkt_tally *t)
{
	free(t->slot);
	t->slot = NULL;
	t->n = 0;
}
