/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows with a bar each. */
#include "view/barlist.h"

#include "core/util.h"
#include "view/view.h"

#define BAR_MIN 10     /* columns below which a bar says nothing */
#define BAR_MAX 60
#define LAST_MIN 8     /* columns the last text column gets at least on a shared line */
#define TEXT_MAX 64    /* columns any text may take where there is room */
#define INDENT 4

struct plan {
	const struct screen *s;
	const struct section *sec;
	const struct barlist *l;
	const struct procset *procs;
	struct buf cell;               /* scratch */
	uint64_t full;                 /* value of a full bar, and the row that has it (NULL: none has a value) */
	const void *fullest;
	unsigned left[BARLIST_COLS], right[BARLIST_COLS]; /* widths; right[] of a port is 0: shown with its address */
	unsigned bar, marks, last;     /* widths of the bar, of the marks behind it, of the last column (0: no limit) */
	unsigned before;               /* columns before the bar */
	bool two_lines;
};

static unsigned indent(const struct barlist *l)
{
	return BARLIST_NESTED ? l->indent : 0;
}

static void put_indent(struct buf *b, const struct plan *p)
{
	if (BARLIST_NESTED)
		buf_fill(b, ' ', MAX(p->l->indent, p->l->bar_at - MIN(p->before, p->l->bar_at)));
}

/* Columns of the screen behind the indentation. */
static unsigned width(const struct plan *p)
{
	return p->s->width - MIN(indent(p->l), p->s->width);
}

static bool is_endpoint(const struct plan *p, unsigned i)
{
	const struct field *f = p->sec->layout->schema->field;

	return f[p->l->right[i]].kind == FK_ADDR && i + 1 < p->l->nright && f[p->l->right[i + 1]].kind == FK_PORT;
}

/* One cell behind the bar, at most MAX columns; its width. */
static unsigned right_cell(struct plan *p, struct buf *b, const void *rec, unsigned i, unsigned max)
{
	if (is_endpoint(p, i))
		return endpoint_text(b, p->sec->layout, rec, p->l->right[i], p->l->right[i + 1]);
	return value_text(b, p->s, p->sec->layout, rec, p->l->right[i], p->procs, max);
}

static void measure_row(struct plan *p, const void *rec)
{
	const struct layout *lay = p->sec->layout;
	uint64_t v;
	unsigned i, w;

	if (rec_get(lay, rec, p->l->value, &v) && (v > p->full || !p->fullest)) {
		p->full = v;
		p->fullest = rec;
	}
	for (i = 0; i < p->l->nleft; i++) {
		p->cell.len = 0;
		w = value_text(&p->cell, p->s, lay, rec, p->l->left[i], p->procs, 0);
		p->left[i] = MAX(p->left[i], w);
	}
	for (i = 0; i < p->l->nright; i++) {
		p->cell.len = 0;
		w = right_cell(p, &p->cell, rec, i, TEXT_MAX);
		p->right[i] = MAX(p->right[i], w);
		if (is_endpoint(p, i))
			i++;
	}
}

