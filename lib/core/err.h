/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One error object for the whole library: functions return 0 or -errno and say why here. */
#ifndef FLEUTAN_ERR_H
#define FLEUTAN_ERR_H

struct err {
	int code;       /* positive errno, 0: nothing went wrong */
	char text[240]; /* one line for a person, no newline, no control characters */
};

/*
 * Records why something failed: TEXT is formatted as by printf, control characters in it become '?'.
 * CODE is a positive errno. E may be NULL. Returns -CODE, so that `return err_set(e, ENOENT, …)` reads well.
 */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As strerror(), for what system calls answer here ("error 123" for the rest): the whole list would take 2 KB. */
const char *err_text(int code);

#endif
