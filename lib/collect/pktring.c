// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_SRC_PKT_RING
 *
 * Packets counted in user space, out of AF_PACKET rings: no BPF at all. The rings of a namespace share its packets
 * (fanout) by CPU or by queue, so that a packet's ring tells what the packet itself does not. What a ring had no room
 * for is counted by the kernel: packets, not their bytes, and a GSO packet as one.
 *
 * By queue there is one ring more than queues, for those that come later with higher numbers.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collect/door.h"
#include "collect/nldump.h"
#include "collect/pktring.h"
#include "collect/pktrung.h"
#include "collect/rttrung.h"
#include "core/util.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define BLOCKS 4
#define BLOCK_SIZE (256U << 10)
#define BLOCK_MIN (16U << 10)
#define RINGS_MAX 64          /* of one namespace */
#define SNAP 192              /* bytes of a packet: headers, tunnels with them */
#define RETIRE_MS 16          /* a block that does not fill is handed over after this, or twice this */
#define SLICE_NS (200 * NSEC_PER_MSEC)

struct ring {
	int fd;
	uint8_t *map;   /* NULL: none */
	uint32_t next;  /* block */
	uint64_t what;  /* CPU, queue and namespace of its packets, as in pkt_key */
};

struct pkt_rings {
	struct pkt_opts opts; /* pointers in it only while starting */
	struct pkt_tally tally;
	struct pkt_frag *frags;
	uint32_t members;     /* rings of each namespace */
	uint32_t block_size;
	int group;            /* of the namespace being opened, -1: none yet */
	const struct ring *from; /* being read */
	struct pollfd *poll;
	uint32_t n;
	struct ring ring[];
};

/* Directions that nobody asked for stay out: they would take room, and be counted when they find none. */
static int set_filter(const struct pkt_rings *p, const struct ring *r, uint32_t snap)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, !p->opts.tx, !p->opts.rx),
		BPF_STMT(BPF_RET | BPF_K, snap),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = { ARRAY_SIZE(code), code };

	return setsockopt(r->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ? -errno : 0;
}

/* ---- opening ---- */

/* Packets of transmit queue N go to ring N; those of all queues that have no ring, to the last one. */
static int set_queue_fanout(const struct ring *r, uint32_t members)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_QUEUE)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, members - 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, members - 1),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	const struct sock_fprog prog = { ARRAY_SIZE(code), code };

	return setsockopt(r->fd, SOL_PACKET, PACKET_FANOUT_DATA, &prog, sizeof(prog)) ? -errno : 0;
}

static int join(struct pkt_rings *p, const struct ring *r)
{
	uint32_t type = p->opts.split == PKT_BY_CPU ? PACKET_FANOUT_CPU : PACKET_FANOUT_CBPF;
	uint32_t v = p->group < 0 ? (type | PACKET_FANOUT_FLAG_UNIQUEID) << 16 : type << 16 | (uint32_t)p->group;
	socklen_t len = sizeof(v);

	if (setsockopt(r->fd, SOL_PACKET, PACKET_FANOUT, &v, sizeof(v)))
		return -errno;
	if (p->group >= 0)
		return 0;
	if (getsockopt(r->fd, SOL_PACKET, PACKET_FANOUT, &v, &len))
		return -errno;
	p->group = (int)(v & 0xffff);
	return p->opts.split == PKT_BY_CPU ? 0 : set_queue_fanout(r, p->members);
}

static int map_ring(const struct pkt_rings *p, struct ring *r)
{
	const struct tpacket_req3 req = {
		.tp_block_size = p->block_size, .tp_block_nr = BLOCKS, .tp_frame_size = 2048,
		.tp_frame_nr = p->block_size / 2048 * BLOCKS, .tp_retire_blk_tov = RETIRE_MS,
	};
	const int version = TPACKET_V3, on = 1;
	void *map;

	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)))
		return -errno;
	map = mmap(NULL, (size_t)p->block_size * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	r->map = map;
	return 0;
}

/* A ring that takes nothing yet: until all have joined, each would get every packet. */
static int open_ring(struct pkt_rings *p, struct ring *r)
{
	const struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	const int on = 1;
	int err;

	r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd < 0)
		return -errno;
	err = set_filter(p, r, 0);
	if (!err)
		err = map_ring(p, r);
	if (err)
		return err;
	if (!p->opts.tx) /* older kernels do not know it: then they are passed over when read */
		setsockopt(r->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	return bind(r->fd, (const struct sockaddr *)&all, sizeof(all)) ? -errno : join(p, r);
}

