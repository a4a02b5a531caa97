/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schema of flows. One field, one line: X(ID, key, word, HEAD, KIND, UNIT, MERGE, width, scale, names, source, help).
 *
 * `source` is read only by the collector of sockets (collect/sockdiag.c): TI(member) copies that member of struct
 * tcp_info, TB(member, byte offset, shift, bits) a bit field after that member, ID_(…) and `0` leave it to code.
 */
#ifndef FLEUTAN_FLOW_H
#define FLEUTAN_FLOW_H

#include "model/field.h"
#include "model/flow_fields.h"

enum flow_field {
#define X(id, ...) F_##id,
	FLOW_FIELDS(X)
#undef X
	F_COUNT
};

extern const struct schema flow_schema;
extern const char *const proto_names[]; /* indexed by enum flow_proto */
extern const char *const state_names[]; /* indexed by the kernel's TCP state number, 1 = established … 12 = new-syn-recv */

/* indexed by the kernel's TCP_CA_*, by enum flow_limit, and by idiag_timer */
extern const char *const ca_state_names[], *const limit_names[], *const timer_names[];
extern const char *const dir_names[]; /* indexed by enum flow_dir */

enum flow_dir { FLOW_RX, FLOW_TX };

enum flow_limit { FLOW_LIMIT_NONE, FLOW_LIMIT_APP, FLOW_LIMIT_CWND, FLOW_LIMIT_RWND, FLOW_LIMIT_SNDBUF };
/* The kernel's number of the state that ended flows are shown in. */
#define FLOW_STATE_CLOSED 7

enum flow_proto {
	PROTO_OTHER, PROTO_TCP, PROTO_UDP, PROTO_RAW, PROTO_ICMP, PROTO_SCTP, PROTO_GRE, PROTO_ESP, PROTO_IPIP, PROTO_IGMP,
};

/*
 * Identity of a flow, the same bytes on every target and in BPF: no padding, network byte order for addresses,
 * host byte order for ports.
 */
struct flow_key {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint32_t ifindex; /* scope of link-local addresses and VRF; 0: none */
	uint8_t proto;    /* IPPROTO_* */
	uint8_t pad[3];   /* zero */
	uint32_t netns;   /* inode of the network namespace; 0: the caller's */
};

/*
 * SRC_DERIVED fields: flow_derive_wants() adds to WANT the fields that the derived ones in WANT are computed from;
 * flow_derive() computes those that the layout holds. A derived value is unknown when one of its terms is.
 */
void flow_derive_wants(struct fieldset *want);
void flow_derive(const struct layout *l, void *rec);

/* How a source supplies a field: what the collectors and the report of missing fields go by. */
enum flow_source {
	FLOW_SRC_TCPINFO, FLOW_SRC_CODE, FLOW_SRC_DERIVED, FLOW_SRC_ITER, FLOW_SRC_SAMPLE, FLOW_SRC_PACKET, FLOW_SRC_DROPS, FLOW_SRC_SOJOURN,
};
enum flow_source flow_field_source(unsigned field);

#endif
