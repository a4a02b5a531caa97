/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of ctnetlink, whole and cut, the table made of them, and what is said where there is none. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>
#include "check.h"
#include "collect/conntrack.h"
#include "collect/door.h"
#include "core/util.h"

static union {
	char b[1024];
	struct nlmsghdr h;
} buf;

static void put_tuple(struct nlmsghdr *nlh, unsigned type, const struct ct_tuple *t, bool v6)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, (uint16_t)type), *nest;
	unsigned skip = v6 ? 0 : 12, id = v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC;

	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put(nlh, (uint16_t)id, 16 - skip, t->src + skip);
	mnl_attr_put(nlh, (uint16_t)(id + 1), 16 - skip, t->dst + skip);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, t->proto);
	if (t->proto == IPPROTO_ICMP) {
		mnl_attr_put_u16(nlh, CTA_PROTO_ICMP_ID, 77);
	} else {
		mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(t->sport));
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(t->dport));
	}
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
}

static struct nlmsghdr *message(const struct ct_tuple *orig, const struct ct_tuple *reply, bool v6, uint32_t status)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&buf);
	struct nfgenmsg *m;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
	m->nfgen_family = v6 ? AF_INET6 : AF_INET;
	put_tuple(nlh, CTA_TUPLE_ORIG, orig, v6);
	put_tuple(nlh, CTA_TUPLE_REPLY, reply, v6);
	mnl_attr_put_u32(nlh, CTA_STATUS, htonl(status));
	return nlh;
}

/* 10.0.0.A:SPORT to 10.0.0.B:DPORT */
static struct ct_tuple tuple(unsigned a, unsigned sport, unsigned b, unsigned dport, unsigned proto)
{
	struct ct_tuple t = { .src = { [10] = 0xff, [11] = 0xff, [12] = 10 }, .dst = { [10] = 0xff, [11] = 0xff, [12] = 10 },
			      .sport = (uint16_t)sport, .dport = (uint16_t)dport, .proto = (uint8_t)proto };

	t.src[14] = (uint8_t)(a >> 8);
	t.src[15] = (uint8_t)a;
	t.dst[15] = (uint8_t)b;
	return t;
}

static int parse(const struct nlmsghdr *nlh, struct ct_flow *f)
{
	memset(f, 0xaa, sizeof(*f));
	return conntrack_parse(mnl_nlmsg_get_payload(nlh), mnl_nlmsg_get_payload_len(nlh), f);
}

static void test_parse(void)
{
	struct ct_tuple orig = tuple(1, 4000, 2, 80, IPPROTO_TCP), back = tuple(2, 80, 1, 4000, IPPROTO_TCP);
	struct ct_tuple nat = tuple(9, 8080, 3, 1024, IPPROTO_TCP);
	struct ct_flow f;

	CHECK_EQ(parse(message(&orig, &back, false, 0x18e), &f), 0);
	CHECK(!memcmp(&f.orig, &orig, sizeof(orig)) && !memcmp(&f.reply, &back, sizeof(back)));
	CHECK(!f.translated && !f.offloaded && !f.hw_offloaded);
	CHECK_EQ(parse(message(&orig, &nat, false, 1 << 14), &f), 0);
	CHECK(f.translated && f.offloaded && !f.hw_offloaded && !memcmp(&f.reply, &nat, sizeof(nat)));
	CHECK_EQ(parse(message(&orig, &nat, false, 1 << 15), &f), 0);
	CHECK(f.offloaded && f.hw_offloaded);
	back.sport++;
	CHECK_EQ(parse(message(&orig, &back, true, 0), &f), 0);
	CHECK(f.translated && !memcmp(&f.orig, &orig, sizeof(orig)));

	/* No ports, and what only looks like ports. */
	orig = tuple(1, 0, 2, 0, IPPROTO_ICMP);
	back = tuple(2, 0, 1, 0, IPPROTO_ICMP);
	CHECK_EQ(parse(message(&orig, &back, false, 0), &f), 0);
	CHECK(!f.translated && !f.orig.sport && !f.orig.dport);
	orig = tuple(1, 5, 2, 6, IPPROTO_GRE);
	CHECK_EQ(parse(message(&orig, &back, false, 0), &f), 0);
	CHECK(!f.orig.sport && !f.orig.dport && f.translated);
}

