/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contracts of libmnl that fleutan relies on. Built twice: against lib/mnl and against the distribution's
 * library, so that the two cannot drift apart.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include "check.h"

static union {
	char b[4096];
	struct nlmsghdr h;
} buf;

static struct nlmsghdr *message(void)
{
	struct nlmsghdr *nlh;
	struct rtgenmsg *extra;

	memset(&buf, 0xaa, sizeof(buf));
	nlh = mnl_nlmsg_put_header(&buf);
	CHECK_EQ(nlh->nlmsg_len, 16);
	CHECK_EQ(nlh->nlmsg_seq, 0);
	nlh->nlmsg_type = RTM_NEWLINK;
	extra = mnl_nlmsg_put_extra_header(nlh, 1);
	CHECK_EQ(nlh->nlmsg_len, 20);
	CHECK_EQ(extra->rtgen_family, 0);
	CHECK(!memcmp(extra, "\0\0\0\0", 4));
	return nlh;
}

static int collect_types(const struct nlattr *attr, void *data)
{
	char *s = data;

	s[strlen(s)] = (char)('a' + mnl_attr_get_type(attr));
	return mnl_attr_get_type(attr) == 9 ? MNL_CB_STOP : MNL_CB_OK;
}

static void test_attributes(void)
{
	struct nlmsghdr *nlh = message();
	struct nlattr *nest, *attr;
	char types[16] = "";
	unsigned n = 0;

	mnl_attr_put_u8(nlh, 1, 0x11);
	mnl_attr_put_u16(nlh, 2, 0x2222);
	mnl_attr_put_u32(nlh, 3, 0x33333333);
	mnl_attr_put_u64(nlh, 4, 0x4444444444444444ULL);
	mnl_attr_put_str(nlh, 5, "five5");
	mnl_attr_put_strz(nlh, 6, "six");
	nest = mnl_attr_nest_start(nlh, 7);
	mnl_attr_put(nlh, 1, 0, NULL);
	mnl_attr_put_u8(nlh, 2, 2);
	mnl_attr_nest_end(nlh, nest);
	CHECK_EQ(nlh->nlmsg_len, 20 + 8 + 8 + 8 + 12 + 12 + 8 + 16);
	CHECK_EQ(mnl_nlmsg_get_payload_len(nlh), nlh->nlmsg_len - 16);
	CHECK_EQ(mnl_nlmsg_size(4), 20);

	mnl_attr_for_each(attr, nlh, 1) {
		switch (n++) {
		case 0: CHECK_EQ(mnl_attr_get_u8(attr), 0x11); CHECK_EQ(mnl_attr_get_len(attr), 5); break;
		case 1: CHECK_EQ(mnl_attr_get_u16(attr), 0x2222); break;
		case 2: CHECK_EQ(mnl_attr_get_u32(attr), 0x33333333); break;
		case 3: CHECK(mnl_attr_get_u64(attr) == 0x4444444444444444ULL); break;
		case 4: CHECK_EQ(mnl_attr_get_payload_len(attr), 5); CHECK(!memcmp(mnl_attr_get_str(attr), "five5",
										   5)); break;
		case 5: CHECK_STR(mnl_attr_get_str(attr), "six"); break;
		case 6: CHECK_EQ(mnl_attr_get_type(attr), 7); CHECK_EQ(attr->nla_type, 7 | NLA_F_NESTED); break;
		}
	}
	CHECK_EQ(n, 7);
	n = 0;
	mnl_attr_for_each_nested(attr, nest)
		n += mnl_attr_get_type(attr);
	CHECK_EQ(n, 3);
	CHECK_EQ(mnl_attr_parse(nlh, 1, collect_types, types), MNL_CB_OK);
	CHECK_STR(types, "bcdefgh");
	memset(types, 0, sizeof(types));
	CHECK_EQ(mnl_attr_parse_nested(nest, collect_types, types), MNL_CB_OK);
	CHECK_STR(types, "bc");
	memset(types, 0, sizeof(types));
	CHECK_EQ(mnl_attr_parse_payload(mnl_nlmsg_get_payload_offset(nlh, 1), 17, collect_types, types), MNL_CB_OK);
	CHECK_STR(types, "bc");
	mnl_attr_put_u8(nlh, 9, 0);
	mnl_attr_put_u8(nlh, 10, 0);
	memset(types, 0, sizeof(types));
	CHECK_EQ(mnl_attr_parse(nlh, 1, collect_types, types), MNL_CB_STOP);
	CHECK_STR(types, "bcdefghj");

	nest = mnl_attr_nest_start(nlh, 8);
	mnl_attr_put_u8(nlh, 1, 1);
	n = nlh->nlmsg_len;
	mnl_attr_nest_cancel(nlh, nest);
	CHECK_EQ(nlh->nlmsg_len, n - 12);
	n = nlh->nlmsg_len;
	CHECK(!mnl_attr_put_check(nlh, n + 8, 1, 5, "12345"));
	CHECK_EQ(nlh->nlmsg_len, n);
	CHECK(mnl_attr_put_check(nlh, n + 12, 1, 5, "12345"));
	CHECK_EQ(nlh->nlmsg_len, n + 12);
}

