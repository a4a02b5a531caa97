/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which columns a view of flows has, and which rows in which order: the same for every applet. */
#ifndef FLEUTAN_ARRANGE_H
#define FLEUTAN_ARRANGE_H

#include "app/flows.h"

struct columns {
	uint8_t col[SCHEMA_FIELDS_MAX];
	unsigned n;
};

void columns_add(struct columns *c, const uint8_t *field, unsigned n);
/* What `ss -i` shows and more, as far as it costs no further question: for JSON and -l, whose readers pick for themselves. */
void columns_add_all(struct columns *c, const struct look *l);
/* Adds what options ask for (--netns, -R), then applies --cols to the columns so far. 0 or -EINVAL. */
int columns_settle(struct columns *c, struct look *l, struct err *e);
/* The fields that must be collected for these columns. */
void columns_want(const struct columns *c, const struct look *l, struct fieldset *want);

struct arranged {
	struct table groups;
	struct layout layout; /* of the groups */
	void **row;
};

/* Groups, sorts and limits the rows of FL as its look says, into section S; asks for names (-R). 0 or -errno. */
int arrange_rows(struct arranged *a, const struct flows *fl, const struct flows_want *w, struct report *rep,
		 struct section *s, struct err *e);
void arrange_free(struct arranged *a);

#endif
