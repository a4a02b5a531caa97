// SPDX-License-Identifier: GPL-2.0-or-later
/* The one error object. */
#include "core/err.h"

#include <stdarg.h>

#include "core/text.h"

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -code;
	e->code = code;
	va_start(ap, fmt);
	fmt_vtext(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	/* Names of files, processes and devices get in here: none of them may move the cursor of whoever prints it. */
	for (char *p = e->text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return -code;
}
