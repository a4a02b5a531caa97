// SPDX-License-Identifier: GPL-2.0-or-later
/* The packet parser on frames of every kind, whole and cut off at each length. */
#include <arpa/inet.h>
#include "check.h"

/* Who includes the parser remembers fragments: here, one datagram. */
struct pkt_frag_key;
struct pkt_frag_ports;
static const struct pkt_frag_ports *find(const struct pkt_frag_key *k);
static void note(const struct pkt_frag_key *k, const struct pkt_frag_ports *v);
#define PKT_FRAG_FIND(src, key) ((void)(src), find(key))
#define PKT_FRAG_NOTE(src, key, val) ((void)(src), note(key, val))
#include "collect/pktparse.h"

static struct pkt_frag_key noted;
static struct pkt_frag_ports noted_ports;
static unsigned notes;

static const struct pkt_frag_ports *find(const struct pkt_frag_key *k)
{
	return notes && !memcmp(k, &noted, sizeof(noted)) ? &noted_ports : NULL;
}

static void note(const struct pkt_frag_key *k, const struct pkt_frag_ports *v)
{
	noted = *k;
	noted_ports = *v;
	notes++;
}

static uint8_t frame[512];
static uint32_t n;

static void put(const void *p, uint32_t len)
{
	memcpy(frame + n, p, len);
	n += len;
}

static void put8(unsigned v)
{
	frame[n++] = (uint8_t)v;
}

static void put16(unsigned v)
{
	put8(v >> 8);
	put8(v);
}

static void put32(uint32_t v)
{
	put16(v >> 16);
	put16(v);
}

static void ether(unsigned type)
{
	put("\2\0\0\0\0\1\2\0\0\0\0\2", 12);
	put16(type);
}

static void tag(unsigned vlan, unsigned type)
{
	put16(3 << 13 | vlan);
	put16(type);
}

/* 192.0.2.NET1 to 192.0.2.NET2; OPTIONS in words. */
static void ip4(unsigned proto, unsigned frag, unsigned options, unsigned payload)
{
	put8(0x45 + options);
	put8(0);
	put16(20 + options * 4 + payload);
	put16(0x1234);
	put16(frag);
	put8(64);
	put8(proto);
	put16(0);
	put32(0xc0000201);
	put32(0xc0000202);
	while (options--)
		put32(0x01010101);
}

static void ip6(unsigned next, unsigned payload)
{
	put32(0x60012345);
	put16(payload);
	put8(next);
	put8(64);
	put("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	put("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
}

static void ext(unsigned next, unsigned words)
{
	put8(next);
	put8(words);
	for (unsigned i = 0; i < words * 8 + 6; i++)
		put8(0);
}

static void frag6(unsigned next, unsigned frag)
{
	put8(next);
	put8(0);
	put16(frag);
	put32(77);
}

static void ports(unsigned s, unsigned d)
{
	put16(s);
	put16(d);
}

static void tcp(void)
{
	ports(1000, 2000);
	put32(1);
	put32(2);
	put8(8 << 4); /* twelve bytes of options */
	put8(0x10);
	put16(100);
	put32(0);
	put32(0x01010101), put32(0x01010101), put32(0x01010101);
}

static void udp(unsigned d, unsigned payload)
{
	ports(1000, d);
	put16(8 + payload);
	put16(0);
}

/* Parses the first LEN bytes, in memory of just that size. */
static struct pkt_parsed parse_at(uint32_t off, uint32_t next, unsigned how, uint32_t len, uint32_t *headers)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct pkt_src src = { copy, len };
	struct pkt_parsed p;

	memset(&p, 0xaa, sizeof(p));
	p.vlan = 0;
	memcpy(copy, frame, len);
	pkt_parse(&src, off, next, how, &p);
	if (headers)
		*headers = pkt_headers(&src, &p);
	free(copy);
	return p;
}

