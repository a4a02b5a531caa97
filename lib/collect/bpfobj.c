/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_BPF
 * Loads packed BPF programs: expands the instructions, writes into them what the kernel's BTF says, gives the BTF back,
 * and only then creates maps and programs. libbpf's bpf.h makes the system calls.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "collect/bpfimage.h"
#include "collect/bpfobj.h"
#include "collect/btf.h"
#include "core/util.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"
#define MAX_BTF (64 << 20)
#define LOG_SIZE (256 << 10)

/* A call to a helper that does not exist: it does no harm where the verifier sees that it is never reached. */
#define POISON 0x0f1e0000
#define POISON_MASK 0xffff0000

struct bpfobj {
	struct bpf_tables *img;
	int *fd; /* maps, then programs, then the links of the programs; -1: none */
};

/* What is needed only while loading. */
struct load {
	struct bpfobj *o;
	const struct bpf_tables *img;
	const struct bpfobj_opts *opts;
	struct bpf_insn *insn;
	uint32_t *attach_id;   /* BTF id per program, 0: none */
	struct err *e;
};

static const char *text(const struct bpf_tables *img, uint32_t off)
{
	return img->str + off;
}

static bool skipped(const struct load *l, const struct bpf_image_prog *p)
{
	const char *name = text(l->img, p->name);

	return (l->opts->skip && !strcmp(l->opts->skip, name)) || (l->opts->only && strcmp(l->opts->only, name));
}

/* ---- the kernel's BTF as bytes ---- */

/* sysfs lets it be mapped from 6.16 on, which costs no memory; another file could shrink meanwhile and is read. */
static int map_fd(int fd, bool sysfs, void **out, size_t *len)
{
	size_t have = 0;
	struct stat st;
	ssize_t n = 0;
	void *p;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size <= 0 || st.st_size > MAX_BTF)
		return -EINVAL;
	*len = st.st_size;
	*out = MAP_FAILED;
	if (sysfs)
		*out = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (*out != MAP_FAILED)
		return 0;
	p = mmap(NULL, *len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	while (have < *len && (n = read(fd, (char *)p + have, *len - have)) > 0)
		have += n;
	*out = p;
	if (have == *len)
		return 0;
	n = n < 0 ? -errno : -EINVAL;
	munmap(p, *len);
	return n;
}

int bpf_map_btf(const char *path, void **p, size_t *len, struct err *e)
{
	int fd, ret;

	if (!path)
		path = KERNEL_BTF;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "no BTF: %s: %s", path, err_text(errno));
	ret = map_fd(fd, !strcmp(path, KERNEL_BTF), p, len);
	close(fd);
	return ret ? err_set(e, -ret, "no BTF: %s cannot be read: %s", path, err_text(-ret)) : 0;
}

/* ---- relocations ---- */

static int by_type(const struct bpf_image_reloc *r)
{
	if (r->kind == BPF_RELOC_KFUNC_CALL || r->kind == BPF_RELOC_KFUNC_EXISTS)
		return BTF_FUNCTION;
	return r->kind == BPF_RELOC_ENUM_EXISTS || r->kind == BPF_RELOC_ENUM_VALUE ? BTF_ENUMERATION : BTF_AGGREGATE;
}

static struct btf_name *want(struct btf_name *names, unsigned *n, const char *name, uint8_t cls)
{
	unsigned i;

	for (i = 0; i < *n; i++)
		if (names[i].name == name && names[i].cls == cls)
			return &names[i];
	names[i] = (struct btf_name){ .name = name, .cls = cls };
	++*n;
	return &names[i];
}

/* Writes SIZE over the access size of a load or store; false: there is no such size. */
static bool resize(struct bpf_insn *in, uint32_t size)
{
	static const uint8_t code[] = { [1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW };

	if (size >= sizeof(code) || (size != 1 && !code[size] && size != 4))
		return false;
	in->code = (in->code & ~0x18) | code[size];
	return true;
}

static void poison(struct bpf_insn *in, unsigned reloc)
{
	unsigned n = in->code == (BPF_LD | BPF_IMM | BPF_DW) ? 2 : 1;

	for (unsigned i = 0; i < n; i++)
		in[i] = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = POISON + reloc };
}

