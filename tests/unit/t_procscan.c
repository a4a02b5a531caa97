/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Holders of sockets by the scan of /proc: our own and a child's, names, details, a recording of it, messages that
 * lie.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "collect/cgroup.h"
#include "collect/door.h"
#include "collect/netns.h"
#include "collect/process.h"
#include "collect/procscan.h"
#include "core/util.h"
#include "model/strings.h"

static uint32_t inode_of(int fd)
{
	struct stat st;

	CHECK(!fstat(fd, &st));
	return (uint32_t)st.st_ino;
}

static const struct proc *holder(const struct procset *ps, uint32_t inode, pid_t pid)
{
	uint32_t n, i;
	const struct procset_link *l = procset_find(ps, inode, &n);

	for (i = 0; i < n; i++)
		if (ps->proc[l[i].proc].pid == (uint32_t)pid)
			return &ps->proc[l[i].proc];
	return NULL;
}

/* A child that holds the socket FD too and calls itself NAME. */
static pid_t child_with(int fd, const char *name)
{
	int ready[2];
	char c;
	pid_t pid;

	CHECK(!pipe(ready));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		dup(fd);
		if (write(ready[1], "r", 1) == 1)
			pause();
		_exit(0);
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void collect(struct procset *ps, const struct process_want *want)
{
	struct err e = { 0 };
	const char *used = NULL;
	char why[160];

	procset_init(ps);
	CHECK_EQ(process_collect(ps, want, &used, why, sizeof(why), &e), 0);
	CHECK_STR(used, "proc");
}

static void check_details(const struct proc *p)
{
	char exe[512];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	CHECK(n > 0);
	exe[n > 0 ? n : 0] = 0;
	CHECK_STR(strings_get(p->exe), exe);
	CHECK(strstr(strings_get(p->args), "procscan") != NULL);
	CHECK(!p->cgroup || strings_get(p->cgroup)[0] == '/');
}

static void test_scan(void)
{
	int mine = socket(AF_INET, SOCK_STREAM, 0), shared = socket(AF_INET6, SOCK_DGRAM, 0), pipes[2];
	pid_t child = child_with(shared, "a \x1b[2J b\n");
	uint32_t inode[2] = { inode_of(mine), inode_of(shared) }, n;
	struct process_want want = { .method = PROCESS_PROC, .exe = true, .args = true, .cgroup = true };
	const struct proc *p;
	struct procset ps;

	CHECK(!pipe(pipes));
	collect(&ps, &want);
	p = holder(&ps, inode[0], getpid());
	CHECK(p != NULL);
	if (p)
		check_details(p);
	CHECK(holder(&ps, inode[1], getpid()) != NULL);
	p = holder(&ps, inode[1], child);
	CHECK(p != NULL);
	if (p)
		CHECK_STR(strings_get(p->name), "a \x1b[2J b\n");
	/* Twice open in the child, once in us: two holders. */
	procset_find(&ps, inode[1], &n);
	CHECK_EQ(n, 2);
	procset_find(&ps, inode_of(pipes[0]), &n);
	CHECK_EQ(n, 0);
	procset_free(&ps);

	/* Only what is asked about; then only those processes are looked at. */
	want = (struct process_want){ .method = PROCESS_AUTO, .sockets = 1, .inode = inode, .ninode = 1 };
	collect(&ps, &want);
	CHECK_EQ(ps.nlink, 2); /* the child has a copy of it as well */
	CHECK_EQ(ps.nproc, 2);
	CHECK(ps.nproc && !ps.proc[0].exe && !ps.proc[0].args);
	procset_find(&ps, inode[1], &n);
	CHECK_EQ(n, 0);
	procset_free(&ps);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(mine);
	close(shared);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_replay(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct process_want want = { .method = PROCESS_PROC, .exe = true };
	uint32_t inode = inode_of(fd);
	struct procset live, again;
	struct err e = { 0 };
	char dir[64], command[96];
	const struct proc *p;

	if (!IS_ENABLED(CONFIG_REPLAY))
		return;
	snprintf(dir, sizeof(dir), "/tmp/t_procscan.%d", (int)getpid());
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	CHECK_EQ(door_setup(dir, NULL, &e), 0);
	collect(&live, &want);
	CHECK_EQ(door_finish(&e), 0);
	close(fd);
	CHECK_EQ(door_setup(NULL, dir, &e), 0);
	collect(&again, &want);
	CHECK_EQ(door_finish(&e), 0);
	p = holder(&again, inode, getpid());
	CHECK(p && p->exe && p->name);
	CHECK_EQ(again.nlink, live.nlink);
	CHECK_EQ(again.nproc, live.nproc);
	CHECK_EQ(again.complete, live.complete);
	procset_free(&live);
	procset_free(&again);
	CHECK_EQ(system(command), 0);
}

static void test_parse(void)
{
	static const uint32_t msg[] = { 0, 7, 8, 9 }, end[] = { 0, 1 };
	const uint32_t only = 8;
	struct process_want want = { .inode = &only, .ninode = 1 };
	uint32_t self[4] = { (uint32_t)getpid(), 7, 8, 9 };
	struct procset ps;

	CHECK_EQ(procscan_socket("socket:[12]", 11), 12);
	CHECK_EQ(procscan_socket("socket:[4294967295]", 19), 4294967295u);
	CHECK_EQ(procscan_socket("socket:[4294967296]", 19), 0);
	CHECK_EQ(procscan_socket("socket:[]", 9), 0);
	CHECK_EQ(procscan_socket("socket:[1", 9), 0);
	CHECK_EQ(procscan_socket("socket:[0x1]", 12), 0);
	CHECK_EQ(procscan_socket("pipe:[1]", 8), 0);
	CHECK_EQ(procscan_socket("", 0), 0);
	procset_init(&ps);
	CHECK_EQ(procscan_parse(&ps, &want, self, sizeof(self)), 0);
	CHECK_EQ(ps.nlink, 1);
	CHECK_EQ(procscan_parse(&ps, &want, self, 7), -EBADMSG);
	CHECK_EQ(procscan_parse(&ps, &want, self, 4), -EBADMSG);
	CHECK_EQ(procscan_parse(&ps, &want, msg, sizeof(msg)), 0);
	CHECK(!ps.complete);
	CHECK_EQ(procscan_parse(&ps, &want, end, sizeof(end)), 0);
	CHECK(ps.complete);
	procset_free(&ps);
}

static void test_cgroup(void)
{
	uint32_t path = cgroup_path(1);

	/* Where the second version is mounted, its root has id 1 and a name; otherwise nothing is known. */
	CHECK(!path || !strcmp(strings_get(path), "/"));
	CHECK(cgroup_id("/") == (path && sizeof(long) > 4));
	CHECK_EQ(cgroup_path(0xffffffffffffULL), 0);
	CHECK_EQ(cgroup_id("/no such group"), 0);
	cgroup_free();
}

static void test_netns(void)
{
	struct netns_list l;
	struct err e = { 0 };
	char pid[16];
	struct stat st;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	CHECK_EQ(netns_resolve(&l, pid, &e), 0);
	CHECK_EQ(l.n, 1);
	CHECK(!stat("/proc/self/ns/net", &st) && l.n && l.ns[0].inode == st.st_ino);
	CHECK_STR(strings_get(l.ns[0].name), pid);
	if (!geteuid()) {
		CHECK_EQ(netns_enter(&l, 0, &e), 0);
		CHECK_EQ(netns_return(&l, &e), 0);
	}
	netns_free(&l);
	CHECK_EQ(netns_resolve(&l, "no/such", &e), -ENOENT);
	CHECK(strstr(e.text, "'no/such'") != NULL);
	netns_free(&l);
	CHECK_EQ(netns_resolve(&l, "..", &e), -ENOENT);
	netns_free(&l);
	CHECK_EQ(netns_resolve(&l, "", &e), -ENOENT);
	netns_free(&l);
	CHECK_EQ(netns_resolve(&l, "2147483647", &e), -ESRCH);
	netns_free(&l);
	CHECK_EQ(netns_resolve(&l, "all", &e), 0);
	CHECK(l.n >= 1);
	netns_free(&l);
}

int main(void)
{
	test_scan();
	test_replay();
	test_parse();
	if (IS_ENABLED(CONFIG_CGROUP))
		test_cgroup();
	if (IS_ENABLED(CONFIG_NETNS))
		test_netns();
	strings_free();
	return check_done("procscan");
}
