/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of the Kconfig language that this program uses, in one host program without libraries, so that configuring needs
 * nothing beyond what builds. Usage (from the Makefile):
 *     kconfig MODE KCONFIG FILE [OUT [OUT2]]
 * MODE: defconfig FILE OUT            OUT from a file that may name only some symbols, the rest by default
 *       allnoconfig | allyesconfig | randconfig FILE      writes FILE ($KCONFIG_SEED repeats a random one)
 *       olddefconfig | oldconfig FILE  completes FILE, by default or by asking on stdin
 *       savedefconfig FILE OUT         OUT: only what differs from the defaults
 *       sync FILE OUT OUT2             OUT: autoconf.h for C, OUT2: assignments for make
 * Language: mainmenu, menu, config, bool, int, string, prompt, default, depends on, select, range, help, source, if, comment.
 * `source` looks in the folder of FILE/OUT first (generated parts), then beside KCONFIG. Dependencies hold in every mode.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "kconfig.h"

/* Values */

static const char *value(struct sym *s);

static const char *text_of(const struct expr *e)
{
	return e->op == 'c' ? e->text : e->sym->type == T_NONE ? e->sym->name : value(e->sym);
}

static bool holds(const struct expr *e)
{
	if (!e)
		return true;
	switch (e->op) {
	case '!': return !holds(e->l);
	case '&': return holds(e->l) && holds(e->r);
	case '|': return holds(e->l) || holds(e->r);
	case '=': return !strcmp(text_of(e->l), text_of(e->r));
	case '#': return strcmp(text_of(e->l), text_of(e->r)) != 0;
	default: return !strcmp(text_of(e), "y");
	}
}

static bool visible(const struct sym *s)
{
	return s->prompt && holds(s->dep) && holds(s->prompt_if);
}

static bool is_int(const char *t)
{
	char *end;

	errno = 0;
	strtoll(t, &end, 0);
	return *t && !*end && !errno;
}

static const char *in_range(const struct sym *s, const char *v)
{
	const struct prop *p;
	const char *lo, *hi;

	for (p = s->ranges; p; p = p->next) {
		if (!holds(p->cond))
			continue;
		lo = text_of(p->what);
		hi = text_of(p->upper);
		if (strtoll(v, NULL, 0) < strtoll(lo, NULL, 0))
			return lo;
		return strtoll(v, NULL, 0) > strtoll(hi, NULL, 0) ? hi : v;
	}
	return v;
}

/* The first default whose condition holds, NULL: none. */
static const struct prop *active_default(const struct sym *s)
{
	const struct prop *p;

	for (p = s->defaults; p && !holds(p->cond); p = p->next)
		;
	return p;
}

static const char *value(struct sym *s)
{
	const struct prop *p;
	const char *v = s->type == T_BOOL ? "n" : s->type == T_INT ? "0" : "";

	if (s->state == DONE)
		return s->val;
	if (s->state == BUSY)
		die("CONFIG_%s depends on itself (%s:%u)", s->name, s->file ? s->file : "?", s->line);
	s->state = BUSY;
	if (holds(s->dep)) {
		if (s->user && visible(s)) {
			v = s->user;
		} else {
			p = active_default(s);
			if (p)
				v = s->type == T_BOOL ? (holds(p->what) ? "y" : "n") : text_of(p->what);
		}
	}
	if (s->type == T_BOOL)
		for (p = s->selected_by; p; p = p->next)
			if (holds(p->what) && holds(p->cond))
				v = "y";
	if (s->type == T_INT)
		v = in_range(s, v);
	s->val = v;
	s->state = DONE;
	return v;
}

static void forget_values(void)
{
	unsigned i;

	for (i = 0; i < nsyms; i++)
		syms[i]->state = TODO;
}

static bool set_user(struct sym *s, const char *v)
{
	if (s->type == T_BOOL && strcmp(v, "y") && strcmp(v, "n"))
		return false;
	if (s->type == T_INT && !is_int(v))
		return false;
	s->user = copy(v, strlen(v));
	forget_values();
	return true;
}

/* Reading and writing configurations */

