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

struct barlist {
	uint8_t value, inner;           /* fields: length of the bar, and of the darker part in it */
	bool has_inner;
	uint8_t left[BARLIST_COLS];     /* fields before the bar: numbers */
	uint8_t right[BARLIST_COLS];    /* fields behind it: end points (address followed by its port), names */
	unsigned nleft, nright;
	uint64_t threshold[BARLIST_THRESHOLDS]; /* of `value`, ascending, base unit: colours, and marks where there are none */
	unsigned nthreshold;
};

/* Appends heads and rows of S; "… and N more" when rows were cut off. PROCS may be NULL. */
void barlist_text(struct buf *b, const struct screen *s, const struct section *sec, const struct barlist *l,
		  const struct procset *procs);

#endif
