/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_BPF
 * One pass over BTF: 126,000 types in about a millisecond, because only two characters of a name are looked at before
 * a type is passed over. The pass checks the extent of every type, so that what comes later need not.
 */
#include <errno.h>
#include <stdlib.h>
#include "collect/btf.h"
#include "core/util.h"

enum {
	K_INT = 1, K_PTR, K_ARRAY, K_STRUCT, K_UNION, K_ENUM, K_FWD, K_TYPEDEF, K_VOLATILE, K_CONST, K_RESTRICT, K_FUNC,
	K_FUNC_PROTO, K_VAR, K_DATASEC, K_FLOAT, K_DECL_TAG, K_TYPE_TAG, K_ENUM64, K_KNOWN
};

#define MARK_EVERY 64
#define MAX_DEPTH 16     /* members within members, modifiers of modifiers */
#define MAX_VISITS 20000 /* members looked at in one search: types of a hostile file may go round in circles */

struct type {
	uint32_t name, info, size; /* size: or the type it refers to */
};

static uint32_t ld32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t kind_of(uint32_t info)
{
	return info >> 24 & 0x7f;
}

/* 24 bits: newer kernels use all of them, older ones leave the upper eight zero. */
static uint32_t vlen_of(uint32_t info)
{
	return info & 0xffffff;
}

static void set_kinds(struct btf *b)
{
	static const uint8_t fixed[K_KNOWN] = { [K_INT] = 4, [K_ARRAY] = 12, [K_VAR] = 4, [K_DECL_TAG] = 4 };
	static const uint8_t each[K_KNOWN] = { [K_STRUCT] = 12, [K_UNION] = 12, [K_ENUM] = 8, [K_FUNC_PROTO] = 8,
					       [K_DATASEC] = 12, [K_ENUM64] = 12 };

	memcpy(b->fixed, fixed, sizeof(fixed));
	memcpy(b->each, each, sizeof(each));
	b->kinds = K_KNOWN;
}

/* From 7.2 on the header also tells how long a type of each kind is: kinds that we do not know can be passed over. */
static void read_layout(struct btf *b, const uint8_t *p, uint32_t n)
{
	for (uint32_t k = K_KNOWN; k < n && k < sizeof(b->fixed); k++) {
		b->fixed[k] = p[4 * k];
		b->each[k] = p[4 * k + 1];
		b->kinds = k + 1;
	}
}

static bool inside(uint32_t off, uint32_t n, size_t len)
{
	return off <= len && n <= len - off;
}

static int read_header(struct btf *b, const uint8_t *p, size_t len, struct err *e)
{
	uint32_t hdr, off[3], n[3] = { 0 };
	uint16_t magic = 0;

	if (len >= sizeof(magic))
		memcpy(&magic, p, sizeof(magic));
	if (magic == 0x9feb)
		return err_set(e, EINVAL, "the BTF is of the other byte order");
	if (len < 24 || magic != 0xeb9f || p[2] != 1)
		return err_set(e, EINVAL, "not BTF of version 1");
	hdr = ld32(p + 4);
	if (hdr < 24 || hdr > len || hdr % 4)
		return err_set(e, EINVAL, "BTF with a header of %u bytes", hdr);
	for (unsigned i = 0; i < (hdr >= 32 ? 3 : 2); i++) {
		off[i] = ld32(p + 8 + 8 * i);
		n[i] = ld32(p + 12 + 8 * i);
		if (!inside(off[i], n[i], len - hdr))
			return err_set(e, EINVAL, "BTF is cut off");
	}
	b->types = p + hdr + off[0];
	b->types_len = n[0];
	b->str = (const char *)p + hdr + off[1];
	b->str_len = n[1];
	if (off[0] % 4 || !b->str_len || b->str[0] || b->str[b->str_len - 1])
		return err_set(e, EINVAL, "BTF with broken names");
	set_kinds(b);
	if (n[2])
		read_layout(b, p + hdr + off[2], n[2] / 4);
	return 0;
}

/* Which names are worth a closer look: a bit per class for each of 256 sums of the first two characters. */
static uint8_t *slot(uint8_t *filter, const char *name)
{
	return &filter[(uint8_t)((uint8_t)name[0] * 7 + (uint8_t)name[1])];
}

static void found(struct btf_name *names, unsigned nn, unsigned cls, const char *name, uint32_t id)
{
	for (unsigned i = 0; i < nn; i++)
		if (names[i].cls == cls && names[i].n < BTF_SAME_NAME && !strcmp(names[i].name, name))
			names[i].id[names[i].n++] = id;
}

/* The kernel's pointers are as wide as its long, whatever we were compiled for. */
static void learn_ptr_size(struct btf *b, const char *name, uint32_t size)
{
	if ((size == 4 || size == 8) && (!strcmp(name, "long unsigned int") || !strcmp(name, "unsigned long")))
		b->ptr_size = size;
}