static const uint8_t a4[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 }, b4[16] = { [10] = 0xff, 0xff, 192, 0, 2, 2 };
static const uint8_t a6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, b6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 2 };
static const uint8_t none[16];

static void check_line(int line, const struct pkt_parsed *p, int ip, unsigned kind, unsigned proto, unsigned s,
		       unsigned d)
{
	unsigned before = check_failed;

	CHECK_EQ(p->kind, kind);
	CHECK_EQ(p->proto, proto);
	CHECK_EQ(ntohs(p->key.sport), s);
	CHECK_EQ(ntohs(p->key.dport), d);
	CHECK(!memcmp(p->key.src, ip == 4 ? a4 : ip == 6 ? a6 : none, 16));
	CHECK(!memcmp(p->key.dst, ip == 4 ? b4 : ip == 6 ? b6 : none, 16));
	if (check_failed != before)
		fprintf(stderr, "  in the frame of line %d\n", line);
}

#define IS(p, ...) check_line(__LINE__, &(p), __VA_ARGS__)

/*
 * Whatever a frame is cut off to is either no IP at all, or the flow with its ports or without. A tunnel's flow may
 * also be the outer one.
 */
static void cut(unsigned how)
{
	for (uint32_t len = 0; len < n; len++) {
		uint32_t headers;
		struct pkt_parsed p = parse_at(0, PKT_N_ETHER, how, len, &headers);

		CHECK(p.kind <= PKT_OTHER);
		if (p.kind == PKT_OTHER) {
			CHECK(!p.proto && !p.key.sport && !p.key.dport);
			CHECK(!memcmp(p.key.src, none, 16) && !memcmp(p.key.dst, none, 16));
		}
		CHECK(headers <= len + 15 * 4 + 255 * 8);
	}
}

static struct pkt_parsed whole(unsigned how, uint32_t *headers)
{
	notes = 0;
	cut(how);
	notes = 0;
	return parse_at(0, PKT_N_ETHER, how, n, headers);
}

#define FRAME(...) do { n = 0; __VA_ARGS__; } while (0)

static void t_plain(void)
{
	struct pkt_parsed p;
	uint32_t headers;

	FRAME(ether(0x800), ip4(6, 0x4000, 0, 32), tcp());
	p = whole(0, &headers);
	IS(p, 4, PKT_IP, 6, 1000, 2000);
	CHECK_EQ(headers, 14 + 20 + 32);
	CHECK_EQ(p.vlan, 0);
	FRAME(ether(0x86dd), ip6(17, 8), udp(53, 0));
	p = whole(0, &headers);
	IS(p, 6, PKT_IP, 17, 1000, 53);
	CHECK_EQ(headers, 14 + 40 + 8);
	FRAME(ip4(17, 0, 0, 8), udp(53, 0)); /* no link header */
	p = parse_at(0, PKT_N_IP, 0, n, &headers);
	IS(p, 4, PKT_IP, 17, 1000, 53);
	CHECK_EQ(headers, 28);
	FRAME(ether(0x800), ip4(6, 0, 3, 32), tcp()); /* options */
	p = whole(0, &headers);
	IS(p, 4, PKT_IP, 6, 1000, 2000);
	CHECK_EQ(headers, 14 + 32 + 32);
	FRAME(ether(0x800), ip4(1, 0, 0, 8), ports(0x0800, 0), put32(0));
	p = whole(0, NULL);
	IS(p, 4, PKT_IP, 1, 0, 0);
	FRAME(ether(0x800), ip4(132, 0, 0, 12), ports(5, 6), put32(0), put32(0));
	p = whole(0, NULL);
	IS(p, 4, PKT_IP, 132, 5, 6);
	FRAME(ether(0x86dd), ip6(33, 4), ports(5, 6));
	p = whole(0, NULL);
	IS(p, 6, PKT_IP, 33, 5, 6);
	FRAME(ether(0x800), ip4(136, 0, 0, 4), ports(5, 6));
	p = whole(0, NULL);
	IS(p, 4, PKT_IP, 136, 5, 6);
	FRAME(ether(0x800), ip4(50, 0, 0, 8), put32(1), put32(2));
	p = whole(0, NULL);
	IS(p, 4, PKT_IP, 50, 0, 0);
}

