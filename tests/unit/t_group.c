// SPDX-License-Identifier: GPL-2.0-or-later
/* model/sort.c and model/group.c */
#include <arpa/inet.h>

#include "check.h"
#include "core/util.h"
#include "model/group.h"
#include "model/strings.h"

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static struct layout narrow, wide;
static struct table flows;
static struct procset procs;
static void *row[4000];

static void make_layouts(void)
{
	static const uint8_t fields[] = { F_DST, F_SRC, F_DPORT, F_STATE, F_RTT, F_MIN_RTT, F_RTO, F_BYTES_SENT, F_CONG,
					  F_INODE, F_CGROUP, F_COOKIE, F_PROCS, F_UID, F_RTTVAR };
	struct fieldset want = { { 0 } };

	for (size_t i = 0; i < sizeof(fields); i++)
		fieldset_add(&want, fields[i]);
	layout_init(&narrow, &flow_schema, &want, false);
	fieldset_add(&want, F_GROUP);
	fieldset_add(&want, F_FLOWS);
	fieldset_add(&want, F_MARK); /* no row has it */
	layout_init(&wide, &flow_schema, &want, true);
}

static void addr_of(uint8_t a[16], const char *text)
{
	memset(a, 0, 16);
	if (strchr(text, ':')) {
		inet_pton(AF_INET6, text, a);
	} else {
		a[10] = a[11] = 0xff;
		inet_pton(AF_INET, text, a + 12);
	}
}

static void *add_flow(const char *dst, uint32_t inode)
{
	void *rec = table_add(&flows);
	uint8_t a[16];

	row[flows.n - 1] = rec;
	if (dst) {
		addr_of(a, dst);
		rec_set_addr(&narrow, rec, F_DST, a);
	}
	rec_set(&narrow, rec, F_INODE, inode);
	return rec;
}

static void set(void *rec, unsigned f, uint64_t raw)
{
	rec_set(&narrow, rec, f, raw);
}

/* Everything known so far, in the order that sorting promises. */
static void check_sorted(unsigned n, unsigned f, bool descending)
{
	bool unknown = false;

	for (unsigned i = 0; i < n; i++) {
		uint64_t a = 0, b = 0, ca, cb;

		unknown |= !rec_has(row[i], f);
		CHECK_EQ(rec_has(row[i], f), !unknown);
		if (!i)
			continue;
		rec_get(&narrow, row[i - 1], F_COOKIE, &ca);
		rec_get(&narrow, row[i], F_COOKIE, &cb);
		if (!rec_get(&narrow, row[i], f, &b)) {
			CHECK(rec_has(row[i - 1], f) || ca < cb);
			continue;
		}
		rec_get(&narrow, row[i - 1], f, &a);
		CHECK(descending ? a >= b : a <= b);
		CHECK(a != b || ca < cb);
	}
}

static void test_sort_numbers(void)
{
	table_init(&flows, &narrow, 4000);
	for (unsigned i = 0; i < 4000; i++) {
		void *rec = add_flow(NULL, 1);

		set(rec, F_COOKIE, i);
		if (i % 5)
			set(rec, F_BYTES_SENT, i % 3 ? random_u64() : random_u64() % 20);
		if (i % 7)
			set(rec, F_RTT, random_u64() >> 40);
		if (i % 100 == 1)
			set(rec, F_BYTES_SENT, i % 200 == 1 ? 0 : UINT64_MAX);
	}
	for (int descending = 0; descending < 2; descending++) {
		CHECK_EQ(rows_sort(row, 4000, &narrow, F_COOKIE, false, NULL), 0);
		CHECK_EQ(rows_sort(row, 4000, &narrow, F_BYTES_SENT, descending, NULL), 0);
		check_sorted(4000, F_BYTES_SENT, descending);
		CHECK_EQ(rows_sort(row, 4000, &narrow, F_COOKIE, false, NULL), 0);
		CHECK_EQ(rows_sort(row, 4000, &narrow, F_RTT, descending, NULL), 0);
		check_sorted(4000, F_RTT, descending);
	}
	CHECK_EQ(rows_sort(row, 4000, &narrow, F_COOKIE, false, NULL), 0);
	CHECK_EQ(rows_sort(row, 4000, &narrow, F_UID, true, NULL), 0); /* unknown everywhere: as it was */
	for (unsigned i = 0; i < 4000; i++)
		CHECK_EQ(rec_raw(&narrow, row[i], F_COOKIE), i);
	CHECK_EQ(rows_sort(row, 0, &narrow, F_RTT, true, NULL), 0);
	CHECK_EQ(rows_sort(row, 1, &narrow, F_RTT, true, NULL), 0);
	table_free(&flows);
}

