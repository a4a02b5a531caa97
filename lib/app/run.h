/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop that every applet runs: take a sample, show it in the format asked for, again until the count is reached; notes
 * and the exit status at the end. An applet says how a sample is taken and how its own view looks.
 */
#ifndef FLEUTAN_RUN_H
#define FLEUTAN_RUN_H

#include "app/look.h"
#include "view/view.h"

struct run {
	const char *schema; /* "fleutan/flowlat" */
	unsigned version;
	struct look *look;
	void *ctx;          /* of the applet, handed to the functions */
	/* Takes one sample (waiting look->interval_ns through run_wait()) and fills the sections of REP. 0 or -errno. */
	int (*sample)(void *ctx, struct report *rep, struct err *e);
	/* The applet's own view of it. */
	void (*text)(void *ctx, const struct report *rep, struct buf *b);
	/* Frees what sample() made; called after each, also after a failed one. */
	void (*release)(void *ctx);
	/* Live screen: a key that run() itself has no use for (s: next sort, g: next group). */
	void (*key)(void *ctx, int key);
	const uint8_t *label; /* fields that become labels of metrics */
	unsigned nlabel;
	/* Rows that can be printed as they come (-s none): see run_streams(). NULL: never. */
	int (*stream)(void *ctx, const struct rowfmt *rf, struct report *rep, struct err *e);
};

/* Runs it all; returns the exit status. */
int run(const struct run *r);

/*
 * Waits until DEADLINE_NS by calling STEP (which sleeps or polls until the time it is given) in turns, with a line of
 * progress on stderr when it takes over a second. 0, -EINTR when a signal asks to stop, or what STEP answered.
 */
int run_wait(const struct look *l, uint64_t deadline_ns, int (*step)(void *arg, uint64_t until_ns, struct err *e), void *arg,
	     struct err *e);

/* The report's top: schema, host, kernel, time. */
void run_report_init(struct report *rep, const char *schema, unsigned version, const struct look *l);

/* EXIT_ANSWERED, or EXIT_PARTLY when something was asked for that REP does not have. */
int run_status(const struct look *l, const struct report *rep);

#endif
