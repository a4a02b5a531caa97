/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packet counts without a kernel: sizes of tables, blocks of a ring, what a frame counts as, the table, a replay. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "collect/door.h"
#include "collect/pktring.h"
#include "collect/pktrung.h"

#define MAC TPACKET_ALIGN(TPACKET3_HDRLEN + sizeof(struct virtio_net_hdr))
#define CLIENT "\xc0\xa8\x01\x02"
#define SERVER "\x0a\x00\x00\x01"

static void t_sizes(void)
{
	struct pkt_opts o = { .count = 0 };
	struct pkt_tables t;

	pkt_tables_size(&t, &o, 2, 4ULL << 30);
	CHECK_EQ(t.ncpu, 2);
	CHECK_EQ(t.slots, 16384);
	CHECK(!t.once);
	CHECK_EQ(t.entries, 524288);
	pkt_tables_size(&t, &o, 64, 64ULL << 30);
	CHECK_EQ(t.slots, 1024); /* 65,536 in all */
	pkt_tables_size(&t, &o, 2, 64 << 20);
	CHECK(t.slots * 2 * t.ncpu * sizeof(struct pkt_slot) <= (64 << 20) / 256);
	CHECK_EQ(t.slots, 1024);
	CHECK_EQ(t.entries, 65536);
	o.count = 1;
	pkt_tables_size(&t, &o, 2, 64 << 20);
	CHECK(t.once);
	CHECK_EQ(t.slots, 1024);
	o.max_entries = 5;
	pkt_tables_size(&t, &o, UINT32_MAX, 1 << 20);
	CHECK_EQ(t.ncpu, PKT_CPUS_MAX);
	CHECK_EQ(t.slots, 256);
	CHECK_EQ(t.entries, 1024);
}

/* ---- frames ---- */

struct frame {
	uint8_t p[256];
	unsigned len;
};

static void put(struct frame *f, const void *p, size_t n)
{
	memcpy(f->p + f->len, p, n);
	f->len += (unsigned)n;
}

#define PUT(f, text) put(f, text, sizeof(text) - 1)

static void ip4(struct frame *f, uint8_t proto, uint16_t len, uint16_t frag)
{
	uint8_t h[20] = { 0x45, 0, (uint8_t)(len >> 8), (uint8_t)len, 0x12, 0x34, (uint8_t)(frag >> 8), (uint8_t)frag,
			  64, proto };

	memcpy(h + 12, CLIENT, 4);
	memcpy(h + 16, SERVER, 4);
	put(f, h, sizeof(h));
}

/* TCP with 12 bytes of options. */
static void tcp(struct frame *f)
{
	uint8_t h[32] = { 0xc0, 0x01, 0x01, 0xbb, [12] = 0x80 };

	put(f, h, sizeof(h));
}

static void ether(struct frame *f)
{
	PUT(f, "\1\2\3\4\5\6\7\10\11\12\13\14");
}

static const uint8_t client[16] = { [10] = 0xff, 0xff, 192, 168, 1, 2 };