static void t_broken(void)
{
	struct pkt_parsed p;

	FRAME(ether(0x806), put32(0x00010800));
	p = whole(0, NULL);
	IS(p, 0, PKT_OTHER, 0, 0, 0);
	FRAME(ether(0x26), put32(0x42420300)); /* spanning tree: a length, no type */
	p = whole(0, NULL);
	IS(p, 0, PKT_OTHER, 0, 0, 0);
	FRAME(ether(0x800), ip6(6, 32), tcp()); /* a wrong version */
	p = whole(0, NULL);
	IS(p, 0, PKT_OTHER, 0, 0, 0);
	FRAME(ether(0x800), ip4(6, 0, 0, 32), tcp(), frame[14] = 0x44);
	p = whole(0, NULL);
	IS(p, 0, PKT_OTHER, 0, 0, 0);
	/* The datagram ends before the ports: what follows is padding. */
	FRAME(ether(0x800), ip4(6, 0, 0, 0), put32(0x01020304));
	p = whole(0, NULL);
	IS(p, 4, PKT_IP, 6, 0, 0);
	FRAME(ether(0x86dd), ip6(17, 3), put32(0x01020304));
	p = whole(0, NULL);
	IS(p, 6, PKT_IP, 17, 0, 0);
	/* A length of 0 says nothing. */
	FRAME(ether(0x800), ip4(6, 0, 0, 32), tcp(), frame[16] = frame[17] = 0);
	p = whole(0, NULL);
	IS(p, 4, PKT_IP, 6, 1000, 2000);
	FRAME(ether(0x86dd), ip6(17, 0), udp(53, 0));
	p = whole(0, NULL);
	IS(p, 6, PKT_IP, 17, 1000, 53);
}

static void t_link(void)
{
	struct pkt_parsed p;
	uint32_t headers;

	FRAME(ether(0x8100), tag(7, 0x800), ip4(6, 0, 0, 32), tcp());
	p = whole(0, &headers);
	IS(p, 4, PKT_IP, 6, 1000, 2000);
	CHECK_EQ(p.vlan, 7);
	CHECK_EQ(headers, 18 + 20 + 32);
	FRAME(ether(0x88a8), tag(7, 0x8100), tag(8, 0x86dd), ip6(17, 8), udp(53, 0));
	p = whole(0, NULL);
	IS(p, 6, PKT_IP, 17, 1000, 53);
	CHECK_EQ(p.vlan, 7);
	FRAME(ether(0x8864), put32(0x11000001), put16(30), put16(0x21), ip4(17, 0, 0, 8), udp(53, 0));
	p = whole(0, NULL);
	IS(p, 4, PKT_IP, 17, 1000, 53);
	FRAME(ether(0x8864), put32(0x11000001), put16(50), put16(0x57), ip6(17, 8), udp(53, 0));
	p = whole(0, NULL);
	IS(p, 6, PKT_IP, 17, 1000, 53);
	FRAME(ether(0x8864), put32(0x11000001), put16(6), put16(0xc021), put32(0));
	p = whole(0, NULL);
	IS(p, 0, PKT_OTHER, 0, 0, 0);
	FRAME(ether(0x8847), put32(0x00010040), put32(0x00020140), ip4(17, 0, 0, 8), udp(53, 0));
	p = whole(0, NULL);
	IS(p, 4, PKT_IP, 17, 1000, 53);
	FRAME(ether(0x8847), put32(0x00020140), ip6(17, 8), udp(53, 0));
	p = whole(0, NULL);
	IS(p, 6, PKT_IP, 17, 1000, 53);
	FRAME(ether(0x8847), put32(0x00020140), put32(0)); /* a pseudowire's control word */
	p = whole(0, NULL);
	IS(p, 0, PKT_OTHER, 0, 0, 0);
	FRAME(ether(0x8100));
	for (int i = 0; i < 40; i++)
		tag(7, 0x8100);
	p = whole(0, NULL);
	IS(p, 0, PKT_OTHER, 0, 0, 0);
}

