// SPDX-License-Identifier: GPL-2.0-or-later
/* Records as lines of text: words, tables, single values. JSON rows are in json.c. */
#include "view/rowop.h"

#include <string.h>

#include "core/util.h"
#include "model/strings.h"

#define TEXT_WIDTH_MIN 12 /* ROW_TABLE: columns that a text keeps on a narrow screen: "nginx(12345)" */
#define COL_WIDTH_MAX 1000

bool row_holders(const struct procset *ps, const struct layout *l, const void *rec, const struct procset_link **link,
		 uint32_t *n)
{
	const struct schema *s = l->schema;
	int holders;

	*n = 0;
	/* A schema that has processes has the inode by which they are found. It is among the first fields of one. */
	for (unsigned f = 0; ps && f < s->n; f++) {
		if (s->field[f].kind != FK_ID || strcmp(s->field[f].word, "inode"))
			continue;
		if (!rec_has(rec, f))
			return false;
		holders = procset_holders(ps, (uint32_t)rec_raw(l, rec, f), link);
		*n = holders > 0 ? (uint32_t)holders : 0;
		return holders >= 0;
	}
	return false;
}

/* A known number with its unit; needs 24 bytes. */
static inline char *put_number(char *p, enum field_unit unit, uint64_t v)
{
	switch (unit) {
	case FU_NS:
		return p + fmt_ns(p, v);
	case FU_BYTES:
	case FU_BYTES_PER_S:
		p = v < 100000 ? row_u64(p, v) : p + fmt_si(p, v); /* exact where that is no wider */
		*p++ = 'B';
		if (unit == FU_BYTES_PER_S) {
			*p++ = '/';
			*p++ = 's';
		}
		return p;
	case FU_PERMILLE:
		p += fmt_u64(p, v / 10);
		*p++ = '.';
		*p++ = (char)('0' + v % 10);
		*p++ = '%';
		return p;
	default:
		return row_u64(p, v);
	}
}

/* A known address, with its port unless that is unknown or FPORT no field; needs 64 bytes. */
static char *put_endpoint(char *p, const struct layout *l, const void *rec, unsigned faddr, unsigned fport)
{
	const uint8_t *addr = rec_addr(l, rec, faddr);
	unsigned n = fmt_addr(p, addr);
	uint64_t port;

	if (fport >= SCHEMA_FIELDS_MAX || !rec_has(rec, fport))
		return p + n;
	if (memchr(p, ':', MIN(n, 5u))) { /* IPv6: a colon follows four digits at most */
		*p++ = '[';
		n = fmt_addr(p, addr);
		p[n++] = ']';
	}
	p += n;
	*p++ = ':';
	port = rec_raw(l, rec, fport);
	if (port)
		return p + fmt_u64(p, port);
	*p++ = '*';
	return p;
}

/* "nginx(12),nginx(13)"; stops behind MAX columns (0: no limit). Returns columns. */
static unsigned put_procs(struct buf *b, const struct screen *s, const struct procset *ps,
			  const struct procset_link *link, uint32_t n, unsigned max)
{
	unsigned cols = 0;

	if (!n) {
		buf_str(b, "(none)");
		return 6;
	}
	for (uint32_t i = 0; i < n && (!max || cols <= max); i++) {
		const struct proc *pr = &ps->proc[link[i].proc];
		char *p;

		if (i) {
			buf_ch(b, ',');
			cols++;
		}
		cols += text_safe(b, s, strings_get(pr->args ? pr->args : pr->name), 0);
		if (!buf_room(b, 24))
			break;
		p = b->p + b->len;
		*p++ = '(';
		p += fmt_u64(p, pr->pid);
		*p++ = ')';
		cols += (unsigned)(p - b->p - b->len);
		b->len = (size_t)(p - b->p);
	}
	return cols;
}

/* Cuts what was written since START, COLS columns, to MAX (0: no limit) with a ~ at the end. */
static unsigned cut(struct buf *b, size_t start, unsigned cols, unsigned max)
{
	size_t at = start;

	if (!max || cols <= max || b->failed)
		return cols;
	for (unsigned i = 0; i + 1 < max; i++)
		do
			at++;
		while (at < b->len && (b->p[at] & 0xc0) == 0x80);
	b->len = at;
	buf_ch(b, '~');
	return max;
}

