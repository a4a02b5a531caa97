/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The door: live reads, a recording, its replay, and folders that mean harm. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "collect/door.h"

static char dir[64], path[512];

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put_file(const char *name, const void *p, size_t len)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && write(fd, p, len) == (ssize_t)len);
	close(fd);
}

static int count_name(void *arg, const char *name)
{
	unsigned *n = arg;

	n[0]++;
	n[1] += !strcmp(name, "lo");
	return 0;
}

static int stop_at_once(void *arg, const char *name)
{
	(void)name;
	return ++*(int *)arg;
}

/* What a run sees; the same whether live, recorded or replayed. */
struct seen {
	ssize_t file, again, link, none, stream[4], bytes[3];
	char text[64], target[64], name[16], msg[3][16], answer[8];
	unsigned names[2];
	int list_error, stops;
	uint64_t number;
};

/* A socket that keeps the boundaries of messages, with two of them in it. */
static void look(struct seen *s, uint64_t number)
{
	struct door_stream ds;
	char msg[8];
	int pair[2], i;

	memset(s, 0, sizeof(*s));
	s->file = door_read_file("/proc/sys/kernel/ostype", s->text, sizeof(s->text));
	s->again = door_read_file("/proc/sys/kernel/ostype", s->text, 4);
	s->link = door_read_link("/proc/self/ns/net", s->target, sizeof(s->target));
	s->none = door_read_file("/proc/nothing, really", s->text, sizeof(s->text));
	CHECK_EQ(door_list("/sys/class/net", count_name, s->names), 0);
	s->list_error = door_list("/proc/no/folder", count_name, s->names);
	door_list("/sys/class", stop_at_once, &s->stops);
	s->number = door_number("time", number);
	/* An ioctl's answer, which a replay does not ask for. */
	if (!door_replaying())
		memcpy(s->answer, "a\0swer", 7);
	s->bytes[0] = door_bytes("answer of vA/0", s->answer, sizeof(s->answer), door_replaying() ? -EIO : 7);
	s->bytes[1] = door_bytes("answer of vA/0", msg, sizeof(msg), door_replaying() ? 2 : 0);
	s->bytes[2] = door_bytes("no answer", msg, sizeof(msg), door_replaying() ? 2 : -EOPNOTSUPP);
	CHECK_EQ(door_if_name(1, s->name), 0);
	CHECK_EQ(door_if_name(999999, s->msg[2]), -ENXIO);
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	CHECK_EQ(write(pair[0], "first", 5), 5);
	CHECK_EQ(write(pair[0], "the second one", 14), 14);
	CHECK_EQ(write(pair[0], "third", 5), 5);
	close(pair[0]);
	CHECK_EQ(door_stream_open(&ds, "answers", pair[1]), 0);
	s->stream[0] = door_stream_read(&ds, s->msg[0], 16);
	s->stream[1] = door_stream_read(&ds, s->msg[1], 6); /* too small */
	s->stream[2] = door_stream_read(&ds, s->msg[1], 16);
	for (i = 0; i < 2; i++)
		s->stream[3] = door_stream_read(&ds, s->msg[2], 16);
	door_stream_note(&ds, "made", 4);
	door_stream_close(&ds);
	close(pair[1]);
}

static void check_look(const struct seen *s)
{
	CHECK_EQ(s->file, 6);
	CHECK_EQ(s->again, 3);
	CHECK(s->link > 5 && !strncmp(s->target, "net:[", 5));
	CHECK_EQ(s->none, -ENOENT);
	CHECK_EQ(s->list_error, -ENOENT);
	CHECK(s->names[0] >= 1 && s->names[1] == 1);
	CHECK_EQ(s->stops, 1);
	CHECK_EQ(s->number, 77);
	CHECK(s->bytes[0] == 7 && !memcmp(s->answer, "a\0swer", 7));
	CHECK_EQ(s->bytes[1], 0);
	CHECK_EQ(s->bytes[2], -EOPNOTSUPP);
	CHECK_STR(s->name, "lo");
	CHECK_EQ(s->stream[0], 5);
	CHECK_EQ(s->stream[1], -EMSGSIZE);
	CHECK_EQ(s->stream[2], 5);
	CHECK_EQ(s->stream[3], 0);
	CHECK(!memcmp(s->msg[0], "first", 5) && !memcmp(s->msg[1], "third", 5));
}

