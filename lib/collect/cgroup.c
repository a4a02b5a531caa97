/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_CGROUP
 * Control groups by id. The id of a group is the inode number of its folder; there is no look-up by it that every user
 * may do, so the tree is walked once, at the first question, and again (not more than once a second) for unknown ids.
 */
#include "collect/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "collect/door.h"
#include "core/util.h"
#include "model/strings.h"

#define GROUPS_MAX 50000
#define DEPTH_MAX 32
#define PATH_BYTES 4096
#define CGROUP2_MAGIC 0x63677270

struct group {
	uint64_t id;
	uint32_t path;
};

static struct {
	struct group *group; /* sorted by id */
	uint32_t n, cap;
	uint64_t walked_ns;
} groups;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool add(uint64_t id, const char *path)
{
	if (groups.n == groups.cap) {
		uint32_t cap = groups.cap ? groups.cap * 2 : 64;
		struct group *p = cap <= 2 * GROUPS_MAX ? realloc(groups.group, cap * sizeof(*p)) : NULL;

		if (!p)
			return false;
		groups.group = p;
		groups.cap = cap;
	}
	groups.group[groups.n++] = (struct group){ id, strings_add(path, strlen(path)) };
	return true;
}

struct walk {
	struct door_stream copy;
	struct {
		uint64_t id;
		char path[PATH_BYTES];
	} at; /* as it is recorded */
};

/* FD is the folder of w->at.path, whose length is LEN; it is closed. */
static void walk(struct walk *w, int fd, size_t len, unsigned depth)
{
	DIR *d = fdopendir(fd);
	const struct dirent *de;
	struct stat st;

	if (!d || fstat(fd, &st)) {
		if (d)
			closedir(d);
		else
			close(fd);
		return;
	}
	w->at.id = st.st_ino;
	door_stream_note(&w->copy, &w->at, sizeof(w->at.id) + (len ? len : 1) + 1);
	if (!add(st.st_ino, w->at.path))
		depth = 0;
	while (depth && (de = readdir(d))) {
		size_t n = strlen(de->d_name);
		int sub;

		if (de->d_type != DT_DIR || !strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") ||
		    len + n + 2 > PATH_BYTES)
			continue;
		sub = openat(fd, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			continue;
		w->at.path[len] = '/';
		memcpy(w->at.path + len + 1, de->d_name, n + 1);
		walk(w, sub, len + 1 + n, depth - 1);
	}
	closedir(d);
}

/* Where the second version of control groups is mounted: alone, or beside the first. */
static int open_root(void)
{
	static const char *const mount[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(mount); i++)
		if (!statfs(mount[i], &fs) && (uint32_t)fs.f_type == CGROUP2_MAGIC)
			return open(mount[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return -1;
}

static void replay(struct walk *w)
{
	ssize_t n;

	while ((n = door_stream_read(&w->copy, &w->at, sizeof(w->at))) > (ssize_t)sizeof(w->at.id)) {
		if (((char *)&w->at)[n - 1] || !add(w->at.id, w->at.path))
			return;
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct group *)a)->id, y = ((const struct group *)b)->id;

	return x < y ? -1 : x > y;
}

static void load(void)
{
	struct walk *w = malloc(sizeof(*w));
	int fd;

	groups.n = 0;
	groups.walked_ns = now_ns();
	if (w && !door_stream_open(&w->copy, "cgroup", -1)) {
		memcpy(w->at.path, "/", 2);
		fd = door_replaying() ? -1 : open_root();
		if (door_replaying())
			replay(w);
		else if (fd >= 0)
			walk(w, fd, 0, DEPTH_MAX);
		door_stream_close(&w->copy);
	}
	free(w);
	if (groups.n)
		qsort(groups.group, groups.n, sizeof(*groups.group), compare);
}

static uint32_t find(uint64_t id)
{
	uint32_t lo = 0, hi = groups.n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (groups.group[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < groups.n && groups.group[lo].id == id)
		return groups.group[lo].path;
	return 0;
}

/* On a 32-bit kernel the inode number is the lower half of the id; the upper one counts how often it was given away. */
static uint32_t find_either(uint64_t id)
{
	uint32_t path = find(id);

	return path || sizeof(long) > 4 ? path : find((uint32_t)id);
}

/* Walks unless that was done just now. */
static bool refresh(void)
{
	if (groups.walked_ns && now_ns() - groups.walked_ns < NSEC_PER_SEC)
		return false;
	load();
	return true;
}

uint32_t cgroup_path(uint64_t id)
{
	uint32_t path;

	pthread_mutex_lock(&lock);
	path = find_either(id);
	if (!path && refresh())
		path = find_either(id);
	pthread_mutex_unlock(&lock);
	return path;
}

uint64_t cgroup_id(const char *path)
{
	uint64_t id = 0;
	uint32_t i;

	pthread_mutex_lock(&lock);
	refresh();
	for (i = 0; i < groups.n && !id; i++)
		if (!strcmp(strings_get(groups.group[i].path), path))
			id = groups.group[i].id;
	pthread_mutex_unlock(&lock);
	/* Half an id would select nothing. */
	return sizeof(long) > 4 ? id : 0;
}

void cgroup_free(void)
{
	free(groups.group);
	memset(&groups, 0, sizeof(groups));
}
