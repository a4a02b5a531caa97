// SPDX-License-Identifier: GPL-2.0-or-later
/* Sorting rows: keys are taken out of the records once, then only keys and 32-bit positions move. */
#include "model/sort.h"

#include <errno.h>
#include <stdlib.h>

#include "core/util.h"
#include "model/group.h"
#include "model/strings.h"

void sort_by_key(const uint64_t *key, uint32_t *idx, uint32_t *tmp, uint32_t n)
{
	uint32_t *from = idx, *to = tmp;
	uint64_t differ = 0;

	for (uint32_t i = 1; i < n; i++)
		differ |= key[i] ^ key[0];
	while (differ) {
		unsigned shift = (unsigned)__builtin_ctzll(differ);
		uint32_t start[256] = { 0 }, sum = 0, *swap = from;

		for (uint32_t i = 0; i < n; i++)
			start[key[i] >> shift & 255]++;
		for (unsigned d = 0; d < 256; d++) {
			uint32_t count = start[d];

			start[d] = sum;
			sum += count;
		}
		for (uint32_t i = 0; i < n; i++)
			to[start[key[from[i]] >> shift & 255]++] = from[i];
		from = to;
		to = swap;
		differ &= ~(255ULL << shift);
	}
	if (from != idx)
		memcpy(idx, from, n * sizeof(*idx));
}

bool sort_u32(uint32_t *v, uint32_t n)
{
	uint64_t *key;
	uint32_t *idx;

	if (n < 2)
		return true;
	key = malloc((size_t)n * (sizeof(*key) + 2 * sizeof(*v)));
	if (!key)
		return false;
	idx = (uint32_t *)(key + n);
	for (uint32_t i = 0; i < n; i++) {
		key[i] = v[i];
		idx[i] = i;
	}
	sort_by_key(key, idx, idx + n, n);
	for (uint32_t i = 0; i < n; i++)
		v[i] = (uint32_t)key[idx[i]];
	free(key);
	return true;
}

/* Order of two texts given as pointers. Rows of one text share its pointer, mostly: no comparison then. */
static int text_order(uint64_t a, uint64_t b, bool descending)
{
	int order = a == b ? 0 : strcmp((const char *)(uintptr_t)a, (const char *)(uintptr_t)b);

	return descending ? -order : order;
}

/* The same as sort_by_key() for keys that are pointers to text: a merge sort from the bottom up. */
static void sort_by_text(const uint64_t *key, uint32_t *idx, uint32_t *tmp, uint32_t n, bool descending)
{
	uint32_t *from = idx, *to = tmp;

	for (uint64_t run = 1; run < n; run *= 2) {
		uint32_t *swap = from;

		for (uint64_t lo = 0; lo < n; lo += 2 * run) {
			uint64_t mid = MIN(lo + run, n), end = MIN(mid + run, n);
			uint64_t a = lo, b = mid;

			for (uint64_t i = lo; i < end; i++) {
				bool left = b == end || (a < mid && text_order(key[from[a]], key[from[b]], descending) <= 0);

				to[i] = from[left ? a++ : b++];
			}
		}
		from = to;
		to = swap;
	}
	if (from != idx)
		memcpy(idx, from, n * sizeof(*idx));
}

struct sorting {
	const struct layout *l;
	const struct field *field;
	const struct procset *ps;
	unsigned f, nnames;
};

static uint64_t text_key(const char *s)
{
	return (uintptr_t)s;
}

/* The name a row is sorted by when the field is FK_PROCS: its first process's, "" for a socket that nobody holds. */
static bool proc_key(const struct sorting *s, const void *rec, uint64_t *key)
{
	const struct procset_link *link;
	uint64_t inode;
	int n;

	if (!rec_get(s->l, rec, F_INODE, &inode))
		return false;
	n = procset_holders(s->ps, (uint32_t)inode, &link);
	if (n < 0)
		return false;
	*key = text_key(n ? strings_get(s->ps->proc[link->proc].name) : "");
	return true;
}

static uint64_t addr_half(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* What a row is sorted by: a number, a pointer to text, or the lower half of an address. False: unknown. */
static bool row_key(const struct sorting *s, const void *rec, uint64_t *key)
{
	const uint8_t *addr;

	switch (s->field->kind) {
	case FK_PROCS:
		return proc_key(s, rec, key);
	case FK_ADDR:
		addr = rec_addr(s->l, rec, s->f);
		if (!addr)
			return false;
		*key = addr_half(addr + 8);
		return true;
	default:
		break;
	}
	if (!rec_get(s->l, rec, s->f, key))
		return false;
	if (s->field->kind == FK_TEXT) {
		*key = text_key(strings_get((uint32_t)*key));
	} else if (s->field->kind == FK_ENUM) {
		if (*key >= s->nnames)
			return false;
		*key = text_key(s->field->names[*key]);
	}
	return true;
}

/*
 * Moves what is unknown to the end of ROW, in order, and fills KEY for the rest, whose number is returned.
 * SPILL: room for N pointers.
 */
static uint32_t take_keys(const struct sorting *s, void **row, uint32_t n, uint64_t *key, void **spill)
{
	uint32_t known = 0, unknown = 0;

	for (uint32_t i = 0; i < n; i++) {
		void *rec = row[i];

		if (row_key(s, rec, &key[known]))
			row[known++] = rec;
		else
			spill[unknown++] = rec;
	}
	memcpy(row + known, spill, unknown * sizeof(*row));
	return known;
}

int rows_sort(void **row, uint32_t n, const struct layout *l, unsigned field, bool descending, const struct procset *ps)
{
	struct sorting s = { .l = l, .field = &l->schema->field[field], .ps = ps, .f = field };
	bool text = s.field->kind == FK_TEXT || s.field->kind == FK_ENUM || s.field->kind == FK_PROCS;
	uint64_t *key, flip = descending && !text ? UINT64_MAX : 0;
	uint32_t *idx, known;
	void **spill;

	if (n < 2)
		return 0;
	while (s.field->kind == FK_ENUM && s.field->names[s.nnames])
		s.nnames++;
	/* 16 bytes a row: the key, and two positions between which the sort moves; these also hold n pointers in between. */
	key = malloc((size_t)n * (sizeof(*key) + 2 * sizeof(*idx)));
	if (!key)
		return -ENOMEM;
	idx = (uint32_t *)(key + n);
	known = take_keys(&s, row, n, key, (void **)idx);
	for (uint32_t i = 0; i < known; i++) {
		idx[i] = i;
		key[i] ^= flip;
	}
	if (text)
		sort_by_text(key, idx, idx + n, known, descending);
	else
		sort_by_key(key, idx, idx + n, known);
	if (s.field->kind == FK_ADDR) {
		for (uint32_t i = 0; i < known; i++)
			key[i] = addr_half(rec_addr(l, row[i], field)) ^ flip;
		sort_by_key(key, idx, idx + n, known);
	}
	spill = (void **)key;
	for (uint32_t i = 0; i < known; i++)
		spill[i] = row[idx[i]];
	memcpy(row, spill, known * sizeof(*row));
	free(key);
	return 0;
}
