/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What scripts/bpfpack.c makes of a BPF object file: constant arrays that lib/collect/bpfobj.c loads without any ELF.
 * Everything is a number in C source, so a header made from a big-endian object is right for a big-endian target,
 * whatever machine made it. Texts are offsets into one pool (a pointer each would cost more).
 */
#ifndef FLEUTAN_BPFIMAGE_H
#define FLEUTAN_BPFIMAGE_H

#include <stdint.h>
#include <linux/bpf.h>

struct bpf_image_prog {
	uint16_t name;
	uint16_t attach;      /* its target: "tcp_probe", "btf_trace_tcp_probe", "bpf_iter_task_file"; "" none */
	uint16_t insn, ninsn; /* its slice of the instructions */
	uint8_t type;         /* enum bpf_prog_type */
	uint8_t attach_type;  /* enum bpf_attach_type, of BPF_PROG_TYPE_TRACING */
};

#define BPF_IMAGE_NO_DATA UINT32_MAX

/* A map, or a section of variables: an array of one element named "rodata" (frozen before loading), "data", "bss". */
struct bpf_image_map {
	uint16_t name;
	uint8_t type; /* enum bpf_map_type */
	uint8_t rodata;
	uint32_t key_size, value_size, max_entries, flags;
	uint32_t data;      /* offset of value_size initial bytes (of the target's byte order), or BPF_IMAGE_NO_DATA */
	uint16_t var, nvar; /* its slice of the variables */
};

struct bpf_image_var {
	uint16_t name;
	uint32_t off, size;
};

/* The numbers of the relocation kinds in .BTF.ext, as far as they are supported, and two of our own. */
enum bpf_image_reloc_kind {
	BPF_RELOC_FIELD_OFFSET = 0,
	BPF_RELOC_FIELD_SIZE = 1,
	BPF_RELOC_FIELD_EXISTS = 2,
	BPF_RELOC_TYPE_ID = 7,
	BPF_RELOC_TYPE_EXISTS = 8,
	BPF_RELOC_TYPE_SIZE = 9,
	BPF_RELOC_ENUM_EXISTS = 10,
	BPF_RELOC_ENUM_VALUE = 11,
	BPF_RELOC_KFUNC_CALL = 64, /* the id of a function that BPF programs may call */
	BPF_RELOC_KFUNC_EXISTS = 65,
};

/* One number within an instruction that only the running kernel's BTF can tell. */
struct bpf_image_reloc {
	uint16_t insn;
	uint16_t type; /* name of a struct or union, an enum (ENUM_*), a function (KFUNC_*); without its flavour (___x) */
	uint16_t path; /* "sk.__sk_common.skc_cookie", "numbers[1].nr", an enumerator; "" for types */
	uint8_t kind;  /* enum bpf_image_reloc_kind */
	uint8_t size;  /* of the field as compiled, 0: no integer or pointer */
};

/* In 64-bit loads of a map (src_reg BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE) imm is the index of the map. */
struct bpf_image {
	const struct bpf_insn *insn;
	const struct bpf_image_prog *prog;
	const struct bpf_image_map *map;
	const struct bpf_image_var *var;
	const struct bpf_image_reloc *reloc;
	const uint8_t *data;
	const char *str;
	uint16_t ninsn, nprog, nmap, nvar, nreloc;
	uint16_t license;
};

#endif
