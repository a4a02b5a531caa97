/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control groups (v2) by the id that the kernel gives for a socket. Only with CONFIG_CGROUP. */
#ifndef FLEUTAN_CGROUP_H
#define FLEUTAN_CGROUP_H

#include <stdint.h>

/*
 * The path below the mount point as a string id ("/system.slice/ssh.service"; "/" is the root); 0: not known.
 * Thread-safe.
 */
uint32_t cgroup_path(uint64_t id);
/* The id of such a path; 0: there is none. */
uint64_t cgroup_id(const char *path);
/* At exit, for leak checkers. */
void cgroup_free(void);

#endif
