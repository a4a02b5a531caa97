/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_BPF
 * Expands a packed BPF image (see bpfimage.h). Nothing is read or written outside of what the stream and its numbers
 * say; whether the tables make sense scripts/bpfpack.c has seen to.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "collect/bpfimage.h"
#include "collect/bpflz.h"

#define HEAD 10 /* numbers that struct bpf_tables starts with */
#define HEAD_MAX UINT16_MAX

struct stream {
	const uint8_t *p, *end;
	bool bad;
};

static uint32_t number(struct stream *s)
{
	unsigned shift = 0;
	uint32_t v = 0;

	for (; s->p < s->end && shift < 32; shift += 7) {
		v |= (uint32_t)(*s->p & 127) << shift;
		if (*s->p++ < 128)
			return v;
	}
	s->bad = true;
	return 0;
}

/* The next N bytes. */
static const uint8_t *bytes(struct stream *s, uint32_t n)
{
	const uint8_t *p = s->p;

	if (n > (size_t)(s->end - p)) {
		s->bad = true;
		s->end = p;
		return p;
	}
	s->p += n;
	return p;
}

/* Offset or immediate: CODE says how many bytes. */
static int32_t operand(struct stream *s, unsigned code)
{
	unsigned n = (1U << code) >> 1;
	uint32_t v = 0;

	if (!n)
		return 0;
	if (n > (size_t)(s->end - s->p)) {
		s->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		v = v >> 8 | (uint32_t)*s->p++ << 24;
	return (int32_t)v >> (32 - 8 * n);
}

static struct bpf_insn *instructions(struct stream *s, const struct bpf_tables *t)
{
	struct bpf_insn *insn = malloc(t->ninsn * sizeof(*insn));
	const uint8_t *opcode = bytes(s, 2 * t->nshape + 2 * t->ninsn), *size = opcode + t->nshape;
	const uint8_t *shape = size + t->nshape, *regs = shape + t->ninsn;
	const uint8_t *offset = bytes(s, t->noffset);
	struct stream off = { offset, s->p, false };

	for (unsigned i = 0; insn && i < t->ninsn && !s->bad; i++) {
		unsigned k = shape[i];

		if (k >= t->nshape) {
			s->bad = true;
			break;
		}
		insn[i].code = opcode[k];
		insn[i].dst_reg = regs[i] & 15;
		insn[i].src_reg = regs[i] >> 4;
		insn[i].off = operand(&off, size[k] >> 2 & 3);
		insn[i].imm = operand(s, size[k] & 3);
	}
	s->bad |= off.bad || off.p != off.end;
	return insn;
}

/* The lasting part, in one piece. */
static struct bpf_tables *tables(struct stream *s)
{
	uint32_t head[HEAD], n, at = 0, *w;
	const uint8_t *texts;
	struct bpf_tables *t;

	for (unsigned i = 0; i < HEAD; i++) {
		head[i] = number(s);
		s->bad |= head[i] > HEAD_MAX;
	}
	if (s->bad)
		return NULL; /* it would ask for too much memory */
	n = head[0] * sizeof(*t->prog) + head[1] * sizeof(*t->map) + head[2] * sizeof(*t->var) +
	    head[3] * sizeof(*t->reloc);
	t = malloc(sizeof(*t) + n + head[4] + head[5]);
	if (!t)
		return NULL;
	memcpy(t, head, sizeof(head));
	w = (uint32_t *)(t + 1);
	for (unsigned i = 0; i < n / 4; i++)
		w[i] = number(s);
	t->prog = (void *)w;
	t->map = (const void *)(t->prog + t->nprog);
	t->var = (const void *)(t->map + t->nmap);
	t->reloc = (const void *)(t->var + t->nvar);
	for (struct bpf_image_reloc *r = (void *)t->reloc; r < t->reloc + t->nreloc; r++)
		r->insn = at += r->insn;
	t->str = (const char *)(t->reloc + t->nreloc);
	t->data = (const uint8_t *)t->str + t->nstr;
	texts = bytes(s, t->nstr + t->ndata);
	if (!s->bad)
		memcpy((char *)t->str, texts, t->nstr + t->ndata);
	return t;
}

int bpf_expand(const struct bpf_image *img, struct bpf_tables **t, struct bpf_insn **insn)
{
	const struct bpf_image *base = img->base;
	uint32_t at = base ? base->nbytes : 0, len = at + img->nbytes;
	uint8_t *buf = malloc(len);
	struct stream s = { buf + at, buf + len, false };
	int ret = -ENOMEM;

	*t = NULL;
	*insn = NULL;
	if (buf) {
		s.bad = (base && lz_expand(buf, 0, at, base->packed, base->npacked)) ||
			lz_expand(buf, at, len, img->packed, img->npacked);
		*t = tables(&s);
		if (*t)
			*insn = instructions(&s, *t);
		if (*insn)
			ret = 0;
		if (s.bad || (*insn && s.p != s.end))
			ret = -EINVAL;
	}
	if (ret) {
		free(*t);
		free(*insn);
	}
	free(buf);
	return ret;
}
