/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest test harness that says what failed. One program per file; several failures are all shown. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned check_count, check_failed;

#define CHECK(cond) do { \
	check_count++; \
	if (!(cond)) { \
		check_failed++; \
		fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond); \
	} \
} while (0)

#define CHECK_EQ(a, b) do { \
	long long check_a = (long long)(a), check_b = (long long)(b); \
	check_count++; \
	if (check_a != check_b) { \
		check_failed++; \
		fprintf(stderr, "%s:%d: %s is %lld, expected %s = %lld\n", __FILE__, __LINE__, #a, check_a, #b, check_b); \
	} \
} while (0)

#define CHECK_STR(a, b) do { \
	const char *check_a = (a), *check_b = (b); \
	check_count++; \
	if (!check_a || !check_b || strcmp(check_a, check_b)) { \
		check_failed++; \
		fprintf(stderr, "%s:%d: %s is\n  \"%s\", expected\n  \"%s\"\n", __FILE__, __LINE__, #a, \
			check_a ? check_a : "(null)", check_b ? check_b : "(null)"); \
	} \
} while (0)

/* Last line of main: return check_done("name"); */
static inline int check_done(const char *name)
{
	if (check_failed)
		fprintf(stderr, "%s: %u of %u checks failed\n", name, check_failed, check_count);
	else
		printf("%s: %u checks\n", name, check_count);
	return check_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