static void test_bounds(void)
{
	struct nlmsghdr *nlh = message();
	struct nlattr *attr = mnl_nlmsg_get_payload_tail(nlh);
	int len = 40;

	mnl_attr_put_u32(nlh, 1, 7);
	CHECK(mnl_attr_ok(attr, 8));
	CHECK(!mnl_attr_ok(attr, 7));
	CHECK(!mnl_attr_ok(attr, 3));
	CHECK(!mnl_attr_ok(attr, -4));
	attr->nla_len = 3;
	CHECK(!mnl_attr_ok(attr, 8));
	attr->nla_len = 8;
	CHECK((char *)mnl_attr_next(attr) - (char *)attr == 8);

	CHECK(mnl_nlmsg_ok(nlh, 28));
	CHECK(!mnl_nlmsg_ok(nlh, 27));
	CHECK(!mnl_nlmsg_ok(nlh, 15));
	CHECK(!mnl_nlmsg_ok(nlh, -1));
	nlh->nlmsg_len = 15;
	CHECK(!mnl_nlmsg_ok(nlh, 28));
	nlh->nlmsg_len = 27;
	CHECK((char *)mnl_nlmsg_next(nlh, &len) - (char *)nlh == 28);
	CHECK_EQ(len, 12);

	nlh->nlmsg_seq = 5;
	nlh->nlmsg_pid = 6;
	CHECK(mnl_nlmsg_seq_ok(nlh, 5) && mnl_nlmsg_seq_ok(nlh, 0) && !mnl_nlmsg_seq_ok(nlh, 6));
	CHECK(mnl_nlmsg_portid_ok(nlh, 6) && mnl_nlmsg_portid_ok(nlh, 0) && !mnl_nlmsg_portid_ok(nlh, 5));
	nlh->nlmsg_seq = nlh->nlmsg_pid = 0;
	CHECK(mnl_nlmsg_seq_ok(nlh, 5) && mnl_nlmsg_portid_ok(nlh, 5));
}

/* An attribute with N bytes of payload, the last of which is LAST. */
static struct nlattr *attribute(unsigned n, char last)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&buf);
	struct nlattr *attr = mnl_nlmsg_get_payload_tail(nlh);
	char data[16] = "xxxxxxxxxxxxxxx";

	if (n)
		data[n - 1] = last;
	mnl_attr_put(nlh, 3, n, data);
	return attr;
}

static int validate(enum mnl_attr_data_type type, unsigned n, char last)
{
	errno = 0;
	return mnl_attr_validate(attribute(n, last), type) ? errno : 0;
}

static void test_validate(void)
{
	static const enum mnl_attr_data_type number[] = { MNL_TYPE_U8, MNL_TYPE_U16, MNL_TYPE_U32, MNL_TYPE_U64 };
	unsigned i;

	for (i = 0; i < 4; i++) {
		CHECK_EQ(validate(number[i], 1U << i, 'x'), 0);
		CHECK_EQ(validate(number[i], (1U << i) - 1, 'x'), ERANGE);
		CHECK_EQ(validate(number[i], (1U << i) + 1, 'x'), ERANGE);
	}
	CHECK_EQ(validate(MNL_TYPE_FLAG, 0, 0), 0);
	CHECK_EQ(validate(MNL_TYPE_FLAG, 1, 0), ERANGE);
	CHECK_EQ(validate(MNL_TYPE_STRING, 3, 'x'), 0);
	CHECK_EQ(validate(MNL_TYPE_STRING, 0, 0), ERANGE);
	CHECK_EQ(validate(MNL_TYPE_NUL_STRING, 3, 0), 0);
	CHECK_EQ(validate(MNL_TYPE_NUL_STRING, 3, 'x'), EINVAL);
	CHECK_EQ(validate(MNL_TYPE_NUL_STRING, 0, 0), ERANGE);
	CHECK_EQ(validate(MNL_TYPE_NESTED, 0, 0), 0);
	CHECK_EQ(validate(MNL_TYPE_NESTED, 3, 0), ERANGE);
	CHECK_EQ(validate(MNL_TYPE_NESTED, 4, 0), 0);
	CHECK_EQ(validate(MNL_TYPE_BINARY, 7, 'x'), 0);
	CHECK_EQ(validate(MNL_TYPE_MAX, 7, 'x'), EINVAL);
	CHECK_EQ(mnl_attr_validate2(attribute(7, 0), MNL_TYPE_UNSPEC, 7), 0);
	CHECK_EQ(mnl_attr_validate2(attribute(7, 0), MNL_TYPE_BINARY, 8), -1);
	CHECK_EQ(errno, ERANGE);
	CHECK_EQ(mnl_attr_type_valid(attribute(1, 0), 3), 1);
	CHECK_EQ(mnl_attr_type_valid(attribute(1, 0), 2), -1);
	CHECK_EQ(errno, EOPNOTSUPP);
}

static int count(const struct nlmsghdr *nlh, void *data)
{
	(void)nlh;
	return ++*(int *)data == 3 ? MNL_CB_STOP : MNL_CB_OK;
}

