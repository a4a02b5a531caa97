/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small things that every room needs. */
#ifndef FLEUTAN_UTIL_H
#define FLEUTAN_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* IS_ENABLED(CONFIG_X) is 1 where the configuration has CONFIG_X=y, else 0: a C expression, so that both branches compile. */
#define FLEUTAN_ARG_1 0,
#define FLEUTAN_SECOND(ignored, val, ...) val
#define FLEUTAN_IS_1(x) FLEUTAN_SECOND(x 1, 0, 0)
#define FLEUTAN_PASTE(x) FLEUTAN_IS_1(FLEUTAN_ARG_##x)
#define IS_ENABLED(option) FLEUTAN_PASTE(option)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define unlikely(x) __builtin_expect(!!(x), 0)
#define likely(x) __builtin_expect(!!(x), 1)

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_USEC 1000ULL

/* CLOCK_MONOTONIC in ns. */
uint64_t now_ns(void);
/* CPU time of this process so far (user + system), ns. */
uint64_t cpu_ns(void);
/* Largest resident set so far, bytes. */
uint64_t peak_rss_bytes(void);

/*
 * Parses a whole string as an unsigned number (decimal, 0x hex). Returns false, *V untouched, on anything else,
 * on overflow and on an empty string.
 */
bool parse_u64(const char *s, size_t len, uint64_t *v);

/* FNV-1a over LEN bytes: for small host-side tables whose keys an outsider cannot choose freely. */
uint32_t hash_bytes(const void *p, size_t len);
/*
 * The same from another start. With hash_random_seed(), which differs from run to run, keys that an outsider can choose
 * (process names) may be hashed too.
 */
uint32_t hash_seeded(uint32_t seed, const void *p, size_t len);
uint32_t hash_random_seed(void);

/* True when started with more rights than the caller has (setuid, file capabilities): AT_SECURE. */
bool is_privileged_start(void);

#endif
