/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schemas of devices, their queues, and their qdiscs: X(ID, key, word, HEAD, kind, unit, merge, width, scale, names, help).
 * One field, one line, as in flow_fields.h. A key with a dot is a member of an object in JSON.
 */
#ifndef FLEUTAN_QUEUE_FIELDS_H
#define FLEUTAN_QUEUE_FIELDS_H

#define DEVICE_FIELDS(X) \
	X(DEV, "dev", "dev", "DEV", TEXT, NONE, NONE, 4, 1, NULL, "name of the device") \
	X(IFINDEX, "ifindex", "ifindex", "IFINDEX", ID, NONE, NONE, 4, 1, NULL, "its number") \
	X(NETNS, "netns", "netns", "NETNS", TEXT, NONE, NONE, 4, 1, NULL, "network namespace, where it is not the caller's") \
	X(KIND, "kind", "kind", "KIND", TEXT, NONE, NONE, 4, 1, NULL, "what it is: physical, loopback, veth, vlan, bridge, …") \
	X(DRIVER, "driver", "driver", "DRIVER", TEXT, NONE, NONE, 4, 1, NULL, "its driver") \
	X(LOWER, "lower", "lower", "LOWER", TEXT, NONE, NONE, 4, 1, NULL, "device it stands on: its packets are counted there once more") \
	X(MASTER, "master", "master", "MASTER", TEXT, NONE, NONE, 4, 1, NULL, "bridge or bond it belongs to") \
	X(UP, "up", "up", "UP", FLAG, NONE, NONE, 1, 1, NULL, "it is up") \
	X(MTU, "mtu_bytes", "mtu", "MTU", GAUGE, BYTES, NONE, 4, 1, NULL, "largest packet") \
	X(TX_QUEUES, "tx_queues", "tx_queues", "TXQS", GAUGE, NONE, SUM, 4, 1, NULL, "transmit queues in use") \
	X(RX_QUEUES, "rx_queues", "rx_queues", "RXQS", GAUGE, NONE, SUM, 4, 1, NULL, "receive queues in use") \
	X(TX_BYTES, "tx_bytes", "tx_bytes", "TXBYTES", COUNTER, BYTES, SUM, 8, 1, NULL, "bytes transmitted, as the wire sees them") \
	X(TX_PACKETS, "tx_packets", "tx_packets", "TXPKTS", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets transmitted") \
	X(RX_BYTES, "rx_bytes", "rx_bytes", "RXBYTES", COUNTER, BYTES, SUM, 8, 1, NULL, "bytes received") \
	X(RX_PACKETS, "rx_packets", "rx_packets", "RXPKTS", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets received") \
	X(COUNTED_TX_BYTES, "device_tx_bytes", "device_tx_bytes", "DEVTXB", COUNTER, BYTES, SUM, 8, 1, NULL, "what the device itself counted (a GSO packet as it likes)") \
	X(COUNTED_TX_PACKETS, "device_tx_packets", "device_tx_packets", "DEVTXP", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets transmitted by the device's own count") \
	X(COUNTED_RX_BYTES, "device_rx_bytes", "device_rx_bytes", "DEVRXB", COUNTER, BYTES, SUM, 8, 1, NULL, "bytes received by the device's own count") \
	X(COUNTED_RX_PACKETS, "device_rx_packets", "device_rx_packets", "DEVRXP", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets received by the device's own count") \
	X(IN_TOTAL, "in_total", "in_total", "TOTAL", FLAG, NONE, NONE, 1, 1, NULL, "counted in totals: its packets cross no other device that is") \
	X(BALANCE, "balance", "balance", "BALANCE", TEXT, NONE, NONE, 4, 1, NULL, "how the load is spread over the transmit queues, in a sentence") \
	X(STEERING, "steering", "steering", "STEERING", TEXT, NONE, NONE, 4, 1, NULL, "XPS, or RPS on the receive side, in a sentence") \
	X(HIDDEN, "hidden", "hidden", "HIDDEN", TEXT, NONE, NONE, 4, 1, NULL, "what this device hides from a look from here")