/* What mnl_cb_run makes of a datagram of a data message and a second one of this type, flags and error. */
static int run(unsigned type, unsigned flags, int error, unsigned cut, int *seen)
{
	struct nlmsghdr *nlh = message(), *second;
	struct nlmsgerr *e;

	*seen = 0;
	errno = 0;
	nlh->nlmsg_seq = 7;
	second = mnl_nlmsg_put_header((char *)&buf + nlh->nlmsg_len);
	second->nlmsg_type = (uint16_t)type;
	second->nlmsg_flags = (uint16_t)flags;
	second->nlmsg_seq = 7;
	e = mnl_nlmsg_put_extra_header(second, sizeof(*e));
	e->error = error;
	second->nlmsg_len -= cut;
	return mnl_cb_run(&buf, nlh->nlmsg_len + second->nlmsg_len, 7, 0, count, seen);
}

static void test_run(void)
{
	int seen;

	CHECK_EQ(run(RTM_NEWLINK, 0, 0, 0, &seen), MNL_CB_OK);
	CHECK_EQ(seen, 2);
	CHECK_EQ(run(NLMSG_DONE, 0, 0, 0, &seen), MNL_CB_STOP);
	CHECK_EQ(seen, 1);
	CHECK_EQ(run(NLMSG_NOOP, 0, 0, 0, &seen), MNL_CB_OK);
	CHECK_EQ(run(NLMSG_ERROR, 0, 0, 0, &seen), MNL_CB_STOP);
	CHECK_EQ(run(NLMSG_ERROR, 0, -ENOENT, 0, &seen), MNL_CB_ERROR);
	CHECK_EQ(errno, ENOENT);
	CHECK_EQ(run(NLMSG_ERROR, 0, -ENOENT, 4, &seen), MNL_CB_ERROR);
	CHECK_EQ(errno, EBADMSG);
	CHECK_EQ(run(RTM_NEWLINK, NLM_F_DUMP_INTR, 0, 0, &seen), MNL_CB_ERROR);
	CHECK_EQ(errno, EINTR);
	CHECK_EQ(seen, 1);
	run(RTM_NEWLINK, 0, 0, 0, &seen);
	CHECK_EQ(mnl_cb_run(&buf, buf.h.nlmsg_len, 8, 0, count, &seen), MNL_CB_ERROR);
	CHECK_EQ(errno, EPROTO);
	buf.h.nlmsg_pid = 3;
	CHECK_EQ(mnl_cb_run(&buf, buf.h.nlmsg_len, 7, 4, count, &seen), MNL_CB_ERROR);
	CHECK_EQ(errno, ESRCH);
	seen = 2;
	CHECK_EQ(mnl_cb_run(&buf, buf.h.nlmsg_len, 7, 3, count, &seen), MNL_CB_STOP);
	CHECK_EQ(mnl_cb_run(&buf, 10, 7, 3, count, &seen), MNL_CB_OK);
}

static int find_lo(const struct nlmsghdr *nlh, void *data)
{
	struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct ifinfomsg))
		if (mnl_attr_get_type(attr) == IFLA_IFNAME && !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			*(int *)data += !strcmp(mnl_attr_get_str(attr), "lo");
	return MNL_CB_OK;
}

/* A real dump of the links, and a buffer too small for its first datagram. */
static void test_socket(void)
{
	static union {
		char b[65536];
		struct nlmsghdr align;
	} big;
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct nlmsghdr *nlh = message();
	int on = 1, found = 0, ret = MNL_CB_OK, i;
	ssize_t n;

	CHECK(nl != NULL);
	if (!nl)
		return;
	CHECK_EQ(mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID), 0);
	CHECK(mnl_socket_get_portid(nl) != 0);
	CHECK(mnl_socket_get_fd(nl) > 2);
	CHECK_EQ(mnl_socket_setsockopt(nl, NETLINK_EXT_ACK, &on, sizeof(on)), 0);
	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 9;
	CHECK_EQ(mnl_socket_sendto(nl, nlh, nlh->nlmsg_len), nlh->nlmsg_len);
	for (i = 0; i < 1000 && ret == MNL_CB_OK; i++) {
		n = mnl_socket_recvfrom(nl, &big, sizeof(big));
		CHECK(n > 0);
		if (n <= 0)
			break;
		ret = mnl_cb_run(&big, (size_t)n, 9, mnl_socket_get_portid(nl), find_lo, &found);
	}
	CHECK_EQ(ret, MNL_CB_STOP);
	CHECK_EQ(found, 1);
	CHECK_EQ(mnl_socket_sendto(nl, nlh, nlh->nlmsg_len), nlh->nlmsg_len);
	CHECK_EQ(mnl_socket_recvfrom(nl, &big, 32), -1);
	CHECK_EQ(errno, ENOSPC);
	CHECK_EQ(mnl_socket_close(nl), 0);
	CHECK(mnl_socket_open2(31, SOCK_CLOEXEC) == NULL);
	CHECK(errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT);
}

int main(void)
{
	test_attributes();
	test_bounds();
	test_validate();
	test_run();
	test_socket();
	return check_done("mnl");
}
