// SPDX-License-Identifier: GPL-2.0-or-later
/* What a report has to say about itself, for people: one line per fact. */
#include "view/view.h"

#include <string.h>

/* "flowlat: ": the schema's name behind its slash. */
static void who(struct buf *b, const struct report *r)
{
	const char *slash = strrchr(r->schema, '/');

	buf_str(b, slash ? slash + 1 : r->schema);
	buf_str(b, ": ");
}

static void note_sources(struct buf *b, const struct report *r)
{
	static const struct screen ascii; /* stderr may be another terminal than the one that was looked at */
	bool worse = false, first = true;

	for (unsigned i = 0; i < r->nsource; i++) {
		const struct source_note *n = &r->source[i];

		if (n->state != SOURCE_UNAVAILABLE)
			continue;
		worse = true;
		who(b, r);
		buf_str(b, n->name);
		buf_str(b, *n->why ? " not used: " : " not used");
		text_safe(b, &ascii, n->why, 0);
		buf_ch(b, '\n');
	}
	for (unsigned i = 0; worse && i < r->nsource; i++) {
		if (r->source[i].state != SOURCE_USED)
			continue;
		if (first)
			who(b, r);
		buf_str(b, first ? "used instead: " : ", ");
		buf_str(b, r->source[i].name);
		first = false;
	}
	if (!first)
		buf_ch(b, '\n');
}

static void note_missing(struct buf *b, const struct report *r)
{
	bool first = true;

	for (unsigned f = 0; r->flow_schema && f < r->flow_schema->n; f++) {
		if (!fieldset_has(&r->missing, f))
			continue;
		if (first)
			who(b, r);
		buf_str(b, first ? "not available here: " : ", ");
		buf_str(b, r->flow_schema->field[f].word);
		first = false;
	}
	if (!first)
		buf_ch(b, '\n');
}

static void note_count(struct buf *b, const struct report *r, uint64_t n, const char *text)
{
	if (!n)
		return;
	who(b, r);
	buf_u64(b, n);
	buf_str(b, text);
}

void notes_text(struct buf *b, const struct report *r)
{
	note_sources(b, r);
	note_missing(b, r);
	note_count(b, r, r->lost_records, " records were lost on their way from the kernel\n");
	note_count(b, r, r->evicted_flows, " flows did not fit in the table and are not shown\n");
	if (!r->incomplete)
		return;
	who(b, r);
	buf_str(b, "the kernel's list kept changing while it was read: flows may be missing or stand twice\n");
}
