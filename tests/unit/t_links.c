/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices, qdiscs and addresses: messages whole and cut, interrupted dumps, the order, sysfs, and the difference of two
 * looks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "collect/door.h"
#include "collect/linkparse.h"
#include "core/util.h"
#include "model/strings.h"

static union {
	char b[4096];
	struct nlmsghdr h;
} buf;

static const uint8_t mac[6] = { 2, 0, 0, 0xab, 0xcd, 9 };

static struct nlmsghdr *begin(unsigned type, size_t head, int ifindex)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&buf);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(nlh, head);

	nlh->nlmsg_type = (uint16_t)type;
	m->ifi_index = ifindex; /* where tcmsg has it, too */
	return nlh;
}

static struct nlmsghdr *device(int ifindex, const char *name, const char *kind, unsigned queues)
{
	struct nlmsghdr *nlh = begin(RTM_NEWLINK, sizeof(struct ifinfomsg), ifindex);
	struct ifinfomsg *m = mnl_nlmsg_get_payload(nlh);
	uint64_t stats[25];
	struct nlattr *nest;
	unsigned i;

	m->ifi_type = strcmp(name, "lo") ? ARPHRD_ETHER : ARPHRD_LOOPBACK;
	m->ifi_flags = IFF_UP | (strcmp(name, "lo") ? 0 : IFF_LOOPBACK);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put(nlh, IFLA_ADDRESS, 6, mac);
	mnl_attr_put_u32(nlh, IFLA_MTU, 1400);
	mnl_attr_put_u32(nlh, IFLA_NUM_TX_QUEUES, queues);
	mnl_attr_put_u32(nlh, IFLA_NUM_RX_QUEUES, queues + 1);
	if (kind) {
		nest = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
		mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
		mnl_attr_nest_end(nlh, nest);
	}
	for (i = 0; i < 25; i++)
		stats[i] = 0x100000000ULL * ifindex + i;
	mnl_attr_put(nlh, IFLA_STATS64, sizeof(stats), stats);
	return nlh;
}

static struct nlmsghdr *tc(bool is_class, int ifindex, uint32_t handle, uint32_t parent, const char *kind)
{
	struct nlmsghdr *nlh = begin(is_class ? RTM_NEWTCLASS : RTM_NEWQDISC, sizeof(struct tcmsg), ifindex);
	struct tcmsg *m = mnl_nlmsg_get_payload(nlh);
	struct nlattr *nest;
	uint8_t basic[16] = { 0 };
	uint32_t queue[5] = { 3, 4500, 7, 8, 9 }, packets = 0xfffffff0;
	uint64_t bytes = 0x123456789aULL;

	m->tcm_handle = handle;
	m->tcm_parent = parent;
	m->tcm_info = is_class ? 0x300000 : 1;
	mnl_attr_put_strz(nlh, TCA_KIND, kind);
	nest = mnl_attr_nest_start(nlh, TCA_STATS2);
	memcpy(basic, &bytes, 8);
	memcpy(basic + 8, &packets, 4);
	mnl_attr_put(nlh, 1, sizeof(basic), basic);
	mnl_attr_put(nlh, 3, sizeof(queue), queue);
	mnl_attr_nest_end(nlh, nest);
	return nlh;
}

static void put_rates(struct nlmsghdr *nlh, uint32_t rate, uint64_t rate64)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	struct tc_htb_opt opt = { .rate.rate = rate, .ceil.rate = rate + 1 };

	mnl_attr_put(nlh, TCA_HTB_PARMS, sizeof(opt), &opt);
	if (rate64) {
		mnl_attr_put_u64(nlh, TCA_HTB_RATE64, rate64);
		mnl_attr_put_u64(nlh, TCA_HTB_CEIL64, rate64 + 1);
		mnl_attr_put(nlh, 9, 0, NULL); /* TCA_HTB_OFFLOAD */
	}
	mnl_attr_nest_end(nlh, nest);
}

static struct nlmsghdr *address(int ifindex, int family, const void *local, const void *other, unsigned plen)
{
	struct nlmsghdr *nlh = begin(RTM_NEWADDR, sizeof(struct ifaddrmsg), 0);
	struct ifaddrmsg *m = mnl_nlmsg_get_payload(nlh);
	size_t n = family == AF_INET ? 4 : 16;

