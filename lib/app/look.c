/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that every applet shares. */
#include "app/look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"
#include "core/util.h"

#define O(member) offsetof(struct look, member)
#if IS_ENABLED(CONFIG_PACKETS)
#define PLACES "|cpu|dev|queue"
#else
#define PLACES ""
#endif

const struct opt look_opts[] = {
	{ '4', OPT_FLAG, O(v4), NULL, NULL, HELP("IPv4 only"), 0, 0 },
	{ '6', OPT_FLAG, O(v6), NULL, NULL, HELP("IPv6 only"), 0, 0 },
	{ 't', OPT_FLAG, O(tcp), "tcp", NULL, HELP("TCP"), 0, 0 },
	{ 'u', OPT_FLAG, O(udp), "udp", NULL, HELP("UDP"), 0, 0 },
	{ 0, OPT_FLAG, O(raw), "raw", NULL, HELP("raw sockets"), 0, 0 },
	{ 'A', OPT_FLAG, O(all_states), "all", NULL, HELP("sockets in every state, listening ones too"), 0, 0 },
	{ 'p', OPT_TEXT, O(proc), "process", "PID|NAME", HELP("flows of this process"), 0, 0 },
#if IS_ENABLED(CONFIG_NETNS)
	{ 0, OPT_TEXT, O(netns), "netns", "all|NAME|PID", HELP("another network namespace than the caller's"), 0, 0 },
#endif
#if IS_ENABLED(CONFIG_INTERVAL)
	{ 'i', OPT_SECS, O(interval_ns), "interval", "SECS", HELP("sample an interval of this length"), NSEC_PER_MSEC, 86400 * NSEC_PER_SEC },
	{ 'c', OPT_UINT, O(count), "count", "N", HELP("repeat so often (0: without end)"), 0, UINT32_MAX - 1 },
#endif
#if IS_ENABLED(CONFIG_LIVE)
	{ 'w', OPT_FLAG, O(watch), "watch", NULL, HELP("live screen (keys: s sort, g group, p pause, q quit)"), 0, 0 },
#endif
#if IS_ENABLED(CONFIG_GROUPS)
	{ 'g', OPT_LIST, O(group), "group", "none|peer|prefix|proc|cgroup" PLACES, HELP("one row per group"), 0, 0 },
	{ 0, OPT_UINT, O(prefix4), "prefix4", "BITS", HELP("length of IPv4 prefixes for -g prefix (24)"), 0, 32 },
	{ 0, OPT_UINT, O(prefix6), "prefix6", "BITS", HELP("length of IPv6 prefixes for -g prefix (48)"), 0, 128 },
#endif
	{ 's', OPT_TEXT, O(sort), "sort", "FIELD", HELP("largest first (+FIELD: smallest first; none: the kernel's order)"), 0, 0 },
	{ 'N', OPT_UINT, O(rows), "rows", "N", HELP("at most so many rows (0: all)"), 0, UINT32_MAX - 1 },
	{ 0, OPT_TEXT, O(cols), "cols", "LIST", HELP("fields to show: a,b,c, all, or +a,b beside the usual ones"), 0, 0 },
	{ 'l', OPT_FLAG, O(words), "long", NULL, HELP("every field that is known, one line per flow"), 0, 0 },
	{ 0, OPT_LIST, O(procs), "procs", "auto|bpf|proc|no", HELP("where process names come from"), 0, 0 },
	{ 0, OPT_FLAG, O(cmdline), "args", NULL, HELP("show the arguments of processes too (they can hold secrets)"), 0, 0 },
#if IS_ENABLED(CONFIG_RESOLVE)
	{ 'R', OPT_FLAG, O(resolve), "resolve", NULL, HELP("ask for the names of peers"), 0, 0 },
#endif
	{ 'n', OPT_FLAG, O(numeric), "numeric", NULL, HELP("never ask for names"), 0, 0 },
	{ 'a', OPT_FLAG, O(ascii), "ascii", NULL, HELP("plain ASCII"), 0, 0 },
	{ 0, OPT_LIST, O(color), "color", "auto|always|never", HELP("colours"), 0, 0 },
#if IS_ENABLED(CONFIG_JSON)
	{ 'j', OPT_FLAG, O(json), "json", NULL, HELP("one JSON document"), 0, 0 },
	{ 'J', OPT_FLAG, O(jsonl), "jsonl", NULL, HELP("JSON lines, one per sample"), 0, 0 },
#endif
#if IS_ENABLED(CONFIG_METRICS)
	{ 0, OPT_FLAG, O(metrics), "metrics", NULL, HELP("Prometheus text"), 0, 0 },
#endif
	{ 'o', OPT_TEXT, O(out), "output", "FILE", HELP("write to FILE, in one step"), 0, 0 },
	{ 'v', OPT_FLAG, O(verbose), "verbose", NULL, HELP("what the look cost"), 0, 0 },
#if IS_ENABLED(CONFIG_REPLAY)
	{ 0, OPT_TEXT, O(record), "record", "DIR", HELP("record the kernel's answers in DIR"), 0, 0 },
	{ 0, OPT_TEXT, O(replay), "replay", "DIR", HELP("answer from a recording"), 0, 0 },
#endif
	{ 'h', OPT_HELP, 0, "help", NULL, HELP("this help"), 0, 0 },
	{ 0 }
};