static void plan_widths(struct plan *p)
{
	const struct field *f = p->sec->layout->schema->field;
	bool given = BARLIST_NESTED && p->l->fit;
	unsigned i, fixed = 0, who = 0, lastw = 0;
	uint32_t r;

	for (i = 0; i < p->l->nleft; i++) {
		p->left[i] = (unsigned)strlen(f[p->l->left[i]].head);
		if (BARLIST_NESTED)
			p->left[i] = MAX(p->left[i], p->l->least[i]);
	}
	for (i = 0; i < p->l->nright; i++) {
		p->right[i] = (unsigned)strlen(f[p->l->right[i]].head);
		if (is_endpoint(p, i))
			p->right[++i] = 0;
	}
	for (r = 0; r < (given ? p->l->nfit : p->sec->nrow); r++)
		measure_row(p, given ? p->l->fit[r] : p->sec->row[r]);
	if (BARLIST_NESTED && p->l->full)
		p->full = p->l->full;
	for (i = 0; i < p->l->nleft; i++)
		fixed += p->left[i] + 1;
	p->before = fixed;
	if (BARLIST_NESTED)
		fixed = MAX(fixed, p->l->bar_at - MIN(p->l->bar_at, p->l->indent));
	for (i = 0; i < p->l->nright; i++)
		if (p->right[i]) {
			who += p->right[i] + 1;
			lastw = p->right[i];
		}
	p->marks = p->l->nthreshold ? p->l->nthreshold + 1 : 0;
	fixed += p->marks ? p->marks - 1 : 0;
	/* On one line when the bar and a last column cut to LAST_MIN fit; else who it is goes below. */
	if (fixed + BAR_MIN + who - lastw + MIN(lastw, (unsigned)LAST_MIN) <= width(p)) {
		unsigned room = width(p) - fixed - (who - lastw);

		p->bar = MIN(room - MIN(lastw, room - BAR_MIN), (unsigned)BAR_MAX);
		if (BARLIST_NESTED && p->l->bar_width)
			p->bar = MIN(p->bar, p->l->bar_width);
		p->last = MIN(lastw, room - p->bar);
		return;
	}
	p->two_lines = true;
	p->bar = fixed + BAR_MIN < width(p) ? MIN(width(p) - fixed, (unsigned)BAR_MAX) : BAR_MIN;
	if (BARLIST_NESTED && p->l->bar_width)
		p->bar = MIN(p->bar, p->l->bar_width);
}

static void trim(struct buf *b)
{
	while (b->len && b->p[b->len - 1] == ' ')
		b->len--;
}

static void pad(struct buf *b, unsigned have, unsigned want)
{
	if (have < want)
		buf_fill(b, ' ', want - have);
}

/* From the bar (and the marks behind it) to who it is. */
static void between(const struct plan *p, struct buf *b)
{
	if (p->two_lines) {
		trim(b);
		buf_ch(b, '\n');
		buf_fill(b, ' ', indent(p->l) + INDENT);
	} else {
		buf_ch(b, ' ');
	}
}

/* How many thresholds the value reaches. */
static unsigned level(const struct barlist *l, uint64_t v)
{
	unsigned n = 0;

	while (n < l->nthreshold && v >= l->threshold[n])
		n++;
	return n;
}

/* The highest threshold is always red, whether one or three were given. */
static enum ink level_ink(const struct barlist *l, unsigned n)
{
	static const enum ink ink[BARLIST_THRESHOLDS + 1] = { INK_GREEN, INK_CYAN, INK_YELLOW, INK_RED };

	return n ? ink[n + BARLIST_THRESHOLDS - l->nthreshold] : INK_GREEN;
}

static void who_cells(struct plan *p, struct buf *b, const void *rec)
{
	unsigned i, w, shown = p->l->nright;

	/* Only what stands behind a cell decides whether it is padded. */
	while (shown && !p->right[shown - 1])
		shown--;
	for (i = 0; i < shown; i++) {
		bool end = i + 1 == shown;

		if (!p->right[i])
			continue;
		w = right_cell(p, b, rec, i, !end ? p->right[i] : p->two_lines ? TEXT_MAX : p->last);
		if (!end) {
			pad(b, w, p->right[i]);
			buf_ch(b, ' ');
		}
	}
}

static void row(struct plan *p, struct buf *b, const void *rec)
{
	const struct layout *lay = p->sec->layout;
	uint64_t v = 0, inner = 0;
	unsigned i, w, n;
	bool known = rec_get(lay, rec, p->l->value, &v);

	if (!p->l->has_inner || !rec_get(lay, rec, p->l->inner, &inner))
		inner = 0;
	put_indent(b, p);
	for (i = 0; i < p->l->nleft; i++) {
		p->cell.len = 0;
		w = value_text(&p->cell, p->s, lay, rec, p->l->left[i], p->procs, 0);
		pad(b, w, p->left[i]);
		buf_add(b, p->cell.p, p->cell.len);
		buf_ch(b, ' ');
	}
	n = known ? level(p->l, v) : 0;
	if (known)
		bar(b, p->s, p->bar, v, MIN(inner, v), p->full, level_ink(p->l, n));
	else
		buf_fill(b, ' ', p->bar);
	if (p->marks) {
		buf_fill(b, '!', n);
		buf_fill(b, ' ', p->marks - 1 - n);
	}
	between(p, b);
	who_cells(p, b, rec);
	buf_ch(b, '\n');
}