static void t_ext(void)
{
	struct pkt_parsed p;
	uint32_t headers;

	FRAME(ether(0x86dd), ip6(0, 80), ext(43, 0), ext(60, 1), ext(51, 0), put8(6), put8(1), put16(0), put32(1),
	      put32(2), tcp());
	p = whole(0, &headers);
	IS(p, 6, PKT_IP, 6, 1000, 2000);
	CHECK_EQ(headers, 14 + 40 + 8 + 16 + 8 + 12 + 32);
	FRAME(ether(0x86dd), ip6(0, 16), ext(58, 0), put32(0x80000000), put32(0));
	p = whole(0, NULL);
	IS(p, 6, PKT_IP, 58, 0, 0);
	FRAME(ether(0x86dd), ip6(0, 200));
	for (int i = 0; i < 30; i++)
		ext(60, 0);
	p = whole(0, NULL);
	IS(p, 6, PKT_IP, 60, 0, 0);
}

static void t_fragments(void)
{
	struct pkt_parsed p;

	FRAME(ether(0x800), ip4(17, 185, 0, 32), put32(0x01020304), put32(0));
	p = whole(0, NULL); /* of an unknown datagram */
	IS(p, 4, PKT_IP_FRAG, 17, 0, 0);
	FRAME(ether(0x800), ip4(17, 0x2000, 0, 1480), udp(53, 4000));
	p = whole(0, NULL);
	IS(p, 4, PKT_IP, 17, 1000, 53);
	CHECK_EQ(notes, 1);
	FRAME(ether(0x800), ip4(17, 0x2000 | 185, 0, 32), put32(0x01020304), put32(0));
	p = parse_at(0, PKT_N_ETHER, 0, n, NULL);
	IS(p, 4, PKT_IP, 17, 1000, 53);
	FRAME(ether(0x800), ip4(1, 185, 0, 32), put32(0x01020304)); /* no ports to be missed */
	p = parse_at(0, PKT_N_ETHER, 0, n, NULL);
	IS(p, 4, PKT_IP, 1, 0, 0);

	/* The protocol stands in the first fragment only. */
	FRAME(ether(0x86dd), ip6(44, 100), frag6(60, 1), ext(17, 0), udp(53, 4000));
	p = whole(0, NULL);
	IS(p, 6, PKT_IP, 17, 1000, 53);
	CHECK_EQ(notes, 1);
	FRAME(ether(0x86dd), ip6(44, 100), frag6(60, 185 << 3), put32(0x01020304));
	p = parse_at(0, PKT_N_ETHER, 0, n, NULL);
	IS(p, 6, PKT_IP, 17, 1000, 53);
	p = whole(0, NULL);
	IS(p, 6, PKT_IP_FRAG, 60, 0, 0);
	FRAME(ether(0x86dd), ip6(44, 100), frag6(60, 1), ext(58, 0), put32(0x80000000));
	p = whole(0, NULL);
	IS(p, 6, PKT_IP, 58, 0, 0);
	FRAME(ether(0x86dd), ip6(44, 100), frag6(60, 185 << 3), put32(0x01020304));
	p = parse_at(0, PKT_N_ETHER, 0, n, NULL);
	IS(p, 6, PKT_IP, 58, 0, 0);
	FRAME(ether(0x86dd), ip6(44, 16), frag6(17, 0), udp(53, 0)); /* a fragment that is all */
	p = whole(0, NULL);
	IS(p, 6, PKT_IP, 17, 1000, 53);
	CHECK_EQ(notes, 0);
}

