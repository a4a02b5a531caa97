// SPDX-License-Identifier: GPL-2.0-or-later
/* Applets and their options: one parser, one help, both driven by the option tables. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include "core/applet.h"
#include "core/buf.h"
#include "core/text.h"
#include "core/util.h"

#define HELP_WIDTH 79 /* a serial console, less the column that makes some terminals wrap */
#define HELP_LEFT 30  /* options wider than this push their own help text to the right, not everybody's */

static const struct {
	const char *suffix;
	uint64_t ns;
} time_units[] = {
	{ "m", 60 * NSEC_PER_SEC }, { "s", NSEC_PER_SEC }, { "ms", NSEC_PER_MSEC }, { "us", NSEC_PER_USEC },
	{ "ns", 1 },
};

const struct applet *applet_find(const char *name)
{
	for (unsigned i = 0; applets[i]; i++)
		if (!strcmp(applets[i]->name, name))
			return applets[i];
	return NULL;
}

/* The next option of the applet's tables, in order; NULL after the last. *T is the table, O the previous option. */
static const struct opt *opt_next(const struct opt *const **t, const struct opt *o)
{
	o = o ? o + 1 : **t;
	while (o && !o->name && !o->ch)
		o = *++*t;
	return o;
}

/* By long name (LEN bytes), or by letter when NAME is NULL. */
static const struct opt *opt_find(const struct applet *a, char ch, const char *name, size_t len)
{
	const struct opt *const *t = a->opts;

	for (const struct opt *o = opt_next(&t, NULL); o; o = opt_next(&t, o)) {
		if (!name ? o->ch == ch : o->name && strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	}
	return NULL;
}

static bool takes_value(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_HELP;
}

bool parse_time(const char *text, size_t len, uint64_t default_unit, uint64_t *ns)
{
	char copy[32] = { 0 };
	const char *s = memcpy(copy, text, MIN(len, sizeof(copy) - 1)), *dot = s + strspn(s, "0123456789");
	size_t nfrac = *dot == '.' ? strspn(dot + 1, "0123456789") : 0;
	const char *suffix = dot + (*dot == '.') + nfrac;
	uint64_t unit = *suffix ? 0 : default_unit, v = 0;

	if (len >= sizeof(copy) || (dot == s && !nfrac))
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(time_units); i++)
		if (!strcmp(suffix, time_units[i].suffix))
			unit = time_units[i].ns;
	if (!unit)
		return false;
	for (; s < dot; s++) {
		if (v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (unsigned)(*s - '0');
	}
	if (v >= UINT64_MAX / unit) /* room for the fraction, which is below one unit */
		return false;
	v *= unit;
	for (s = dot + 1; nfrac--; s++)
		v += (unsigned)(*s - '0') * (unit /= 10);
	*ns = v;
	return true;
}

static void secs_text(char *p, size_t cap, uint64_t ns)
{
	unsigned i = 0;

	while (ns % time_units[i].ns)
		i++;
	fmt_text(p, cap, "%" PRIu64 "%s", ns / time_units[i].ns, ns ? time_units[i].suffix : "");
}

static int store_secs(const struct opt *o, int nlabel, const char *label, const char *val, uint64_t *to, struct err *e)
{
	char lo[24], hi[24];
	uint64_t ns, max = o->max ? o->max : UINT64_MAX;

	if (!parse_time(val, strlen(val), NSEC_PER_SEC, &ns))
		return err_set(e, EINVAL, "%.*s: '%.60s' is not a time (expected seconds such as 5, 0.5 or 200ms)",
			       nlabel, label, val);
	if (ns < o->min || ns > max) {
		secs_text(lo, sizeof(lo), o->min);
		secs_text(hi, sizeof(hi), max);
		return err_set(e, EINVAL, "%.*s: expected a time from %s to %s, not '%.60s'", nlabel, label, lo, hi,
			       val);
	}
	*to = ns;
	return 0;
}

static int store_uint(const struct opt *o, int nlabel, const char *label, const char *val, uint32_t *to, struct err *e)
{
	uint64_t v, max = o->max ? MIN(o->max, UINT32_MAX) : UINT32_MAX;

	if (!parse_u64(val, strlen(val), &v) || v < o->min || v > max)
		return err_set(e, EINVAL, "%.*s: expected a number from %" PRIu64 " to %" PRIu64 ", not '%.60s'",
			       nlabel, label, o->min, max, val);
	*to = (uint32_t)v;
	return 0;
}

static int store_list(const struct opt *o, int nlabel, const char *label, const char *val, int *to, struct err *e)
{
	const char *word = o->arg;
	size_t len = strlen(val);

	for (int i = 0; ; i++) {
		size_t n = strcspn(word, "|");

		if (n == len && !memcmp(word, val, n)) {
			*to = i;
			return 0;
		}
		if (!word[n])
			break;
		word += n + 1;
	}
	return err_set(e, EINVAL, "%.*s: expected one of %s, not '%.60s'", nlabel, label, o->arg, val);
}

/* VAL is NULL only for the kinds that take none. */
static int opt_store(const struct applet *a, const struct opt *o, int nlabel, const char *label, const char *val,
		     void *into, struct err *e)
{
	void *to = (char *)into + o->off;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)to = true;
		return 0;
	case OPT_TEXT:
		*(const char **)to = val;
		return 0;
	case OPT_UINT:
		return store_uint(o, nlabel, label, val, to, e);
	case OPT_SECS:
		return store_secs(o, nlabel, label, val, to, e);
	case OPT_LIST:
		return store_list(o, nlabel, label, val, to, e);
	default:
		applet_help(a);
		return -ECANCELED;
	}
}

