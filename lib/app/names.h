/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of peers (-R) for the rows that will be shown. */
#ifndef FLEUTAN_NAMES_H
#define FLEUTAN_NAMES_H

#include "core/err.h"
#include "model/report.h"

/* Fills F_DST_NAME of the rows whose layout holds it. Waits two seconds at most; notes the source in REP. */
void names_resolve(struct report *rep, const struct section *s);

#endif
