// SPDX-License-Identifier: GPL-2.0-or-later
/* The option parser and the help that follows from the option tables. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>
#include "check.h"
#include "core/applet.h"
#include "core/util.h"

struct o {
	bool v4, json, long_only;
	const char *proc, *out;
	uint32_t rows, any;
	uint64_t every, age;
	int group, color;
};

static const struct opt own[] = {
	{ 'g', OPT_LIST, offsetof(struct o, group), "group", "peer|prefix|proc|cgroup", "group the flows", 0, 0 },
	{ 0, OPT_LIST, offsetof(struct o, color), "color", "auto|always|never", "colours", 0, 0 },
	{ 'p', OPT_TEXT, offsetof(struct o, proc), "proc", "PID|NAME", "only flows of this process", 0, 0 },
	{ 0, OPT_FLAG, offsetof(struct o, long_only), "long-only", NULL, "a flag without a letter", 0, 0 },
	{ 0 }
};
static const struct opt none[] = { { 0 } };
static const struct opt common[] = {
	{ '4', OPT_FLAG, offsetof(struct o, v4), NULL, NULL, "IPv4 only", 0, 0 },
	{ 'j', OPT_FLAG, offsetof(struct o, json), "json", NULL,
	  "one JSON document whose help is so long that it has to go on in a second line", 0, 0 },
	{ 'N', OPT_UINT, offsetof(struct o, rows), "rows", "NUM", "rows to show", 0, 1000000 },
	{ 0, OPT_UINT, offsetof(struct o, any), "any-number-without-limits", "NUM", "any number", 5, 0 },
	{ 'i', OPT_SECS, offsetof(struct o, every), "interval", "SECS", "sample for so long", 1000000,
	  3600 * NSEC_PER_SEC },
	{ 0, OPT_SECS, offsetof(struct o, age), "age", "SECS", "any time", 0, 0 },
	{ 'h', OPT_HELP, 0, "help", NULL, "this help", 0, 0 },
	{ 0 }
};
static const struct opt *const tables[] = { own, none, common, NULL };
static const struct applet flowlat = {
	.name = "flowlat", .summary = "How far away are my flows?", .opts = tables, .args = "[FILTER]",
	.example = "  flowlat -g peer 'dport 443'",
};
static const struct applet flowq = { .name = "flowq", .summary = "queues", .opts = tables };
const struct applet *const applets[] = { &flowlat, &flowq, NULL };

static struct o got;
static struct err err;
static char *words[16];

/* Parses the strings that follow (up to NULL) after a program name; what was collected is in words[]. */
static int parse(const char *first, ...)
{
	int argc = 1;
	va_list ap;

	memset(words, 0, sizeof(words));
	memset(&err, 0, sizeof(err));
	got = (struct o){ .rows = 77, .every = 88, .age = 99, .group = -1, .color = -1 };
	words[0] = (char *)"flowlat";
	va_start(ap, first);
	for (const char *s = first; s; s = va_arg(ap, const char *))
		words[argc++] = (char *)s;
	va_end(ap);
	return opts_parse(&flowlat, argc, words, &got, &err);
}

#define BAD(want, ...) do { \
	CHECK_EQ(parse(__VA_ARGS__, NULL), -EINVAL); \
	CHECK_STR(err.text, want); \
} while (0)

/* What FN writes to descriptor FD. */
static const char *captured(int fd, void (*fn)(void))
{
	static char out[4096];
	char path[] = "/tmp/t_opts.XXXXXX";
	int file = mkstemp(path), keep = dup(fd);
	ssize_t n;

	unlink(path);
	fflush(NULL);
	dup2(file, fd);
	fn();
	dup2(keep, fd);
	n = pread(file, out, sizeof(out) - 1, 0);
	out[n > 0 ? n : 0] = 0;
	close(file);
	close(keep);
	return out;
}

