/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_METRICS
 * Reports as Prometheus text (format 0.0.4, what node_exporter's textfile collector and OpenMetrics readers both take).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "core/util.h"
#include "version.h"
#include "view/view.h"

#define NAME_MAX_LEN 120

/* Suffix of each unit, and by how many decimal digits its base unit is smaller than the metric's. */
static const struct {
	const char *suffix;
	unsigned digits;
} units[] = {
	[FU_NS] = { "_seconds", 9 },
	[FU_BYTES] = { "_bytes", 0 },
	[FU_BYTES_PER_S] = { "_bytes_per_second", 0 },
	[FU_PERMILLE] = { "_ratio", 3 },
};

/* Labels are UTF-8 wherever they are shown. */
static const struct screen any_text = { .utf8 = true };

/* The label sets of a section's rows, rendered once for all metrics: row i has text[at[i]] … text[at[i + 1]]. */
struct labels {
	struct buf text;
	uint32_t *at;
};

/* V with its last DIGITS digits behind the point, exactly, without trailing zeros. */
static void put_decimal(struct buf *b, uint64_t v, unsigned digits)
{
	char frac[10];
	uint64_t whole = v;
	unsigned n = 0;

	for (unsigned i = digits; i--; whole /= 10) {
		frac[i] = (char)('0' + whole % 10);
		if (!n && frac[i] != '0')
			n = i + 1;
	}
	buf_u64(b, whole);
	if (n) {
		buf_ch(b, '.');
		buf_add(b, frac, n);
	}
}

static void put_head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* ,name="text" with the comma only after another label. TEXT (LEN bytes) is safe but for quotes, escaped here. */
static void put_label(struct buf *b, bool first, const char *name, const char *text, size_t len)
{
	if (!first)
		buf_ch(b, ',');
	buf_str(b, name);
	buf_str(b, "=\"");
	for (; len--; text++) {
		if (*text == '"' || *text == '\\')
			buf_ch(b, '\\');
		buf_ch(b, *text);
	}
	buf_ch(b, '"');
}

/* The same for text from outside: control characters and what is no UTF-8 would make the whole page unreadable. */
static void put_outside_label(struct buf *b, bool first, const char *name, const char *text)
{
	struct buf safe = BUF_INIT;

	text_safe(&safe, &any_text, text, 0);
	put_label(b, first, name, safe.p, safe.len);
	b->failed |= safe.failed;
	buf_free(&safe);
}

/* The labels of one row, without braces. What is unknown has none: to Prometheus the same as an empty one. */
static void row_labels(struct buf *b, const struct report *r, const struct section *s, const void *rec,
		       const uint8_t *label, unsigned nlabel)
{
	struct buf value = BUF_INIT;
	bool first = true;

	for (unsigned i = 0; i < nlabel; i++) {
		const struct field *f = &s->layout->schema->field[label[i]];

		if (f->kind != FK_PROCS && !rec_has(rec, label[i]))
			continue;
		if (f->kind == FK_TEXT && !rec_raw(s->layout, rec, label[i]))
			continue;
		value.len = 0;
		value_text(&value, &any_text, s->layout, rec, label[i], r->procs, 0);
		put_label(b, first, f->word, value.p, value.len);
		first = false;
	}
	b->failed |= value.failed;
	buf_free(&value);
}

/*
 * Renders the label sets. Two rows with one set would make readers refuse the whole page (names that differ only in
 * bytes that are no text look alike): each repetition gets a label "dup" with its number.
 */
static bool labels_make(struct labels *l, const struct report *r, const struct section *s, const uint8_t *label,
			unsigned nlabel)
{
	uint32_t mask = 15, *slot, *seen;

	while (mask / 2 < s->nrow)
		mask = mask * 2 + 1;
	l->at = calloc((size_t)s->nrow + 1, sizeof(*l->at));
	slot = calloc((size_t)mask + 1, sizeof(*slot)); /* row + 1 of the first row with a set */
	seen = calloc((size_t)s->nrow + 1, sizeof(*seen)); /* how often it was seen since */
	buf_room(&l->text, 1); /* a place to point to, even when there is no label at all */
	for (uint32_t i = 0; l->at && slot && seen && i < s->nrow; i++) {
		uint32_t at = (uint32_t)l->text.len, len, h;

		l->at[i] = at;
		row_labels(&l->text, r, s, s->row[i], label, nlabel);
		if (l->text.failed)
			break;
		len = (uint32_t)l->text.len - at;
		for (h = hash_bytes(l->text.p + at, len) & mask; slot[h]; h = (h + 1) & mask) {
			uint32_t k = slot[h] - 1;
			uint32_t old = l->at[k + 1] - l->at[k];

			if (old == len && !memcmp(l->text.p + l->at[k], l->text.p + at, len))
				break;
		}
		if (slot[h])
			buf_printf(&l->text, "%sdup=\"%" PRIu32 "\"", len ? "," : "", ++seen[slot[h] - 1]);
		else
			slot[h] = i + 1;
		l->at[i + 1] = (uint32_t)l->text.len;
	}
	free(slot);
	free(seen);
	return l->at && slot && seen && !l->text.failed;
}

static bool is_metric(const struct field *f)
{
	return f->kind == FK_GAUGE || f->kind == FK_COUNTER || f->kind == FK_FLAG;
}

/* Appends PART unless NAME ends in it: "cwnd_bytes" is not to become cwnd_bytes_bytes. */
static void name_add(char *name, const char *part)
{
	size_t n = strlen(name), len = strlen(part);

	if ((n >= len && !strcmp(name + n - len, part)) || n + len >= NAME_MAX_LEN)
		return;
	memcpy(name + n, part, len + 1);
}

/* Bytes of a section's key in the names of its metrics: fleutan_group_… of "groups", fleutan_rtt_seconds of "rtt_…". */
static size_t key_stem(const struct section *s)
{
	size_t n = s->kind == SECTION_ROWS ? strlen(s->key) : strcspn(s->key, "_");

	return MIN(n - (s->kind == SECTION_ROWS && n && s->key[n - 1] == 's'), 40u);
}

/* fleutan_group, and then the field's word and unit: bytes_sent in bytes is sent_bytes. */
static void metric_name(char *name, const struct section *s, const struct field *f)
{
	size_t n = key_stem(s);

	memcpy(name, "fleutan_", 8);
	memcpy(name + 8, s->key, n);
	name[8 + n] = 0;
	name_add(name, "_");
	name_add(name, f->unit == FU_BYTES && !strncmp(f->word, "bytes_", 6) ? f->word + 6 : f->word);
	if (f->unit < ARRAY_SIZE(units) && units[f->unit].suffix)
		name_add(name, units[f->unit].suffix);
}

/*
 * Counters too are gauges here: they are sums over the flows that live now, and fall when one of them ends, which
 * Prometheus would take for a counter that began anew.
 */
static void one_metric(struct buf *b, const struct section *s, unsigned field, const struct labels *l)
{
	const struct field *f = &s->layout->schema->field[field];
	unsigned digits = f->unit < ARRAY_SIZE(units) ? units[f->unit].digits : 0;
	char name[NAME_MAX_LEN];
	bool head = false;
	uint64_t v;

	metric_name(name, s, f);
	for (uint32_t i = 0; i < s->nrow; i++) {
		uint32_t len = l->at[i + 1] - l->at[i];

		if (!rec_get(s->layout, s->row[i], field, &v))
			continue;
		if (!head)
			put_head(b, name, "gauge", field_help(f));
		head = true;
		buf_str(b, name);
		if (len) {
			buf_ch(b, '{');
			buf_add(b, l->text.p + l->at[i], len);
			buf_ch(b, '}');
		}
		buf_ch(b, ' ');
		put_decimal(b, v, digits);
		buf_ch(b, '\n');
	}
}

static void rows_metrics(struct buf *b, const struct report *r, const struct section *s, const uint8_t *label,
			 unsigned nlabel)
{
	struct labels l = { .text = BUF_INIT };

	if (s->label) {
		label = s->label;
		nlabel = s->nlabel;
	}
	if (!labels_make(&l, r, s, label, nlabel))
		b->failed = true;
	for (unsigned c = 0; c < s->ncol && !b->failed; c++) {
		bool is_label = false;

		for (unsigned i = 0; i < nlabel; i++)
			is_label |= label[i] == s->col[c];
		if (!is_label && is_metric(&s->layout->schema->field[s->col[c]]))
			one_metric(b, s, s->col[c], &l);
	}
	buf_free(&l.text);
	free(l.at);
}

/* The middle of a bucket, as hist_quantile() has it. */
static uint64_t cell_middle(const struct hist *h, const struct hist_cell *c)
{
	uint64_t lo, hi, mid;

	hist_range(c->bucket, &lo, &hi);
	mid = lo + (hi - lo) / 2;
	return mid < h->min ? h->min : mid > h->max ? h->max : mid;
}

/*
 * "rtt_histogram" -> fleutan_rtt_seconds. The bounds are the same on every host and at every time, so that histograms
 * can be added up: 1, 2 and 5 times each power of ten from 10 us to 100 s.
 */
static void histogram_metric(struct buf *b, const struct section *s)
{
	const struct hist *h = s->hist;
	size_t n = key_stem(s);
	static const uint8_t step[] = { 1, 2, 5 };
	uint64_t sum = 0, below = 0, power = 10 * NSEC_PER_USEC;
	uint32_t c = 0;
	char name[NAME_MAX_LEN];

	memcpy(name, "fleutan_", 8);
	memcpy(name + 8, s->key, n);
	memcpy(name + 8 + n, "_seconds", 9);
	put_head(b, name, "histogram", "distribution; values are known to 1.6 %, the sum is that of bucket middles");
	for (unsigned i = 0; i < 22; i++, power *= i % 3 ? 1 : 10) {
		uint64_t bound = power * step[i % 3];

		for (; c < h->n && cell_middle(h, &h->cell[c]) <= bound; c++)
			below += h->cell[c].count;
		buf_printf(b, "%s_bucket{le=\"", name);
		put_decimal(b, bound, units[FU_NS].digits);
		buf_printf(b, "\"} %" PRIu64 "\n", below);
	}
	for (c = 0; c < h->n; c++) {
		uint64_t more;

		if (__builtin_mul_overflow(cell_middle(h, &h->cell[c]), h->cell[c].count, &more) ||
		    __builtin_add_overflow(sum, more, &sum))
			sum = UINT64_MAX;
	}
	buf_printf(b, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", name, h->total, name);
	put_decimal(b, sum, units[FU_NS].digits);
	buf_printf(b, "\n%s_count %" PRIu64 "\n", name, h->total);
}

/* A section whose metrics would have the names of an earlier one's: readers refuse a page that has a name twice. */
static bool is_repeated(const struct report *r, const struct section *s)
{
	size_t n = key_stem(s);

	for (const struct section *o = r->section; o < s; o++)
		if (o->kind == s->kind && !o->only_json && key_stem(o) == n && !memcmp(o->key, s->key, n))
			return true;
	return false;
}

static void one_number(struct buf *b, const char *name, const char *type, const char *help, uint64_t v)
{
	put_head(b, name, type, help);
	buf_printf(b, "%s %" PRIu64 "\n", name, v);
}

/* What is known about the report itself. */
static void meta_metrics(struct buf *b, const struct report *r)
{
	put_head(b, "fleutan_info", "gauge", "version of fleutan and of the kernel");
	buf_str(b, "fleutan_info{");
	put_outside_label(b, true, "version", FLEUTAN_VERSION);
	put_outside_label(b, false, "kernel", r->kernel ? r->kernel : "");
	if (r->netns)
		put_outside_label(b, false, "netns", r->netns);
	buf_str(b, "} 1\n");
	one_number(b, "fleutan_lost_records", "gauge", "records lost between the kernel and fleutan",
		   r->lost_records);
	one_number(b, "fleutan_evicted_flows", "gauge", "flows that found no room in the table",
		   r->evicted_flows);
	one_number(b, "fleutan_incomplete", "gauge",
		   "1: the kernel's list changed while it was read, flows may be missing", r->incomplete);
	if (r->nsource)
		put_head(b, "fleutan_source_used", "gauge", "1: this source of data was used");
	for (unsigned i = 0; i < r->nsource; i++) {
		unsigned k = 0;

		while (strcmp(r->source[k].name, r->source[i].name))
			k++;
		if (k < i)
			continue; /* noted before: a sample may stand only once */
		buf_str(b, "fleutan_source_used{");
		put_outside_label(b, true, "source", r->source[i].name);
		buf_str(b, r->source[i].state == SOURCE_USED ? "} 1\n" : "} 0\n");
	}
}

void metrics_report(struct buf *b, const struct report *r, const uint8_t *label, unsigned nlabel)
{
	for (unsigned i = 0; i < r->nsection; i++) {
		const struct section *s = &r->section[i];

		if (s->only_json || is_repeated(r, s))
			continue;
		if (s->kind == SECTION_ROWS)
			rows_metrics(b, r, s, label, nlabel);
		else if (s->kind == SECTION_HIST && s->hist)
			histogram_metric(b, s);
	}
	meta_metrics(b, r);
	buf_str(b, "# EOF\n");
}
