/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writing half of bpfpack: what was found in an object file, and how it becomes a compressed image
 * (lib/collect/bpfimage.h). Included by bpfpack.c alone.
 */
#ifndef FLEUTAN_BPFWRITE_H
#define FLEUTAN_BPFWRITE_H

#include "bpflz.h"
#include "bpfpack.h"

#define MAX_PROGS 64
#define MAX_MAPS 64
#define MAX_VARS 512
#define MAX_RELOCS 2048
#define MAX_INSNS 65535

struct insn { uint8_t code, dst, src; int16_t off; int32_t imm; };
struct prog { uint32_t name, attach, insn, ninsn, type, attach_type, sec, start; };
struct map { uint32_t name, type, rodata, key, value, max, flags, data, var, nvar, sec, off; };
struct var { uint32_t name, off, size; };
struct reloc { uint32_t insn, type, path, kind, size; };

static struct insn insns[MAX_INSNS];
static struct prog progs[MAX_PROGS];
static struct map maps[MAX_MAPS];
static struct var vars[MAX_VARS];
static struct reloc relocs[MAX_RELOCS];
static uint32_t ninsn, nprog, nmap, nvar, nreloc, license;
static char pool[65536];
static uint32_t pool_len;
static uint8_t *data;
static uint32_t ndata;

static struct { uint8_t *p; size_t n, cap; } out;

static void emit(uint8_t v)
{
	if (out.n == out.cap && !(out.p = realloc(out.p, out.cap += 1 << 16)))
		die("out of memory");
	out.p[out.n++] = v;
}

static void emit_number(uint32_t v)
{
	for (; v > 127; v >>= 7)
		emit(v | 128);
	emit(v);
}

static void emit_numbers(const uint32_t *v, unsigned n)
{
	while (n--)
		emit_number(*v++);
}

/* 0, 1, 2 or 3: V takes 0, 1, 2 or 4 bytes. */
static unsigned width(int32_t v)
{
	return !v ? 0 : v == (int8_t)v ? 1 : v == (int16_t)v ? 2 : 3;
}

static void emit_operand(int32_t v)
{
	for (unsigned n = 1u << width(v) >> 1, i = 0; i < n; i++)
		emit((uint32_t)v >> 8 * i);
}

static int by_insn(const void *a, const void *b)
{
	const struct reloc *x = a, *y = b;

	return (x->insn > y->insn) - (x->insn < y->insn);
}

static uint32_t shape_of(const struct insn *in)
{
	return in->code << 8 | width(in->off) << 2 | width(in->imm);
}

/* All shapes in ascending order, *NOFFSET the bytes of all offsets; returns how many shapes. */
static uint32_t find_shapes(uint32_t *shape, uint32_t *noffset)
{
	static uint8_t used[1 << 16];
	uint32_t n = 0;

	*noffset = 0;
	for (uint32_t i = 0; i < ninsn; i++) {
		used[shape_of(&insns[i])] = 1;
		*noffset += 1u << width(insns[i].off) >> 1;
	}
	for (uint32_t i = 0; i < sizeof(used); i++) {
		if (!used[i])
			continue;
		if (n == 256)
			die("more than 256 shapes of instructions");
		shape[n++] = i;
	}
	return n;
}

static void emit_insns(const uint32_t *shape, uint32_t nshape)
{
	uint32_t k;

	for (uint32_t i = 0; i < nshape; i++)
		emit(shape[i] >> 8);
	for (uint32_t i = 0; i < nshape; i++)
		emit(shape[i]);
	for (uint32_t i = 0; i < ninsn; i++) {
		for (k = 0; shape[k] != shape_of(&insns[i]); k++)
			;
		emit(k);
	}
	for (uint32_t i = 0; i < ninsn; i++)
		emit(insns[i].src << 4 | insns[i].dst);
	for (uint32_t i = 0; i < ninsn; i++)
		emit_operand(insns[i].off);
	for (uint32_t i = 0; i < ninsn; i++)
		emit_operand(insns[i].imm);
}