	*m = (struct ifaddrmsg){ .ifa_family = (uint8_t)family, .ifa_prefixlen = (uint8_t)plen,
				 .ifa_index = (uint32_t)ifindex };
	if (local)
		mnl_attr_put(nlh, IFA_LOCAL, n, local);
	mnl_attr_put(nlh, IFA_ADDRESS, n, other);
	return nlh;
}

static const void *body(const struct nlmsghdr *nlh)
{
	return mnl_nlmsg_get_payload(nlh);
}

#define LEN(nlh) mnl_nlmsg_get_payload_len(nlh)

static void test_link(void)
{
	struct nlmsghdr *nlh = device(7, "veth0", "veth", 4);
	struct link l;

	mnl_attr_put_u32(nlh, IFLA_LINK, 9);
	mnl_attr_put_u32(nlh, IFLA_MASTER, 12);
	CHECK_EQ(link_parse(body(nlh), LEN(nlh), &l), 0);
	CHECK_EQ(l.ifindex, 7);
	CHECK_STR(strings_get(l.name), "veth0");
	CHECK_STR(strings_get(l.kind), "veth");
	CHECK(l.up && !l.loopback && !l.rx_plus_one && !l.lower);
	CHECK(l.master == 12 && l.mtu == 1400 && l.num_tx == 4 && l.num_rx == 5 && l.type == ARPHRD_ETHER);
	CHECK(l.hwaddr_len == 6 && !memcmp(l.hwaddr, mac, 6));
	CHECK(l.stats.rx_packets == 0x700000000 && l.stats.tx_packets == 0x700000001);
	CHECK(l.stats.rx_bytes == 0x700000002 && l.stats.tx_bytes == 0x700000003);
	CHECK(l.stats.rx_drops == 0x700000006 && l.stats.tx_drops == 0x700000007);

	/* Below a device of this namespace; in another one; on itself. */
	nlh = device(8, "vl5", "vlan", 70000);
	mnl_attr_put_u32(nlh, IFLA_LINK, 9);
	CHECK_EQ(link_parse(body(nlh), LEN(nlh), &l), 0);
	CHECK(l.lower == 9 && l.num_tx == LINK_QUEUES_MAX && l.rx_plus_one);
	mnl_attr_put_u32(nlh, IFLA_LINK_NETNSID, 0);
	CHECK_EQ(link_parse(body(nlh), LEN(nlh), &l), 0);
	CHECK_EQ(l.lower, 0);
	nlh = device(9, "eth0", NULL, 1);
	mnl_attr_put_u32(nlh, IFLA_LINK, 9);
	CHECK_EQ(link_parse(body(nlh), LEN(nlh), &l), 0);
	CHECK(!l.lower && !l.kind);
	nlh = device(1, "lo", NULL, 1);
	CHECK_EQ(link_parse(body(nlh), LEN(nlh), &l), 0);
	CHECK(l.loopback && !l.rx_plus_one);

	/* As a bridge's port; no number; no name. */
	((struct ifinfomsg *)body(nlh))->ifi_family = AF_BRIDGE;
	CHECK_EQ(link_parse(body(nlh), LEN(nlh), &l), -EAFNOSUPPORT);
	nlh = device(0, "lo", NULL, 1);
	CHECK_EQ(link_parse(body(nlh), LEN(nlh), &l), -EBADMSG);
	nlh = begin(RTM_NEWLINK, sizeof(struct ifinfomsg), 5);
	CHECK_EQ(link_parse(body(nlh), LEN(nlh), &l), -EBADMSG);
}

