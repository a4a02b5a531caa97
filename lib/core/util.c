// SPDX-License-Identifier: GPL-2.0-or-later
/* Clocks, numbers, hashes: what every room needs. */
#include "core/util.h"

#include <sys/auxv.h>
#include <sys/resource.h>
#include <time.h>

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t peak_rss_bytes(void)
{
	struct rusage ru;

	if (getrusage(RUSAGE_SELF, &ru))
		return 0;
	return (uint64_t)ru.ru_maxrss * 1024;
}

/* The value of one digit in hexadecimal, 16 for anything else. */
static unsigned digit_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
}

bool parse_u64(const char *s, size_t len, uint64_t *v)
{
	unsigned base = 10;
	uint64_t sum = 0;

	if (len > 2 && s[0] == '0' && (s[1] | 0x20) == 'x') {
		base = 16;
		s += 2;
		len -= 2;
	}
	if (!len)
		return false;
	for (; len; s++, len--) {
		unsigned d = digit_value((unsigned char)*s);

		if (d >= base || sum > (UINT64_MAX - d) / base)
			return false;
		sum = sum * base + d;
	}
	*v = sum;
	return true;
}

uint32_t hash_seeded(uint32_t seed, const void *p, size_t len)
{
	const unsigned char *s = p;
	uint32_t h = seed;

	while (len--)
		h = (h ^ *s++) * 16777619u;
	return h;
}

uint32_t hash_bytes(const void *p, size_t len)
{
	return hash_seeded(2166136261u, p, len);
}

uint32_t hash_random_seed(void)
{
	const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM); /* 16 bytes, fresh for each exec */
	uint32_t seed = 0;

	if (random)
		memcpy(&seed, random, sizeof(seed));
	return seed ^ 2166136261u;
}

bool is_privileged_start(void)
{
	return getauxval(AT_SECURE) != 0;
}
