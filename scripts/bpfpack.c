/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpfpack OBJ.o NAME [BASE.h] > NAME.h: turns a BPF object file (clang -target bpfel or bpfeb, with -g) into one
 * compressed array, see lib/collect/bpfimage.h; BASE.h is what it made of a similar object. Runs on the machine that
 * builds; plain C11, no library. Whatever it does not understand is an error here, at build time, and never a surprise
 * on a router.
 */
#include <ctype.h>
#include "bpfpack.h"
#include "bpfwrite.h"

enum { FIELD_OFFSET, FIELD_SIZE, FIELD_EXISTS, TYPE_ID = 7, TYPE_EXISTS, TYPE_SIZE, ENUM_EXISTS, ENUM_VALUE };
enum { KFUNC_CALL = 64, KFUNC_EXISTS }; /* our own: bpfimage.h */

/* Interns a text, returns its offset. Offset 0 is the empty text. */
static uint32_t text(const char *s)
{
	size_t len = strlen(s) + 1;

	for (uint32_t i = 0; i < pool_len; i += strlen(pool + i) + 1)
		if (!strcmp(pool + i, s))
			return i;
	for (const char *c = s; *c; c++)
		if (!isprint((unsigned char)*c) || *c == '"' || *c == '\\')
			die("a name holds an odd character");
	if (len > sizeof(pool) - pool_len)
		die("too many names");
	memcpy(pool + pool_len, s, len);
	pool_len += len;
	return pool_len - len;
}

/* ---- maps and variables ---- */

static uint32_t data_add(const uint8_t *p, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n && !p[i]; i++)
		;
	if (i == n)
		return NO_DATA; /* maps start as zeroes anyway */
	data = realloc(data, (size_t)ndata + n);
	if (!data || ndata + n > 1 << 24)
		die("too much data");
	memcpy(data + ndata, p, n);
	ndata += n;
	return ndata - n;
}

static struct map *map_new(void)
{
	if (nmap == MAX_MAPS)
		die("more than %d maps", MAX_MAPS);
	return &maps[nmap++];
}

/* .rodata, .data and .bss become arrays of one element. */
static void add_variables(struct section *sec)
{
	int rodata = !strncmp(sec->name, ".rodata", 7);
	struct map *m;

	if (!sec->size || (!rodata && strcmp(sec->name, ".data") && strcmp(sec->name, ".bss")))
		return;
	if (sec->size > 1 << 20)
		die("%s is larger than 1 MiB", sec->name);
	sec->map = nmap;
	m = map_new();
	/* 2: BPF_MAP_TYPE_ARRAY; 1 << 7: BPF_F_RDONLY_PROG */
	*m = (struct map){ .name = text(sec->name + 1), .type = 2, .rodata = rodata, .key = 4, .value = sec->size,
			   .max = 1, .flags = rodata ? 1 << 7 : 0, .data = NO_DATA, .var = nvar };
	if (sec->type != SHT_NOBITS_)
		m->data = data_add(bytes(sec), sec->size);
	for (uint32_t i = 0; i < nsymbol; i++) {
		const struct symbol *s = &symbols[i];

		if (s->type != STT_OBJECT_ || section_nr(s->sec < nsection ? s->sec : 0, "") != sec || !*s->name)
			continue;
		if (s->value > sec->size || s->size > sec->size - s->value)
			die("%s lies outside %s", s->name, sec->name);
		if (nvar == MAX_VARS)
			die("more than %d variables", MAX_VARS);
		vars[nvar++] = (struct var){ text(s->name), s->value, s->size };
		m->nvar++;
	}
}

/* `int (*name)[N]`, as __uint() of bpf_helpers.h writes a number. */
static uint32_t map_uint(const char *map, const char *what, uint32_t id)
{
	const uint8_t *t = type_nr(skip_modifiers(id));

	if (kind_of(t) == K_PTR) {
		t = type_nr(skip_modifiers(u32(t + 8)));
		if (kind_of(t) == K_ARRAY)
			return u32(t + 20);
	}
	die("map %s: %s is not written with __uint()", map, what);
}

