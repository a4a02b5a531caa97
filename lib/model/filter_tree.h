/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the filter's parser share: its state and the building of nodes (filter_tree.c), the ends of flows
 * (filter_ends.c). Functions that return an int return the index of a node, or -1 after an error; a node that is handed
 * one of these errors passes it on.
 */
#ifndef FLEUTAN_FILTER_TREE_H
#define FLEUTAN_FILTER_TREE_H

#include "model/filter.h"
#include "model/filter_lex.h"
#include "model/filter_value.h"

#define NO_NODE (-2) /* nothing was built, and nothing is wrong */

#define SIDE_SRC 1
#define SIDE_DST 2

enum what { W_HOST, W_NET, W_PORT, W_PORTRANGE };

/* What tcpdump calls qualifiers: which end of the flow, and what of it. */
struct ends {
	uint8_t sides; /* SIDE_*; 0: no qualifiers at all */
	uint8_t what;  /* enum what */
	bool all;      /* `src and dst`: both must match; else one of them */
	bool field;    /* written as the field itself, which may stand alone */
};

struct parser {
	struct lexer lex;
	struct filter *f;
	const struct schema *s;
	struct ends last; /* of the last term, for `port 80 or 443` */
	unsigned depth;
	int src, dst, sport, dport, proto; /* fields; src -1: the schema has no ends */
};

int node_leaf(struct parser *p, enum filter_op op, enum filter_cmp cmp, int field);
int node_num(struct parser *p, enum filter_cmp cmp, int field, uint64_t num);
int node_addr(struct parser *p, int field, const struct value_addr *a);
/* T is where the text comes from, for complaints. */
int node_text(struct parser *p, const struct tok *t, int field, const char *text, size_t len);
int node_join(struct parser *p, enum filter_op op, int left, int right);
/* X and Y, where X may be NO_NODE. */
int node_also(struct parser *p, int x, int y);
int node_negate(struct parser *p, int x);

/* True when a word is at hand, quoted or not. */
bool parse_at_word(const struct parser *p);

/* Takes "src", "dst port", "src or dst net", "host", "sport" …; false: the word at hand is something else. */
bool ends_take(struct parser *p, struct ends *q);
/* The comparison and values behind the words that ends_take() took. */
int ends_parse(struct parser *p, const struct ends *q);
/* The value at hand, compared with the ends Q. */
int ends_value(struct parser *p, const struct ends *q, enum filter_cmp cmp);

extern const char equality_expected[];
extern const char *const ends_words[]; /* NULL-terminated */

#endif
