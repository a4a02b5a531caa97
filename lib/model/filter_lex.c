// SPDX-License-Identifier: GPL-2.0-or-later
/* Tokens of filter expressions, and complaints about them: see filter_lex.h. */
#include "model/filter_lex.h"

#include <errno.h>
#include <strings.h>

#include "core/util.h"

#define SHOWN_MAX 32 /* bytes of an offending word that an error shows */

/* Copies an untrusted word for display: nothing but printable ASCII, cut when it is long. */
static const char *shown(const struct tok *t, char out[SHOWN_MAX + 4])
{
	size_t n = MIN(t->len, (size_t)SHOWN_MAX);

	for (size_t i = 0; i < n; i++)
		out[i] = t->p[i] < 0x20 || t->p[i] > 0x7e ? '?' : t->p[i];
	memcpy(out + n, "...", 4);
	if (t->len == n)
		out[n] = 0;
	return out;
}

int lex_complain(struct lexer *x, const struct tok *t, const char *expected, const char *hint)
{
	const char *mean = hint ? " (did you mean '" : "", *quote = hint ? "'?)" : "";
	char word[SHOWN_MAX + 4];

	if (t->kind == T_END)
		err_set(x->e, EINVAL, "filter: end at column %zu: %s", t->col, expected);
	else
		err_set(x->e, EINVAL, "filter: '%s' at column %zu: %s%s%s%s", shown(t, word), t->col, expected, mean,
			hint ? hint : "", quote);
	return -1;
}

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* True when one character inserted, left out, changed or two neighbours swapped make the name A of B. */
static bool near(const char *a, size_t alen, const char *b, size_t blen)
{
	while (alen && blen && *a == small(*b))
		a++, b++, alen--, blen--;
	while (alen && blen && a[alen - 1] == small(b[blen - 1]))
		alen--, blen--;
	if (alen == 2 && blen == 2)
		return a[0] == small(b[1]) && a[1] == small(b[0]);
	return alen <= 1 && blen <= 1;
}

const char *tok_near(const struct tok *t, const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n && names[i] && t->kind == T_WORD && t->len > 1; i++)
		if (near(names[i], strlen(names[i]), t->p, t->len))
			return names[i];
	return NULL;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool ends_word(char c)
{
	return is_space(c) || (c && strchr("()!=<>&|", c));
}

bool tok_is(const struct tok *t, const char *word)
{
	return t->kind == T_WORD && strlen(word) == t->len && !strncasecmp(t->p, word, t->len);
}

static bool next_is(const struct lexer *x, char c)
{
	return x->pos < x->end && *x->pos == c;
}

static void lex_quoted(struct lexer *x, struct tok *t)
{
	const char *close = memchr(x->pos, *t->p, (size_t)(x->end - x->pos));

	if (!close) {
		t->kind = T_OPEN_QUOTE;
		t->len = (size_t)(x->end - t->p);
		x->pos = x->end;
		return;
	}
	t->kind = T_QUOTED;
	t->p++;
	t->len = (size_t)(close - t->p);
	x->pos = close + 1;
}

static void lex_word(struct lexer *x, struct tok *t)
{
	static const struct {
		char word[4];
		uint8_t kind;
	} op[] = { { "and", T_AND }, { "or", T_OR }, { "not", T_NOT } };

	while (x->pos < x->end && !ends_word(*x->pos))
		x->pos++;
	t->kind = T_WORD;
	t->len = (size_t)(x->pos - t->p);
	for (unsigned i = 0; i < ARRAY_SIZE(op); i++) {
		if (tok_is(t, op[i].word)) {
			t->kind = op[i].kind;
			break;
		}
	}
}

void lex_next(struct lexer *x)
{
	struct tok *t = &x->cur;
	bool twice;
	char c;

	while (x->pos < x->end && is_space(*x->pos))
		x->pos++;
	*t = (struct tok){ .kind = T_END, .p = x->pos, .col = (size_t)(x->pos - x->start) + 1 };
	if (x->pos == x->end)
		return;
	c = *x->pos++;
	twice = next_is(x, c);
	switch (c) {
	case '(': t->kind = T_LPAR; break;
	case ')': t->kind = T_RPAR; break;
	case '&': t->kind = T_AND; x->pos += twice; break;
	case '|': t->kind = T_OR; x->pos += twice; break;
	case '=': t->kind = T_CMP; t->cmp = FC_EQ; x->pos += twice; break;
	case '!': t->kind = next_is(x, '=') ? T_CMP : T_NOT; t->cmp = FC_NE; x->pos += t->kind == T_CMP; break;
	case '<':
	case '>':
		t->kind = T_CMP;
		t->cmp = c == '<' ? FC_LT : FC_GT;
		if (next_is(x, '=')) {
			t->cmp = c == '<' ? FC_LE : FC_GE;
			x->pos++;
		}
		break;
	case '\'':
	case '"':
		lex_quoted(x, t);
		return;
	default:
		lex_word(x, t);
		return;
	}
	t->len = (size_t)(x->pos - t->p);
}

bool lex_cmp(struct lexer *x, struct tok *at)
{
	static const struct {
		char word[4];
		uint8_t cmp;
	} op[] = {
		{ "eq", FC_EQ }, { "ne", FC_NE }, { "neq", FC_NE }, { "lt", FC_LT }, { "le", FC_LE }, { "leq", FC_LE },
		{ "gt", FC_GT }, { "ge", FC_GE }, { "geq", FC_GE },
	};

	*at = x->cur;
	for (unsigned i = 0; i < ARRAY_SIZE(op) && at->kind == T_WORD; i++) {
		if (tok_is(at, op[i].word)) {
			at->kind = T_CMP;
			at->cmp = op[i].cmp;
		}
	}
	if (at->kind != T_CMP) {
		at->cmp = FC_EQ;
		return false;
	}
	lex_next(x);
	return true;
}

void lex_init(struct lexer *x, const char *text, size_t len, struct err *e)
{
	*x = (struct lexer){ .start = text, .pos = text, .end = text + len, .e = e };
	lex_next(x);
}
