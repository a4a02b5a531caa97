/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A growable output buffer: everything that is printed is first written here, then handed to a file in large writes.
 * After an allocation failure the buffer swallows what follows and `failed` is set: callers check once, at the end.
 */
#ifndef FLEUTAN_BUF_H
#define FLEUTAN_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *p;    /* owned; not NUL-terminated */
	size_t len; /* bytes used */
	size_t cap; /* bytes allocated */
	bool failed;
};

#define BUF_INIT { 0 }

/* Makes room for N more bytes; false (and b->failed) when there is none. */
bool buf_room(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_ch(struct buf *b, char c);
void buf_fill(struct buf *b, char c, unsigned n);
void buf_u64(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_free(struct buf *b);

/* Writes V in decimal at P (needs 20 bytes), returns the number of characters. The fast path of every row printer. */
unsigned fmt_u64(char *p, uint64_t v);
/* Writes a v4-mapped or v6 address (16 bytes) in its usual text form (RFC 5952); needs 46 bytes, returns the length. */
unsigned fmt_addr(char *p, const uint8_t addr[16]);

/* Writes all of B to FD and empties it. 0 or -errno. Retries EINTR and short writes. */
int buf_flush(struct buf *b, int fd);

#endif