static void good(void)
{
	CHECK_EQ(parse(NULL), 0);
	CHECK(!words[0]);
	CHECK_EQ(got.rows, 77);
	CHECK_EQ(parse("-j", "dport", "443", NULL), 2);
	CHECK_STR(words[0], "dport");
	CHECK_STR(words[1], "443");
	CHECK(!words[2]);
	CHECK(got.json && !got.v4);
	CHECK_EQ(parse("dport", "-4jN5", "443", NULL), 2);
	CHECK(got.json && got.v4);
	CHECK_EQ(got.rows, 5);
	CHECK_STR(words[1], "443");
	CHECK_EQ(parse("-jN", "6", "x", NULL), 1);
	CHECK_EQ(got.rows, 6);
	CHECK_STR(words[0], "x");
	CHECK_EQ(parse("--rows=0", "--proc", "sshd", "--json", "--long-only", NULL), 0);
	CHECK_EQ(got.rows, 0);
	CHECK_STR(got.proc, "sshd");
	CHECK(got.json && got.long_only);
	CHECK_EQ(parse("-p", "-j", NULL), 0); /* a value is a value, whatever it looks like */
	CHECK_STR(got.proc, "-j");
	CHECK(!got.json);
	CHECK_EQ(parse("--proc=", NULL), 0);
	CHECK_STR(got.proc, "");
	CHECK_EQ(parse("--proc=a=b", NULL), 0);
	CHECK_STR(got.proc, "a=b");
	CHECK_EQ(parse("-p", "", NULL), 0);
	CHECK_STR(got.proc, "");
	CHECK_EQ(parse("-N1", "-N2", "--rows", "0x10", NULL), 0);
	CHECK_EQ(got.rows, 16);
	CHECK_EQ(parse("a", "--", "-5", "--json", "-j", NULL), 4);
	CHECK_STR(words[1], "-5");
	CHECK_STR(words[3], "-j");
	CHECK(!got.json);
	CHECK_EQ(parse("--", "--", NULL), 1);
	CHECK_STR(words[0], "--");
	CHECK_EQ(parse("-", "", NULL), 2);
	CHECK_STR(words[0], "-");
	CHECK_STR(words[1], "");
	CHECK_EQ(parse("-g", "peer", NULL), 0);
	CHECK_EQ(got.group, 0);
	CHECK_EQ(parse("-gproc", "--color=never", NULL), 0);
	CHECK_EQ(got.group, 2);
	CHECK_EQ(got.color, 2);
	CHECK_EQ(parse("-g", "cgroup", "-g", "prefix", NULL), 0);
	CHECK_EQ(got.group, 1);
	CHECK_EQ(parse("--any-number-without-limits=4294967295", NULL), 0);
	CHECK_EQ(got.any, 4294967295u);
}

static void times(void)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} t[] = {
		{ "5", 5 * NSEC_PER_SEC }, { "0.5", NSEC_PER_SEC / 2 }, { ".25", NSEC_PER_SEC / 4 },
		{ "3.", 3 * NSEC_PER_SEC },
		{ "200ms", 200 * NSEC_PER_MSEC }, { "1.5us", 1500 }, { "7ns", 7 }, { "7.9ns", 7 },
		{ "2s", 2 * NSEC_PER_SEC },
		{ "1.5m", 90 * NSEC_PER_SEC }, { "0", 0 }, { "0.0000000019", 1 }, { "0.123456789", 123456789 },
		{ "18446744072", 18446744072 * NSEC_PER_SEC }, { "0.00000000000000000000001m", 0 },
		{ "0.01666666666m", 999999996 },
	};
	static const char *const bad[] = {
		"", ".", "s", ".s", "5 ", " 5", "5x", "5ss", "-5", "+5", "1e3", "0x5", "1.2.3", "5S", "5 ms",
		"18446744074",
		"99999999999999999999", "307445735m", "1,5",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		CHECK_EQ(parse("--age", t[i].text, NULL), 0);
		CHECK_EQ(got.age, t[i].ns);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(parse("--age", bad[i], NULL), -EINVAL);
		CHECK_EQ(got.age, 99);
	}
	CHECK_EQ(parse("-i1ms", NULL), 0);
	CHECK_EQ(got.every, NSEC_PER_MSEC);
	CHECK_EQ(parse("-i60m", NULL), 0);
}

