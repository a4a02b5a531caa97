// SPDX-License-Identifier: GPL-2.0-or-later
/* The schema of flows, and the fields that are computed from others. */
#include "model/flow.h"

#include "core/util.h"

/* By enum flow_proto. */
const char *const proto_names[] = { "other", "tcp", "udp", "raw", "icmp", "sctp", "gre", "esp", "ipip", "igmp", NULL };

/* By the kernel's number of the state. */
const char *const state_names[] = {
	"unknown", "established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait",
	"closed", "close-wait", "last-ack", "listen", "closing", "new-syn-recv", NULL
};

/* By the kernel's TCP_CA_*. */
const char *const ca_state_names[] = { "open", "disorder", "cwr", "recovery", "loss", NULL };

/* By enum flow_limit. */
const char *const limit_names[] = { "none", "app", "cwnd", "rwnd", "sndbuf", NULL };

const char *const dir_names[] = { "rx", "tx", NULL };

/* By idiag_timer: retransmission (also loss probe and reordering), keepalive, TIME-WAIT, zero-window probe. */
const char *const timer_names[] = { "off", "on", "keepalive", "timewait", "persist", "unknown", NULL };

#if FIELD_HAS_HELP
#define HELP_OF(help) help,
#else
#define HELP_OF(help)
#endif

static const struct field flow_field[] = {
#define X(id, key, word, head, kind, unit, merge, width, scale, names, source, help) \
	{ key, word, head, HELP_OF(help) names, scale, FK_##kind, FU_##unit, FM_##merge, width },
	FLOW_FIELDS(X)
#undef X
};

_Static_assert(F_COUNT <= SCHEMA_FIELDS_MAX, "more fields than a fieldset has bits");

const struct schema flow_schema = { "flow", flow_field, F_COUNT };

#define TI(member) FLOW_SRC_TCPINFO
#define TB(member, shift, bits) FLOW_SRC_TCPINFO
#define TB_NIBBLE(member, n) FLOW_SRC_TCPINFO
#define SRC_CODE FLOW_SRC_CODE
#define SRC_DERIVED FLOW_SRC_DERIVED
#define SRC_ITER FLOW_SRC_ITER
#define SRC_SAMPLE FLOW_SRC_SAMPLE
#define SRC_PACKET FLOW_SRC_PACKET
#define SRC_DROPS FLOW_SRC_DROPS
#define SRC_SOJOURN FLOW_SRC_SOJOURN

static const uint8_t field_source[] = {
#define X(id, key, word, head, kind, unit, merge, width, scale, names, source, help) source,
	FLOW_FIELDS(X)
#undef X
};

enum flow_source flow_field_source(unsigned field)
{
	return (enum flow_source)field_source[field];
}

/* Which fields each derived one is computed from. */
#define TERMS_MAX 6
static const struct derived {
	uint8_t field, nterm, term[TERMS_MAX];
} derived[] = {
	{ F_QUEUEING, 2, { F_RTT, F_MIN_RTT } },
	{ F_SEND_RATE, 3, { F_CWND, F_MSS, F_RTT } },
	{ F_BDP, 2, { F_DELIVERY_RATE, F_MIN_RTT } },
	{ F_CWND_BYTES, 2, { F_CWND, F_MSS } },
	{ F_LIMITED_BY, 6, { F_BUSY, F_RWND_LIMITED, F_SNDBUF_LIMITED, F_APP_LIMITED, F_CWND, F_UNACKED } },
};

void flow_derive_wants(struct fieldset *want)
{
	for (size_t i = 0; i < ARRAY_SIZE(derived); i++)
		for (unsigned t = 0; fieldset_has(want, derived[i].field) && t < derived[i].nterm; t++)
			fieldset_add(want, derived[i].term[t]);
}

/* a × b / c in 128 bits by hand (32-bit compilers have no __int128); UINT64_MAX when it does not fit. C is not 0. */
static uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
	uint64_t low = al * bl, mid = ah * bl + (low >> 32), mid2 = al * bh + (uint32_t)mid;
	uint64_t hi = ah * bh + (mid >> 32) + (mid2 >> 32), lo = mid2 << 32 | (uint32_t)low;

	if (likely(!hi))
		return lo / c;
	if (hi >= c)
		return UINT64_MAX;
	/* Long division, a bit at a time: hi stays below c, and the bit shifted out of it is worth 2^64. */
	for (int i = 0; i < 64; i++) {
		bool carry = hi >> 63;

		hi = hi << 1 | lo >> 63;
		lo <<= 1;
		if (carry || hi >= c) {
			hi -= c;
			lo |= 1;
		}
	}
	return lo;
}

/*
 * What held the sender back most of the time it had data to send: the peer's window or the send buffer when that was
 * more than half of the time, else the application when it offers too little now, else the congestion window when it is
 * full now.
 */
static enum flow_limit limited_by(const uint64_t t[TERMS_MAX])
{
	uint64_t busy = t[0], rwnd = t[1], sndbuf = t[2], app_limited = t[3], cwnd = t[4], unacked = t[5];

	if (rwnd > busy / 2)
		return FLOW_LIMIT_RWND;
	if (sndbuf > busy / 2)
		return FLOW_LIMIT_SNDBUF;
	if (app_limited)
		return FLOW_LIMIT_APP;
	return busy && unacked >= cwnd ? FLOW_LIMIT_CWND : FLOW_LIMIT_NONE;
}

/* The value of a derived field from its terms, all known and in base units; false: it has none. */
static bool derive(unsigned field, const uint64_t t[TERMS_MAX], uint64_t *v)
{
	switch (field) {
	case F_QUEUEING:
		*v = t[0] > t[1] ? t[0] - t[1] : 0;
		return true;
	case F_SEND_RATE:
		if (!t[2])
			return false;
		*v = mul_div(t[0] * t[1], NSEC_PER_SEC, t[2]);
		return true;
	case F_BDP:
		*v = mul_div(t[0], t[1], NSEC_PER_SEC);
		return true;
	case F_CWND_BYTES:
		*v = t[0] * t[1]; /* both 32 bits wide */
		return true;
	default:
		*v = limited_by(t);
		return true;
	}
}

void flow_derive(const struct layout *l, void *rec)
{
	for (size_t i = 0; i < ARRAY_SIZE(derived); i++) {
		const struct derived *d = &derived[i];
		uint64_t t[TERMS_MAX] = { 0 }, v;
		unsigned n = 0;

		if (!l->slot[d->field].width)
			continue;
		while (n < d->nterm && rec_get(l, rec, d->term[n], &t[n]))
			n++;
		if (n == d->nterm && derive(d->field, t, &v))
			rec_set(l, rec, d->field, v);
	}
}