static const char *enum_name(const char *const *names, uint64_t v)
{
	while (*names && v--)
		names++;
	return *names && **names ? *names : "-";
}

/*
 * Whatever is neither a text nor a list of processes: at most MAX columns (0: no limit), ASCII: bytes are columns.
 * Needs SHORT_VALUE bytes at P; returns how many were written.
 */
#define SHORT_VALUE 64
static unsigned short_value(char *p, const struct layout *l, const void *rec, unsigned field, unsigned port,
			    unsigned max)
{
	const struct field *f = &l->schema->field[field];
	uint64_t v = 0;
	unsigned n;

	if (f->kind == FK_ADDR && rec_has(rec, field)) {
		n = (unsigned)(put_endpoint(p, l, rec, field, port) - p);
	} else if (f->kind == FK_ADDR || !rec_get(l, rec, field, &v)) {
		n = (unsigned)(row_copy(p, "-", 1) - p);
	} else if (f->kind == FK_ENUM) {
		n = (unsigned)(row_copy(p, enum_name(f->names, v), ROW_NAME_MAX) - p);
	} else if (f->kind == FK_FLAG) {
		n = (unsigned)(row_copy(p, v ? "yes" : "no", 3) - p);
	} else {
		n = (unsigned)(put_number(p, f->unit, v) - p);
		if (max && n > max && f->kind != FK_ID) /* digits that are cut would read as another number */
			n = fmt_si(p, v);
		if (max && n > max)
			n = (unsigned)(row_copy(p, "~", 1) - p);
		return n;
	}
	if (!max || n <= max)
		return n;
	p[max - 1] = '~';
	return max;
}

unsigned number_text(struct buf *b, enum field_unit unit, uint64_t v)
{
	size_t at = b->len;

	if (buf_room(b, SHORT_VALUE))
		b->len = (size_t)(put_number(b->p + at, unit, v) - b->p);
	return (unsigned)(b->len - at);
}

static bool is_long(const struct layout *l, unsigned field)
{
	uint8_t kind = l->schema->field[field].kind;

	return kind == FK_TEXT || kind == FK_PROCS;
}

unsigned value_text(struct buf *b, const struct screen *s, const struct layout *l, const void *rec, unsigned field,
		    const struct procset *procs, unsigned max)
{
	bool procs_field = l->schema->field[field].kind == FK_PROCS;
	const struct procset_link *link;
	const char *text = "";
	size_t start = b->len;
	unsigned n = 0;
	uint32_t nlink;

	if (procs_field && row_holders(procs, l, rec, &link, &nlink))
		return cut(b, start, put_procs(b, s, procs, link, nlink, max), max);
	if (!is_long(l, field)) {
		if (buf_room(b, SHORT_VALUE))
			n = short_value(b->p + b->len, l, rec, field, ROWFMT_NO_FIELD, max);
		b->len += n;
		return n;
	}
	if (!procs_field && rec_has(rec, field))
		text = strings_get((uint32_t)rec_raw(l, rec, field));
	return text_safe(b, s, *text ? text : "-", max);
}

unsigned endpoint_text(struct buf *b, const struct layout *l, const void *rec, unsigned faddr, unsigned fport)
{
	unsigned n = 0;

	if (buf_room(b, SHORT_VALUE))
		n = short_value(b->p + b->len, l, rec, faddr, fport, 0);
	b->len += n;
	return n;
}

static enum row_op choose_op(const struct layout *l, unsigned field)
{
	const struct slot *s = &l->slot[field];

	switch (l->schema->field[field].kind) {
	case FK_ENUM:
		return ROW_ENUM;
	case FK_FLAG:
		return ROW_FLAG;
	case FK_TEXT:
		return ROW_STR;
	case FK_ADDR:
		return ROW_ADDR;
	case FK_PROCS:
		return ROW_PROCS;
	default:
		break;
	}
	switch (s->bits ? 0 : s->width) {
	case 1:
		return ROW_U8;
	case 2:
		return ROW_U16;
	case 4:
		return ROW_U32;
	case 8:
		return ROW_U64;
	default:
		return ROW_BITS;
	}
}

