// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reports as JSON (RFC 8259).
 * kbuild: CONFIG_JSON
 */
#include "view/rowop.h"

#include <stdlib.h>
#include <string.h>

#include "core/util.h"
#include "model/strings.h"
#include "version.h"

/* \uXXXX, as a surrogate pair where one is not enough. */
static char *put_escape(char *p, uint32_t cp)
{
	static const char hex[] = "0123456789abcdef";

	if (cp >= 0x10000) {
		p = put_escape(p, 0xd7c0 + (cp >> 10));
		cp = 0xdc00 | (cp & 0x3ff);
	}
	*p++ = '\\';
	*p++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*p++ = hex[cp >> shift & 15];
	return p;
}

/* The worst case is a control character: six bytes for one; and two quotes. */
static size_t string_room(const char *text)
{
	return strlen(text) * 6 + 2;
}

/* A string with its quotes; there is string_room() at P. */
static char *put_string(char *p, const char *text)
{
	*p++ = '"';
	while (*text) {
		uint32_t cp = (unsigned char)*text;
		unsigned n;

		if (cp >= ' ' && cp < 0x7f) {
			if (cp == '"' || cp == '\\')
				*p++ = '\\';
			*p++ = *text++;
			continue;
		}
		n = utf8_next(text, &cp);
		if (cp == CP_INVALID || cp_hidden(cp))
			p = put_escape(p, cp == CP_INVALID ? 0xfffd : cp);
		else
			p = row_copy(p, text, n);
		text += n;
	}
	*p++ = '"';
	return p;
}

void json_string(struct buf *b, const char *text)
{
	if (buf_room(b, string_room(text)))
		b->len = (size_t)(put_string(b->p + b->len, text) - b->p);
}

static void string_or_null(struct buf *b, const char *text)
{
	if (text)
		json_string(b, text);
	else
		buf_str(b, "null");
}

static inline char *put_null(char *p)
{
	memcpy(p, "null", 4);
	return p + 4;
}

static void json_procs(struct buf *b, const struct procset *ps, const struct procset_link *link, uint32_t n)
{
	buf_ch(b, '[');
	for (uint32_t i = 0; i < n; i++) {
		const struct proc *pr = &ps->proc[link[i].proc];
		const char *name = strings_get(pr->name), *exe = strings_get(pr->exe);
		char *p;

		if (!buf_room(b, string_room(name) + string_room(exe) + 64))
			return;
		p = b->p + b->len;
		*p = ',';
		p += i > 0;
		memcpy(p, "{\"pid\":", 7);
		p += fmt_u64(p + 7, pr->pid) + 7;
		memcpy(p, ",\"name\":", 8);
		p = put_string(p + 8, name);
		memcpy(p, ",\"exe\":", 7);
		p = pr->exe ? put_string(p + 7, exe) : put_null(p + 7);
		b->len = (size_t)(p - b->p);
		if (pr->args) { /* only where they were asked for */
			buf_str(b, ",\"args\":");
			json_string(b, strings_get(pr->args));
		}
		buf_ch(b, '}');
	}
	buf_ch(b, ']');
}

/* Whether one of the columns in object C is known. */
static bool object_known(const struct rowfmt *r, const struct rowfmt_col *c, const void *rec)
{
	const struct rowfmt_col *end = c + c->nnames;

	while (++c < end)
		if (row_has(c, rec) && (c->op != ROW_STR || rec_raw(r->layout, rec, c->field)))
			return true;
	return false;
}

/*
 * A string or a list of processes, of any length; or what is around columns, which is not looked for among the shorter
 * values, where each row would pay for it. False: unknown, nothing was written.
 */
static bool long_value(const struct rowfmt *r, const struct rowfmt_col *c, struct buf *b, const void *rec)
{
	const struct procset_link *link;
	uint32_t n, id;

	if (c->op >= ROW_OBJECT)
		return c->op == ROW_OBJECT_END || object_known(r, c, rec);
	if (c->op == ROW_PROCS) {
		if (!row_holders(r->procs, r->layout, rec, &link, &n))
			return false;
		json_procs(b, r->procs, link, n);
		return true;
	}
	id = row_has(c, rec) ? (uint32_t)rec_raw(r->layout, rec, c->field) : 0;
	if (id)
		json_string(b, strings_get(id));
	return id;
}

static inline char *put_number(char *p, const struct rowfmt_col *c, uint64_t v)
{
	p = row_u64(p, v);
	if (!v || !c->zeros)
		return p;
	memcpy(p, "000000000", 9);
	return p + c->zeros;
}