static void test_qdisc(void)
{
	struct nlmsghdr *nlh = tc(false, 7, 0, 0x70002, "pfifo_fast");
	struct nlattr *nest;
	struct qdisc q;

	CHECK_EQ(qdisc_parse(body(nlh), LEN(nlh), false, &q), 0);
	CHECK(q.ifindex == 7 && q.handle == 0 && q.parent == 0x70002 && !q.is_class && !q.leaf && !q.offloaded);
	CHECK(q.bytes == 0x123456789aULL && q.packets == 0xfffffff0);
	CHECK(q.backlog_packets == 3 && q.backlog_bytes == 4500 && q.drops == 7 && q.requeues == 8 && q.overlimits == 9);
	CHECK(q.rate_bytes_per_s == UINT64_MAX && q.ceil_bytes_per_s == UINT64_MAX);

	/* More packets than 32 bits hold; in hardware. */
	nlh = tc(false, 7, 0x10000, TC_H_ROOT, "mq");
	mnl_attr_put_u8(nlh, TCA_HW_OFFLOAD, 1);
	nest = mnl_attr_nest_start(nlh, TCA_STATS2);
	mnl_attr_put_u64(nlh, 8, 0x1fffffff0);
	mnl_attr_nest_end(nlh, nest);
	CHECK_EQ(qdisc_parse(body(nlh), LEN(nlh), false, &q), 0);
	CHECK(q.packets == 0x1fffffff0 && q.offloaded);
	CHECK_EQ(qdisc_parse(body(nlh), LEN(nlh), true, &q), -EAFNOSUPPORT); /* classes of mq are its queues */

	nlh = tc(true, 7, 0x10010, 0x10001, "htb");
	put_rates(nlh, 12500000, 0);
	CHECK_EQ(qdisc_parse(body(nlh), LEN(nlh), true, &q), 0);
	CHECK(q.is_class && q.leaf == 0x300000 && q.rate_bytes_per_s == 12500000 && q.ceil_bytes_per_s == 12500001);
	nlh = tc(true, 7, 0x10010, 0x10001, "htb");
	put_rates(nlh, 0xffffffff, 6250000000);
	CHECK_EQ(qdisc_parse(body(nlh), LEN(nlh), true, &q), 0);
	CHECK(q.rate_bytes_per_s == 6250000000 && q.ceil_bytes_per_s == 6250000001 && q.offloaded);
	/* The same numbers mean something else in the options of a qdisc htb; of tbf, which has no second rate. */
	nlh = tc(false, 7, 0x10000, TC_H_ROOT, "htb");
	put_rates(nlh, 5, 0);
	CHECK_EQ(qdisc_parse(body(nlh), LEN(nlh), false, &q), 0);
	CHECK(q.rate_bytes_per_s == UINT64_MAX);
	nlh = tc(false, 7, 0x10000, TC_H_ROOT, "tbf");
	put_rates(nlh, 8000, 0);
	CHECK_EQ(qdisc_parse(body(nlh), LEN(nlh), false, &q), 0);
	CHECK(q.rate_bytes_per_s == 8000 && q.ceil_bytes_per_s == UINT64_MAX);

	nlh = begin(RTM_NEWQDISC, sizeof(struct tcmsg), 5);
	CHECK_EQ(qdisc_parse(body(nlh), LEN(nlh), false, &q), -EBADMSG);
	nlh = tc(false, -7, 0x10000, TC_H_ROOT, "tbf");
	CHECK_EQ(qdisc_parse(body(nlh), LEN(nlh), false, &q), -EBADMSG);
	CHECK(qdisc_has_classes("htb") && qdisc_has_classes("prio") && qdisc_has_classes("f"));
	CHECK(!qdisc_has_classes("mq") && !qdisc_has_classes("noqueue") && !qdisc_has_classes("clsact"));
}

static void test_addr(void)
{
	static const uint8_t own4[4] = { 10, 0, 0, 1 }, peer4[4] = { 10, 0, 0, 2 }, six[16] = { 0xfd, [15] = 7 };
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 };
	struct nlmsghdr *nlh = address(3, AF_INET, own4, peer4, 24);
	struct link_addr a;

	CHECK_EQ(link_addr_parse(body(nlh), LEN(nlh), &a), 0);
	CHECK(!memcmp(a.addr, mapped, 16) && a.plen == 120 && a.ifindex == 3);
	nlh = address(3, AF_INET6, NULL, six, 64);
	CHECK_EQ(link_addr_parse(body(nlh), LEN(nlh), &a), 0);
	CHECK(!memcmp(a.addr, six, 16) && a.plen == 64);
	nlh = address(3, AF_INET, own4, peer4, 33);
	CHECK_EQ(link_addr_parse(body(nlh), LEN(nlh), &a), -EBADMSG);
	nlh = address(3, AF_PACKET, six, six, 24);
	CHECK_EQ(link_addr_parse(body(nlh), LEN(nlh), &a), -EAFNOSUPPORT);
	nlh = begin(RTM_NEWADDR, sizeof(struct ifaddrmsg), 0);
	((struct ifaddrmsg *)body(nlh))->ifa_family = AF_INET;
	CHECK_EQ(link_addr_parse(body(nlh), LEN(nlh), &a), -EBADMSG);
}

