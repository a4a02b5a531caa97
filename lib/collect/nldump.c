/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps over netlink. */
#include "collect/nldump.h"

#include <errno.h>
#include <stdlib.h>

#include "collect/door.h"

#define RECEIVE_BUFFER (256 << 10)
#define READ_BUFFER (32 << 10) /* the kernel never makes a datagram of a dump larger */

int nldump_open(struct nldump *d, int bus, const char *who, struct err *e)
{
	int size = RECEIVE_BUFFER;

	*d = (struct nldump){ .buf = malloc(READ_BUFFER) };
	if (!d->buf)
		return err_set(e, ENOMEM, "%s: out of memory", who);
	if (door_replaying())
		return 0;
	d->nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!d->nl || mnl_socket_bind(d->nl, 0, MNL_SOCKET_AUTOPID))
		return err_set(e, errno, "%s: no netlink socket: %s", who, err_text(errno));
	/* As much as is allowed: the kernel works ahead while we decode. */
	(void)setsockopt(mnl_socket_get_fd(d->nl), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

void nldump_close(struct nldump *d)
{
	if (d->nl)
		mnl_socket_close(d->nl);
	free(d->buf);
	*d = (struct nldump){ 0 };
}

/* What a message of the netlink layer says: 0 go on, 1 the dump is over, -errno. */
static int control(const struct nlmsghdr *nlh)
{
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	int32_t code = 0;

	if (nlh->nlmsg_type != NLMSG_ERROR && nlh->nlmsg_type != NLMSG_DONE)
		return 0;
	/* Both begin with an errno; the end of a dump may lack it. */
	if (len >= sizeof(code))
		memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof(code));
	else if (nlh->nlmsg_type == NLMSG_ERROR)
		return -EBADMSG;
	return code < 0 && code > -4096 ? code : 1;
}

int nldump_walk(struct nldump *d, size_t size)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)d->buf;
	uint32_t seq = d->nl ? d->seq : 0;
	int len = (int)size, r;

	/* libmnl compares lengths as signed: one beyond 2 GB would pass, and lead backwards. */
	for (; mnl_nlmsg_ok(nlh, len) && nlh->nlmsg_len <= (uint32_t)len; nlh = mnl_nlmsg_next(nlh, &len)) {
		if (!mnl_nlmsg_seq_ok(nlh, seq))
			continue; /* of an earlier question */
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			d->interrupted = true;
		r = nlh->nlmsg_type < NLMSG_MIN_TYPE ? control(nlh) : d->fn(d->arg, nlh);
		if (r)
			return r;
	}
	/* A message that claims more than is there, and whatever stood behind it, is lost. */
	d->malformed += len > 0;
	return 0;
}

/* Reads the answer to one question. 0 or -errno, mostly the kernel's. */
static int read_answer(struct nldump *d, const char *name)
{
	struct door_stream s;
	int r = door_stream_open(&s, name, d->nl ? mnl_socket_get_fd(d->nl) : -1);

	while (!r) {
		ssize_t n = door_stream_read(&s, d->buf, READ_BUFFER);

		if (n == -EMSGSIZE) {
			/* Cannot happen with the sizes above; what was cut is lost, the rest goes on. */
			d->malformed++;
			d->incomplete = true;
		} else if (n == -ENOBUFS) {
			d->interrupted = true;
		} else if (n <= 0) {
			/* A recording may be cut short. */
			d->incomplete = true;
			r = n ? (int)n : 1;
		} else {
			r = nldump_walk(d, (size_t)n);
		}
	}
	door_stream_close(&s);
	return r < 0 ? r : 0;
}

int nldump_once(struct nldump *d, const char *name, struct nlmsghdr *req)
{
	req->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	req->nlmsg_seq = ++d->seq;
	if (d->nl && mnl_socket_sendto(d->nl, req, req->nlmsg_len) < 0)
		return -errno;
	return read_answer(d, name);
}

int nldump_run(struct nldump *d, const char *name, struct nlmsghdr *req)
{
	unsigned repeat;
	int r;

	for (repeat = 0; ; repeat++) {
		d->interrupted = false;
		r = nldump_once(d, name, req);
		if (r || !d->interrupted)
			break;
		if (repeat == NLDUMP_REPEATS) {
			d->incomplete = true;
			break;
		}
		d->fn(d->arg, NULL);
	}
	d->incomplete |= d->malformed != 0;
	return r;
}
