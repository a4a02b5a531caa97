/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports as JSON, OpenMetrics and text. Views know kinds and units of fields, never an applet or a field by name.
 *
 * Rows are printed by a *row format* that is prepared once (keys, widths, kinds) and then used from several threads at a
 * time: rowfmt_rows() only reads it. 100,000 rows of 60 fields are the normal case: no printf in it.
 */
#ifndef FLEUTAN_VIEW_H
#define FLEUTAN_VIEW_H

#include "core/buf.h"
#include "model/report.h"
#include "view/screen.h"

enum row_style {
	ROW_JSON,  /* {"proto":"tcp",…}; unknown is null; keys with a dot: {"qdisc":{"kind":"fq",…},…} */
	ROW_WORDS, /* one line of word:value, unknown left out: for people who pipe into grep (-l) */
	ROW_TABLE, /* aligned columns */
};

#define ROWFMT_TEXT 48 /* bytes of the longest ready-made key, `,"key":`, and its slack */
#define ROWFMT_NO_FIELD 0xff

/* One column, all that a row printer has to know about it in one or two cache lines. */
struct rowfmt_col {
	uint8_t field;
	uint8_t port;    /* but ROW_JSON: the port field shown with this address; ROWFMT_NO_FIELD: none */
	uint8_t op;      /* enum row_op (rowop.h): how the value is read and printed */
	uint8_t unit;    /* enum field_unit */
	uint8_t nnames;  /* FK_ENUM: how many; ROW_OBJECT: columns to its end */
	uint8_t textlen; /* bytes of text[] */
	uint8_t zeros;   /* ROW_JSON: scale as a power of ten, so that it is written instead of multiplied */
	bool right;      /* ROW_TABLE: aligned to the right */
	bool bare;       /* ROW_WORDS: the value without its word, "-" when unknown */
	uint16_t off;    /* of the value in the record */
	uint16_t width;  /* ROW_TABLE: columns */
	uint32_t scale;  /* stored value × scale (× 10^zeros) = value in base units */
	const struct field *desc;
	char text[ROWFMT_TEXT]; /* ROW_JSON: ,"key":   ROW_WORDS: 'word:' ('word' of a flag) */
};

struct rowfmt {
	enum row_style style;
	const struct layout *layout;
	const struct procset *procs; /* may be NULL: procs are unknown */
	struct screen screen;
	unsigned ncol;
	struct rowfmt_col col[SCHEMA_FIELDS_MAX];
};

/* Prepares; COL are fields in order. ROW_TABLE: widths from rowfmt_fit(), or the head's and kind's usual width before. */
void rowfmt_init(struct rowfmt *r, enum row_style style, const struct layout *l, const uint8_t *col, unsigned ncol,
		 const struct procset *procs, const struct screen *s);
/*
 * ROW_TABLE: makes columns as wide as the rows that will be shown need. Then, while a line is wider than the screen,
 * texts and process lists give way, the rightmost first, down to 12 columns; numbers and addresses never do.
 */
void rowfmt_fit(struct rowfmt *r, void *const *row, uint32_t n);
/* ROW_TABLE: the line of column heads. */
void rowfmt_head(struct buf *b, const struct rowfmt *r);
/*
 * Prints rows; ROW_JSON: comma-separated objects, without a comma before the first. Thread-safe.
 * ROW_WORDS: the columns before the first number say who it is: addresses (with their port) and enumerations there
 * stand without a word, "-" when unknown, so that they keep their places. A space inside a text becomes '_'.
 */
void rowfmt_rows(const struct rowfmt *r, struct buf *b, void *const *row, uint32_t n);
/*
 * One value as text for people (unit included), at most MAX columns (0: no limit); "-" when unknown. Returns columns.
 * Bytes are exact below 100,000 ("65536B", then "123kB"); processes are "nginx(12),nginx(13)" or "(none)".
 */
unsigned value_text(struct buf *b, const struct screen *s, const struct layout *l, const void *rec, unsigned field,
		    const struct procset *procs, unsigned max);
/* Number V, in base units, as value_text() shows it. Returns columns. */
unsigned number_text(struct buf *b, enum field_unit unit, uint64_t v);
/*
 * End points for people: "192.0.2.1:443", "[2001:db8::1]:443", port 0 as "*", aligned by the caller; only the address
 * when the port is unknown or FPORT is ROWFMT_NO_FIELD, "-" when the address is unknown. Returns columns.
 */
unsigned endpoint_text(struct buf *b, const struct layout *l, const void *rec, unsigned faddr, unsigned fport);

/*
 * JSON in parts, so that rows can stream: begin, then sections or (array_begin, rows…, array_end), then end, which writes
 * what is known only then (sources, missing, losses). One object on one line, for -j and -J alike.
 */
void json_begin(struct buf *b, const struct report *r);
void json_section(struct buf *b, const struct report *r, const struct section *s); /* whole, with its key */
void json_array_begin(struct buf *b, const char *key);
void json_array_end(struct buf *b);
void json_end(struct buf *b, const struct report *r);
/* A string with quotes, escaped; invalid UTF-8 becomes U+FFFD. */
void json_string(struct buf *b, const char *text);

/*
 * OpenMetrics text: every row section becomes metrics fleutan_<section singular>_<word>_<base unit>[_total] with the labels
 * that LABEL fields give (never addresses with ports); a histogram section becomes one histogram in seconds. Ends with # EOF.
 */
void metrics_report(struct buf *b, const struct report *r, const uint8_t *label, unsigned nlabel);

/* The distribution of durations as bars, one line a bin: range, bar, count. TITLE is one line above it; NULL: none. */
void histogram_text(struct buf *b, const struct screen *s, const struct hist_bin *bin, unsigned nbin, const char *title);

/*
 * What could not be used (and what was instead), what is missing, what was lost: the lines that go to stderr, each at
 * most once per run. Nothing when all is well.
 */
void notes_text(struct buf *b, const struct report *r);

#endif