/* The cookies of the rows in order, as text. */
static const char *order_of(unsigned n)
{
	static char text[200];
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u", i ? " " : "",
					(unsigned)rec_raw(&narrow, row[i], F_COOKIE));
	return text;
}

static void sort_from_start(unsigned f, bool descending)
{
	CHECK_EQ(rows_sort(row, flows.n, &narrow, F_COOKIE, false, NULL), 0);
	CHECK_EQ(rows_sort(row, flows.n, &narrow, f, descending, &procs), 0);
}

static void test_sort_texts(void)
{
	static const char *const dst[] = { "2001:db8::1", "10.0.0.2", "9.255.0.0", NULL, "fe80::1", "10.0.0.2", "::" };
	static const char *const cong[] = { "reno", "cubic", "bbr", "cubic", NULL, "", "reno2" };
	static const uint8_t state[] = { 1, 10, 6, 1, 2, 200, 10 };
	static const uint32_t inode[] = { 100, 101, 102, 103, 0, 104, 100 };
	uint32_t nginx, sshd;

	procset_init(&procs);
	nginx = procset_add_proc(&procs, 30, strings_add("nginx", 5), 0);
	sshd = procset_add_proc(&procs, 20, strings_add("sshd", 4), 0);
	procset_add_link(&procs, 100, sshd);
	procset_add_link(&procs, 101, nginx);
	procset_add_link(&procs, 102, nginx);
	procset_add_link(&procs, 102, sshd); /* the lowest pid counts: sshd */
	CHECK_EQ(procset_seal(&procs), 0);
	table_init(&flows, &narrow, 100);
	for (unsigned i = 0; i < ARRAY_SIZE(dst); i++) {
		void *rec = add_flow(dst[i], inode[i]);

		set(rec, F_COOKIE, i);
		set(rec, F_STATE, state[i]);
		if (cong[i])
			set(rec, F_CONG, strings_add(cong[i], strlen(cong[i])));
	}
	sort_from_start(F_DST, false);
	CHECK_STR(order_of(7), "6 2 1 5 0 4 3");
	sort_from_start(F_DST, true);
	CHECK_STR(order_of(7), "4 0 1 5 2 6 3");
	sort_from_start(F_CONG, false);
	CHECK_STR(order_of(7), "5 2 1 3 0 6 4");
	sort_from_start(F_CONG, true);
	CHECK_STR(order_of(7), "6 0 1 3 2 5 4");
	sort_from_start(F_STATE, false); /* established, listen, syn-sent, time-wait; 200 has no name */
	CHECK_STR(order_of(7), "0 3 1 6 4 2 5");
	sort_from_start(F_PROCS, false); /* 103 and 104 may have a holder that could not be read */
	CHECK_STR(order_of(7), "4 1 0 2 6 3 5");
	procs.complete = true;
	sort_from_start(F_PROCS, false);
	CHECK_STR(order_of(7), "3 4 5 1 0 2 6");
	sort_from_start(F_PROCS, true);
	CHECK_STR(order_of(7), "0 2 6 1 3 4 5");
	CHECK_EQ(rows_sort(row, flows.n, &narrow, F_COOKIE, false, NULL), 0);
	CHECK_EQ(rows_sort(row, flows.n, &narrow, F_PROCS, false, NULL), 0); /* an orphan has none, whoever looks */
	CHECK_STR(order_of(7), "4 0 1 2 3 5 6");
	table_free(&flows);
	procset_free(&procs);
}

static struct table groups;

static void group_by(enum group_by by, uint8_t prefix4, uint8_t prefix6)
{
	struct group_opts o = { .by = by, .prefix4 = prefix4, .prefix6 = prefix6 };
	struct err e;

	table_init(&groups, &wide, 1000);
	CHECK_EQ(rows_group(&groups, row, flows.n, &narrow, &o, &procs, &e), 0);
}