/* The text that stands before each value of the column. */
static void column_text(struct rowfmt_col *c, enum row_style style)
{
	const char *name = style == ROW_JSON ? c->desc->key : c->desc->word;
	const char *dot = IS_ENABLED(CONFIG_JSON) && style == ROW_JSON ? strchr(name, '.') : NULL;
	bool object = dot && c->op == ROW_OBJECT;
	char *p = c->text;
	size_t n;

	if (dot && !object)
		name = dot + 1;
	n = strnlen(name, object ? MIN((unsigned)(dot - name), ROWFMT_TEXT - 8u) : ROWFMT_TEXT - 8u);
	if (style == ROW_JSON) {
		*p++ = ',';
		*p++ = '"';
	}
	memcpy(p, name, n);
	p += n;
	if (style == ROW_JSON)
		*p++ = '"';
	if (style == ROW_JSON || c->op != ROW_FLAG)
		*p++ = ':';
	c->textlen = (uint8_t)(p - c->text);
}

static void column_init(struct rowfmt *r, struct rowfmt_col *c, unsigned field)
{
	static const uint8_t usual[] = {
		[FK_ENUM] = 11, [FK_FLAG] = 3, [FK_TEXT] = 12, [FK_ADDR] = 21, [FK_PROCS] = 20,
	};
	const struct field *f = &r->layout->schema->field[field];

	memset(c, 0, sizeof(*c));
	c->field = (uint8_t)field;
	c->port = ROWFMT_NO_FIELD;
	c->desc = f;
	c->op = choose_op(r->layout, field);
	c->unit = f->unit;
	c->off = r->layout->slot[field].off;
	c->scale = r->layout->wide ? 1 : f->scale;
	while (r->style == ROW_JSON && c->scale && c->scale % 1000 == 0) {
		c->scale /= 1000;
		c->zeros += 3;
	}
	while (f->kind == FK_ENUM && c->nnames < UINT8_MAX && f->names[c->nnames])
		c->nnames++;
	c->right = c->op <= ROW_BITS;
	c->width = c->right ? 7 : usual[f->kind];
	c->width = (uint16_t)MAX(c->width, strlen(f->head));
	column_text(c, r->style);
}

/* Whether A and B are members of one object in JSON. */
static bool same_object(const struct field *a, const struct field *b)
{
	size_t n = strcspn(a->key, ".");

	return a->key[n] && !strncmp(a->key, b->key, n + 1);
}

/* ROW_JSON: the object that field *COL is a member of, with all of its members among the N fields there. */
static void object_init(struct rowfmt *r, const uint8_t *col, unsigned n)
{
	const struct field *f = r->layout->schema->field;
	struct rowfmt_col *o = &r->col[r->ncol];

	if (r->ncol + 3 > SCHEMA_FIELDS_MAX)
		return;
	column_init(r, o, *col);
	o->op = ROW_OBJECT;
	o->nnames = 0;
	column_text(o, ROW_JSON);
	r->ncol++;
	for (unsigned i = 0; i < n && r->ncol + 1 < SCHEMA_FIELDS_MAX; i++) {
		if (!same_object(&f[*col], &f[col[i]]))
			continue;
		column_init(r, &r->col[r->ncol++], col[i]);
		o->nnames++;
	}
	o->nnames++;
	o[1].text[0] = '{'; /* over its comma */
	o = &r->col[r->ncol++];
	memset(o, 0, sizeof(*o));
	o->op = ROW_OBJECT_END;
	o->text[0] = '}';
	o->textlen = 1;
}

/* True when column I has a dot in its key: then object_init() has it, at the place of the first of its kind. */
static bool object_column(struct rowfmt *r, const uint8_t *col, unsigned i, unsigned ncol)
{
	const struct field *f = r->layout->schema->field;
	unsigned first = 0;

	if (!strchr(f[col[i]].key, '.'))
		return false;
	while (!same_object(&f[col[i]], &f[col[first]]))
		first++;
	if (first == i)
		object_init(r, col + i, ncol - i);
	return true;
}