static void test_record_and_replay(void)
{
	struct seen live, taped, again;
	struct door_stream ds;
	struct err e = { 0 };
	char msg[16];
	unsigned none[2] = { 0 };

	look(&live, 77);
	check_look(&live);
	CHECK_EQ(door_setup(dir, NULL, &e), 0);
	CHECK(door_recording() && !door_replaying());
	look(&taped, 77);
	CHECK_EQ(door_finish(&e), 0);
	CHECK(!memcmp(&live, &taped, sizeof(live)));

	CHECK_EQ(door_setup(dir, NULL, &e), -ENOTEMPTY);
	CHECK(strstr(e.text, "not empty") != NULL);
	CHECK_EQ(door_setup(dir, dir, &e), -EINVAL);
	CHECK_EQ(door_setup("/proc/nowhere", NULL, &e), -ENOENT);
	CHECK_EQ(door_setup(NULL, "/proc/self/fd", &e), -EINVAL);

	CHECK_EQ(door_setup(NULL, dir, &e), 0);
	CHECK(!door_recording() && door_replaying());
	look(&again, 78);
	check_look(&again);
	CHECK_STR(again.target, live.target);
	CHECK(again.names[0] == live.names[0]);
	/* More than was recorded. */
	CHECK_EQ(door_read_file("/proc/version", path, sizeof(path)), -ENOENT);
	CHECK_EQ(door_list("/proc", count_name, none), -ENOENT);
	CHECK_EQ(door_stream_open(&ds, "answers", -1), -ENODATA);
	CHECK_EQ(door_number("time", 5), 5);
	CHECK_EQ(door_bytes("answer of vA/0", msg, sizeof(msg), 2), -ENOENT);
	CHECK_EQ(door_finish(&e), 0);
	CHECK_EQ(door_setup(NULL, dir, &e), 0);
	CHECK_EQ(door_bytes("answer of vA/0", msg, 3, 7), 3); /* no more room */
	CHECK_EQ(door_stream_open(&ds, "answers", -1), 0);
	CHECK_EQ(door_stream_read(&ds, msg, sizeof(msg)), 5);
	CHECK_EQ(door_stream_read(&ds, msg, 16), -EMSGSIZE);
	CHECK_EQ(door_stream_read(&ds, msg, 16), 5);
	CHECK_EQ(door_stream_read(&ds, msg, 16), 4); /* the note */
	CHECK(!memcmp(msg, "made", 4));
	CHECK_EQ(door_stream_read(&ds, msg, 16), 0);
	door_stream_close(&ds);
	CHECK_EQ(door_finish(&e), 0);
}

static void test_hostile(void)
{
	static const uint8_t cut[] = { 2, 0, 0, 0, 'a', 'b', 9, 0, 0, 0, 'c' };
	static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0x7f, 'a' };
	static const uint8_t zero[8] = { 0 }, odd_error[] = { 0, 0, 0, 0x80 };
	struct door_stream ds;
	struct err e = { 0 };
	unsigned names[2] = { 0 };
	char msg[16];

	put_file("stream,cut,0", cut, sizeof(cut));
	put_file("stream,huge,0", huge, sizeof(huge));
	put_file("stream,zero,0", zero, sizeof(zero));
	put_file("stream,error,0", odd_error, sizeof(odd_error));
	put_file("list,%2Fx,0", "ok\0../../etc\0never", 18);
	put_file("file,%2Ferror,0,error", "99999", 5);
	put_file("number,n,0", "not a number", 12);
	CHECK(!mkfifo(in_dir("file,%2Fpipe,0"), 0600));
	CHECK(!symlink("/etc/passwd", in_dir("file,%2Flink,0")));
	CHECK_EQ(door_setup(NULL, dir, &e), 0);
	CHECK_EQ(door_stream_open(&ds, "cut", -1), 0);
	CHECK_EQ(door_stream_read(&ds, msg, 16), 2);
	CHECK_EQ(door_stream_read(&ds, msg, 16), -EBADMSG);
	CHECK_EQ(door_stream_read(&ds, msg, 16), -EBADMSG);
	door_stream_close(&ds);
	CHECK_EQ(door_stream_open(&ds, "huge", -1), 0);
	CHECK_EQ(door_stream_read(&ds, msg, 16), -EBADMSG);
	door_stream_close(&ds);
	CHECK_EQ(door_stream_open(&ds, "zero", -1), 0);
	CHECK_EQ(door_stream_read(&ds, msg, 16), -EBADMSG);
	door_stream_close(&ds);
	CHECK_EQ(door_stream_open(&ds, "error", -1), 0);
	CHECK_EQ(door_stream_read(&ds, msg, 16), -EBADMSG);
	door_stream_close(&ds);
	CHECK_EQ(door_list("/x", count_name, names), 0);
	CHECK_EQ(names[0], 1);
	CHECK_EQ(door_read_file("/error", msg, sizeof(msg)), -EBADMSG);
	CHECK_EQ(door_number("n", 3), 3);
	CHECK(door_read_file("/pipe", msg, sizeof(msg)) < 0);
	CHECK(door_read_file("/link", msg, sizeof(msg)) < 0);
	CHECK_EQ(door_finish(&e), 0);
	put_file("format", "fleutan recording 1 middle-endian\n", 34);
	CHECK_EQ(door_setup(NULL, dir, &e), -EINVAL);
}

static void test_long_name(void)
{
	char name[400], other[128], msg[8];
	struct err e = { 0 };

	memset(name, 'n', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = 0;
	snprintf(other, sizeof(other), "%s/long", dir);
	CHECK_EQ(door_setup(other, NULL, &e), 0);
	CHECK_EQ(door_read_file(name, msg, sizeof(msg)), -ENAMETOOLONG);
	CHECK_EQ(door_finish(&e), -EIO);
	CHECK_EQ(door_finish(&e), 0);
}

int main(void)
{
	char command[96];

	snprintf(dir, sizeof(dir), "/tmp/t_door.%d", (int)getpid());
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	test_record_and_replay();
	test_hostile();
	test_long_name();
	CHECK_EQ(system(command), 0);
	return check_done("door");
}