static int walk(struct btf *b, struct btf_name *names, unsigned nn, struct err *e)
{
	static const uint8_t class_of[K_KNOWN] = {
		[K_STRUCT] = 1 << BTF_AGGREGATE, [K_UNION] = 1 << BTF_AGGREGATE, [K_ENUM] = 1 << BTF_ENUMERATION,
		[K_ENUM64] = 1 << BTF_ENUMERATION, [K_TYPEDEF] = 1 << BTF_TYPEDEF, [K_FUNC] = 1 << BTF_FUNCTION,
	};
	uint8_t filter[256] = { 0 };
	uint32_t off = 0, id = 1;

	for (unsigned i = 0; i < nn; i++) {
		names[i].n = 0;
		*slot(filter, names[i].name) |= 1 << names[i].cls;
	}
	for (; off < b->types_len; id++) {
		const uint8_t *t = b->types + off;
		uint32_t left = b->types_len - off, name, info, kind, need;

		if (left < sizeof(struct type))
			return err_set(e, EINVAL, "BTF is cut off at type %u", id);
		name = ld32(t);
		info = ld32(t + 4);
		kind = kind_of(info);
		if (!kind || kind >= b->kinds)
			return err_set(e, EINVAL, "BTF type %u is of kind %u, which this program does not know", id,
				       kind);
		need = sizeof(struct type) + b->fixed[kind];
		if (b->each[kind] && (left < need || vlen_of(info) > (left - need) / b->each[kind]))
			need = UINT32_MAX;
		else
			need += b->each[kind] * vlen_of(info);
		if (need > left || name >= b->str_len)
			return err_set(e, EINVAL, "BTF is broken at type %u", id);
		if (id % MARK_EVERY == 0)
			b->mark[id / MARK_EVERY] = off;
		if (name && kind < K_KNOWN && class_of[kind] && b->str[name]) {
			unsigned hit = *slot(filter, b->str + name) & class_of[kind];

			if (unlikely(hit))
				found(names, nn, __builtin_ctz(hit), b->str + name, id);
		} else if (kind == K_INT) {
			learn_ptr_size(b, b->str + name, ld32(t + 8));
		}
		off += need;
	}
	b->n = id;
	return 0;
}

int btf_open(struct btf *b, const void *p, size_t len, struct btf_name *names, unsigned nn, struct err *e)
{
	int ret;

	memset(b, 0, sizeof(*b));
	b->ptr_size = sizeof(long);
	ret = read_header(b, p, len, e);
	if (ret)
		return ret;
	/* The smallest type has 12 bytes. Type 0 does not exist, the first mark says where type 1 begins: 0. */
	b->mark = calloc(b->types_len / sizeof(struct type) / MARK_EVERY + 1, sizeof(*b->mark));
	if (!b->mark)
		return err_set(e, ENOMEM, "out of memory");
	ret = walk(b, names, nn, e);
	if (ret)
		btf_done(b);
	return ret;
}

void btf_done(struct btf *b)
{
	free(b->mark);
	b->mark = NULL;
	b->n = 0;
}

static uint32_t bytes_of(const struct btf *b, uint32_t info)
{
	return sizeof(struct type) + b->fixed[kind_of(info)] + b->each[kind_of(info)] * vlen_of(info);
}

/* The type of a number, its head copied to T; NULL: there is none. */
static const uint8_t *type_nr(const struct btf *b, uint32_t id, struct type *t)
{
	uint32_t off, i;

	if (!id || id >= b->n)
		return NULL;
	i = id / MARK_EVERY * MARK_EVERY;
	off = b->mark[id / MARK_EVERY];
	for (i = i ? i : 1; i < id; i++)
		off += bytes_of(b, ld32(b->types + off + 4));
	memcpy(t, b->types + off, sizeof(*t));
	return b->types + off + sizeof(*t);
}

/* The same behind typedef, const and the like; *ID is what it became. */
static const uint8_t *bare_type(const struct btf *b, uint32_t *id, struct type *t)
{
	for (int i = 0; i < MAX_DEPTH; i++) {
		const uint8_t *p = type_nr(b, *id, t);
		uint32_t k = p ? kind_of(t->info) : 0;

		if (k != K_TYPEDEF && k != K_VOLATILE && k != K_CONST && k != K_RESTRICT && k != K_TYPE_TAG)
			return p;
		*id = t->size;
	}
	return NULL;
}

uint32_t btf_size(const struct btf *b, uint32_t id)
{
	uint64_t n = 1;

	for (int i = 0; i < MAX_DEPTH && n && n <= INT32_MAX; i++) {
		struct type t;
		const uint8_t *p = bare_type(b, &id, &t);
		uint32_t k = p ? kind_of(t.info) : 0;

		if (k == K_ARRAY) {
			n *= ld32(p + 8);
			id = ld32(p);
			continue;
		}
		if (k == K_PTR)
			n *= b->ptr_size;
		else if (k == K_INT || k == K_STRUCT || k == K_UNION || k == K_ENUM || k == K_ENUM64 || k == K_FLOAT)
			n *= t.size;
		else
			n = 0;
		return n <= INT32_MAX ? n : 0;
	}
	return 0;
}

