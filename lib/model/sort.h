/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The radix sort under rows_sort() (group.h), procset_seal() and sort_u32(). */
#ifndef FLEUTAN_SORT_H
#define FLEUTAN_SORT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * IDX is a permutation of 0 … n-1; sorts it by key[idx[i]], ascending and stable. TMP: room for N, contents are lost.
 * Linear: one pass for each eight bits in which the keys differ at all.
 */
void sort_by_key(const uint64_t *key, uint32_t *idx, uint32_t *tmp, uint32_t n);

/* Sorts numbers, ascending; false: out of memory, V is as it was. */
bool sort_u32(uint32_t *v, uint32_t n);

#endif
