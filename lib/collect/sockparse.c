/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of inet_diag into records. 100,000 of them in a dump: the wanted range of tcp_info is copied in one piece,
 * what is known of it follows from its length by a mask, and only then the kernel's sentinels are taken out.
 */
#include "collect/sockparse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include "collect/cgroup.h"
#include "collect/door.h"
#include "collect/tcpinfo.h"
#include "core/util.h"
#include "model/strings.h"

#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define TCP_LISTEN 10

/* Bit fields fill a byte from its low end on little-endian targets, from its high end on others. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define BITFIELD(shift, bits) (8 - (shift) - (bits))
#else
#define BITFIELD(shift, bits) (shift)
#endif

/* Where a field lies in tcp_info; width 0: it does not come from there. */
struct info_place {
	uint16_t off;
	uint8_t width, shift, bits;
};

#define PLACE(m, shift, bits) { offsetof(struct tcpinfo, m), sizeof(((struct tcpinfo *)0)->m), shift, bits }
#define TI(m) PLACE(m, 0, 0)
/* `flags` is made of bit fields; `options` is a plain byte of bits, the same everywhere. */
#define TB(m, s, b) PLACE(m, (offsetof(struct tcpinfo, m) == offsetof(struct tcpinfo, flags) ? BITFIELD(s, b) : (s)), b)
#define TB_NIBBLE(m, n) PLACE(m, BITFIELD(4 * (n), 4), 4)
#define SRC_CODE { 0 }
#define SRC_DERIVED { 0 }
#define SRC_ITER { 0 }
#define SRC_SAMPLE { 0 }
#define SRC_PACKET { 0 }
#define SRC_DROPS { 0 }
#define SRC_SOJOURN { 0 }
static const struct info_place info_place[F_COUNT] = {
#define X(id, key, word, head, kind, unit, merge, width, scale, names, source, help) source,
	FLOW_FIELDS(X)
#undef X
};

/* Sets of fields as constants. */
#define IN(word, f) ((f) / 64 == (word) ? 1ULL << ((f) % 64) : 0)
#define SET1(w, a) IN(w, a)
#define SET2(w, a, b) (IN(w, a) | IN(w, b))
#define SET3(w, a, b, c) (IN(w, a) | IN(w, b) | IN(w, c))
#define NEVER_SET(w) SET3(w, F_LAST_SND, F_LAST_RCV, F_LAST_ACK)
#define OPENING_SET(w) (NEVER_SET(w) | SET3(w, F_TS, F_SACK, F_WSCALE) | SET1(w, F_ECN))
#define FIXED_SET(w) (SET3(w, F_PROTO, F_SRC, F_DST) | SET3(w, F_STATE, F_FORWARDED, F_INODE) | \
		      SET3(w, F_COOKIE, F_TIMER, F_RECV_Q) | SET3(w, F_SEND_Q, F_SPORT, F_DPORT) | \
		      SET2(w, F_ACCEPT_QUEUE, F_BACKLOG))

/* Times since something that never happened are times since the machine started; options are not negotiated yet. */
static const struct fieldset opening_unknown = { { OPENING_SET(0), OPENING_SET(1) } };
static const struct fieldset closed_unknown = { { NEVER_SET(0), NEVER_SET(1) } };
static const struct fieldset fixed_known = { { FIXED_SET(0), FIXED_SET(1) } };

static bool wants_any(const struct fieldset *want, uint64_t w0, uint64_t w1)
{
	return (want->w[0] & w0) || (want->w[1] & w1);
}

void sockdiag_layout(struct layout *l, const struct fieldset *want)
{
	unsigned f, from = sizeof(struct tcpinfo), to = 0, block;
	struct fieldset single = *want;

	for (f = 0; f < F_COUNT; f++) {
		const struct info_place *p = &info_place[f];

		if (!fieldset_has(want, f) || !p->width)
			continue;
		fieldset_del(&single, f);
		from = MIN(from, p->off);
		to = MAX(to, (unsigned)p->off + p->width);
	}
	layout_init(l, &flow_schema, &single, false);
	l->want = *want;
	if (from >= to)
		return;
	/* Whole words: see copy_words(). */
	from &= ~7u;
	block = layout_block(l, to - from);
	for (f = 0; f < F_COUNT; f++) {
		const struct info_place *p = &info_place[f];

		if (fieldset_has(want, f) && p->width)
			l->slot[f] = (struct slot){ .off = (uint16_t)(block + p->off - from), .width = p->width,
						    .shift = p->shift, .bits = p->bits };
	}
}