/* The number for one relocation from type ID. False: this type does not have it. */
static bool resolve(const struct load *l, const struct btf *b, const struct bpf_image_reloc *r, uint32_t id,
		    uint64_t *v)
{
	struct bpf_insn *in = &l->insn[r->insn];
	const char *path = text(l->img, r->path);
	struct btf_field f;

	*v = 1;
	switch (r->kind) {
	case BPF_RELOC_TYPE_EXISTS:
	case BPF_RELOC_KFUNC_EXISTS:
		return true;
	case BPF_RELOC_TYPE_ID:
	case BPF_RELOC_KFUNC_CALL:
		*v = id;
		return true;
	case BPF_RELOC_TYPE_SIZE:
		*v = btf_size(b, id);
		return true;
	case BPF_RELOC_ENUM_EXISTS:
	case BPF_RELOC_ENUM_VALUE:
		return !btf_enumerator(b, id, path, r->kind == BPF_RELOC_ENUM_VALUE ? v : &(uint64_t){ 0 });
	}
	if (btf_field(b, id, path, &f))
		return false;
	if (r->kind == BPF_RELOC_FIELD_EXISTS)
		return true;
	*v = r->kind == BPF_RELOC_FIELD_SIZE ? f.size : f.off;
	if (f.bits)
		return false;
	/* A 32-bit kernel has narrower pointers and longs than the program was compiled for. */
	if (r->kind == BPF_RELOC_FIELD_OFFSET && BPF_CLASS(in->code) == BPF_LDX && r->size && f.size != r->size)
		return f.resizable && resize(in, f.size);
	return true;
}

static void patch(struct bpf_insn *in, uint64_t v, unsigned reloc)
{
	switch (BPF_CLASS(in->code)) {
	case BPF_LDX:
	case BPF_STX:
	case BPF_ST:
		if (v <= INT16_MAX)
			in->off = v;
		else
			poison(in, reloc);
		break;
	case BPF_LD:
		in[0].imm = (uint32_t)v;
		in[1].imm = v >> 32;
		break;
	default:
		in->imm = (uint32_t)v;
	}
}

/* Whether there is such a thing: "no" is an answer. */
static bool is_question(const struct bpf_image_reloc *r)
{
	return r->kind == BPF_RELOC_FIELD_EXISTS || r->kind == BPF_RELOC_TYPE_EXISTS ||
	       r->kind == BPF_RELOC_ENUM_EXISTS || r->kind == BPF_RELOC_KFUNC_EXISTS;
}

static void relocate(const struct load *l, const struct btf *b, struct btf_name *names, unsigned n)
{
	for (unsigned i = 0; i < l->img->nreloc; i++) {
		const struct bpf_image_reloc *r = &l->img->reloc[i];
		const struct btf_name *t = want(names, &n, text(l->img, r->type), by_type(r));
		uint64_t v = 0;
		unsigned k;

		for (k = 0; k < t->n && !resolve(l, b, r, t->id[k], &v); k++)
			;
		if (k == t->n && !is_question(r))
			poison(&l->insn[r->insn], i);
		else
			patch(&l->insn[r->insn], k == t->n ? 0 : v, i);
	}
}

static const char *target_name(const struct load *l, const struct bpf_image_prog *p)
{
	return l->opts->target ? l->opts->target : text(l->img, p->attach);
}

/* What a tracing program is attached to. */
static struct btf_name *want_target(const struct load *l, unsigned prog, struct btf_name *names, unsigned *n)
{
	const struct bpf_image_prog *p = &l->img->prog[prog];

	return want(names, n, target_name(l, p), p->attach_type == BPF_TRACE_ITER ? BTF_FUNCTION : BTF_TYPEDEF);
}

/* Everything that the kernel's BTF is asked; nothing of it stays in memory. */
static int ask_btf(struct load *l)
{
	const struct bpf_tables *img = l->img;
	struct btf_name *names = calloc(img->nreloc + img->nprog + 1, sizeof(*names));
	unsigned n = 0, asked = 0;
	struct btf b;
	size_t len = 0;
	void *p = NULL;
	int ret;

	if (!names)
		return err_set(l->e, ENOMEM, "out of memory");
	for (unsigned i = 0; i < img->nreloc; i++)
		want(names, &n, text(img, img->reloc[i].type), by_type(&img->reloc[i]));
	for (unsigned i = 0; i < img->nprog; i++)
		if (img->prog[i].type == BPF_PROG_TYPE_TRACING && !skipped(l, &img->prog[i]) && ++asked)
			want_target(l, i, names, &n);
	if (!img->nreloc && !asked) {
		free(names);
		return 0;
	}
	ret = bpf_map_btf(l->opts->btf_path, &p, &len, l->e);
	if (ret) {
		free(names);
		return ret;
	}
	ret = btf_open(&b, p, len, names, n, l->e);
	if (!ret) {
		relocate(l, &b, names, n);
		for (unsigned i = 0; i < img->nprog && asked; i++)
			if (img->prog[i].type == BPF_PROG_TYPE_TRACING && !skipped(l, &img->prog[i]))
				l->attach_id[i] = want_target(l, i, names, &n)->id[0];
		btf_done(&b);
	}
	munmap(p, len);
	free(names);
	return ret;
}