static void *group(const char *name)
{
	for (uint32_t i = 0; i < groups.n; i++)
		if (!strcmp(strings_get((uint32_t)rec_raw(&wide, table_at(&groups, i), F_GROUP)), name))
			return table_at(&groups, i);
	return NULL;
}

/* Flows in a group, 0: there is no such group. */
static unsigned members(const char *name)
{
	void *rec = group(name);

	return rec ? (unsigned)rec_raw(&wide, rec, F_FLOWS) : 0;
}

static void test_group_names(void)
{
	struct fieldset reads = { { 0 } };
	uint32_t nginx;

	procset_init(&procs);
	nginx = procset_add_proc(&procs, 1234, strings_add("nginx", 5), 0);
	procs.proc[nginx].cgroup = strings_add("/web", 4);
	procset_add_link(&procs, 7, procset_add_proc(&procs, 99, strings_add("\033[2J", 4), 0));
	procset_add_link(&procs, 5, nginx);
	procset_add_link(&procs, 6, nginx);
	procset_add_link(&procs, 7, nginx);
	CHECK_EQ(procset_seal(&procs), 0);
	table_init(&flows, &narrow, 100);
	set(add_flow("192.0.2.77", 5), F_CGROUP, strings_add("/ssh", 4));
	set(add_flow("192.0.2.77", 6), F_CGROUP, 0);
	add_flow("192.0.3.255", 7);
	add_flow("2001:db8:1:ffff::1", 0);
	add_flow("2001:db8:1::2", 8);
	add_flow("0.0.0.0", 5);
	add_flow("::", 5);
	add_flow(NULL, 5);

	group_by(GROUP_PEER, 0, 0);
	CHECK_EQ(groups.n, 6);
	CHECK(members("192.0.2.77") == 2 && members("2001:db8:1:ffff::1") == 1);
	CHECK(members("(none)") == 2 && members("(unknown)") == 1);
	table_free(&groups);
	group_by(GROUP_PREFIX, 24, 48);
	CHECK(members("192.0.2.0/24") == 2 && members("192.0.3.0/24") == 1 && members("2001:db8:1::/48") == 2);
	table_free(&groups);
	group_by(GROUP_PREFIX, 23, 33);
	CHECK(members("192.0.2.0/23") == 3 && members("2001:db8::/33") == 2);
	table_free(&groups);
	group_by(GROUP_PREFIX, 0, 128);
	CHECK(members("0.0.0.0/0") == 3 && members("2001:db8:1::2/128") == 1);
	table_free(&groups);
	group_by(GROUP_PROC, 0, 0);
	CHECK(members("nginx(1234)") == 5 && members("\033[2J(99)") == 1);
	CHECK(members("(none)") == 1 && members("(unknown)") == 1);
	table_free(&groups);
	procs.complete = true;
	group_by(GROUP_PROC, 0, 0);
	CHECK(members("(none)") == 2 && members("(unknown)") == 0);
	table_free(&groups);
	group_by(GROUP_CGROUP, 0, 0);
	CHECK(members("/ssh") == 1 && members("/web") == 3);
	CHECK(members("(none)") == 3 && members("(unknown)") == 1);
	table_free(&groups);
	group_by(GROUP_NONE, 0, 0);
	CHECK(groups.n == 1 && members("(none)") == 8);
	table_free(&groups);
	table_free(&flows);
	procset_free(&procs);

	group_reads(GROUP_NONE, true, &reads);
	for (unsigned i = 0; i < HAVE_WORDS; i++)
		CHECK(!reads.w[i]);
	group_reads(GROUP_PREFIX, false, &reads);
	CHECK(fieldset_has(&reads, F_DST));
	group_reads(GROUP_PROC, false, &reads);
	CHECK(fieldset_has(&reads, F_PROCS) && fieldset_has(&reads, F_INODE));
	group_reads(GROUP_CGROUP, false, &reads);
	CHECK(fieldset_has(&reads, F_CGROUP));
}

/* True when grouping by this reads exactly these fields (0 ends them: F_NETNS is none of them). */
static bool reads_only(enum group_by by, bool packets, unsigned f1, unsigned f2, unsigned f3)
{
	struct fieldset reads = { { 0 } }, wanted = { { 0 } };

	group_reads(by, packets, &reads);
	fieldset_add(&wanted, f1);
	fieldset_add(&wanted, f2);
	fieldset_add(&wanted, f3);
	fieldset_del(&wanted, 0);
	return !memcmp(&reads, &wanted, sizeof(reads));
}

