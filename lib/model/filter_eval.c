// SPDX-License-Identifier: GPL-2.0-or-later
/* Filters applied to records: see filter.h. Runs once per socket, so nothing here allocates or formats. */
#include "model/filter.h"

#include "core/util.h"
#include "model/flow.h"
#include "model/strings.h"

/* Ordered so that `and` is the smaller of two, `or` the larger, and `not` the distance from YES. */
enum truth { NO, UNKNOWN, YES };

struct look {
	const struct filter_node *node;
	const struct layout *l;
	const void *rec;
	const struct procset *ps;
};

static enum truth truth(bool yes)
{
	return yes ? YES : NO;
}

/* The whole of S against a pattern with * and ?. Goes back to the last star only: no worse than length × length. */
static bool glob(const char *pat, const char *s)
{
	const char *star = NULL, *from = NULL;

	while (*s) {
		if (*pat == '*') {
			star = ++pat;
			from = s;
		} else if (*pat == '?' || *pat == *s) {
			pat++;
			s++;
		} else if (star) {
			pat = star;
			s = ++from;
		} else {
			return false;
		}
	}
	while (*pat == '*')
		pat++;
	return !*pat;
}

static bool is_v4(const uint8_t *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(addr, mapped, sizeof(mapped));
}

static bool addr_in(const uint8_t *addr, const struct filter_node *n)
{
	unsigned bytes = n->plen / 8, bits = n->plen % 8;

	if (memcmp(addr, n->addr, bytes))
		return false;
	if (bits && (addr[bytes] ^ n->addr[bytes]) >> (8 - bits))
		return false;
	return n->plen >= 96 || !is_v4(addr);
}

static bool proc_is(const struct proc *p, const struct filter_node *n)
{
	const char *exe, *base;

	if (!n->text[0])
		return p->pid == n->num;
	if (glob(n->text, strings_get(p->name)))
		return true;
	exe = strings_get(p->exe);
	base = strrchr(exe, '/');
	if (!base)
		return false;
	/* A star would match any folder: the path counts only for those who write one. */
	return glob(n->text, n->text[0] == '/' ? exe : base + 1);
}

/* Whether one of the flow's processes is N's; N NULL: whether it has any. */
static enum truth proc_truth(const struct look *k, const struct filter_node *n)
{
	const struct procset_link *link;
	uint64_t inode;
	int count;

	if (!k->ps || !rec_get(k->l, k->rec, F_INODE, &inode))
		return UNKNOWN;
	count = procset_holders(k->ps, (uint32_t)inode, &link);
	if (count < 0)
		return UNKNOWN;
	if (!n)
		return count ? YES : NO;
	for (int i = 0; i < count; i++)
		if (proc_is(&k->ps->proc[link[i].proc], n))
			return YES;
	return NO;
}

static enum truth number_truth(const struct filter_node *n, uint64_t v)
{
	switch (n->cmp) {
	case FC_LT: return truth(v < n->num);
	case FC_LE: return truth(v <= n->num);
	case FC_GT: return truth(v > n->num);
	case FC_GE: return truth(v >= n->num);
	default: return truth((v & n->mask) == n->num);
	}
}

static enum truth cmp_truth(const struct look *k, const struct filter_node *n)
{
	const uint8_t *addr;
	enum truth t;
	uint64_t v;

	switch (k->l->schema->field[n->field].kind) {
	case FK_PROCS:
		t = proc_truth(k, n);
		break;
	case FK_ADDR:
		addr = rec_addr(k->l, k->rec, n->field);
		t = addr ? truth(addr_in(addr, n)) : UNKNOWN;
		break;
	case FK_TEXT:
		if (!rec_has(k->rec, n->field))
			return UNKNOWN;
		t = truth(glob(n->text, strings_get((uint32_t)rec_raw(k->l, k->rec, n->field))));
		break;
	default:
		if (!rec_get(k->l, k->rec, n->field, &v))
			return UNKNOWN;
		t = number_truth(n, v);
	}
	return n->cmp == FC_NE ? YES - t : t;
}

/* Whether a field is known; a text must also not be empty, and of processes there must be one. */
static enum truth known_truth(const struct look *k, unsigned field)
{
	switch (k->l->schema->field[field].kind) {
	case FK_PROCS: return proc_truth(k, NULL);
	case FK_TEXT: return truth(rec_has(k->rec, field) && rec_raw(k->l, k->rec, field));
	default: return truth(rec_has(k->rec, field));
	}
}

/* As deep as the tree, so at most FILTER_NODES calls of a few words each. */
static enum truth eval(const struct look *k, unsigned at)
{
	const struct filter_node *n = &k->node[at];
	enum truth a, b;

	switch (n->op) {
	case FO_AND:
		a = eval(k, n->left);
		if (a == NO)
			return NO;
		b = eval(k, n->right);
		return MIN(a, b);
	case FO_OR:
		a = eval(k, n->left);
		if (a == YES)
			return YES;
		b = eval(k, n->right);
		return MAX(a, b);
	case FO_NOT:
		return YES - eval(k, n->left);
	case FO_KNOWN:
		return known_truth(k, n->field);
	default:
		return cmp_truth(k, n);
	}
}

bool filter_match(const struct filter *f, const struct layout *l, const void *rec, const struct procset *ps)
{
	struct look k = { f->node, l, rec, ps };

	return !f->n || eval(&k, f->root) == YES;
}

bool filter_needs_procs(const struct filter *f)
{
	for (unsigned i = 0; f->n && i < f->schema->n; i++)
		if (f->schema->field[i].kind == FK_PROCS && fieldset_has(&f->reads, i))
			return true;
	return false;
}
