// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a filter, then the filter on a record made of the input's tail. The first byte says how many bytes the
 * record takes; what remains is the text.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/util.h"
#include "model/filter.h"
#include "model/flow.h"
#include "model/strings.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0 /* bytes that the parser is told of and that are not there */
#endif

#define NAMES 4

static struct layout lay;
static struct procset ps;
static uint32_t name[NAMES];

static void setup(void)
{
	static const char *const text[NAMES] = { "", "eth0", "nginx", "/usr/sbin/nginx" };
	struct fieldset all = { 0 };

	for (unsigned i = 0; i < F_COUNT; i++)
		fieldset_add(&all, i);
	layout_init(&lay, &flow_schema, &all, false);
	for (unsigned i = 0; i < NAMES; i++)
		name[i] = strings_add(text[i], strlen(text[i]));
	procset_init(&ps);
	for (uint32_t i = 0; i < NAMES; i++)
		procset_add_link(&ps, 1 + i / 2, procset_add_proc(&ps, i, name[i], name[NAMES - 1 - i]));
	if (procset_seal(&ps))
		abort();
}

/* Whatever a collector could deliver: any number anywhere, but only ids of strings that exist. */
static void fill(void *rec, const uint8_t *data, size_t size)
{
	memset(rec, 0, lay.size);
	memcpy(rec, data, MIN(size, (size_t)lay.size));
	for (unsigned i = 0; i < F_COUNT; i++) {
		if (!lay.slot[i].width)
			fieldset_del(rec_have(rec), i);
		else if (flow_schema.field[i].kind == FK_TEXT && rec_has(rec, i))
			rec_set(&lay, rec, i, name[rec_raw(&lay, rec, i) % NAMES]);
	}
	if (rec_has(rec, F_INODE))
		rec_set(&lay, rec, F_INODE, rec_raw(&lay, rec, F_INODE) % 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct filter f, other;
	size_t tail = size ? MIN((size_t)data[0] * 4, size - 1) : 0, len = size ? size - 1 - tail : 0;
	char *text = malloc(len ? len : 1);
	struct err e;
	void *rec;
	bool yes, no;

	if (!lay.size)
		setup();
	rec = malloc(lay.size);
	if (!text || !rec)
		abort();
	if (len)
		memcpy(text, data + 1, len);
	if (!filter_parse(&f, &flow_schema, text, len + FUZZ_LIE, &e)) {
		fill(rec, data + size - tail, tail);
		ps.complete = tail & 1;
		yes = filter_match(&f, &lay, rec, &ps);
		filter_match(&f, &lay, rec, NULL);
		filter_needs_procs(&f);
		/* never true together with its opposite; and what passes A passes A and A */
		other = f;
		if (f.n && f.n < FILTER_NODES) {
			f.node[f.n] = (struct filter_node){ .op = FO_NOT, .left = (uint8_t)f.root };
			f.root = f.n++;
			no = filter_match(&f, &lay, rec, &ps);
			if (yes && no)
				abort();
		}
		if (!filter_and(&other, "rtt or not rtt", &e) && filter_match(&other, &lay, rec, &ps) != yes)
			abort();
	} else if (f.n || e.code <= 0 || memcmp(e.text, "filter: ", 8)) {
		abort();
	}
	free(rec);
	free(text);
	return 0;
}
