// SPDX-License-Identifier: GPL-2.0-or-later
/* The BTF walker on types made by hand: what must be found, and what a hostile file may try. */
#include <errno.h>
#include "check.h"
#include "collect/btf.h"
#include "core/util.h"

enum { INT = 1, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, FUNC = 12, PROTO, ENUM64 = 19, FUTURE };

static uint8_t types[4096], whole[8192];
static char strs[2048];
static uint32_t ntypes_len, nstrs, next_id;

static void put(uint32_t v)
{
	memcpy(types + ntypes_len, &v, 4);
	ntypes_len += 4;
}

static uint32_t str(const char *s)
{
	uint32_t at = nstrs;

	if (!*s)
		return 0;
	strcpy(strs + nstrs, s);
	nstrs += strlen(s) + 1;
	return at;
}

static uint32_t type(const char *name, uint32_t kind, uint32_t vlen, uint32_t size)
{
	put(str(name));
	put(kind << 24 | vlen);
	put(size);
	return next_id++;
}

static uint32_t integer(const char *name, uint32_t size, uint32_t encoding)
{
	uint32_t id = type(name, INT, 0, size);

	put(encoding << 24 | size * 8);
	return id;
}

static void member(const char *name, uint32_t id, uint32_t pos)
{
	put(str(name));
	put(id);
	put(pos);
}

static void reset(void)
{
	ntypes_len = 0;
	nstrs = 1;
	next_id = 1;
}

/* The whole file in memory of exactly its size, so that a sanitizer sees a step too far. */
static uint8_t *file(size_t *len, const uint8_t *layout, uint32_t nlayout)
{
	uint32_t h[] = { 0, layout ? 32 : 24, 0, ntypes_len, ntypes_len, nstrs, ntypes_len + nstrs, nlayout };
	uint32_t hdr = h[1];
	uint8_t *p;

	memcpy(h, (uint16_t[]){ 0xeb9f }, 2);
	((uint8_t *)h)[2] = 1;
	memcpy(whole, h, hdr);
	memcpy(whole + hdr, types, ntypes_len);
	memcpy(whole + hdr + ntypes_len, strs, nstrs);
	if (layout)
		memcpy(whole + hdr + ntypes_len + nstrs, layout, nlayout);
	*len = hdr + ntypes_len + nstrs + nlayout;
	p = malloc(*len);
	memcpy(p, whole, *len);
	return p;
}

/* A struct sock with everything that a path may have to cross, and a second one of the same name. */
static void build(void)
{
	uint32_t u32, lng, i32, ptr, arr, un, st, pair, pairs, old;

	reset();
	u32 = integer("unsigned int", 4, 0);
	lng = integer("long unsigned int", 8, 0);
	i32 = integer("int", 4, 1);
	ptr = type("", PTR, 0, 0);
	arr = type("", ARRAY, 0, 0);
	put(u32), put(u32), put(4);
	un = type("", UNION, 2, 8);
	member("deep_a", u32, 0);
	member("deep_b", lng, 0);
	st = type("", STRUCT, 2, 16);
	member("", un, 0);
	member("after", i32, 64);
	pair = type("pair", STRUCT, 2, 8);
	member("x", u32, 0);
	member("y", u32, 32);
	pairs = type("", ARRAY, 0, 0);
	put(pair), put(u32), put(3);
	arr = type("words_t", TYPEDEF, 0, type("", CONST, 0, arr));
	old = type("small", INT, 0, 4);
	put(4 << 16 | 3);
	type("sock", STRUCT, 6, 96);
	member("first", ptr, 0);
	member("", st, 64);
	member("words", arr, 192);
	member("pairs", pairs, 320);
	member("old_bits", old, 512);
	member("odd", u32, 517);
	type("bits", STRUCT | 0x80, 2, 8);
	member("flag", u32, 1U << 24 | 3);
	member("plain", u32, 32);
	type("sock", STRUCT, 1, 8);
	member("other", u32, 32);
	type("colour", ENUM, 2, 4);
	put(str("RED")), put(7);
	put(str("GREEN")), put(9);
	type("wide", ENUM64, 1, 8);
	put(str("BIG")), put(1), put(2);
	type("signed_one", ENUM | 0x80, 1, 4);
	put(str("MINUS")), put((uint32_t)-5);
	type("btf_trace_x", TYPEDEF, 0, ptr);
	type("bpf_iter_x", FUNC, 1, type("", PROTO, 0, 0));
}