/* By CPU, device and queue: of packets, and of sockets. */
static void test_places(void)
{
	static const uint8_t packets[] = { F_DEV, F_DIR, F_QUEUE, F_CPU, F_BYTES };
	static const uint8_t sockets[] = { F_DEV, F_RX_CPU, F_RX_QUEUE };
	struct fieldset want = { { 0 } };
	struct layout usual = narrow;
	uint32_t eth0 = strings_add("eth0", 4);
	void *rec;

	CHECK(reads_only(GROUP_CPU, true, F_CPU, 0, 0) && reads_only(GROUP_CPU, false, F_RX_CPU, 0, 0));
	CHECK(reads_only(GROUP_DEV, true, F_DEV, 0, 0) && reads_only(GROUP_DEV, false, F_DEV, 0, 0));
	CHECK(reads_only(GROUP_QUEUE, true, F_DEV, F_DIR, F_QUEUE));
	CHECK(reads_only(GROUP_QUEUE, false, F_DEV, F_RX_QUEUE, 0));

	for (size_t i = 0; i < sizeof(packets); i++)
		fieldset_add(&want, packets[i]);
	layout_init(&narrow, &flow_schema, &want, false);
	table_init(&flows, &narrow, 100);
	for (unsigned i = 0; i < 6; i++) {
		rec = add_flow(NULL, 1);
		set(rec, F_DEV, eth0);
		set(rec, F_DIR, i / 2 % 2);
		set(rec, F_BYTES, 10);
		if (i == 5)
			continue; /* neither queue nor CPU are known */
		set(rec, F_QUEUE, i % 2);
		set(rec, F_CPU, i);
	}
	rec = add_flow(NULL, 1);
	set(rec, F_DIR, FLOW_TX);
	set(rec, F_QUEUE, 0);
	set(rec, F_CPU, 0);
	group_by(GROUP_CPU, 0, 0);
	CHECK(groups.n == 6 && members("cpu 0") == 2 && members("cpu 4") == 1 && members("(unknown)") == 1);
	table_free(&groups);
	group_by(GROUP_DEV, 0, 0);
	CHECK(groups.n == 2 && members("eth0") == 6 && members("(none)") == 1);
	table_free(&groups);
	group_by(GROUP_QUEUE, 0, 0);
	CHECK(groups.n == 6 && members("eth0 rx 0") == 2 && members("eth0 rx 1") == 1 && members("eth0 tx 0") == 1);
	CHECK(members("eth0 tx 1") == 1 && members("eth0 rx") == 1 && members("(unknown)") == 1);
	table_free(&groups);
	table_free(&flows);

	memset(&want, 0, sizeof(want));
	for (size_t i = 0; i < sizeof(sockets); i++)
		fieldset_add(&want, sockets[i]);
	layout_init(&narrow, &flow_schema, &want, false);
	table_init(&flows, &narrow, 100);
	set(add_flow(NULL, 1), F_RX_CPU, 4294967294);
	rec = add_flow(NULL, 1);
	set(rec, F_RX_CPU, 3);
	set(rec, F_RX_QUEUE, 0);
	rec = add_flow(NULL, 1);
	set(rec, F_RX_QUEUE, 11);
	set(rec, F_DEV, eth0);
	group_by(GROUP_CPU, 0, 0);
	CHECK(groups.n == 3 && members("cpu 4294967294") == 1 && members("cpu 3") == 1 && members("(unknown)") == 1);
	table_free(&groups);
	group_by(GROUP_DEV, 0, 0);
	CHECK(groups.n == 2 && members("eth0") == 1 && members("(none)") == 2);
	table_free(&groups);
	group_by(GROUP_QUEUE, 0, 0);
	CHECK(groups.n == 3 && members("rx 0") == 1 && members("eth0 rx 11") == 1 && members("(unknown)") == 1);
	table_free(&groups);
	table_free(&flows);
	narrow = usual;
}

static uint64_t value(void *rec, unsigned f)
{
	uint64_t v;

	return rec && rec_get(&wide, rec, f, &v) ? v : UINT64_MAX - 1;
}

#define UNKNOWN (UINT64_MAX - 1)