/* Outer IPv4, in it IPv6 and TCP: what all tunnels below carry. */
static void inside(int outer_proto, unsigned outer_port)
{
	struct pkt_parsed p;
	uint32_t headers;

	p = whole(0, NULL);
	IS(p, 4, PKT_IP, outer_proto, outer_port ? 1000 : 0, outer_port);
	p = whole(PKT_DEEP, &headers);
	IS(p, 4, PKT_IP, outer_proto, outer_port ? 1000 : 0, outer_port);
	CHECK_EQ(headers, n);
	p = whole(PKT_INNER, &headers);
	IS(p, 6, PKT_IP, 6, 1000, 2000);
	CHECK_EQ(headers, n);
	CHECK_EQ(p.vlan, 0);
}

static void t_tunnels(void)
{
	struct pkt_parsed p;

	FRAME(ether(0x800), ip4(41, 0, 0, 72), ip6(6, 32), tcp());
	inside(41, 0);
	FRAME(ether(0x800), ip4(47, 0, 0, 76), put32(0x86dd), ip6(6, 32), tcp());
	inside(47, 0);
	FRAME(ether(0x800), ip4(47, 0, 0, 88), put32(0xb00086dd), put32(0), put32(1), put32(2), ip6(6, 32), tcp());
	inside(47, 0);
	FRAME(ether(0x800), ip4(47, 0, 0, 94), put32(0x6558), ether(0x8100), tag(9, 0x86dd), ip6(6, 32), tcp());
	inside(47, 0);
	FRAME(ether(0x800), ip4(17, 0, 0, 102), udp(4789, 94), put32(0x08000000), put32(0x100), ether(0x86dd),
	      ip6(6, 32), tcp());
	inside(17, 4789);
	FRAME(ether(0x800), ip4(17, 0, 0, 102), udp(6081, 94), put32(0x02006558), put32(0x100), put32(0), put32(0),
	      ether(0x86dd), ip6(6, 32), tcp());
	inside(17, 6081);
	FRAME(ether(0x800), ip4(17, 0, 0, 102), udp(6081, 94), put32(0x000086dd), put32(0x100), ip6(6, 32), tcp());
	inside(17, 6081);
	FRAME(ether(0x86dd), ip6(4, 60), ip4(17, 0, 0, 8), udp(53, 0));
	p = whole(PKT_INNER, NULL);
	IS(p, 4, PKT_IP, 17, 1000, 53);
	/* Nothing that can be read inside: the outer one stands. */
	FRAME(ether(0x800), ip4(17, 0, 0, 50), udp(4789, 42), put32(0x08000000), put32(0x100), ether(0x806), put32(1));
	p = whole(PKT_INNER, NULL);
	IS(p, 4, PKT_IP, 17, 1000, 4789);
	FRAME(ether(0x800), ip4(47, 0, 0, 20), put32(0x3001880b), put32(0), put32(0), put32(0)); /* PPTP */
	p = whole(PKT_INNER, NULL);
	IS(p, 4, PKT_IP, 47, 0, 0);
	FRAME(ether(0x800));
	for (int i = 0; i < 20; i++)
		ip4(4, 0, 0, 400 - i * 20);
	p = whole(PKT_INNER, NULL);
	IS(p, 4, PKT_IP, 4, 0, 0);
}

static void t_segments(void)
{
	CHECK_EQ(pkt_segments(66 + 1448 * 3, 66, 1448), 3);
	CHECK_EQ(pkt_segments(66 + 1448 * 3 + 1, 66, 1448), 4);
	CHECK_EQ(pkt_segments(66, 66, 1448), 1);
	CHECK_EQ(pkt_segments(10, 66, 1448), 1);
	CHECK_EQ(pkt_segments(100, 66, 0), 1);
}

int main(void)
{
	t_plain();
	t_broken();
	t_link();
	t_ext();
	t_fragments();
	t_tunnels();
	t_segments();
	return check_done("pktparse");
}
