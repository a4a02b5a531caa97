/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who holds a socket: the choice between the rungs, and what is asked of a process once it is known to matter. */
#include "collect/process.h"

#include <errno.h>
#include <sys/types.h>

#include "collect/door.h"
#include "core/text.h"
#include "core/util.h"
#include "model/strings.h"

#define BPF_PAYS 3000 /* sockets: below this loading the program costs more than the scan of /proc it saves */
#define TEXT_MAX 1024 /* bytes of a path or of arguments that are kept */

static uint32_t proc_exe(uint32_t pid)
{
	char path[32], text[TEXT_MAX];
	ssize_t n;

	fmt_text(path, sizeof(path), "/proc/%u/exe", pid);
	n = door_read_link(path, text, sizeof(text));
	return n > 0 ? strings_add(text, strnlen(text, (size_t)n)) : 0;
}

static uint32_t proc_args(uint32_t pid)
{
	char path[32], text[TEXT_MAX];
	ssize_t n, i;

	fmt_text(path, sizeof(path), "/proc/%u/cmdline", pid);
	n = door_read_file(path, text, sizeof(text));
	while (n > 0 && !text[n - 1])
		n--;
	for (i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
	return n > 0 ? strings_add(text, (size_t)n) : 0;
}

/* The line of the second version of control groups: "0::/path". */
static uint32_t proc_cgroup(uint32_t pid)
{
	char path[32], text[4096 + TEXT_MAX], *p = text;
	ssize_t n;

	fmt_text(path, sizeof(path), "/proc/%u/cgroup", pid);
	n = door_read_file(path, text, sizeof(text));
	while (n > 0 && strncmp(p, "0::", 3)) {
		p = strchr(p, '\n');
		if (!p)
			return 0;
		p++;
	}
	return n > 0 ? strings_add(p + 3, strcspn(p + 3, "\n")) : 0;
}

/* Asks about processes that hold a socket, not about all. Links of one process follow each other. */
static void fill_details(struct procset *ps, const struct process_want *want)
{
	uint32_t i, last = UINT32_MAX;

	for (i = 0; i < ps->nlink; i++) {
		struct proc *p;

		if (ps->link[i].proc == last)
			continue;
		last = ps->link[i].proc;
		p = &ps->proc[last];
		if (want->exe && !p->exe)
			p->exe = proc_exe(p->pid);
		if (want->args && !p->args)
			p->args = proc_args(p->pid);
		if (want->cgroup && !p->cgroup)
			p->cgroup = proc_cgroup(p->pid);
	}
}

/* Tries the BPF rung; what it left behind when it failed is thrown away. */
static int try_bpf(struct procset *ps, const struct process_want *want, struct err *e)
{
	int r;

	if (!IS_ENABLED(CONFIG_SRC_TASK_ITER))
		return err_set(e, ENOSYS, "the task_file iterator is not built in");
	r = process_iter_bpf(ps, want, e);
	if (r) {
		procset_free(ps);
		procset_init(ps);
	}
	return r;
}

static int collect(struct procset *ps, const struct process_want *want, const char **used, char *why, size_t whylen,
		   struct err *e)
{
	bool proc = IS_ENABLED(CONFIG_SRC_PROC) && want->method != PROCESS_BPF;
	struct err own = { 0 };
	int r;

	if (want->method == PROCESS_BPF || (want->method == PROCESS_AUTO && (want->sockets >= BPF_PAYS || !proc))) {
		*used = "bpf_iter";
		r = try_bpf(ps, want, &own);
		if (!r)
			return 0;
		fmt_text(why, whylen, "%s", own.text);
		if (!proc)
			return err_set(e, -r, "processes: %s", own.text);
	}
	if (!proc)
		return err_set(e, ENOSYS, "processes: the scan of /proc is not built in");
	*used = "proc";
	return process_scan_proc(ps, want, e);
}

int process_collect(struct procset *ps, const struct process_want *want, const char **used, char *why, size_t whylen,
		    struct err *e)
{
	int r;

	if (whylen)
		*why = 0;
	r = collect(ps, want, used, why, whylen, e);
	if (r)
		return r;
	fill_details(ps, want);
	r = procset_seal(ps);
	return r ? err_set(e, -r, "processes: out of memory") : 0;
}
