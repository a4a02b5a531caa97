/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_SRC_SOCK_ITER
 * Reads the iterators of bpf/sockiter.bpf.c into an array sorted by cookie.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "bpf/sockiter.h"
#include "collect/bpfobj.h"
#include "collect/door.h"
#include "collect/iterread.h"
#include "collect/sockiter.h"
#include "core/util.h"
#include "model/sort.h"

/* Beyond this many the rest is left out: nobody could look at them, and memory stays bounded. */
#define MAX_RECORDS (1U << 23)

ssize_t sockiter_parse(void *sockiter_set, const void *p, size_t len)
{
	struct sockiter_set *set = sockiter_set;
	size_t n = len / sizeof(*set->rec), cap = set->cap ? set->cap : 256;
	const uint8_t *b = p;
	struct sockiter_rec *rec;

	while (cap < set->n + n)
		cap *= 2;
	if (cap > MAX_RECORDS)
		return -E2BIG;
	if (cap > set->cap) {
		rec = realloc(set->rec, cap * sizeof(*rec));
		if (!rec)
			return -ENOMEM;
		set->rec = rec;
		set->cap = cap;
	}
	for (size_t i = 0; i < n; i++, b += sizeof(*rec)) {
		rec = &set->rec[set->n];
		memcpy(rec, b, sizeof(*rec));
		/* Nobody has asked for this one's cookie: inet_diag does not know it either. */
		if (rec->cookie)
			set->n++;
	}
	return n * sizeof(*rec);
}

/* Sorts by cookie. Records of one cookie (a socket seen twice while its table was changing) stay next to each other. */
static int sort(struct sockiter_set *set)
{
	struct sockiter_rec *out = malloc(set->cap * sizeof(*out));
	uint64_t *key = malloc(set->n * sizeof(*key) + 1);
	uint32_t *idx = malloc(set->n * 2 * sizeof(*idx) + 1);
	int ret = -ENOMEM;

	if (out && key && idx) {
		for (uint32_t i = 0; i < set->n; i++) {
			key[i] = set->rec[i].cookie;
			idx[i] = i;
		}
		sort_by_key(key, idx, idx + set->n, set->n);
		for (uint32_t i = 0; i < set->n; i++)
			out[i] = set->rec[idx[i]];
		free(set->rec);
		set->rec = out;
		out = NULL;
		ret = 0;
	}
	free(out);
	free(key);
	free(idx);
	return ret;
}

static int load(struct bpfobj **o, bool udp, struct err *e)
{
	uint32_t cpus = door_cpus(); /* not known: so many that no queue is believed */
	const struct bpf_const consts[] = { { "cpus", &cpus, sizeof(cpus) } };
	const struct bpfobj_opts opts = {
		.consts = consts,
		.nconst = ARRAY_SIZE(consts),
		.skip = udp ? NULL : "sock_udp",
	};

	if (bpf_unavailable())
		return err_set(e, EOPNOTSUPP, "%s", bpf_unavailable());
	return bpfobj_load(o, &sockiter_image, &opts, e);
}

int sockiter_collect(struct sockiter_set *set, bool udp, struct err *e)
{
	struct bpfobj *o = NULL;
	int ret;

	memset(set, 0, sizeof(*set));
	ret = door_replaying() ? 0 : load(&o, udp, e);
	if (!ret)
		ret = iter_read(o, "sock_tcp", sockiter_parse, set, e);
	if (!ret && udp)
		ret = iter_read(o, "sock_udp", sockiter_parse, set, e);
	bpfobj_free(o);
	if (!ret && set->n && sort(set))
		ret = err_set(e, ENOMEM, "out of memory");
	if (ret)
		sockiter_free(set);
	return ret;
}

const struct sockiter_rec *sockiter_find(const struct sockiter_set *set, uint64_t cookie)
{
	uint32_t lo = 0, hi = set->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (set->rec[mid].cookie < cookie)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < set->n && set->rec[lo].cookie == cookie ? &set->rec[lo] : NULL;
}

void sockiter_free(struct sockiter_set *set)
{
	free(set->rec);
	memset(set, 0, sizeof(*set));
}