#define QUEUE_FIELDS(X) \
	X(NETNS, "netns", "netns", "NETNS", TEXT, NONE, NONE, 4, 1, NULL, "network namespace, where it is not the caller's") \
	X(DEV, "dev", "dev", "DEV", TEXT, NONE, NONE, 4, 1, NULL, "device") \
	X(DIR, "dir", "dir", "DIR", ENUM, NONE, NONE, 1, 1, dir_names, "transmit or receive") \
	X(QUEUE, "queue", "queue", "Q", ID, NONE, NONE, 4, 1, NULL, "number of the queue; none: not recorded") \
	X(BYTES, "bytes", "bytes", "BYTES", COUNTER, BYTES, SUM, 8, 1, NULL, "bytes on the wire") \
	X(PACKETS, "packets", "packets", "PACKETS", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets on the wire") \
	X(RATE, "rate_bytes_per_s", "rate", "RATE", GAUGE, BYTES_PER_S, SUM, 8, 1, NULL, "bytes per second") \
	X(SHARE, "share_permille", "share", "SHARE", GAUGE, PERMILLE, NONE, 2, 1, NULL, "share of the bytes of the device in this direction") \
	X(FLOWS, "flow_count", "flow_count", "FLOWS", GAUGE, NONE, SUM, 4, 1, NULL, "flows seen in it") \
	X(QDISC_KIND, "qdisc.kind", "qdisc", "QDISC", TEXT, NONE, NONE, 4, 1, NULL, "qdisc of the queue") \
	X(QDISC_HANDLE, "qdisc.handle", "qdisc_handle", "HANDLE", TEXT, NONE, NONE, 4, 1, NULL, "its handle") \
	X(QDISC_PARENT, "qdisc.parent", "qdisc_parent", "PARENT", TEXT, NONE, NONE, 4, 1, NULL, "its parent") \
	X(QDISC_BYTES, "qdisc.bytes", "qdisc_bytes", "QBYTES", COUNTER, BYTES, SUM, 8, 1, NULL, "bytes sent by its own count") \
	X(QDISC_PACKETS, "qdisc.packets", "qdisc_packets", "QPKTS", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets sent by its own count") \
	X(QDISC_DROPS, "qdisc.drops", "qdisc_drops", "QDROPS", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets it dropped") \
	X(QDISC_REQUEUES, "qdisc.requeues", "requeues", "REQUEUE", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets the device would not take") \
	X(QDISC_OVERLIMITS, "qdisc.overlimits", "overlimits", "OVERLIM", COUNTER, NONE, SUM, 8, 1, NULL, "times it held packets back") \
	X(QDISC_BACKLOG, "qdisc.backlog_bytes", "backlog", "BACKLOG", GAUGE, BYTES, SUM, 8, 1, NULL, "bytes waiting in it now") \
	X(QDISC_QLEN, "qdisc.backlog_packets", "backlog_packets", "QLEN", GAUGE, PACKETS, SUM, 8, 1, NULL, "packets waiting in it now") \
	X(BQL_LIMIT, "bql_limit_bytes", "bql_limit", "BQL", GAUGE, BYTES, SUM, 8, 1, NULL, "byte queue limit of the device's ring") \
	X(BQL_INFLIGHT, "bql_inflight_bytes", "bql_inflight", "INFLIGHT", GAUGE, BYTES, SUM, 8, 1, NULL, "bytes in the ring") \
	X(BQL_STALLS, "bql_stalls", "bql_stalls", "STALLS", COUNTER, NONE, SUM, 8, 1, NULL, "stalls the byte queue limit has seen") \
	X(TX_TIMEOUTS, "tx_timeouts", "tx_timeouts", "TIMEOUTS", COUNTER, NONE, SUM, 8, 1, NULL, "times the queue was stopped for too long") \
	X(STEERING, "cpus", "cpus", "CPUS", TEXT, NONE, NONE, 4, 1, NULL, "CPUs that send by it (XPS) or that its packets are handed to (RPS)") \
	X(DROPS, "drops", "drops", "DROPS", COUNTER, PACKETS, SUM, 8, 1, NULL, "drops seen by tracing (--drops)") \
	X(SOJOURN_P50, "sojourn.p50_ns", "sojourn_p50", "SOJ50", GAUGE, NS, NONE, 8, 1, NULL, "median time in the qdisc (--sojourn)") \
	X(SOJOURN_P90, "sojourn.p90_ns", "sojourn_p90", "SOJ90", GAUGE, NS, NONE, 8, 1, NULL, "90th percentile of the time in the qdisc") \
	X(SOJOURN_P99, "sojourn.p99_ns", "sojourn_p99", "SOJ99", GAUGE, NS, NONE, 8, 1, NULL, "99th percentile of the time in the qdisc") \
	X(SOJOURN_MAX, "sojourn.max_ns", "sojourn_max", "SOJMAX", GAUGE, NS, MAX, 8, 1, NULL, "longest time in the qdisc") \
	X(SOJOURN_PACKETS, "sojourn.packets", "sojourn_packets", "SOJN", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets whose time in the qdisc is known")

#define QDISC_FIELDS(X) \
	X(DEV, "dev", "dev", "DEV", TEXT, NONE, NONE, 4, 1, NULL, "device") \
	X(NAME, "name", "name", "QDISC", TEXT, NONE, NONE, 4, 1, NULL, "kind and handle, indented as in a tree") \
	X(KIND, "kind", "kind", "KIND", TEXT, NONE, NONE, 4, 1, NULL, "kind of qdisc or class") \
	X(CLASS, "class", "class", "CLASS", FLAG, NONE, NONE, 1, 1, NULL, "it is a class") \
	X(HANDLE, "handle", "handle", "HANDLE", TEXT, NONE, NONE, 4, 1, NULL, "handle, as tc prints it") \
	X(PARENT, "parent", "parent", "PARENT", TEXT, NONE, NONE, 4, 1, NULL, "handle of the parent") \
	X(BYTES, "bytes", "bytes", "BYTES", COUNTER, BYTES, SUM, 8, 1, NULL, "bytes sent") \
	X(PACKETS, "packets", "packets", "PACKETS", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets sent") \
	X(DROPS, "drops", "drops", "DROPPED", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets dropped") \
	X(OVERLIMITS, "overlimits", "overlimits", "OVERLIM", COUNTER, NONE, SUM, 8, 1, NULL, "times packets were held back") \
	X(REQUEUES, "requeues", "requeues", "REQUEUE", COUNTER, PACKETS, SUM, 8, 1, NULL, "packets the device would not take") \
	X(BACKLOG, "backlog_bytes", "backlog", "BACKLOG", GAUGE, BYTES, SUM, 8, 1, NULL, "bytes waiting now") \
	X(QLEN, "backlog_packets", "backlog_packets", "QLEN", GAUGE, PACKETS, SUM, 8, 1, NULL, "packets waiting now") \
	X(LIMIT_RATE, "rate_bytes_per_s", "rate", "RATE", GAUGE, BYTES_PER_S, NONE, 8, 1, NULL, "rate it is set to") \
	X(CEIL, "ceil_bytes_per_s", "ceil", "CEIL", GAUGE, BYTES_PER_S, NONE, 8, 1, NULL, "rate it may borrow up to") \
	X(OFFLOADED, "offloaded", "offloaded", "OFFL", FLAG, NONE, NONE, 1, 1, NULL, "done by the device")

#endif
