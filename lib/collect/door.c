/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The door to the kernel: live reads, and their recording and replay.
 *
 * A recording is a folder of plain files named KIND,NAME,OCCURRENCE with NAME percent-encoded: what a file held,
 * where a link led, the names in a folder, the messages of a stream; with ",error" behind it the errno that was
 * answered instead.
 */
#include "collect/door.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/text.h"
#include "core/util.h"

#define STREAM_MAX (512u << 20)  /* bytes of a stream that a replay takes into memory */
#define LIST_MAX (16u << 20)
#define MESSAGE_MAX (1u << 20)
#define MESSAGE_ERROR 0x80000000u
#define ERRNO_MAX 4095
#define USES_MAX 1000000

/* What the kernel answered is in its own byte order. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
static const char format[] = "fleutan recording 1 big-endian\n";
#else
static const char format[] = "fleutan recording 1 little-endian\n";
#endif

/* How often a name was used. */
struct use {
	struct use *next;
	uint32_t n;
	char name[];
};

#define BUCKETS 256

static struct {
	enum { DOOR_LIVE, DOOR_RECORD, DOOR_REPLAY } mode;
	int dir;
	bool broken; /* something of the recording could not be written */
	uint32_t nuse;
	struct use *use[BUCKETS];
} door;

static pthread_mutex_t door_lock = PTHREAD_MUTEX_INITIALIZER;

bool door_replaying(void)
{
	return IS_ENABLED(CONFIG_REPLAY) && door.mode == DOOR_REPLAY;
}

bool door_recording(void)
{
	return IS_ENABLED(CONFIG_REPLAY) && door.mode == DOOR_RECORD;
}

struct entry {
	char name[NAME_MAX + 1];
};

/* Counts a use of NAME; UINT32_MAX: no room. */
static uint32_t count_use(const char *name)
{
	size_t len = strlen(name) + 1;
	struct use **at = &door.use[hash_bytes(name, len) % BUCKETS], *u;
	uint32_t n = UINT32_MAX;

	pthread_mutex_lock(&door_lock);
	for (u = *at; u && strcmp(u->name, name); u = u->next)
		;
	if (!u && door.nuse < USES_MAX && (u = malloc(sizeof(*u) + len))) {
		memcpy(u->name, name, len);
		u->n = 0;
		u->next = *at;
		*at = u;
		door.nuse++;
	}
	if (u)
		n = u->n++;
	pthread_mutex_unlock(&door_lock);
	return n;
}

/* The file of the recording for this use of NAME; empty when there can be none. */
static void entry_name(struct entry *e, const char *kind, const char *name)
{
	const size_t room = sizeof(e->name) - sizeof(",4294967295,error");
	size_t len = fmt_text(e->name, room, "%s,", kind);
	uint32_t n;

	for (; *name && len + 3 < room; name++) {
		unsigned char c = (unsigned char)*name;
		bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("_.-", c);

		len += fmt_text(e->name + len, 4, plain ? "%c" : "%%%02X", c);
	}
	n = *name ? UINT32_MAX : count_use(e->name);
	if (n == UINT32_MAX)
		e->name[0] = 0;
	else
		fmt_text(e->name + len, sizeof(e->name) - len, ",%u", n);
}

static int entry_create(const struct entry *e)
{
	int fd = e->name[0] ? openat(door.dir, e->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
				     0600) : -1;

	if (fd < 0)
		door.broken = true;
	return fd;
}

static void entry_write(const struct entry *e, const void *p, size_t len)
{
	int fd = entry_create(e);

	if (fd < 0)
		return;
	if (write(fd, p, len) != (ssize_t)len)
		door.broken = true;
	if (close(fd))
		door.broken = true;
}

/* Records an answer of N bytes at P, or the errno -N. */
/* The recording of an answer that is an error; make_name() has left room for it. */
static void name_error(struct entry *e)
{
	memcpy(e->name + strlen(e->name), ",error", sizeof(",error"));
}

static void entry_record(struct entry *e, const void *p, ssize_t n)
{
	char code[16];

	if (n >= 0) {
		entry_write(e, p, (size_t)n);
		return;
	}
	if (e->name[0])
		name_error(e);
	entry_write(e, code, fmt_text(code, sizeof(code), "%d", (int)-n));
}

/* A regular file of the recording, at most MAX bytes long; nothing else in that folder is opened. */
static int entry_open(const struct entry *e, uint64_t max, size_t *size)
{
	int fd = e->name[0] ? openat(door.dir, e->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	struct stat st;

	if (fd < 0)
		return -ENOENT;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size >= 0 && (uint64_t)st.st_size <= max) {
		*size = (size_t)st.st_size;
		return fd;
	}
	close(fd);
	return -EBADMSG;
}

