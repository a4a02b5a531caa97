// SPDX-License-Identifier: GPL-2.0-or-later
/* The ends of flows in filter expressions, as ss and tcpdump write them: see filter_tree.h. */
#include "model/filter_tree.h"

#include "core/util.h"

const char *const ends_words[] = { "host", "net", "port", "portrange", NULL }; /* by enum what */

/* What one end of a flow is compared with. */
struct cond {
	enum what what;
	enum filter_cmp cmp;
	struct value_addr a;
	uint64_t lo, hi;
};

static int end_address(struct parser *p, const struct tok *at, const struct value_addr *a, int addr, int port)
{
	int x = NO_NODE;

	if (!a->any)
		x = node_addr(p, addr, a);
	else if (!a->has_port && !a->dev)
		x = node_leaf(p, FO_KNOWN, FC_EQ, addr);
	if (a->has_port)
		x = node_also(p, x, node_num(p, FC_EQ, port, a->port));
	if (a->dev) {
		int dev = schema_find(p->s, "dev", 3);

		x = node_also(p, x, dev < 0 ? lex_complain(&p->lex, at, value_addr_expected, NULL) :
			 node_text(p, at, dev, a->dev, a->dev_len));
	}
	return x;
}

static int one_end(struct parser *p, const struct tok *at, const struct cond *c, unsigned side)
{
	int addr = side == SIDE_SRC ? p->src : p->dst, port = side == SIDE_SRC ? p->sport : p->dport;

	switch (c->what) {
	case W_PORT:
		return node_num(p, c->cmp, port, c->lo);
	case W_PORTRANGE:
		return node_also(p, node_num(p, FC_GE, port, c->lo), node_num(p, FC_LE, port, c->hi));
	default:
		return end_address(p, at, &c->a, addr, port);
	}
}

int ends_value(struct parser *p, const struct ends *q, enum filter_cmp cmp)
{
	struct tok t = p->lex.cur;
	/* "Not equal" is said of the whole: neither end is it. */
	struct cond c = { .what = q->what, .cmp = cmp == FC_NE ? FC_EQ : cmp };
	const char *wrong;
	int x;

	if (q->what == W_PORT)
		wrong = value_port(t.p, t.len, &c.lo);
	else if (q->what == W_PORTRANGE)
		wrong = value_port_range(t.p, t.len, &c.lo, &c.hi);
	else
		wrong = value_addr(t.p, t.len, q->what == W_NET, &c.a);
	if (wrong)
		return lex_complain(&p->lex, &t, wrong, NULL);
	lex_next(&p->lex);
	p->last = *q;
	if (q->sides == (SIDE_SRC | SIDE_DST)) {
		x = one_end(p, &t, &c, SIDE_SRC);
		x = x < 0 ? x : node_join(p, q->all ? FO_AND : FO_OR, x, one_end(p, &t, &c, SIDE_DST));
	} else {
		x = one_end(p, &t, &c, q->sides);
	}
	return cmp == FC_NE ? node_negate(p, x) : x;
}

/* "(80 or 443)" behind `port`. */
static int ends_list(struct parser *p, const struct ends *q)
{
	int x;

	lex_next(&p->lex);
	x = ends_value(p, q, FC_EQ);
	while (x >= 0 && p->lex.cur.kind == T_OR) {
		lex_next(&p->lex);
		x = node_join(p, FO_OR, x, ends_value(p, q, FC_EQ));
	}
	if (x >= 0 && p->lex.cur.kind != T_RPAR)
		return lex_complain(&p->lex, &p->lex.cur, "expected 'or' or ')'", NULL);
	lex_next(&p->lex);
	return x;
}

int ends_parse(struct parser *p, const struct ends *q)
{
	bool port = q->what == W_PORT;
	struct tok op;

	if (!lex_cmp(&p->lex, &op)) {
		if (p->lex.cur.kind == T_LPAR)
			return ends_list(p, q);
		if (q->field && !parse_at_word(p)) {
			bool src = q->sides == SIDE_SRC;

			if (port)
				return node_leaf(p, FO_KNOWN, FC_EQ, src ? p->sport : p->dport);
			return node_leaf(p, FO_KNOWN, FC_EQ, src ? p->src : p->dst);
		}
	}
	if (!port && op.cmp != FC_EQ && op.cmp != FC_NE)
		return lex_complain(&p->lex, &op, equality_expected, NULL);
	return ends_value(p, q, op.cmp);
}

/* The word of a field that is one end, or half of one. */
static bool field_of_end(const struct tok *t, struct ends *q)
{
	static const struct {
		char word[6];
		struct ends q;
	} field[] = {
		{ "src", { SIDE_SRC, W_HOST, false, true } }, { "dst", { SIDE_DST, W_HOST, false, true } },
		{ "sport", { SIDE_SRC, W_PORT, false, true } }, { "dport", { SIDE_DST, W_PORT, false, true } },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(field); i++) {
		if (tok_is(t, field[i].word)) {
			*q = field[i].q;
			return true;
		}
	}
	return false;
}

static bool take_what(struct parser *p, struct ends *q)
{
	for (unsigned i = 0; ends_words[i]; i++) {
		if (tok_is(&p->lex.cur, ends_words[i])) {
			lex_next(&p->lex);
			q->what = (uint8_t)i;
			q->field = false;
			return true;
		}
	}
	return false;
}

bool ends_take(struct parser *p, struct ends *q)
{
	struct lexer before;
	struct ends other;

	if (!field_of_end(&p->lex.cur, q)) {
		*q = (struct ends){ .sides = SIDE_SRC | SIDE_DST };
		return take_what(p, q);
	}
	lex_next(&p->lex);
	before = p->lex;
	if (before.cur.kind == T_AND || before.cur.kind == T_OR) {
		lex_next(&p->lex);
		if (field_of_end(&p->lex.cur, &other) && other.sides != q->sides && other.what == q->what) {
			lex_next(&p->lex);
			q->sides = SIDE_SRC | SIDE_DST;
			q->all = before.cur.kind == T_AND;
			q->field = false;
		} else {
			p->lex = before;
		}
	}
	if (q->what == W_HOST)
		take_what(p, q);
	return true;
}
