/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of peers.
 * kbuild: CONFIG_RESOLVE
 */
#include "app/names.h"


#include "collect/resolve.h"
#include "core/text.h"
#include "core/util.h"
#include "model/flow.h"
#include "model/strings.h"

#define PATIENCE_NS (2 * NSEC_PER_SEC)

void names_resolve(struct report *rep, const struct section *s)
{
	struct resolver *r;
	struct err e = { 0 };
	char why[64] = "";
	const uint8_t *addr;
	const char *name;
	uint32_t i;
	int open;

	if (resolve_start(&r, NULL, &e)) {
		report_source(rep, "dns", SOURCE_UNAVAILABLE, e.text);
		return;
	}
	for (i = 0; i < s->nrow; i++)
		if ((addr = rec_addr(s->layout, s->row[i], F_DST)) && !resolve_want(r, addr))
			break;
	open = resolve_run(r, now_ns() + PATIENCE_NS);
	if (open > 0)
		fmt_text(why, sizeof(why), "%d names were not answered within 2 s", open);
	for (i = 0; i < s->nrow; i++)
		if ((addr = rec_addr(s->layout, s->row[i], F_DST)) && (name = resolve_name(r, addr)))
			rec_set(s->layout, s->row[i], F_DST_NAME, strings_add(name, strlen(name)));
	report_source(rep, "dns", SOURCE_USED, why);
	resolve_free(r);
}