void rowfmt_init(struct rowfmt *r, enum row_style style, const struct layout *l, const uint8_t *col, unsigned ncol,
		 const struct procset *procs, const struct screen *s)
{
	bool lead = true;

	r->style = style;
	r->layout = l;
	r->procs = procs;
	r->screen = *s;
	r->ncol = 0;
	for (unsigned i = 0; i < ncol && r->ncol < SCHEMA_FIELDS_MAX; i++) {
		struct rowfmt_col *c = &r->col[r->ncol];
		bool port_next = i + 1 < ncol && l->schema->field[col[i + 1]].kind == FK_PORT;

		if (IS_ENABLED(CONFIG_JSON) && style == ROW_JSON && object_column(r, col, i, ncol))
			continue;
		r->ncol++;
		column_init(r, c, col[i]);
		if (style != ROW_JSON && c->op == ROW_ADDR && port_next)
			c->port = col[++i];
		if (c->right || c->op == ROW_FLAG || c->op == ROW_PROCS)
			lead = false;
		c->bare = lead && (c->op == ROW_ENUM || c->op == ROW_ADDR);
	}
}

/* The columns that each value of column C needs, at most. */
static unsigned widest(const struct rowfmt *r, const struct rowfmt_col *c, void *const *row, uint32_t n)
{
	unsigned width = (unsigned)strlen(c->desc->head), cols;
	bool is_short = !is_long(r->layout, c->field);
	struct buf b = BUF_INIT;
	char t[SHORT_VALUE];

	for (uint32_t k = 0; k < n; k++) {
		b.len = 0;
		cols = is_short ? short_value(t, r->layout, row[k], c->field, c->port, 0) :
			value_text(&b, &r->screen, r->layout, row[k], c->field, r->procs, COL_WIDTH_MAX);
		width = MAX(width, cols);
	}
	buf_free(&b);
	return width;
}

void rowfmt_fit(struct rowfmt *r, void *const *row, uint32_t n)
{
	unsigned total = r->ncol ? r->ncol - 1 : 0, screen = r->screen.width;

	for (unsigned i = 0; i < r->ncol; i++) {
		r->col[i].width = (uint16_t)widest(r, &r->col[i], row, n);
		total += r->col[i].width;
	}
	for (unsigned i = r->ncol; i-- && screen && total > screen; ) {
		struct rowfmt_col *c = &r->col[i];
		unsigned least = (unsigned)MAX(strlen(c->desc->head), (size_t)TEXT_WIDTH_MIN);

		if ((c->op != ROW_STR && c->op != ROW_PROCS) || c->width <= least)
			continue;
		least = MAX(least, c->width - MIN(total - screen, c->width));
		total -= c->width - least;
		c->width = (uint16_t)least;
	}
}

/* N spaces; writes up to 16 more bytes than it returns: a call of memset takes longer. */
static char *put_spaces(char *p, unsigned n)
{
	for (;; n -= 16, p += 16) {
		memcpy(p, "                ", 16);
		if (n <= 16)
			return p + n;
	}
}

/* Behind a value of COLS columns: the rest of its column and the gap, or the end of the line. */
static void end_cell(struct buf *b, const struct rowfmt *r, unsigned i, unsigned cols)
{
	unsigned gap = r->col[i].width > cols ? r->col[i].width - cols : 0;

	if (i + 1 == r->ncol)
		buf_ch(b, '\n');
	else if (buf_room(b, gap + 17u))
		b->len = (size_t)(put_spaces(b->p + b->len, gap + 1) - b->p);
}

/* TEXT, N ASCII characters, as the value of column I. */
static void short_cell(struct buf *b, const struct rowfmt *r, unsigned i, const char *text, unsigned n)
{
	unsigned width = r->col[i].width;
	char *p;

	if (!buf_room(b, width + n + 16u))
		return;
	p = b->p + b->len;
	if (r->col[i].right && width > n)
		p = put_spaces(p, width - n);
	p = row_copy(p, text, n);
	b->len = (size_t)(p - b->p);
	end_cell(b, r, i, r->col[i].right ? width : n);
}

void rowfmt_head(struct buf *b, const struct rowfmt *r)
{
	for (unsigned i = 0; i < r->ncol; i++)
		short_cell(b, r, i, r->col[i].desc->head, (unsigned)strlen(r->col[i].desc->head));
}