static int open_netns(void *arg, uint32_t ns, struct err *e)
{
	struct pkt_rings *p = arg;
	struct ring *r = p->ring + (size_t)ns * p->members;
	uint64_t number = p->opts.nnetns > 1 ? ns + 1 : 0;
	int err = 0;

	p->group = -1;
	for (uint32_t i = 0; i < p->members && !err; i++) {
		uint32_t queue = p->opts.split == PKT_BY_CPU || i == p->members - 1 ? PKT_NO_QUEUE : i;

		r[i].what = PKT_PUT(PKT_WHAT_QUEUE, queue) | PKT_PUT(PKT_WHAT_NETNS, number) |
			    PKT_PUT(PKT_WHAT_CPU, p->opts.split == PKT_BY_CPU ? i : 0);
		err = open_ring(p, &r[i]);
	}
	return err ? err_set(e, -err, "packet ring: %s", err_text(-err)) : 0;
}

/* One device of a dump: more queues than those before? Drivers say how many they could use. */
static int on_link(void *arg, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	uint32_t *most = arg, n;

	if (!nlh || nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct ifinfomsg))
		return 0;
	mnl_attr_for_each(attr, nlh, sizeof(struct ifinfomsg)) {
		unsigned type = mnl_attr_get_type(attr);

		/* A recorded receive queue is stored plus one. */
		if ((type == IFLA_NUM_TX_QUEUES || type == IFLA_NUM_RX_QUEUES) && attr_copy(attr, &n, sizeof(n)) &&
		    n < UINT32_MAX)
			*most = MAX(*most, n + (type == IFLA_NUM_RX_QUEUES));
	}
	return 0;
}

/* The largest number of queues of a device in the namespace where the thread is. */
static int most_queues(void *arg, uint32_t ns, struct err *e)
{
	union {
		struct nlmsghdr head;
		char bytes[MNL_NLMSG_HDRLEN + sizeof(struct ifinfomsg)];
	} req;
	struct nldump d;
	int err = nldump_open(&d, NETLINK_ROUTE, "packet ring", e);

	(void)ns;
	if (!err) {
		d.fn = on_link;
		d.arg = arg;
		memset(&req, 0, sizeof(req));
		mnl_nlmsg_put_header(&req)->nlmsg_type = RTM_GETLINK;
		mnl_nlmsg_put_extra_header(&req.head, sizeof(struct ifinfomsg));
		err = nldump_run(&d, "pkt_links", &req.head);
		if (err)
			err_set(e, -err, "packet ring: list of devices: %s", err_text(-err));
	}
	nldump_close(&d);
	return err;
}

static uint32_t count_members(const struct pkt_opts *o, struct err *e)
{
	uint32_t queues = 1, cpus;

	if (o->split == PKT_BY_CPU) {
		cpus = door_cpus();
		return MIN(MAX(cpus, 1), RINGS_MAX);
	}
	return pkt_each_netns(o, most_queues, &queues, e) ? 0 : MIN(queues, RINGS_MAX - 1) + 1;
}

static void ring_stop(void *state)
{
	struct pkt_rings *p = state;

	for (uint32_t i = 0; i < p->n; i++) {
		if (p->ring[i].map)
			munmap(p->ring[i].map, (size_t)p->block_size * BLOCKS);
		if (p->ring[i].fd >= 0)
			close(p->ring[i].fd);
	}
	pkt_tally_free(&p->tally);
	free(p->frags);
	free(p->poll);
	free(p);
}

/* Blocks are smaller where all of them would be more than a sixteenth of the memory. */
static void size_blocks(struct pkt_rings *p)
{
	uint64_t memory = pkt_memory();

	p->block_size = BLOCK_SIZE;
	while (p->block_size > BLOCK_MIN && p->block_size > (uint32_t)sysconf(_SC_PAGESIZE) &&
	       (uint64_t)p->n * BLOCKS * p->block_size > memory / 16)
		p->block_size /= 2;
}

static int ring_start(void **state, const struct pkt_opts *o, struct err *e)
{
	uint32_t members = count_members(o, e), n = members * MAX(o->nnetns, 1);
	struct pkt_rings *p;
	int err;

	if (!members)
		return -e->code;
	if (n > RINGS_MAX * 64)
		return err_set(e, E2BIG, "too many network namespaces for packet rings");
	p = calloc(1, sizeof(*p) + n * sizeof(*p->ring));
	if (!p)
		return err_set(e, ENOMEM, "no memory for packet rings");
	p->opts = *o;
	p->members = members;
	p->n = n;
	for (uint32_t i = 0; i < n; i++)
		p->ring[i].fd = -1;
	size_blocks(p);
	p->tally.max = pkt_entries(o, pkt_memory());
	p->frags = pkt_frags_new();
	p->poll = calloc(n, sizeof(*p->poll));
	err = p->frags && p->poll ? 0 : err_set(e, ENOMEM, "no memory for packet rings");
	if (!err)
		err = pkt_each_netns(o, open_netns, p, e);
	for (uint32_t i = 0; i < n; i++)
		p->poll[i] = (struct pollfd){ .fd = p->ring[i].fd, .events = POLLIN };
	if (err)
		ring_stop(p);
	else
		*state = p;
	return err;
}