static uint32_t map_type_size(const char *map, const char *what, uint32_t id)
{
	const uint8_t *t = type_nr(skip_modifiers(id));

	if (kind_of(t) != K_PTR)
		die("map %s: %s is not written with __type()", map, what);
	return size_of(u32(t + 8));
}

static void add_map(const struct symbol *sym, uint32_t sec, uint32_t type)
{
	const uint8_t *t = type_nr(skip_modifiers(type)), *mem = t + 12;
	struct map *m = map_new();

	if (kind_of(t) != K_STRUCT)
		die("map %s is no struct", sym->name);
	m->name = text(sym->name);
	m->sec = sec;
	m->off = sym->value;
	m->data = NO_DATA;
	for (unsigned i = 0; i < vlen_of(t); i++, mem += 12) {
		const char *n = btf_name(u32(mem));
		uint32_t id = u32(mem + 4);

		if (!strcmp(n, "type"))
			m->type = map_uint(sym->name, n, id);
		else if (!strcmp(n, "max_entries"))
			m->max = map_uint(sym->name, n, id);
		else if (!strcmp(n, "map_flags"))
			m->flags = map_uint(sym->name, n, id);
		else if (!strcmp(n, "key_size"))
			m->key = map_uint(sym->name, n, id);
		else if (!strcmp(n, "value_size"))
			m->value = map_uint(sym->name, n, id);
		else if (!strcmp(n, "key"))
			m->key = map_type_size(sym->name, n, id);
		else if (!strcmp(n, "value"))
			m->value = map_type_size(sym->name, n, id);
		else
			die("map %s: %s is not supported", sym->name, n);
	}
	if (!m->type || m->type > 255)
		die("map %s has no type", sym->name);
	for (uint32_t i = 0; i + 1 < nmap; i++)
		if (maps[i].name == m->name)
			die("map %s appears twice", sym->name);
}

static void read_maps(void)
{
	const struct section *sec = section(".maps");

	for (uint32_t i = 1; i < nsection; i++)
		add_variables(&sections[i]);
	for (uint32_t i = 0; i < nsymbol; i++) {
		const struct symbol *s = &symbols[i];
		uint32_t id;

		if (s->sec < nsection && !strcmp(sections[s->sec].name, "maps") && s->type == STT_OBJECT_)
			die("map %s: the old \"maps\" section is not supported, use SEC(\".maps\")", s->name);
		if (!sec || s->type != STT_OBJECT_ || s->sec != sec - sections)
			continue;
		for (id = 1; id < nbtf; id++)
			if (kind_of(btf_type[id]) == K_VAR && !strcmp(btf_name(u32(btf_type[id])), s->name))
				break;
		if (id == nbtf)
			die("map %s is not in .BTF", s->name);
		add_map(s, s->sec, u32(btf_type[id] + 8));
	}
}

/* ---- programs ---- */

static void name_program(struct prog *p, const char *sec)
{
	/* the kernel's numbers: its headers need not be on the machine that builds */
	enum { SOCKET_FILTER = 1, SCHED_CLS = 3, RAW_TRACEPOINT = 17, TRACING = 26 };
	enum { TRACE_RAW_TP = 23, TRACE_ITER = 28 };
	static const struct { const char *prefix; int type, attach_type; const char *kernel; } kinds[] = {
		{ "tp_btf/", TRACING, TRACE_RAW_TP, "btf_trace_" },
		{ "iter/", TRACING, TRACE_ITER, "bpf_iter_" },
		{ "raw_tp/", RAW_TRACEPOINT, 0, "" },
		{ "raw_tracepoint/", RAW_TRACEPOINT, 0, "" },
		{ "socket", SOCKET_FILTER, 0, NULL },
		{ "tc", SCHED_CLS, 0, NULL },
		{ "classifier", SCHED_CLS, 0, NULL },
	};
	char buf[256];

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (strncmp(sec, kinds[i].prefix, n) || (!kinds[i].kernel && sec[n] && sec[n] != '/'))
			continue;
		buf[0] = 0;
		if (kinds[i].kernel && snprintf(buf, sizeof(buf), "%s%s", kinds[i].kernel, sec + n) >= (int)sizeof(buf))
			die("section %s: the name is too long", sec);
		if (kinds[i].kernel && !sec[n])
			die("section %s: what to attach to?", sec);
		p->attach = text(buf);
		p->type = kinds[i].type;
		p->attach_type = kinds[i].attach_type;
		return;
	}
	die("section %s: programs of this kind are not supported", sec);
}