static void t_frames(void)
{
	struct frame f = { .len = 0 };
	struct pkt_frame in = { .data = f.p, .net = 14, .ifindex = 3, .proto = 0x0800, .tx = true };
	struct pkt_frag *frags = pkt_frags_new();
	struct pkt_count n;
	struct pkt_key k;

	/* A TCP packet of 3 segments: the headers of two more are on the wire. */
	ether(&f);
	PUT(&f, "\x08\x00");
	ip4(&f, 6, 52 + 3000, 0);
	tcp(&f);
	in.snap = f.len;
	in.len = f.len + 3000;
	in.gso_size = 1448;
	pkt_frame_count(&in, false, frags, &k, &n);
	CHECK(!memcmp(k.src, client, 16));
	CHECK_EQ(ntohs(k.sport), 0xc001);
	CHECK_EQ(ntohs(k.dport), 443);
	CHECK_EQ(k.ifindex, 3);
	CHECK_EQ(PKT_GET(PKT_WHAT_PROTO, k.what), 6);
	CHECK_EQ(PKT_GET(PKT_WHAT_TX, k.what), 1);
	CHECK_EQ(PKT_GET(PKT_WHAT_KIND, k.what), PKT_IP);
	CHECK_EQ(n.packets, 3);
	CHECK_EQ(n.bytes, 66 + 3000 + 2 * 66);
	in.gso_size = 0;
	pkt_frame_count(&in, false, frags, &k, &n);
	CHECK_EQ(n.packets, 1);
	CHECK_EQ(n.bytes, 3066);
	/* The same without a link header (a tun device). */
	in.data += 14;
	in.snap -= 14;
	in.len -= 14;
	in.net = 0;
	in.gso_size = 1448;
	pkt_frame_count(&in, false, frags, &k, &n);
	CHECK_EQ(ntohs(k.dport), 443);
	CHECK_EQ(n.bytes, 52 + 3000 + 2 * 52);

	/* A tag in the frame, and fragments: only the first has ports. */
	f.len = 0;
	ether(&f);
	PUT(&f, "\x81\x00\x00\x2a\x08\x00");
	ip4(&f, 17, 40, 0x2000);
	PUT(&f, "\x30\x39\x00\x35\0\0\0\0padding.....");
	in = (struct pkt_frame){ .data = f.p, .snap = f.len, .len = f.len, .net = 18, .ifindex = 3, .proto = 0x8100 };
	pkt_frame_count(&in, false, frags, &k, &n);
	CHECK_EQ(ntohs(k.sport), 12345);
	CHECK_EQ(PKT_GET(PKT_WHAT_VLAN, k.what), 42);
	CHECK_EQ(PKT_GET(PKT_WHAT_TX, k.what), 0);
	f.p[18 + 6] = 0;
	f.p[18 + 7] = 5;
	pkt_frame_count(&in, false, frags, &k, &n);
	CHECK_EQ(ntohs(k.sport), 12345);
	CHECK_EQ(PKT_GET(PKT_WHAT_KIND, k.what), PKT_IP);
	pkt_frame_count(&in, false, NULL, &k, &n);
	CHECK_EQ(k.sport, 0);
	CHECK_EQ(PKT_GET(PKT_WHAT_KIND, k.what), PKT_IP_FRAG);

	/* Frames with a length instead of an EtherType (4: the kernel's number for them), and cut ones. */
	in.proto = 4;
	in.net = 14;
	pkt_frame_count(&in, false, frags, &k, &n);
	CHECK_EQ(PKT_GET(PKT_WHAT_KIND, k.what), PKT_OTHER);
	CHECK_EQ(PKT_GET(PKT_WHAT_PROTO, k.what), 0);
	in.proto = 0x0800;
	in.net = 5000;
	in.gso_size = 100;
	pkt_frame_count(&in, false, frags, &k, &n);
	CHECK_EQ(PKT_GET(PKT_WHAT_KIND, k.what), PKT_OTHER);
	free(frags);
}

/* ---- blocks ---- */

static unsigned seen;
static struct pkt_frame last;

static void on_frame(void *arg, const struct pkt_frame *f)
{
	(void)arg;
	seen++;
	last = *f;
}

/* Puts a packet's header at P, the next one NEXT bytes on. */
static void frame_at(uint8_t *p, uint32_t next, uint32_t snap, uint16_t gso)
{
	struct tpacket3_hdr h = { .tp_next_offset = next, .tp_snaplen = snap, .tp_len = 1500, .tp_mac = MAC,
				  .tp_net = MAC + 14, .tp_status = TP_STATUS_USER | TP_STATUS_VLAN_VALID, .hv1.tp_vlan_tci = 0xe007 };
	struct sockaddr_ll ll = { .sll_protocol = htons(0x86dd), .sll_ifindex = 7, .sll_pkttype = PACKET_OUTGOING };
	struct virtio_net_hdr v = { .gso_type = gso ? VIRTIO_NET_HDR_GSO_TCPV6 : 0, .gso_size = gso };

	memcpy(p, &h, sizeof(h));
	memcpy(p + TPACKET_ALIGN(sizeof(h)), &ll, sizeof(ll));
	memcpy(p + MAC - sizeof(v), &v, sizeof(v));
}

