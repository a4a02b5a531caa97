/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Applets and their options. An applet is one file in applets/ whose head carries
 *     //applet: NAME one-line summary
 *     //config: Kconfig lines (the symbol is the name in capitals)
 * and which defines `const struct applet applet_NAME`. The list is generated from those heads.
 */
#ifndef FLEUTAN_APPLET_H
#define FLEUTAN_APPLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/err.h"
#include "core/util.h"

enum exit_status { EXIT_ANSWERED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_PARTLY = 3 };

enum opt_kind {
	OPT_FLAG,  /* bool: set true */
	OPT_TEXT,  /* const char * */
	OPT_UINT,  /* uint32_t, min … max */
	OPT_SECS,  /* uint64_t ns: "5", "0.5", "200ms", min … max in ns */
	OPT_LIST,  /* int: index into `words` ("peer|prefix|proc") */
	OPT_HELP,  /* prints help */
};

/* Explanations, and only where they are printed; without them their text is not in the program. */
#define HELP(text) (IS_ENABLED(CONFIG_LONG_HELP) ? (text) : NULL)

/* One option, one line. Help, man page check and shell completion follow from it. */
struct opt {
	char ch;           /* short form or 0 */
	uint8_t kind;      /* enum opt_kind */
	uint16_t off;      /* offsetof into the struct that opts_parse fills */
	const char *name;  /* long form or NULL */
	const char *arg;   /* what stands for the argument in help: "SECS"; OPT_LIST: the words, separated by '|'; NULL: none */
	const char *help;  /* HELP("…") */
	uint64_t min, max; /* OPT_UINT, OPT_SECS */
};

struct applet {
	const char *name, *summary;
	int (*main)(const struct applet *self, int argc, char **argv); /* returns enum exit_status */
	const struct opt *const *opts; /* NULL-terminated list of option tables, each ended by name NULL and ch 0 */
	const char *args;    /* "[FILTER]" */
	const char *example; /* lines for the end of the help */
};

extern const struct applet *const applets[]; /* NULL-terminated, sorted by name; generated */
const struct applet *applet_find(const char *name);

/*
 * Parses ARGV (argv[0] is the program's name, as main gets it) into the struct at INTO. Words that are no options are
 * collected in argv[0 …] in order; their number is returned (>= 0). A wrong option is one line in E (naming the word
 * and what was expected) and -EINVAL; --help prints help on stdout and returns -ECANCELED. An option may come after
 * words, a repeated one overrides itself, `--` ends the options. A max of 0 is no limit.
 */
int opts_parse(const struct applet *a, int argc, char **argv, void *into, struct err *e);
void applet_help(const struct applet *a);

/*
 * A time such as "5", "0.5", ".5" or "200ms" (LEN bytes) in ns; without a suffix it is in DEFAULT_UNIT ns. False when it is
 * none or does not fit. Digits below a nanosecond are cut off.
 */
bool parse_time(const char *text, size_t len, uint64_t default_unit, uint64_t *ns);

/* Prints "fleutan: text" (one line, made safe) on stderr and returns STATUS. */
int fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
