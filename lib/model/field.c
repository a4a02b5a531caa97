// SPDX-License-Identifier: GPL-2.0-or-later
/* Layouts of records, and tables of them. */
#include "model/field.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "core/util.h"

static unsigned stored_width(const struct field *f, bool wide)
{
	bool number = f->kind != FK_ADDR && f->kind != FK_TEXT && f->width;

	return wide && number ? 8 : f->width;
}

void layout_init(struct layout *l, const struct schema *s, const struct fieldset *want, bool wide)
{
	unsigned off = sizeof(struct fieldset);

	memset(l, 0, sizeof(*l));
	l->schema = s;
	l->want = *want;
	l->wide = wide;
	/* Widest first: then every value lies at a multiple of its width and nothing is lost in between. */
	for (unsigned width = 16; width; width /= 2) {
		for (unsigned f = 0; f < s->n; f++) {
			if (!fieldset_has(want, f) || stored_width(&s->field[f], wide) != width)
				continue;
			l->slot[f] = (struct slot){ .off = (uint16_t)off, .width = (uint8_t)width };
			off += width;
		}
	}
	l->size = (off + 7) & ~7u;
}

unsigned layout_block(struct layout *l, unsigned len)
{
	unsigned off = l->size;

	l->size += (len + 7) & ~7u;
	return off;
}

static bool word_is(const char *name, const char *word, size_t len)
{
	return !strncmp(name, word, len) && !name[len];
}

int schema_find(const struct schema *s, const char *word, size_t len)
{
	if (!len || memchr(word, 0, len))
		return -1;
	for (unsigned f = 0; f < s->n; f++)
		if (word_is(s->field[f].word, word, len) || word_is(s->field[f].key, word, len))
			return (int)f;
	return -1;
}

void table_init(struct table *t, const struct layout *l, uint32_t max)
{
	*t = (struct table){ .lay = l, .max = max };
}

/* One more chunk; the array of pointers to them doubles at each power of two. */
static bool table_grow(struct table *t)
{
	unsigned char **chunk = t->chunk;
	unsigned char *fresh;

	if (!(t->nchunk & (t->nchunk - 1))) {
		chunk = realloc(chunk, (t->nchunk ? 2 * (size_t)t->nchunk : 1) * sizeof(*chunk));
		if (!chunk)
			return false;
		t->chunk = chunk;
	}
	/*
	 * Straight from the kernel: zeroed, without an allocator's rounding, and all its pages in one call from the second
	 * chunk on, which is a third less time than taking a fault for each. The first chunk may stay nearly empty.
	 */
	fresh = mmap(NULL, (size_t)TABLE_CHUNK * t->lay->size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | (t->nchunk ? MAP_POPULATE : 0), -1, 0);
	if (fresh == MAP_FAILED)
		return false;
	chunk[t->nchunk++] = fresh;
	return true;
}

void *table_add(struct table *t)
{
	if (t->n >= t->max || (t->n / TABLE_CHUNK == t->nchunk && !table_grow(t))) {
		t->evicted++;
		return NULL;
	}
	return table_at(t, t->n++);
}

void table_free(struct table *t)
{
	for (uint32_t i = 0; i < t->nchunk; i++)
		munmap(t->chunk[i], (size_t)TABLE_CHUNK * t->lay->size);
	free(t->chunk);
	table_init(t, t->lay, t->max);
}