/* ---- maps ---- */

static int fill_section(const struct load *l, const struct bpf_image_map *m, int fd)
{
	uint8_t *v = calloc(1, m->value_size);
	uint32_t zero = 0;
	int ret;

	if (!v)
		return -ENOMEM;
	if (m->data != BPF_IMAGE_NO_DATA)
		memcpy(v, l->img->data + m->data, m->value_size);
	for (unsigned i = 0; m->rodata && i < l->opts->nconst; i++) {
		const struct bpf_const *c = &l->opts->consts[i];
		const struct bpf_image_var *var = &l->img->var[m->var];

		for (unsigned k = 0; k < m->nvar; k++, var++)
			if (!strcmp(text(l->img, var->name), c->name) && var->size == c->size)
				memcpy(v + var->off, c->value, var->size);
	}
	ret = bpf_map_update_elem(fd, &zero, v, 0) ? -errno : 0;
	free(v);
	/* Frozen: the verifier takes its values for constants and drops the branches that they close. */
	if (!ret && m->rodata && bpf_map_freeze(fd))
		ret = -errno;
	return ret;
}

static int create_map(struct load *l, unsigned i)
{
	const struct bpf_image_map *m = &l->img->map[i];
	const char *name = text(l->img, m->name);
	LIBBPF_OPTS(bpf_map_create_opts, mo, .map_flags = m->flags);
	bool shared = l->opts->share && !m->rodata;
	uint32_t max = m->max_entries;
	int fd, ret = 0;

	for (unsigned k = 0; k < l->opts->nsize; k++)
		if (!strcmp(l->opts->sizes[k].name, name))
			max = l->opts->sizes[k].max_entries;
	if (shared)
		fd = fcntl(l->opts->share->fd[i], F_DUPFD_CLOEXEC, 0);
	else
		fd = bpf_map_create(m->type, name, m->key_size, m->value_size, max, &mo);
	if (fd < 0)
		return err_set(l->e, errno, "BPF map %s: %s", name, err_text(errno));
	l->o->fd[i] = fd;
	if (!shared && (m->rodata || m->data != BPF_IMAGE_NO_DATA))
		ret = fill_section(l, m, fd);
	return ret ? err_set(l->e, -ret, "BPF map %s: %s", name, err_text(-ret)) : 0;
}

