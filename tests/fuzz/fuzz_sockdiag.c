/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of inet_diag into records that hold every field, and into records that hold some. */
#include <stdlib.h>
#include <string.h>
#include "collect/sockdiag.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0
#endif

static struct layout layout[3];

static void make_layouts(void)
{
	struct fieldset want = { { 0 } };
	unsigned f;

	for (f = 0; f < F_COUNT; f++) {
		/* A device or a control group would be asked for by name: these look-ups are not the parser's. */
		if (f != F_DEV && f != F_CGROUP)
			fieldset_add(&want, f);
	}
	sockdiag_layout(&layout[0], &want);
	want = (struct fieldset){ { 0 } };
	fieldset_add(&want, F_RETRANSMITS);
	fieldset_add(&want, F_RTT);
	sockdiag_layout(&layout[1], &want);
	want = (struct fieldset){ { 0 } };
	fieldset_add(&want, F_RECEIVED_CE);
	fieldset_add(&want, F_CONG);
	sockdiag_layout(&layout[2], &want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned protos[] = { SOCK_PROTO_TCP, SOCK_PROTO_UDP, SOCK_PROTO_RAW };
	unsigned i;

	if (!layout[0].size)
		make_layouts();
	for (i = 0; i < 3; i++) {
		uint8_t *p = malloc(size ? size : 1), *rec = calloc(1, layout[i].size);

		if (p && rec) {
			memcpy(p, data, size);
			sockdiag_parse(&layout[i], protos[i], p, size + FUZZ_LIE, rec);
			sockdiag_parse(&layout[i], SOCK_PROTO_TCP, p, size + FUZZ_LIE, rec);
		}
		free(p);
		free(rec);
	}
	return 0;
}
