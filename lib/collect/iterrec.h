/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the BPF iterators (bpf/taskfile.bpf.c, bpf/sockiter.bpf.c) write and user space reads. Fixed-width types, no
 * holes, the byte order of the machine.
 */
#ifndef FLEUTAN_ITERREC_H
#define FLEUTAN_ITERREC_H

#include <stdint.h>

/* task_file: a process, then the inode number (uint32_t, never 0) of each of its sockets. */
struct iter_task {
	uint32_t zero;   /* tells a process from an inode */
	uint32_t pid;    /* of the thread group */
	uint32_t thread; /* 1: found through a thread with files of its own; the process may have come before */
	char comm[16];   /* of the leader of the group */
};

_Static_assert(sizeof(struct iter_task) == 28, "struct iter_task has holes");

/* tcp, udp: one socket. */
struct sockiter_rec {
	uint64_t cookie;
	int32_t rx_cpu;   /* -1 unknown */
	int32_t rx_queue; /* -1 unknown */
	uint32_t snd_una, snd_nxt, rcv_nxt; /* TCP only */
	uint32_t tcp;     /* 1: TCP, 0: UDP */
};

_Static_assert(sizeof(struct sockiter_rec) == 32, "struct sockiter_rec has holes");

#endif
