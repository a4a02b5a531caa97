// SPDX-License-Identifier: GPL-2.0-or-later
/* fleutan: the multicall program's own verbs, and the way from a name to an applet. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/applet.h"
#include "core/buf.h"
#include "core/text.h"
#include "core/util.h"
#include "model/flow.h"
#include "model/queue.h"

#if IS_ENABLED(CONFIG_LINKS)
#define FIELDS_OF "flow|device|queue|qdisc"
#define FIELDS_ARG " [" FIELDS_OF "]"
#else
#define FIELDS_ARG ""
#endif

static void usage(struct buf *b)
{
	unsigned i;

	buf_str(b, "fleutan " FLEUTAN_VERSION ": network flows of this host by process, CPU, latency, path and queue\n\n"
		   "Usage: fleutan APPLET [OPTIONS] [FILTER]\n"
		   "   or: APPLET [OPTIONS] [FILTER], through a link of that name\n");
	if (IS_ENABLED(CONFIG_SEED_VERBS))
		buf_str(b, "   or: fleutan flows --lat|--vol|--cpu|-q, fleutan paths -d\n");
	buf_str(b, "   or: fleutan --list | --fields" FIELDS_ARG " | --version | --install [-s] [DIR]\n\nApplets:\n");
	for (i = 0; applets[i]; i++)
		buf_printf(b, "  %-10s %s\n", applets[i]->name, applets[i]->summary);
	buf_str(b, "\nEach has --help.\n");
}

static int out(struct buf *b)
{
	int r = b->failed ? -ENOMEM : buf_flush(b, STDOUT_FILENO);

	buf_free(b);
	return r ? fail(EXIT_FAILED, "standard output: %s", err_text(-r)) : EXIT_ANSWERED;
}

/* Fields by word, for --cols, -s and filters. */
static void fields(const struct schema *s, struct buf *b)
{
	unsigned i;

	for (i = 0; i < s->n; i++) {
		const struct field *f = &s->field[i];

		buf_printf(b, *field_help(f) ? "%-18s %-30s %s\n" : "%-18s %s%s\n", f->word, f->key, field_help(f));
	}
}

#if IS_ENABLED(CONFIG_LINKS)
/* --fields, and perhaps a word that says of what. */
static int fields_of(int argc, char **argv, struct buf *b)
{
	static const struct schema *const schema[] = { &flow_schema, &device_schema, &queue_schema, &qdisc_schema };
	unsigned i = 0;

	if (argc > 2)
		return fail(EXIT_USAGE, "--fields: '%s' is one too many", argv[2]);
	while (argc == 2 && i < ARRAY_SIZE(schema) && strcmp(argv[1], schema[i]->name))
		i++;
	if (i == ARRAY_SIZE(schema))
		return fail(EXIT_USAGE, "--fields: '%s' has none (expected " FIELDS_OF ")", argv[1]);
	fields(schema[i], b);
	return EXIT_ANSWERED;
}
#endif

static int install_one(const char *self, const char *dir, const char *name, bool symbolic)
{
	char path[4096], tmp[4096];
	int r;

	if (fmt_text(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return fail(EXIT_FAILED, "--install: %s is too long a name", dir);
	if (fmt_text(tmp, sizeof(tmp), "%s/.%s.new", dir, name) >= sizeof(tmp))
		return fail(EXIT_FAILED, "--install: %s is too long a name", dir);
	/* What is there stays until its successor stands. */
	unlink(tmp);
	if (symbolic ? symlink(self, tmp) : link(self, tmp))
		return fail(EXIT_FAILED, "--install: cannot link %s: %s", path, err_text(errno));
	r = rename(tmp, path) ? errno : 0;
	unlink(tmp); /* rename() between two links of one file leaves both */
	if (r)
		return fail(EXIT_FAILED, "--install: cannot replace %s: %s", path, err_text(r));
	return EXIT_ANSWERED;
}

static int install(int argc, char **argv)
{
	char self[4096];
	const char *dir = NULL;
	bool symbolic = false;
	ssize_t n;
	int i, r = EXIT_ANSWERED;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "-s"))
			symbolic = true;
		else if (argv[i][0] == '-' || dir)
			return fail(EXIT_USAGE, "--install: '%s' is one too many (expected [-s] [DIR])", argv[i]);
		else
			dir = argv[i];
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return fail(EXIT_FAILED, "--install: /proc/self/exe: %s", err_text(errno));
	self[n] = 0;
	if (!dir) {
		static char own[4096];

		memcpy(own, self, (size_t)n + 1);
		*strrchr(own, '/') = 0;
		dir = *own ? own : "/";
	}
	for (i = 0; applets[i] && r == EXIT_ANSWERED; i++)
		r = install_one(self, dir, applets[i]->name, symbolic);
	return r;
}

