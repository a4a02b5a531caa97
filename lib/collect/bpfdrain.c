// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_PKT_TABLES
 *
 * Emptying a hash map of the kernel.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "collect/bpfobj.h"
#include "core/util.h"

#define BATCH 1024          /* elements at once: no bucket of a hash is that full */
#define EACH_MAX (1U << 24) /* a map that is being written need never become empty */
#define KERNEL_ENOTSUPP 524 /* what the kernel answers where a kind of map has no such operation */

/* Element by element, for kernels that cannot do more (before 5.6). */
static int drain_each(int map, uint8_t *key, uint8_t *value, int (*fn)(void *, const void *, const void *), void *arg)
{
	for (uint32_t n = 0; n < EACH_MAX && !bpf_map_get_next_key(map, NULL, key); n++) {
		if (bpf_map_lookup_elem(map, key, value) || bpf_map_delete_elem(map, key))
			return -errno;
		if (fn(arg, key, value))
			return -ECANCELED;
	}
	return 0;
}

static int drain(int map, uint32_t key_size, uint32_t value_size, uint8_t *buf,
		 int (*fn)(void *, const void *, const void *), void *arg)
{
	uint8_t *key = buf, *value = buf + BATCH * key_size;
	uint64_t in = 0, out = 0; /* the kernel's, opaque */
	bool begun = false, done = false;
	uint32_t n;

	while (!done) {
		n = BATCH;
		if (bpf_map_lookup_and_delete_batch(map, begun ? &in : NULL, &out, key, value, &n, NULL)) {
			if (errno == EINTR)
				continue;
			if (!begun && (errno == EINVAL || errno == ENOSYS || errno == KERNEL_ENOTSUPP))
				return drain_each(map, key, value, fn, arg);
			if (errno != ENOENT)
				return -errno;
			done = true; /* what it filled is the rest */
		}
		begun = true;
		in = out;
		for (uint32_t i = 0; i < MIN(n, BATCH); i++)
			if (fn(arg, key + i * key_size, value + i * value_size))
				return -ECANCELED;
	}
	return 0;
}

int bpf_drain(int map, uint32_t key_size, uint32_t value_size, int (*fn)(void *arg, const void *key, const void *value),
	      void *arg)
{
	uint8_t *buf = malloc((size_t)BATCH * (key_size + value_size));
	int err = buf ? drain(map, key_size, value_size, buf, fn, arg) : -ENOMEM;

	free(buf);
	return err;
}
