/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of rtnetlink into devices, qdiscs, classes and addresses.
 * kbuild: CONFIG_LINKS
 */
#include "collect/linkparse.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "collect/nldump.h"
#include "core/util.h"
#include "model/strings.h"

/* What a toolchain's headers may be too old for. */
#define STATS_BASIC 1
#define STATS_QUEUE 3
#define STATS_PKT64 8
#define STATS_BASIC_BYTES 12 /* u64, u32 */
#define STATS_QUEUE_BYTES 20 /* five u32 */
#define HTB_OFFLOAD 9

static uint32_t text_id(const struct nlattr *attr)
{
	const char *s = mnl_attr_get_str(attr);

	return strings_add(s, strnlen(s, mnl_attr_get_payload_len(attr)));
}

static uint32_t get_u32(const struct nlattr *attr)
{
	uint32_t v = 0;

	attr_copy(attr, &v, sizeof(v));
	return v;
}

static uint32_t count_of_queues(const struct nlattr *attr)
{
	return MIN(get_u32(attr), LINK_QUEUES_MAX);
}

static void parse_stats64(struct link_stats *st, const struct nlattr *attr)
{
	uint64_t v[8]; /* rx and tx by turns: packets, bytes, errors, dropped */

	if (!attr_copy(attr, v, sizeof(v)))
		return;
	*st = (struct link_stats){ .rx_packets = v[0], .tx_packets = v[1], .rx_bytes = v[2], .tx_bytes = v[3],
				   .rx_drops = v[6], .tx_drops = v[7] };
}

static void parse_hwaddr(struct link *l, const struct nlattr *attr)
{
	l->hwaddr_len = (uint8_t)MIN(mnl_attr_get_payload_len(attr), sizeof(l->hwaddr));
	attr_copy(attr, l->hwaddr, l->hwaddr_len);
}

static uint32_t parse_kind(const struct nlattr *info)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, info) {
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			return text_id(attr);
	}
	return 0;
}

/*
 * Devices that hand the sender's packet over as it is: its queue of transmission stays where others record, plus one,
 * that of reception. And what IFLA_LINK names is not below these, it is their other end.
 */
static bool is_pair(const char *kind)
{
	return !strcmp(kind, "veth") || !strcmp(kind, "netkit") || !strcmp(kind, "vxcan");
}

int link_parse(const void *msg, size_t len, struct link *l)
{
	const uint8_t *attrs = (const uint8_t *)msg + MNL_ALIGN(sizeof(struct ifinfomsg));
	const struct nlattr *attr;
	struct ifinfomsg m;
	bool elsewhere = false, pair;

	if (len < sizeof(m) || len > INT32_MAX)
		return -EBADMSG;
	memcpy(&m, msg, sizeof(m));
	if (m.ifi_family != AF_UNSPEC)
		return -EAFNOSUPPORT; /* the same device as a bridge's port */
	*l = (struct link){ .ifindex = (uint32_t)m.ifi_index, .type = m.ifi_type, .num_tx = 1, .num_rx = 1,
			    .up = m.ifi_flags & IFF_UP, .loopback = m.ifi_flags & IFF_LOOPBACK };
	mnl_attr_for_each_payload((void *)attrs, (int)(len - sizeof(m))) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			l->name = text_id(attr);
			break;
		case IFLA_ADDRESS:
			parse_hwaddr(l, attr);
			break;
		case IFLA_MTU:
			l->mtu = get_u32(attr);
			break;
		case IFLA_LINK:
			l->lower = get_u32(attr);
			break;
		case IFLA_LINK_NETNSID:
			elsewhere = true;
			break;
		case IFLA_MASTER:
			l->master = get_u32(attr);
			break;
		case IFLA_NUM_TX_QUEUES:
			l->num_tx = count_of_queues(attr);
			break;
		case IFLA_NUM_RX_QUEUES:
			l->num_rx = count_of_queues(attr);
			break;
		case IFLA_STATS64:
			parse_stats64(&l->stats, attr);
			break;
		case IFLA_LINKINFO:
			l->kind = parse_kind(attr);
			break;
		}
	}
	pair = is_pair(strings_get(l->kind));
	if (elsewhere || pair || l->lower == l->ifindex)
		l->lower = 0;
	l->rx_plus_one = !pair && !l->loopback;
	return m.ifi_index > 0 && l->name ? 0 : -EBADMSG;
}

static void parse_stats2(struct qdisc *q, const struct nlattr *stats)
{
	const struct nlattr *attr;
	uint32_t queue[STATS_QUEUE_BYTES / 4], packets;
	uint64_t packets64 = 0;

	mnl_attr_for_each_nested(attr, stats) {
		switch (mnl_attr_get_type(attr)) {
		case STATS_BASIC:
			if (mnl_attr_get_payload_len(attr) < STATS_BASIC_BYTES)
				break;
			attr_copy(attr, &q->bytes, sizeof(q->bytes));
			memcpy(&packets, (const char *)mnl_attr_get_payload(attr) + sizeof(q->bytes), sizeof(packets));
			q->packets = packets;
			break;
		case STATS_PKT64: /* there once 32 bits are too few */
			attr_copy(attr, &packets64, sizeof(packets64));
			break;
		case STATS_QUEUE:
			if (!attr_copy(attr, queue, sizeof(queue)))
				break;
			q->backlog_packets = queue[0];
			q->backlog_bytes = queue[1];
			q->drops = queue[2];
			q->requeues = queue[3];
			q->overlimits = queue[4];
			break;
		}
	}
	if (packets64)
		q->packets = packets64;
}

