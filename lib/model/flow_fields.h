/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * X(ID, key, word, HEAD, kind, unit, merge, width, scale, names, source, help): see flow.h.
 *
 * Sources: TI(m): member m of struct tcp_info; TB(m, shift, bits): bits of that byte; SRC_CODE: set by a collector's code;
 * SRC_DERIVED: computed from other fields (flow_derive.c); SRC_ITER: BPF iterator; SRC_SAMPLE: BPF sampler (interval only);
 * SRC_PACKET: packet counters; SRC_DROPS, SRC_SOJOURN: queue tracing.
 * Column heads are what a person reads at 80 columns; keys carry the unit.
 */
#ifndef FLEUTAN_FLOW_FIELDS_H
#define FLEUTAN_FLOW_FIELDS_H

#define FLOW_FIELDS(X) \
	/* who it is */ \
	X(NETNS, "netns", "netns", "NETNS", TEXT, NONE, NONE, 4, 1, NULL, SRC_CODE, "network namespace, where it is not the caller's") \
	X(PROTO, "proto", "proto", "PROTO", ENUM, NONE, NONE, 1, 1, proto_names, SRC_CODE, "transport protocol") \
	X(SRC, "src", "src", "LOCAL", ADDR, NONE, NONE, 16, 1, NULL, SRC_CODE, "local address") \
	X(SPORT, "sport", "sport", "SPORT", PORT, NONE, NONE, 2, 1, NULL, SRC_CODE, "local port") \
	X(DST, "dst", "dst", "PEER", ADDR, NONE, NONE, 16, 1, NULL, SRC_CODE, "peer address") \
	X(DPORT, "dport", "dport", "DPORT", PORT, NONE, NONE, 2, 1, NULL, SRC_CODE, "peer port") \
	X(DST_NAME, "dst_name", "dst_name", "NAME", TEXT, NONE, NONE, 4, 1, NULL, SRC_CODE, "name of the peer (-R)") \
	X(DEV, "dev", "dev", "DEV", TEXT, NONE, NONE, 4, 1, NULL, SRC_CODE, "device the socket is bound to") \
	X(STATE, "state", "state", "STATE", ENUM, NONE, NONE, 1, 1, state_names, SRC_CODE, "state of the socket") \
	X(FORWARDED, "forwarded", "forwarded", "FWD", FLAG, NONE, NONE, 1, 1, NULL, SRC_CODE, "passes through this host") \
	X(PROCS, "procs", "proc", "PROCESS", PROCS, NONE, NONE, 0, 1, NULL, SRC_CODE, "processes that hold the socket") \
	X(GROUP, "group", "group", "GROUP", TEXT, NONE, NONE, 4, 1, NULL, SRC_CODE, "what the group has in common") \
	X(FLOWS, "flows", "flows", "FLOWS", GAUGE, NONE, SUM, 4, 1, NULL, SRC_CODE, "flows in the group") \
	X(UID, "uid", "uid", "UID", ID, NONE, NONE, 4, 1, NULL, SRC_CODE, "user who opened the socket") \
	X(INODE, "inode", "inode", "INODE", ID, NONE, NONE, 4, 1, NULL, SRC_CODE, "inode of the socket") \
	X(COOKIE, "cookie", "cookie", "COOKIE", ID, NONE, NONE, 8, 1, NULL, SRC_CODE, "the kernel's socket cookie") \
	X(MARK, "mark", "mark", "MARK", ID, NONE, NONE, 4, 1, NULL, SRC_CODE, "firewall mark of the socket") \
	X(CGROUP, "cgroup", "cgroup", "CGROUP", TEXT, NONE, NONE, 4, 1, NULL, SRC_CODE, "control group (v2) of the socket") \
	/* round-trip time */ \
	X(RTT, "rtt_ns", "rtt", "SRTT", GAUGE, NS, MEAN, 4, 1000, NULL, TI(rtt), "smoothed round-trip time") \
	X(MIN_RTT, "min_rtt_ns", "min_rtt", "MINRTT", GAUGE, NS, MIN, 4, 1000, NULL, TI(min_rtt), "smallest round-trip time in the kernel's window") \
	X(RTTVAR, "rttvar_ns", "rttvar", "RTTVAR", GAUGE, NS, MEAN, 4, 1000, NULL, TI(rttvar), "mean deviation of the round-trip time") \
	X(QUEUEING, "queueing_ns", "queueing", "QUEUED", GAUGE, NS, MEAN, 8, 1, NULL, SRC_DERIVED, "srtt - min rtt: time spent in queues") \
	X(RCV_RTT, "rcv_rtt_ns", "rcv_rtt", "RCVRTT", GAUGE, NS, MEAN, 4, 1000, NULL, TI(rcv_rtt), "round-trip time as the receiver estimates it") \
	/* the samples of an interval */ \
	X(SAMPLES, "samples", "samples", "SAMPLES", COUNTER, NONE, SUM, 4, 1, NULL, SRC_SAMPLE, "round-trip times measured in the interval") \
	X(AMBIGUOUS, "ambiguous", "ambiguous", "AMBIG", COUNTER, NONE, SUM, 4, 1, NULL, SRC_SAMPLE, "updates whose sample could not be told") \
	X(RTT_P50, "rtt_p50_ns", "rtt_p50", "P50", GAUGE, NS, NONE, 8, 1, NULL, SRC_SAMPLE, "median of the samples") \
	X(RTT_P90, "rtt_p90_ns", "rtt_p90", "P90", GAUGE, NS, NONE, 8, 1, NULL, SRC_SAMPLE, "90th percentile of the samples") \
	X(RTT_P99, "rtt_p99_ns", "rtt_p99", "P99", GAUGE, NS, NONE, 8, 1, NULL, SRC_SAMPLE, "99th percentile of the samples") \
	X(RTT_MAX, "rtt_max_ns", "rtt_max", "MAX", GAUGE, NS, MAX, 8, 1, NULL, SRC_SAMPLE, "largest sample") \
	/* loss and reordering */ \
	X(RETRANS, "retrans", "retrans", "RETR", COUNTER, SEGS, SUM, 4, 1, NULL, TI(total_retrans), "segments retransmitted since the start") \
	X(RETRANS_NOW, "retrans_now", "retrans_now", "RETRNOW", GAUGE, SEGS, SUM, 4, 1, NULL, TI(retrans), "retransmitted segments in flight") \
	X(LOST, "lost", "lost", "LOST", GAUGE, SEGS, SUM, 4, 1, NULL, TI(lost), "segments believed lost now") \
	X(SACKED, "sacked", "sacked", "SACKED", GAUGE, SEGS, SUM, 4, 1, NULL, TI(sacked), "segments acknowledged out of order") \
	X(UNACKED, "unacked", "unacked", "UNACK", GAUGE, SEGS, SUM, 4, 1, NULL, TI(unacked), "segments in flight") \
	X(FACKETS, "fackets", "fackets", "FACKETS", GAUGE, SEGS, SUM, 4, 1, NULL, TI(fackets), "forward-acknowledged segments (old kernels)") \
	X(REORDERING, "reordering", "reordering", "REORD", GAUGE, SEGS, MAX, 4, 1, NULL, TI(reordering), "reordering the kernel tolerates") \
	X(REORD_SEEN, "reord_seen", "reord_seen", "REORDS", COUNTER, NONE, SUM, 4, 1, NULL, TI(reord_seen), "reordering events seen") \
	X(DSACK_DUPS, "dsack_dups", "dsack_dups", "DSACK", COUNTER, SEGS, SUM, 4, 1, NULL, TI(dsack_dups), "duplicates the peer reported") \
	X(RCV_OOOPACK, "rcv_ooopack", "rcv_ooopack", "OOO", COUNTER, SEGS, SUM, 4, 1, NULL, TI(rcv_ooopack), "segments received out of order") \
	X(RETRANSMITS, "retransmits", "retransmits", "RTOS", GAUGE, NONE, MAX, 1, 1, NULL, TI(retransmits), "time-outs in a row, now") \
	X(PROBES, "probes", "probes", "PROBES", GAUGE, NONE, MAX, 1, 1, NULL, TI(probes), "unanswered window probes") \
	X(BACKOFF, "backoff", "backoff", "BACKOFF", GAUGE, NONE, MAX, 1, 1, NULL, TI(backoff), "exponent of the time-out's back-off") \
	X(CA_STATE, "ca_state", "ca_state", "CA", ENUM, NONE, NONE, 1, 1, ca_state_names, TI(ca_state), "state of loss recovery") \
	X(RTO, "rto_ns", "rto", "RTO", GAUGE, NS, MAX, 4, 1000, NULL, TI(rto), "retransmission time-out") \
	X(ATO, "ato_ns", "ato", "ATO", GAUGE, NS, MAX, 4, 1000, NULL, TI(ato), "delayed-acknowledgement time-out") \
	X(TOTAL_RTO, "total_rto", "total_rto", "NRTO", COUNTER, NONE, SUM, 2, 1, NULL, TI(total_rto), "time-outs since the start") \
	X(RTO_RECOVERIES, "rto_recoveries", "rto_recoveries", "RTOREC", COUNTER, NONE, SUM, 2, 1, NULL, TI(total_rto_recoveries), "recoveries from time-outs") \
	X(TOTAL_RTO_TIME, "total_rto_time_ns", "total_rto_time", "RTOTIME", COUNTER, NS, SUM, 4, 1000000, NULL, TI(total_rto_time), "time spent in time-out recovery") \
	/* window and rate */ \
	X(CONG, "cong", "cong", "CC", TEXT, NONE, NONE, 4, 1, NULL, SRC_CODE, "congestion control") \
	X(CWND, "cwnd", "cwnd", "CWND", GAUGE, SEGS, SUM, 4, 1, NULL, TI(snd_cwnd), "congestion window") \
	X(SSTHRESH, "ssthresh", "ssthresh", "SSTHR", GAUGE, SEGS, MIN, 4, 1, NULL, TI(snd_ssthresh), "slow-start threshold") \
	X(MSS, "mss_bytes", "mss", "MSS", GAUGE, BYTES, MIN, 4, 1, NULL, TI(snd_mss), "segment size in use") \
	X(PMTU, "pmtu_bytes", "pmtu", "PMTU", GAUGE, BYTES, MIN, 4, 1, NULL, TI(pmtu), "path MTU") \
	X(RCV_MSS, "rcv_mss_bytes", "rcv_mss", "RCVMSS", GAUGE, BYTES, MIN, 4, 1, NULL, TI(rcv_mss), "segment size the peer uses") \
	X(ADVMSS, "advmss_bytes", "advmss", "ADVMSS", GAUGE, BYTES, MIN, 4, 1, NULL, TI(advmss), "segment size announced") \
	X(PACING_RATE, "pacing_rate_bytes_per_s", "pacing_rate", "PACING", GAUGE, BYTES_PER_S, SUM, 8, 1, NULL, TI(pacing_rate), "pacing rate") \
	X(MAX_PACING_RATE, "max_pacing_rate_bytes_per_s", "max_pacing_rate", "MAXPACE", GAUGE, BYTES_PER_S, SUM, 8, 1, NULL, TI(max_pacing_rate), "limit of the pacing rate") \
	X(DELIVERY_RATE, "delivery_rate_bytes_per_s", "delivery_rate", "DELIVERY", GAUGE, BYTES_PER_S, SUM, 8, 1, NULL, TI(delivery_rate), "rate at which data arrived lately") \
	X(APP_LIMITED, "app_limited", "app_limited", "APPLIM", FLAG, NONE, NONE, 1, 1, NULL, TB(flags, 0, 1), "the rate was limited by the application") \
	X(SEND_RATE, "send_rate_bytes_per_s", "send_rate", "SENDRATE", GAUGE, BYTES_PER_S, SUM, 8, 1, NULL, SRC_DERIVED, "cwnd x mss / srtt") \
	X(BDP, "bdp_bytes", "bdp", "BDP", GAUGE, BYTES, SUM, 8, 1, NULL, SRC_DERIVED, "bandwidth-delay product: delivery rate x min rtt") \
	X(CWND_BYTES, "cwnd_bytes", "cwnd_bytes", "CWNDB", GAUGE, BYTES, SUM, 8, 1, NULL, SRC_DERIVED, "cwnd x mss: the BDP that the sender assumes") \
	X(LIMITED_BY, "limited_by", "limited_by", "LIMIT", ENUM, NONE, NONE, 1, 1, limit_names, SRC_DERIVED, "what limits the sender most of its busy time") \
	X(BUSY, "busy_ns", "busy", "BUSY", COUNTER, NS, SUM, 8, 1000, NULL, TI(busy_time), "time with data to send") \
	X(RWND_LIMITED, "rwnd_limited_ns", "rwnd_limited", "RWNDLIM", COUNTER, NS, SUM, 8, 1000, NULL, TI(rwnd_limited), "of that: limited by the peer's window") \
	X(SNDBUF_LIMITED, "sndbuf_limited_ns", "sndbuf_limited", "SNDBUFLIM", COUNTER, NS, SUM, 8, 1000, NULL, TI(sndbuf_limited), "of that: limited by the send buffer") \
	X(SND_WND, "snd_wnd_bytes", "snd_wnd", "SNDWND", GAUGE, BYTES, SUM, 4, 1, NULL, TI(snd_wnd), "window the peer offers") \
	X(RCV_WND, "rcv_wnd_bytes", "rcv_wnd", "RCVWND", GAUGE, BYTES, SUM, 4, 1, NULL, TI(rcv_wnd), "window offered to the peer") \
	X(RCV_SPACE, "rcv_space_bytes", "rcv_space", "RCVSPACE", GAUGE, BYTES, SUM, 4, 1, NULL, TI(rcv_space), "receive buffer auto-tuning") \
	X(RCV_SSTHRESH, "rcv_ssthresh_bytes", "rcv_ssthresh", "RCVSSTHR", GAUGE, BYTES, SUM, 4, 1, NULL, TI(rcv_ssthresh), "limit of the window offered") \
	X(SND_WSCALE, "snd_wscale", "snd_wscale", "SWS", GAUGE, NONE, NONE, 1, 1, NULL, TB_NIBBLE(wscale, 0), "window scale of the peer") \
	X(RCV_WSCALE, "rcv_wscale", "rcv_wscale", "RWS", GAUGE, NONE, NONE, 1, 1, NULL, TB_NIBBLE(wscale, 1), "window scale announced") \
	/* volume */ \
	X(BYTES_SENT, "bytes_sent", "bytes_sent", "SENT", COUNTER, BYTES, SUM, 8, 1, NULL, TI(bytes_sent), "payload bytes sent, retransmissions included") \
	X(BYTES_RETRANS, "bytes_retrans", "bytes_retrans", "RETRB", COUNTER, BYTES, SUM, 8, 1, NULL, TI(bytes_retrans), "payload bytes retransmitted") \
	X(BYTES_ACKED, "bytes_acked", "bytes_acked", "ACKED", COUNTER, BYTES, SUM, 8, 1, NULL, TI(bytes_acked), "payload bytes acknowledged") \
	X(BYTES_RECEIVED, "bytes_received", "bytes_received", "RCVD", COUNTER, BYTES, SUM, 8, 1, NULL, TI(bytes_received), "payload bytes received") \
	X(SEGS_OUT, "segs_out", "segs_out", "SEGOUT", COUNTER, SEGS, SUM, 4, 1, NULL, TI(segs_out), "segments sent") \
	X(SEGS_IN, "segs_in", "segs_in", "SEGIN", COUNTER, SEGS, SUM, 4, 1, NULL, TI(segs_in), "segments received") \
	X(DATA_SEGS_OUT, "data_segs_out", "data_segs_out", "DSEGOUT", COUNTER, SEGS, SUM, 4, 1, NULL, TI(data_segs_out), "segments with data sent") \
	X(DATA_SEGS_IN, "data_segs_in", "data_segs_in", "DSEGIN", COUNTER, SEGS, SUM, 4, 1, NULL, TI(data_segs_in), "segments with data received") \
	X(DELIVERED, "delivered", "delivered", "DELIV", COUNTER, SEGS, SUM, 4, 1, NULL, TI(delivered), "segments delivered to the peer") \
	X(DELIVERED_CE, "delivered_ce", "delivered_ce", "DELIVCE", COUNTER, SEGS, SUM, 4, 1, NULL, TI(delivered_ce), "of those: marked by ECN") \
	X(NOTSENT, "notsent_bytes", "notsent", "NOTSENT", GAUGE, BYTES, SUM, 4, 1, NULL, TI(notsent_bytes), "bytes in the send queue not sent yet") \
	X(RECV_Q, "recv_q_bytes", "recv_q", "RECVQ", GAUGE, BYTES, SUM, 4, 1, NULL, SRC_CODE, "bytes the application has not read") \
	X(SEND_Q, "send_q_bytes", "send_q", "SENDQ", GAUGE, BYTES, SUM, 4, 1, NULL, SRC_CODE, "bytes not acknowledged") \
	X(ACCEPT_QUEUE, "accept_queue", "accept_queue", "ACCEPTQ", GAUGE, NONE, SUM, 4, 1, NULL, SRC_CODE, "listening: connections not accepted yet") \
	X(BACKLOG, "backlog", "backlog", "BACKLOG", GAUGE, NONE, SUM, 4, 1, NULL, SRC_CODE, "listening: limit of the accept queue") \
	X(LAST_SND, "last_snd_ns", "last_snd", "LASTSND", GAUGE, NS, MIN, 4, 1000000, NULL, TI(last_data_sent), "time since data was sent") \
	X(LAST_RCV, "last_rcv_ns", "last_rcv", "LASTRCV", GAUGE, NS, MIN, 4, 1000000, NULL, TI(last_data_recv), "time since data was received") \
	X(LAST_ACK, "last_ack_ns", "last_ack", "LASTACK", GAUGE, NS, MIN, 4, 1000000, NULL, TI(last_ack_recv), "time since an acknowledgement was received") \
	/* options negotiated */ \
	X(TS, "ts", "ts", "TS", FLAG, NONE, NONE, 1, 1, NULL, TB(options, 0, 1), "timestamps") \
	X(SACK, "sack", "sack", "SACK", FLAG, NONE, NONE, 1, 1, NULL, TB(options, 1, 1), "selective acknowledgements") \
	X(WSCALE, "wscale", "wscale", "WS", FLAG, NONE, NONE, 1, 1, NULL, TB(options, 2, 1), "window scaling") \
	X(ECN, "ecn", "ecn", "ECN", FLAG, NONE, NONE, 1, 1, NULL, TB(options, 3, 1), "explicit congestion notification") \
	X(ECNSEEN, "ecnseen", "ecnseen", "ECNSEEN", FLAG, NONE, NONE, 1, 1, NULL, TB(options, 4, 1), "an ECN-capable packet was received") \
	X(FASTOPEN, "fastopen", "fastopen", "TFO", FLAG, NONE, NONE, 1, 1, NULL, TB(options, 5, 1), "data in the SYN was acknowledged") \
	X(REHASH, "rehash", "rehash", "REHASH", COUNTER, NONE, SUM, 4, 1, NULL, TI(rehash), "changes of the flow's hash after trouble") \
	X(RECEIVED_CE, "received_ce", "received_ce", "RCVDCE", COUNTER, SEGS, SUM, 4, 1, NULL, TI(received_ce), "segments received with a CE mark") \
	/* the socket */ \
	X(TIMER, "timer", "timer", "TIMER", ENUM, NONE, NONE, 1, 1, timer_names, SRC_CODE, "timer that runs") \
	X(TIMER_EXPIRES, "timer_expires_ns", "timer_expires", "EXPIRES", GAUGE, NS, MIN, 4, 1000000, NULL, SRC_CODE, "time until it fires") \
	X(RMEM, "rmem_bytes", "rmem", "RMEM", GAUGE, BYTES, SUM, 4, 1, NULL, SRC_CODE, "receive memory in use") \
	X(RCVBUF, "rcvbuf_bytes", "rcvbuf", "RCVBUF", GAUGE, BYTES, SUM, 4, 1, NULL, SRC_CODE, "limit of receive memory") \
	X(WMEM, "wmem_bytes", "wmem", "WMEM", GAUGE, BYTES, SUM, 4, 1, NULL, SRC_CODE, "transmit memory in use") \
	X(SNDBUF, "sndbuf_bytes", "sndbuf", "SNDBUF", GAUGE, BYTES, SUM, 4, 1, NULL, SRC_CODE, "limit of transmit memory") \
	X(SK_DROPS, "sk_drops", "sk_drops", "SKDROPS", COUNTER, PACKETS, SUM, 4, 1, NULL, SRC_CODE, "packets dropped at the socket") \
	/* what only a BPF iterator can tell */ \
	X(RX_CPU, "rx_cpu", "rx_cpu", "RXCPU", ID, NONE, NONE, 4, 1, NULL, SRC_ITER, "CPU that received the last packet") \
	X(RX_QUEUE, "rx_queue", "rx_queue", "RXQ", ID, NONE, NONE, 4, 1, NULL, SRC_ITER, "receive queue of the last packet") \
	X(SND_UNA, "snd_una", "snd_una", "SNDUNA", ID, NONE, NONE, 4, 1, NULL, SRC_ITER, "oldest sequence number not acknowledged") \
	X(SND_NXT, "snd_nxt", "snd_nxt", "SNDNXT", ID, NONE, NONE, 4, 1, NULL, SRC_ITER, "next sequence number to send") \
	X(RCV_NXT, "rcv_nxt", "rcv_nxt", "RCVNXT", ID, NONE, NONE, 4, 1, NULL, SRC_ITER, "next sequence number expected") \
	PACKET_FIELDS(X)

