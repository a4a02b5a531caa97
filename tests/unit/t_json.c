// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON: strings, rows of every kind of field, whole documents. */
#include "check.h"

#include "model/flow.h"
#include "model/queue.h"
#include "model/strings.h"
#include "version.h"
#include "view/rowop.h"

static const struct screen screen = { .width = 80 };
static struct layout lay;
static struct procset procs;
static uint64_t rec[256];

static const char *taken(struct buf *b)
{
	static char text[16384];
	size_t n = b->len < sizeof(text) ? b->len : sizeof(text) - 1;

	memcpy(text, b->p ? b->p : "", n);
	text[n] = 0;
	buf_free(b);
	return text;
}

static const char *string(const char *text)
{
	struct buf b = BUF_INIT;

	json_string(&b, text);
	return taken(&b);
}

static void test_strings(void)
{
	CHECK_STR(string(""), "\"\"");
	CHECK_STR(string("nginx: worker/1"), "\"nginx: worker/1\"");
	CHECK_STR(string("a\"b\\c"), "\"a\\\"b\\\\c\"");
	CHECK_STR(string("\033[2J\n\t\x7f"), "\"\\u001b[2J\\u000a\\u0009\\u007f\"");
	CHECK_STR(string("\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x90\xa7"), "\"\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x90\xa7\"");
	CHECK_STR(string("\xc2\x9b"), "\"\\u009b\"");
	CHECK_STR(string("\xe2\x80\xa8\xe2\x80\xa9"), "\"\\u2028\\u2029\"");
	CHECK_STR(string("\xe2\x80\xae\xef\xbb\xbf\xe2\x80\x8b"), "\"\\u202e\\ufeff\\u200b\"");
	CHECK_STR(string("\xf3\xa0\x80\xa1"), "\"\\udb40\\udc21\"");
	CHECK_STR(string("a\xff" "b\xc3"), "\"a\\ufffdb\\ufffd\"");
	CHECK_STR(string("\xc0\xaf"), "\"\\ufffd\\ufffd\"");
	CHECK_STR(string("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
}

static uint32_t id(const char *text)
{
	return strings_add(text, strlen(text));
}

static void prepare(bool wide)
{
	struct fieldset want = { { 0 } };

	for (unsigned f = 0; f < F_COUNT; f++)
		fieldset_add(&want, f);
	layout_init(&lay, &flow_schema, &want, wide);
	CHECK(lay.size <= sizeof(rec));
	memset(rec, 0, sizeof(rec));
}

static const char *row(const uint8_t *col, unsigned n)
{
	struct buf b = BUF_INIT;
	struct rowfmt r;
	void *rows[2] = { rec, rec };

	rowfmt_init(&r, ROW_JSON, &lay, col, n, &procs, &screen);
	rowfmt_rows(&r, &b, rows, 1);
	return taken(&b);
}

/* Field F alone, with value V. */
static const char *one(unsigned f, uint64_t v)
{
	uint8_t col = (uint8_t)f;

	memset(rec, 0, sizeof(rec));
	rec_set(&lay, rec, f, v);
	return row(&col, 1);
}

static void test_kinds(void)
{
	static const uint8_t v4[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 }, v6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 1 };
	uint8_t src = F_SRC;

	CHECK_STR(one(F_RTT, 0), "{\"rtt_ns\":0}");
	CHECK_STR(one(F_RTT, 7), "{\"rtt_ns\":7000}");
	CHECK_STR(one(F_RTT, UINT32_MAX), "{\"rtt_ns\":4294967295000}");
	CHECK_STR(one(F_LAST_SND, 12), "{\"last_snd_ns\":12000000}");
	CHECK_STR(one(F_BYTES_SENT, UINT64_MAX), "{\"bytes_sent\":18446744073709551615}");
	CHECK_STR(one(F_TOTAL_RTO, 65535), "{\"total_rto\":65535}");
	CHECK_STR(one(F_BACKOFF, 255), "{\"backoff\":255}");
	CHECK_STR(one(F_SPORT, 443), "{\"sport\":443}");
	CHECK_STR(one(F_PROTO, PROTO_TCP), "{\"proto\":\"tcp\"}");
	CHECK_STR(one(F_STATE, 10), "{\"state\":\"listen\"}");
	CHECK_STR(one(F_STATE, 13), "{\"state\":null}");
	CHECK_STR(one(F_STATE, 255), "{\"state\":null}");
	CHECK_STR(one(F_TS, 1), "{\"ts\":true}");
	CHECK_STR(one(F_TS, 0), "{\"ts\":false}");
	CHECK_STR(one(F_DEV, 0), "{\"dev\":null}");
	CHECK_STR(one(F_DEV, id("e\"0\n")), "{\"dev\":\"e\\\"0\\u000a\"}");
	lay.slot[F_ECN].shift = 3;
	lay.slot[F_ECN].bits = 1;
	CHECK_STR(one(F_ECN, 8), "{\"ecn\":true}");
	CHECK_STR(one(F_ECN, 0xf7), "{\"ecn\":false}");
	lay.slot[F_SND_WSCALE].shift = 4;
	lay.slot[F_SND_WSCALE].bits = 4;
	CHECK_STR(one(F_SND_WSCALE, 0x75), "{\"snd_wscale\":7}");
	memset(rec, 0, sizeof(rec));
	CHECK_STR(row(&src, 1), "{\"src\":null}");
	rec_set_addr(&lay, rec, F_SRC, v4);
	CHECK_STR(row(&src, 1), "{\"src\":\"192.0.2.1\"}");
	rec_set_addr(&lay, rec, F_SRC, v6);
	CHECK_STR(row(&src, 1), "{\"src\":\"2001:db8::1\"}");
	CHECK_STR(row(&src, 0), "{}");
}

static void test_procs(void)
{
	static const uint8_t col[] = { F_PROCS, F_INODE };
	struct rowfmt r;
	struct buf b = BUF_INIT;
	void *rows[2] = { rec, rec };

	procset_add_link(&procs, 7, procset_add_proc(&procs, 12, id("nginx"), id("/usr/sbin/nginx")));
	procset_add_link(&procs, 7, procset_add_proc(&procs, 13, id("\033[2J"), 0));
	CHECK_EQ(procset_seal(&procs), 0);
	memset(rec, 0, sizeof(rec));
	CHECK_STR(row(col, 1), "{\"procs\":null}");
	rec_set(&lay, rec, F_INODE, 7);
	CHECK_STR(row(col, 2),
		  "{\"procs\":[{\"pid\":12,\"name\":\"nginx\",\"exe\":\"/usr/sbin/nginx\"},"
		  "{\"pid\":13,\"name\":\"\\u001b[2J\",\"exe\":null}],\"inode\":7}");
	rec_set(&lay, rec, F_INODE, 0);
	CHECK_STR(row(col, 2), "{\"procs\":[],\"inode\":0}");
	rec_set(&lay, rec, F_INODE, 8);
	CHECK_STR(row(col, 2), "{\"procs\":null,\"inode\":8}");
	procs.complete = true;
	CHECK_STR(row(col, 2), "{\"procs\":[],\"inode\":8}");
	rowfmt_init(&r, ROW_JSON, &lay, col, 2, NULL, &screen);
	rowfmt_rows(&r, &b, rows, 2);
	CHECK_STR(taken(&b), "{\"procs\":null,\"inode\":8},{\"procs\":null,\"inode\":8}");
}

/* Every key fits its place, and a row with nothing known is all null. */
static void test_all_fields(void)
{
	uint8_t col[F_COUNT];
	char want[64];
	const char *text, *at;

	for (unsigned f = 0; f < F_COUNT; f++)
		col[f] = (uint8_t)f;
	memset(rec, 0, sizeof(rec));
	text = row(col, F_COUNT);
	at = text;
	for (unsigned f = 0; f < F_COUNT; f++) {
		const char *key = flow_schema.field[f].key;
		int n = (int)strcspn(key, ".");

		CHECK(strlen(key) + 4 <= ROWFMT_TEXT);
		if (key[n] && f && !strncmp(key, flow_schema.field[f - 1].key, (size_t)n + 1))
			continue; /* a member of the same object */
		snprintf(want, sizeof(want), "%c\"%.*s\":null", f ? ',' : '{', n, key);
		CHECK(!strncmp(at, want, strlen(want)));
		at += strlen(want);
	}
	CHECK_STR(at, "}");
	for (unsigned f = 0; f < F_COUNT; f++)
		for (unsigned n = 0; flow_schema.field[f].names && flow_schema.field[f].names[n]; n++)
			CHECK(strlen(flow_schema.field[f].names[n]) <= ROW_NAME_MAX);
}

/* Keys with a dot: members of an object, at the place of the first, however the columns are ordered. */
static void test_objects(void)
{
	static const uint8_t addr[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	static const uint8_t col[] = { F_SOJOURN_P50, F_PROTO, F_ORIG_SRC, F_ORIG_SPORT, F_SOJOURN_PACKETS, F_RTT,
				       F_SOJOURN_MAX };
	static const uint8_t last[] = { F_PROTO, F_REPLY_SRC }, devs[] = { F_DEV, F_DROP_REASON, F_ORIG_DST };

	memset(rec, 0, sizeof(rec));
	CHECK_STR(row(col, 7), "{\"sojourn\":null,\"proto\":null,\"orig\":null,\"rtt_ns\":null}");
	CHECK_STR(row(last, 2), "{\"proto\":null,\"reply\":null}");
	CHECK_STR(row(last + 1, 1), "{\"reply\":null}");
	rec_set(&lay, rec, F_SOJOURN_PACKETS, 0);
	rec_set(&lay, rec, F_RTT, 1);
	rec_set_addr(&lay, rec, F_ORIG_SRC, addr);
	CHECK_STR(row(col, 7), "{\"sojourn\":{\"p50_ns\":null,\"packets\":0,\"max_ns\":null},\"proto\":null,"
			       "\"orig\":{\"src\":\"192.0.2.1\",\"sport\":null},\"rtt_ns\":1000}");
	rec_set(&lay, rec, F_SOJOURN_P50, 5);
	rec_set(&lay, rec, F_SOJOURN_MAX, 7);
	rec_set(&lay, rec, F_ORIG_SPORT, 0);
	CHECK_STR(row(col, 7), "{\"sojourn\":{\"p50_ns\":5,\"packets\":0,\"max_ns\":7},\"proto\":null,"
			       "\"orig\":{\"src\":\"192.0.2.1\",\"sport\":0},\"rtt_ns\":1000}");
	rec_set_addr(&lay, rec, F_REPLY_SRC, addr);
	CHECK_STR(row(last, 2), "{\"proto\":null,\"reply\":{\"src\":\"192.0.2.1\"}}");
	rec_set(&lay, rec, F_DROP_REASON, id("NO_SOCKET"));
	CHECK_STR(row(devs, 3), "{\"dev\":null,\"drop_reason\":\"NO_SOCKET\",\"orig\":null}");
}

static const char *section(const struct section *s)
{
	struct report r = { .flow_schema = &flow_schema };
	struct buf b = BUF_INIT;

	json_section(&b, &r, s);
	return taken(&b);
}

/* Devices, the queues of each, their flows: with texts in an object, and lists that are empty. */
static void test_subrows(void)
{
	static const uint8_t dcol[] = { D_DEV, D_UP }, qcol[] = { Q_QUEUE, Q_QDISC_KIND, Q_QDISC_HANDLE };
	static const uint8_t fcol[] = { F_DPORT };
	static uint64_t d[2][24], q[3][64];
	struct layout dl, ql;
	struct fieldset all = { { ~0ULL, ~0ULL, ~0ULL } };
	void *drow[] = { d[0], d[1] }, *q0[] = { q[0], q[1] }, *q1[] = { q[2] }, *frow[] = { rec, rec };
	struct section flows = { .key = "flows", .layout = &lay, .col = fcol, .ncol = 1, .row = frow, .nrow = 2 };
	struct section none = { .key = "flows" };
	struct section of_q0[] = { flows, none };
	struct subrows sub0 = { of_q0 }, sub1 = { &none };
	struct section queues[] = {
		{ .key = "queues", .layout = &ql, .col = qcol, .ncol = 3, .row = q0, .nrow = 2, .sub = &sub0,
		  .nsub = 1 },
		{ .key = "queues", .layout = &ql, .col = qcol, .ncol = 3, .row = q1, .nrow = 1, .sub = &sub1,
		  .nsub = 1 },
	};
	struct section qdiscs[] = { { .key = "qdiscs" }, { .key = "qdiscs" } };
	struct subrows subs[] = { { queues }, { qdiscs } };
	struct section devices = { .key = "devices", .layout = &dl, .col = dcol, .ncol = 2, .row = drow, .nrow = 2,
				   .sub = subs, .nsub = 2 };

	layout_init(&dl, &device_schema, &all, false);
	layout_init(&ql, &queue_schema, &all, false);
	CHECK(dl.size <= sizeof(d[0]) && ql.size <= sizeof(q[0]));
	rec_set(&dl, d[0], D_DEV, id("eth0"));
	rec_set(&dl, d[1], D_UP, 0);
	rec_set(&ql, q[0], Q_QUEUE, 0);
	rec_set(&ql, q[0], Q_QDISC_KIND, id("fq\n"));
	rec_set(&ql, q[1], Q_QUEUE, 1);
	rec_set(&ql, q[1], Q_QDISC_KIND, 0); /* known to be empty: as good as unknown */
	memset(rec, 0, sizeof(rec));
	rec_set(&lay, rec, F_DPORT, 53);
	CHECK_STR(section(&devices),
		  ",\"devices\":[{\"dev\":\"eth0\",\"up\":null,\"queues\":["
		  "{\"queue\":0,\"qdisc\":{\"kind\":\"fq\\u000a\",\"handle\":null},\"flows\":[{\"dport\":53},{\"dport\":53}]},"
		  "{\"queue\":1,\"qdisc\":null,\"flows\":[]}],\"qdiscs\":[]},"
		  "{\"dev\":null,\"up\":false,\"queues\":[{\"queue\":null,\"qdisc\":null,\"flows\":[]}],\"qdiscs\":[]}]");
	devices.nrow = 0;
	CHECK_STR(section(&devices), ",\"devices\":[]");
}

/* Rows within rows end at the fourth level, even where a section contains itself. */
static void test_levels(void)
{
	static const uint8_t col[] = { F_DPORT }, other[] = { F_SPORT };
	void *rows[] = { rec };
	struct section s = { .key = "a", .layout = &lay, .col = col, .ncol = 1, .row = rows, .nrow = 1, .nsub = 1 };
	struct section two[2];
	struct subrows sub = { &s }, differ = { two };
	void *both[] = { rec, rec };

	memset(rec, 0, sizeof(rec));
	rec_set(&lay, rec, F_DPORT, 1);
	s.sub = &sub;
	CHECK_STR(section(&s), ",\"a\":[{\"dport\":1,\"a\":[{\"dport\":1,\"a\":[{\"dport\":1,\"a\":[{\"dport\":1}]}]}]}]");
	/* Sections of one key whose columns differ. */
	two[0] = two[1] = (struct section){ .key = "b", .layout = &lay, .col = col, .ncol = 1, .row = rows, .nrow = 1 };
	two[1].col = other;
	s.sub = &differ;
	s.row = both;
	s.nrow = 2;
	CHECK_STR(section(&s), ",\"a\":[{\"dport\":1,\"b\":[{\"dport\":1}]},{\"dport\":1,\"b\":[{\"sport\":null}]}]");
}

static void test_wide(void)
{
	prepare(true);
	CHECK_STR(one(F_RTT, 28800000), "{\"rtt_ns\":28800000}");
	CHECK_STR(one(F_SEGS_OUT, 10000000000), "{\"segs_out\":10000000000}");
	CHECK_STR(one(F_STATE, 1), "{\"state\":\"established\"}");
	CHECK_STR(one(F_TS, 1), "{\"ts\":true}");
	CHECK_STR(one(F_GROUP, id("192.0.2.0/24")), "{\"group\":\"192.0.2.0/24\"}");
	prepare(false);
}

static void test_document(void)
{
	static const uint8_t col[] = { F_PROTO, F_RTT };
	static const struct hist_bin bins[] = { { 1, 2, 3 }, { 2, 4, 0 } };
	struct report r = {
		.schema = "fleutan/flowlat", .version = 1, .kernel = "6.1", .host = "h\"", .time_ms = 1700000000000,
		.flow_schema = &flow_schema, .procs = &procs,
	};
	struct hist h = { 0 };
	void *rows[2] = { rec, rec };
	struct section s = { .kind = SECTION_ROWS, .key = "flows", .layout = &lay, .col = col, .ncol = 2, .row = rows,
			     .nrow = 2, .total = 2 };
	struct buf b = BUF_INIT;

	memset(rec, 0, sizeof(rec));
	rec_set(&lay, rec, F_PROTO, PROTO_UDP);
	json_begin(&b, &r);
	json_section(&b, &r, &s);
	s = (struct section){ .kind = SECTION_QUANTILES, .key = "q", .hist = &h };
	json_section(&b, &r, &s);
	s = (struct section){ .kind = SECTION_HIST, .key = "h", .bin = bins, .nbin = 2 };
	json_section(&b, &r, &s);
	json_array_begin(&b, "x");
	json_array_end(&b);
	json_end(&b, &r);
	CHECK_STR(taken(&b),
		  "{\"schema\":\"fleutan/flowlat\",\"version\":1,\"fleutan\":\"" FLEUTAN_VERSION "\","
		  "\"kernel\":\"6.1\",\"host\":\"h\\\"\",\"netns\":null,\"time_ms\":1700000000000,\"interval_ns\":null,"
		  "\"flows\":[{\"proto\":\"udp\",\"rtt_ns\":null},{\"proto\":\"udp\",\"rtt_ns\":null}],"
		  "\"q\":{\"p50_ns\":null,\"p90_ns\":null,\"p99_ns\":null,\"max_ns\":null},"
		  "\"h\":[{\"lo_ns\":1,\"hi_ns\":2,\"count\":3},{\"lo_ns\":2,\"hi_ns\":4,\"count\":0}],\"x\":[],"
		  "\"sources\":[],\"missing\":[],\"lost_records\":0,\"evicted_flows\":0,\"incomplete\":false}\n");

	report_source(&r, "sock_diag", SOURCE_USED, NULL);
	report_source(&r, "bpf_iter", SOURCE_UNAVAILABLE, "no BTF");
	report_source(&r, "proc", SOURCE_UNUSED, NULL);
	fieldset_add(&r.missing, F_RX_CPU);
	fieldset_add(&r.missing, F_SND_UNA);
	r.lost_records = 1;
	r.evicted_flows = 2;
	r.incomplete = r.has_interval = true;
	r.interval_ns = 5;
	r.netns = "ns1";
	r.kernel = NULL;
	hist_add(&h, 10, 99);
	hist_add(&h, 20, 1);
	json_begin(&b, &r);
	s = (struct section){ .kind = SECTION_QUANTILES, .key = "q", .hist = &h };
	json_section(&b, &r, &s);
	s = (struct section){ .kind = SECTION_HIST, .key = "h", .hist = &h };
	json_section(&b, &r, &s);
	json_end(&b, &r);
	CHECK_STR(taken(&b),
		  "{\"schema\":\"fleutan/flowlat\",\"version\":1,\"fleutan\":\"" FLEUTAN_VERSION "\",\"kernel\":null,"
		  "\"host\":\"h\\\"\",\"netns\":\"ns1\",\"time_ms\":1700000000000,\"interval_ns\":5,"
		  "\"q\":{\"p50_ns\":10,\"p90_ns\":10,\"p99_ns\":10,\"max_ns\":20},"
		  "\"h\":[{\"lo_ns\":10,\"hi_ns\":11,\"count\":99},{\"lo_ns\":20,\"hi_ns\":21,\"count\":1}],"
		  "\"sources\":[{\"name\":\"sock_diag\",\"state\":\"used\"},"
		  "{\"name\":\"bpf_iter\",\"state\":\"unavailable\",\"why\":\"no BTF\"},"
		  "{\"name\":\"proc\",\"state\":\"unused\"}],\"missing\":[\"rx_cpu\",\"snd_una\"],\"lost_records\":1,"
		  "\"evicted_flows\":2,\"incomplete\":true}\n");
	hist_free(&h);
}

int main(void)
{
	procset_init(&procs);
	prepare(false);
	test_strings();
	test_kinds();
	test_procs();
	test_all_fields();
	test_objects();
	test_subrows();
	test_levels();
	test_wide();
	test_document();
	procset_free(&procs);
	strings_free();
	return check_done("json");
}