static void t_find(void)
{
	struct btf_name names[] = {
		{ .name = "sock", .cls = BTF_AGGREGATE }, { .name = "colour", .cls = BTF_ENUMERATION },
		{ .name = "btf_trace_x", .cls = BTF_TYPEDEF }, { .name = "bpf_iter_x", .cls = BTF_FUNCTION },
		{ .name = "colour", .cls = BTF_AGGREGATE }, { .name = "bits", .cls = BTF_AGGREGATE },
		{ .name = "wide", .cls = BTF_ENUMERATION }, { .name = "signed_one", .cls = BTF_ENUMERATION },
	};
	struct btf_field f;
	struct err e = { 0 };
	struct btf b;
	uint64_t v;
	size_t len;
	uint8_t *p = file(&len, NULL, 0);

	CHECK_EQ(btf_open(&b, p, len, names, ARRAY_SIZE(names), &e), 0);
	CHECK_EQ(names[0].n, 2);
	CHECK_EQ(names[1].n, 1);
	CHECK_EQ(names[2].n, 1);
	CHECK_EQ(names[3].n, 1);
	CHECK_EQ(names[4].n, 0);
	CHECK_EQ(b.ptr_size, 8);
	CHECK_EQ(btf_field(&b, names[0].id[0], "first", &f), 0);
	CHECK(f.off == 0 && f.size == 8 && f.resizable && !f.bits);
	CHECK_EQ(btf_field(&b, names[0].id[0], "deep_b", &f), 0);
	CHECK(f.off == 8 && f.size == 8 && f.resizable);
	CHECK_EQ(btf_field(&b, names[0].id[0], "after", &f), 0);
	CHECK(f.off == 16 && f.size == 4 && !f.resizable);
	CHECK_EQ(btf_field(&b, names[0].id[0], "words", &f), 0);
	CHECK(f.off == 24 && f.size == 16 && !f.resizable);
	CHECK_EQ(btf_field(&b, names[0].id[0], "words[3]", &f), 0);
	CHECK(f.off == 36 && f.size == 4);
	CHECK_EQ(btf_field(&b, names[0].id[0], "words[4]", &f), -ENOENT);
	CHECK_EQ(btf_field(&b, names[0].id[0], "pairs[2].y", &f), 0);
	CHECK(f.off == 40 + 2 * 8 + 4 && f.size == 4);
	CHECK_EQ(btf_field(&b, names[0].id[0], "old_bits", &f), 0);
	CHECK(f.bits);
	CHECK_EQ(btf_field(&b, names[0].id[0], "odd", &f), 0);
	CHECK(f.bits);
	CHECK_EQ(btf_field(&b, names[0].id[0], "wor", &f), -ENOENT);
	CHECK_EQ(btf_field(&b, names[0].id[0], "words.x", &f), -ENOENT);
	CHECK_EQ(btf_field(&b, names[0].id[0], "first[0]", &f), -ENOENT);
	CHECK_EQ(btf_field(&b, names[0].id[0], "words[", &f), -ENOENT);
	CHECK_EQ(btf_field(&b, names[0].id[0], "other", &f), -ENOENT);
	CHECK_EQ(btf_field(&b, names[0].id[1], "other", &f), 0);
	CHECK_EQ(f.off, 4);
	CHECK_EQ(btf_field(&b, names[5].id[0], "flag", &f), 0);
	CHECK(f.bits);
	CHECK_EQ(btf_field(&b, names[5].id[0], "plain", &f), 0);
	CHECK(!f.bits && f.off == 4);
	CHECK_EQ(btf_size(&b, names[0].id[0]), 96);
	CHECK_EQ(btf_size(&b, 0), 0);
	CHECK_EQ(btf_size(&b, 4000000000U), 0);
	CHECK_EQ(btf_enumerator(&b, names[1].id[0], "GREEN", &v), 0);
	CHECK_EQ(v, 9);
	CHECK_EQ(btf_enumerator(&b, names[1].id[0], "GRE", &v), -ENOENT);
	CHECK_EQ(btf_enumerator(&b, names[6].id[0], "BIG", &v), 0);
	CHECK(v == (2ULL << 32 | 1));
	CHECK_EQ(btf_enumerator(&b, names[7].id[0], "MINUS", &v), 0);
	CHECK_EQ(v, -5);
	CHECK_EQ(btf_enumerator(&b, names[0].id[0], "RED", &v), -ENOENT);
	CHECK_STR(btf_enumerator_name(&b, names[1].id[0], 7), "RED");
	CHECK_STR(btf_enumerator_name(&b, names[1].id[0], 9), "GREEN");
	CHECK(!btf_enumerator_name(&b, names[1].id[0], 8));
	CHECK(!btf_enumerator_name(&b, names[1].id[0], 1ULL << 32 | 7));
	CHECK_STR(btf_enumerator_name(&b, names[6].id[0], 2ULL << 32 | 1), "BIG");
	CHECK(!btf_enumerator_name(&b, names[6].id[0], 1));
	CHECK_STR(btf_enumerator_name(&b, names[7].id[0], (uint64_t)-5), "MINUS");
	CHECK(!btf_enumerator_name(&b, names[7].id[0], (uint32_t)-5));
	CHECK(!btf_enumerator_name(&b, names[0].id[0], 7));
	CHECK(!btf_enumerator_name(&b, 4000000000U, 7));
	btf_done(&b);
	free(p);
}