/* A quoted name or address. */
static char *put_name(char *p, const struct rowfmt *r, const struct rowfmt_col *c, const void *rec)
{
	const char *name = c->op == ROW_ENUM ? row_name(r->layout, c, rec) : NULL;

	if (!name && (c->op == ROW_ENUM || !row_has(c, rec)))
		return put_null(p);
	*p++ = '"';
	if (name) {
		p = row_copy(p, name, ROW_NAME_MAX);
	} else {
		p += fmt_addr(p, rec_addr(r->layout, rec, c->field));
	}
	*p++ = '"';
	return p;
}

static char *put_flag(char *p, bool v)
{
	memcpy(p, v ? "true" : "false", 5);
	return p + 5 - v;
}

static void json_row(const struct rowfmt *r, struct buf *b, const void *rec)
{
	const size_t room = (size_t)r->ncol * ROW_COL_ROOM + 2;
	const struct rowfmt_col *c = r->col, *end = c + r->ncol;
	size_t start = b->len;
	char *p;

	if (!buf_room(b, room))
		return;
	p = b->p + b->len;
	for (; c < end; c++) {
		p = row_text(p, c);
		if (c->op <= ROW_BITS) {
			if (row_has(c, rec))
				p = put_number(p, c, row_raw(r->layout, c, rec) * c->scale);
			else
				p = put_null(p);
		} else if (c->op == ROW_FLAG) {
			p = row_has(c, rec) ? put_flag(p, rec_raw(r->layout, rec, c->field)) : put_null(p);
		} else if (c->op == ROW_ENUM || c->op == ROW_ADDR) {
			p = put_name(p, r, c, rec);
		} else {
			b->len = (size_t)(p - b->p);
			if (!long_value(r, c, b, rec)) {
				p = put_null(p);
				c += c->nnames; /* of an object that is not begun: its columns */
				continue;
			}
			if (!buf_room(b, room))
				return;
			p = b->p + b->len;
		}
	}
	if (!r->ncol)
		*p++ = '{';
	*p++ = '}';
	b->p[start] = '{'; /* over the first column's comma */
	b->len = (size_t)(p - b->p);
}

void json_rows(const struct rowfmt *r, struct buf *b, void *const *row, uint32_t n)
{
	for (uint32_t k = 0; k < n && !b->failed; k++) {
		if (k)
			buf_ch(b, ',');
		json_row(r, b, row[k]);
	}
}

/* ,"key": */
static void key(struct buf *b, const char *name)
{
	buf_str(b, ",\"");
	buf_str(b, name);
	buf_str(b, "\":");
}

static void key_string(struct buf *b, const char *name, const char *text)
{
	key(b, name);
	string_or_null(b, text);
}

static void key_number(struct buf *b, const char *name, bool known, uint64_t v)
{
	key(b, name);
	if (known)
		buf_u64(b, v);
	else
		buf_str(b, "null");
}

void json_begin(struct buf *b, const struct report *r)
{
	buf_str(b, "{\"schema\":");
	json_string(b, r->schema);
	key_number(b, "version", true, r->version);
	key_string(b, "fleutan", FLEUTAN_VERSION);
	key_string(b, "kernel", r->kernel);
	key_string(b, "host", r->host);
	key_string(b, "netns", r->netns);
	key_number(b, "time_ms", true, r->time_ms);
	key_number(b, "interval_ns", r->has_interval, r->interval_ns);
}

void json_array_begin(struct buf *b, const char *name)
{
	key(b, name);
	buf_ch(b, '[');
}

void json_array_end(struct buf *b)
{
	buf_ch(b, ']');
}

/* One member of an object of numbers; the first one's comma is the object's brace. */
static void quantiles(struct buf *b, const struct hist *h)
{
	static const struct { const char *name; uint32_t permyriad; } q[] = {
		{ "p50_ns", 5000 }, { "p90_ns", 9000 }, { "p99_ns", 9900 },
	};
	size_t start = b->len;

	for (unsigned i = 0; i < ARRAY_SIZE(q); i++) {
		uint64_t v = 0;
		bool known = h && hist_quantile(h, q[i].permyriad, &v);

		key_number(b, q[i].name, known, v);
	}
	key_number(b, "max_ns", h && h->total, h ? h->max : 0);
	if (!b->failed)
		b->p[start] = '{';
	buf_ch(b, '}');
}

