/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_BPF
 * Reads a BPF iterator to its end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "collect/door.h"
#include "collect/iterread.h"

#define CHUNK (64 << 10) /* the kernel gathers half of it at a time (pages of 4 KiB) */
#define MAX_AGAIN 10000  /* EAGAIN: a million objects in a row were passed over */

static int read_all(struct door_stream *s, char *buf, iter_parse parse, void *arg, struct err *e)
{
	size_t have = 0;
	ssize_t n, took;
	int again = 0;

	for (;;) {
		n = door_stream_read(s, buf + have, CHUNK - have);
		if ((n == -EAGAIN || n == -EINTR) && again++ < MAX_AGAIN)
			continue;
		if (n < 0)
			return err_set(e, -n, "reading a BPF iterator: %s", err_text(-n));
		have += n;
		took = parse(arg, buf, have);
		if (took < 0)
			return err_set(e, -took, "a BPF iterator: %s", err_text(-took));
		have -= took;
		memmove(buf, buf + took, have);
		/* A record never fills the buffer: what is left is the beginning of one, or a broken recording ends. */
		if (!n || have == CHUNK)
			return have ? err_set(e, EBADMSG, "a BPF iterator ended within a record") : 0;
	}
}

int iter_read(struct bpfobj *o, const char *prog, iter_parse parse, void *arg, struct err *e)
{
	struct door_stream s;
	int fd = -1, ret;
	char *buf;

	if (o) {
		fd = bpfobj_iter(o, prog, e);
		if (fd < 0)
			return fd;
	}
	buf = malloc(CHUNK);
	ret = buf ? door_stream_open(&s, prog, fd) : -ENOMEM;
	if (!ret) {
		ret = read_all(&s, buf, parse, arg, e);
		door_stream_close(&s);
	} else {
		err_set(e, -ret, "BPF iterator %s: %s", prog, err_text(-ret));
	}
	free(buf);
	if (fd >= 0)
		close(fd);
	return ret;
}