static void read_insns(struct prog *p, const uint8_t *b)
{
	if (ninsn + p->ninsn > MAX_INSNS)
		die("more than %d instructions", MAX_INSNS);
	p->insn = ninsn;
	for (uint32_t i = 0; i < p->ninsn; i++, b += 8) {
		struct insn *in = &insns[ninsn++];

		*in = (struct insn){ b[0], b[1] & 15, b[1] >> 4, (int16_t)u16(b + 2), (int32_t)u32(b + 4) };
		if (big) { /* the halves of the register byte change places as well */
			in->dst = b[1] >> 4;
			in->src = b[1] & 15;
		}
	}
}

static void read_programs(void)
{
	for (uint32_t i = 0; i < nsymbol; i++) {
		const struct symbol *s = &symbols[i];
		const struct section *sec;
		struct prog *p;

		if (s->type != STT_FUNC_ || !s->sec || s->sec >= nsection)
			continue;
		sec = &sections[s->sec];
		if (!(sec->flags & SHF_EXEC_) || !strcmp(sec->name, ".text"))
			continue; /* a call into .text is refused above */
		if (s->value > sec->size || s->size > sec->size - s->value || s->value % 8 || s->size % 8 || !s->size)
			die("function %s lies outside its section", s->name);
		if (nprog == MAX_PROGS)
			die("more than %d programs", MAX_PROGS);
		p = &progs[nprog++];
		p->name = text(s->name);
		p->sec = s->sec;
		p->start = s->value / 8;
		p->ninsn = s->size / 8;
		name_program(p, sec->name);
		read_insns(p, bytes(sec) + s->value);
	}
	if (!nprog)
		die("no program in it");
}

/* Index of the instruction at byte OFF of section SEC; *P its program. */
static uint32_t insn_at(uint32_t sec, uint64_t off, const struct prog **p)
{
	for (uint32_t i = 0; i < nprog; i++) {
		uint64_t n = off / 8 - progs[i].start;

		if (progs[i].sec == sec && off % 8 == 0 && off / 8 >= progs[i].start && n < progs[i].ninsn) {
			*p = &progs[i];
			return progs[i].insn + n;
		}
	}
	die("a relocation points outside the programs of %s", sections[sec].name);
}

static const char *symbol_name(const struct symbol *s)
{
	return *s->name ? s->name : sections[s->sec].name;
}

static struct reloc *reloc_new(uint32_t insn, uint32_t kind)
{
	if (nreloc == MAX_RELOCS)
		die("more than %d relocations", MAX_RELOCS);
	relocs[nreloc] = (struct reloc){ .insn = insn, .kind = kind };
	return &relocs[nreloc++];
}

/* A function of the kernel's: called, or asked whether it is there. */
static void add_kfunc(uint32_t insn, const struct symbol *s)
{
	struct insn *in = &insns[insn];

	reloc_new(insn, in->code == 0x85 ? KFUNC_CALL : KFUNC_EXISTS)->type = text(s->name);
	in->imm = in->off = 0;
	in->src = in->code == 0x85 ? 2 : 0; /* BPF_PSEUDO_KFUNC_CALL */
}

static void relocate(uint32_t sec, uint64_t off, const struct symbol *s)
{
	const struct prog *p;
	uint32_t at_insn = insn_at(sec, off, &p), m;
	struct insn *in = &insns[at_insn];
	uint32_t inner;

	if (!s->sec && *s->name && (in->code == 0x85 || (in->code == 0x18 && at_insn + 1 < p->insn + p->ninsn))) {
		add_kfunc(at_insn, s);
		return;
	}
	if (!s->sec || s->sec >= nsection)
		die("%s uses extern %s: not supported", pool + p->name, s->name);
	if (in->code != 0x18 || at_insn + 1 >= p->insn + p->ninsn)
		die("%s refers to %s in an unsupported way", pool + p->name, symbol_name(s));
	if (sections[s->sec].map >= 0) {
		in->src = 2; /* BPF_PSEUDO_MAP_VALUE */
		in[1].imm = (int32_t)(s->value + (uint32_t)in->imm);
		in->imm = sections[s->sec].map;
		if ((uint32_t)in[1].imm >= maps[in->imm].value)
			die("%s refers to a place outside %s", pool + p->name, sections[s->sec].name);
		return;
	}
	inner = s->type == STT_SECTION_ ? (uint32_t)in->imm : 0;
	for (m = 0; m < nmap; m++)
		if (maps[m].sec == s->sec && maps[m].off == s->value + inner)
			break;
	if (m == nmap)
		die("%s refers to %s, which is no map and no variable", pool + p->name, symbol_name(s));
	in->src = 1; /* BPF_PSEUDO_MAP_FD */
	in->imm = m;
}

