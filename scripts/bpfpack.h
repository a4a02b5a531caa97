/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reading half of bpfpack: ELF and BTF of an object file, in either byte order. Included by bpfpack.c alone. Every
 * offset and size of the file is checked before it is used; what does not fit ends the program.
 */
#ifndef FLEUTAN_BPFPACK_H
#define FLEUTAN_BPFPACK_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TYPES 65536
#define NO_DATA 0xffffffffu

enum { SHT_SYMTAB_ = 2, SHT_NOBITS_ = 8, SHT_REL_ = 9, SHF_EXEC_ = 4 };
enum { STT_OBJECT_ = 1, STT_FUNC_ = 2, STT_SECTION_ = 3 };
enum { K_INT = 1, K_PTR, K_ARRAY, K_STRUCT, K_UNION, K_ENUM, K_FWD, K_TYPEDEF, K_VOLATILE, K_CONST, K_RESTRICT, K_FUNC,
	K_FUNC_PROTO, K_VAR, K_DATASEC, K_FLOAT, K_DECL_TAG, K_TYPE_TAG, K_ENUM64, K_MAX };

struct section {
	const char *name;
	uint32_t type, link, info;
	uint64_t flags, off, size;
	int map; /* index of the map its variables live in, or -1 */
};

struct symbol {
	const char *name;
	uint8_t type;
	uint32_t sec;
	uint64_t value, size;
};

static const char *file;
static uint8_t *image;
static size_t image_len;
static int big; /* the object's byte order */

static struct section *sections;
static uint32_t nsection;
static struct symbol *symbols;
static uint32_t nsymbol;
static const uint8_t *btf_type[MAX_TYPES];
static uint32_t nbtf;
static const char *btf_str;
static uint32_t btf_str_len;

static _Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "bpfpack: %s: ", file ? file : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t number(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)p[big ? bytes - 1 - i : i] << (8 * i);
	return v;
}

static uint16_t u16(const uint8_t *p) { return number(p, 2); }
static uint32_t u32(const uint8_t *p) { return number(p, 4); }
static uint64_t u64(const uint8_t *p) { return number(p, 8); }

/* LEN bytes at OFF of the file, or the end of the program. */
static const uint8_t *at(uint64_t off, uint64_t len)
{
	if (off > image_len || len > image_len - off)
		die("truncated: %llu bytes wanted at %llu", (unsigned long long)len, (unsigned long long)off);
	return image + off;
}

static void *grow(size_t n, size_t each)
{
	void *p = calloc(n ? n : 1, each);

	if (!p)
		die("out of memory");
	return p;
}

/* ---- ELF ---- */

static const uint8_t *bytes(const struct section *s)
{
	if (s->type == SHT_NOBITS_)
		die("section %s holds nothing", s->name ? s->name : "");
	return at(s->off, s->size);
}

static const char *str_at(const struct section *tab, uint32_t off)
{
	const char *s = (const char *)bytes(tab);

	if (off >= tab->size || !memchr(s + off, 0, tab->size - off))
		die("a name lies outside its table");
	return s + off;
}

static struct section *section(const char *name)
{
	for (uint32_t i = 1; i < nsection; i++)
		if (!strcmp(sections[i].name, name))
			return &sections[i];
	return NULL;
}

static struct section *section_nr(uint32_t i, const char *what)
{
	if (i >= nsection)
		die("%s refers to section %u of %u", what, i, nsection);
	return &sections[i];
}

static void read_file(void)
{
	FILE *f = fopen(file, "rb");
	size_t n, cap = 1 << 16;

	if (!f)
		die("cannot be opened");
	image = grow(cap, 1);
	while ((n = fread(image + image_len, 1, cap - image_len, f)) > 0) {
		image_len += n;
		if (image_len < cap)
			continue;
		if (cap > 1 << 26 || !(image = realloc(image, cap *= 2)))
			die("too large");
	}
	if (ferror(f))
		die("cannot be read");
	fclose(f);
}

static void read_sections(void)
{
	const uint8_t *h = at(0, 64), *s;
	uint32_t names;
	uint64_t table;

	if (memcmp(h, "\177ELF", 4) || h[4] != 2 || (h[5] != 1 && h[5] != 2))
		die("not a 64-bit ELF file");
	big = h[5] == 2;
	if (u16(h + 16) != 1 || u16(h + 18) != 247)
		die("not a relocatable file for BPF");
	if (u16(h + 58) != 64)
		die("section headers of an odd size");
	table = u64(h + 40);
	nsection = u16(h + 60);
	names = u16(h + 62);
	sections = grow(nsection, sizeof(*sections));
	s = at(table, (uint64_t)nsection * 64);
	for (uint32_t i = 0; i < nsection; i++, s += 64)
		sections[i] = (struct section){ .type = u32(s + 4), .link = u32(s + 40), .info = u32(s + 44), .map = -1,
						.flags = u64(s + 8), .off = u64(s + 24), .size = u64(s + 32) };
	for (uint32_t i = 0; i < nsection; i++) {
		if (sections[i].type != SHT_NOBITS_)
			at(sections[i].off, sections[i].size);
		sections[i].name = str_at(section_nr(names, "the header"), u32(image + table + 64 * i));
	}
}

