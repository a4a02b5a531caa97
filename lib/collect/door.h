/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one door through which everything read from the kernel comes (files, links, folders, netlink answers, BPF
 * iterators and maps), so that it can be recorded into a folder and replayed from it: a bug report from a router
 * becomes a test.
 *
 * With CONFIG_REPLAY off the recording half compiles to nothing. Streams and files are named; the n-th use of one
 * name is the n-th recording of it. Refused (door_setup answers -EPERM) when started with more rights than the
 * caller's.
 */
#ifndef FLEUTAN_DOOR_H
#define FLEUTAN_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "core/err.h"

/*
 * RECORD and REPLAY are folders or NULL (at most one of them); a recording starts in an empty or new folder. 0 or
 * -errno. Call once, before threads.
 */
int door_setup(const char *record, const char *replay, struct err *e);
/* Ends a recording or a replay. 0, or -EIO: something could not be written, the recording is not whole. */
int door_finish(struct err *e);
bool door_replaying(void);
bool door_recording(void);

/* Reads a small file whole: bytes read (at most CAP - 1, NUL added) or -errno. */
ssize_t door_read_file(const char *path, char *buf, size_t cap);
ssize_t door_read_link(const char *path, char *buf, size_t cap); /* NUL added */
/* Calls FN for each name in folder PATH ("." and ".." left out) until it returns non-zero. 0 or -errno. */
int door_list(const char *path, int (*fn)(void *arg, const char *name), void *arg);
/* A number that is not in any file (a time, a count): VALUE when live, the recorded one in a replay. */
uint64_t door_number(const char *name, uint64_t value);
/* The name of a network device of the calling thread's namespace. 0 or -errno. */
int door_if_name(uint32_t ifindex, char name[16]);
/*
 * An answer that is not in any file (an ioctl's): LIVE bytes at BUF, or -errno; in a replay what was recorded, at most
 * CAP bytes. Returns it.
 */
ssize_t door_bytes(const char *name, void *buf, size_t cap, ssize_t live);
/* How many CPUs there can be (the last one's number plus one); UINT32_MAX: not known. */
uint32_t door_cpus(void);

/* A stream of messages from a descriptor (netlink socket, BPF iterator, a map read into records). */
struct door_stream {
	int fd;        /* the real one; -1: none, or a replay */
	int copy;      /* where a recording goes, or -1 */
	bool socket;   /* fd is one: messages have ends */
	uint8_t *data; /* replay: the recording, LEN bytes, read up to POS */
	size_t len, pos;
};

/* In a replay FD is ignored (-1 is usual). 0 or -errno (-ENODATA: the recording has no such stream). */
int door_stream_open(struct door_stream *s, const char *name, int fd);
/*
 * One message (datagram) or piece: bytes, 0 at the end, -errno (-EMSGSIZE: it was longer than CAP). Message
 * boundaries survive recording.
 */
ssize_t door_stream_read(struct door_stream *s, void *buf, size_t cap);
/*
 * For what no descriptor gives (a walk over folders, map look-ups): adds a message to the recording; nothing
 * otherwise.
 */
void door_stream_note(struct door_stream *s, const void *msg, size_t len);
void door_stream_close(struct door_stream *s); /* does not close the real fd */

/*
 * The formats of recordings, which are as foreign as anything else: bytes and a length, nothing else is touched.
 * A stream is a row of messages, each behind its length (u32, little endian; with the top bit set it is the errno
 * that the read gave). Moves *POS; returns the bytes at *MSG, 0 at the end, the recorded -errno, or -EBADMSG for
 * ever.
 */
ssize_t door_parse_message(const uint8_t *p, size_t len, size_t *pos, const uint8_t **msg);
/* A folder is a row of NUL-terminated names: the next one, NULL at the end or where it is broken. */
const char *door_parse_name(const char *p, size_t len, size_t *pos);

#endif