static void read_relocations(void)
{
	for (uint32_t i = 0; i < nsection; i++) {
		const struct section *rel = &sections[i], *target;
		const uint8_t *p;

		if (rel->type != SHT_REL_)
			continue;
		p = bytes(rel);
		target = section_nr(rel->info, "a relocation section");
		if (!(target->flags & SHF_EXEC_) || !target->size || !strcmp(target->name, ".text"))
			continue;
		for (uint64_t n = rel->size / 16; n; n--, p += 16) {
			uint32_t s = u64(p + 8) >> 32;

			if (s >= nsymbol)
				die("a relocation without a symbol");
			relocate(rel->info, u64(p), &symbols[s]);
		}
	}
	for (uint32_t i = 0; i < ninsn; i++)
		if (insns[i].code == 0x85 && insns[i].src == 1) /* BPF_PSEUDO_CALL */
			die("instruction %u calls a function that is not inlined (__always_inline?)", i);
}

/* ---- CO-RE ---- */

/* Size of an integer or pointer of the object, 0 for anything larger. */
static uint32_t scalar_size(uint32_t id)
{
	const uint8_t *t = type_nr(id = skip_modifiers(id));
	unsigned k = kind_of(t);

	return k == K_INT || k == K_PTR || k == K_ENUM || k == K_ENUM64 ? size_of(id) : 0;
}

/* "0:1:2" from type ID becomes "member.member[n]"; anonymous members are left out: the kernel may have others. */
static uint32_t field_path(uint32_t id, const char *spec, char *out, size_t cap)
{
	size_t len = 0;
	char *end;

	if (strtoul(spec, &end, 10) || end == spec)
		die("a field of an array of structs (%s) is not supported", spec);
	out[0] = 0;
	while (*end == ':') {
		const char *num = end + 1;
		unsigned long n = strtoul(num, &end, 10);
		const uint8_t *t = type_nr(id = skip_modifiers(id));

		if (end == num)
			die("a broken access string: %s", spec);
		if (kind_of(t) == K_ARRAY) {
			len += snprintf(out + len, cap - len, "[%lu]", n);
			id = u32(t + 12);
		} else if ((kind_of(t) == K_STRUCT || kind_of(t) == K_UNION) && n < vlen_of(t)) {
			const uint8_t *m = t + 12 + 12 * n;

			if (*btf_name(u32(m)))
				len += snprintf(out + len, cap - len, "%s%s", len ? "." : "", btf_name(u32(m)));
			if (u32(t + 4) >> 31 && u32(m + 8) >> 24)
				die("%s is a bit field: not supported", out);
			id = u32(m + 4);
		} else {
			die("an access string that fits no type: %s", spec);
		}
		if (len >= cap)
			die("a field path is too long");
	}
	if (*end)
		die("a broken access string: %s", spec);
	return scalar_size(id);
}

static uint32_t type_text(uint32_t id)
{
	char name[256];
	const char *n = btf_name(u32(type_nr(id)));
	char *flavour;

	if (snprintf(name, sizeof(name), "%s", n) >= (int)sizeof(name))
		die("a type's name is too long");
	flavour = strstr(name, "___");
	if (flavour && flavour > name)
		*flavour = 0;
	if (!*name)
		die("a relocation against a type without a name");
	return text(name);
}