static void bad(void)
{
	BAD("flowlat: unknown option '--foo' (see flowlat --help)", "--foo");
	BAD("flowlat: unknown option '--foo' (see flowlat --help)", "x", "--foo=bar");
	BAD("flowlat: unknown option '--' (see flowlat --help)", "--=");
	BAD("flowlat: unknown option '--jso' (see flowlat --help)", "--jso");
	BAD("flowlat: unknown option '-x' (see flowlat --help)", "-jx");
	BAD("flowlat: unknown option '-5' (see flowlat --help)", "-5");
	BAD("-i: 'abc' is not a time (expected seconds such as 5, 0.5 or 200ms)", "-i", "abc");
	BAD("--interval: '' is not a time (expected seconds such as 5, 0.5 or 200ms)", "--interval=");
	BAD("-i: expected a time from 1ms to 60m, not '0'", "-i0");
	BAD("-i: expected a time from 1ms to 60m, not '3601'", "-ji", "3601");
	BAD("-N: expected a number from 0 to 1000000, not 'x'", "-N", "x");
	BAD("-N: expected a number from 0 to 1000000, not '1000001'", "-N1000001");
	BAD("--rows: expected a number from 0 to 1000000, not '-1'", "--rows", "-1");
	BAD("--any-number-without-limits: expected a number from 5 to 4294967295, not '4'",
	    "--any-number-without-limits=4");
	BAD("--any-number-without-limits: expected a number from 5 to 4294967295, not '4294967296'",
	    "--any-number-without-limits", "4294967296");
	BAD("-g: expected one of peer|prefix|proc|cgroup, not 'foo'", "-g", "foo");
	BAD("-g: expected one of peer|prefix|proc|cgroup, not 'pee'", "-gpee");
	BAD("--group: expected one of peer|prefix|proc|cgroup, not ''", "--group=");
	BAD("--group: expected one of peer|prefix|proc|cgroup, not 'peer|prefix'", "--group=peer|prefix");
	BAD("--json: takes no value, but got '1'", "--json=1");
	BAD("--help: takes no value, but got 'x'", "--help=x");
	BAD("-N: expected NUM after it", "-jN");
	BAD("--proc: expected PID|NAME after it", "--proc");
	BAD("-g: expected peer|prefix|proc|cgroup after it", "-g");
	BAD("-N: expected a number from 0 to 1000000, "
	    "not '123456789012345678901234567890123456789012345678901234567890'",
	    "-N", "1234567890123456789012345678901234567890123456789012345678901234567890");
}

static int help_status;

static void ask_help(void)
{
	help_status = parse("-4", "--help", "--foo", NULL);
}

static void ask_help_short(void)
{
	help_status = parse("-jh", NULL);
}

static void say(void)
{
	help_status = fail(EXIT_USAGE, "no such\tfile '%s'", "\033[2J\xc2\x9b\n");
}

static const char help_text[] =
	"Usage: flowlat [-4jh] [-g peer|prefix|proc|cgroup] [--color auto|always|never]\n"
	"               [-p PID|NAME] [--long-only] [-N NUM]\n"
	"               [--any-number-without-limits NUM] [-i SECS] [--age SECS]\n"
	"               [FILTER]\n"
	"\n"
	"How far away are my flows?\n"
	"\n"
	"  -g, --group peer|prefix|proc|cgroup  group the flows\n"
	"      --color auto|always|never  colours\n"
	"  -p, --proc PID|NAME  only flows of this process\n"
	"      --long-only      a flag without a letter\n"
	"  -4                   IPv4 only\n"
	"  -j, --json           one JSON document whose help is so long that it has to\n"
	"                       go on in a second line\n"
	"  -N, --rows NUM       rows to show\n"
	"      --any-number-without-limits NUM  any number\n"
	"  -i, --interval SECS  sample for so long\n"
	"      --age SECS       any time\n"
	"  -h, --help           this help\n"
	"\n"
	"  flowlat -g peer 'dport 443'\n";

int main(void)
{
	CHECK(applet_find("flowlat") == &flowlat);
	CHECK(applet_find("flowq") == &flowq);
	CHECK(!applet_find("flow"));
	CHECK(!applet_find(""));
	good();
	times();
	bad();
	CHECK_STR(captured(STDOUT_FILENO, ask_help), help_text);
	CHECK_EQ(help_status, -ECANCELED);
	CHECK_STR(captured(STDOUT_FILENO, ask_help_short), help_text);
	CHECK_EQ(help_status, -ECANCELED);
	CHECK_STR(captured(STDERR_FILENO, say), "fleutan: no such?file '?[2J??" "?'\n");
	CHECK_EQ(help_status, EXIT_USAGE);
	return check_done("opts");
}
