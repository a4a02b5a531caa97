// SPDX-License-Identifier: GPL-2.0-or-later
/* Filling a report. */
#include "model/report.h"

void report_source(struct report *r, const char *name, enum source_state state, const char *why)
{
	struct source_note *s = &r->source[r->nsource];
	size_t len = why ? strlen(why) : 0;

	if (r->nsource == REPORT_SOURCES)
		return;
	if (len >= sizeof(s->why))
		len = sizeof(s->why) - 1;
	s->name = name;
	s->state = state;
	if (len)
		memcpy(s->why, why, len);
	s->why[len] = 0;
	r->nsource++;
}
