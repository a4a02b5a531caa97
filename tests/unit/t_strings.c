// SPDX-License-Identifier: GPL-2.0-or-later
/* model/strings.c */
#include <pthread.h>

#include "check.h"
#include "core/util.h"
#include "model/strings.h"

#define ELLIPSIS "\xe2\x80\xa6"

static uint32_t add(const char *s)
{
	return strings_add(s, strlen(s));
}

static void test_basics(void)
{
	char name[] = "eth0 and more";
	uint32_t a = strings_add(name, 4), b;

	CHECK_EQ(add(""), 0);
	CHECK_STR(strings_get(0), "");
	CHECK(a != 0);
	CHECK_STR(strings_get(a), "eth0");
	CHECK_EQ(add("eth0"), a);
	b = add("eth01");
	CHECK(b != a);
	CHECK(add("eth") != a && add("eth") != b);
	CHECK_STR(strings_get(b), "eth01");
	/* raw bytes stay as they are, and nothing after a NUL is kept */
	CHECK_STR(strings_get(add("\033[2J\"\xff")), "\033[2J\"\xff");
	CHECK_EQ(strings_add("eth0\0x", 6), a);
	CHECK_EQ(strings_add("\0x", 2), 0);
	CHECK_STR(strings_get(add(ELLIPSIS)), ELLIPSIS);
	CHECK_STR(strings_get(STRINGS_MAX - 1), "");
	CHECK_STR(strings_get(STRINGS_MAX), "");
	CHECK_STR(strings_get(UINT32_MAX), "");
}

static void test_count_bound(void)
{
	static uint32_t id[70000];
	uint32_t full = 0;
	char text[32];

	for (int i = 0; i < 70000; i++) {
		snprintf(text, sizeof(text), "name-%d", i);
		id[i] = add(text);
		CHECK(id[i] < STRINGS_MAX);
		full += id[i] == add(ELLIPSIS);
	}
	CHECK_EQ(full, 70000 - (STRINGS_MAX - 2));
	for (int i = 0; i < 70000; i += 7) {
		snprintf(text, sizeof(text), "name-%d", i);
		CHECK_STR(strings_get(id[i]), i < (int)STRINGS_MAX - 2 ? text : ELLIPSIS);
		CHECK_EQ(add(text), id[i]);
	}
	strings_free();
}

static void test_byte_bound(void)
{
	char *big = malloc(5 << 20);
	uint32_t id, fits = 0;

	memset(big, 'x', 5 << 20);
	CHECK_STR(strings_get(strings_add(big, 5 << 20)), ELLIPSIS);
	for (int i = 0; i < 2000; i++) {
		big[i] = 'y';
		id = strings_add(big, 4095);
		fits += id != add(ELLIPSIS);
		if (id != add(ELLIPSIS))
			CHECK(!memcmp(strings_get(id), big, 4095) && !strings_get(id)[4095]);
	}
	CHECK_EQ(fits, 1024);
	/* what is known is still found */
	CHECK(id == add(ELLIPSIS));
	memset(big, 'x', 4095);
	big[0] = 'y';
	CHECK(strings_add(big, 4095) != add(ELLIPSIS));
	free(big);
	strings_free();
	CHECK_STR(strings_get(2), "");
}

/* Several threads intern the same names: one id each, readable at once. */
static uint32_t seen[4][3000];

static void *intern(void *arg)
{
	uint32_t *mine = arg;
	char text[32];

	for (int i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "thread name %d", i);
		mine[i] = add(text);
		if (strcmp(strings_get(mine[i]), text))
			mine[i] = UINT32_MAX;
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, intern, seen[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 3000; i++)
		CHECK(seen[0][i] != UINT32_MAX && seen[0][i] == seen[1][i] && seen[1][i] == seen[2][i] &&
		      seen[2][i] == seen[3][i]);
	strings_free();
}

int main(void)
{
	test_basics();
	strings_free();
	strings_free();
	test_count_bound();
	test_byte_bound();
	if (IS_ENABLED(CONFIG_THREADS))
		test_threads();
	return check_done("strings");
}
