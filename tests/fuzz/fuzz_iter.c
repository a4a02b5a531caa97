// SPDX-License-Identifier: GPL-2.0-or-later
/* What BPF iterators write, as it comes out of a recording: processes with their sockets, and sockets. */
#include <stdlib.h>
#include <string.h>
#include "collect/sockiter.h"
#include "collect/taskiter.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t inodes[] = { 1, 5, 0x01010101, 0x20202020 };
	const struct process_want want = { .inode = inodes, .ninode = 4 }, all = { 0 };
	struct sockiter_set set = { 0 };
	struct procset ps;
	struct taskiter it = { .ps = &ps, .want = size & 1 ? &want : &all };
	size_t len = size + FUZZ_LIE;
	uint8_t *p = malloc(size ? size : 1);
	ssize_t n;

	if (!p)
		return 0;
	memcpy(p, data, size);
	procset_init(&ps);
	n = taskiter_parse(&it, p, len);
	if (n > (ssize_t)len)
		abort();
	if (n >= 0 && (size_t)n < len && taskiter_parse(&it, p + n, len - n) > (ssize_t)(len - n))
		abort();
	procset_seal(&ps);
	procset_free(&ps);
	n = sockiter_parse(&set, p, len);
	if (n > (ssize_t)len)
		abort();
	sockiter_find(&set, 1);
	sockiter_free(&set);
	free(p);
	return 0;
}