void sock_plan_init(struct sock_plan *p, const struct layout *l, unsigned proto)
{
	unsigned f, to = 0;
	const struct fieldset *want = &l->want;

	memset(p, 0, sizeof(*p));
	p->layout = l;
	p->proto = proto == SOCK_PROTO_TCP ? PROTO_TCP : proto == SOCK_PROTO_UDP ? PROTO_UDP : PROTO_RAW;
	p->from = sizeof(struct tcpinfo);
	for (f = 0; f < F_COUNT; f++) {
		const struct info_place *at = &info_place[f];

		if (!at->width || !l->slot[f].width)
			continue;
		if (at->off < p->from) {
			p->from = at->off;
			p->block = l->slot[f].off;
		}
		to = MAX(to, (unsigned)at->off + at->width);
	}
	if (to) {
		p->block -= p->from & 7;
		p->from &= ~7u;
		p->len = (uint16_t)((to - p->from + 7) & ~7u);
		p->ext |= p->proto == PROTO_TCP ? 1 << (INET_DIAG_INFO - 1) : 0;
	}
	for (f = 0; f < HAVE_WORDS; f++)
		p->fixed.w[f] = fixed_known.w[f] & want->w[f];
	if (p->proto == PROTO_RAW) {
		fieldset_del(&p->fixed, F_SPORT);
		fieldset_del(&p->fixed, F_DPORT);
	}
	if (fieldset_has(want, F_CONG) && p->proto == PROTO_TCP)
		p->ext |= 1 << (INET_DIAG_CONG - 1);
	if (wants_any(want, SET3(0, F_RMEM, F_RCVBUF, F_WMEM) | SET3(0, F_SNDBUF, F_SK_DROPS, F_SK_DROPS),
		      SET3(1, F_RMEM, F_RCVBUF, F_WMEM) | SET3(1, F_SNDBUF, F_SK_DROPS, F_SK_DROPS)))
		p->ext |= 1 << (INET_DIAG_SKMEMINFO - 1);
}

/* What a tcp_info of LEN bytes holds. */
static void learn_length(struct sock_plan *p, uint32_t len)
{
	unsigned f;

	p->info_len = len;
	p->info_known = p->info_supplied = (struct fieldset){ { 0 } };
	for (f = 0; f < F_COUNT; f++) {
		const struct info_place *at = &info_place[f];

		if (!at->width || (uint32_t)at->off + at->width > len)
			continue;
		fieldset_add(&p->info_supplied, f);
		if (p->layout->slot[f].width)
			fieldset_add(&p->info_known, f);
	}
}

#define GET(type, m) ({ type v_; memcpy(&v_, ti + offsetof(struct tcpinfo, m), sizeof(v_)); v_; })
#define UNKNOWN_IF(cond, f) (drop.w[(f) / 64] |= (uint64_t)!!(cond) << ((f) % 64))

/* Values by which the kernel says that it does not know. */
static struct fieldset sentinels(const uint8_t *ti)
{
	struct fieldset drop = { { 0 } };
	uint32_t rtt = GET(uint32_t, rtt), min_rtt = GET(uint32_t, min_rtt);
	bool no_wscale = !(ti[offsetof(struct tcpinfo, options)] & TCPINFO_WSCALE);

	UNKNOWN_IF(!rtt, F_RTT);
	UNKNOWN_IF(!rtt, F_RTTVAR);
	UNKNOWN_IF(!min_rtt || min_rtt == UINT32_MAX, F_MIN_RTT);
	UNKNOWN_IF(!GET(uint32_t, rcv_rtt), F_RCV_RTT);
	UNKNOWN_IF(GET(uint64_t, pacing_rate) == UINT64_MAX, F_PACING_RATE);
	UNKNOWN_IF(GET(uint64_t, max_pacing_rate) == UINT64_MAX, F_MAX_PACING_RATE);
	UNKNOWN_IF(!GET(uint64_t, delivery_rate), F_DELIVERY_RATE);
	UNKNOWN_IF(GET(uint32_t, snd_ssthresh) >= INT32_MAX, F_SSTHRESH);
	UNKNOWN_IF(!GET(uint32_t, ato), F_ATO);
	UNKNOWN_IF(!GET(uint32_t, pmtu), F_PMTU);
	UNKNOWN_IF(!GET(uint32_t, fackets), F_FACKETS); /* always, since 4.15 */
	UNKNOWN_IF(no_wscale, F_SND_WSCALE);
	UNKNOWN_IF(no_wscale, F_RCV_WSCALE);
	return drop;
}

/*
 * N bytes, a multiple of 8. Some 200 of them for every socket, where the start of musl's memcpy takes as long as all
 * the rest of a message; the barriers keep the compiler from calling it nevertheless.
 */
