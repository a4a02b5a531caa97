/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_NETNS
 * Network namespaces: those that `ip netns` has named, and those that processes are in.
 */
#include "collect/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/door.h"
#include "core/text.h"
#include "core/util.h"
#include "model/strings.h"

#define SEEN_SLOTS (4 * NETNS_MAX)
#define HOME "/proc/thread-self/ns/net"

/* A namespace that is open at PATH, or -errno; -EINVAL: it is something else. */
static int open_ns(const char *path, uint64_t *inode)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET || fstat(fd, &st)) {
		close(fd);
		return -EINVAL;
	}
	*inode = st.st_ino;
	return fd;
}

static int add(struct netns_list *l, int fd, uint64_t inode, const char *name)
{
	if (!(l->n & (l->n - 1))) {
		struct netns *p = realloc(l->ns, (l->n ? 2 * l->n : 1) * sizeof(*p));

		if (!p)
			return -ENOMEM;
		l->ns = p;
	}
	l->ns[l->n++] = (struct netns){ strings_add(name, strlen(name)), fd, inode };
	return 0;
}

/* Where iproute2 keeps its names. */
static const char *names_dir(void)
{
	return access("/run/netns", F_OK) ? "/var/run/netns" : "/run/netns";
}

static bool is_name(const char *word)
{
	return *word && strlen(word) < 200 && !strchr(word, '/') && strcmp(word, ".") && strcmp(word, "..");
}

static int resolve_one(struct netns_list *l, const char *word, struct err *e)
{
	char path[256];
	uint64_t pid, inode;
	bool number = parse_u64(word, strlen(word), &pid) && pid && pid <= INT32_MAX;
	int fd = -ENOENT;

	if (is_name(word)) {
		fmt_text(path, sizeof(path), "%s/%s", names_dir(), word);
		fd = open_ns(path, &inode);
	}
	if (fd == -ENOENT && number) {
		fmt_text(path, sizeof(path), "/proc/%u/ns/net", (unsigned)pid);
		fd = open_ns(path, &inode);
		if (fd == -ENOENT)
			return err_set(e, ESRCH, "--netns: '%s': there is no such process", word);
	}
	if (fd == -ENOENT)
		return err_set(e, ENOENT, "--netns: '%s': expected 'all', a name in %s, or the number of a process",
			       word, names_dir());
	if (fd == -EINVAL)
		return err_set(e, EINVAL, "--netns: '%s' is not a network namespace", word);
	if (fd < 0)
		return err_set(e, -fd, "--netns: '%s': %s", word, err_text(-fd));
	if (add(l, fd, inode, word)) {
		close(fd);
		return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

struct search {
	struct netns_list *l;
	uint64_t *seen; /* SEEN_SLOTS inodes, 0: free */
	const char *dir;
	int failed;
};

/* Where this namespace is noted, or a free place. There are more places than namespaces. */
static uint64_t *seen(const struct search *s, uint64_t inode)
{
	uint32_t i = (uint32_t)(inode % SEEN_SLOTS);

	while (s->seen[i] && s->seen[i] != inode)
		i = (i + 1) % SEEN_SLOTS;
	return &s->seen[i];
}

static int take(struct search *s, const char *path, const char *name)
{
	uint64_t inode, *note;
	int fd = open_ns(path, &inode);

	if (fd < 0) {
		/* A process may end, a name may be of something else. */
		s->l->incomplete |= fd != -ENOENT && fd != -ESRCH && fd != -EINVAL;
		return 0;
	}
	note = seen(s, inode);
	if (*note || s->l->n >= NETNS_MAX) {
		s->l->incomplete |= !*note;
		close(fd);
		return 0;
	}
	*note = inode;
	s->failed = add(s->l, fd, inode, name);
	if (s->failed)
		close(fd);
	return s->failed;
}

static int take_name(void *arg, const char *name)
{
	struct search *s = arg;
	char path[512];

	if (fmt_text(path, sizeof(path), "%s/%s", s->dir, name) >= sizeof(path))
		return 0;
	return take(s, path, name);
}

static int take_process(void *arg, const char *name)
{
	struct search *s = arg;
	char path[64], link[64];
	uint64_t inode, pid;
	ssize_t n;

	if (!parse_u64(name, strlen(name), &pid) || pid > INT32_MAX)
		return 0;
	fmt_text(path, sizeof(path), "/proc/%u/ns/net", (unsigned)pid);
	n = readlink(path, link, sizeof(link));
	if (n < 0) {
		s->l->incomplete |= errno == EACCES || errno == EPERM;
		return 0;
	}
	/* "net:[N]": mostly one that was seen before, then nothing need be opened. */
	if (n > 6 && parse_u64(link + 5, (size_t)n - 6, &inode) && *seen(s, inode))
		return 0;
	return take(s, path, name);
}

static int resolve_all(struct netns_list *l, struct err *e)
{
	struct search s = { .l = l, .dir = names_dir() };
	struct rlimit lim;
	int r;

	s.seen = calloc(SEEN_SLOTS, sizeof(*s.seen));
	if (!s.seen)
		return err_set(e, ENOMEM, "out of memory");
	/* One descriptor each. */
	if (!getrlimit(RLIMIT_NOFILE, &lim) && lim.rlim_cur < 2 * NETNS_MAX) {
		lim.rlim_cur = lim.rlim_max < 2 * NETNS_MAX ? lim.rlim_max : 2 * NETNS_MAX;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	door_list(s.dir, take_name, &s);
	r = s.failed;
	if (!r)
		r = door_list("/proc", take_process, &s);
	if (!r)
		r = s.failed;
	free(s.seen);
	return r ? err_set(e, -r, "--netns: 'all': %s", err_text(-r)) : 0;
}

int netns_resolve(struct netns_list *l, const char *word, struct err *e)
{
	uint64_t inode;

	*l = (struct netns_list){ .home = -1 };
	if (door_replaying())
		return err_set(e, EOPNOTSUPP, "--netns: '%s': a replay has no namespaces", word);
	l->home = open_ns(HOME, &inode);
	if (l->home < 0)
		return err_set(e, -l->home, "--netns: '%s': cannot open %s: %s", word, HOME, err_text(-l->home));
	return strcmp(word, "all") ? resolve_one(l, word, e) : resolve_all(l, e);
}

int netns_enter(const struct netns_list *l, uint32_t i, struct err *e)
{
	if (setns(l->ns[i].fd, CLONE_NEWNET))
		return err_set(e, errno, "--netns: cannot enter '%s': %s", strings_get(l->ns[i].name), err_text(errno));
	return 0;
}

int netns_return(const struct netns_list *l, struct err *e)
{
	if (setns(l->home, CLONE_NEWNET))
		return err_set(e, errno, "--netns: cannot return: %s", err_text(errno));
	return 0;
}

void netns_free(struct netns_list *l)
{
	uint32_t i;

	for (i = 0; i < l->n; i++)
		close(l->ns[i].fd);
	if (l->home >= 0)
		close(l->home);
	free(l->ns);
	*l = (struct netns_list){ .home = -1 };
}
