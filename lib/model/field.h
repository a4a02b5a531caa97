/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fields, schemas, layouts and records: the one data model.
 *
 * A *field* is declared once (one line in a list such as flow_fields.h). From that line follow its column, JSON key,
 * metric name, filter word, sort key, and how an interval or a group treats it.
 * A *schema* is a table of fields: flows, CPUs, queues, hops each have one.
 * A *layout* says which fields somebody wants and where they lie in a record: nothing is stored that nobody asked for.
 * A *record* is raw bytes in a layout: first a bitmap of what is known, then the values, in the kernel's own width and unit.
 */
#ifndef FLEUTAN_FIELD_H
#define FLEUTAN_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "core/util.h"

enum field_kind {
	FK_GAUGE,   /* a state of this moment */
	FK_COUNTER, /* only grows; an interval shows the difference */
	FK_ENUM,    /* index into field.names */
	FK_FLAG,    /* 0 or 1 */
	FK_ID,      /* a number that names something (uid, inode, ifindex, CPU): never summed */
	FK_TEXT,    /* a string id (strings.h), u32, 0: empty */
	FK_ADDR,    /* 16 bytes, IPv4 as ::ffff:a.b.c.d */
	FK_PORT,    /* host byte order, unknown for protocols without ports */
	FK_PROCS,   /* derived from the flow's inode through a procset (procset.h): holds no bytes of its own */
};

enum field_unit {
	FU_NONE,
	FU_NS,           /* key ends in _ns, metric in _seconds */
	FU_BYTES,        /* _bytes */
	FU_BYTES_PER_S,  /* _bytes_per_s */
	FU_SEGS,         /* segments */
	FU_PACKETS,      /* packets */
	FU_PERMILLE,     /* shown as a percentage with one digit */
};

/* How a group makes one value out of its members'. */
enum field_merge {
	FM_NONE, /* kept only when all members agree, else unknown */
	FM_SUM,
	FM_MIN,
	FM_MAX,
	FM_MEAN, /* arithmetic mean over the members that know it */
};

/* Explanations are only in programs that print them. */
#define FIELD_HAS_HELP (IS_ENABLED(CONFIG_LONG_HELP) || IS_ENABLED(CONFIG_METRICS))

struct field {
	const char *key;          /* JSON key, unit included: "rtt_ns" */
	const char *word;         /* filter, sort and column word without the unit: "rtt" */
	const char *head;         /* column header: "SRTT" */
#if FIELD_HAS_HELP
	const char *help;         /* one line for --fields, metrics and documentation: field_help() */
#endif
	const char *const *names; /* FK_ENUM: NULL-terminated names */
	uint32_t scale;           /* stored value × scale = value in the base unit of `unit` */
	uint8_t kind, unit, merge;
	uint8_t width;            /* bytes stored: 0 (derived), 1, 2, 4, 8, 16 */
};

static inline const char *field_help(const struct field *f)
{
#if FIELD_HAS_HELP
	return f->help;
#else
	(void)f;
	return "";
#endif
}

#define SCHEMA_FIELDS_MAX (IS_ENABLED(CONFIG_PACKETS) ? 192 : 128)
#define HAVE_WORDS (SCHEMA_FIELDS_MAX / 64)

struct schema {
	const char *name;          /* "flow" */
	const struct field *field; /* n entries */
	unsigned n;
};

struct fieldset {
	uint64_t w[HAVE_WORDS];
};

static inline bool fieldset_has(const struct fieldset *s, unsigned f)
{
	return s->w[f / 64] >> (f % 64) & 1;
}

static inline void fieldset_add(struct fieldset *s, unsigned f)
{
	s->w[f / 64] |= 1ULL << (f % 64);
}

static inline void fieldset_del(struct fieldset *s, unsigned f)
{
	s->w[f / 64] &= ~(1ULL << (f % 64));
}

struct slot {
	uint16_t off;  /* from the start of the record */
	uint8_t width; /* bytes at off; 0: not in this layout */
	uint8_t shift; /* bit fields: value = raw >> shift & mask of `bits` bits; bits 0: all of it */
	uint8_t bits;
};

struct layout {
	const struct schema *schema;
	struct fieldset want;
	uint32_t size; /* bytes of one record, a multiple of 8 */
	bool wide;     /* every number stored in 8 bytes and in base units: for groups, whose sums outgrow the kernel's width */
	struct slot slot[SCHEMA_FIELDS_MAX];
};