static void copy_words(uint8_t *to, const uint8_t *from, unsigned n)
{
	uint64_t a, b;

	for (; n >= 16; n -= 16, to += 16, from += 16) {
		memcpy(&a, from, 8);
		memcpy(&b, from + 8, 8);
		memcpy(to, &a, 8);
		memcpy(to + 8, &b, 8);
		__asm__ volatile("" ::: "memory");
	}
	if (n)
		memcpy(to, from, 8);
}

static void parse_info(struct sock_plan *p, const uint8_t *ti, uint32_t len, unsigned state, uint8_t *rec)
{
	struct fieldset *have = rec_have(rec), drop;
	uint8_t whole[sizeof(struct tcpinfo)];
	unsigned w;

	if (!p->len)
		return;
	if (len != p->info_len)
		learn_length(p, len);
	if (len < sizeof(whole)) {
		memcpy(whole, ti, len);
		memset(whole + len, 0, sizeof(whole) - len);
		ti = whole;
	}
	copy_words(rec + p->block, ti + p->from, p->len);
	drop = sentinels(ti);
	for (w = 0; w < HAVE_WORDS; w++) {
		uint64_t known = p->info_known.w[w] & ~drop.w[w];

		if (unlikely(state == TCP_LISTEN)) /* zero, or with another meaning */
			known = 0;
		else if (unlikely(state == TCP_SYN_SENT))
			known &= ~opening_unknown.w[w];
		else if (unlikely(state == TCP_CLOSE))
			known &= ~closed_unknown.w[w];
		have->w[w] |= known;
		p->supplied.w[w] |= p->info_supplied.w[w];
	}
}

static void parse_cong(struct sock_plan *p, const struct nlattr *attr, void *rec)
{
	const char *s = mnl_attr_get_str(attr);
	size_t len = strnlen(s, mnl_attr_get_payload_len(attr));
	unsigned i;

	if (!len || len >= CONG_NAME)
		return;
	i = ((unsigned char)s[0] ^ len) % CONG_CACHE;
	if (memcmp(p->cong[i].name, s, len) || p->cong[i].name[len]) {
		memcpy(p->cong[i].name, s, len);
		p->cong[i].name[len] = 0;
		p->cong[i].id = strings_add(s, len);
	}
	rec_set(p->layout, rec, F_CONG, p->cong[i].id);
}

static void parse_meminfo(const struct layout *l, const struct nlattr *attr, void *rec)
{
	static const struct {
		uint8_t field, index;
	} mem[] = {
		{ F_RMEM, SK_MEMINFO_RMEM_ALLOC }, { F_RCVBUF, SK_MEMINFO_RCVBUF }, { F_WMEM, SK_MEMINFO_WMEM_ALLOC },
		{ F_SNDBUF, SK_MEMINFO_SNDBUF }, { F_SK_DROPS, SK_MEMINFO_DROPS },
	};
	const uint8_t *p = mnl_attr_get_payload(attr);
	unsigned i, n = mnl_attr_get_payload_len(attr) / 4;
	uint32_t v;

	for (i = 0; i < ARRAY_SIZE(mem); i++) {
		if (mem[i].index >= n)
			continue;
		memcpy(&v, p + 4 * mem[i].index, 4);
		rec_set(l, rec, mem[i].field, v);
	}
}

static void parse_cgroup(struct sock_plan *p, uint64_t id, void *rec)
{
	if (!IS_ENABLED(CONFIG_CGROUP) || !p->layout->slot[F_CGROUP].width)
		return;
	if (id != p->cgroup_id) {
		p->cgroup_id = id;
		p->cgroup = cgroup_path(id);
	}
	if (p->cgroup)
		rec_set(p->layout, rec, F_CGROUP, p->cgroup);
}

static void parse_dev(struct sock_plan *p, uint32_t ifindex, void *rec)
{
	char name[16];

	if (!p->layout->slot[F_DEV].width)
		return;
	if (ifindex != p->ifindex) {
		p->ifindex = ifindex;
		p->dev = door_if_name(ifindex, name) ? 0 : strings_add(name, strlen(name));
	}
	if (p->dev)
		rec_set(p->layout, rec, F_DEV, p->dev);
}

static inline void put1(const struct layout *l, uint8_t *rec, unsigned f, uint8_t v)
{
	if (l->slot[f].width)
		rec[l->slot[f].off] = v;
}

static inline void put2(const struct layout *l, uint8_t *rec, unsigned f, uint16_t v)
{
	if (l->slot[f].width)
		memcpy(rec + l->slot[f].off, &v, 2);
}

