// SPDX-License-Identifier: GPL-2.0-or-later
/* The option parser on any command line: the input is cut at NUL bytes into words. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "core/applet.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0
#endif

#define WORDS 64

struct o {
	bool a, b;
	const char *text;
	uint32_t num;
	uint64_t secs;
	int list;
};

static const struct opt table[] = {
	{ 'a', OPT_FLAG, offsetof(struct o, a), "all", NULL, "", 0, 0 },
	{ 0, OPT_FLAG, offsetof(struct o, b), "b", NULL, "", 0, 0 },
	{ 'p', OPT_TEXT, offsetof(struct o, text), "proc", "NAME", "", 0, 0 },
	{ 'N', OPT_UINT, offsetof(struct o, num), "rows", "NUM", "", 1, 1000 },
	{ 'i', OPT_SECS, offsetof(struct o, secs), "interval", "SECS", "", 0, 0 },
	{ 'g', OPT_LIST, offsetof(struct o, list), "group", "peer|proc", "", 0, 0 },
	{ 0 }
};
static const struct opt *const tables[] = { table, NULL };
static const struct applet applet = { .name = "fuzz", .summary = "", .opts = tables, .args = "" };
const struct applet *const applets[] = { &applet, NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct o o = { .num = 1, .list = 0 };
	char *argv[WORDS + 1] = { (char *)"fuzz" }, *copy[WORDS];
	struct err e = { 0 };
	int argc = 1, n;

	/* Each word in memory of its own size, so that a step past its end is seen; the lie leaves out its NUL. */
	while (size && argc < WORDS) {
		size_t len = strnlen((const char *)data, size);
		char *w = malloc(FUZZ_LIE ? len : len + 1);

		memcpy(w, data, len);
		if (!FUZZ_LIE)
			w[len] = 0;
		copy[argc] = argv[argc] = w;
		argc++;
		data += len;
		size -= len;
		if (size) {
			data++;
			size--;
		}
	}
	n = opts_parse(&applet, argc, argv, &o, &e);
	if (n >= argc || (n < 0 && n != -EINVAL) || (n < 0) != (e.code != 0) || !o.num || o.num > 1000 || o.list > 1)
		abort();
	for (int i = 0; i < n; i++)
		if (!argv[i])
			abort();
	while (--argc)
		free(copy[argc]);
	return 0;
}