static void check_patchable(const struct insn *in, const char *prog)
{
	unsigned cls = in->code & 7;
	int alu_imm = (cls == 4 || cls == 7) && !(in->code & 8);

	if (!alu_imm && in->code != 0x18 && cls != 1 && cls != 2 && cls != 3)
		die("%s: a CO-RE relocation at an instruction of class %u", prog, cls);
}

static void add_reloc(uint32_t sec, const uint8_t *rec)
{
	uint32_t id = skip_modifiers(u32(rec + 4)), kind = u32(rec + 12);
	const char *spec = btf_name(u32(rec + 8));
	const uint8_t *t = type_nr(id);
	const struct prog *p;
	struct reloc *r = reloc_new(insn_at(sec, u32(rec), &p), kind);
	char path[512] = "";

	check_patchable(&insns[r->insn], pool + p->name);
	if (insns[r->insn].code == 0x18 && r->insn + 1 >= p->insn + p->ninsn)
		die("%s ends within an instruction", pool + p->name);
	r->type = type_text(id);
	if (kind == ENUM_EXISTS || kind == ENUM_VALUE) {
		unsigned long n = strtoul(spec, NULL, 10);

		if ((kind_of(t) != K_ENUM && kind_of(t) != K_ENUM64) || n >= vlen_of(t))
			die("%s: no such enumerator: %s", pool + p->name, spec);
		snprintf(path, sizeof(path), "%s", btf_name(u32(t + 12 + n * (kind_of(t) == K_ENUM ? 8 : 12))));
		if (strstr(path, "___"))
			*strstr(path, "___") = 0;
	} else if (kind_of(t) != K_STRUCT && kind_of(t) != K_UNION) {
		die("%s: only fields and types of struct and union can be relocated", pool + p->name);
	} else if (kind == FIELD_OFFSET || kind == FIELD_SIZE || kind == FIELD_EXISTS) {
		r->size = field_path(id, spec, path, sizeof(path));
	} else if (kind != TYPE_ID && kind != TYPE_EXISTS && kind != TYPE_SIZE) {
		die("%s: CO-RE relocation of kind %u is not supported", pool + p->name, kind);
	}
	r->path = text(path);
}

static void read_core(void)
{
	const struct section *sec = section(".BTF.ext");
	const uint8_t *h, *p, *end;
	uint32_t rec;

	if (!sec || sec->size < 32)
		return;
	h = bytes(sec);
	if (u16(h) != 0xeb9f || u32(h + 4) < 24)
		die("a broken .BTF.ext header");
	if (u32(h + 4) < 32 || !u32(h + 28))
		return;
	if ((uint64_t)u32(h + 4) + u32(h + 24) + u32(h + 28) > sec->size || u32(h + 28) < 4)
		die(".BTF.ext is cut off");
	p = h + u32(h + 4) + u32(h + 24);
	end = p + u32(h + 28);
	rec = u32(p);
	if (rec < 16)
		die(".BTF.ext has records of %u bytes", rec);
	for (p += 4; p < end;) {
		const struct section *target;
		uint32_t n;

		if (end - p < 8)
			die(".BTF.ext is cut off");
		target = section(btf_name(u32(p)));
		n = u32(p + 4);
		p += 8;
		if (!target || (uint64_t)n * rec > (uint64_t)(end - p))
			die(".BTF.ext is cut off or names an unknown section");
		for (; n; n--, p += rec)
			if (strcmp(target->name, ".text"))
				add_reloc(target - sections, p);
	}
}

int main(int argc, char **argv)
{
	const struct section *sec;

	if ((argc != 3 && argc != 4) || !*argv[2] || isdigit((unsigned char)*argv[2])) {
		fprintf(stderr, "usage: bpfpack OBJ.o NAME [BASE.h] > NAME.h\n");
		return 2;
	}
	for (const char *c = argv[2]; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			die("NAME must be a C identifier, not %s", argv[2]);
	file = argv[1];
	pool_len = 1; /* text 0 is empty */
	read_file();
	read_sections();
	read_symbols();
	read_btf();
	sec = section("license");
	if (!sec || !sec->size || !memchr(bytes(sec), 0, sec->size))
		die("no license section");
	license = text((const char *)bytes(sec));
	read_maps();
	read_programs();
	read_relocations();
	read_core();
	file = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	print_image(argv[2], argv[3]);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
