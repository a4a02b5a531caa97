/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which columns a view of flows has, and which rows in which order. */
#include "app/arrange.h"

#include <errno.h>
#include <stdlib.h>

#include "app/names.h"
#include "core/util.h"

#define ROWS_TEXT 100 /* rows of a view for people, unless -N says otherwise */

/* These cost another question to the kernel, or say nothing without their option. */
static const uint8_t on_request[] = {
	F_GROUP, F_FLOWS, F_NETNS, F_DST_NAME, F_CGROUP, F_RMEM, F_RCVBUF, F_WMEM, F_SNDBUF, F_SK_DROPS, F_ACCEPT_QUEUE, F_BACKLOG,
};
/* These are seldom looked at, nor does `ss -i` print them: --cols +probes or --cols all shows them. */
static const uint8_t seldom[] = {
	F_COOKIE, F_MARK, F_RETRANSMITS, F_PROBES, F_TOTAL_RTO, F_RTO_RECOVERIES, F_TOTAL_RTO_TIME, F_MAX_PACING_RATE, F_FACKETS,
	F_RECEIVED_CE, F_TIMER, F_TIMER_EXPIRES,
};

void columns_add(struct columns *c, const uint8_t *field, unsigned n)
{
	memcpy(c->col + c->n, field, n);
	c->n += n;
}

void columns_add_all(struct columns *c, const struct look *l)
{
	unsigned f;

	for (f = 0; f < F_COUNT; f++) {
		enum flow_source source = flow_field_source(f);

		if (!look_serves(l, f) || source == FLOW_SRC_ITER || (source == FLOW_SRC_SAMPLE && !l->interval_ns) ||
		    memchr(on_request, (int)f, sizeof(on_request)) || memchr(seldom, (int)f, sizeof(seldom)))
			continue;
		c->col[c->n++] = (uint8_t)f;
	}
	if (l->all_states)
		columns_add(c, (const uint8_t[]){ F_ACCEPT_QUEUE, F_BACKLOG }, 2);
}

int columns_settle(struct columns *c, struct look *l, struct err *e)
{
	uint8_t usual[SCHEMA_FIELDS_MAX];
	unsigned usual_n;
	int n, i;

	if (l->netns)
		c->col[c->n++] = F_NETNS;
	if (l->resolve && (l->group == GROUP_NONE || l->group == GROUP_PEER))
		c->col[c->n++] = F_DST_NAME;
	if (!l->cols)
		return 0;
	memcpy(usual, c->col, c->n);
	usual_n = c->n;
	n = look_columns(l, usual, c->n, c->col, e);
	if (n < 0)
		return n;
	c->n = (unsigned)n;
	/* Who names a field wants it; who says "all", or adds to the usual ones, takes of those what there is. */
	for (i = *l->cols == '+' ? (int)usual_n : 0; i < n && strcmp(l->cols, "all"); i++)
		fieldset_add(&l->asked, c->col[i]);
	return 0;
}

void columns_want(const struct columns *c, const struct look *l, struct fieldset *want)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		fieldset_add(want, c->col[i]);
	if (l->resolve)
		fieldset_add(want, F_DST);
}

static int group_rows(struct arranged *a, const struct flows *fl, const struct flows_want *w, struct section *s, struct err *e)
{
	const struct look *l = w->look;
	struct group_opts o = { (enum group_by)l->group, (uint8_t)l->prefix4, (uint8_t)l->prefix6, l->metrics };
	struct fieldset want = w->fields;
	uint32_t i;
	int r;

	fieldset_add(&want, F_GROUP);
	fieldset_add(&want, F_FLOWS);
	fieldset_add(&want, l->sort_field);
	if (fieldset_has(&want, F_DST_NAME))
		fieldset_add(&want, F_DST);
	layout_init(&a->layout, &flow_schema, &want, true);
	table_init(&a->groups, &a->layout, CONFIG_MAX_FLOWS);
	r = rows_group(&a->groups, fl->row, fl->nrow, &fl->layout, &o, &fl->procs, e);
	if (r)
		return r;
	a->row = malloc((a->groups.n + 1) * sizeof(void *));
	if (!a->row)
		return err_set(e, ENOMEM, "out of memory");
	for (i = 0; i < a->groups.n; i++)
		a->row[i] = table_at(&a->groups, i);
	s->key = "groups";
	s->layout = &a->layout;
	s->row = a->row;
	s->total = a->groups.n;
	return 0;
}

int arrange_rows(struct arranged *a, const struct flows *fl, const struct flows_want *w, struct report *rep,
		 struct section *s, struct err *e)
{
	const struct look *l = w->look;
	bool machine = l->json || l->jsonl || l->words || l->metrics;
	uint32_t limit = l->rows != ROWS_DEFAULT ? l->rows : machine ? 0 : ROWS_TEXT;
	int r = 0;

	s->row = fl->row;
	s->total = fl->nrow;
	if (IS_ENABLED(CONFIG_GROUPS) && l->group != GROUP_NONE)
		r = group_rows(a, fl, w, s, e);
	if (!r && !l->sort_none)
		r = rows_sort((void **)s->row, s->total, s->layout, l->sort_field, !l->sort_ascending, &fl->procs);
	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "out of memory");
	s->nrow = limit && limit < s->total ? limit : s->total;
	if (IS_ENABLED(CONFIG_RESOLVE) && l->resolve && s->layout->slot[F_DST_NAME].width)
		names_resolve(rep, s);
	return r;
}

void arrange_free(struct arranged *a)
{
	table_free(&a->groups);
	free(a->row);
	a->row = NULL;
}