static void read_config(const char *file, bool must)
{
	FILE *f = fopen(file, "r");
	char line[4096], *name, *v, *end;
	struct sym *s;

	if (!f) {
		if (must)
			die("%s: %s", file, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = 0;
		if (!strncmp(line, "# CONFIG_", 9) && (end = strstr(line, " is not set"))) {
			*end = 0;
			name = line + 9;
			v = "n";
		} else if (!strncmp(line, "CONFIG_", 7) && (v = strchr(line, '='))) {
			*v++ = 0;
			name = line + 7;
		} else {
			continue;
		}
		s = lookup(name);
		if (s->type == T_STRING && *v == '"' && strlen(v) > 1) {
			v++;
			v[strlen(v) - 1] = 0;
		}
		if (s->type == T_NONE)
			fprintf(stderr, "%s: CONFIG_%s is not known, ignored\n", file, name);
		else if (!set_user(s, v))
			fprintf(stderr, "%s: CONFIG_%s=%s is no value for it, ignored\n", file, name, v);
	}
	fclose(f);
}

static void print_symbol(FILE *f, struct sym *s)
{
	const char *v = value(s);

	if (s->type == T_BOOL && *v == 'n')
		fprintf(f, "# CONFIG_%s is not set\n", s->name);
	else
		fprintf(f, s->type == T_STRING ? "CONFIG_%s=\"%s\"\n" : "CONFIG_%s=%s\n", s->name, v);
}

/* What counts: symbols out of reach are left out, save those that another one selects. */
static bool in_play(struct sym *s)
{
	return (holds(s->dep) && (visible(s) || active_default(s))) || (s->type == T_BOOL && *value(s) == 'y');
}

static void print_config(FILE *f)
{
	unsigned i;

	fprintf(f, "#\n# Made by scripts/kconfig; see `make help`.\n#\n");
	for (i = 0; i < nentries; i++) {
		if (entries[i].kind != E_SYM && holds(entries[i].dep))
			fprintf(f, "\n#\n# %s\n#\n", entries[i].title);
		else if (entries[i].kind == E_SYM && in_play(entries[i].sym))
			print_symbol(f, entries[i].sym);
	}
}

static void print_defconfig(FILE *f)
{
	const char *now;
	struct sym *s;
	unsigned i;
	char *user;

	for (i = 0; i < nentries; i++) {
		s = entries[i].sym;
		if (entries[i].kind != E_SYM || !visible(s))
			continue;
		now = value(s);
		user = s->user;
		s->user = NULL;
		forget_values();
		if (strcmp(value(s), now)) {
			s->user = user;
			forget_values();
			print_symbol(f, s);
		}
		s->user = user;
		forget_values();
	}
}

static void print_header(FILE *f)
{
	struct sym *s;
	unsigned i;

	fprintf(f, "/* Made by scripts/kconfig from .config. */\n");
	for (i = 0; i < nentries; i++) {
		s = entries[i].sym;
		if (entries[i].kind != E_SYM || !in_play(s) || (s->type == T_BOOL && *value(s) == 'n'))
			continue;
		if (s->type == T_BOOL)
			fprintf(f, "#define CONFIG_%s 1\n", s->name);
		else
			fprintf(f, s->type == T_INT ? "#define CONFIG_%s %s\n" : "#define CONFIG_%s \"%s\"\n", s->name, value(s));
	}
}

static void print_make(FILE *f)
{
	unsigned i;

	fprintf(f, "# Made by scripts/kconfig from .config.\n");
	for (i = 0; i < nentries; i++)
		if (entries[i].kind == E_SYM && in_play(entries[i].sym) && *value(entries[i].sym) != 'n')
			fprintf(f, "CONFIG_%s := %s\n", entries[i].sym->name, value(entries[i].sym));
}

/* Written beside and renamed, so that no other make sees half of it; left alone when nothing changed, if KEEP. */
static void write_file(const char *name, void (*print)(FILE *), bool keep)
{
	char tmp[4096], a[4096], b[4096];
	size_t na = 0, nb = 0;
	FILE *f, *old;

	snprintf(tmp, sizeof(tmp), "%s.%ld", name, (long)getpid());
	f = fopen(tmp, "w+");
	if (!f)
		die("%s: %s", tmp, strerror(errno));
	print(f);
	old = keep ? fopen(name, "r") : NULL;
	if (old) {
		rewind(f);
		do {
			na = fread(a, 1, sizeof(a), f);
			nb = fread(b, 1, sizeof(b), old);
		} while (na && na == nb && !memcmp(a, b, na));
		fclose(old);
		keep = !na && !nb;
	} else {
		keep = false;
	}
	if (ferror(f) || fclose(f) || (keep ? unlink(tmp) : rename(tmp, name)))
		die("%s: %s", name, strerror(errno));
}

/* Modes */

static uint64_t next_random(void)
{
	static uint64_t x;
	const char *seed = getenv("KCONFIG_SEED");

	if (!x) {
		x = seed && *seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
		printf("KCONFIG_SEED=%llu\n", (unsigned long long)x);
		x = x * 0x9e3779b97f4a7c15ULL + 1;
	}
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static void set_all(const char *mode)
{
	const struct prop *p;
	unsigned i, dice;
	struct sym *s;

	for (i = 0; i < nentries; i++) {
		s = entries[i].sym;
		if (entries[i].kind != E_SYM)
			continue;
		dice = !strcmp(mode, "randconfig") ? next_random() >> 20 & 7 : 0;
		if (s->type == T_BOOL)
			set_user(s, !strcmp(mode, "allnoconfig") ? "n" : !strcmp(mode, "allyesconfig") || dice & 1 ? "y" : "n");
		for (p = s->ranges; p && dice > 5; p = NULL)
			set_user(s, text_of(dice == 6 ? p->what : p->upper));
	}
}

static void ask(struct sym *s)
{
	char line[1024];

	for (;;) {
		printf("%s (%s) [%s] (new; ? explains) ", s->prompt, s->name, value(s));
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin)) {
			printf("\n");
			return;
		}
		line[strcspn(line, "\r\n")] = 0;
		if (!strcmp(line, "?")) {
			printf("%s\n", s->help ? s->help : "There is no help for this symbol.");
			continue;
		}
		if (!*line || set_user(s, line)) {
			if (!*line)
				set_user(s, value(s));
			return;
		}
		printf("%s expected\n", s->type == T_BOOL ? "y or n" : "a number");
	}
}