static int run_applet(const char *name, int argc, char **argv)
{
	const struct applet *a = applet_find(name);

	if (!a)
		return fail(EXIT_USAGE, "'%s' is no applet (fleutan --list names them)", name);
	return a->main(a, argc, argv);
}

#if IS_ENABLED(CONFIG_SEED_VERBS)
/* The seed's verbs: the option that chooses the view chooses the applet; what follows from it is put in its place. */
static const struct verb {
	const char *verb, *view; /* view NULL: the verb alone */
	const char *applet;
	const char *add[2];
} verbs[] = {
	{ "flows", "--lat", "flowlat", { "-s+rtt", NULL } },
	{ "flows", "--vol", "flowlat", { "--vol", NULL } },
	{ "flows", "--cpu", "flowcpu", { NULL, NULL } },
	{ "flows", "-q", "flowq", { NULL, NULL } },
	{ "paths", NULL, "flowpath", { NULL, NULL } },
};

static const struct verb *find_verb(int argc, char **argv, int *at)
{
	unsigned i;
	int k;

	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[0], verbs[i].verb))
			continue;
		if (!verbs[i].view) {
			*at = 0;
			return &verbs[i];
		}
		for (k = 1; k < argc; k++)
			if (!strcmp(argv[k], verbs[i].view)) {
				*at = k;
				return &verbs[i];
			}
	}
	return NULL;
}

static int run_verb(int argc, char **argv)
{
	const struct verb *v;
	char **args;
	int at, i, n = 0, r;

	v = find_verb(argc, argv, &at);
	if (!v)
		return fail(EXIT_USAGE, "flows: expected a view: --lat, --vol, --cpu or -q");
	if (!applet_find(v->applet))
		return fail(EXIT_USAGE, "%s %s: the applet %s is not in this program", v->verb, v->view ? v->view : "", v->applet);
	args = calloc((size_t)argc + ARRAY_SIZE(v->add) + 2, sizeof(*args));
	if (!args)
		return fail(EXIT_FAILED, "out of memory");
	args[n++] = (char *)v->applet;
	for (i = 0; i < (int)ARRAY_SIZE(v->add) && v->add[i]; i++)
		args[n++] = (char *)v->add[i];
	for (i = 1; i < argc; i++) {
		if (i == at)
			continue;
		/* Here -t means the thresholds; natively it means TCP. */
		args[n++] = strcmp(argv[i], "-t") ? argv[i] : "--thresh";
	}
	r = run_applet(v->applet, n, args);
	free(args);
	return r;
}
#endif

static int verb_or_applet(int argc, char **argv)
{
	struct buf b = BUF_INIT;
	const char *word = argc ? argv[0] : "--help";
	unsigned i;

	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
		usage(&b);
	} else if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		buf_str(&b, "fleutan " FLEUTAN_VERSION "\n");
	} else if (!strcmp(word, "--list")) {
		for (i = 0; applets[i]; i++)
			buf_printf(&b, "%s\n", applets[i]->name);
	} else if (!strcmp(word, "--fields")) {
#if IS_ENABLED(CONFIG_LINKS)
		int r = fields_of(argc, argv, &b);

		if (r)
			return r;
#else
		fields(&flow_schema, &b);
#endif
	} else if (!strcmp(word, "--install")) {
		return install(argc - 1, argv + 1);
#if IS_ENABLED(CONFIG_SEED_VERBS)
	} else if (!strcmp(word, "flows") || !strcmp(word, "paths")) {
		return run_verb(argc, argv);
#endif
	} else if (word[0] == '-') {
		return fail(EXIT_USAGE, "unknown option '%s' (see fleutan --help)", word);
	} else {
		return run_applet(word, argc, argv);
	}
	return out(&b);
}

int main(int argc, char **argv)
{
	const char *name = argc ? strrchr(argv[0], '/') : NULL;

	name = name ? name + 1 : argc ? argv[0] : "fleutan";
	/* A link named like an applet is one, or was one: better an error than somebody else's answer. */
	if (applet_find(name) || (!strncmp(name, "flow", 4) && strncmp(name, "fleutan", 7)))
		return run_applet(name, argc, argv);
	return verb_or_applet(MAX(argc - 1, 0), argv + (argc > 0));
}
