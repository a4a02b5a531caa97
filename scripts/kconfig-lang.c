/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the Kconfig language: lines, words, expressions, statements. See kconfig.c for what is understood. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kconfig.h"

#define MAX_SYMS 512
#define MAX_ENTRIES 1024
#define MAX_DEPTH 32
#define MAX_TOKENS 64

struct source {
	FILE *f;
	const char *name;
	unsigned line;
	char *held; /* a line read too far by help */
};

struct sym *syms[MAX_SYMS];
struct entry entries[MAX_ENTRIES];
unsigned nsyms, nentries;
const char *source_dirs[2];
static unsigned depth;
static struct expr *dep_stack[MAX_DEPTH]; /* what enclosing menus and ifs ask for, already conjoined */
static char block[MAX_DEPTH];             /* m: menu, i: if */
static struct source *in;

void die(const char *fmt, ...)
{
	va_list ap;

	if (in)
		fprintf(stderr, "%s:%u: ", in->name, in->line);
	else
		fprintf(stderr, "kconfig: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* Memory is never given back: the program lives for milliseconds. */
static void *mem(size_t n)
{
	void *p = calloc(1, n);

	if (!p)
		die("out of memory");
	return p;
}

char *copy(const char *s, size_t n)
{
	return memcpy(mem(n + 1), s, n);
}

struct sym *lookup(const char *name)
{
	struct sym *s;
	unsigned i;

	for (i = 0; i < nsyms; i++)
		if (!strcmp(syms[i]->name, name))
			return syms[i];
	if (nsyms == MAX_SYMS)
		die("more than %d symbols", MAX_SYMS);
	s = mem(sizeof(*s));
	s->name = copy(name, strlen(name));
	syms[nsyms++] = s;
	return s;
}

/* Lines and words. Quoted words keep a leading quote, so that "y" and y differ. */

static char *read_line(void)
{
	static char buf[4096];
	size_t len;

	if (in->held) {
		strcpy(buf, in->held);
		in->held = NULL;
	} else if (!fgets(buf, sizeof(buf), in->f)) {
		return NULL;
	}
	in->line++;
	len = strlen(buf);
	while (len && (buf[len - 1] == '\n' || buf[len - 1] == '\r'))
		buf[--len] = 0;
	return buf;
}

static unsigned split(const char *p, const char **tok)
{
	unsigned n = 0;
	const char *start;

	for (;;) {
		while (isspace((unsigned char)*p))
			p++;
		if (!*p || *p == '#')
			return n;
		if (n == MAX_TOKENS)
			die("line too long");
		start = p;
		if (*p == '"' || *p == '\'') {
			for (p++; *p && *p != *start; p++)
				;
			if (!*p)
				die("quote not closed");
			tok[n] = copy(start, (size_t)(p - start));
			((char *)tok[n++])[0] = '"';
			p++;
			continue;
		}
		if (isalnum((unsigned char)*p) || strchr("_-./", *p))
			while (isalnum((unsigned char)*p) || (*p && strchr("_-./", *p)))
				p++;
		else if (!strncmp(p, "&&", 2) || !strncmp(p, "||", 2) || !strncmp(p, "!=", 2))
			p += 2;
		else if (strchr("!=()", *p))
			p++;
		else
			die("unexpected '%c'", *p);
		tok[n++] = copy(start, (size_t)(p - start));
	}
}

/* Expressions: a cursor over words ended by NULL */

static const char **cur;

static struct expr *node(char op, struct expr *l, struct expr *r)
{
	struct expr *e = mem(sizeof(*e));

	e->op = op;
	e->l = l;
	e->r = r;
	return e;
}

static struct expr *both(struct expr *a, struct expr *b)
{
	return !a ? b : !b ? a : node('&', a, b);
}

static bool take(const char *word)
{
	if (!*cur || strcmp(*cur, word))
		return false;
	cur++;
	return true;
}

static struct expr *word(void)
{
	struct expr *e;

	if (!*cur || (!isalnum((unsigned char)**cur) && !strchr("\"_-", **cur)))
		die("a symbol or a value was expected%s%s", *cur ? " instead of " : "", *cur ? *cur : "");
	e = node(**cur == '"' ? 'c' : 's', NULL, NULL);
	if (e->op == 'c')
		e->text = *cur + 1;
	else
		e->sym = lookup(*cur);
	cur++;
	return e;
}

static struct expr *parse_or(void);

static struct expr *parse_not(void)
{
	struct expr *e;

	if (take("!"))
		return node('!', parse_not(), NULL);
	if (take("(")) {
		e = parse_or();
		if (!take(")"))
			die("')' expected");
		return e;
	}
	e = word();
	if (take("="))
		return node('=', e, word());
	if (take("!="))
		return node('#', e, word());
	return e;
}

static struct expr *parse_and(void)
{
	struct expr *e = parse_not();

	while (take("&&"))
		e = node('&', e, parse_not());
	return e;
}

static struct expr *parse_or(void)
{
	struct expr *e = parse_and();

	while (take("||"))
		e = node('|', e, parse_and());
	return e;
}

static struct expr *parse_if(void)
{
	struct expr *e = take("if") ? parse_or() : NULL;

	if (*cur)
		die("unexpected %s", *cur);
	return e;
}

static const char *quoted(void)
{
	if (!*cur || **cur != '"')
		die("a quoted text was expected");
	return *cur++ + 1;
}

/* Statements */

static void add_prop(struct prop **list, struct expr *what, struct expr *upper, struct expr *cond)
{
	struct prop *p = mem(sizeof(*p));

	p->what = what;
	p->upper = upper;
	p->cond = cond;
	while (*list)
		list = &(*list)->next;
	*list = p;
}

static struct entry *add_entry(int kind)
{
	struct entry *e = &entries[nentries++];

	if (nentries == MAX_ENTRIES)
		die("more than %d entries", MAX_ENTRIES);
	e->kind = kind;
	e->dep = dep_stack[depth];
	return e;
}

static size_t indent_of(const char *l)
{
	size_t n = 0;

	for (; *l == ' ' || *l == '\t'; l++)
		n = *l == '\t' ? (n / 8 + 1) * 8 : n + 1;
	return n;
}

/* The text ends at the first line that is indented less than its own first line. */
static const char *read_help(void)
{
	char *text = mem(1), *line;
	size_t indent = 0, len = 0, add;

	while ((line = read_line())) {
		if (!line[strspn(line, " \t")])
			continue;
		if (!indent)
			indent = indent_of(line);
		if (!indent || indent_of(line) < indent) {
			in->held = copy(line, strlen(line));
			in->line--;
			break;
		}
		line += strspn(line, " \t");
		add = strlen(line);
		text = realloc(text, len + add + 2);
		if (!text)
			die("out of memory");
		memcpy(text + len, line, add);
		len += add;
		text[len++] = '\n';
		text[len] = 0;
	}
	return text;
}

static bool set_type(struct sym *s, const char *w)
{
	enum type t = !strcmp(w, "bool") ? T_BOOL : !strcmp(w, "int") ? T_INT : !strcmp(w, "string") ? T_STRING : T_NONE;

	if (t == T_NONE)
		return false;
	s->type = t;
	return true;
}

/* One line below `config`; false: it belongs to what follows. */
static bool attribute(struct sym *s)
{
	const char *w = *cur++;
	struct expr *a, *b;
	struct sym *target;

	if (set_type(s, w) || !strcmp(w, "prompt")) {
		if (*cur) {
			s->prompt = quoted();
			s->prompt_if = parse_if();
		}
	} else if (!strcmp(w, "default")) {
		a = parse_or();
		add_prop(&s->defaults, a, NULL, parse_if());
	} else if (!strcmp(w, "depends")) {
		if (!take("on"))
			die("'depends on' expected");
		s->dep = both(s->dep, parse_or());
		if (*cur)
			die("unexpected %s", *cur);
	} else if (!strcmp(w, "select")) {
		target = word()->sym;
		a = node('s', NULL, NULL);
		a->sym = s;
		add_prop(&target->selected_by, a, NULL, parse_if());
	} else if (!strcmp(w, "range")) {
		a = word();
		b = word();
		add_prop(&s->ranges, a, b, parse_if());
	} else if (!strcmp(w, "help")) {
		s->help = read_help();
	} else {
		return false;
	}
	return true;
}

static struct sym *begin_symbol(void)
{
	struct sym *s;

	if (!*cur)
		die("config without a name");
	s = lookup(*cur);
	if (s->file)
		die("CONFIG_%s is already defined at %s:%u", s->name, s->file, s->line);
	s->file = in->name;
	s->line = in->line;
	s->dep = dep_stack[depth];
	add_entry(E_SYM)->sym = s;
	return s;
}

static void push(char kind, struct expr *dep)
{
	if (depth + 1 == MAX_DEPTH)
		die("nested too deeply");
	depth++;
	block[depth] = kind;
	dep_stack[depth] = both(dep_stack[depth - 1], dep);
}

static void pop(char kind)
{
	if (!depth || block[depth] != kind)
		die("end of a block that was not begun");
	depth--;
}

/* `depends on` after `menu` or `comment`: the last heading, and for a menu all that follows in it. */
static void title_depends(struct entry *title)
{
	struct expr *e;

	if (!take("on"))
		die("'depends on' expected");
	e = parse_or();
	title->dep = both(title->dep, e);
	if (title->kind == E_MENU)
		dep_stack[depth] = both(dep_stack[depth], e);
}

static void statement(struct sym **open, struct entry **title)
{
	const char *w = *cur;

	if (*open && attribute(*open))
		return;
	if (!*open)
		cur++;
	*open = NULL;
	if (*title && !strcmp(w, "depends")) {
		title_depends(*title);
		return;
	}
	*title = NULL;
	if (!strcmp(w, "config")) {
		*open = begin_symbol();
	} else if (!strcmp(w, "mainmenu")) {
		quoted();
	} else if (!strcmp(w, "menu") || !strcmp(w, "comment")) {
		*title = add_entry(*w == 'm' ? E_MENU : E_COMMENT);
		(*title)->title = quoted();
		if (*w == 'm')
			push('m', NULL);
	} else if (!strcmp(w, "endmenu")) {
		pop('m');
	} else if (!strcmp(w, "if")) {
		push('i', parse_or());
	} else if (!strcmp(w, "endif")) {
		pop('i');
	} else if (!strcmp(w, "source")) {
		parse_file(quoted());
	} else {
		die("'%s' is not known here", w);
	}
}

void parse_file(const char *name)
{
	struct source src = { .name = name }, *outer = in;
	const char *tok[MAX_TOKENS + 1];
	struct entry *title = NULL;
	struct sym *open = NULL;
	unsigned i, n, level = depth;
	char path[4096], *line;

	src.f = *name == '/' || !outer ? fopen(name, "r") : NULL;
	for (i = 0; i < 2 && !src.f; i++) {
		snprintf(path, sizeof(path), "%s/%s", source_dirs[i], name);
		src.f = fopen(path, "r");
	}
	if (!src.f)
		die("%s: %s", name, strerror(errno));
	in = &src;
	while ((line = read_line())) {
		n = split(line, tok);
		tok[n] = NULL;
		cur = tok;
		if (n)
			statement(&open, &title);
	}
	if (depth != level)
		die("menu or if not ended");
	fclose(src.f);
	in = outer;
}