static int open_bytes(const uint8_t *p, size_t len, const char *name, struct err *e)
{
	struct btf_name n = { .name = name, .cls = BTF_AGGREGATE };
	struct btf_field f;
	struct btf b;
	int ret = btf_open(&b, p, len, &n, 1, e);

	for (unsigned i = 0; !ret && i < n.n; i++)
		btf_field(&b, n.id[i], "words[1]", &f);
	if (!ret)
		btf_done(&b);
	return ret;
}

/* Every length short of the whole is refused, and read no further than it goes. */
static void t_short(void)
{
	struct err e;
	size_t len;
	uint8_t *p = file(&len, NULL, 0);

	for (size_t n = 0; n < len; n++) {
		uint8_t *q = malloc(n + !n);

		memcpy(q, p, n);
		CHECK_EQ(open_bytes(q, n, "sock", &e), -EINVAL);
		free(q);
	}
	for (size_t i = 0; i < 24; i++) { /* a header with one byte turned over */
		p[i] ^= 0xff;
		open_bytes(p, len, "sock", &e);
		p[i] ^= 0xff;
	}
	p[0] = 0xeb, p[1] = 0x9f;
	if (*(const uint16_t *)(const void *)p == 0xeb9f)
		p[0] = 0x9f, p[1] = 0xeb;
	CHECK_EQ(open_bytes(p, len, "sock", &e), -EINVAL);
	CHECK(strstr(e.text, "byte order") != NULL);
	free(p);
}

static void t_hostile(void)
{
	struct err e;
	uint8_t *p;
	size_t len;

	/* unnamed members that hold themselves, eight times each: without a bound the search would not end */
	reset();
	type("sock", STRUCT, 8, 64);
	for (int i = 0; i < 8; i++)
		member("", 1, 0);
	p = file(&len, NULL, 0);
	CHECK_EQ(open_bytes(p, len, "sock", &e), 0);
	free(p);
	/* a typedef of itself, an array of itself */
	reset();
	type("sock", STRUCT, 1, 64);
	member("words", 2, 0);
	type("t", TYPEDEF, 0, 2);
	p = file(&len, NULL, 0);
	CHECK_EQ(open_bytes(p, len, "sock", &e), 0);
	free(p);
	reset();
	type("sock", STRUCT, 1, 64);
	member("words", 2, 0);
	type("", ARRAY, 0, 0);
	put(2), put(2), put(0xffffffff);
	p = file(&len, NULL, 0);
	CHECK_EQ(open_bytes(p, len, "sock", &e), 0);
	free(p);
	/* more members than there are bytes; a name outside; kind 0 */
	reset();
	type("sock", STRUCT, 0xffffff, 64);
	p = file(&len, NULL, 0);
	CHECK_EQ(open_bytes(p, len, "sock", &e), -EINVAL);
	free(p);
	reset();
	type("sock", STRUCT, 0, 64);
	types[3] = 0x7f;
	types[0] = 0x7f;
	p = file(&len, NULL, 0);
	CHECK_EQ(open_bytes(p, len, "sock", &e), -EINVAL);
	free(p);
	reset();
	type("sock", 0, 0, 64);
	p = file(&len, NULL, 0);
	CHECK_EQ(open_bytes(p, len, "sock", &e), -EINVAL);
	free(p);
}

/* A kind that does not exist yet: refused by name, unless the header says how long it is. */
static void t_future(void)
{
	uint8_t layout[4 * (FUTURE + 1)] = { 0 };
	struct err e;
	uint8_t *p;
	size_t len;

	reset();
	type("new", FUTURE, 2, 0);
	put(1), put(2), put(3);
	type("sock", STRUCT, 0, 64);
	p = file(&len, NULL, 0);
	CHECK_EQ(open_bytes(p, len, "sock", &e), -EINVAL);
	CHECK_STR(e.text, "BTF type 1 is of kind 20, which this program does not know");
	free(p);
	layout[4 * FUTURE] = 4;
	layout[4 * FUTURE + 1] = 4;
	p = file(&len, layout, sizeof(layout));
	CHECK_EQ(open_bytes(p, len, "sock", &e), 0);
	free(p);
}

int main(void)
{
	build();
	t_find();
	t_short();
	t_hostile();
	t_future();
	return check_done("btf");
}
