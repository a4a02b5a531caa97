/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the user asked for, in the options that every applet shares, and what follows from them: filter, columns,
 * screen, output. An applet embeds struct look as the first member of its own options and lists look_opts among its tables.
 */
#ifndef FLEUTAN_LOOK_H
#define FLEUTAN_LOOK_H

#include "core/applet.h"
#include "core/buf.h"
#include "core/err.h"
#include "model/filter.h"
#include "model/flow.h"
#include "model/group.h"
#include "model/report.h"
#include "view/screen.h"

enum procs_method { PROCS_AUTO, PROCS_BPF, PROCS_PROC, PROCS_NO };

#define COUNT_DEFAULT UINT32_MAX /* -c not given */
#define ROWS_DEFAULT UINT32_MAX /* -N not given */

struct look {
	/* selection */
	bool v4, v6, tcp, udp, raw, all_states;
	const char *proc, *netns;
	/* sampling */
	uint64_t interval_ns; /* 0: one look */
	uint32_t count;       /* 0: without end */
	bool watch;
	/* arrangement */
	int group, procs, color;
	uint32_t prefix4, prefix6, rows;
	const char *sort, *cols;
	bool resolve, numeric, cmdline;
	/* output */
	bool ascii, json, jsonl, metrics, words, verbose;
	const char *out, *record, *replay;
	/* what follows: look_settle() */
	struct filter filter;
	struct fieldset asked; /* fields that options named: not having them makes the answer partial */
	struct screen screen;
	bool sort_none, sort_ascending;
	unsigned sort_field;
	/*
	 * Set by the applet between look_init() and look_settle(): SERVES(FLOW_SRC_PACKET) | … for those of the
	 * packet sources that it has. Naming a field of another one is a usage error; 0: it shows sockets alone.
	 */
	unsigned serves;
};

#define SERVES(source) (1u << (source))

/* Whether the applet has the source of field F of flow_schema. */
static inline bool look_serves(const struct look *l, unsigned f)
{
	return !IS_ENABLED(CONFIG_PACKETS) || flow_field_source(f) < FLOW_SRC_PACKET ||
	       (l->serves & SERVES(flow_field_source(f)));
}

extern const struct opt look_opts[];

/* The options' defaults. */
void look_init(struct look *l);

/*
 * Checks what does not go together, parses the filter (the NWORDS words of the command line, and what options such as -4
 * or -p say), finds the sort field, looks at the terminal. 0 or -errno with a sentence (a usage error).
 */
int look_settle(struct look *l, const char *default_sort, unsigned nwords, char *const *words, struct err *e);

/*
 * Columns (--cols) of flows from a list such as "rtt,cwnd" ("all": every field that the applet serves; "+retrans":
 * those of DEFAULTS and this), into COL (room for SCHEMA_FIELDS_MAX). Returns their number or -EINVAL.
 */
int look_columns(const struct look *l, const uint8_t *defaults, unsigned ndefaults, uint8_t *col, struct err *e);

/* Writes B to -o FILE (atomically: a temporary file in the same folder, then rename) or stdout, and empties it. */
int look_write(const struct look *l, struct buf *b, struct err *e);

#endif
