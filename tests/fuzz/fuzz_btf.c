// SPDX-License-Identifier: GPL-2.0-or-later
/* BTF as a file of somebody's: the bytes are first a type section, the part with structure, then a whole file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "collect/btf.h"
#include "core/util.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0
#endif

static void look(const void *p, size_t len)
{
	struct btf_name names[] = { { .name = "a", .cls = BTF_AGGREGATE }, { .name = "b", .cls = BTF_ENUMERATION },
				    { .name = "c", .cls = BTF_FUNCTION } };
	static const char *const paths[] = { "a", "b.c[1].a", "[1]", "a[3]" };
	struct btf_field f;
	struct btf b;
	uint64_t v;

	if (btf_open(&b, p, len, names, ARRAY_SIZE(names), NULL))
		return;
	for (unsigned i = 0; i < names[0].n; i++)
		for (unsigned k = 0; k < ARRAY_SIZE(paths); k++)
			btf_field(&b, names[0].id[i], paths[k], &f);
	for (unsigned i = 0; i < names[1].n; i++)
		btf_enumerator(&b, names[1].id[i], "c", &v);
	for (uint32_t id = 0; id < 8; id++)
		btf_size(&b, id);
	btf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char names[] = "\0a\0b\0c\0long unsigned int";
	uint32_t h[6] = { 0, sizeof(h), sizeof(names), (uint32_t)size, 0, sizeof(names) };
	uint8_t *p = malloc(sizeof(h) + sizeof(names) + size);
	uint16_t magic = 0xeb9f;

	if (!p)
		return 0;
	/* The names first: the types end where the memory ends. */
	h[2] += -sizeof(names) & 3;
	h[3] += FUZZ_LIE;
	memcpy(h, &magic, sizeof(magic));
	((uint8_t *)h)[2] = 1;
	memcpy(p, h, sizeof(h));
	memcpy(p + sizeof(h), names, sizeof(names));
	p = realloc(p, sizeof(h) + h[2] + size);
	if (!p)
		return 0;
	memcpy(p + sizeof(h) + h[2], data, size);
	look(p, sizeof(h) + h[2] + size + FUZZ_LIE);
	free(p);
	p = malloc(size + !size);
	if (!p)
		return 0;
	memcpy(p, data, size);
	look(p, size + FUZZ_LIE);
	free(p);
	return 0;
}
