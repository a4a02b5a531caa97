/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a device's load is spread over its queues, and what steers it, in plain sentences. Pure. */
#ifndef FLEUTAN_BALANCE_H
#define FLEUTAN_BALANCE_H

#include <stddef.h>
#include <stdint.h>

#define BALANCE_TEXT 200

struct balance {
	const uint64_t *bytes;    /* of each queue */
	const char *const *mask;  /* CPUs of each queue as the kernel writes them ("0f", "ffffffff,00000001"); NULL: not known */
	uint32_t n;
	uint64_t packets;         /* of all of them */
	uint64_t largest_flow;    /* bytes of the largest flow of the busiest queue */
};

enum steering { STEERING_UNKNOWN, STEERING_NONE, STEERING_OWN, STEERING_SHARED, STEERING_PARTLY };

/*
 * A mask as a list of CPUs, "0-3,8"; "none" for an empty one, the mask itself where it cannot be read. NUL-terminated, cut
 * with "…" where it does not fit.
 */
void balance_cpus(char *p, size_t cap, const char *mask);
/* What the masks say: none set, each queue its own CPUs, some CPU has several queues, some queues have no CPU. */
enum steering balance_steering(const struct balance *b);
/* "XPS: each queue has CPUs of its own"; WHAT is "XPS" or "RPS". NUL-terminated. */
void balance_steering_text(char p[BALANCE_TEXT], const struct balance *b, const char *what);
/* "uneven: queue 2 carries 91.2 % (a fair share is 25 %), nearly all of it one flow; no XPS, so …". NUL-terminated; empty: one queue. */
void balance_text(char p[BALANCE_TEXT], const struct balance *b);

#endif
