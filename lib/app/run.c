/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop that every applet runs. */
#include "app/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "app/spaces.h"
#include "collect/cgroup.h"
#include "collect/door.h"
#include "core/text.h"
#include "core/util.h"
#include "view/live.h"

static volatile sig_atomic_t stopped;

static void on_stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* An interval that is cut short still shows what it has; a second signal ends at once. */
static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_stop, .sa_flags = SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static struct utsname uts;

void run_report_init(struct report *rep, const char *schema, unsigned version, const struct look *l)
{
	struct timespec now;

	memset(rep, 0, sizeof(*rep));
	clock_gettime(CLOCK_REALTIME, &now);
	rep->schema = schema;
	rep->version = version;
	if (!uts.release[0])
		uname(&uts);
	if (door_replaying()) {
		fmt_text(uts.nodename, sizeof(uts.nodename), "replay");
		fmt_text(uts.release, sizeof(uts.release), "replay");
	}
	rep->kernel = uts.release;
	rep->host = uts.nodename;
	rep->netns = l->netns;
	rep->time_ms = door_number("time_ms", (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NSEC_PER_MSEC);
	rep->has_interval = l->interval_ns != 0;
	rep->interval_ns = l->interval_ns;
	rep->flow_schema = &flow_schema;
}

int run_status(const struct look *l, const struct report *rep)
{
	unsigned i;

	if (rep->lost_records || rep->evicted_flows || rep->incomplete || rep->unserved)
		return EXIT_PARTLY;
	for (i = 0; i < HAVE_WORDS; i++)
		if (rep->missing.w[i] & l->asked.w[i])
			return EXIT_PARTLY;
	return EXIT_ANSWERED;
}

/* To stderr at once: it is no part of the answer, and nobody waits for it. */
static void tell(struct buf *b)
{
	buf_flush(b, STDERR_FILENO);
	buf_free(b);
}

static void progress(uint64_t start, uint64_t deadline)
{
	struct buf b = BUF_INIT;
	uint64_t now = now_ns();

	buf_str(&b, "\r\033[K");
	if (now < deadline)
		buf_printf(&b, "sampling: %llu of %llu s", (unsigned long long)((now - start) / NSEC_PER_SEC),
			   (unsigned long long)((deadline - start + NSEC_PER_SEC - 1) / NSEC_PER_SEC));
	tell(&b);
}

/* A key that came while a sample was taken: the sample ends there. */
static int key_waiting;

int run_wait(const struct look *l, uint64_t deadline_ns, int (*step)(void *arg, uint64_t until_ns, struct err *e), void *arg,
	     struct err *e)
{
	uint64_t start = now_ns();
	bool show = !l->watch && isatty(STDERR_FILENO) && deadline_ns > start + NSEC_PER_SEC;
	int r = 0;

	while (!r && !stopped && !key_waiting && now_ns() < deadline_ns && !door_replaying()) {
		r = step(arg, MIN(deadline_ns, now_ns() + NSEC_PER_SEC / 2), e);
		if (IS_ENABLED(CONFIG_LIVE) && l->watch)
			key_waiting = live_key(0);
		if (show)
			progress(start, deadline_ns);
	}
	if (show)
		progress(start, 0);
	return r;
}

static void tell_cost(uint64_t start_ns, const struct report *rep)
{
	struct buf b = BUF_INIT;
	uint32_t rows = 0;
	unsigned i;

	for (i = 0; i < rep->nsection; i++)
		if (rep->section[i].kind == SECTION_ROWS)
			rows = MAX(rows, rep->section[i].total);
	buf_printf(&b, "cost: %llu us of CPU time, %llu us elapsed, %llu KB of memory at most, %u rows\n",
		   (unsigned long long)(cpu_ns() / NSEC_PER_USEC), (unsigned long long)((now_ns() - start_ns) / NSEC_PER_USEC),
		   (unsigned long long)(peak_rss_bytes() / 1024), rows);
	if (IS_ENABLED(CONFIG_INTERVAL) && rep->kernel_runs)
		buf_printf(&b, "cost: %llu runs in the kernel, %llu ns each\n", (unsigned long long)rep->kernel_runs,
			   (unsigned long long)(rep->kernel_ns / rep->kernel_runs));
	tell(&b);
}

static void rows_text(const struct run *r, const struct report *rep, struct buf *b)
{
	struct rowfmt *rf = malloc(sizeof(*rf));
	unsigned i;

	if (!rf) {
		b->failed = true;
		return;
	}
	for (i = 0; i < rep->nsection; i++) {
		const struct section *s = &rep->section[i];

		if (s->kind != SECTION_ROWS || (IS_ENABLED(CONFIG_JSON) && s->only_json))
			continue;
		rowfmt_init(rf, r->look->words ? ROW_WORDS : ROW_TABLE, s->layout, s->col, s->ncol, rep->procs, &r->look->screen);
		if (rf->style == ROW_TABLE) {
			rowfmt_fit(rf, s->row, s->nrow);
			rowfmt_head(b, rf);
		}
		rowfmt_rows(rf, b, s->row, s->nrow);
	}
	free(rf);
}

/* The sections from FIRST on. */
static void json_sections(const struct report *rep, unsigned first, struct buf *b)
{
	unsigned i;

	for (i = first; i < rep->nsection; i++)
		if (!rep->section[i].no_json)
			json_section(b, rep, &rep->section[i]);
}

static void json_text(const struct report *rep, struct buf *b)
{
	json_begin(b, rep);
	json_sections(rep, 0, b);
	json_end(b, rep);
}

static void show(const struct run *r, const struct report *rep, struct buf *b)
{
	const struct look *l = r->look;

	if (IS_ENABLED(CONFIG_JSON) && (l->json || l->jsonl))
		json_text(rep, b);
	else if (IS_ENABLED(CONFIG_METRICS) && l->metrics)
		metrics_report(b, rep, r->label, r->nlabel);
	else if (l->words || l->cols)
		rows_text(r, rep, b);
	else
		r->text(r->ctx, rep, b);
}

static int stream_json(const struct run *r, const struct rowfmt *rf, struct report *rep, struct err *e)
{
	struct buf b = BUF_INIT;
	int err;

	json_begin(&b, rep);
	json_array_begin(&b, rep->section[0].key);
	err = look_write(r->look, &b, e);
	if (!err)
		err = r->stream(r->ctx, rf, rep, e);
	json_array_end(&b);
	json_sections(rep, 1, &b);
	json_end(&b, rep);
	if (!err)
		err = look_write(r->look, &b, e);
	buf_free(&b);
	return err;
}

static int sample_once(const struct run *r, struct report *rep, struct buf *b, struct err *e)
{
	int err = r->sample(r->ctx, rep, e);

	if (IS_ENABLED(CONFIG_STREAM) && !err && rep->nsection && rep->section[0].kind == SECTION_ROWS && !rep->section[0].row && r->stream) {
		/* The sample is taken while it is printed. */
		struct rowfmt *rf = malloc(sizeof(*rf));

		if (!rf)
			return err_set(e, ENOMEM, "out of memory");
		rowfmt_init(rf, r->look->words ? ROW_WORDS : ROW_JSON, rep->section[0].layout, rep->section[0].col,
			    rep->section[0].ncol, rep->procs, &r->look->screen);
		err = IS_ENABLED(CONFIG_JSON) && rf->style == ROW_JSON ? stream_json(r, rf, rep, e)
									  : r->stream(r->ctx, rf, rep, e);
		free(rf);
		return err;
	}
	if (!err)
		show(r, rep, b);
	return err;
}

/* Waits on the live screen for the next sample or a key; false: quit. */
static bool live_wait(const struct run *r, uint64_t until, const struct buf *frame)
{
	bool paused = false;

	for (;;) {
		uint64_t now = now_ns();
		int key = key_waiting ? key_waiting : live_key(paused ? NSEC_PER_SEC : until > now ? until - now : 0);

		key_waiting = 0;
		if (key == 'q' || key == -1)
			return false;
		if (key == 'p' || key == ' ')
			paused = !paused;
		else if (key == -2) {
			screen_init(&r->look->screen, STDOUT_FILENO, r->look->ascii, (enum color_mode)r->look->color);
			live_frame(frame, &r->look->screen);
			return true;
		} else if (key > 0) {
			r->key(r->ctx, key);
			return true;
		} else if (!paused) {
			return true;
		}
	}
}

static void live_head(const struct run *r, struct buf *b)
{
	const struct look *l = r->look;

	ink_on(b, &l->screen, INK_BOLD);
	buf_str(b, "by ");
	buf_str(b, l->sort_none ? "nothing" : flow_schema.field[l->sort_field].word);
	ink_off(b, &l->screen);
	buf_str(b, "   keys: s sort, g group, p pause, q quit\n");
}

#define LIVE_PERIOD_NS (2 * NSEC_PER_SEC)

static int run_live(const struct run *r, struct report *rep, struct err *e)
{
	struct buf b = BUF_INIT;
	uint32_t n;
	int err = live_start(e);

	for (n = 0; !err && (!r->look->count || n < r->look->count) && !stopped; n++) {
		run_report_init(rep, r->schema, r->version, r->look);
		b.len = 0;
		live_head(r, &b);
		err = sample_once(r, rep, &b, e);
		if (!err)
			live_frame(&b, &r->look->screen);
		r->release(r->ctx);
		if (!err && !live_wait(r, now_ns() + (r->look->interval_ns ? 0 : LIVE_PERIOD_NS), &b))
			break;
	}
	live_stop();
	buf_free(&b);
	return err;
}

static int run_samples(const struct run *r, struct report *rep, int *status, struct err *e)
{
	struct buf b = BUF_INIT;
	uint64_t start = now_ns();
	bool told = false;
	uint32_t n;
	int err = 0, s;

	for (n = 0; !err && (!r->look->count || n < r->look->count) && !stopped; n++) {
		run_report_init(rep, r->schema, r->version, r->look);
		err = sample_once(r, rep, &b, e);
		if (!err && (b.len || b.failed || r->look->out))
			err = look_write(r->look, &b, e);
		if (!err) {
			/* The same notes again would only be noise; losses are new each time. */
			if (!told || rep->lost_records || rep->evicted_flows || rep->incomplete)
				notes_text(&b, rep);
			told = true;
			buf_flush(&b, STDERR_FILENO);
			s = run_status(r->look, rep);
			*status = MAX(*status, s);
			if (r->look->verbose)
				tell_cost(start, rep);
		}
		r->release(r->ctx);
	}
	buf_free(&b);
	return err;
}

int run(const struct run *r)
{
	struct report *rep = malloc(sizeof(*rep));
	struct err e = { 0 };
	int status = EXIT_ANSWERED, err, end;

	if (!rep)
		return fail(EXIT_FAILED, "out of memory");
	err = door_setup(r->look->record ? r->look->record : getenv("FLEUTAN_RECORD"),
			 r->look->replay ? r->look->replay : getenv("FLEUTAN_REPLAY"), &e);
	if (!err)
		err = spaces_open(r->look, &e);
	if (err == -ENOENT || err == -EINVAL) {
		free(rep);
		return fail(EXIT_USAGE, "%s", e.text);
	}
	if (!err) {
		catch_signals();
		err = IS_ENABLED(CONFIG_LIVE) && r->look->watch ? run_live(r, rep, &e) : run_samples(r, rep, &status, &e);
	}
	end = door_finish(err ? NULL : &e);
	if (!err)
		err = end;
	spaces_close();
	if (IS_ENABLED(CONFIG_CGROUP))
		cgroup_free();
	free(rep);
	if (err == -EPIPE)
		return status;
	return err ? fail(EXIT_FAILED, "%s", e.text) : status;
}