static void bin(struct buf *b, bool first, uint64_t lo, uint64_t hi, uint64_t count)
{
	size_t start = b->len + !first;

	if (!first)
		buf_ch(b, ',');
	key_number(b, "lo_ns", true, lo);
	key_number(b, "hi_ns", true, hi);
	key_number(b, "count", true, count);
	if (!b->failed)
		b->p[start] = '{';
	buf_ch(b, '}');
}

/* The bins for display; without them the histogram as it is. */
static void bins(struct buf *b, const struct section *s)
{
	unsigned n = s->bin ? s->nbin : s->hist ? s->hist->n : 0;

	buf_ch(b, '[');
	for (unsigned i = 0; i < n; i++) {
		struct hist_bin x;

		if (s->bin) {
			x = s->bin[i];
		} else {
			hist_range(s->hist->cell[i].bucket, &x.lo, &x.hi);
			x.count = s->hist->cell[i].count;
		}
		bin(b, !i, x.lo, x.hi, x.count);
	}
	buf_ch(b, ']');
}

/* A row format that serves as long as sections have the same columns: those within the rows of one mostly do. */
struct format {
	struct rowfmt f;
	const uint8_t *col;
	unsigned ncol;
};

static void key_section(struct buf *b, const struct report *r, const struct section *s, struct format *f,
			unsigned level);

#define LEVELS_MAX 4 /* of rows within rows */

/* Each row with what belongs to it: its object is opened once more at the end. */
static void rows_with_subrows(struct buf *b, const struct report *r, const struct section *s, struct format *f,
			      unsigned level)
{
	struct format *sub = calloc(s->nsub, sizeof(*sub));

	b->failed |= !sub;
	for (uint32_t i = 0; i < s->nrow && !b->failed; i++) {
		if (i)
			buf_ch(b, ',');
		json_rows(&f->f, b, s->row + i, 1);
		b->len -= !b->failed;
		for (unsigned k = 0; k < s->nsub && !b->failed; k++)
			key_section(b, r, &s->sub[k].of[i], &sub[k], level + 1);
		buf_ch(b, '}');
	}
	free(sub);
}

static void section_rows(struct buf *b, const struct report *r, const struct section *s, struct format *f,
			 unsigned level)
{
	static const struct screen no_screen;

	if (f->f.layout != s->layout || f->col != s->col || f->ncol != s->ncol)
		rowfmt_init(&f->f, ROW_JSON, s->layout, s->col, s->ncol, r->procs, &no_screen);
	f->col = s->col;
	f->ncol = s->ncol;
	if (s->nsub && level < LEVELS_MAX)
		rows_with_subrows(b, r, s, f, level);
	else
		json_rows(&f->f, b, s->row, s->nrow);
}

static void key_section(struct buf *b, const struct report *r, const struct section *s, struct format *f,
			unsigned level)
{
	key(b, s->key);
	switch (s->kind) {
	case SECTION_ROWS:
		buf_ch(b, '[');
		if (s->nrow)
			section_rows(b, r, s, f, level);
		buf_ch(b, ']');
		break;
	case SECTION_QUANTILES:
		quantiles(b, s->hist);
		break;
	case SECTION_HIST:
		bins(b, s);
		break;
	}
}

void json_section(struct buf *b, const struct report *r, const struct section *s)
{
	struct format f;

	f.f.layout = NULL;
	key_section(b, r, s, &f, 1);
}

static void sources(struct buf *b, const struct report *r)
{
	static const char *const state[] = {
		[SOURCE_USED] = "used", [SOURCE_UNUSED] = "unused", [SOURCE_UNAVAILABLE] = "unavailable",
	};

	json_array_begin(b, "sources");
	for (unsigned i = 0; i < r->nsource; i++) {
		const struct source_note *n = &r->source[i];

		buf_str(b, i ? ",{\"name\":" : "{\"name\":");
		json_string(b, n->name);
		key_string(b, "state", state[n->state]);
		if (*n->why)
			key_string(b, "why", n->why);
		buf_ch(b, '}');
	}
	json_array_end(b);
}

void json_end(struct buf *b, const struct report *r)
{
	bool first = true;

	sources(b, r);
	json_array_begin(b, "missing");
	for (unsigned f = 0; r->flow_schema && f < r->flow_schema->n; f++) {
		if (!fieldset_has(&r->missing, f))
			continue;
		if (!first)
			buf_ch(b, ',');
		json_string(b, r->flow_schema->field[f].key);
		first = false;
	}
	json_array_end(b);
	key_number(b, "lost_records", true, r->lost_records);
	key_number(b, "evicted_flows", true, r->evicted_flows);
	key(b, "incomplete");
	buf_str(b, r->incomplete ? "true" : "false");
	buf_str(b, "}\n");
}
