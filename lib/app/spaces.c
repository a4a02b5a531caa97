/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network namespaces a look is about. */
#include "app/spaces.h"

#include <errno.h>

#include "collect/netns.h"
#include "core/util.h"

static struct netns_list list = { .home = -1 };
static bool partial; /* a namespace could not be entered */
static uint32_t name;

int spaces_open(const struct look *l, struct err *e)
{
	int r;

	if (!IS_ENABLED(CONFIG_NETNS) || !l->netns)
		return 0;
	r = netns_resolve(&list, l->netns, e);
	if (!r && !list.n)
		r = err_set(e, ENOENT, "--netns: '%s': no namespace found", l->netns);
	if (r || list.n > 1)
		return r;
	name = list.ns[0].name;
	return netns_enter(&list, 0, e);
}

void spaces_close(void)
{
	if (IS_ENABLED(CONFIG_NETNS))
		netns_free(&list);
}

bool spaces_many(void)
{
	return list.n > 1;
}

bool spaces_partial(void)
{
	return partial || list.incomplete;
}

uint32_t spaces_name(void)
{
	return name;
}

uint64_t spaces_estimate(void)
{
	/* Counting in each namespace costs as much as it saves; many namespaces are many processes anyway. */
	bool decides = IS_ENABLED(CONFIG_THREADS) || IS_ENABLED(CONFIG_SRC_TASK_ITER); /* how processes are found */

	return !decides || spaces_many() ? 0 : sockdiag_estimate();
}

static void add_stats(struct sock_stats *sum, const struct sock_stats *st)
{
	unsigned i;

	sum->sockets += st->sockets;
	sum->interrupted += st->interrupted;
	sum->malformed += st->malformed;
	sum->incomplete |= st->incomplete;
	sum->unsupported |= st->unsupported;
	for (i = 0; i < HAVE_WORDS; i++)
		sum->supplied.w[i] |= st->supplied.w[i];
}

uint32_t spaces_count(void)
{
	return MAX(list.n, 1);
}

uint64_t spaces_inode(uint32_t i)
{
	return list.ns[i].inode;
}

int spaces_fd(uint32_t i)
{
	return list.ns[i].fd;
}

uint32_t spaces_name_of(uint32_t i)
{
	return spaces_many() ? list.ns[i].name : name;
}

int spaces_each(int (*fn)(void *arg, uint32_t i, struct err *e), void *arg, struct err *e)
{
	uint32_t i;
	int r = 0, back;

	if (!IS_ENABLED(CONFIG_NETNS) || list.n <= 1)
		return fn(arg, 0, e);
	for (i = 0; i < list.n && !r; i++) {
		/* The others are still worth showing. */
		if (netns_enter(&list, i, e)) {
			partial = true;
			continue;
		}
		name = list.ns[i].name;
		r = fn(arg, i, e);
	}
	name = 0;
	back = netns_return(&list, e);
	return r ? r : back;
}

struct dump {
	const struct sock_query *q;
	sock_fn fn;
	void *arg;
	struct sock_stats *sum;
};

static int dump_one(void *arg, uint32_t i, struct err *e)
{
	struct dump *d = arg;
	struct sock_stats one;
	int r;

	(void)i;
	r = sockdiag_dump(d->q, d->fn, d->arg, &one, e);
	add_stats(d->sum, &one);
	return r;
}

int spaces_dump(const struct sock_query *q, sock_fn fn, void *arg, struct sock_stats *st, struct err *e)
{
	struct dump d = { q, fn, arg, st };

	if (!IS_ENABLED(CONFIG_NETNS) || list.n <= 1)
		return sockdiag_dump(q, fn, arg, st, e);
	memset(st, 0, sizeof(*st));
	return spaces_each(dump_one, &d, e);
}
