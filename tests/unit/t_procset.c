// SPDX-License-Identifier: GPL-2.0-or-later
/* model/procset.c */
#include "check.h"
#include "model/procset.h"

static uint32_t random_state = 12345;

static uint32_t random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

static void test_empty(void)
{
	const struct procset_link *link;
	struct procset ps;
	uint32_t n = 7;

	procset_init(&ps);
	CHECK(!procset_find(&ps, 1, &n) && n == 0);
	CHECK_EQ(procset_seal(&ps), 0);
	CHECK(!procset_find(&ps, 1, &n) && n == 0);
	CHECK_EQ(procset_holders(&ps, 1, &link), -1);
	CHECK_EQ(procset_holders(NULL, 1, &link), -1);
	CHECK_EQ(procset_holders(NULL, 0, &link), 0);
	ps.complete = true;
	CHECK_EQ(procset_holders(&ps, 1, &link), 0);
	ps.failed = true;
	CHECK_EQ(procset_holders(&ps, 1, &link), -1);
	procset_free(&ps);
}

static void test_few(void)
{
	const struct procset_link *link;
	struct procset ps;
	uint32_t n, high, low;

	procset_init(&ps);
	high = procset_add_proc(&ps, 4000000, 11, 12);
	low = procset_add_proc(&ps, 1, 13, 0);
	CHECK(high == 0 && low == 1);
	procset_add_link(&ps, 500, high);
	procset_add_link(&ps, UINT32_MAX, low);
	procset_add_link(&ps, 500, low);
	procset_add_link(&ps, 500, high); /* a duplicated descriptor */
	procset_add_link(&ps, 0, high);   /* no socket */
	procset_add_link(&ps, 9, 2);      /* no process */
	CHECK_EQ(procset_seal(&ps), 0);
	CHECK_EQ(ps.nlink, 3);
	link = procset_find(&ps, 500, &n);
	CHECK(link && n == 2);
	CHECK(ps.proc[link[0].proc].pid == 1 && ps.proc[link[1].proc].pid == 4000000);
	CHECK(ps.proc[link[1].proc].name == 11 && ps.proc[link[1].proc].exe == 12);
	CHECK_EQ(procset_holders(&ps, 500, &link), 2);
	link = procset_find(&ps, UINT32_MAX, &n);
	CHECK(link && n == 1 && link->proc == low);
	CHECK(!procset_find(&ps, 501, &n) && !procset_find(&ps, 0, &n) && !procset_find(&ps, 9, &n));
	procset_free(&ps);
	CHECK(!ps.link && !ps.nproc);
}

#define MANY 50000

/* Against a plain search: inodes in a few strides, several holders, pids in no order. */
static void test_many(void)
{
	static uint32_t inode[MANY], proc[MANY];
	struct procset ps;
	uint32_t n;

	procset_init(&ps);
	for (uint32_t i = 0; i < 1000; i++)
		procset_add_proc(&ps, random_u32() % 4194304 + 1, i, 0);
	for (uint32_t i = 0; i < MANY; i++) {
		inode[i] = 1 + random_u32() % 1000 * (i % 3 ? 65536 : 1);
		proc[i] = random_u32() % 1000;
		procset_add_link(&ps, inode[i], proc[i]);
	}
	CHECK_EQ(procset_seal(&ps), 0);
	CHECK(!ps.failed && ps.nlink <= MANY);
	for (uint32_t i = 1; i < ps.nlink; i++) {
		const struct procset_link *a = &ps.link[i - 1], *b = &ps.link[i];

		CHECK(a->inode < b->inode ||
		      (a->inode == b->inode && ps.proc[a->proc].pid < ps.proc[b->proc].pid));
	}
	for (uint32_t i = 0; i < MANY; i++) {
		const struct procset_link *link = procset_find(&ps, inode[i], &n);
		bool found = false;

		for (uint32_t j = 0; link && j < n; j++)
			found |= ps.proc[link[j].proc].pid == ps.proc[proc[i]].pid && link[j].inode == inode[i];
		CHECK(found);
		CHECK(link == ps.link || link[-1].inode != inode[i]);
		CHECK(link + n == ps.link + ps.nlink || link[n].inode != inode[i]);
	}
	for (uint32_t i = 0; i < 1000; i++)
		CHECK(!procset_find(&ps, 70000000 + i, &n) && n == 0);
	procset_free(&ps);
}

/* One socket that every process holds. */
static void test_shared(void)
{
	const struct procset_link *link;
	struct procset ps;

	procset_init(&ps);
	for (uint32_t i = 0; i < 5000; i++)
		procset_add_link(&ps, 77, procset_add_proc(&ps, 5000 - i, 0, 0));
	CHECK_EQ(procset_seal(&ps), 0);
	CHECK_EQ(procset_holders(&ps, 77, &link), 5000);
	for (uint32_t i = 0; i < 5000; i++)
		CHECK_EQ(ps.proc[link[i].proc].pid, i + 1);
	procset_free(&ps);
}

int main(void)
{
	test_empty();
	test_few();
	test_many();
	test_shared();
	return check_done("procset");
}
