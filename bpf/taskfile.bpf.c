// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every socket that a process has open: the kernel walks all tasks and their files, and this keeps the sockets.
 * (Threads that share their leader's files are passed over by the kernel itself.)
 */
#include <stdint.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "collect/iterrec.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define SOCKFS_MAGIC 0x534f434b

/* The kernel's structures, as far as they are looked at. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block {
	unsigned long s_magic;
};

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct file_operations;

struct file {
	struct inode *f_inode;
	const struct file_operations *f_op;
};

struct task_struct {
	int pid;
	int tgid;
	struct task_struct *group_leader;
	char comm[16];
};

#pragma clang attribute pop

/* These two have one layout on every kernel: each member takes eight bytes. */
struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	uint64_t fd;
	struct file *file;
};

/* Whose sockets are being written. */
static uint32_t current;
/* The operations that all sockets share: knowing them saves touching the first line of each inode, cold on a busy host. */
static uint64_t socket_ops;

SEC("iter/task_file")
int task_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct {
		struct iter_task head;
		uint32_t inode;
	} rec;
	struct inode *inode;

	if (!task || !file)
		return 0;
	inode = file->f_inode;
	/* A descriptor made by O_PATH from a socket's name in a file system is none. */
	if ((uint64_t)file->f_op != socket_ops) {
		if ((inode->i_mode & S_IFMT) != S_IFSOCK || inode->i_sb->s_magic != SOCKFS_MAGIC)
			return 0;
		socket_ops = (uint64_t)file->f_op;
	}
	rec.inode = inode->i_ino;
	if (current == (uint32_t)task->tgid) {
		bpf_seq_write(ctx->meta->seq, &rec.inode, sizeof(rec.inode));
		return 0;
	}
	rec.head.zero = 0;
	rec.head.pid = task->tgid;
	rec.head.thread = task->pid != task->tgid;
	bpf_probe_read_kernel(rec.head.comm, sizeof(rec.head.comm), task->group_leader->comm);
	/* When the buffer is full the kernel drops what was written and repeats the file: so both in one write. */
	if (!bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec)))
		current = rec.head.pid;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
