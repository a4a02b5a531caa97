/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of ctnetlink (bytes after nlmsghdr). */
#include <stdlib.h>
#include <string.h>
#include "collect/conntrack.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *p = malloc(size ? size : 1);
	struct ct_flow f;

	if (p) {
		memcpy(p, data, size);
		conntrack_parse(p, size + FUZZ_LIE, &f);
	}
	free(p);
	return 0;
}
