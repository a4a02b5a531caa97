// SPDX-License-Identifier: GPL-2.0-or-later
/* The one error object. */
#include "core/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "core/text.h"
#include "core/util.h"

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -code;
	e->code = code;
	va_start(ap, fmt);
	fmt_vtext(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	/* Names of files, processes and devices get in here: none of them may move the cursor of whoever prints it. */
	for (char *p = e->text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return -code;
}

#define ERRORS(X) \
	X(EPERM, "Operation not permitted") X(ENOENT, "No such file or directory") X(ESRCH, "No such process") \
	X(EINTR, "Interrupted system call") X(EIO, "I/O error") X(E2BIG, "Argument list too long") \
	X(EBADF, "Bad file descriptor") X(EAGAIN, "Resource temporarily unavailable") X(ENOMEM, "Out of memory") \
	X(EACCES, "Permission denied") X(EFAULT, "Bad address") X(EBUSY, "Resource busy") X(EEXIST, "File exists") \
	X(EXDEV, "Cross-device link") X(ENODEV, "No such device") X(ENOTDIR, "Not a directory") \
	X(EISDIR, "Is a directory") X(EINVAL, "Invalid argument") X(EMFILE, "Too many open files") \
	X(ENFILE, "Too many open files in system") X(EFBIG, "File too large") X(ENOSPC, "No space left on device") \
	X(EROFS, "Read-only file system") X(EMLINK, "Too many links") X(EPIPE, "Broken pipe") X(ERANGE, "Out of range") \
	X(ENAMETOOLONG, "Filename too long") X(ENOSYS, "Function not implemented") X(ENOTEMPTY, "Directory not empty") \
	X(ELOOP, "Symbolic link loop") X(ENODATA, "No data available") X(EBADMSG, "Bad message") \
	X(EMSGSIZE, "Message too large") X(EPROTO, "Protocol error") X(EPROTONOSUPPORT, "Protocol not supported") \
	X(EOPNOTSUPP, "Not supported") X(EAFNOSUPPORT, "Address family not supported by protocol") \
	X(ENETUNREACH, "Network unreachable") X(ENOBUFS, "No buffer space available") X(ETIMEDOUT, "Operation timed out")

const char *err_text(int code)
{
	static const uint16_t codes[] = {
#define X(code, text) code,
		ERRORS(X)
#undef X
	};
	static const char texts[] =
#define X(code, text) text "\0"
		ERRORS(X);
#undef X
	static _Thread_local char other[24];
	const char *text = texts;

	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i] == code)
			return text;
		text += strlen(text) + 1;
	}
	fmt_text(other, sizeof(other), "error %d", code);
	return other;
}
