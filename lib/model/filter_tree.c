// SPDX-License-Identifier: GPL-2.0-or-later
/* The nodes of a filter's tree, built: see filter_tree.h. */
#include "model/filter_tree.h"

#include "model/flow.h"

const char equality_expected[] = "expected '=' or '!='";

static const char too_long[] = "expected at most 128 comparisons and operators";
_Static_assert(FILTER_NODES == 128, "say so in too_long");
static const char text_too_long[] = "expected at most 63 bytes (with * for the rest)";
_Static_assert(FILTER_TEXT == 64, "say so in text_too_long");

static int node_new(struct parser *p, enum filter_op op)
{
	struct filter *f = p->f;

	if (f->n == FILTER_NODES)
		return lex_complain(&p->lex, &p->lex.cur, too_long, NULL);
	f->node[f->n] = (struct filter_node){ .op = (uint8_t)op, .mask = ~0ULL };
	return f->n++;
}

int node_leaf(struct parser *p, enum filter_op op, enum filter_cmp cmp, int field)
{
	int x = node_new(p, op);

	if (x < 0)
		return x;
	p->f->node[x].cmp = (uint8_t)cmp;
	p->f->node[x].field = (uint8_t)field;
	fieldset_add(&p->f->reads, (unsigned)field);
	if (p->s->field[field].kind == FK_PROCS)
		fieldset_add(&p->f->reads, F_INODE);
	return x;
}

int node_num(struct parser *p, enum filter_cmp cmp, int field, uint64_t num)
{
	int x = node_leaf(p, FO_CMP, cmp, field);

	if (x >= 0)
		p->f->node[x].num = num;
	return x;
}

int node_addr(struct parser *p, int field, const struct value_addr *a)
{
	int x = node_leaf(p, FO_CMP, FC_EQ, field);

	if (x >= 0) {
		memcpy(p->f->node[x].addr, a->addr, sizeof(a->addr));
		p->f->node[x].plen = a->plen;
	}
	return x;
}

int node_text(struct parser *p, const struct tok *t, int field, const char *text, size_t len)
{
	int x;

	if (len >= FILTER_TEXT)
		return lex_complain(&p->lex, t, text_too_long, NULL);
	if (memchr(text, 0, len))
		return lex_complain(&p->lex, t, "expected a name without NUL", NULL);
	x = node_leaf(p, FO_CMP, FC_EQ, field);
	if (x >= 0)
		memcpy(p->f->node[x].text, text, len);
	return x;
}

int node_join(struct parser *p, enum filter_op op, int left, int right)
{
	int x = left < 0 || right < 0 ? -1 : node_new(p, op);

	if (x >= 0) {
		p->f->node[x].left = (uint8_t)left;
		p->f->node[x].right = (uint8_t)right;
	}
	return x;
}

/* Turns a comparison around where it is one: fewer nodes, and more that the kernel can apply. */
int node_negate(struct parser *p, int x)
{
	static const uint8_t opposite[] = {
		[FC_EQ] = FC_NE, [FC_NE] = FC_EQ, [FC_LT] = FC_GE, [FC_GE] = FC_LT, [FC_GT] = FC_LE, [FC_LE] = FC_GT,
	};

	if (x >= 0 && p->f->node[x].op == FO_CMP) {
		p->f->node[x].cmp = opposite[p->f->node[x].cmp];
		return x;
	}
	return node_join(p, FO_NOT, x, x);
}

int node_also(struct parser *p, int x, int y)
{
	return x == NO_NODE ? y : node_join(p, FO_AND, x, y);
}

bool parse_at_word(const struct parser *p)
{
	enum tok_kind kind = p->lex.cur.kind;

	return kind == T_WORD || kind == T_QUOTED || kind == T_OPEN_QUOTE;
}
