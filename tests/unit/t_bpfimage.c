// SPDX-License-Identifier: GPL-2.0-or-later
/* Packed BPF programs: expanded they make sense, and one that is broken is refused without a step outside. */
#include <errno.h>
#include "bpf/pktraw.h"
#include "bpf/pkttrace.h"
#include "bpf/rttsample.h"
#include "bpf/sockiter.h"
#include "bpf/taskfile.h"
#include "check.h"
#include "collect/bpflz.h"
#include "core/util.h"

static bool is_text(const struct bpf_tables *t, uint32_t off)
{
	return off < t->nstr && memchr(t->str + off, 0, t->nstr - off);
}

static void check_insns(const struct bpf_tables *t, const struct bpf_insn *insn)
{
	bool ends = false;

	for (unsigned i = 0; i < t->ninsn; i++) {
		ends = insn[i].code == (BPF_JMP | BPF_EXIT) || insn[i].code == (BPF_JMP | BPF_JA);
		CHECK(insn[i].dst_reg <= 10 && insn[i].src_reg <= 10);
		if (insn[i].code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		if (insn[i].src_reg == BPF_PSEUDO_MAP_FD || insn[i].src_reg == BPF_PSEUDO_MAP_VALUE)
			CHECK((uint32_t)insn[i].imm < t->nmap);
		CHECK_EQ(insn[++i].code, 0);
	}
	CHECK(ends);
}

static void check_image(const struct bpf_image *img)
{
	struct bpf_tables *t;
	struct bpf_insn *insn;
	uint32_t next = 0;

	CHECK_EQ(bpf_expand(img, &t, &insn), 0);
	CHECK(t->nprog > 0 && t->nmap > 0);
	CHECK_STR(t->str + t->license, "GPL");
	for (unsigned i = 0; i < t->nprog; i++) {
		CHECK(is_text(t, t->prog[i].name) && is_text(t, t->prog[i].attach) && t->str[t->prog[i].name]);
		CHECK_EQ(t->prog[i].insn, next);
		next += t->prog[i].ninsn;
	}
	CHECK_EQ(next, t->ninsn);
	for (unsigned i = 0; i < t->nmap; i++)
		CHECK(is_text(t, t->map[i].name) && t->map[i].type && t->map[i].var + t->map[i].nvar <= t->nvar);
	for (unsigned i = 0; i < t->nvar; i++)
		CHECK(is_text(t, t->var[i].name) && t->var[i].size);
	for (unsigned i = 0; i < t->nreloc; i++) {
		CHECK(is_text(t, t->reloc[i].type) && is_text(t, t->reloc[i].path) && t->reloc[i].insn < t->ninsn);
		CHECK(!i || t->reloc[i].insn > t->reloc[i - 1].insn);
	}
	check_insns(t, insn);
	free(t);
	free(insn);
}

/* BYTES of an image in memory of exactly their size; nothing but "no" and sense may come of them. */
static int expand(const uint8_t *bytes, uint32_t n, uint32_t nbytes)
{
	uint8_t *p = malloc(n + !n);
	struct bpf_image img = { NULL, p, n, nbytes };
	struct bpf_tables *t;
	struct bpf_insn *insn;
	int ret;

	memcpy(p, bytes, n);
	ret = bpf_expand(&img, &t, &insn);
	CHECK(!ret || ret == -EINVAL || ret == -ENOMEM);
	if (!ret) {
		free(t);
		free(insn);
	}
	free(p);
	return ret;
}

static void t_broken(const struct bpf_image *img, unsigned step)
{
	uint8_t *p = malloc(img->npacked);

	for (uint32_t n = 0; n < img->npacked; n += step)
		expand(img->packed, n, img->nbytes);
	for (uint32_t n = 0; n < img->nbytes; n += step)
		CHECK(expand(img->packed, img->npacked, n));
	CHECK(expand(img->packed, img->npacked, img->nbytes + 1));
	memcpy(p, img->packed, img->npacked);
	for (uint32_t i = 0; i < img->npacked; i += step) {
		for (unsigned bit = 0; bit < 8; bit++) {
			p[i] ^= 1 << bit;
			expand(p, img->npacked, img->nbytes);
			p[i] ^= 1 << bit;
		}
	}
	free(p);
}

/* The format by hand: three literals; then the last of them five times, or five bytes from three bytes before. */
static void t_lz(void)
{
	/* 011: 3; 0: from the last distance, which is 1 at first; 00011: 5 */
	static const uint8_t again[] = { 0x61, 'a', 'b', 'c', 0x80 };
	/* 011: 3; 1: another distance; 1: none of its upper bits; a byte: 3 - 1, and the first bit of 00001: 5 - 1 */
	static const uint8_t far[] = { 0x78, 'a', 'b', 'c', 2 << 1, 0x80 };
	static const uint8_t outside[] = { 0x78, 'a', 'b', 'c', 3 << 1, 0x80 };
	uint8_t out[9] = "";

	CHECK_EQ(lz_expand(out, 0, 8, again, sizeof(again)), 0);
	CHECK_STR((char *)out, "abcccccc");
	CHECK_EQ(lz_expand(out, 0, 8, far, sizeof(far)), 0);
	CHECK_STR((char *)out, "abcabcab");
	CHECK_EQ(lz_expand(out, 0, 8, outside, sizeof(outside)), -1);
	/* with a byte before it the distance fits */
	CHECK_EQ(lz_expand(out, 1, 8, outside, sizeof(outside)), 0);
	CHECK_STR((char *)out, "aabcaabc");
}

int main(void)
{
	t_lz();
	check_image(&pkttrace_image);
	check_image(&pktraw_image);
	check_image(&rttsample_image);
	check_image(&sockiter_image);
	check_image(&taskfile_image);
	t_broken(&taskfile_image, 1);
	t_broken(&sockiter_image, 1);
	t_broken(&rttsample_image, 31);
	t_broken(&pkttrace_image, 397);
	return check_done("bpfimage");
}