static void test_merging(void)
{
	uint8_t src[16];
	void *a, *b, *c, *g;

	table_init(&flows, &narrow, 100);
	a = add_flow("192.0.2.1", 10);
	b = add_flow("192.0.2.1", 11);
	c = add_flow("192.0.2.1", 12);
	addr_of(src, "10.0.0.1");
	set(a, F_RTT, 1000);
	set(b, F_RTT, 2001);
	set(b, F_MIN_RTT, 900);
	set(c, F_MIN_RTT, 800);
	set(a, F_RTO, 200000);
	set(c, F_RTO, 4294967295);
	set(a, F_BYTES_SENT, UINT64_MAX - 5);
	set(b, F_BYTES_SENT, 5);
	for (unsigned i = 0; i < flows.n; i++) {
		rec_set_addr(&narrow, row[i], F_SRC, src);
		set(row[i], F_CONG, strings_add("cubic", 5));
		set(row[i], F_STATE, 1);
		set(row[i], F_DPORT, 443);
		set(row[i], F_RTTVAR, 3);
	}
	set(b, F_STATE, 2);
	fieldset_del(rec_have(c), F_DPORT);
	a = add_flow("192.0.2.2", 13);
	rec_set_addr(&narrow, a, F_SRC, src);
	set(a, F_DPORT, 0);

	group_by(GROUP_PEER, 0, 0);
	g = group("192.0.2.1");
	CHECK_EQ(value(g, F_FLOWS), 3);
	CHECK_EQ(value(g, F_RTT), 1500500); /* mean of the two that know it, in ns */
	CHECK_EQ(value(g, F_RTTVAR), 3000);
	CHECK_EQ(value(g, F_MIN_RTT), 800000);
	CHECK_EQ(value(g, F_RTO), 4294967295000);
	CHECK_EQ(value(g, F_BYTES_SENT), UINT64_MAX);
	CHECK(rec_addr(&wide, g, F_SRC) && !memcmp(rec_addr(&wide, g, F_SRC), src, 16));
	CHECK(rec_addr(&wide, g, F_DST) != NULL);
	CHECK_STR(strings_get((uint32_t)value(g, F_CONG)), "cubic");
	CHECK_EQ(value(g, F_STATE), UNKNOWN);
	CHECK_EQ(value(g, F_DPORT), UNKNOWN);
	CHECK_EQ(value(g, F_INODE), UNKNOWN);
	CHECK_EQ(value(g, F_MARK), UNKNOWN);
	g = group("192.0.2.2");
	CHECK_EQ(value(g, F_DPORT), 0);
	CHECK_EQ(value(g, F_INODE), 13);
	CHECK_EQ(value(g, F_RTT), UNKNOWN);
	CHECK_EQ(value(g, F_BYTES_SENT), UNKNOWN);
	table_free(&groups);
	addr_of(src, "10.0.0.2");
	rec_set_addr(&narrow, row[1], F_SRC, src);
	group_by(GROUP_PEER, 0, 0);
	CHECK(!rec_addr(&wide, group("192.0.2.1"), F_SRC));
	table_free(&groups);
	table_free(&flows);
}

/* A table too small: what has no room is counted, the groups that are there are right. */
static void test_full(void)
{
	struct group_opts o = { .by = GROUP_PEER };
	char text[32];

	table_init(&flows, &narrow, 4000);
	for (unsigned i = 0; i < 4000; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 4 / 256, 1 + i / 4 % 250);
		set(add_flow(text, 1), F_BYTES_SENT, 1);
	}
	table_init(&groups, &wide, 100);
	CHECK_EQ(rows_group(&groups, row, flows.n, &narrow, &o, NULL, NULL), 0);
	CHECK_EQ(groups.n, 100);
	for (unsigned i = 0; i < groups.n; i++)
		CHECK_EQ(rec_raw(&wide, table_at(&groups, i), F_BYTES_SENT),
			 rec_raw(&wide, table_at(&groups, i), F_FLOWS));
	CHECK(groups.evicted > 3000 && groups.evicted < 4000);
	table_free(&groups);
	group_by(GROUP_PEER, 0, 0);
	CHECK(groups.n > 900 && !groups.evicted);
	table_free(&groups);
	table_free(&flows);
}

int main(void)
{
	make_layouts();
	test_sort_numbers();
	test_sort_texts();
	test_group_names();
	test_places();
	test_merging();
	test_full();
	strings_free();
	return check_done("group");
}