/* Every beginning of a message, in memory that ends where it does; and with every byte at its highest. */
static void cut(const struct nlmsghdr *nlh, unsigned what)
{
	size_t len, i;

	for (len = 0; len <= LEN(nlh); len++) {
		for (i = 0; i <= (len == LEN(nlh) ? len : 0); i++) {
			uint8_t *p = malloc(len ? len : 1);
			struct qdisc q;
			struct link l;
			struct link_addr a;
			int r;

			memcpy(p, body(nlh), len);
			if (i)
				p[i - 1] = 0xff;
			r = what == 0 ? link_parse(p, len, &l) : what == 1 ? qdisc_parse(p, len, true, &q) :
			    what == 2 ? qdisc_parse(p, len, false, &q) : link_addr_parse(p, len, &a);
			CHECK(r == 0 || r == -EBADMSG || r == -EAFNOSUPPORT);
			free(p);
		}
	}
}

static void test_cut(void)
{
	static const uint8_t six[16] = { 0xfd, [15] = 7 };
	struct nlmsghdr *nlh = device(7, "veth0", "veth", 4);
	struct link l;

	cut(nlh, 0);
	CHECK_EQ(link_parse(body(nlh), (size_t)INT32_MAX + 1, &l), -EBADMSG);
	nlh = tc(true, 7, 0x10010, 0x10001, "htb");
	put_rates(nlh, 0xffffffff, 6250000000);
	cut(nlh, 1);
	nlh = tc(false, 7, 0x10000, TC_H_ROOT, "tbf");
	put_rates(nlh, 8000, 0);
	cut(nlh, 2);
	cut(address(3, AF_INET6, six, six, 64), 3);
}

static void test_order(void)
{
	static const struct {
		uint32_t ifindex, handle, parent;
		bool is_class;
	} in[] = {
		{ 9, 0x10000, TC_H_ROOT, false },
		{ 3, 0xffff0000, TC_H_INGRESS, false },
		{ 3, 0x200000, 0x1001e, false },
		{ 3, 0x10000, TC_H_ROOT, false },
		{ 3, 0x1001e, 0x10001, true },
		{ 3, 0x10001, TC_H_ROOT, true },
		{ 2, 0, TC_H_ROOT, false },
		{ 2, 0, 2, false },
		{ 2, 0, 1, false },
		/* A ring. */
		{ 4, 0x10000, 0x20000, false },
		{ 4, 0x20000, 0x10000, false },
	};
	static const unsigned out[] = { 6, 7, 8, 1, 3, 5, 4, 2, 9, 10, 0 };
	struct links l = { .qdisc = calloc(ARRAY_SIZE(in), sizeof(struct qdisc)), .nqdisc = ARRAY_SIZE(in) };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(in); i++)
		l.qdisc[i] = (struct qdisc){ .ifindex = in[i].ifindex, .handle = in[i].handle, .parent = in[i].parent,
					     .is_class = in[i].is_class, .bytes = i };
	CHECK_EQ(links_arrange(&l), 0);
	for (i = 0; i < ARRAY_SIZE(in); i++)
		CHECK_EQ(l.qdisc[i].bytes, out[i]);
	CHECK_EQ(links_qdisc(&l, 2, 1)->bytes, 8);
	CHECK_EQ(links_qdisc(&l, 3, 0x1001e)->bytes, 2);
	CHECK_EQ(links_qdisc(&l, 3, TC_H_ROOT)->bytes, 3);
	CHECK(!links_qdisc(&l, 3, 0x10001) && !links_qdisc(&l, 1, TC_H_ROOT) && !links_qdisc(&l, 10, TC_H_ROOT));
	links_free(&l);
	CHECK_EQ(links_arrange(&l), 0);
}