/* Bytes up to CAP, fewer at the end of the file, or -errno. */
static ssize_t read_all(int fd, void *buf, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = read(fd, (char *)buf + len, cap - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* The recorded answer: bytes or -errno. */
static ssize_t entry_replay(struct entry *e, void *p, size_t cap)
{
	char code[16];
	uint64_t v;
	size_t size;
	ssize_t n;
	int fd = entry_open(e, SIZE_MAX, &size);

	if (fd >= 0) {
		n = read_all(fd, p, cap);
		close(fd);
		return n;
	}
	if (fd != -ENOENT || !e->name[0])
		return fd;
	name_error(e);
	fd = entry_open(e, sizeof(code), &size);
	if (fd < 0)
		return fd;
	n = read_all(fd, code, sizeof(code));
	close(fd);
	if (n <= 0 || !parse_u64(code, (size_t)n, &v) || !v || v > ERRNO_MAX)
		return -EBADMSG;
	return -(ssize_t)v;
}

/* The recorded file whole, to be freed; NULL and -errno in *SIZE. */
static void *entry_load(const struct entry *e, uint64_t max, ssize_t *size)
{
	size_t len;
	int fd = entry_open(e, max, &len);
	void *p;

	*size = fd;
	if (fd < 0)
		return NULL;
	p = malloc(len + 1);
	*size = p ? read_all(fd, p, len) : -ENOMEM;
	close(fd);
	if (*size >= 0)
		return p;
	free(p);
	return NULL;
}

static bool folder_is_empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;
	bool empty = true;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (empty && (de = readdir(d)))
		empty = !strcmp(de->d_name, ".") || !strcmp(de->d_name, "..");
	closedir(d);
	return empty;
}

static int door_start(const char *path, bool record, struct err *e)
{
	const struct entry head = { "format" };
	char have[sizeof(format) + 1];
	size_t size;
	int fd;

	if (record && mkdir(path, 0700) && errno != EEXIST)
		return err_set(e, errno, "record: cannot create '%s': %s", path, err_text(errno));
	door.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (door.dir < 0)
		return err_set(e, errno, "%s: cannot open '%s': %s", record ? "record" : "replay", path,
			       err_text(errno));
	if (record) {
		if (!folder_is_empty(door.dir)) {
			close(door.dir);
			return err_set(e, ENOTEMPTY, "record: '%s' is not empty", path);
		}
		entry_write(&head, format, sizeof(format) - 1);
		door.mode = DOOR_RECORD;
		return 0;
	}
	fd = entry_open(&head, sizeof(have), &size);
	if (fd < 0 || read_all(fd, have, sizeof(have)) != sizeof(format) - 1 ||
	    memcmp(have, format, sizeof(format) - 1)) {
		if (fd >= 0)
			close(fd);
		close(door.dir);
		return err_set(e, EINVAL,
			       "replay: '%s' is no recording for this machine (its file 'format' is not \"%.*s\")",
			       path, (int)sizeof(format) - 2, format);
	}
	close(fd);
	door.mode = DOOR_REPLAY;
	return 0;
}

int door_setup(const char *record, const char *replay, struct err *e)
{
	if (!record && !replay)
		return 0;
	if (!IS_ENABLED(CONFIG_REPLAY))
		return err_set(e, ENOSYS, "recordings are not built in");
	if (is_privileged_start())
		return err_set(e, EPERM, "recordings are refused: started with more rights than yours");
	if (record && replay)
		return err_set(e, EINVAL, "record and replay exclude each other");
	return door_start(record ? record : replay, record != NULL, e);
}

int door_finish(struct err *e)
{
	bool broken = door.broken;
	unsigned i;

	if (!IS_ENABLED(CONFIG_REPLAY) || door.mode == DOOR_LIVE)
		return 0;
	close(door.dir);
	for (i = 0; i < BUCKETS; i++) {
		while (door.use[i]) {
			struct use *u = door.use[i];

			door.use[i] = u->next;
			free(u);
		}
	}
	memset(&door, 0, sizeof(door));
	return broken ? err_set(e, EIO, "record: the recording is not whole: a part of it could not be written") : 0;
}

static ssize_t live_file(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read_all(fd, buf, cap);
	close(fd);
	return n;
}

static ssize_t live_link(const char *path, char *buf, size_t cap)
{
	ssize_t n = readlink(path, buf, cap);

	return n < 0 ? -errno : n;
}

static ssize_t live_if_name(const char *ifindex, char *buf, size_t cap)
{
	char name[IF_NAMESIZE];
	uint64_t index = 0;
	size_t len;

	parse_u64(ifindex, strlen(ifindex), &index);
	if (!if_indextoname((unsigned)index, name))
		return -errno;
	len = strlen(name);
	len = MIN(len, cap);
	memcpy(buf, name, len);
	return (ssize_t)len;
}

typedef ssize_t (*live_fn)(const char *name, char *buf, size_t cap);

/* One question with one answer of at most CAP - 1 bytes, to which a NUL is added. */
static ssize_t ask(const char *kind, const char *name, live_fn live, char *buf, size_t cap)
{
	struct entry e;
	ssize_t n;

	if (!cap)
		return -EINVAL;
	if (door_replaying()) {
		entry_name(&e, kind, name);
		n = entry_replay(&e, buf, cap - 1);
	} else {
		n = live(name, buf, cap - 1);
	}
	if (door_recording()) {
		entry_name(&e, kind, name);
		entry_record(&e, buf, n);
	}
	buf[n < 0 ? 0 : n] = 0;
	return n;
}

ssize_t door_read_file(const char *path, char *buf, size_t cap)
{
	return ask("file", path, live_file, buf, cap);
}

ssize_t door_read_link(const char *path, char *buf, size_t cap)
{
	return ask("link", path, live_link, buf, cap);
}

int door_if_name(uint32_t ifindex, char name[16])
{
	char number[16];
	ssize_t n;

	fmt_text(number, sizeof(number), "%u", ifindex);
	n = ask("device", number, live_if_name, name, IF_NAMESIZE);
	return n < 0 ? (int)n : 0;
}

ssize_t door_bytes(const char *name, void *buf, size_t cap, ssize_t live)
{
	struct entry e;

	if (door_recording()) {
		entry_name(&e, "bytes", name);
		entry_record(&e, buf, live);
	} else if (door_replaying()) {
		entry_name(&e, "bytes", name);
		live = entry_replay(&e, buf, cap);
	}
	return live;
}

/* One more than the last number of "0-3,8-11". */
uint32_t door_cpus(void)
{
	char buf[256], *last = buf;
	uint64_t n;
	ssize_t len = door_read_file("/sys/devices/system/cpu/possible", buf, sizeof(buf));

	for (ssize_t i = 0; i < len; i++)
		if (buf[i] == '-' || buf[i] == ',')
			last = &buf[i + 1];
	return len > 0 && parse_u64(last, strcspn(last, "\n"), &n) && n < UINT32_MAX ? (uint32_t)n + 1 : UINT32_MAX;
}

uint64_t door_number(const char *name, uint64_t value)
{
	struct entry e;
	char text[24];
	ssize_t n;

	if (door_recording()) {
		entry_name(&e, "number", name);
		entry_write(&e, text, fmt_u64(text, value));
	} else if (door_replaying()) {
		entry_name(&e, "number", name);
		n = entry_replay(&e, text, sizeof(text));
		if (n > 0)
			parse_u64(text, (size_t)n, &value);
	}
	return value;
}

const char *door_parse_name(const char *p, size_t len, size_t *pos)
{
	const char *name = p + *pos;
	const char *end = *pos < len ? memchr(name, 0, len - *pos) : NULL;

	/* A name leads nowhere else: it may become part of a path. */
	if (!end || end == name || memchr(name, '/', (size_t)(end - name)) || !strcmp(name, ".") || !strcmp(name, ".."))
		return NULL;
	*pos += (size_t)(end - name) + 1;
	return name;
}

static int list_live(const char *path, int (*fn)(void *arg, const char *name), void *arg)
{
	DIR *d = opendir(path);
	const struct dirent *de;
	int stop = 0;

	if (!d)
		return -errno;
	while (!stop && (de = readdir(d)))
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			stop = fn(arg, de->d_name);
	closedir(d);
	return 0;
}

static int list_add(void *arg, const char *name)
{
	buf_add(arg, name, strlen(name) + 1);
	return 0;
}

/* Records the whole folder, or replays it. */
static int list_taped(const char *path, int (*fn)(void *arg, const char *name), void *arg)
{
	struct buf names = BUF_INIT;
	struct entry e;
	const char *name;
	size_t pos = 0;
	ssize_t n = 0;

	entry_name(&e, "list", path);
	if (door_recording()) {
		n = list_live(path, list_add, &names);
		if (names.failed)
			n = -ENOMEM;
		entry_record(&e, names.p, n < 0 ? n : (ssize_t)names.len);
	} else {
		names.p = entry_load(&e, LIST_MAX, &n);
		if (n == -ENOENT)
			n = entry_replay(&e, NULL, 0);
		names.len = n < 0 ? 0 : (size_t)n;
	}
	while (names.p && (name = door_parse_name(names.p, names.len, &pos)) && !fn(arg, name))
		;
	free(names.p);
	return n < 0 ? (int)n : 0;
}

int door_list(const char *path, int (*fn)(void *arg, const char *name), void *arg)
{
	return door_recording() || door_replaying() ? list_taped(path, fn, arg) : list_live(path, fn, arg);
}

int door_stream_open(struct door_stream *s, const char *name, int fd)
{
	struct entry e;
	socklen_t len = sizeof(int);
	int type;
	ssize_t size;

	*s = (struct door_stream){ .fd = fd, .copy = -1 };
	if (door_replaying()) {
		s->fd = -1;
		entry_name(&e, "stream", name);
		s->data = entry_load(&e, STREAM_MAX, &size);
		if (!s->data)
			return size == -ENOENT ? -ENODATA : (int)size;
		s->len = (size_t)size;
		return 0;
	}
	if (fd >= 0) {
		s->socket = !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
		if (!s->socket && errno != ENOTSOCK)
			return -errno;
	}
	if (door_recording()) {
		entry_name(&e, "stream", name);
		s->copy = entry_create(&e);
	}
	return 0;
}

/* Adds a message to the recording, or the errno that came instead of one. */
static void stream_record(struct door_stream *s, const void *msg, size_t len, uint32_t code)
{
	uint32_t head = code ? MESSAGE_ERROR | code : (uint32_t)len;
	uint8_t h[4] = { (uint8_t)head, (uint8_t)(head >> 8), (uint8_t)(head >> 16), (uint8_t)(head >> 24) };
	struct iovec iov[2] = { { h, sizeof(h) }, { (void *)msg, len } };

	if (len > MESSAGE_MAX || writev(s->copy, iov, 2) != (ssize_t)(len + sizeof(h)))
		door.broken = true;
}

void door_stream_note(struct door_stream *s, const void *msg, size_t len)
{
	if (IS_ENABLED(CONFIG_REPLAY) && s->copy >= 0 && len)
		stream_record(s, msg, len, 0);
}

ssize_t door_parse_message(const uint8_t *p, size_t len, size_t *pos, const uint8_t **msg)
{
	const uint8_t *h = p + *pos;
	size_t left = len - *pos;
	uint32_t n;

	if (!left)
		return 0;
	if (left < 4)
		return -EBADMSG;
	n = h[0] | (uint32_t)h[1] << 8 | (uint32_t)h[2] << 16 | (uint32_t)h[3] << 24;
	if (n & MESSAGE_ERROR) {
		n &= ~MESSAGE_ERROR;
		if (!n || n > ERRNO_MAX)
			return -EBADMSG;
		*pos += 4;
		return -(ssize_t)n;
	}
	if (!n || n > MESSAGE_MAX || n > left - 4)
		return -EBADMSG;
	*msg = h + 4;
	*pos += 4 + n;
	return (ssize_t)n;
}

static ssize_t stream_replay(struct door_stream *s, void *buf, size_t cap)
{
	const uint8_t *msg = NULL;
	ssize_t n = door_parse_message(s->data, s->len, &s->pos, &msg);

	if (n <= 0)
		return n;
	if ((size_t)n > cap)
		return -EMSGSIZE;
	memcpy(buf, msg, (size_t)n);
	return n;
}

ssize_t door_stream_read(struct door_stream *s, void *buf, size_t cap)
{
	ssize_t n;

	if (IS_ENABLED(CONFIG_REPLAY) && s->data)
		return stream_replay(s, buf, cap);
	do {
		/* MSG_TRUNC: the length of the whole message, whether or not it fits. */
		n = s->socket ? recv(s->fd, buf, cap, MSG_TRUNC) : read(s->fd, buf, cap);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		n = -errno;
	else if ((size_t)n > cap)
		n = -EMSGSIZE;
	if (IS_ENABLED(CONFIG_REPLAY) && s->copy >= 0 && n)
		stream_record(s, buf, n < 0 ? 0 : (size_t)n, n < 0 ? (uint32_t)-n : 0);
	return n;
}

void door_stream_close(struct door_stream *s)
{
	if (s->copy >= 0 && close(s->copy))
		door.broken = true;
	free(s->data);
	*s = (struct door_stream){ .fd = -1, .copy = -1 };
}
