/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walker over BTF, the kernel's description of its own types. It takes bytes and a length (they may come from a file
 * that somebody handed over: hostile), looks for a handful of names in one pass, then tells where their members lie.
 */
#ifndef FLEUTAN_BTF_H
#define FLEUTAN_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/err.h"

enum btf_class {
	BTF_AGGREGATE, /* struct or union */
	BTF_ENUMERATION,
	BTF_TYPEDEF,
	BTF_FUNCTION,
};

/* Types of one name: kernels have a few names twice. */
#define BTF_SAME_NAME 4

struct btf_name {
	const char *name;           /* in: must outlive the call */
	uint8_t cls;                /* in: enum btf_class */
	uint8_t n;                  /* out: how many were found, 0: none */
	uint32_t id[BTF_SAME_NAME]; /* out */
};

struct btf {
	const uint8_t *types;
	const char *str;
	uint32_t types_len, str_len;
	uint32_t n;        /* ids 1 … n - 1 exist */
	uint32_t *mark;    /* where every 64th type begins; owned */
	uint32_t ptr_size; /* of the kernel, which may differ from ours */
	uint8_t fixed[32], each[32]; /* bytes that follow a type of a kind: once, and per element */
	uint32_t kinds;
};

/*
 * Checks LEN bytes at P (which must stay until btf_done) and finds the NN names at NAMES. 0, -EINVAL (no BTF, of the
 * other byte order, broken, or with types of an unknown kind: E says which) or -ENOMEM.
 */
int btf_open(struct btf *b, const void *p, size_t len, struct btf_name *names, unsigned nn, struct err *e);
void btf_done(struct btf *b);

struct btf_field {
	uint32_t off, size; /* bytes */
	bool bits;          /* a bit field: off and size mean nothing */
	bool resizable;     /* pointer or unsigned integer: a load may be made wider or narrower */
};

/* The member of struct or union ID that PATH ("a.b[2].c") names, through unnamed members too. 0 or -ENOENT. */
int btf_field(const struct btf *b, uint32_t id, const char *path, struct btf_field *f);
/* The value of an enumerator of enum ID. 0 or -ENOENT. */
int btf_enumerator(const struct btf *b, uint32_t id, const char *name, uint64_t *v);
/* The first enumerator of enum ID that has this value (negative ones extended to 64 bits), or NULL. */
const char *btf_enumerator_name(const struct btf *b, uint32_t id, uint64_t v);
/* Bytes that a type takes; 0: none or not known. */
uint32_t btf_size(const struct btf *b, uint32_t id);

#endif
