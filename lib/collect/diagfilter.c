/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters into bytecode of inet_diag. Each node is compiled in one of two senses: everything that may make it true, or
 * everything that may make it false (below a `not`). Both are supersets, so three-valued logic needs no exact leaves.
 *
 * In the bytecode a comparison goes on with the next instruction when it holds and jumps forward when it does not; a
 * jump to the end accepts, a jump to 4 bytes behind the end refuses. The kernel checks that targets are instructions.
 */
#include "collect/diagfilter.h"

#include <linux/inet_diag.h>
#include <sys/socket.h>

#include "core/util.h"
#include "model/flow.h"

#define STATES_ALL 0x1ffeu
#define OP_SIZE 4u
#define LEAF_MAX (OP_SIZE + 8 + 16)

/* What is known of a node's answer before any socket is seen. */
enum verdict { NONE, SOME, ALL };

struct leaf {
	enum verdict verdict;
	bool inverted;   /* SOME: the code asks the opposite */
	uint8_t len;     /* bytes of code, its own jump not yet filled in */
	uint8_t code[LEAF_MAX];
};

/* A node in one sense. */
struct node_info {
	uint8_t verdict;
	uint16_t size;   /* SOME: bytes of code */
	uint32_t states; /* in which it can hold */
};

struct compiler {
	const struct filter *f;
	const struct diag_dump *d;
	struct diag_code *out;
	struct node_info info[FILTER_NODES][2]; /* by node and sense */
};

static bool compare(const struct filter_node *n, uint64_t v)
{
	switch (n->cmp) {
	case FC_LT: return v < n->num;
	case FC_LE: return v <= n->num;
	case FC_GT: return v > n->num;
	case FC_GE: return v >= n->num;
	case FC_NE: return (v & n->mask) != n->num;
	default: return (v & n->mask) == n->num;
	}
}

static void leaf_op(struct leaf *l, unsigned code, const void *arg, unsigned arglen)
{
	struct inet_diag_bc_op op = { .code = (uint8_t)code, .yes = (uint8_t)(sizeof(op) + arglen) };

	l->verdict = SOME;
	l->len = op.yes;
	memcpy(l->code, &op, sizeof(op));
	memcpy(l->code + sizeof(op), arg, arglen);
}

static void leaf_port_bound(struct leaf *l, unsigned code, uint16_t port)
{
	struct inet_diag_bc_op arg = { .no = port };

	leaf_op(l, code, &arg, sizeof(arg));
}

static void leaf_port(struct leaf *l, const struct filter_node *n, bool src)
{
	struct inet_diag_hostcond equal = { .family = AF_UNSPEC, .port = (int)n->num };
	bool at_least = n->cmp == FC_GE || n->cmp == FC_GT;
	/* "> n" is "not <= n" and "< n" is "not >= n": no bound has to be moved by one. */
	bool strict = n->cmp == FC_GT || n->cmp == FC_LT;

	if (n->mask != ~0ULL || n->num > UINT16_MAX)
		return;
	if (n->cmp == FC_EQ || n->cmp == FC_NE) {
		leaf_op(l, src ? INET_DIAG_BC_S_COND : INET_DIAG_BC_D_COND, &equal, sizeof(equal));
		l->inverted = n->cmp == FC_NE;
		return;
	}
	if (at_least != strict)
		leaf_port_bound(l, src ? INET_DIAG_BC_S_GE : INET_DIAG_BC_D_GE, (uint16_t)n->num);
	else
		leaf_port_bound(l, src ? INET_DIAG_BC_S_LE : INET_DIAG_BC_D_LE, (uint16_t)n->num);
	l->inverted = strict;
}

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

/* Whether the bits of an IPv6 prefix would cover mapped addresses. */
static bool covers_v4(const struct filter_node *n)
{
	unsigned bytes = n->plen / 8, bits = n->plen % 8;

	return n->plen < 96 && !memcmp(n->addr, v4_prefix, bytes) &&
	       (!bits || !((n->addr[bytes] ^ v4_prefix[bytes]) >> (8 - bits)));
}