struct args {
	const struct applet *a;
	int argc, i;  /* the word being read */
	char **argv;
	void *into;
};

static int value_missing(const struct opt *o, int nlabel, const char *label, struct err *e)
{
	return err_set(e, EINVAL, "%.*s: expected %s after it", nlabel, label, o->arg ? o->arg : "a value");
}

/* --name, --name=value, --name value */
static int parse_long(struct args *p, struct err *e)
{
	const char *label = p->argv[p->i], *name = label + 2;
	size_t len = strcspn(name, "=");
	const struct opt *o = opt_find(p->a, 0, name, len);
	const char *val = name[len] ? name + len + 1 : NULL;
	int nlabel = (int)MIN(len, 60) + 2;

	if (!o || !len)
		return err_set(e, EINVAL, "%s: unknown option '%.*s' (see %s --help)", p->a->name, nlabel, label,
			       p->a->name);
	if (val && !takes_value(o))
		return err_set(e, EINVAL, "%.*s: takes no value, but got '%.60s'", nlabel, label, val);
	if (!val && takes_value(o)) {
		if (p->i + 1 >= p->argc)
			return value_missing(o, nlabel, label, e);
		val = p->argv[++p->i];
	}
	return opt_store(p->a, o, nlabel, label, val, p->into, e);
}

/* -x, -xyz, -N5, -N 5 */
static int parse_short(struct args *p, struct err *e)
{
	const char *s = p->argv[p->i] + 1;

	for (; *s; s++) {
		const struct opt *o = opt_find(p->a, *s, NULL, 0);
		const char label[2] = { '-', *s };
		const char *val = NULL;
		int err;

		if (!o)
			return err_set(e, EINVAL, "%s: unknown option '-%c' (see %s --help)", p->a->name, *s,
				       p->a->name);
		if (takes_value(o)) {
			if (s[1])
				val = s + 1;
			else if (p->i + 1 < p->argc)
				val = p->argv[++p->i];
			else
				return value_missing(o, 2, label, e);
		}
		err = opt_store(p->a, o, 2, label, val, p->into, e);
		if (err || val)
			return err;
	}
	return 0;
}

int opts_parse(const struct applet *a, int argc, char **argv, void *into, struct err *e)
{
	struct args p = { .a = a, .argc = argc, .argv = argv, .into = into };
	bool only_words = false;
	int nword = 0, err = 0;

	for (p.i = 1; p.i < argc && !err; p.i++) {
		char *w = argv[p.i];

		/* Words move to the front: they never overtake the word being read. */
		if (only_words || w[0] != '-' || !w[1])
			argv[nword++] = w;
		else if (w[1] != '-')
			err = parse_short(&p, e);
		else if (w[2])
			err = parse_long(&p, e);
		else
			only_words = true;
	}
	if (err)
		return err;
	if (nword < argc)
		argv[nword] = NULL;
	return nword;
}

/* Text that is folded at HELP_WIDTH and goes on INDENT columns further in. */
struct fold {
	struct buf b;
	unsigned col, indent;
	bool bare; /* nothing on this line yet that a space must set off */
};

static void fold_piece(struct fold *f, const char *s, size_t len)
{
	if (!f->bare && f->col + 1 + len > HELP_WIDTH) {
		buf_ch(&f->b, '\n');
		buf_fill(&f->b, ' ', f->indent);
		f->col = f->indent;
	} else if (!f->bare) {
		buf_ch(&f->b, ' ');
		f->col++;
	}
	buf_add(&f->b, s, len);
	f->col += (unsigned)len;
	f->bare = false;
}

