/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading BPF programs that were packed at build time (scripts/bpfpack.c) and compressed: instructions, maps and a list of
 * what must be looked up in the kernel's BTF. No ELF at run time: of libbpf only its system-call half is used (bpf.h), so
 * libelf and zlib are not linked; the kernel's BTF is walked once, and released before anything else is allocated.
 */
#ifndef FLEUTAN_BPFOBJ_H
#define FLEUTAN_BPFOBJ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/err.h"

struct bpf_image; /* packed object: generated header build/bpf/NAME.h defines `static const struct bpf_image NAME_image` (bpfimage.h) */
struct bpfobj;

/* A constant of the program's .rodata, set before loading: name of the variable, its bytes. */
struct bpf_const {
	const char *name;
	const void *value;
	uint32_t size;
};

/* Sizes of maps may be changed before loading: name of the map and its new max_entries. */
struct bpf_mapsize {
	const char *name;
	uint32_t max_entries;
};

struct bpfobj_opts {
	const struct bpf_const *consts;
	unsigned nconst;
	const struct bpf_mapsize *sizes;
	unsigned nsize;
	const char *btf_path; /* NULL: /sys/kernel/btf/vmlinux */
	const char *skip;     /* name of a program not to load, or NULL */
	const char *only;     /* name of the one program to load, or NULL */
	const char *target;   /* its target ("btf_trace_kfree_skb") instead of its own, or NULL */
	const struct bpfobj *share; /* an object of the same image whose maps are used, but for the constants; or NULL */
};

/*
 * Loads maps and programs. 0 and *OUT owned by the caller (bpfobj_free closes everything: nothing stays in the kernel), or
 * -errno with a sentence: -ENOENT no BTF, -EPERM not allowed, -ENOSYS no bpf(2), -EINVAL refused by the verifier or a field is missing.
 */
int bpfobj_load(struct bpfobj **out, const struct bpf_image *img, const struct bpfobj_opts *o, struct err *e);
void bpfobj_free(struct bpfobj *o);

int bpfobj_map(const struct bpfobj *o, const char *name);  /* fd or -ENOENT; owned by the object */
int bpfobj_prog(const struct bpfobj *o, const char *name); /* fd or -ENOENT; owned by the object */

/*
 * Writes a variable of .data or .bss while programs run. What programs themselves write must not lie in that section.
 * 0 or -errno.
 */
int bpfobj_poke(const struct bpfobj *o, const char *var, const void *value, uint32_t size);
/* Adds the run count and time of program PROG (NULL: of all). Kernels that do not count leave them. */
void bpfobj_cost(const struct bpfobj *o, const char *prog, uint64_t *runs, uint64_t *run_ns);

/*
 * Calls FN for each element of a hash, and deletes it: the kernel's memory is given back while ours is taken. Not zero
 * from FN stops with -ECANCELED. 0 or -errno.
 */
int bpf_drain(int map, uint32_t key_size, uint32_t value_size, int (*fn)(void *arg, const void *key, const void *value),
	      void *arg);

/* Attaches a tp_btf or raw_tp program; the link lives until bpfobj_free. 0 or -errno. */
int bpfobj_attach(struct bpfobj *o, const char *prog, struct err *e);
/* Ends all attachments, in the order in which programs stand in the object. */
void bpfobj_detach(struct bpfobj *o);
/* Creates an iterator over an iter/ program: a descriptor to read, owned by the caller; or -errno. */
int bpfobj_iter(struct bpfobj *o, const char *prog, struct err *e);

/* BTF as bytes, of a file or (NULL) of the kernel: the caller's to munmap(). 0 or -errno. */
int bpf_map_btf(const char *path, void **p, size_t *len, struct err *e);

/* One sentence why BPF cannot be used at all here (no bpf(2), no right, no BTF), or NULL: it can. Cheap, cached. */
const char *bpf_unavailable(void);

#endif
