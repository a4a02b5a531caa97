// SPDX-License-Identifier: GPL-2.0-or-later
/* core/text.c, against printf. */
#include <limits.h>

#include "check.h"
#include "core/text.h"
#include "core/util.h"

/* Each size of the room, without a byte to spare, from none at all to more than is needed. */
#define SAME(...) do { \
	char want[128]; \
	size_t n = (size_t)snprintf(want, sizeof(want), __VA_ARGS__); \
	for (size_t cap = 0; cap <= n + 2; cap++) { \
		char *got = malloc(cap ? cap : 1); \
		CHECK_EQ(fmt_text(got, cap, __VA_ARGS__), n); \
		if (cap) { \
			snprintf(want, cap, __VA_ARGS__); \
			CHECK_STR(got, want); \
		} \
		free(got); \
	} \
} while (0)

static void numbers(void)
{
	static const int v[] = { 0, 1, -1, 9, 10, 255, 4096, -4096, INT_MAX, INT_MIN };

	for (unsigned i = 0; i < ARRAY_SIZE(v); i++) {
		SAME("%d|%5d|%-5d|%05d|%012d", v[i], v[i], v[i], v[i], v[i]);
		SAME("%u %8u %-8u. %x %X %02X %08x", (unsigned)v[i], (unsigned)v[i], (unsigned)v[i], (unsigned)v[i],
		     (unsigned)v[i], (unsigned)v[i], (unsigned)v[i]);
		SAME("%ld %lu %lx %zu", (long)v[i], (unsigned long)v[i], (unsigned long)v[i], (size_t)v[i]);
		SAME("%lld %llu %llx", (long long)v[i], (unsigned long long)v[i], (unsigned long long)v[i]);
	}
	SAME("%lld %lld %llu", LLONG_MIN, LLONG_MAX, ULLONG_MAX);
	SAME("%ld %ld %lu", LONG_MIN, LONG_MAX, ULONG_MAX);
	SAME("%*d|%0*d|%-*d", 6, 42, 6, 42, 6, 42);
}

static void texts(void)
{
	char unended[3] = { 'a', 'b', 'c' }, *end = malloc(sizeof(unended));

	memcpy(end, unended, sizeof(unended));
	SAME("plain");
	SAME("100%%, %s%c%s", "a", 'b', "");
	SAME("%10s|%-10s|%.2s|%.0s|%-6.3s|%6.3s", "text", "text", "text", "text", "text", "text");
	SAME("%s wider than its field: %2s %-2s", "text", "text", "text");
	SAME("%.*s|%.3s|%*s", 3, end, end, 5, "x");
	SAME("%.*s", -1, "all of it");
	SAME("%3c|%-3c|", 'x', 'y');
	free(end);
}

int main(void)
{
	numbers();
	texts();
	return check_done("text");
}