static void table_row(const struct rowfmt *r, struct buf *b, const void *rec)
{
	for (unsigned i = 0; i < r->ncol; i++) {
		const struct rowfmt_col *c = &r->col[i];
		/* A text in the last column ends where the screen does; without a width it is not cut at all. */
		unsigned max = i + 1 < r->ncol || r->screen.width ? c->width : 0;
		char t[SHORT_VALUE];

		if (is_long(r->layout, c->field))
			end_cell(b, r, i, value_text(b, &r->screen, r->layout, rec, c->field, r->procs, max));
		else
			short_cell(b, r, i, t, short_value(t, r->layout, rec, c->field, c->port, max));
	}
}

static void table_rows(const struct rowfmt *r, struct buf *b, void *const *row, uint32_t n)
{
	for (uint32_t k = 0; k < n && !b->failed; k++)
		table_row(r, b, row[k]);
}

/* A text or a list of processes as one word: spaces in it would look like the end of the value. */
static void words_text(const struct rowfmt *r, const struct rowfmt_col *c, struct buf *b, const void *rec)
{
	const struct procset_link *link;
	const char *text = NULL;
	uint32_t n;
	size_t at;

	if (c->op == ROW_PROCS) {
		if (!row_holders(r->procs, r->layout, rec, &link, &n))
			return;
	} else {
		text = row_has(c, rec) ? strings_get((uint32_t)rec_raw(r->layout, rec, c->field)) : "";
		if (!*text)
			return;
	}
	/* There is room: the row's. */
	b->len = (size_t)(row_text(b->p + b->len, c) - b->p);
	at = b->len;
	if (text)
		text_safe(b, &r->screen, text, 0);
	else
		put_procs(b, &r->screen, r->procs, link, n, 0);
	for (; at < b->len; at++)
		if (b->p[at] == ' ')
			b->p[at] = '_';
	buf_ch(b, ' ');
}

/* A name or an address. */
static char *words_name(const struct rowfmt *r, const struct rowfmt_col *c, char *p, const void *rec)
{
	const char *name = c->op == ROW_ENUM ? row_name(r->layout, c, rec) : NULL;
	bool known = name || (c->op == ROW_ADDR && row_has(c, rec));

	if (!known && !c->bare)
		return p;
	if (!c->bare)
		p = row_text(p, c);
	if (!known) {
		*p++ = '-';
	} else if (name) {
		p = row_copy(p, name, ROW_NAME_MAX);
	} else {
		p = put_endpoint(p, r->layout, rec, c->field, c->port);
	}
	*p++ = ' ';
	return p;
}

static void words_row(const struct rowfmt *r, struct buf *b, const void *rec)
{
	const size_t room = (size_t)r->ncol * ROW_COL_ROOM + ROW_COL_ROOM;
	const struct rowfmt_col *c = r->col, *end = c + r->ncol;
	char *p;

	if (!buf_room(b, room))
		return;
	p = b->p + b->len;
	for (; c < end; c++) {
		if (c->op <= ROW_BITS) {
			if (!row_has(c, rec))
				continue;
			p = row_text(p, c);
			p = put_number(p, c->unit, row_raw(r->layout, c, rec) * c->scale);
			*p++ = ' ';
		} else if (c->op == ROW_FLAG) {
			if (!row_has(c, rec) || !rec_raw(r->layout, rec, c->field))
				continue;
			p = row_text(p, c);
			*p++ = ' ';
		} else if (c->op == ROW_ENUM || c->op == ROW_ADDR) {
			p = words_name(r, c, p, rec);
		} else {
			b->len = (size_t)(p - b->p);
			words_text(r, c, b, rec);
			if (!buf_room(b, room))
				return;
			p = b->p + b->len;
		}
	}
	b->len = (size_t)(p - b->p);
}

/* Each value is followed by a space: the last one of a line becomes its end. */
static void words_rows(const struct rowfmt *r, struct buf *b, void *const *row, uint32_t n)
{
	for (uint32_t k = 0; k < n && !b->failed; k++) {
		size_t start = b->len;

		words_row(r, b, row[k]);
		if (b->len > start)
			b->len--;
		buf_ch(b, '\n');
	}
}

void rowfmt_rows(const struct rowfmt *r, struct buf *b, void *const *row, uint32_t n)
{
	if (r->style == ROW_WORDS)
		words_rows(r, b, row, n);
	else if (r->style == ROW_TABLE)
		table_rows(r, b, row, n);
	else if (IS_ENABLED(CONFIG_JSON))
		json_rows(r, b, row, n);
}
