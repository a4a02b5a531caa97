// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Filter expressions into trees: see filter.h. By recursive descent, `or` below `and` below `not`; only parentheses
 * recurse, and their depth is bounded.
 */
#include "model/filter.h"

#include <errno.h>
#include <limits.h>

#include "core/text.h"
#include "core/util.h"
#include "model/filter_tree.h"
#include "model/flow.h"

#define DEPTH_MAX 32

static const char operand_expected[] = "expected a field, 'not' or '('";

/* Takes a word, quoted or not, into *T. */
static int take_word(struct parser *p, struct tok *t, const char *expected)
{
	*t = p->lex.cur;
	if (t->kind != T_WORD && t->kind != T_QUOTED)
		return lex_complain(&p->lex, t, t->kind == T_OPEN_QUOTE ? "expected a closing quote" : expected, NULL);
	lex_next(&p->lex);
	return 0;
}

/*
 * Other fields
 */

/* The same but for case, '-' and '_': netstat's FIN_WAIT1 is "fin-wait-1". */
static bool same_name(const struct tok *t, const char *name)
{
	size_t i = 0;

	for (;;) {
		char c;

		while (i < t->len && (t->p[i] == '-' || t->p[i] == '_'))
			i++;
		name += *name == '-';
		if (i == t->len || !*name)
			return i == t->len && !*name;
		c = t->p[i++];
		if (c != *name && !(c >= 'A' && c <= 'Z' && (c | 0x20) == *name))
			return false;
		name++;
	}
}

/* Names of ss for one state or several, as bits of the kernel's numbers. */
static const struct {
	char word[13];
	bool except; /* all but these */
	uint16_t set;
} state_groups[] = {
	{ "estab", false, 1 << 1 }, { "syn-rcv", false, 1 << 3 }, { "close", false, 1 << 7 },
	{ "unconn", false, 1 << 7 }, { "listening", false, 1 << 10 }, { "connected", true, 1 << 7 | 1 << 10 },
	{ "synchronized", true, 1 << 7 | 1 << 10 | 1 << 2 }, { "bucket", false, 1 << 3 | 1 << 6 | 1 << 12 },
	{ "big", true, 1 << 3 | 1 << 6 | 1 << 12 },
};

static int state_group(struct parser *p, const struct tok *t, int field)
{
	int x = NO_NODE;

	if (tok_is(t, "all"))
		return node_leaf(p, FO_KNOWN, FC_EQ, field);
	for (unsigned i = 0; i < ARRAY_SIZE(state_groups); i++) {
		if (!same_name(t, state_groups[i].word))
			continue;
		for (unsigned n = 0; n < 16; n++) {
			if (!(state_groups[i].set >> n & 1))
				continue;
			int y = node_num(p, state_groups[i].except ? FC_NE : FC_EQ, field, n);

			x = x == NO_NODE ? y : node_join(p, state_groups[i].except ? FO_AND : FO_OR, x, y);
		}
		return x;
	}
	return x;
}

