/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the row printers share (rows.c, json.c); nobody else includes it. */
#ifndef FLEUTAN_ROWOP_H
#define FLEUTAN_ROWOP_H

#include "model/field.h"
#include "model/procset.h"
#include "view/view.h"

/* How a column's value is read and printed: decided once per column instead of once per value. */
enum row_op {
	ROW_U8, ROW_U16, ROW_U32, ROW_U64, ROW_BITS, ROW_FLAG, ROW_ENUM, ROW_ADDR, ROW_STR, ROW_PROCS,
	/* ROW_JSON only: no value of their own, but an object around the columns between them, or its null. */
	ROW_OBJECT, ROW_OBJECT_END,
};

/* Room for a column's text (copied in fixed sizes) and its value, unless that is a string or a list of processes. */
#define ROW_COL_ROOM (ROWFMT_TEXT + 64)
#define ROW_NAME_MAX 48 /* bytes of an enumeration's name that are printed */

/*
 * What runs for every value is inlined by force: a compiler told to save space makes calls of it, and they are a tenth
 * of a row's time.
 */
#define ROW_INLINE static inline __attribute__((always_inline))

/* Short words byte by byte: a call of memcpy (musl: rep movs) takes longer than all of it. */
static inline char *row_copy(char *p, const char *word, unsigned max)
{
	while (*word && max--)
		*p++ = *word++;
	return p;
}

/* Copies the ready-made text of a column: fixed sizes compile to a few moves, where memcpy(textlen) is a call. */
ROW_INLINE char *row_text(char *p, const struct rowfmt_col *c)
{
	memcpy(p, c->text, 16);
	if (c->textlen > 16)
		memcpy(p + 16, c->text + 16, ROWFMT_TEXT - 16);
	return p + c->textlen;
}

ROW_INLINE bool row_has(const struct rowfmt_col *c, const void *rec)
{
	return rec_have_c(rec)->w[c->field / 64] >> (c->field % 64) & 1;
}

/* fmt_u64() with a short cut for one digit: most values of most flows. */
ROW_INLINE char *row_u64(char *p, uint64_t v)
{
	*p = (char)('0' + v);
	return v < 10 ? p + 1 : p + fmt_u64(p, v);
}

/* The stored number of a column whose op is at most ROW_BITS. */
ROW_INLINE uint64_t row_raw(const struct layout *l, const struct rowfmt_col *c, const unsigned char *rec)
{
	const unsigned char *v = rec + c->off;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (c->op) {
	case ROW_U8:
		return *v;
	case ROW_U16:
		memcpy(&v16, v, 2);
		return v16;
	case ROW_U32:
		memcpy(&v32, v, 4);
		return v32;
	case ROW_U64:
		memcpy(&v64, v, 8);
		return v64;
	default:
		return rec_raw(l, rec, c->field);
	}
}

/* The name of an enumeration's value of a column; NULL: unknown or out of range. */
static inline const char *row_name(const struct layout *l, const struct rowfmt_col *c, const void *rec)
{
	uint64_t v = row_has(c, rec) ? rec_raw(l, rec, c->field) : c->nnames;

	return v < c->nnames && *c->desc->names[v] ? c->desc->names[v] : NULL;
}

/* The processes that hold the record's socket: false: unknown; true with *N 0: nobody. */
bool row_holders(const struct procset *ps, const struct layout *l, const void *rec, const struct procset_link **link,
		 uint32_t *n);

void json_rows(const struct rowfmt *r, struct buf *b, void *const *row, uint32_t n);

#endif
