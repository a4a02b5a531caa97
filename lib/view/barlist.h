/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows with a bar each: numbers, the bar, then who it is. The main view of every applet. Fits the screen: when a line would
 * be too long, who it is goes on a second line rather than being cut.
 */
#ifndef FLEUTAN_BARLIST_H
#define FLEUTAN_BARLIST_H

#include "core/buf.h"
#include "model/report.h"
#include "view/screen.h"

#define BARLIST_COLS 12
#define BARLIST_THRESHOLDS 3
/* Lists within lists are for applets of devices, queues and CPUs: programs without these do without the code. */
#define BARLIST_NESTED IS_ENABLED(CONFIG_PACKETS)

struct barlist {
	uint8_t value, inner;           /* fields: length of the bar, and of the darker part in it */
	bool has_inner;
	uint8_t left[BARLIST_COLS];     /* fields before the bar: numbers */
	uint8_t right[BARLIST_COLS];    /* fields behind it: end points (address followed by its port), names */
	unsigned nleft, nright;
	uint64_t threshold[BARLIST_THRESHOLDS]; /* of `value`, ascending, base unit: colours, and marks where there are none */
	unsigned nthreshold;
	/* Lists within lists (BARLIST_NESTED). */
	unsigned indent;                /* columns before each line */
	bool no_head;
	uint64_t full;                  /* value of a full bar; 0: the largest of the rows in `fit` */
	void *const *fit;               /* rows that columns are made wide enough for, nfit; NULL: the section's */
	uint32_t nfit;
	void (*after)(void *arg, struct buf *b, uint32_t row); /* called behind each row's line; NULL: nothing */
	void *arg;
	/* So that lists stand under each other as one: from barlist_align(). 0: as it comes. */
	unsigned least[BARLIST_COLS];   /* widths of the left columns at least */
	unsigned bar_at, bar_width;     /* column where bars begin, and how wide they are */
};

/* Appends heads and rows of S; "… and N more" when rows were cut off. PROCS may be NULL. */
void barlist_text(struct buf *b, const struct screen *s, const struct section *sec, const struct barlist *l,
		  const struct procset *procs);

#if BARLIST_NESTED
/*
 * Makes two lists stand under each other as one: the last N left columns are as wide in both, their bars begin in one column
 * and are as long. A column of the screen is the limit for both.
 */
void barlist_align(const struct screen *s, const struct section *sec_a, struct barlist *a, const struct section *sec_b,
		   struct barlist *b, unsigned n, const struct procset *procs);
#endif

#endif