static struct qdisc counted(uint32_t handle, uint32_t parent, const char *kind, uint64_t bytes, uint64_t packets)
{
	return (struct qdisc){ .ifindex = 2, .handle = handle, .parent = parent, .kind = strings_add(kind, strlen(kind)),
			       .bytes = bytes, .packets = packets, .drops = packets, .backlog_bytes = 5 };
}

static void test_subtract(void)
{
	struct link la[2] = { { .ifindex = 1, .stats = { 10, 1000, 20, 2000, 1, 2 } }, { .ifindex = 2 } };
	struct link lb[2] = { { .ifindex = 1, .stats = { 11, 1500, 19, 2100, 1, 7 } }, { .ifindex = 3, .stats = { 4 } } };
	struct qdisc before[] = {
		counted(0x10000, TC_H_ROOT, "mq", 10000, 100),
		counted(0, 0x10001, "pfifo_fast", 7000, 70),
		counted(0, 0x10002, "pfifo_fast", 3000, 30),
		counted(0x20000, 0x10003, "pfifo", 100, 0xfffffffe),
	};
	struct qdisc now[] = {
		counted(0x10000, TC_H_ROOT, "mq", 8200, 82),
		counted(0, 0x10002, "pfifo_fast", 3500, 35),
		counted(0, 0x10001, "pfifo_fast", 4000, 40), /* replaced: it went back */
		counted(0x20000, 0x10003, "pfifo", 800, 5),  /* went round at 32 bits */
		counted(0x30000, 0x10004, "pfifo", 90, 9),   /* new */
	};
	struct links a = { .link = la, .nlink = 2, .qdisc = before, .nqdisc = 4 };
	struct links b = { .link = lb, .nlink = 2, .qdisc = now, .nqdisc = 5 }, none = { 0 };

	links_subtract(&b, &none);
	CHECK(now[0].bytes == 8200 && lb[0].stats.rx_packets == 11);
	links_subtract(&b, &a);
	CHECK(lb[0].stats.rx_packets == 1 && lb[0].stats.rx_bytes == 500 && lb[0].stats.tx_bytes == 100);
	CHECK(lb[0].stats.rx_drops == 0 && lb[0].stats.tx_drops == 5);
	CHECK(lb[0].stats.tx_packets == (sizeof(long) == 4 ? UINT32_MAX : 19)); /* begun anew, or gone round */
	CHECK_EQ(lb[1].stats.rx_packets, 4);
	CHECK(now[1].bytes == 500 && now[1].packets == 5 && now[1].drops == 5);
	CHECK(now[2].bytes == 4000 && now[2].packets == 40 && now[2].drops == 40);
	CHECK(now[3].bytes == 700 && now[3].packets == 7);
	CHECK(now[4].bytes == 90 && now[4].packets == 9);
	CHECK(now[0].bytes == 500 + 4000 + 700 + 90 && now[0].packets == 5 + 40 + 7 + 9);
	CHECK_EQ(now[0].backlog_bytes, 5);

	/* The sum grew by less than its parts; another kind under the same name. */
	before[0] = counted(0x10000, TC_H_ROOT, "mq", 10000, 100);
	now[0] = counted(0x10000, TC_H_ROOT, "mq", 10001, 101);
	now[1] = counted(0, 0x10001, "fq", 7500, 75);
	b.nqdisc = 2;
	links_subtract(&b, &a);
	CHECK(now[1].bytes == 7500 && now[0].bytes == 7500 && now[0].packets == 75);
}

static void test_text_and_local(void)
{
	static const struct {
		uint32_t handle;
		const char *text;
	} t[] = {
		{ TC_H_ROOT, "root" }, { 0x80010000, "8001:" }, { 0x10010, "1:10" }, { 0xffff0000, "ffff:" },
		{ TC_H_INGRESS, "ffff:fff1" }, { 0, "0:" }, { 0xa, ":a" }, { 0xfffffffe, "ffff:fffe" },
	};
	struct link_addr addr[3] = { { .addr = { [10] = 0xff, [11] = 0xff, [12] = 10 } }, { .addr = { 0xfd } },
				     { .addr = { 0xfe, 0x80 } } };
	const struct links l = { .addr = addr, .naddr = 3 };
	uint8_t a[16] = { [10] = 0xff, [11] = 0xff, [12] = 127, [13] = 9 };
	char text[24];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		handle_text(text, t[i].handle);
		CHECK_STR(text, t[i].text);
	}
	CHECK(links_is_local(&l, a));
	a[12] = 126;
	CHECK(!links_is_local(&l, a));
	memset(a, 0, 16);
	CHECK(!links_is_local(&l, a));
	a[15] = 1;
	CHECK(links_is_local(&l, a));
	for (i = 0; i < 3; i++)
		CHECK(links_is_local(&l, addr[i].addr));
	a[0] = 0xff;
	CHECK(!links_is_local(&l, a));
}

