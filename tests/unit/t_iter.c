// SPDX-License-Identifier: GPL-2.0-or-later
/* The parsers of what BPF iterators write. */
#include <errno.h>
#include "check.h"
#include "collect/sockiter.h"
#include "collect/taskiter.h"
#include "model/strings.h"

static uint8_t buf[512];
static size_t len;

static void put_task(uint32_t pid, uint32_t thread, const char *comm)
{
	struct iter_task t = { .pid = pid, .thread = thread };

	memcpy(t.comm, comm, strnlen(comm, sizeof(t.comm)));
	memcpy(buf + len, &t, sizeof(t));
	len += sizeof(t);
}

static void put_inode(uint32_t inode)
{
	memcpy(buf + len, &inode, sizeof(inode));
	len += sizeof(inode);
}

static void check_link(const struct procset *ps, uint32_t inode, uint32_t pid, const char *name)
{
	uint32_t n, found = 0;
	const struct procset_link *l = procset_find(ps, inode, &n);

	for (uint32_t i = 0; i < n; i++)
		if (ps->proc[l[i].proc].pid == pid && !strcmp(strings_get(ps->proc[l[i].proc].name), name))
			found++;
	CHECK_EQ(found, 1);
}

/* STEP: how many bytes come at a time. */
static void t_tasks(size_t step, const struct process_want *want)
{
	struct procset ps;
	struct taskiter it = { .ps = &ps, .want = want };
	size_t done = 0;
	uint32_t n;

	procset_init(&ps);
	for (size_t have = step; done < len; have += step) {
		size_t end = have < len ? have : len;
		uint8_t *p = malloc(end - done);
		ssize_t took;

		memcpy(p, buf + done, end - done);
		took = taskiter_parse(&it, p, end - done);
		CHECK(took >= 0 && (size_t)took <= end - done);
		free(p);
		done += took;
		if (have > len + 64)
			break;
	}
	CHECK_EQ(done, len);
	CHECK_EQ(ps.nproc, 3);
	CHECK_EQ(procset_seal(&ps), 0);
	check_link(&ps, 11, 100, "nginx");
	procset_find(&ps, 12, &n);
	CHECK_EQ(n, want->inode ? 0 : 1);
	check_link(&ps, 13, 100, "nginx"); /* through a thread with files of its own */
	check_link(&ps, 11, 200, "sixteen letters!");
	procset_free(&ps);
}

static void t_task_errors(void)
{
	struct procset ps;
	struct process_want want = { 0 };
	struct taskiter it = { .ps = &ps, .want = &want };
	uint32_t inode = 7;

	procset_init(&ps);
	CHECK_EQ(taskiter_parse(&it, &inode, sizeof(inode)), -EBADMSG); /* whose? */
	CHECK_EQ(taskiter_parse(&it, &inode, 0), 0);
	CHECK_EQ(taskiter_parse(&it, &inode, 3), 0);
	CHECK_EQ(taskiter_parse(&it, buf, sizeof(struct iter_task) - 1), 0);
	procset_free(&ps);
}

static void t_socks(void)
{
	struct sockiter_rec r[] = {
		{ .cookie = 0x5002, .rx_cpu = 3, .rx_queue = 1, .snd_una = 1, .snd_nxt = 2, .rcv_nxt = 3, .tcp = 1 },
		{ .cookie = 0, .rx_cpu = 9 },
		{ .cookie = 0x4001, .rx_cpu = -1, .rx_queue = -1 },
	};
	struct sockiter_set set = { 0 };

	CHECK_EQ(sockiter_parse(&set, r, sizeof(r) - 1), 2 * sizeof(r[0]));
	CHECK_EQ(sockiter_parse(&set, &r[2], sizeof(r[2])), sizeof(r[2]));
	CHECK_EQ(set.n, 2); /* without a cookie: left out */
	CHECK_EQ(set.rec[0].cookie, 0x5002);
	CHECK_EQ(set.rec[1].rx_queue, -1);
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(sockiter_parse(&set, r, sizeof(r)), sizeof(r));
	CHECK_EQ(set.n, 2002);
	sockiter_free(&set);
	CHECK(set.rec == NULL && set.n == 0);
	set.rec = (struct sockiter_rec[]){ { .cookie = 2 }, { .cookie = 5 }, { .cookie = 9 } };
	set.n = 3;
	CHECK(sockiter_find(&set, 5) == &set.rec[1]);
	CHECK(sockiter_find(&set, 9) == &set.rec[2]);
	CHECK(sockiter_find(&set, 1) == NULL);
	CHECK(sockiter_find(&set, 6) == NULL);
	CHECK(sockiter_find(&set, 10) == NULL);
}

int main(void)
{
	const uint32_t inodes[] = { 5, 11, 13, 4000000000U };
	const struct process_want all = { 0 }, some = { .inode = inodes, .ninode = 4 };

	put_task(100, 0, "nginx");
	put_inode(11);
	put_inode(12);
	put_task(200, 0, "sixteen letters!");
	put_inode(11);
	put_task(100, 1, "nginx");
	put_inode(13);
	put_task(300, 0, "");
	put_inode(4000000000U);
	for (size_t step = 1; step <= len; step++) {
		t_tasks(step, &all);
		t_tasks(step, &some);
	}
	t_task_errors();
	t_socks();
	strings_free();
	return check_done("iter");
}