/*
 * What the packet counters (collect/packets.h) and what stands on them tell: SRC_PACKET. Not in programs without them.
 * A key with a dot is a member of an object in JSON.
 */
#if IS_ENABLED(CONFIG_PACKETS)
#define PACKET_FIELDS(X) \
	X(DIR, "dir", "dir", "DIR", ENUM, NONE, NONE, 1, 1, dir_names, SRC_PACKET, "direction at the device") \
	X(QUEUE, "queue", "queue", "Q", ID, NONE, NONE, 4, 1, NULL, SRC_PACKET, "queue of the device") \
	X(CPU, "cpu", "cpu", "CPU", ID, NONE, NONE, 4, 1, NULL, SRC_PACKET, "CPU that handled the packets") \
	X(VLAN, "vlan", "vlan", "VLAN", ID, NONE, NONE, 2, 1, NULL, SRC_PACKET, "VLAN of the packets") \
	X(BYTES, "bytes", "bytes", "BYTES", COUNTER, BYTES, SUM, 8, 1, NULL, SRC_PACKET, "bytes on the wire") \
	X(PACKETS, "packets", "packets", "PACKETS", COUNTER, PACKETS, SUM, 8, 1, NULL, SRC_PACKET, "packets on the wire") \
	X(RATE, "rate_bytes_per_s", "rate", "RATE", GAUGE, BYTES_PER_S, SUM, 8, 1, NULL, SRC_PACKET, "bytes on the wire per second") \
	X(DROPS, "drops", "drops", "DROPS", COUNTER, PACKETS, SUM, 8, 1, NULL, SRC_DROPS, "packets of the flow dropped (--drops)") \
	X(DROP_REASON, "drop_reason", "drop_reason", "REASON", TEXT, NONE, NONE, 4, 1, NULL, SRC_DROPS, "the kernel's reason for most of the drops") \
	X(SOJOURN_P50, "sojourn.p50_ns", "sojourn_p50", "SOJ50", GAUGE, NS, NONE, 8, 1, NULL, SRC_SOJOURN, "median time in the qdisc (--sojourn)") \
	X(SOJOURN_P90, "sojourn.p90_ns", "sojourn_p90", "SOJ90", GAUGE, NS, NONE, 8, 1, NULL, SRC_SOJOURN, "90th percentile of the time in the qdisc") \
	X(SOJOURN_P99, "sojourn.p99_ns", "sojourn_p99", "SOJ99", GAUGE, NS, NONE, 8, 1, NULL, SRC_SOJOURN, "99th percentile of the time in the qdisc") \
	X(SOJOURN_MAX, "sojourn.max_ns", "sojourn_max", "SOJMAX", GAUGE, NS, MAX, 8, 1, NULL, SRC_SOJOURN, "longest time in the qdisc") \
	X(SOJOURN_PACKETS, "sojourn.packets", "sojourn_packets", "SOJN", COUNTER, PACKETS, SUM, 8, 1, NULL, SRC_SOJOURN, "packets whose time in the qdisc is known") \
	X(IN_DEV, "in_dev", "in_dev", "IN", TEXT, NONE, NONE, 4, 1, NULL, SRC_PACKET, "forwarded: device it comes in by") \
	X(OUT_DEV, "out_dev", "out_dev", "OUT", TEXT, NONE, NONE, 4, 1, NULL, SRC_PACKET, "forwarded: device it goes out by") \
	X(OFFLOADED, "offloaded", "offloaded", "OFFL", FLAG, NONE, NONE, 1, 1, NULL, SRC_PACKET, "in a flow table of connection tracking: in hardware, its packets are not seen here") \
	X(ORIG_SRC, "orig.src", "orig_src", "OSRC", ADDR, NONE, NONE, 16, 1, NULL, SRC_PACKET, "connection tracking: source of the original direction") \
	X(ORIG_SPORT, "orig.sport", "orig_sport", "OSPORT", PORT, NONE, NONE, 2, 1, NULL, SRC_PACKET, "its port") \
	X(ORIG_DST, "orig.dst", "orig_dst", "ODST", ADDR, NONE, NONE, 16, 1, NULL, SRC_PACKET, "destination of the original direction") \
	X(ORIG_DPORT, "orig.dport", "orig_dport", "ODPORT", PORT, NONE, NONE, 2, 1, NULL, SRC_PACKET, "its port") \
	X(REPLY_SRC, "reply.src", "reply_src", "RSRC", ADDR, NONE, NONE, 16, 1, NULL, SRC_PACKET, "connection tracking: source of the reply direction") \
	X(REPLY_SPORT, "reply.sport", "reply_sport", "RSPORT", PORT, NONE, NONE, 2, 1, NULL, SRC_PACKET, "its port") \
	X(REPLY_DST, "reply.dst", "reply_dst", "RDST", ADDR, NONE, NONE, 16, 1, NULL, SRC_PACKET, "destination of the reply direction") \
	X(REPLY_DPORT, "reply.dport", "reply_dport", "RDPORT", PORT, NONE, NONE, 2, 1, NULL, SRC_PACKET, "its port")
#else
#define PACKET_FIELDS(X)
#endif

#endif