/* A recording made by hand. */
static char dir[64];

static void record(const char *name, struct nlmsghdr **msg, unsigned n, unsigned flags)
{
	struct door_stream s;
	char out[16384];
	size_t len = 0;
	struct nlmsghdr done = { .nlmsg_len = sizeof(done), .nlmsg_type = NLMSG_DONE };
	unsigned i;

	CHECK_EQ(door_stream_open(&s, name, -1), 0);
	for (i = 0; i < n; i++) {
		msg[i]->nlmsg_flags = (uint16_t)flags;
		memcpy(out + len, msg[i], msg[i]->nlmsg_len);
		len += MNL_ALIGN(msg[i]->nlmsg_len);
	}
	door_stream_note(&s, out, len);
	door_stream_note(&s, &done, sizeof(done));
	door_stream_close(&s);
}

static struct nlmsghdr *keep(const struct nlmsghdr *nlh)
{
	static char room[8][2048] __attribute__((aligned(8)));
	static unsigned i;

	i = (i + 1) % 8;
	memcpy(room[i], nlh, nlh->nlmsg_len);
	return (struct nlmsghdr *)room[i];
}

/* As a file of /sys/class/net. */
static void sys_file(const char *name, const char *text)
{
	char path[512], *p = path + sprintf(path, "%s/file,%%2Fsys%%2Fclass%%2Fnet%%2F", dir);
	int fd;

	for (; *name; name++)
		p += sprintf(p, *name == '/' ? "%%2F" : "%c", *name);
	strcpy(p, ",0");
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void sys_list(const char *dev, const char *names, size_t len)
{
	char path[256];
	int fd;

	sprintf(path, "%s/list,%%2Fsys%%2Fclass%%2Fnet%%2F%s%%2Fqueues,0", dir, dev);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0 && write(fd, names, len) == (ssize_t)len);
	close(fd);
}

static void clean(void)
{
	DIR *d = opendir(dir);
	struct dirent *de;

	while (d && (de = readdir(d)))
		unlinkat(dirfd(d), de->d_name, 0);
	if (d)
		closedir(d);
}

static void begin_recording(void)
{
	struct err e = { 0 };

	clean();
	CHECK_EQ(door_setup(dir, NULL, &e), 0);
}

static int replay(struct links *l, bool queues, struct err *e)
{
	int r;

	CHECK_EQ(door_finish(e), 0);
	CHECK_EQ(door_setup(NULL, dir, e), 0);
	r = links_collect(l, queues, e);
	CHECK_EQ(door_finish(NULL), 0);
	return r;
}

/* Queues in use, GRO, and the driver. */
static void record_ethtool(const char *name, uint32_t tx, uint32_t rx, uint8_t gro, const char *driver)
{
	char b[64];

	memcpy(b, &tx, 4);
	memcpy(b + 4, &rx, 4);
	b[8] = (char)gro;
	strcpy(b + 9, driver);
	CHECK_EQ(door_bytes(name, b, sizeof(b), 9 + (ssize_t)strlen(driver)), 9 + strlen(driver));
}