static void read_symbols(void)
{
	for (uint32_t i = 0; i < nsection; i++) {
		const struct section *sec = &sections[i];
		const uint8_t *p;

		if (sec->type != SHT_SYMTAB_)
			continue;
		p = bytes(sec);
		nsymbol = sec->size / 24;
		symbols = grow(nsymbol, sizeof(*symbols));
		for (uint32_t k = 0; k < nsymbol; k++, p += 24)
			symbols[k] = (struct symbol){ .name = str_at(section_nr(sec->link, "the symbol table"), u32(p)),
						      .type = p[4] & 15, .sec = u16(p + 6), .value = u64(p + 8),
						      .size = u64(p + 16) };
		return;
	}
	die("no symbol table");
}

/* ---- BTF of the object ---- */

static unsigned kind_of(const uint8_t *t) { return u32(t + 4) >> 24 & 0x1f; }
static unsigned vlen_of(const uint8_t *t) { return u32(t + 4) & 0xffff; }

static uint64_t extra_bytes(const uint8_t *t)
{
	static const uint8_t fixed[K_MAX] = { [K_INT] = 4, [K_ARRAY] = 12, [K_VAR] = 4, [K_DECL_TAG] = 4 };
	static const uint8_t each[K_MAX] = { [K_STRUCT] = 12, [K_UNION] = 12, [K_ENUM] = 8, [K_FUNC_PROTO] = 8,
					     [K_DATASEC] = 12, [K_ENUM64] = 12 };

	if (!kind_of(t) || kind_of(t) >= K_MAX)
		die(".BTF has a type of unknown kind %u", kind_of(t));
	return fixed[kind_of(t)] + (uint64_t)each[kind_of(t)] * vlen_of(t);
}

static const char *btf_name(uint32_t off)
{
	if (off >= btf_str_len)
		die(".BTF has a name outside its table");
	return btf_str + off;
}

static const uint8_t *type_nr(uint32_t id)
{
	if (!id || id >= nbtf)
		die(".BTF has no type %u", id);
	return btf_type[id];
}

static void read_btf(void)
{
	const struct section *sec = section(".BTF");
	const uint8_t *p, *end;
	uint64_t hdr, len;

	if (!sec || sec->size < 24)
		die("no .BTF section (compile with -g)");
	p = bytes(sec);
	hdr = u32(p + 4);
	if (u16(p) != 0xeb9f || hdr < 24 || hdr + u32(p + 8) + u32(p + 12) > sec->size ||
	    hdr + u32(p + 16) + u32(p + 20) > sec->size)
		die("a broken .BTF header");
	btf_str = (const char *)p + hdr + u32(p + 16);
	btf_str_len = u32(p + 20);
	if (!btf_str_len || btf_str[btf_str_len - 1])
		die("broken .BTF names");
	end = p + hdr + u32(p + 8) + u32(p + 12);
	p += hdr + u32(p + 8);
	for (nbtf = 1; p < end; p += len) {
		if (end - p < 12 || (uint64_t)(end - p) < (len = 12 + extra_bytes(p)))
			die(".BTF is cut off");
		if (nbtf == MAX_TYPES)
			die(".BTF is too large");
		btf_type[nbtf++] = p;
	}
}

static uint32_t skip_modifiers(uint32_t id)
{
	for (int i = 0; i < 32; i++) {
		const uint8_t *t = type_nr(id);
		unsigned k = kind_of(t);

		if (k != K_TYPEDEF && k != K_VOLATILE && k != K_CONST && k != K_RESTRICT && k != K_TYPE_TAG)
			return id;
		id = u32(t + 8);
	}
	die(".BTF has a type that refers to itself");
}

static uint64_t size_of(uint32_t id)
{
	uint64_t n = 1;

	for (int i = 0; i < 16; i++) {
		const uint8_t *t = type_nr(id = skip_modifiers(id));

		switch (kind_of(t)) {
		case K_INT: case K_STRUCT: case K_UNION: case K_ENUM: case K_ENUM64: case K_FLOAT:
			return n * u32(t + 8);
		case K_PTR:
			return n * 8;
		case K_ARRAY:
			n *= u32(t + 20);
			id = u32(t + 12);
			break;
		default:
			die("a type without a size is used where one is needed");
		}
		if (n > NO_DATA)
			break;
	}
	die("an array is too large");
}

#endif