struct search {
	const struct btf *b;
	const char *name;
	size_t len;
	unsigned visits;
	/* result */
	uint32_t type;
	uint64_t off; /* bits */
	bool bits;
};

static bool is_name(const struct search *s, uint32_t name)
{
	/* The names end with a NUL: neither comparison runs past them. */
	return name < s->b->str_len && !strncmp(s->b->str + name, s->name, s->len) && !s->b->str[name + s->len];
}

static bool find_member(struct search *s, uint32_t id, uint64_t base, int depth)
{
	struct type t;
	const uint8_t *m = bare_type(s->b, &id, &t);
	uint32_t k = m ? kind_of(t.info) : 0;

	if ((k != K_STRUCT && k != K_UNION) || depth > MAX_DEPTH)
		return false;
	for (uint32_t i = vlen_of(t.info); i; i--, m += 12) {
		uint32_t name = ld32(m), pos = ld32(m + 8), bits = 0;

		if (++s->visits > MAX_VISITS)
			return false;
		if (t.info >> 31) {
			bits = pos >> 24;
			pos &= 0xffffff;
		}
		if (name < s->b->str_len && !s->b->str[name]) {
			if (find_member(s, ld32(m + 4), base + pos, depth + 1))
				return true;
		} else if (is_name(s, name)) {
			s->type = ld32(m + 4);
			s->off = base + pos;
			s->bits = bits || s->off % 8;
			return true;
		}
	}
	return false;
}

/* "[n]" at PATH: the n-th element of array *ID. Returns what follows, or NULL. */
static const char *element(const struct btf *b, const char *path, uint32_t *id, uint64_t *off)
{
	struct type t;
	const uint8_t *p = bare_type(b, id, &t);
	const char *end = strchr(path, ']');
	uint64_t n, size;

	if (!p || kind_of(t.info) != K_ARRAY || !end || !parse_u64(path + 1, end - path - 1, &n))
		return NULL;
	*id = ld32(p);
	size = btf_size(b, *id);
	/* An array of no declared length is the tail of its struct: any element will do. */
	if (!size || n > INT32_MAX || (ld32(p + 8) && n >= ld32(p + 8)))
		return NULL;
	*off += n * size * 8;
	return end + 1;
}

int btf_field(const struct btf *b, uint32_t id, const char *path, struct btf_field *f)
{
	struct search s = { .b = b };
	uint64_t off = 0;
	struct type t;
	const uint8_t *p;
	uint32_t k;

	while (*path) {
		if (*path == '[') {
			path = element(b, path, &id, &off);
			if (!path)
				return -ENOENT;
			continue;
		}
		s.name = path += *path == '.';
		s.len = strcspn(path, ".[");
		s.visits = 0;
		if (!s.len || !find_member(&s, id, off, 0))
			return -ENOENT;
		id = s.type;
		off = s.off;
		path += s.len;
	}
	p = bare_type(b, &id, &t);
	k = p ? kind_of(t.info) : 0;
	if (off / 8 > INT32_MAX)
		return -ENOENT;
	f->off = off / 8;
	f->size = btf_size(b, id);
	/* Of an integer: offset and width in bits, the way older compilers described bit fields. */
	f->bits = s.bits || (k == K_INT && (ld32(p) & 0xff0000 || (ld32(p) & 0xff) != t.size * 8));
	f->resizable = k == K_PTR || (k == K_INT && !(ld32(p) >> 24 & 1));
	return 0;
}

/* The enumerators of enum ID: their number (0: no enum), its head in T and its kind in K; *P is the first one. */
static uint32_t enumerators(const struct btf *b, uint32_t id, struct type *t, uint32_t *k, const uint8_t **p)
{
	*p = bare_type(b, &id, t);
	*k = *p ? kind_of(t->info) : 0;
	return *k == K_ENUM || *k == K_ENUM64 ? vlen_of(t->info) : 0;
}

/* The one at P. */
static uint64_t value_at(const uint8_t *p, uint32_t k, uint32_t info)
{
	if (k == K_ENUM64)
		return ld32(p + 4) | (uint64_t)ld32(p + 8) << 32;
	return info >> 31 ? (uint64_t)(int32_t)ld32(p + 4) : ld32(p + 4);
}

int btf_enumerator(const struct btf *b, uint32_t id, const char *name, uint64_t *v)
{
	struct search s = { .b = b, .name = name, .len = strlen(name) };
	const uint8_t *p;
	struct type t;
	uint32_t k;

	for (uint32_t i = enumerators(b, id, &t, &k, &p); i; i--, p += b->each[k]) {
		if (!is_name(&s, ld32(p)))
			continue;
		*v = value_at(p, k, t.info);
		return 0;
	}
	return -ENOENT;
}

const char *btf_enumerator_name(const struct btf *b, uint32_t id, uint64_t v)
{
	const uint8_t *p;
	struct type t;
	uint32_t k;

	for (uint32_t i = enumerators(b, id, &t, &k, &p); i; i--, p += b->each[k])
		if (value_at(p, k, t.info) == v && ld32(p) < b->str_len)
			return b->str + ld32(p);
	return NULL;
}
