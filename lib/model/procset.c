// SPDX-License-Identifier: GPL-2.0-or-later
/* From socket inodes to processes: gathered in any order, sorted once, then looked up by a hash of the inode. */
#include "model/procset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/util.h"
#include "model/sort.h"

/* A host with more than this is beyond what a person can read; memory stays bounded. */
#define PROCS_MAX (1u << 22)
#define LINKS_MAX (1u << 23)

void procset_init(struct procset *ps)
{
	memset(ps, 0, sizeof(*ps));
}

void procset_free(struct procset *ps)
{
	free(ps->proc);
	free(ps->link);
	free(ps->bucket);
	procset_init(ps);
}

/* Room for one more entry of SIZE bytes in an array of *CAP, of which N are used: the array, moved or not, or NULL. */
static void *grow(struct procset *ps, void *array, uint32_t n, uint32_t *cap, uint32_t max, size_t size)
{
	uint32_t more = *cap * 2 + 1024; /* each further step takes a copy, and a stop of all threads */
	void *p;

	if (n < *cap)
		return array;
	p = n < max ? realloc(array, more * size) : NULL;
	if (p)
		*cap = more;
	else
		ps->failed = true;
	return p;
}

uint32_t procset_add_proc(struct procset *ps, uint32_t pid, uint32_t name, uint32_t exe)
{
	struct proc *p = grow(ps, ps->proc, ps->nproc, &ps->capproc, PROCS_MAX, sizeof(*p));

	if (!p)
		return UINT32_MAX;
	ps->proc = p;
	p[ps->nproc] = (struct proc){ .pid = pid, .name = name, .exe = exe };
	return ps->nproc++;
}

void procset_add_link(struct procset *ps, uint32_t inode, uint32_t proc)
{
	struct procset_link *p;

	if (!inode || proc >= ps->nproc)
		return;
	p = grow(ps, ps->link, ps->nlink, &ps->caplink, LINKS_MAX, sizeof(*p));
	if (!p)
		return;
	ps->link = p;
	p[ps->nlink++] = (struct procset_link){ inode, proc };
}

/* Sorts the links by inode, then pid, and drops the second of two that say the same (a duplicated descriptor). */
static int sort_links(struct procset *ps)
{
	uint32_t n = ps->nlink, kept = 0, *idx;
	uint64_t *key = malloc((size_t)n * (sizeof(*key) + 2 * sizeof(*idx)));
	struct procset_link *sorted = (struct procset_link *)key;

	if (!key)
		return -ENOMEM;
	idx = (uint32_t *)(key + n);
	for (uint32_t i = 0; i < n; i++) {
		key[i] = (uint64_t)ps->link[i].inode << 32 | ps->proc[ps->link[i].proc].pid;
		idx[i] = i;
	}
	sort_by_key(key, idx, idx + n, n);
	for (uint32_t i = 0; i < n; i++)
		sorted[i] = ps->link[idx[i]]; /* the keys are not needed any more */
	for (uint32_t i = 0; i < n; i++) {
		const struct procset_link *last = kept ? &ps->link[kept - 1] : NULL;

		if (!last || last->inode != sorted[i].inode ||
		    ps->proc[last->proc].pid != ps->proc[sorted[i].proc].pid)
			ps->link[kept++] = sorted[i];
	}
	ps->nlink = kept;
	free(key);
	return 0;
}

/* Inodes are given away in sequence: the upper bits of a product spread any stride. MASK + 1 is a power of two. */
static uint32_t inode_hash(uint32_t inode, uint32_t mask)
{
	return inode * 2654435769u >> __builtin_clz(mask);
}

int procset_seal(struct procset *ps)
{
	uint32_t size = 16;

	free(ps->bucket);
	ps->bucket = NULL;
	if (!ps->nlink)
		return 0;
	if (sort_links(ps))
		goto fail;
	while (size < ps->nlink + ps->nlink / 2)
		size *= 2;
	ps->bucket = calloc(size, sizeof(*ps->bucket));
	if (!ps->bucket)
		goto fail;
	ps->mask = size - 1;
	for (uint32_t i = 0; i < ps->nlink; i++) {
		uint32_t b = inode_hash(ps->link[i].inode, ps->mask);

		if (i && ps->link[i].inode == ps->link[i - 1].inode)
			continue;
		while (ps->bucket[b])
			b = (b + 1) & ps->mask;
		ps->bucket[b] = i + 1;
	}
	return 0;
fail:
	ps->failed = true;
	return -ENOMEM;
}

const struct procset_link *procset_find(const struct procset *ps, uint32_t inode, uint32_t *n)
{
	const struct procset_link *link, *end;
	uint32_t b;

	*n = 0;
	if (!ps->bucket)
		return NULL;
	end = ps->link + ps->nlink;
	b = inode_hash(inode, ps->mask);
	for (; ps->bucket[b]; b = (b + 1) & ps->mask) {
		link = &ps->link[ps->bucket[b] - 1];
		if (link->inode != inode)
			continue;
		while (link + *n < end && link[*n].inode == inode)
			++*n;
		return link;
	}
	return NULL;
}

int procset_holders(const struct procset *ps, uint32_t inode, const struct procset_link **link)
{
	uint32_t n;

	*link = NULL;
	if (!inode)
		return 0;
	if (!ps)
		return -1;
	*link = procset_find(ps, inode, &n);
	return n || (ps->complete && !ps->failed) ? (int)n : -1;
}
