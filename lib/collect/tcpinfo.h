/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct tcp_info as kernel 6.18 has it, without the prefix of its members: what a build's own kernel headers know of
 * it does not matter. Its layout is the same on every target (each member lies at a multiple of its size); an older
 * kernel gives a shorter one, a newer one a longer one.
 */
#ifndef FLEUTAN_TCPINFO_H
#define FLEUTAN_TCPINFO_H

#include <stddef.h>
#include <stdint.h>

/* X(bits, member, offset) */
#define TCPINFO_MEMBERS(X) \
	X(8, state, 0) X(8, ca_state, 1) X(8, retransmits, 2) X(8, probes, 3) X(8, backoff, 4) X(8, options, 5) \
	X(8, wscale, 6) /* two bit fields of 4: snd_wscale, rcv_wscale */ \
	X(8, flags, 7)  /* bit fields: delivery_rate_app_limited (1), fastopen_client_fail (2) */ \
	X(32, rto, 8) X(32, ato, 12) X(32, snd_mss, 16) X(32, rcv_mss, 20) \
	X(32, unacked, 24) X(32, sacked, 28) X(32, lost, 32) X(32, retrans, 36) X(32, fackets, 40) \
	X(32, last_data_sent, 44) X(32, last_ack_sent, 48) X(32, last_data_recv, 52) X(32, last_ack_recv, 56) \
	X(32, pmtu, 60) X(32, rcv_ssthresh, 64) X(32, rtt, 68) X(32, rttvar, 72) X(32, snd_ssthresh, 76) \
	X(32, snd_cwnd, 80) X(32, advmss, 84) X(32, reordering, 88) X(32, rcv_rtt, 92) X(32, rcv_space, 96) \
	X(32, total_retrans, 100) X(64, pacing_rate, 104) X(64, max_pacing_rate, 112) X(64, bytes_acked, 120) \
	X(64, bytes_received, 128) X(32, segs_out, 136) X(32, segs_in, 140) X(32, notsent_bytes, 144) \
	X(32, min_rtt, 148) X(32, data_segs_in, 152) X(32, data_segs_out, 156) X(64, delivery_rate, 160) \
	X(64, busy_time, 168) X(64, rwnd_limited, 176) X(64, sndbuf_limited, 184) X(32, delivered, 192) \
	X(32, delivered_ce, 196) X(64, bytes_sent, 200) X(64, bytes_retrans, 208) X(32, dsack_dups, 216) \
	X(32, reord_seen, 220) X(32, rcv_ooopack, 224) X(32, snd_wnd, 228) X(32, rcv_wnd, 232) X(32, rehash, 236) \
	X(16, total_rto, 240) X(16, total_rto_recoveries, 242) X(32, total_rto_time, 244) X(32, received_ce, 248) \
	X(32, delivered_e1_bytes, 252) X(32, delivered_e0_bytes, 256) X(32, delivered_ce_bytes, 260) \
	X(32, received_e1_bytes, 264) X(32, received_e0_bytes, 268) X(32, received_ce_bytes, 272) \
	X(16, accecn_fail_mode, 276) X(16, accecn_opt_seen, 278)

#define X(bits, member, offset) uint##bits##_t member;
struct tcpinfo {
	TCPINFO_MEMBERS(X)
};
#undef X

#define X(bits, member, offset) _Static_assert(offsetof(struct tcpinfo, member) == offset, #member);
TCPINFO_MEMBERS(X)
#undef X
_Static_assert(sizeof(struct tcpinfo) == 280, "size of tcp_info");

/* Bits of tcpinfo.options. */
#define TCPINFO_TS 1
#define TCPINFO_SACK 2
#define TCPINFO_WSCALE 4

#endif