/* A struct tc_ratespec at byte OFF of the parameters ends with the rate, which is all ones when it needs 64 bits. */
static uint64_t ratespec(const struct nlattr *parms, size_t off)
{
	struct tc_ratespec r;

	if (mnl_attr_get_payload_len(parms) < off + sizeof(r))
		return UINT64_MAX;
	memcpy(&r, (const char *)mnl_attr_get_payload(parms) + off, sizeof(r));
	return r.rate;
}

/* Of an htb class, or of a tbf, which has no second rate. */
static void parse_rates(struct qdisc *q, const struct nlattr *options, bool htb)
{
	const struct nlattr *attr;
	uint64_t rate64 = 0, ceil64 = 0;

	mnl_attr_for_each_nested(attr, options) {
		unsigned type = mnl_attr_get_type(attr);

		if (type == (htb ? (unsigned)TCA_HTB_PARMS : (unsigned)TCA_TBF_PARMS)) {
			q->rate_bytes_per_s = ratespec(attr, 0);
			if (htb)
				q->ceil_bytes_per_s = ratespec(attr, sizeof(struct tc_ratespec));
		} else if (type == (htb ? (unsigned)TCA_HTB_RATE64 : (unsigned)TCA_TBF_RATE64)) {
			attr_copy(attr, &rate64, sizeof(rate64));
		} else if (htb && type == TCA_HTB_CEIL64) {
			attr_copy(attr, &ceil64, sizeof(ceil64));
		} else if (htb && type == HTB_OFFLOAD) {
			q->offloaded = true;
		}
	}
	if (rate64)
		q->rate_bytes_per_s = rate64;
	if (ceil64)
		q->ceil_bytes_per_s = ceil64;
}

int qdisc_parse(const void *msg, size_t len, bool is_class, struct qdisc *q)
{
	const uint8_t *attrs = (const uint8_t *)msg + MNL_ALIGN(sizeof(struct tcmsg));
	const struct nlattr *attr, *options = NULL;
	struct tcmsg m;

	if (len < sizeof(m) || len > INT32_MAX)
		return -EBADMSG;
	memcpy(&m, msg, sizeof(m));
	*q = (struct qdisc){ .ifindex = (uint32_t)m.tcm_ifindex, .handle = m.tcm_handle, .parent = m.tcm_parent,
			     .is_class = is_class, .leaf = is_class ? m.tcm_info : 0,
			     .rate_bytes_per_s = UINT64_MAX, .ceil_bytes_per_s = UINT64_MAX };
	mnl_attr_for_each_payload((void *)attrs, (int)(len - sizeof(m))) {
		switch (mnl_attr_get_type(attr)) {
		case TCA_KIND:
			q->kind = text_id(attr);
			break;
		case TCA_OPTIONS:
			options = attr;
			break;
		case TCA_STATS2:
			parse_stats2(q, attr);
			break;
		case TCA_HW_OFFLOAD:
			q->offloaded = mnl_attr_get_payload_len(attr) && mnl_attr_get_u8(attr);
			break;
		}
	}
	if (m.tcm_ifindex <= 0 || !q->kind)
		return -EBADMSG;
	if (options && (is_class ? !strcmp(strings_get(q->kind), "htb") : !strcmp(strings_get(q->kind), "tbf")))
		parse_rates(q, options, is_class);
	return is_class && !qdisc_has_classes(strings_get(q->kind)) ? -EAFNOSUPPORT : 0;
}

int link_addr_parse(const void *msg, size_t len, struct link_addr *a)
{
	const uint8_t *attrs = (const uint8_t *)msg + MNL_ALIGN(sizeof(struct ifaddrmsg));
	const struct nlattr *attr;
	struct ifaddrmsg m;
	bool local = false, known = false;
	size_t n;

	if (len < sizeof(m) || len > INT32_MAX)
		return -EBADMSG;
	memcpy(&m, msg, sizeof(m));
	if (m.ifa_family != AF_INET && m.ifa_family != AF_INET6)
		return -EAFNOSUPPORT;
	n = m.ifa_family == AF_INET ? 4 : 16;
	if (m.ifa_prefixlen > 8 * n)
		return -EBADMSG;
	*a = (struct link_addr){ .addr = { [10] = 0xff, [11] = 0xff }, .ifindex = m.ifa_index,
				 .plen = (uint8_t)(128 - 8 * n + m.ifa_prefixlen) };
	/* On a link between two ends IFA_ADDRESS is the other one, and IFA_LOCAL this. */
	mnl_attr_for_each_payload((void *)attrs, (int)(len - sizeof(m))) {
		unsigned type = mnl_attr_get_type(attr);

		if (type != IFA_LOCAL && (type != IFA_ADDRESS || local))
			continue;
		if (!attr_copy(attr, a->addr + sizeof(a->addr) - n, n))
			return -EBADMSG;
		known = true;
		local = type == IFA_LOCAL;
	}
	return known ? 0 : -EBADMSG;
}

bool qdisc_has_classes(const char *kind)
{
	static const char none[] = "noqueue\0mq\0pfifo_fast\0pfifo\0bfifo\0fq_codel\0fq\0cake\0cake_mq\0sfq\0"
				   "ingress\0clsact\0";
	const char *p;

	for (p = none; *p && strcmp(p, kind); p += strlen(p) + 1)
		;
	return !*p;
}