static void test_cut(void)
{
	struct ct_tuple orig = tuple(1, 4000, 2, 80, IPPROTO_TCP), back = tuple(2, 80, 1, 4000, IPPROTO_TCP);
	unsigned v6;

	for (v6 = 0; v6 < 2; v6++) {
		struct nlmsghdr *nlh = message(&orig, &back, v6, 0);
		size_t whole = mnl_nlmsg_get_payload_len(nlh), len, i;
		struct ct_flow f;

		for (len = 0; len <= whole; len++) {
			for (i = 0; i <= (len == whole ? len : 0); i++) {
				uint8_t *p = malloc(len ? len : 1);
				int r;

				memcpy(p, mnl_nlmsg_get_payload(nlh), len);
				if (i)
					p[i - 1] ^= 0xff;
				r = conntrack_parse(p, len, &f);
				/* All but the status at the end is needed. */
				CHECK(i ? !r || r == -EBADMSG || r == -EAFNOSUPPORT : r == (len < whole - 8 ? -EBADMSG : 0));
				free(p);
			}
		}
		CHECK_EQ(conntrack_parse(mnl_nlmsg_get_payload(nlh), (size_t)INT32_MAX + 1, &f), -EBADMSG);
		*(uint8_t *)mnl_nlmsg_get_payload(nlh) = AF_BRIDGE;
		CHECK_EQ(parse(nlh, &f), -EAFNOSUPPORT);
	}
}

static char dir[64];

static void clean(void)
{
	DIR *d = opendir(dir);
	struct dirent *de;

	while (d && (de = readdir(d)))
		unlinkat(dirfd(d), de->d_name, 0);
	if (d)
		closedir(d);
}

static void begin_recording(const char *count)
{
	struct err e = { 0 };
	char path[160];
	int fd;

	clean();
	CHECK_EQ(door_setup(dir, NULL, &e), 0);
	snprintf(path, sizeof(path), "%s/file,%%2Fproc%%2Fsys%%2Fnet%%2Fnetfilter%%2Fnf_conntrack_count,0", dir);
	fd = count ? open(path, O_WRONLY | O_CREAT, 0600) : -1;
	if (count)
		CHECK(fd >= 0 && write(fd, count, strlen(count)) == (ssize_t)strlen(count) && !close(fd));
}

/* N flows from 10.0.X.Y behind one address, in datagrams of their own. */
static void record(unsigned n, unsigned flags)
{
	struct nlmsghdr done = { .nlmsg_len = sizeof(done), .nlmsg_type = NLMSG_DONE }, *nlh;
	struct door_stream s;
	unsigned i;

	CHECK_EQ(door_stream_open(&s, "conntrack", -1), 0);
	for (i = 0; i < n; i++) {
		struct ct_tuple orig = tuple(i + 1, 4000, 2, 80, IPPROTO_UDP), nat = tuple(2, 80, 99, i + 1, IPPROTO_UDP);

		nlh = message(&orig, &nat, false, 0);
		nlh->nlmsg_flags = (uint16_t)flags;
		door_stream_note(&s, nlh, nlh->nlmsg_len);
	}
	door_stream_note(&s, &done, sizeof(done));
	door_stream_close(&s);
}

static int replay(struct ct_table *t, uint32_t max, struct err *e)
{
	int r;

	CHECK_EQ(door_finish(e), 0);
	CHECK_EQ(door_setup(NULL, dir, e), 0);
	r = conntrack_collect(t, max, e);
	CHECK_EQ(door_finish(NULL), 0);
	return r;
}

