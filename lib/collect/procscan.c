/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_SRC_PROC
 * Which processes hold which sockets: one scan of /proc/PID/fd. Costs a system call per descriptor and three per
 * process, so nothing else is asked before a process turns out to hold a socket that matters.
 */
#include "collect/procscan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "collect/door.h"
#include "core/buf.h"
#include "core/text.h"
#include "core/util.h"
#include "model/strings.h"

#define DESCRIPTORS_MAX 4000000u
#define LIST_BUFFER (32 << 10)
#define NOTE_MAX 65536 /* bytes of a message: a process with more sockets has several */

struct scan {
	struct procset *ps;
	const struct process_want *want;
	struct door_stream copy;  /* a recording of all sockets, wanted or not */
	struct buf note;
	uint32_t left;            /* descriptors that may still be looked at */
	bool hidden;              /* something could not be read */
	bool init;                /* process 1 was seen */
	int root, dir;            /* /proc, and the descriptors of the current process */
	uint32_t pid, proc;       /* that process; its index in PS, UINT32_MAX: not added yet */
	bool gone;                /* it ended meanwhile */
	_Alignas(8) char list[LIST_BUFFER]; /* of processes */
	_Alignas(8) char fds[LIST_BUFFER];  /* of a process */
};

uint32_t procscan_socket(const char *link, size_t len)
{
	static const char head[] = "socket:[";
	const size_t skip = sizeof(head) - 1;
	uint64_t v;

	if (len < skip + 2 || memcmp(link, head, skip) || link[len - 1] != ']')
		return 0;
	/* No hexadecimal here. */
	if (!parse_u64(link + skip, len - skip - 1, &v) || v > UINT32_MAX || link[skip + 1] == 'x')
		return 0;
	return (uint32_t)v;
}

/* Adds the process under the name of its first thread; UINT32_MAX: it is gone, or there is no room. */
static uint32_t add_process(struct procset *ps, uint32_t pid)
{
	char path[32], name[64];
	ssize_t n;

	fmt_text(path, sizeof(path), "/proc/%u/comm", pid);
	n = door_read_file(path, name, sizeof(name));
	if (n <= 0)
		return UINT32_MAX;
	if (name[n - 1] == '\n')
		n--;
	return procset_add_proc(ps, pid, strings_add(name, strnlen(name, (size_t)n)), 0);
}

static void note_begin(struct scan *s)
{
	s->note.len = 0;
	if (s->copy.copy >= 0)
		buf_add(&s->note, &s->pid, sizeof(s->pid));
}

static void note_socket(struct scan *s, uint32_t inode)
{
	if (s->copy.copy < 0)
		return;
	buf_add(&s->note, &inode, sizeof(inode));
	if (s->note.len < NOTE_MAX)
		return;
	door_stream_note(&s->copy, s->note.p, s->note.len);
	note_begin(s);
}

static void note_end(struct scan *s)
{
	if (s->note.len > sizeof(uint32_t))
		door_stream_note(&s->copy, s->note.p, s->note.len);
}

/* As getdents64 fills them in. */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/*
 * Calls FN for each name of folder FD that is a number, until it returns non-zero. No opendir(): it asks more of the
 * kernel and allocates for each folder, and most of them hold three names.
 */
static int each_number(int fd, char *list, int (*fn)(struct scan *s, const char *name, uint32_t number), struct scan *s)
{
	const long head = offsetof(struct entry, name);
	long n, at;
	int r = 0;

	while (!r && (n = syscall(SYS_getdents64, fd, list, LIST_BUFFER)) > 0) {
		for (at = 0; at + head < n && !r; ) {
			const struct entry *e = (const struct entry *)(list + at);
			uint64_t v;

			if (e->reclen <= head || e->reclen > n - at)
				return -EBADMSG;
			if (parse_u64(e->name, strnlen(e->name, (size_t)(e->reclen - head)), &v) && v <= INT32_MAX)
				r = fn(s, e->name, (uint32_t)v);
			at += e->reclen;
		}
	}
	return r ? r : n < 0 ? -errno : 0;
}

static bool is_hidden(int code)
{
	return code == EACCES || code == EPERM;
}

