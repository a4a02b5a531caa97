// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interned strings. The text lies in blocks and the pointers to it in pages that never move, so that strings_get()
 * needs no lock: whoever holds an id got it from strings_add() or from a thread that did, after the entry was written.
 */
#include "model/strings.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/util.h"

#define STRINGS_BYTES (4u << 20)
#define PAGE_BITS 10
#define PAGE_STRINGS (1u << PAGE_BITS)
#define BLOCK_SIZE 4000 /* with its head and the allocator's, less than a page */

static const char ellipsis[] = "\xe2\x80\xa6";
#define ELLIPSIS_ID 1u
#define FIRST_ID 2u

struct block {
	struct block *next;
	size_t left;
	char text[];
};

static struct {
	const char **page[STRINGS_MAX / PAGE_STRINGS];
	struct block *block;  /* the one being filled; older ones behind it */
	uint32_t *slot;       /* open addressing: ids, 0 empty; at most half full */
	uint32_t mask, n;     /* n: ids given away, the two fixed ones included */
	uint32_t seed;
	size_t bytes;
} pool;

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;

const char *strings_get(uint32_t id)
{
	const char **page, *s;

	if (id == ELLIPSIS_ID)
		return ellipsis;
	page = id < STRINGS_MAX ? pool.page[id >> PAGE_BITS] : NULL;
	s = page ? page[id & (PAGE_STRINGS - 1)] : NULL;
	return s ? s : "";
}

/* The slot that holds the string, or the empty one where it belongs. The string has no NUL in its LEN bytes. */
static uint32_t *find_slot(const char *s, size_t len)
{
	uint32_t i = hash_seeded(pool.seed, s, len) & pool.mask;

	for (; pool.slot[i]; i = (i + 1) & pool.mask) {
		const char *have = strings_get(pool.slot[i]);

		if (!strncmp(have, s, len) && !have[len])
			break;
	}
	return &pool.slot[i];
}

static bool grow_slots(void)
{
	uint32_t size = pool.slot ? (pool.mask + 1) * 2 : 256;
	uint32_t *slot = calloc(size, sizeof(*slot));

	if (!slot)
		return false;
	if (!pool.n) {
		pool.n = FIRST_ID;
		pool.seed = hash_random_seed();
	}
	free(pool.slot);
	pool.slot = slot;
	pool.mask = size - 1;
	for (uint32_t id = FIRST_ID; id < pool.n; id++) {
		const char *s = strings_get(id);

		*find_slot(s, strlen(s)) = id;
	}
	return true;
}

/* LEN bytes and a NUL, kept until strings_free(). */
static const char *keep_text(const char *s, size_t len)
{
	struct block *b = pool.block;
	char *to;

	if (!b || b->left <= len) {
		size_t size = MAX(len + 1, (size_t)BLOCK_SIZE);

		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		b->next = pool.block;
		b->left = size;
		pool.block = b;
	}
	/* Filled from its end, so that what is left is also where to write. */
	b->left -= len + 1;
	to = b->text + b->left;
	memcpy(to, s, len);
	to[len] = 0;
	pool.bytes += len + 1;
	return to;
}

static uint32_t add_locked(const char *s, size_t len)
{
	uint32_t *slot, id;
	const char *text;

	if ((!pool.slot || pool.n * 2 > pool.mask) && !grow_slots())
		return ELLIPSIS_ID;
	slot = find_slot(s, len);
	if (*slot)
		return *slot;
	id = pool.n;
	if (id >= STRINGS_MAX || len >= STRINGS_BYTES - pool.bytes)
		return ELLIPSIS_ID;
	if (!pool.page[id >> PAGE_BITS])
		pool.page[id >> PAGE_BITS] = calloc(PAGE_STRINGS, sizeof(**pool.page));
	if (!pool.page[id >> PAGE_BITS])
		return ELLIPSIS_ID;
	text = keep_text(s, len);
	if (!text)
		return ELLIPSIS_ID;
	pool.page[id >> PAGE_BITS][id & (PAGE_STRINGS - 1)] = text;
	pool.n++;
	*slot = id;
	return id;
}

uint32_t strings_add(const char *s, size_t len)
{
	uint32_t id;

	len = strnlen(s, len); /* what follows a NUL could never be read back */
	if (!len)
		return 0;
	if (len == sizeof(ellipsis) - 1 && !memcmp(s, ellipsis, len))
		return ELLIPSIS_ID;
	if (IS_ENABLED(CONFIG_THREADS))
		pthread_mutex_lock(&pool_lock);
	id = add_locked(s, len);
	if (IS_ENABLED(CONFIG_THREADS))
		pthread_mutex_unlock(&pool_lock);
	return id;
}

void strings_free(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(pool.page); i++)
		free(pool.page[i]);
	while (pool.block) {
		struct block *b = pool.block;

		pool.block = b->next;
		free(b);
	}
	free(pool.slot);
	memset(&pool, 0, sizeof(pool));
}