/* The names of an enumeration, as far as a line goes. */
static int unknown_name(struct parser *p, const struct tok *t, const char *const *names)
{
	char list[160] = "expected one of ";
	size_t n = strlen(list);

	for (unsigned i = 0; names[i]; i++) {
		bool room = n + strlen(names[i]) + 8 < sizeof(list);

		n += fmt_text(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", room ? names[i] : "...");
		if (!room)
			break;
	}
	return lex_complain(&p->lex, t, list, tok_near(t, names, UINT_MAX));
}

static int name_value(struct parser *p, int field)
{
	const char *const *names = p->s->field[field].names;
	struct tok t;
	int x;

	if (take_word(p, &t, "expected a name"))
		return -1;
	for (unsigned i = 0; names[i]; i++)
		if (same_name(&t, names[i]))
			return node_num(p, FC_EQ, field, i);
	x = names == state_names ? state_group(p, &t, field) : NO_NODE;
	return x == NO_NODE ? unknown_name(p, &t, names) : x;
}

/* `state established state time-wait` means either, as in ss: no flow is in two states. */
static int names_value(struct parser *p, int field, bool listed)
{
	int x = name_value(p, field);
	const char *word = p->s->field[field].word;

	while (x >= 0 && listed && tok_is(&p->lex.cur, word)) {
		struct lexer before = p->lex;
		struct tok op;

		lex_next(&p->lex);
		if (lex_cmp(&p->lex, &op) || !parse_at_word(p)) {
			p->lex = before;
			break;
		}
		x = node_join(p, FO_OR, x, name_value(p, field));
	}
	return x;
}

/* Yes or no, when the word at hand is one of these. */
static bool take_bool(struct parser *p, uint64_t *v)
{
	static const char word[][6] = { "0", "1", "no", "yes", "false", "true", "off", "on" };

	for (unsigned i = 0; i < ARRAY_SIZE(word); i++) {
		if (tok_is(&p->lex.cur, word[i])) {
			lex_next(&p->lex);
			*v = i & 1;
			return true;
		}
	}
	return false;
}

static int proc_value(struct parser *p, int field)
{
	static const char expected[] = "expected the name, path or pid of a process";
	uint64_t pid;
	struct tok t;

	if (take_word(p, &t, expected))
		return -1;
	if (!t.len)
		return lex_complain(&p->lex, &t, expected, NULL);
	if (t.kind == T_WORD && parse_u64(t.p, t.len, &pid))
		return node_num(p, FC_EQ, field, pid);
	return node_text(p, &t, field, t.p, t.len);
}

static int number_value(struct parser *p, int field, enum filter_cmp cmp)
{
	const struct field *f = &p->s->field[field];
	struct tok t = p->lex.cur;
	uint64_t v = 0, mask = ~0ULL;
	const char *wrong;
	int x;

	wrong = f->kind == FK_PORT ? value_port(t.p, t.len, &v) : value_number(f, t.p, t.len, &v, &mask);
	if (!wrong && mask != ~0ULL && cmp != FC_EQ && cmp != FC_NE)
		wrong = "expected no mask behind a comparison other than '=' and '!='";
	if (wrong)
		return lex_complain(&p->lex, &t, wrong, NULL);
	lex_next(&p->lex);
	x = node_num(p, cmp, field, v);
	if (x >= 0)
		p->f->node[x].mask = mask;
	return x;
}

/* A field that can be equal or not, and nothing else. */
static int equal_value(struct parser *p, int field, bool listed)
{
	struct value_addr a;
	const char *wrong;
	struct tok t;

	switch (p->s->field[field].kind) {
	case FK_ENUM:
		return names_value(p, field, listed);
	case FK_PROCS:
		return proc_value(p, field);
	case FK_ADDR:
		t = p->lex.cur;
		wrong = value_addr(t.p, t.len, false, &a);
		if (wrong || a.any || a.has_port || a.dev)
			return lex_complain(&p->lex, &t, "expected an address or a prefix", NULL);
		lex_next(&p->lex);
		return node_addr(p, field, &a);
	default:
		if (take_word(p, &t, "expected a name"))
			return -1;
		return node_text(p, &t, field, t.p, t.len);
	}
}

/* FIELD, FIELD VALUE, FIELD OP VALUE; the field's word has been taken. */
static int parse_field(struct parser *p, int field)
{
	unsigned kind = p->s->field[field].kind;
	uint64_t v = 1;
	struct tok op;
	bool has_op = lex_cmp(&p->lex, &op);
	int x;

	if (!has_op && kind != FK_FLAG && !parse_at_word(p))
		return node_leaf(p, FO_KNOWN, FC_EQ, field);
	if (kind == FK_GAUGE || kind == FK_COUNTER || kind == FK_ID || kind == FK_PORT)
		return number_value(p, field, op.cmp);
	if (op.cmp != FC_EQ && op.cmp != FC_NE)
		return lex_complain(&p->lex, &op, equality_expected, NULL);
	if (kind != FK_FLAG)
		x = equal_value(p, field, !has_op);
	else if (take_bool(p, &v) || !has_op)
		x = node_num(p, FC_EQ, field, v);
	else
		return lex_complain(&p->lex, &p->lex.cur, "expected yes or no", NULL);
	return op.cmp == FC_NE ? node_negate(p, x) : x;
}

/*
 * Terms and operators
 */

/* "ip", "ip6", "tcp" and the other protocols; NO_NODE: none of these. */
static int protocol_word(struct parser *p, const struct tok *t)
{
	static const struct value_addr v4 = { .addr = { [10] = 0xff, [11] = 0xff }, .plen = 96 };
	bool ip6 = tok_is(t, "ip6");
	int x;

	if (ip6 || tok_is(t, "ip")) {
		x = node_addr(p, p->src, &v4);
		return ip6 ? node_negate(p, x) : x;
	}
	for (unsigned i = 0; p->proto >= 0 && p->s->field[p->proto].names[i]; i++)
		if (tok_is(t, p->s->field[p->proto].names[i]))
			return node_num(p, FC_EQ, p->proto, i);
	return NO_NODE;
}

/* A word that is neither a field nor anything else that starts a term. */
static int unknown_word(struct parser *p, const struct tok *t)
{
	const char *hint = p->src < 0 ? NULL : tok_near(t, ends_words, UINT_MAX);

	for (unsigned i = 0; i < p->s->n && !hint; i++)
		hint = tok_near(t, &p->s->field[i].word, 1);
	return lex_complain(&p->lex, t, operand_expected, hint);
}

/* BARE: a value may stand alone, for the last term's qualifiers (`port 80 or 443`) or as a host. */
static int parse_term(struct parser *p, bool bare)
{
	struct tok t = p->lex.cur;
	struct ends q;
	int x;

	if (t.kind != T_WORD)
		return lex_complain(&p->lex, &t, operand_expected, NULL);
	if (p->src >= 0 && ends_take(p, &q))
		return ends_parse(p, &q);
	if (p->src >= 0 && bare && ((*t.p >= '0' && *t.p <= '9') || memchr(t.p, ':', t.len))) {
		q = p->last;
		if (!q.sides && (memchr(t.p, '.', t.len) || memchr(t.p, ':', t.len)))
			q = (struct ends){ .sides = SIDE_SRC | SIDE_DST, .what = W_HOST };
		if (q.sides)
			return ends_value(p, &q, FC_EQ);
	}
	p->last.sides = 0;
	x = schema_find(p->s, t.p, t.len);
	if (x < 0 && tok_is(&t, "fwmark"))
		x = schema_find(p->s, "mark", 4);
	if (x >= 0) {
		lex_next(&p->lex);
		return parse_field(p, x);
	}
	x = p->src < 0 ? NO_NODE : protocol_word(p, &t);
	if (x == NO_NODE)
		return unknown_word(p, &t);
	lex_next(&p->lex);
	return x;
}

static int parse_or(struct parser *p);

static int parse_not(struct parser *p, bool bare)
{
	bool no = false;
	int x;

	for (; p->lex.cur.kind == T_NOT; no = !no, bare = true)
		lex_next(&p->lex);
	if (p->lex.cur.kind != T_LPAR) {
		x = parse_term(p, bare);
		return no ? node_negate(p, x) : x;
	}
	if (p->depth == DEPTH_MAX)
		return lex_complain(&p->lex, &p->lex.cur, "expected at most 32 levels of parentheses", NULL);
	p->depth++;
	lex_next(&p->lex);
	x = parse_or(p);
	p->depth--;
	if (x >= 0 && p->lex.cur.kind != T_RPAR)
		return lex_complain(&p->lex, &p->lex.cur, "expected 'and', 'or' or ')'", NULL);
	if (x >= 0)
		lex_next(&p->lex);
	return no ? node_negate(p, x) : x;
}

static int parse_and(struct parser *p)
{
	int x = parse_not(p, true);

	while (x >= 0) {
		bool and = p->lex.cur.kind == T_AND;

		if (and)
			lex_next(&p->lex);
		else if (!parse_at_word(p) && p->lex.cur.kind != T_NOT && p->lex.cur.kind != T_LPAR)
			break;
		x = node_join(p, FO_AND, x, parse_not(p, and));
	}
	return x;
}

static int parse_or(struct parser *p)
{
	int x = parse_and(p);

	while (x >= 0 && p->lex.cur.kind == T_OR) {
		lex_next(&p->lex);
		x = node_join(p, FO_OR, x, parse_and(p));
	}
	return x;
}

/* The tree of TEXT, its nodes behind those of F; NO_NODE for a text of blanks. */
static int parse_into(struct filter *f, const char *text, size_t len, struct err *e)
{
	struct parser p = { .f = f, .s = f->schema };
	bool old = f->n;
	int x;

	p.src = schema_find(p.s, "src", 3);
	p.dst = schema_find(p.s, "dst", 3);
	p.sport = schema_find(p.s, "sport", 5);
	p.dport = schema_find(p.s, "dport", 5);
	p.proto = schema_find(p.s, "proto", 5);
	if (p.dst < 0 || p.sport < 0 || p.dport < 0)
		p.src = -1;
	lex_init(&p.lex, text, len, e);
	if (p.lex.cur.kind == T_END)
		return NO_NODE;
	x = parse_or(&p);
	if (x >= 0 && p.lex.cur.kind != T_END)
		return lex_complain(&p.lex, &p.lex.cur, "expected 'and', 'or' or the end", NULL);
	return old && x >= 0 ? node_join(&p, FO_AND, f->root, x) : x;
}

/* F and TEXT; F stays as it was when TEXT is wrong. */
static int add(struct filter *f, const char *text, size_t len, struct err *e)
{
	struct fieldset reads = f->reads;
	uint16_t n = f->n;
	int x = parse_into(f, text, len, e);

	if (x >= 0) {
		f->root = (uint16_t)x;
		return 0;
	}
	f->n = n;
	f->reads = reads;
	return x == NO_NODE ? 0 : -EINVAL;
}

int filter_parse(struct filter *f, const struct schema *s, const char *text, size_t len, struct err *e)
{
	f->schema = s;
	f->n = f->root = 0;
	memset(&f->reads, 0, sizeof(f->reads));
	return add(f, text, len, e);
}

int filter_and(struct filter *f, const char *text, struct err *e)
{
	return add(f, text, strlen(text), e);
}
