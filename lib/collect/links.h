/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network devices of the calling thread's namespace, with their queues, qdiscs and classes: rtnetlink for what has a
 * message, sysfs and ethtool for the rest. The numbers are those of `ip -s link` and `tc -s qdisc`, `tc -s class`.
 */
#ifndef FLEUTAN_LINKS_H
#define FLEUTAN_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/err.h"

struct link_stats {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, rx_drops, tx_drops;
};

/* What sysfs says about one queue. Sentinels: UINT64_MAX: not known. Masks as string ids in the kernel's form ("f", "3"). */
struct link_queue {
	uint64_t bql_limit_bytes, bql_inflight_bytes, bql_stalls, tx_timeouts;
	uint32_t xps_cpus, xps_rxqs; /* transmit */
	uint32_t rps_cpus;           /* receive */
	uint64_t rps_flow_cnt;
};

struct link {
	uint32_t ifindex, name, kind; /* string ids; kind: IFLA_INFO_KIND ("veth", "vlan", "bridge"), 0: none (physical, lo) */
	uint32_t lower;               /* ifindex of the device below (IFLA_LINK, in the same namespace), 0: none */
	uint32_t master;              /* ifindex of bridge or bond, 0: none */
	uint32_t type;                /* ARPHRD_* */
	uint32_t mtu, num_tx, num_rx; /* real numbers of queues */
	uint32_t driver;              /* string id, from sysfs or ethtool; 0: not known */
	uint8_t hwaddr[6], hwaddr_len; /* the first bytes of it */
	bool up, loopback, wireless, gro;
	bool rx_plus_one;             /* a recorded receive queue is stored plus one by this device (else raw, as veth, netkit and lo) */
	struct link_stats stats;
	struct link_queue *tx, *rx;   /* num_tx, num_rx entries; NULL: not known */
};

/* A qdisc or a class, as in `tc -s`. */
struct qdisc {
	uint32_t ifindex, handle, parent, kind; /* handles as the kernel has them; kind: string id */
	bool is_class, offloaded;
	uint32_t leaf;                          /* of a class: handle of the qdisc in it */
	uint64_t bytes, packets, drops, requeues, overlimits, backlog_bytes, backlog_packets;
	uint64_t rate_bytes_per_s, ceil_bytes_per_s; /* htb class, tbf; UINT64_MAX: has none */
};

struct link_addr {
	uint8_t addr[16];
	uint32_t ifindex;
	uint8_t plen; /* in 128 bits */
};

struct links {
	struct link *link;   /* by ifindex, ascending */
	struct qdisc *qdisc; /* by ifindex, then the order of the kernel (parents first) */
	struct link_addr *addr; /* addresses of this host, sorted by address */
	uint32_t nlink, nqdisc, naddr;
	bool incomplete;     /* a dump stayed interrupted, or an answer could not be read */
};

/* Fills L (links_free() in any case). 0 or -errno. QUEUES: also what sysfs says about queues. */
int links_collect(struct links *l, bool queues, struct err *e);
void links_free(struct links *l);
/* What links_subtract() needs of FROM, for another time: devices and qdiscs, without addresses. 0 or -ENOMEM (TO is empty). */
int links_copy(struct links *to, const struct links *from);
const struct link *links_find(const struct links *l, uint32_t ifindex); /* NULL: none */
bool links_is_local(const struct links *l, const uint8_t addr[16]);     /* one of this host's addresses, or loopback */
/* The qdisc whose parent is PARENT on a device, or NULL. mq: the child of transmit queue N has parent (root handle | N + 1). */
const struct qdisc *links_qdisc(const struct links *l, uint32_t ifindex, uint32_t parent);
/*
 * Whether the driver may answer NETDEV_TX_BUSY, and is then given the packet again: real devices; of virtual ones veth below a
 * qdisc (from 6.16 on), and those that are not known.
 */
bool link_may_be_busy(const struct links *l, const struct link *link);
/* Subtracts the counters of an earlier look (qdiscs, devices and queues that are in both), so that L is of the interval. */
void links_subtract(struct links *l, const struct links *before);
/* "8001:", "1:10", "root", "ingress", "clsact": as tc prints it (hexadecimal). Needs 24 bytes; NUL-terminated. */
void handle_text(char *p, uint32_t handle);

#endif