static void ask_all(void)
{
	unsigned i;

	for (i = 0; i < nentries; i++)
		if (entries[i].kind == E_SYM && !entries[i].sym->user && visible(entries[i].sym))
			ask(entries[i].sym);
}

/* A dependency that a select overrides builds something nobody thought of: say so. */
static void check(void)
{
	unsigned i;

	for (i = 0; i < nentries; i++) {
		if (entries[i].kind != E_SYM)
			continue;
		if (entries[i].sym->type == T_NONE)
			die("CONFIG_%s has no type (%s:%u)", entries[i].sym->name, entries[i].sym->file, entries[i].sym->line);
		if (*value(entries[i].sym) == 'y' && !holds(entries[i].sym->dep))
			fprintf(stderr, "kconfig: CONFIG_%s is selected although what it depends on is off\n",
				entries[i].sym->name);
	}
}

static const char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? copy(path, (size_t)(slash - path)) : ".";
}

int main(int argc, char **argv)
{
	const char *mode = argc > 3 ? argv[1] : "", *file = argc > 3 ? argv[3] : "";
	int outs = !strcmp(mode, "sync") ? 2 : !strcmp(mode, "defconfig") || !strcmp(mode, "savedefconfig");

	if (argc != 4 + outs) {
		fprintf(stderr, "usage: kconfig MODE KCONFIG FILE [OUT [OUT2]]\n");
		return 2;
	}
	source_dirs[0] = dir_of(outs ? argv[argc - 1] : file);
	source_dirs[1] = dir_of(argv[2]);
	parse_file(argv[2]);
	if (strncmp(mode, "all", 3) && strcmp(mode, "randconfig"))
		read_config(file, strcmp(mode, "oldconfig") != 0);
	else
		set_all(mode);
	if (!strcmp(mode, "oldconfig"))
		ask_all();
	check();
	if (!strcmp(mode, "sync")) {
		write_file(argv[4], print_header, true);
		write_file(argv[5], print_make, false);
	} else if (!strcmp(mode, "savedefconfig")) {
		write_file(argv[4], print_defconfig, false);
	} else {
		write_file(outs ? argv[4] : file, print_config, false);
	}
	return 0;
}