void look_init(struct look *l)
{
	memset(l, 0, sizeof(*l));
	l->count = COUNT_DEFAULT;
	l->prefix4 = 24;
	l->prefix6 = 48;
	l->rows = ROWS_DEFAULT;
}

static int check_together(const struct look *l, struct err *e)
{
	unsigned formats = l->json + l->jsonl + l->metrics + l->words;

	if ((IS_ENABLED(CONFIG_JSON) || IS_ENABLED(CONFIG_METRICS)) && formats > 1)
		return err_set(e, EINVAL, "-j, -J, --metrics and -l exclude each other");
	if (IS_ENABLED(CONFIG_JSON) && l->json && l->count != 1)
		return err_set(e, EINVAL, "-j is one document: use -J for more than one sample (-c)");
	if (IS_ENABLED(CONFIG_LIVE) && l->watch && (formats || l->out))
		return err_set(e, EINVAL, "-w is a screen: it takes no -j, -J, --metrics, -l or -o");
	if (IS_ENABLED(CONFIG_INTERVAL) && l->count != 1 && !l->interval_ns && !l->watch)
		return err_set(e, EINVAL, "-c needs -i SECONDS: how long each sample is");
	if (IS_ENABLED(CONFIG_JSON) && l->out && l->jsonl && l->count != 1)
		return err_set(e, EINVAL, "-o holds one sample: for JSON lines of several let the shell redirect them");
	if (IS_ENABLED(CONFIG_RESOLVE) && l->resolve && l->numeric)
		return err_set(e, EINVAL, "-R and -n exclude each other");
	if (is_privileged_start() && (l->out || l->record || l->replay))
		return err_set(e, EPERM, "-o, --record and --replay are refused: started with more rights than yours");
	return 0;
}

/* -p NAME becomes a filter; quoting keeps a name such as "a b" or "or" one word. */
static int filter_process(struct look *l, struct err *e)
{
	char text[80];
	size_t n = strlen(l->proc);

	if (!n || n > 60 || strpbrk(l->proc, "'\""))
		return err_set(e, EINVAL, "-p: '%s' is not a process id or name", l->proc);
	fmt_text(text, sizeof(text), "proc '%s'", l->proc);
	return filter_and(&l->filter, text, e);
}

static int build_filter(struct look *l, unsigned nwords, char *const *words, struct err *e)
{
	struct buf b = BUF_INIT;
	unsigned i;
	int r;

	for (i = 0; i < nwords; i++) {
		if (i)
			buf_ch(&b, ' ');
		buf_str(&b, words[i]);
	}
	if (b.failed)
		r = err_set(e, ENOMEM, "out of memory");
	else
		r = filter_parse(&l->filter, &flow_schema, b.p ? b.p : "", b.len, e);
	buf_free(&b);
	if (!r && l->v4 != l->v6)
		r = filter_and(&l->filter, l->v4 ? "ip" : "ip6", e);
	if (!r && l->proc)
		r = filter_process(l, e);
	return r;
}

/* OPTION named field F, which another applet supplies. */
static int not_served(const char *option, unsigned f, struct err *e)
{
	return err_set(e, EINVAL, "%s: '%s' is counted by flowq", option, flow_schema.field[f].word);
}

static int check_filter(const struct look *l, struct err *e)
{
	unsigned f;

	for (f = 0; f < F_COUNT; f++)
		if (fieldset_has(&l->filter.reads, f) && !look_serves(l, f))
			return not_served("filter", f, e);
	return 0;
}

