/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats of a recording: streams of messages, names of a folder, sockets of a process. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "collect/door.h"
#include "collect/procscan.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0
#endif

static volatile unsigned sink;

/* No inode is wanted, so that no real process is asked for its name. */
static void scan_message(const uint8_t *p, size_t len)
{
	static const uint32_t nothing;
	const struct process_want want = { .inode = &nothing, .ninode = 0 };
	struct procset ps;

	procset_init(&ps);
	sink += (unsigned)procscan_parse(&ps, &want, p, len);
	sink += procscan_socket((const char *)p, len);
	procset_free(&ps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *p = malloc(size ? size : 1);
	size_t len = size + FUZZ_LIE, pos = 0;
	const uint8_t *msg = NULL;
	const char *name;
	ssize_t n;

	if (!p)
		return 0;
	memcpy(p, data, size);
	while ((n = door_parse_message(p, len, &pos, &msg)) && n != -EBADMSG)
		for (ssize_t i = 0; i < n; i++)
			sink += msg[i];
	if (pos > len)
		abort();
	pos = 0;
	while ((name = door_parse_name((const char *)p, len, &pos)))
		sink += (unsigned)strlen(name);
	if (pos > len)
		abort();
	scan_message(p, len);
	free(p);
	return 0;
}