static int walk(const uint8_t *block, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1); /* so that the sanitizer sees a step too far */
	int err;

	memcpy(exact, block, len);
	seen = 0;
	err = pkt_block_walk(exact, len, true, on_frame, NULL);
	free(exact);
	return err;
}

static void t_blocks(void)
{
	uint8_t block[2048] = { 0 };
	struct tpacket_block_desc d = { .version = 3 };

	CHECK_EQ(walk(block, 0), -EBADMSG);
	CHECK_EQ(walk(block, sizeof(block)), 0);
	CHECK_EQ(seen, 0);
	d.hdr.bh1.num_pkts = 2;
	d.hdr.bh1.offset_to_first_pkt = 48;
	memcpy(block, &d, sizeof(d));
	frame_at(block + 48, 512, 100, 1440);
	frame_at(block + 560, 0, 200, 0);
	CHECK_EQ(walk(block, 560 + MAC + 200), 0);
	CHECK_EQ(seen, 2);
	CHECK_EQ(last.snap, 200);
	CHECK_EQ(last.len, 1500);
	CHECK_EQ(last.net, 14);
	CHECK_EQ(last.ifindex, 7);
	CHECK_EQ(last.proto, 0x86dd);
	CHECK_EQ(last.vlan, 7);
	CHECK_EQ(last.gso_size, 0);
	CHECK(last.tx);
	/* A place that the kernel left unfilled. */
	memset(block + 560 + offsetof(struct tpacket3_hdr, tp_status), 0, 4);
	CHECK_EQ(walk(block, 560 + MAC + 200), 0);
	CHECK_EQ(seen, 1);
	frame_at(block + 560, 0, 200, 0);
	/* One byte less: the second does not fit. */
	CHECK_EQ(walk(block, 560 + MAC + 199), -EBADMSG);
	CHECK_EQ(seen, 1);
	CHECK_EQ(last.gso_size, 1440);
	/* Lies: more bytes than until the next packet, a header within itself, more packets than there are, a loop. */
	frame_at(block + 48, 512, 512, 0);
	CHECK_EQ(walk(block, sizeof(block)), -EBADMSG);
	frame_at(block + 48, 16, 0, 0);
	CHECK_EQ(walk(block, sizeof(block)), -EBADMSG);
	frame_at(block + 48, UINT32_MAX, 100, 0);
	CHECK_EQ(walk(block, sizeof(block)), -EBADMSG);
	frame_at(block + 48, 512, 100, 0);
	d.hdr.bh1.num_pkts = UINT32_MAX;
	memcpy(block, &d, sizeof(d));
	CHECK_EQ(walk(block, sizeof(block)), -EBADMSG);
	CHECK_EQ(seen, 2);
}

/* ---- the table ---- */

static uint64_t entries, packets, bytes;

static int on_entry(void *arg, const struct pkt_key *key, const struct pkt_count *n)
{
	(void)key;
	entries++;
	packets += n->packets;
	bytes += n->bytes;
	return arg && entries == 2;
}

