/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of scripts/kconfig share: kconfig-lang.c reads the Kconfig language into these, kconfig.c gives values. */
#ifndef FLEUTAN_SCRIPTS_KCONFIG_H
#define FLEUTAN_SCRIPTS_KCONFIG_H

#include <stdbool.h>
#include <stddef.h>

enum type { T_NONE, T_BOOL, T_INT, T_STRING };

struct expr {
	char op; /* s: symbol or bare word, c: quoted constant, ! & | = and # (not equal) */
	struct expr *l, *r;
	struct sym *sym;
	const char *text;
};

/* A default, select or range: what, and under which condition (NULL: always). */
struct prop {
	struct expr *what, *upper, *cond;
	struct prop *next;
};

struct sym {
	const char *name, *prompt, *help, *file;
	unsigned line;
	enum type type;
	struct expr *prompt_if, *dep;
	struct prop *defaults, *ranges;
	struct prop *selected_by; /* what: the selecting symbol */
	char *user;               /* what the .config says, NULL: nothing */
	const char *val;          /* computed; valid when state is DONE */
	enum { TODO, BUSY, DONE } state;
};

/* The order of the files, for writing .config with the same headings. */
struct entry {
	enum { E_SYM, E_MENU, E_COMMENT } kind;
	struct sym *sym;
	const char *title;
	struct expr *dep;
};

extern struct sym *syms[];
extern struct entry entries[];
extern unsigned nsyms, nentries;
extern const char *source_dirs[2]; /* where `source` looks */

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn)); /* one line, with the place if one is being read */
char *copy(const char *s, size_t n);
struct sym *lookup(const char *name); /* made with type T_NONE when it is new */
void parse_file(const char *name);    /* dies on an error */

#endif