/* The image as bpfimage.h describes it. */
static void emit_image(void)
{
	uint32_t head[] = { nprog, nmap, nvar, nreloc, pool_len, ndata, ninsn, 0, 0, license }, shape[256], last = 0;

	head[7] = find_shapes(shape, &head[8]);
	for (unsigned i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
		if (head[i] > UINT16_MAX)
			die("too large: number %u is %u", i, head[i]);
		emit_number(head[i]);
	}
	for (struct prog *p = progs; p < progs + nprog; p++)
		emit_numbers((uint32_t[]){ p->name, p->attach, p->insn, p->ninsn, p->type, p->attach_type }, 6);
	for (struct map *m = maps; m < maps + nmap; m++)
		emit_numbers((uint32_t[]){ m->name, m->type, m->rodata, m->key, m->value, m->max, m->flags, m->data,
					   m->var, m->nvar }, 10);
	for (struct var *v = vars; v < vars + nvar; v++)
		emit_numbers((uint32_t[]){ v->name, v->off, v->size }, 3);
	qsort(relocs, nreloc, sizeof(*relocs), by_insn);
	for (struct reloc *r = relocs; r < relocs + nreloc; last = r++->insn)
		emit_numbers((uint32_t[]){ r->insn - last, r->type, r->path, r->kind, r->size }, 5);
	for (uint32_t i = 0; i < pool_len; i++)
		emit(pool[i]);
	for (uint32_t i = 0; i < ndata; i++)
		emit(data[i]);
	emit_insns(shape, head[7]);
}

/* Reads what print_image() wrote for another object, which becomes what this one is compressed against. */
static void read_base(const char *path, char *name)
{
	static uint8_t packed[1 << 20], bytes[1 << 20];
	unsigned n = 0, nbytes = 0, v;
	FILE *f = fopen(path, "r");
	char line[256];

	*name = 0;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "static const uint8_t %127[a-z0-9]_packed", name) == 1)
			while (n < sizeof(packed) && fscanf(f, " %u,", &v) == 1)
				packed[n++] = v;
		if (strstr(line, ".base"))
			die("the base %s has a base itself", path);
		sscanf(line, "\t.nbytes = %u", &nbytes);
	}
	if (!*name || nbytes > sizeof(bytes) || lz_expand(bytes, 0, nbytes, packed, n))
		die("%s is no image", path);
	fclose(f);
	for (unsigned i = 0; i < nbytes; i++)
		emit(bytes[i]);
}

/* BASE is the header made from another object, or NULL. */
static void print_image(const char *name, const char *base)
{
	char base_name[128];
	size_t from;
	uint32_t n;
	uint8_t *p;

	if (base)
		read_base(base, base_name);
	from = out.n;
	emit_image();
	p = lz_compress(out.p, from, out.n, &n);
	printf("/* Made by scripts/bpfpack from %s: do not edit.\n", file);
	for (uint32_t i = 0; i < nprog; i++)
		printf(" * program %s: %u instructions\n", pool + progs[i].name, progs[i].ninsn);
	for (uint32_t i = 0; i < nmap; i++)
		printf(" * map %s: %u of %u and %u bytes\n", pool + maps[i].name, maps[i].max, maps[i].key, maps[i].value);
	printf(" * and %u relocations, in %zu bytes, here in %u.\n */\n", nreloc, out.n - from, n);
	printf("#ifndef BPF_%s_H\n#define BPF_%s_H\n\n#include \"collect/bpfimage.h\"\n", name, name);
	if (base)
		printf("#include \"bpf/%s.h\"\n", base_name);
	printf("\nstatic const uint8_t %s_packed[%u] = {\n", name, n);
	for (uint32_t i = 0; i < n; i++)
		printf("%s%u,%s", i % 24 ? " " : "\t", p[i], i % 24 == 23 || i + 1 == n ? "\n" : "");
	printf("};\n\nstatic const struct bpf_image %s_image = {\n", name);
	if (base)
		printf("\t.base = &%s_image,\n", base_name);
	printf("\t.packed = %s_packed,\n\t.npacked = %u,\n\t.nbytes = %zu,\n};\n\n#endif\n", name, n, out.n - from);
	free(p);
}

#endif