static int look_at_fd(struct scan *s, const char *name, uint32_t number)
{
	char link[64];
	uint32_t inode;
	ssize_t n;

	(void)number;
	if (!s->left--)
		return -E2BIG;
	n = readlinkat(s->dir, name, link, sizeof(link));
	if (n < 0) {
		s->hidden |= is_hidden(errno);
		return 0;
	}
	inode = procscan_socket(link, (size_t)n);
	if (!inode)
		return 0;
	note_socket(s, inode);
	if (s->gone || !process_wants(s->want, inode))
		return 0;
	if (s->proc == UINT32_MAX)
		s->proc = add_process(s->ps, s->pid);
	s->gone = s->proc == UINT32_MAX;
	if (!s->gone)
		procset_add_link(s->ps, inode, s->proc);
	return 0;
}

static int look_at_process(struct scan *s, const char *name, uint32_t pid)
{
	char path[24];
	int r;

	s->init |= pid == 1;
	fmt_text(path, sizeof(path), "%.16s/fd", name);
	s->dir = openat(s->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			return -errno;
		s->hidden |= is_hidden(errno);
		return 0;
	}
	s->pid = pid;
	s->proc = UINT32_MAX;
	s->gone = false;
	note_begin(s);
	r = each_number(s->dir, s->fds, look_at_fd, s);
	note_end(s);
	close(s->dir);
	/* A process that ended while we read has no sockets any more. */
	s->hidden |= is_hidden(-r);
	return r == -E2BIG ? r : 0;
}

/* Processes of other pid namespaces may share our network: then not finding a holder means nothing. */
static bool sees_all(const struct scan *s)
{
	char ns[64];

	return !s->hidden && s->init && door_read_link("/proc/self/ns/pid", ns, sizeof(ns)) > 0 &&
		!strcmp(ns, FIRST_PID_NS);
}

static int scan_live(struct scan *s)
{
	uint32_t last[2] = { 0, 0 };
	int r;

	s->root = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0)
		return -errno;
	r = each_number(s->root, s->list, look_at_process, s);
	close(s->root);
	/* Not even this process is there: nothing is mounted that could tell of any. */
	if (!r && !s->pid && !s->hidden)
		r = -ENOENT;
	if (r && r != -E2BIG)
		return r;
	s->ps->failed |= r != 0;
	s->ps->complete = !r && sees_all(s);
	last[1] = s->ps->complete;
	door_stream_note(&s->copy, last, sizeof(last));
	return s->note.failed ? -ENOMEM : 0;
}

int procscan_parse(struct procset *ps, const struct process_want *want, const void *msg, size_t len)
{
	const uint8_t *p = msg;
	uint32_t pid, inode, proc = UINT32_MAX;
	size_t at;

	if (len < 8 || len % 4)
		return -EBADMSG;
	memcpy(&pid, p, 4);
	if (!pid) {
		memcpy(&inode, p + 4, 4);
		ps->complete = inode == 1;
		return 0;
	}
	for (at = 4; at < len; at += 4) {
		memcpy(&inode, p + at, 4);
		if (!process_wants(want, inode))
			continue;
		if (proc == UINT32_MAX)
			proc = add_process(ps, pid);
		if (proc == UINT32_MAX)
			return 0;
		procset_add_link(ps, inode, proc);
	}
	return 0;
}

static int scan_replay(struct scan *s)
{
	const size_t cap = NOTE_MAX + 8;
	ssize_t n;

	if (!buf_room(&s->note, cap))
		return -ENOMEM;
	while ((n = door_stream_read(&s->copy, s->note.p, cap)) > 0)
		if (procscan_parse(s->ps, s->want, s->note.p, (size_t)n))
			return -EBADMSG;
	return (int)n;
}

int process_scan_proc(struct procset *ps, const struct process_want *want, struct err *e)
{
	struct scan *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(e, ENOMEM, "out of memory");
	s->ps = ps;
	s->want = want;
	s->left = DESCRIPTORS_MAX;
	r = door_stream_open(&s->copy, "proc_fd", -1);
	if (!r)
		r = door_replaying() ? scan_replay(s) : scan_live(s);
	door_stream_close(&s->copy);
	buf_free(&s->note);
	free(s);
	return r ? err_set(e, -r, "cannot read /proc: %s", err_text(-r)) : 0;
}