static void record_all(unsigned link_flags)
{
	static const uint8_t own4[4] = { 10, 0, 0, 1 };
	struct nlmsghdr *links[3] = { keep(device(5, "vA", "veth", 8)), keep(device(1, "lo", NULL, 1)),
				      keep(device(3, "wl0", NULL, 1)) };
	struct nlmsghdr *qdiscs[4] = { keep(tc(false, 5, 0, TC_H_ROOT, "mq")), keep(tc(false, 5, 0, 2, "pfifo_fast")),
				       keep(tc(false, 5, 0, 1, "pfifo_fast")), NULL };
	struct nlmsghdr *addr;

	record("route-link", links, 3, link_flags);
	if (link_flags)
		return;
	qdiscs[3] = keep(tc(false, 3, 0x10000, TC_H_ROOT, "htb"));
	record("route-qdisc", qdiscs, 4, NLM_F_MULTI);
	qdiscs[0] = keep(tc(true, 3, 0x10001, TC_H_ROOT, "htb"));
	record("route-class", qdiscs, 1, NLM_F_MULTI);
	addr = keep(address(5, AF_INET, own4, own4, 24));
	record("route-addr", &addr, 1, NLM_F_MULTI);
	record_ethtool("ethtool-wl0", 0, 70, 1, "iwlx");
	record_ethtool("ethtool-vA", 7, 6, 0, "veth");
}

static void test_replay(void)
{
	struct links l;
	struct err e = { 0 };

	/* Once interrupted: asked again, nothing twice. */
	begin_recording();
	record_all(NLM_F_DUMP_INTR);
	record_all(0);
	sys_file("vA/address", "02:00:00:ab:cd:09\n");
	sys_file("vA/ifindex", "5\n");
	sys_list("vA", "tx-0\0rx-0\0tx-2\0tx-1\0bad\0tx-5000\0tx-\0rx-9x", 42);
	sys_file("vA/queues/tx-0/byte_queue_limits/limit", "3028\n");
	sys_file("vA/queues/tx-1/byte_queue_limits/limit", "x\n");
	sys_file("vA/queues/tx-2/byte_queue_limits/limit", "7\n");
	sys_file("vA/queues/tx-0/xps_cpus", "00000000,00000003\n");
	sys_file("vA/queues/tx-1/xps_rxqs", "1\n");
	sys_file("vA/queues/rx-0/rps_cpus", "f\n");
	sys_file("vA/queues/rx-0/rps_flow_cnt", "4096\n");
	sys_file("wl0/address", "02:00:00:ab:cd:09\n");
	sys_file("wl0/ifindex", "3\n");
	sys_file("wl0/uevent", "DEVTYPE=wlan\nINTERFACE=wl0\nIFINDEX=3\n");
	CHECK_EQ(replay(&l, true, &e), 0);
	CHECK(!l.incomplete && l.nlink == 3 && l.nqdisc == 5 && l.naddr == 1);
	CHECK(links_find(&l, 1) == &l.link[0] && links_find(&l, 3) == &l.link[1] && links_find(&l, 5) == &l.link[2]);
	CHECK(!links_find(&l, 2) && !links_find(&l, 6));
	CHECK(l.link[1].wireless && l.link[1].gro && !l.link[0].wireless);
	CHECK_STR(strings_get(l.link[1].driver), "iwlx");
	CHECK_STR(strings_get(l.link[2].driver), "veth");
	CHECK(l.qdisc[0].ifindex == 3 && l.qdisc[1].is_class && l.qdisc[2].ifindex == 5);
	CHECK(l.link[2].num_tx == 3 && l.link[2].num_rx == 1 && l.link[2].tx && l.link[2].rx);
	if (l.link[2].tx) {
		const struct link_queue *q = l.link[2].tx;

		CHECK(q[0].bql_limit_bytes == 3028 && q[1].bql_limit_bytes == UINT64_MAX && q[2].bql_limit_bytes == 7);
		CHECK(q[0].bql_inflight_bytes == UINT64_MAX && q[0].tx_timeouts == UINT64_MAX);
		CHECK_STR(strings_get(q[0].xps_cpus), "00000000,00000003");
		CHECK(!q[1].xps_cpus && !q[1].xps_rxqs); /* the first one has none */
		CHECK_STR(strings_get(l.link[2].rx[0].rps_cpus), "f");
		CHECK_EQ(l.link[2].rx[0].rps_flow_cnt, 4096);
	}
	links_free(&l);

	/* sysfs of another namespace, which has a device of the same name and number: the queues are those of mq. */
	begin_recording();
	record_all(0);
	sys_file("vA/address", "02:00:00:ab:cd:08\n");
	sys_file("vA/ifindex", "5\n");
	sys_list("vA", "tx-0\0rx-0\0tx-2\0", 15);
	sys_file("wl0/address", "02:00:00:ab:cd:09\n");
	sys_file("wl0/ifindex", "33\n");
	sys_file("lo/address", "02:00:00:ab:cd:09\n");
	sys_file("lo/ifindex", "1\n");
	sys_list("lo", "tx-0\0rx-0\0", 10);
	CHECK_EQ(replay(&l, true, &e), 0);
	CHECK(!l.incomplete && l.nlink == 3);
	CHECK(l.link[2].num_tx == 2 && !l.link[2].tx && !l.link[0].tx && !l.link[1].wireless);
	CHECK(l.link[2].num_rx == 6 && l.link[1].num_rx == 2 && l.link[1].num_tx == 1);
	links_free(&l);

	/* Interrupted time and again. */
	begin_recording();
	record_all(NLM_F_DUMP_INTR);
	record_all(NLM_F_DUMP_INTR);
	record_all(NLM_F_DUMP_INTR);
	record_all(NLM_F_DUMP_INTR);
	record_all(0);
	CHECK_EQ(replay(&l, false, &e), 0);
	CHECK(l.incomplete && l.nlink == 3 && l.nqdisc == 5);
	links_free(&l);
}