static void check_table(const struct ct_table *t, unsigned n)
{
	unsigned i, good = 0;
	bool reply;

	CHECK_EQ(t->n, n);
	for (i = 0; i < n; i++) {
		struct ct_tuple orig = tuple(i + 1, 4000, 2, 80, IPPROTO_UDP), nat = tuple(2, 80, 99, i + 1, IPPROTO_UDP);
		struct ct_tuple out = tuple(99, i + 1, 2, 80, IPPROTO_UDP); /* translated, as it leaves */
		const struct ct_flow *f;

		orig.pad[1] = 1; /* means nothing */
		f = conntrack_find(t, &orig, &reply);
		good += f && !reply && !memcmp(&f->reply, &nat, sizeof(nat)) && f->translated;
		good += conntrack_find(t, &nat, &reply) == f && reply;
		good += conntrack_find(t, &out, &reply) == f && !reply;
		/* Nobody sends this. */
		nat.dport = 0;
		good += !conntrack_find(t, &nat, &reply);
	}
	CHECK_EQ(good, 4 * n);
}

static void test_table(void)
{
	struct ct_table t;
	struct err e = { 0 };
	struct ct_tuple any = tuple(1, 4000, 2, 80, IPPROTO_UDP);
	bool reply;

	/* More than the kernel has counted; begun anew once. */
	begin_recording("3\n");
	record(700, NLM_F_DUMP_INTR);
	record(900, 0);
	CHECK_EQ(replay(&t, 100000, &e), 0);
	CHECK(!t.incomplete);
	check_table(&t, 900);
	conntrack_free(&t);
	CHECK(!conntrack_find(&t, &any, &reply));

	/* At most so many. */
	begin_recording("900\n");
	record(900, 0);
	CHECK_EQ(replay(&t, 100, &e), 0);
	CHECK(t.incomplete);
	check_table(&t, 100);
	conntrack_free(&t);
	begin_recording("900\n");
	record(900, 0);
	CHECK_EQ(replay(&t, 0, &e), 0);
	CHECK(t.incomplete && !t.n);
	conntrack_free(&t);

	/* An empty table is not asked for. */
	begin_recording("0\n");
	CHECK_EQ(replay(&t, 100, &e), 0);
	CHECK(!t.incomplete && !t.n && !conntrack_find(&t, &any, &reply));
	conntrack_free(&t);
}

static void refuse(int error)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&buf);
	struct door_stream s;

	nlh->nlmsg_type = NLMSG_ERROR;
	((struct nlmsgerr *)mnl_nlmsg_put_extra_header(nlh, sizeof(struct nlmsgerr)))->error = error;
	CHECK_EQ(door_stream_open(&s, "conntrack", -1), 0);
	door_stream_note(&s, nlh, nlh->nlmsg_len);
	door_stream_close(&s);
}

static void test_errors(void)
{
	static const struct {
		int code, answer;
		const char *text;
	} t[] = {
		{ -EPERM, -EPERM, "CAP_NET_ADMIN" }, { -EINVAL, -ENOENT, "nf_conntrack_netlink" },
		{ -ENOMEM, -ENOMEM, "conntrack: cannot" },
	};
	struct ct_table ct;
	struct err e = { 0 };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		begin_recording("5\n");
		refuse(t[i].code);
		CHECK_EQ(replay(&ct, 100, &e), t[i].answer);
		CHECK(strstr(e.text, t[i].text) != NULL);
		conntrack_free(&ct);
	}
	begin_recording(NULL);
	CHECK_EQ(replay(&ct, 100, &e), -ENOENT);
	CHECK(strstr(e.text, "tracks no connections") != NULL);
	conntrack_free(&ct);
	begin_recording("5\n");
	CHECK_EQ(replay(&ct, 100, &e), -ENODATA);
	CHECK(strstr(e.text, "recording") != NULL);
	conntrack_free(&ct);
}

static void test_live(void)
{
	struct ct_table t;
	struct err e = { 0 };
	int r = conntrack_collect(&t, 1000, &e);

	CHECK(r == 0 || (r < 0 && e.text[0]));
	conntrack_free(&t);
}

int main(void)
{
	strcpy(dir, "/tmp/t_conntrack.XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	test_parse();
	test_cut();
	test_table();
	test_errors();
	test_live();
	clean();
	rmdir(dir);
	return check_done("conntrack");
}