static int create_maps(struct load *l)
{
	int ret = 0;

	for (unsigned i = 0; !ret && i < l->img->nmap; i++)
		ret = create_map(l, i);
	if (ret)
		return ret;
	for (unsigned i = 0; i < l->img->ninsn; i++) {
		struct bpf_insn *in = &l->insn[i];

		if (in->code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		if (in->src_reg == BPF_PSEUDO_MAP_FD || in->src_reg == BPF_PSEUDO_MAP_VALUE)
			in->imm = l->o->fd[in->imm];
		i++;
	}
	return 0;
}

/* ---- programs ---- */

/* Says why the verifier refused: a field that this kernel lacks, else the last line that is no statistics. */
static void explain(const struct load *l, const char *name, int err, char *log)
{
	char *line = NULL, *p, *save = NULL;
	const char *bad = strstr(log, "unknown#");
	unsigned long id = bad ? strtoul(bad + 8, NULL, 10) : 0;

	if ((id & POISON_MASK) == POISON && (id & ~POISON_MASK) < l->img->nreloc) {
		const struct bpf_image_reloc *r = &l->img->reloc[id & ~POISON_MASK];

		err_set(l->e, EINVAL, "BPF program %s: this kernel has no %s%s%s that it could read", name,
			text(l->img, r->type), r->path ? "." : "", text(l->img, r->path));
		return;
	}
	for (p = strtok_r(log, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		if (strncmp(p, "processed ", 10) && strncmp(p, "verification time", 17) &&
		    strncmp(p, "stack depth", 11))
			line = p;
	err_set(l->e, err, "BPF program %s: %s%s%s", name, err_text(err), line ? ": " : "", line ? line : "");
}

static int load_prog(struct load *l, unsigned i)
{
	const struct bpf_image_prog *p = &l->img->prog[i];
	const char *name = text(l->img, p->name), *license = text(l->img, l->img->license);
	LIBBPF_OPTS(bpf_prog_load_opts, po, .expected_attach_type = p->attach_type, .attach_btf_id = l->attach_id[i]);
	char *log;
	int fd, err;

	if (p->type == BPF_PROG_TYPE_TRACING && !l->attach_id[i])
		return err_set(l->e, EINVAL, "BPF program %s: this kernel has no %s", name, target_name(l, p));
	fd = bpf_prog_load(p->type, name, license, l->insn + p->insn, p->ninsn, &po);
	err = errno;
	if (fd < 0 && err != EPERM && err != ENOSYS) {
		log = malloc(LOG_SIZE);
		if (!log)
			return err_set(l->e, ENOMEM, "out of memory");
		log[0] = 0;
		po.log_buf = log;
		po.log_size = LOG_SIZE;
		po.log_level = 1;
		fd = bpf_prog_load(p->type, name, license, l->insn + p->insn, p->ninsn, &po);
		log[LOG_SIZE - 1] = 0;
		if (fd < 0)
			explain(l, name, err, log);
		free(log);
		if (fd < 0)
			return -EINVAL;
	}
	if (fd < 0)
		return err_set(l->e, err, "BPF program %s: %s", name, err_text(err));
	l->o->fd[l->img->nmap + i] = fd;
	return 0;
}

/* Before 5.11 maps and programs count against the limit of locked memory. */
static void raise_memlock(void)
{
	struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &r);
}

static int load_all(struct load *l)
{
	int ret = ask_btf(l);

	if (ret)
		return ret;
	raise_memlock();
	ret = create_maps(l);
	for (unsigned i = 0; !ret && i < l->img->nprog; i++)
		if (!skipped(l, &l->img->prog[i]))
			ret = load_prog(l, i);
	return ret;
}

int bpfobj_load(struct bpfobj **out, const struct bpf_image *img, const struct bpfobj_opts *o, struct err *e)
{
	static const struct bpfobj_opts none;
	struct load l = { .opts = o ? o : &none, .e = e };
	struct bpf_tables *t;
	unsigned nfd;
	int ret = bpf_expand(img, &t, &l.insn);

	*out = NULL;
	if (ret)
		return err_set(e, -ret, "packed BPF programs: %s", err_text(-ret));
	l.img = t;
	nfd = t->nmap + 2 * t->nprog;
	l.o = calloc(1, sizeof(*l.o) + nfd * sizeof(int));
	l.attach_id = calloc(t->nprog, sizeof(*l.attach_id));
	if (l.o && l.attach_id) {
		l.o->img = t;
		l.o->fd = (int *)(l.o + 1);
		memset(l.o->fd, 0xff, nfd * sizeof(int));
		ret = load_all(&l);
	} else {
		ret = err_set(e, ENOMEM, "out of memory");
	}
	free(l.insn);
	free(l.attach_id);
	if (!ret) {
		*out = l.o;
	} else if (l.o && l.o->img) {
		bpfobj_free(l.o);
	} else {
		free(l.o);
		free(t);
	}
	return ret;
}

void bpfobj_free(struct bpfobj *o)
{
	if (!o)
		return;
	/* Links first, so that no program runs while its neighbours go. */
	for (unsigned i = o->img->nmap + 2 * o->img->nprog; i--;)
		if (o->fd[i] >= 0)
			close(o->fd[i]);
	free(o->img);
	free(o);
}

int bpfobj_map(const struct bpfobj *o, const char *name)
{
	for (unsigned i = 0; i < o->img->nmap; i++)
		if (!strcmp(text(o->img, o->img->map[i].name), name))
			return o->fd[i];
	return -ENOENT;
}

static int prog_index(const struct bpfobj *o, const char *name)
{
	for (unsigned i = 0; i < o->img->nprog; i++)
		if (!strcmp(text(o->img, o->img->prog[i].name), name) && o->fd[o->img->nmap + i] >= 0)
			return i;
	return -ENOENT;
}

int bpfobj_prog(const struct bpfobj *o, const char *name)
{
	int i = prog_index(o, name);

	return i < 0 ? i : o->fd[o->img->nmap + i];
}

int bpfobj_poke(const struct bpfobj *o, const char *var, const void *value, uint32_t size)
{
	const struct bpf_tables *img = o->img;
	uint32_t zero = 0;

	for (unsigned i = 0; i < img->nmap; i++) {
		const struct bpf_image_map *m = &img->map[i];
		const struct bpf_image_var *v = &img->var[m->var];
		unsigned k;
		uint8_t *all;
		int ret;

		for (k = 0; k < m->nvar && (strcmp(text(img, v->name), var) || v->size != size); k++, v++)
			;
		if (k == m->nvar || m->rodata)
			continue;
		all = malloc(m->value_size);
		if (!all)
			return -ENOMEM;
		ret = bpf_map_lookup_elem(o->fd[i], &zero, all);
		memcpy(all + v->off, value, size);
		ret = ret || bpf_map_update_elem(o->fd[i], &zero, all, 0) ? -errno : 0;
		free(all);
		return ret;
	}
	return -ENOENT;
}

void bpfobj_cost(const struct bpfobj *o, const char *prog, uint64_t *runs, uint64_t *run_ns)
{
	for (unsigned i = 0; i < o->img->nprog; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = o->fd[o->img->nmap + i];

		if (fd < 0 || (prog && strcmp(text(o->img, o->img->prog[i].name), prog)) ||
		    bpf_obj_get_info_by_fd(fd, &info, &len))
			continue;
		*runs += info.run_cnt;
		*run_ns += info.run_time_ns;
	}
}

int bpfobj_attach(struct bpfobj *o, const char *prog, struct err *e)
{
	int i = prog_index(o, prog), fd;
	const struct bpf_image_prog *p;

	if (i < 0)
		return err_set(e, ENOENT, "no BPF program %s", prog);
	p = &o->img->prog[i];
	fd = bpf_raw_tracepoint_open(p->type == BPF_PROG_TYPE_RAW_TRACEPOINT ? text(o->img, p->attach) : NULL,
				     o->fd[o->img->nmap + i]);
	if (fd < 0)
		return err_set(e, errno, "BPF program %s cannot be attached: %s", prog, err_text(errno));
	o->fd[o->img->nmap + o->img->nprog + i] = fd;
	return 0;
}

void bpfobj_detach(struct bpfobj *o)
{
	int *link = o->fd + o->img->nmap + o->img->nprog;

	for (unsigned i = 0; i < o->img->nprog; i++) {
		if (link[i] >= 0)
			close(link[i]);
		link[i] = -1;
	}
}

int bpfobj_iter(struct bpfobj *o, const char *prog, struct err *e)
{
	int i = prog_index(o, prog), link, fd = -1, err;

	if (i < 0)
		return err_set(e, ENOENT, "no BPF program %s", prog);
	link = bpf_link_create(o->fd[o->img->nmap + i], 0, BPF_TRACE_ITER, NULL);
	if (link >= 0)
		fd = bpf_iter_create(link);
	err = errno;
	if (link >= 0)
		close(link); /* the iterator holds the program by itself */
	if (fd < 0)
		return err_set(e, err, "BPF iterator %s: %s", prog, err_text(err));
	return fd;
}

/*
 * Asks to trace another program that does not exist: refused for lack of rights (EPERM) before it is refused for that,
 * and nothing is allocated either way.
 */
static const char *try_bpf(void)
{
	static const struct bpf_insn nothing[] = { { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr a;

	errno = 0;
	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_TRACING;
	a.insns = (uintptr_t)nothing;
	a.insn_cnt = 1;
	a.license = (uintptr_t)"GPL";
	a.attach_btf_id = 1;
	a.attach_prog_fd = (uint32_t)-1;
	syscall(__NR_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	if (errno == ENOSYS)
		return "this kernel has no bpf(2)";
	if (errno == EPERM || errno == EACCES)
		return "bpf(2) is not allowed (it needs root, or CAP_BPF and CAP_PERFMON)";
	if (access(KERNEL_BTF, R_OK))
		return "the kernel has no BTF (" KERNEL_BTF ")";
	return NULL;
}

const char *bpf_unavailable(void)
{
	static const char *why;
	static bool known;

	if (!__atomic_load_n(&known, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&why, try_bpf(), __ATOMIC_RELAXED);
		__atomic_store_n(&known, true, __ATOMIC_RELEASE);
	}
	return __atomic_load_n(&why, __ATOMIC_RELAXED);
}