/*
 * Lays out the fields of WANT one by one. Fields that a collector copies as one block (tcp_info) are placed by
 * layout_block() afterwards. A wide layout ignores field.width of numbers.
 */
void layout_init(struct layout *l, const struct schema *s, const struct fieldset *want, bool wide);

/* Reserves LEN bytes at the end of the record, 8-byte aligned; returns their offset. */
unsigned layout_block(struct layout *l, unsigned len);

/* The record's bitmap of known fields. */
static inline struct fieldset *rec_have(void *rec) { return rec; }
static inline const struct fieldset *rec_have_c(const void *rec) { return rec; }

static inline bool rec_has(const void *rec, unsigned f)
{
	return fieldset_has(rec_have_c(rec), f);
}

/* The stored number, not scaled; only meaningful when rec_has(). For every kind but FK_ADDR and FK_PROCS. */
static inline uint64_t rec_raw(const struct layout *l, const void *rec, unsigned f)
{
	const struct slot *s = &l->slot[f];
	const unsigned char *p = (const unsigned char *)rec + s->off;
	uint64_t v = 0;

	switch (s->width) {
	case 1: v = *p; break;
	case 2: { uint16_t x; memcpy(&x, p, 2); v = x; break; }
	case 4: { uint32_t x; memcpy(&x, p, 4); v = x; break; }
	case 8: memcpy(&v, p, 8); break;
	default: break;
	}
	if (s->bits)
		v = v >> s->shift & ((1ULL << s->bits) - 1);
	return v;
}

/* The value in base units; false: unknown. */
static inline bool rec_get(const struct layout *l, const void *rec, unsigned f, uint64_t *v)
{
	if (!rec_has(rec, f))
		return false;
	*v = rec_raw(l, rec, f) * (l->wide ? 1 : l->schema->field[f].scale);
	return true;
}

/* The 16 bytes of an FK_ADDR; NULL: unknown. */
static inline const uint8_t *rec_addr(const struct layout *l, const void *rec, unsigned f)
{
	return rec_has(rec, f) ? (const uint8_t *)rec + l->slot[f].off : NULL;
}

/* Stores RAW (unscaled) and marks the field known; does nothing when the layout has no place for it. */
static inline void rec_set(const struct layout *l, void *rec, unsigned f, uint64_t raw)
{
	const struct slot *s = &l->slot[f];
	unsigned char *p = (unsigned char *)rec + s->off;

	switch (s->width) {
	case 0: return;
	case 1: *p = (uint8_t)raw; break;
	case 2: { uint16_t x = (uint16_t)raw; memcpy(p, &x, 2); break; }
	case 4: { uint32_t x = (uint32_t)raw; memcpy(p, &x, 4); break; }
	default: memcpy(p, &raw, 8); break;
	}
	fieldset_add(rec_have(rec), f);
}

static inline void rec_set_addr(const struct layout *l, void *rec, unsigned f, const uint8_t addr[16])
{
	if (!l->slot[f].width)
		return;
	memcpy((unsigned char *)rec + l->slot[f].off, addr, 16);
	fieldset_add(rec_have(rec), f);
}

/*
 * The field that WORD (LEN bytes) names: its word or its full key ("rtt" or "rtt_ns"); -1: none.
 */
int schema_find(const struct schema *s, const char *word, size_t len);

/*
 * Records of one layout, in chunks that never move (pointers stay valid until table_free).
 * Bounded: when `max` records are held, table_add returns NULL and counts into `evicted`.
 */
struct table {
	const struct layout *lay;
	unsigned char **chunk;
	uint32_t n, nchunk, max;
	uint64_t evicted;
};

#define TABLE_CHUNK 512 /* records: so many that rounding up to pages costs some 4 bytes a record */

void table_init(struct table *t, const struct layout *l, uint32_t max);
void *table_add(struct table *t); /* zeroed (nothing known); NULL: full or out of memory */
void table_free(struct table *t);

static inline void *table_at(const struct table *t, uint32_t i)
{
	return t->chunk[i / TABLE_CHUNK] + (size_t)(i % TABLE_CHUNK) * t->lay->size;
}

#endif