static void fold_words(struct fold *f, const char *s)
{
	while (*s) {
		size_t len = strcspn(s, " ");

		fold_piece(f, s, len);
		s += len + (s[len] == ' ');
	}
}

static void fold_end(struct fold *f)
{
	buf_ch(&f->b, '\n');
	f->col = f->indent = 0;
	f->bare = true;
}

/* "Usage: flowlat [-46tu] [-i SECS] [--color auto|always|never] [FILTER]" */
static void help_usage(struct fold *f, const struct applet *a)
{
	const struct opt *const *t = a->opts;
	char piece[128] = "[-";
	size_t n = 2;

	fold_piece(f, "Usage:", 6);
	fold_piece(f, a->name, strlen(a->name));
	f->indent = f->col + 1;
	for (const struct opt *o = opt_next(&t, NULL); o; o = opt_next(&t, o))
		if (o->ch && !takes_value(o) && n + 1 < sizeof(piece))
			piece[n++] = o->ch;
	piece[n++] = ']';
	if (n > 3)
		fold_piece(f, piece, n);
	t = a->opts;
	for (const struct opt *o = opt_next(&t, NULL); o; o = opt_next(&t, o)) {
		size_t len;

		if (o->ch && !takes_value(o))
			continue;
		len = fmt_text(piece, sizeof(piece), "[%s%.*s%s%s]", o->ch ? "-" : "--", o->ch ? 1 : 60,
			       o->ch ? &o->ch : o->name, takes_value(o) ? " " : "", takes_value(o) ? o->arg : "");
		fold_piece(f, piece, MIN(len, sizeof(piece) - 1));
	}
	if (a->args)
		fold_piece(f, a->args, strlen(a->args));
	fold_end(f);
}

/* "  -i, --interval SECS": returns the columns; at most CAP - 1 bytes are kept. */
static unsigned help_left(char *p, size_t cap, const struct opt *o)
{
	size_t n = fmt_text(p, cap, "  %c%c%s%s%s%s%s", o->ch ? '-' : ' ', o->ch ? o->ch : ' ',
			 o->name ? o->ch ? ", " : "  " : "", o->name ? "--" : "", o->name ? o->name : "",
			 takes_value(o) ? " " : "", takes_value(o) ? o->arg : "");

	return (unsigned)MIN(n, cap - 1);
}

static void help_options(struct fold *f, const struct applet *a)
{
	const struct opt *const *t = a->opts;
	unsigned left = 0;
	char text[128];

	for (const struct opt *o = opt_next(&t, NULL); o; o = opt_next(&t, o)) {
		unsigned n = help_left(text, sizeof(text), o);

		if (n <= HELP_LEFT)
			left = MAX(left, n);
	}
	t = a->opts;
	for (const struct opt *o = opt_next(&t, NULL); o; o = opt_next(&t, o)) {
		unsigned n = help_left(text, sizeof(text), o);

		fold_piece(f, text, n);
		if (n < left) {
			buf_fill(&f->b, ' ', left - n);
			f->col = left;
		}
		buf_ch(&f->b, ' '); /* with the one that sets off the first word: two */
		f->col++;
		f->indent = left + 2;
		fold_words(f, o->help);
		fold_end(f);
	}
}

void applet_help(const struct applet *a)
{
	struct fold f = { .b = BUF_INIT, .bare = true };

	help_usage(&f, a);
	if (IS_ENABLED(CONFIG_LONG_HELP)) {
		buf_ch(&f.b, '\n');
		fold_words(&f, a->summary);
		fold_end(&f);
		buf_ch(&f.b, '\n');
		help_options(&f, a);
		if (a->example) {
			buf_ch(&f.b, '\n');
			buf_str(&f.b, a->example);
			if (a->example[0] && a->example[strlen(a->example) - 1] != '\n')
				buf_ch(&f.b, '\n');
		}
	}
	buf_flush(&f.b, STDOUT_FILENO);
	buf_free(&f.b);
}

/* Printable ASCII only: an error may quote anything, and nobody knows here what the terminal makes of other bytes. */
int fail(int status, const char *fmt, ...)
{
	char line[400] = "fleutan: ";
	size_t n = strlen(line);
	va_list ap;

	va_start(ap, fmt);
	fmt_vtext(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	for (n = 0; line[n]; n++)
		if (line[n] < ' ' || line[n] > '~')
			line[n] = '?';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return status; /* nobody is left to tell */
	return status;
}