static void leaf_addr(struct leaf *l, const struct filter_node *n, bool src, bool v6)
{
	bool v4 = n->plen >= 96 && !memcmp(n->addr, v4_prefix, sizeof(v4_prefix));
	struct inet_diag_hostcond *h;
	uint8_t arg[sizeof(*h) + 16] = { 0 };

	l->inverted = n->cmp == FC_NE;
	/* A prefix of IPv6 holds no IPv4 address, even where its bits would. */
	if (!v6 && (!v4 || n->plen == 96)) {
		l->verdict = v4 != l->inverted ? ALL : NONE;
		return;
	}
	h = (struct inet_diag_hostcond *)arg;
	h->port = -1;
	/* The kernel takes an IPv4 condition for mapped addresses too. */
	h->family = v4 ? AF_INET : AF_INET6;
	h->prefix_len = v4 ? n->plen - 96 : n->plen;
	memcpy(h->addr, v4 ? n->addr + 12 : n->addr, v4 ? 4 : 16);
	leaf_op(l, src ? INET_DIAG_BC_S_COND : INET_DIAG_BC_D_COND, arg, sizeof(*h) + (v4 ? 4 : 16));
}

static void leaf_dev(struct leaf *l, const struct filter_node *n, const struct diag_dump *d)
{
	uint32_t ifindex;

	if (n->cmp != FC_EQ && n->cmp != FC_NE)
		return;
	if (!n->text[0] || strpbrk(n->text, "*?") || !(ifindex = d->ifindex(n->text)))
		return;
	leaf_op(l, INET_DIAG_BC_DEV_COND, &ifindex, sizeof(ifindex));
	l->inverted = n->cmp == FC_NE;
}

static void leaf_mark(struct leaf *l, const struct filter_node *n)
{
	struct inet_diag_markcond arg = { .mark = (uint32_t)n->num, .mask = (uint32_t)n->mask };

	if ((n->cmp != FC_EQ && n->cmp != FC_NE) || n->num > UINT32_MAX || n->num & ~n->mask)
		return;
	leaf_op(l, INET_DIAG_BC_MARK_COND, &arg, sizeof(arg));
	l->inverted = n->cmp == FC_NE;
}

static void leaf_cgroup(struct leaf *l, const struct filter_node *n, const struct diag_dump *d)
{
	uint64_t id;

	if ((n->cmp != FC_EQ && n->cmp != FC_NE) || n->text[0] != '/' || strpbrk(n->text, "*?"))
		return;
	if (!d->cgroup || !(id = d->cgroup(n->text)))
		return;
	leaf_op(l, INET_DIAG_BC_CGROUP_COND, &id, sizeof(id));
	l->inverted = n->cmp == FC_NE;
}

static enum verdict certain(bool yes)
{
	return yes ? ALL : NONE;
}

/* A comparison as the kernel makes it; verdict ALL where it cannot. */
static void leaf_compare(const struct compiler *c, const struct filter_node *n, bool false_sense, struct leaf *l)
{
	const struct diag_dump *d = c->d;
	bool src = n->field == F_SRC || n->field == F_SPORT;

	switch (n->field) {
	case F_PROTO:
		l->verdict = certain(compare(n, d->proto) != false_sense);
		return;
	case F_FORWARDED:
		l->verdict = certain(compare(n, 0) != false_sense);
		return;
	case F_SPORT:
	case F_DPORT:
		/* A raw socket has none: the comparison is neither true nor false. */
		if (d->proto == PROTO_RAW) {
			l->verdict = NONE;
			return;
		}
		leaf_port(l, n, src);
		break;
	case F_SRC:
	case F_DST:
		/*
		 * To us a mapped address is outside of such a prefix, to the kernel inside: "outside" is for us to
		 * tell.
		 */
		if (d->v6 && covers_v4(n) && false_sense == (n->cmp == FC_EQ))
			return;
		leaf_addr(l, n, src, d->v6);
		if (l->verdict != SOME) {
			l->verdict = certain((l->verdict == ALL) != false_sense);
			return;
		}
		break;
	case F_DEV:
		leaf_dev(l, n, d);
		break;
	case F_MARK:
		if (!d->plain)
			leaf_mark(l, n);
		break;
	case F_CGROUP:
		if (!d->plain)
			leaf_cgroup(l, n, d);
		break;
	}
	l->inverted ^= false_sense;
}

static void leaf_compile(const struct compiler *c, const struct filter_node *n, bool false_sense, struct leaf *l)
{
	bool port = n->field == F_SPORT || n->field == F_DPORT;

	memset(l, 0, sizeof(*l));
	l->verdict = ALL;
	if (n->op == FO_CMP)
		leaf_compare(c, n, false_sense, l);
	else if (n->field == F_SRC || n->field == F_DST || (port && c->d->proto != PROTO_RAW))
		l->verdict = certain(!false_sense); /* these are always known */
	else if (port)
		l->verdict = certain(false_sense);
}

/* `and` in this sense; below a `not` the two change places. */
static bool is_both(const struct filter_node *n, bool false_sense)
{
	return (n->op == FO_AND) != false_sense;
}