static void heads(struct plan *p, struct buf *b)
{
	const struct field *f = p->sec->layout->schema->field;
	unsigned i, w;

	put_indent(b, p);
	ink_on(b, p->s, INK_BOLD);
	for (i = 0; i < p->l->nleft; i++) {
		const char *head = f[p->l->left[i]].head;

		pad(b, (unsigned)strlen(head), p->left[i]);
		buf_str(b, head);
		buf_ch(b, ' ');
	}
	/* The scale: 0 at the left end of the bars, the largest value at the right end. */
	p->cell.len = 0;
	if (BARLIST_NESTED && p->l->full)
		w = number_text(&p->cell, (enum field_unit)f[p->l->value].unit, p->full);
	else
		w = p->fullest ? value_text(&p->cell, p->s, p->sec->layout, p->fullest, p->l->value, p->procs, 0) : 0;
	buf_ch(b, '0');
	pad(b, w + 1, p->bar);
	buf_add(b, p->cell.p, p->cell.len);
	if (p->marks)
		buf_fill(b, ' ', p->marks - 1);
	between(p, b);
	for (i = 0; i < p->l->nright; i++) {
		const char *head = f[p->l->right[i]].head;

		if (!p->right[i])
			continue;
		buf_str(b, head);
		pad(b, (unsigned)strlen(head), p->right[i]);
		buf_ch(b, ' ');
	}
	trim(b);
	ink_off(b, p->s);
	buf_ch(b, '\n');
}

void barlist_text(struct buf *b, const struct screen *s, const struct section *sec, const struct barlist *l,
		  const struct procset *procs)
{
	struct plan p = { .s = s, .sec = sec, .l = l, .procs = procs };
	uint32_t r;

	plan_widths(&p);
	if (!BARLIST_NESTED || !l->no_head)
		heads(&p, b);
	for (r = 0; r < sec->nrow; r++) {
		row(&p, b, sec->row[r]);
		if (BARLIST_NESTED && l->after)
			l->after(l->arg, b, r);
	}
	if (sec->total > sec->nrow) {
		put_indent(b, &p);
		buf_str(b, IS_ENABLED(CONFIG_UTF8) && s->utf8 ? "… and " : "... and ");
		buf_u64(b, sec->total - sec->nrow);
		buf_str(b, " more (-N 0 shows all)\n");
	}
	buf_free(&p.cell);
}

#if BARLIST_NESTED
/* What the rows of L need: the widths of its left columns, where its bars begin (no sooner than is set), how long they can be. */
static void measure(const struct screen *s, const struct section *sec, struct barlist *l, const struct procset *procs)
{
	struct plan p = { .s = s, .sec = sec, .l = l, .procs = procs };

	plan_widths(&p);
	memcpy(l->least, p.left, sizeof(l->least));
	l->bar_at = MAX(l->bar_at, l->indent + p.before);
	l->bar_width = p.bar;
	buf_free(&p.cell);
}

void barlist_align(const struct screen *s, const struct section *sec_a, struct barlist *a, const struct section *sec_b,
		   struct barlist *b, unsigned n, const struct procset *procs)
{
	unsigned i;

	measure(s, sec_a, a, procs);
	measure(s, sec_b, b, procs);
	for (i = 1; i <= n && i <= a->nleft && i <= b->nleft; i++) {
		unsigned *wa = &a->least[a->nleft - i], *wb = &b->least[b->nleft - i];

		*wa = *wb = MAX(*wa, *wb);
	}
	/* Wider columns move the bars, and that again leaves them less room. */
	a->bar_width = b->bar_width = 0;
	measure(s, sec_a, a, procs);
	b->bar_at = MAX(a->bar_at, b->bar_at);
	measure(s, sec_b, b, procs);
	a->bar_at = b->bar_at;
	a->bar_width = 0;
	measure(s, sec_a, a, procs);
	a->bar_width = b->bar_width = MIN(a->bar_width, b->bar_width);
}
#endif