static int find_sort(struct look *l, const char *default_sort, struct err *e)
{
	const char *word = l->sort ? l->sort : default_sort;
	int f;

	if (!strcmp(word, "none")) {
		l->sort_none = true;
		return 0;
	}
	l->sort_ascending = *word == '+';
	f = schema_find(&flow_schema, word + l->sort_ascending, strlen(word + l->sort_ascending));
	if (f < 0)
		return err_set(e, EINVAL, "-s: '%s' is no field (fleutan --fields lists them)", word);
	l->sort_field = (unsigned)f;
	return look_serves(l, l->sort_field) ? 0 : not_served("-s", l->sort_field, e);
}

int look_settle(struct look *l, const char *default_sort, unsigned nwords, char *const *words, struct err *e)
{
	int r;

	/* One look, or a screen without end, unless -c says otherwise. */
	if (l->count == COUNT_DEFAULT)
		l->count = l->watch ? 0 : 1;
	r = check_together(l, e);
	if (!r)
		r = build_filter(l, nwords, words, e);
	if (IS_ENABLED(CONFIG_PACKETS) && !r)
		r = check_filter(l, e);
	if (!r)
		r = find_sort(l, default_sort, e);
	if (r)
		return r;
	l->asked = l->filter.reads;
	if (l->sort && !l->sort_none)
		fieldset_add(&l->asked, l->sort_field);
	if (IS_ENABLED(CONFIG_GROUPS))
		group_reads((enum group_by)l->group, l->serves & SERVES(FLOW_SRC_PACKET), &l->asked);
	if (l->procs == PROCS_NO && fieldset_has(&l->asked, F_PROCS))
		return err_set(e, EINVAL, "--procs no: but the filter, -s or -g asks for processes");
	if (l->procs == PROCS_BPF || l->procs == PROCS_PROC)
		fieldset_add(&l->asked, F_PROCS);
	screen_init(&l->screen, STDOUT_FILENO, l->ascii, (enum color_mode)l->color);
	return 0;
}

static int add_column(uint8_t *col, unsigned *n, unsigned field)
{
	unsigned i;

	for (i = 0; i < *n; i++)
		if (col[i] == field)
			return 0;
	if (*n == SCHEMA_FIELDS_MAX)
		return -E2BIG;
	col[(*n)++] = (uint8_t)field;
	return 0;
}

int look_columns(const struct look *l, const uint8_t *defaults, unsigned ndefaults, uint8_t *col, struct err *e)
{
	const char *p = l->cols;
	unsigned n = 0, i;

	if (!strcmp(p, "all")) {
		for (i = 0; i < F_COUNT; i++)
			if (look_serves(l, i))
				add_column(col, &n, i);
		return (int)n;
	}
	if (*p == '+') {
		for (i = 0; i < ndefaults; i++)
			add_column(col, &n, defaults[i]);
		p++;
	}
	for (;;) {
		size_t len = strcspn(p, ",");
		int f = schema_find(&flow_schema, p, len);

		if (f < 0)
			return err_set(e, EINVAL, "--cols: '%.*s' is no field (fleutan --fields lists them)", (int)MIN(len, 40u), p);
		if (!look_serves(l, (unsigned)f))
			return not_served("--cols", (unsigned)f, e);
		add_column(col, &n, (unsigned)f);
		if (!p[len])
			return (int)n;
		p += len + 1;
	}
}

int look_write(const struct look *l, struct buf *b, struct err *e)
{
	char tmp[4096];
	struct stat st;
	int fd, r;

	if (b->failed)
		return err_set(e, ENOMEM, "out of memory");
	if (!l->out) {
		r = buf_flush(b, STDOUT_FILENO);
		return r ? err_set(e, -r, "standard output: %s", err_text(-r)) : 0;
	}
	/* Only a plain file can be replaced in one step: rename() would put one in the place of a device. */
	if (!lstat(l->out, &st) && !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "-o: %s is no plain file (let the shell redirect to it)", l->out);
	if (fmt_text(tmp, sizeof(tmp), "%s.%d.tmp", l->out, (int)getpid()) >= sizeof(tmp))
		return err_set(e, ENAMETOOLONG, "-o: the name is too long");
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_set(e, errno, "-o: cannot create %s: %s", tmp, err_text(errno));
	r = buf_flush(b, fd);
	if (!r && fsync(fd) && errno != EINVAL)
		r = -errno;
	if (close(fd) && !r)
		r = -errno;
	if (!r && rename(tmp, l->out))
		r = -errno;
	if (r) {
		unlink(tmp);
		return err_set(e, -r, "-o: cannot write %s: %s", l->out, err_text(-r));
	}
	return 0;
}