static void analyse_leaf(const struct compiler *c, const struct filter_node *n, bool fs, struct node_info *i)
{
	struct leaf l;
	unsigned s;

	leaf_compile(c, n, fs, &l);
	i->verdict = (uint8_t)l.verdict;
	i->size = l.verdict == SOME ? (uint16_t)(l.len + l.inverted * OP_SIZE) : 0;
	i->states = l.verdict == NONE ? 0 : STATES_ALL;
	if (n->op != FO_CMP || n->field != F_STATE)
		return;
	for (s = 1, i->states = 0; s <= 12; s++)
		i->states |= (uint32_t)(compare(n, s) != fs) << s;
}

/* Fills c->info of the node and of all below it. */
static const struct node_info *analyse(struct compiler *c, unsigned at, bool fs)
{
	const struct filter_node *n = &c->f->node[at];
	struct node_info *i = &c->info[at][fs];
	const struct node_info *a, *b;

	if (n->op == FO_NOT) {
		*i = *analyse(c, n->left, !fs);
		return i;
	}
	if (n->op != FO_AND && n->op != FO_OR) {
		analyse_leaf(c, n, fs, i);
		return i;
	}
	a = analyse(c, n->left, fs);
	b = analyse(c, n->right, fs);
	i->size = (uint16_t)(a->size + b->size);
	if (is_both(n, fs)) {
		i->verdict = MIN(a->verdict, b->verdict);
		i->states = a->states & b->states;
	} else {
		i->verdict = MAX(a->verdict, b->verdict);
		i->states = a->states | b->states;
		if (a->verdict == SOME && b->verdict == SOME)
			i->size = (uint16_t)(i->size + OP_SIZE);
	}
	if (i->verdict != SOME)
		i->size = 0;
	return i;
}

static void put_jump(struct compiler *c, unsigned at, unsigned to)
{
	struct inet_diag_bc_op op = { .code = INET_DIAG_BC_JMP, .yes = OP_SIZE, .no = (uint16_t)(to - at) };

	memcpy(c->out->code + at, &op, sizeof(op));
}

static void emit_leaf(struct compiler *c, const struct leaf *l, unsigned at, unsigned refuse)
{
	uint16_t no = (uint16_t)(l->inverted ? l->len + OP_SIZE : refuse - at);

	memcpy(c->out->code + at, l->code, l->len);
	memcpy(c->out->code + at + offsetof(struct inet_diag_bc_op, no), &no, sizeof(no));
	if (l->inverted)
		put_jump(c, at + l->len, refuse);
	if (l->code[0] == INET_DIAG_BC_MARK_COND || l->code[0] == INET_DIAG_BC_CGROUP_COND)
		c->out->special = true;
}

/* Code of a node whose verdict is SOME, at AT: falls through when it holds, goes to REFUSE when not. */
static void emit(struct compiler *c, unsigned at, bool fs, unsigned pos, unsigned refuse)
{
	const struct filter_node *n = &c->f->node[at];
	const struct node_info *a = &c->info[n->left][fs], *b = &c->info[n->right][fs];
	struct leaf l;

	if (n->op == FO_NOT) {
		emit(c, n->left, !fs, pos, refuse);
	} else if (n->op != FO_AND && n->op != FO_OR) {
		leaf_compile(c, n, fs, &l);
		emit_leaf(c, &l, pos, refuse);
	} else if (a->verdict != SOME || b->verdict != SOME) {
		emit(c, a->verdict == SOME ? n->left : n->right, fs, pos, refuse);
	} else if (is_both(n, fs)) {
		emit(c, n->left, fs, pos, refuse);
		emit(c, n->right, fs, pos + a->size, refuse);
	} else {
		emit(c, n->left, fs, pos, pos + a->size + OP_SIZE);
		put_jump(c, pos + a->size, pos + a->size + OP_SIZE + b->size);
		emit(c, n->right, fs, pos + a->size + OP_SIZE, refuse);
	}
}

void diagfilter_compile(struct diag_code *out, const struct filter *f, const struct diag_dump *d)
{
	struct compiler c = { .f = f, .d = d, .out = out };
	const struct node_info *i;

	out->nothing = out->special = false;
	out->states = STATES_ALL;
	out->len = 0;
	if (!f || !f->n)
		return;
	i = analyse(&c, f->root, false);
	out->states = i->states;
	out->nothing = i->verdict == NONE || !i->states;
	if (i->verdict != SOME || out->nothing || i->size > DIAG_CODE_MAX)
		return;
	emit(&c, f->root, false, 0, i->size + OP_SIZE);
	out->len = i->size;
}
