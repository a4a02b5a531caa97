/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an applet has to say, before anybody decided how it looks. Applets fill it, views read it.
 */
#ifndef FLEUTAN_REPORT_H
#define FLEUTAN_REPORT_H

#include "model/field.h"
#include "model/hist.h"
#include "model/procset.h"

enum source_state { SOURCE_USED, SOURCE_UNUSED, SOURCE_UNAVAILABLE };

struct source_note {
	const char *name; /* "sock_diag", "bpf_iter", "proc", "tcp_probe" … */
	enum source_state state;
	char why[160];    /* one sentence; empty when used and nothing is to be said */
};

#define REPORT_SOURCES 12
#define REPORT_SECTIONS 6

enum section_kind {
	SECTION_ROWS,      /* JSON: an array of objects */
	SECTION_QUANTILES, /* JSON: { p50_ns, p90_ns, p99_ns, max_ns }, null each when the histogram is empty */
	SECTION_HIST,      /* JSON: an array of { lo_ns, hi_ns, count } */
};

struct section {
	enum section_kind kind;
	const char *key;             /* JSON key: "flows", "rtt_quantiles" … */
	const struct layout *layout; /* rows: layout of the records */
	const uint8_t *col;          /* rows: fields to show, in order */
	unsigned ncol;
	void *const *row;            /* rows: sorted and limited */
	uint32_t nrow, total;        /* rows: shown, and how many there were before the limit */
	const struct subrows *sub;   /* rows: arrays inside each row's object, nsub of them; NULL: none */
	unsigned nsub;
	const uint8_t *label;        /* rows: fields that become labels of metrics; NULL: those of the run */
	unsigned nlabel;
	bool only_json, no_json;     /* rows: shown in JSON only; or everywhere but there */
	const struct hist *hist;     /* quantiles, hist: values in ns */
	const struct hist_bin *bin;  /* hist: bins for display */
	unsigned nbin;
};

/* Rows within rows: of[i] is the section that belongs to row[i] of the section around it, with the key of the array. */
struct subrows {
	const struct section *of;
};

struct report {
	const char *schema;  /* "fleutan/flowlat" */
	unsigned version;    /* of the schema */
	const char *kernel, *host;
	const char *netns;   /* NULL: the caller's */
	uint64_t time_ms;    /* Unix time */
	bool has_interval;
	uint64_t interval_ns;
	struct source_note source[REPORT_SOURCES];
	unsigned nsource;
	const struct schema *flow_schema;
	struct fieldset missing; /* fields that were wanted and nobody could supply */
	uint64_t lost_records, evicted_flows;
	bool unserved;       /* a source that an option asked for is not to be had */
	uint64_t kernel_runs, kernel_ns; /* of our programs in the kernel, 0: not counted */
	bool incomplete;     /* a dump stayed interrupted: rows may be missing or stand twice */
	const struct procset *procs;
	struct section section[REPORT_SECTIONS];
	unsigned nsection;
};

/* Notes a source; WHY may be NULL. Past the bound it is dropped. */
void report_source(struct report *r, const char *name, enum source_state state, const char *why);

#endif