static void t_tally(void)
{
	struct pkt_tally t = { .max = 5000 };
	struct pkt_result res = { 0 };
	struct pkt_count one = { 1, 60 };
	struct pkt_key k = { .ifindex = 1 };

	CHECK_EQ(pkt_tally_read(&t, on_entry, NULL, &res), 0);
	CHECK_EQ(entries, 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 30000; i++) {
			k.what = i % 6000;
			pkt_tally_add(&t, &k, &one);
		}
		entries = packets = bytes = 0;
		memset(&res, 0, sizeof(res));
		CHECK_EQ(pkt_tally_read(&t, on_entry, NULL, &res), 0);
		CHECK_EQ(entries, 5000);
		CHECK_EQ(packets, 25000);
		CHECK_EQ(bytes, 25000 * 60);
		CHECK_EQ(res.lost_packets, 5000);
		CHECK_EQ(res.lost_bytes, 5000 * 60);
		CHECK(res.lost_flows >= 1000);
	}
	pkt_tally_add(&t, &k, &one);
	entries = 0;
	CHECK_EQ(pkt_tally_read(&t, on_entry, NULL, &res), 0);
	CHECK_EQ(entries, 1);
	for (unsigned i = 0; i < 3; i++) {
		k.what = i;
		pkt_tally_add(&t, &k, &one);
	}
	entries = 0;
	CHECK_EQ(pkt_tally_read(&t, on_entry, &t, &res), -ECANCELED);
	pkt_tally_free(&t);
}

/* ---- a replay ---- */

static char folder[] = "/tmp/t_packets.XXXXXX";


/* Two readings: one as it should be, one whose entries are cut. */
static void t_replay(void)
{
	const struct pkt_opts o = { .rx = true, .tx = true };
	struct pkt_slot slot[3] = { { .key.ifindex = 1, .n = { 5, 500 } }, { .n = { 0, 7 } }, { .n = { 2, 200 } } };
	struct pkt_owner owner = { .pid = 42 };
	struct pkt_source *s = NULL;
	struct pkt_result res;
	struct err e = { 0 };
	char why[64];

	/* Recorded by the door itself, so that the names are the door's. */
	CHECK(mkdtemp(folder) != NULL);
	CHECK_EQ(door_setup(folder, NULL, &e), 0);
	CHECK_EQ(door_number("pkt_method", PKT_RING), PKT_RING);
	for (unsigned i = 0; i < 2; i++) {
		struct door_stream st;

		CHECK_EQ(door_stream_open(&st, "pkt_entries", -1), 0);
		door_stream_note(&st, slot, sizeof(slot) - (i ? 1 : 0));
		door_stream_close(&st);
		CHECK_EQ(door_stream_open(&st, "pkt_owners", -1), 0);
		door_stream_note(&st, &owner, sizeof(owner));
		door_stream_close(&st);
		door_number("pkt_lost_packets", 9);
		door_number("pkt_by_cpu", 1);
	}
	CHECK_EQ(door_finish(&e), 0);
	CHECK_EQ(door_setup(NULL, folder, &e), 0);
	CHECK_EQ(pkt_start(&s, &o, why, sizeof(why), &e), 0);
	entries = packets = 0;
	CHECK_EQ(pkt_wait(s, UINT64_MAX, &e), 0);
	CHECK_EQ(pkt_read(s, on_entry, NULL, &res, &e), 0);
	CHECK_STR(res.source, "packet_ring");
	CHECK_EQ(res.entries, 2);
	CHECK_EQ(packets, 7);
	CHECK_EQ(res.lost_packets, 9);
	CHECK_EQ(res.by_cpu, true);
	CHECK_EQ(res.by_queue, false);
	CHECK_EQ(res.nowner, 1);
	CHECK_EQ(res.nowner ? res.owner[0].pid : 0, 42);
	pkt_result_free(&res);
	CHECK_EQ(pkt_read(s, on_entry, NULL, &res, &e), -EBADMSG);
	CHECK_EQ(pkt_read(s, on_entry, NULL, &res, &e), -ENODATA);
	pkt_stop(s);
	CHECK_EQ(door_finish(&e), 0);
}

int main(void)
{
	char cmd[64];

	t_sizes();
	t_frames();
	t_blocks();
	t_tally();
	t_replay();
	snprintf(cmd, sizeof(cmd), "rm -r %s", folder);
	CHECK_EQ(system(cmd), 0);
	pkt_stop(NULL);
	return check_done("packets");
}