static void test_errors(void)
{
	struct nlmsgerr code = { .error = -EPERM };
	struct nlmsghdr *nlh;
	struct links l;
	struct err e = { 0 };

	begin_recording();
	CHECK_EQ(replay(&l, false, &e), -ENODATA);
	CHECK(strstr(e.text, "recording") != NULL);
	links_free(&l);

	/* A name that leads elsewhere, a message that is longer than what holds it, half a message. */
	begin_recording();
	nlh = keep(device(5, "../../x", NULL, 1));
	nlh->nlmsg_len += 64;
	record("route-link", &nlh, 1, 0);
	CHECK_EQ(replay(&l, true, &e), -ENODATA);
	links_free(&l);

	begin_recording();
	nlh = mnl_nlmsg_put_header(&buf);
	nlh->nlmsg_type = NLMSG_ERROR;
	*(struct nlmsgerr *)mnl_nlmsg_put_extra_header(nlh, sizeof(code)) = code;
	record("route-link", &nlh, 1, 0);
	CHECK_EQ(replay(&l, false, &e), -EPERM);
	CHECK(!strncmp(e.text, "links: ", 7));
	links_free(&l);
}

static void test_live(void)
{
	struct links l, again;
	struct err e = { 0 };
	const struct link *lo;

	CHECK_EQ(links_collect(&l, true, &e), 0);
	CHECK_EQ(links_collect(&again, true, &e), 0);
	lo = links_find(&l, 1);
	CHECK(lo && lo->loopback && !strcmp(strings_get(lo->name), "lo"));
	CHECK(!l.incomplete && l.nlink >= 1);
	links_subtract(&again, &l);
	links_free(&l);
	links_free(&again);
}

/* Which drivers may give a packet back. */
static void test_busy(void)
{
	static const struct {
		const char *kind, *root;
		bool loopback, may;
	} t[] = {
		{ "", "mq", false, true }, { "", "noqueue", true, false }, { "veth", "noqueue", false, false }, { "veth", "htb", false, true },
		{ "veth", NULL, false, true }, { "bridge", "noqueue", false, false }, { "vlan", "noqueue", false, false }, { "newkind", "mq", false, true },
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct qdisc q = { .ifindex = 7, .parent = TC_H_ROOT, .kind = t[i].root ? strings_add(t[i].root, strlen(t[i].root)) : 0 };
		struct link link = { .ifindex = 7, .kind = strings_add(t[i].kind, strlen(t[i].kind)), .up = true, .loopback = t[i].loopback };
		struct links l = { .link = &link, .qdisc = &q, .nlink = 1, .nqdisc = t[i].root != NULL };

		CHECK_EQ(link_may_be_busy(&l, &link), t[i].may);
		link.up = false;
		CHECK(!link_may_be_busy(&l, &link));
	}
}

int main(void)
{
	strcpy(dir, "/tmp/t_links.XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	test_link();
	test_qdisc();
	test_addr();
	test_cut();
	test_order();
	test_subtract();
	test_text_and_local();
	test_replay();
	test_errors();
	test_busy();
	test_live();
	clean();
	rmdir(dir);
	strings_free();
	return check_done("links");
}