/* ---- reading ---- */

static void count_frame(void *arg, const struct pkt_frame *f)
{
	struct pkt_rings *p = arg;
	struct pkt_count n;
	struct pkt_key key;

	if (!(f->tx ? p->opts.tx : p->opts.rx))
		return;
	pkt_frame_count(f, p->opts.inner, p->frags, &key, &n);
	key.what |= p->from->what;
	pkt_tally_add(&p->tally, &key, &n);
}

/* Reads the blocks that the kernel has handed over: each at most once, so that all rings get their turn. */
static int drain(struct pkt_rings *p, struct ring *r)
{
	int err = 0;

	p->from = r;
	for (unsigned i = 0; i < BLOCKS && !err; i++) {
		uint8_t *block = r->map + (size_t)r->next * p->block_size;
		uint32_t *status = &((struct tpacket_block_desc *)(void *)block)->hdr.bh1.block_status;

		if (!(__atomic_load_n(status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		err = pkt_block_walk(block, p->block_size, true, count_frame, p);
		__atomic_store_n(status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		r->next = (r->next + 1) % BLOCKS;
	}
	return err;
}

static int drain_all(struct pkt_rings *p, struct err *e)
{
	int err = 0;

	for (uint32_t i = 0; i < p->n && !err; i++)
		err = drain(p, &p->ring[i]);
	return err ? err_set(e, -err, "packet ring: %s", err_text(-err)) : 0;
}

/* Empties rings as they fill, until UNTIL_NS. */
static int ring_run(struct pkt_rings *p, uint64_t until_ns, struct err *e)
{
	socklen_t len = sizeof(int);
	uint64_t now;
	int err, was;

	while (!(err = drain_all(p, e)) && (now = now_ns()) < until_ns) {
		if (poll(p->poll, p->n, (int)((until_ns - now) / NSEC_PER_MSEC) + 1) <= 0)
			continue;
		for (uint32_t i = 0; i < p->n; i++)
			if (p->poll[i].revents & POLLERR) /* taken note of, or poll() never sleeps again */
				getsockopt(p->ring[i].fd, SOL_SOCKET, SO_ERROR, &was, &len);
	}
	return err;
}

static int ring_wait(void *state, uint64_t deadline_ns, struct err *e)
{
	return ring_run(state, MIN(deadline_ns, now_ns() + SLICE_NS), e);
}

/* SNAP bytes of each packet, or none. */
static int take(const struct pkt_rings *p, uint32_t snap, struct err *e)
{
	int err = 0;

	for (uint32_t i = 0; i < p->n && !err; i++)
		err = set_filter(p, &p->ring[i], snap);
	return err ? err_set(e, -err, "packet ring: %s", err_text(-err)) : 0;
}

static int ring_begin(void *state, struct err *e)
{
	return take(state, SNAP, e);
}

static int ring_cut(void *state, struct err *e)
{
	struct pkt_rings *p = state;
	int err = p->opts.count == 1 ? take(p, 0, e) : 0;

	/*
	 * What has come by now lies in blocks that are not full: they are handed over in a moment. Now and not when reading,
	 * so that who asks others about these flows in between (connection tracking) hears of all of them.
	 */
	return err ? err : ring_run(p, now_ns() + 4 * RETIRE_MS * NSEC_PER_MSEC, e);
}

static int ring_read(void *state, pkt_fn fn, void *arg, struct pkt_result *res, struct err *e)
{
	struct pkt_rings *p = state;
	struct tpacket_stats_v3 st;
	socklen_t len = sizeof(st);

	for (uint32_t i = 0; i < p->n; i++, len = sizeof(st))
		if (!getsockopt(p->ring[i].fd, SOL_PACKET, PACKET_STATISTICS, &st, &len))
			res->lost_packets += st.tp_drops;
	res->by_cpu = p->opts.split == PKT_BY_CPU && door_cpus() <= RINGS_MAX;
	res->by_queue = p->opts.split == PKT_BY_QUEUE;
	if (pkt_tally_read(&p->tally, fn, arg, res))
		return err_set(e, ECANCELED, "packet ring: stopped");
	return 0;
}

const struct pkt_rung pkt_rung_ring = {
	.start = ring_start, .begin = ring_begin, .wait = ring_wait, .cut = ring_cut, .read = ring_read,
	.stop = ring_stop,
};
