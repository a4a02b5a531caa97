/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tokens of filter expressions, and complaints about them: used by its parser only. */
#ifndef FLEUTAN_FILTER_LEX_H
#define FLEUTAN_FILTER_LEX_H

#include "core/err.h"
#include "model/filter.h"

enum tok_kind { T_END, T_WORD, T_QUOTED, T_OPEN_QUOTE, T_LPAR, T_RPAR, T_AND, T_OR, T_NOT, T_CMP };

struct tok {
	enum tok_kind kind;
	enum filter_cmp cmp; /* T_CMP */
	const char *p;       /* the bytes of it; without its quotes when it had some */
	size_t len, col;     /* col: from 1 */
};

struct lexer {
	const char *start, *pos, *end;
	struct tok cur; /* the token at hand; POS is behind it */
	struct err *e;
};

void lex_init(struct lexer *x, const char *text, size_t len, struct err *e); /* the first token is at hand */
void lex_next(struct lexer *x);

/* True for the unquoted WORD, in any case. */
bool tok_is(const struct tok *t, const char *word);

/* Takes a comparison, sign or word, into *AT; false: there is none, AT->cmp is FC_EQ. */
bool lex_cmp(struct lexer *x, struct tok *at);

/* Names token T and what was expected; HINT, when not NULL, is a word that may have been meant. Always -1. */
int lex_complain(struct lexer *x, const struct tok *t, const char *expected, const char *hint);

/* The name that T is one slip of the finger away from; NULL: none. NAMES ends after N entries or with NULL. */
const char *tok_near(const struct tok *t, const char *const *names, unsigned n);

#endif
