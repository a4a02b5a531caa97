/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_SRC_TASK_ITER
 * The processes of all sockets from one BPF iterator: no system call per descriptor.
 */
#include <errno.h>
#include <string.h>
#include "bpf/taskfile.h"
#include "collect/bpfobj.h"
#include "collect/door.h"
#include "collect/iterread.h"
#include "collect/iterrec.h"
#include "collect/taskiter.h"
#include "model/strings.h"

static uint32_t add_task(struct procset *ps, const struct iter_task *t)
{
	for (uint32_t i = 0; t->thread && i < ps->nproc; i++)
		if (ps->proc[i].pid == t->pid)
			return i;
	return procset_add_proc(ps, t->pid, strings_add(t->comm, strnlen(t->comm, sizeof(t->comm))), 0);
}

ssize_t taskiter_parse(void *taskiter, const void *p, size_t len)
{
	struct taskiter *it = taskiter;
	const uint8_t *b = p;
	size_t off = 0;

	while (len - off >= sizeof(uint32_t)) {
		struct iter_task t;
		uint32_t inode;

		memcpy(&inode, b + off, sizeof(inode));
		if (inode) {
			if (!it->some)
				return -EBADMSG;
			off += sizeof(inode);
			if (it->proc != UINT32_MAX && process_wants(it->want, inode))
				procset_add_link(it->ps, inode, it->proc);
			continue;
		}
		if (len - off < sizeof(t))
			break;
		memcpy(&t, b + off, sizeof(t));
		off += sizeof(t);
		it->proc = add_task(it->ps, &t);
		it->some = true;
	}
	return off;
}

/* Loads the program, or says why it is not worth trying. */
static int load(struct bpfobj **o, struct err *e)
{
	const char *why = bpf_unavailable();
	char ns[64];

	if (why)
		return err_set(e, EOPNOTSUPP, "%s", why);
	/* The kernel writes the numbers that processes have in the first namespace. */
	if (door_read_link("/proc/self/ns/pid", ns, sizeof(ns)) > 0 && strcmp(ns, FIRST_PID_NS))
		return err_set(e, EOPNOTSUPP, "this is a container with process numbers of its own");
	return bpfobj_load(o, &taskfile_image, NULL, e);
}

int process_iter_bpf(struct procset *ps, const struct process_want *want, struct err *e)
{
	struct taskiter it = { .ps = ps, .want = want };
	struct bpfobj *o = NULL;
	int ret = door_replaying() ? 0 : load(&o, e);

	if (!ret)
		ret = iter_read(o, "task_file", taskiter_parse, &it, e);
	bpfobj_free(o);
	if (!ret)
		ps->complete = true;
	return ret;
}