static inline void put4(const struct layout *l, uint8_t *rec, unsigned f, uint32_t v)
{
	if (l->slot[f].width)
		memcpy(rec + l->slot[f].off, &v, 4);
}

static inline void put_addr(const struct layout *l, uint8_t *rec, unsigned f, const void *addr, bool v6)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t *p = rec + l->slot[f].off;

	if (!l->slot[f].width)
		return;
	if (v6) {
		copy_words(p, addr, 16);
	} else {
		memcpy(p, mapped, 8);
		memcpy(p + 8, mapped + 8, 4);
		memcpy(p + 12, addr, 4);
	}
}

/* What the head of every message tells; p->fixed says what is known thereby. */
static void parse_head(struct sock_plan *p, const struct inet_diag_msg *m, uint8_t *rec)
{
	const struct layout *l = p->layout;
	uint64_t cookie = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	bool v6 = m->idiag_family == AF_INET6, listens = m->idiag_state == TCP_LISTEN;

	put_addr(l, rec, F_SRC, m->id.idiag_src, v6);
	put_addr(l, rec, F_DST, m->id.idiag_dst, v6);
	put2(l, rec, F_SPORT, ntohs(m->id.idiag_sport));
	put2(l, rec, F_DPORT, ntohs(m->id.idiag_dport));
	put1(l, rec, F_PROTO, p->proto);
	put1(l, rec, F_STATE, m->idiag_state);
	put1(l, rec, F_FORWARDED, 0);
	put1(l, rec, F_TIMER, MIN(m->idiag_timer, 5));
	put4(l, rec, F_INODE, m->idiag_inode);
	/* A listening socket counts connections where others count bytes. */
	put4(l, rec, listens ? F_ACCEPT_QUEUE : F_RECV_Q, m->idiag_rqueue);
	put4(l, rec, listens ? F_BACKLOG : F_SEND_Q, m->idiag_wqueue);
	if (l->slot[F_COOKIE].width)
		memcpy(rec + l->slot[F_COOKIE].off, &cookie, 8);
	*rec_have(rec) = p->fixed;
	fieldset_del(rec_have(rec), listens ? F_RECV_Q : F_ACCEPT_QUEUE);
	fieldset_del(rec_have(rec), listens ? F_SEND_Q : F_BACKLOG);
	if (m->idiag_timer)
		rec_set(l, rec, F_TIMER_EXPIRES, m->idiag_expires);
	if (m->id.idiag_if)
		parse_dev(p, m->id.idiag_if, rec);
}

int sock_plan_parse(struct sock_plan *p, const void *msg, size_t len, void *rec)
{
	const struct layout *l = p->layout;
	const struct inet_diag_msg *m = msg;
	const uint8_t *attrs = (const uint8_t *)msg + MNL_ALIGN(sizeof(*m));
	const struct nlattr *attr;
	bool whole = false;
	unsigned w;

	if (len < sizeof(*m) || len > INT32_MAX)
		return -EBADMSG;
	if ((m->idiag_family != AF_INET && m->idiag_family != AF_INET6) || !m->idiag_state || m->idiag_state > 12)
		return -EBADMSG;
	parse_head(p, m, rec);
	mnl_attr_for_each_payload((void *)attrs, (int)(len - sizeof(*m))) {
		unsigned n = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case INET_DIAG_INFO:
			if (p->proto == PROTO_TCP)
				parse_info(p, mnl_attr_get_payload(attr), n, m->idiag_state, rec);
			break;
		case INET_DIAG_CONG:
			parse_cong(p, attr, rec);
			break;
		case INET_DIAG_SKMEMINFO:
			parse_meminfo(l, attr, rec);
			break;
		case INET_DIAG_SHUTDOWN:
			whole = true;
			break;
		case INET_DIAG_MARK:
			if (n >= 4)
				rec_set(l, rec, F_MARK, mnl_attr_get_u32(attr));
			break;
		case INET_DIAG_CGROUP_ID:
			if (n >= 8)
				parse_cgroup(p, mnl_attr_get_u64(attr), rec);
			break;
		}
	}
	/*
	 * Only a whole socket has this attribute; of a time-wait or a half-open one the kernel knows no user and says
	 * 0.
	 */
	if (whole)
		rec_set(l, rec, F_UID, m->idiag_uid);
	for (w = 0; w < HAVE_WORDS; w++)
		p->supplied.w[w] |= rec_have(rec)->w[w];
	return 0;
}

int sockdiag_parse(const struct layout *l, unsigned proto, const void *msg, size_t len, void *rec)
{
	struct sock_plan p;

	sock_plan_init(&p, l, proto);
	return sock_plan_parse(&p, msg, len, rec);
}
