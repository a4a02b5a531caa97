// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows as words, as tables, and single values: every kind and unit of field. */
#include "check.h"

#include <arpa/inet.h>

#include "core/util.h"
#include "model/flow.h"
#include "model/strings.h"
#include "view/view.h"

static const char *const names[] = { "", "one", "two", NULL };

enum {
	PROTO, SRC, SPORT, DST, DPORT, STATE, PROCS, INODE, NAME, RTT, BYTES, RATE, SEGS, SHARE, OK, CPU, BITS, MODE,
	NFIELDS
};

#define F(key, word, head, kind, unit, width, scale, names) \
	{ key, word, head, "", names, scale, FK_##kind, FU_##unit, 0, width }
static const struct field field[NFIELDS] = {
	[PROTO] = F("proto", "proto", "PROTO", ENUM, NONE, 1, 1, proto_names),
	[SRC] = F("src", "src", "LOCAL", ADDR, NONE, 16, 1, NULL),
	[SPORT] = F("sport", "sport", "SPORT", PORT, NONE, 2, 1, NULL),
	[DST] = F("dst", "dst", "PEER", ADDR, NONE, 16, 1, NULL),
	[DPORT] = F("dport", "dport", "DPORT", PORT, NONE, 2, 1, NULL),
	[STATE] = F("state", "state", "STATE", ENUM, NONE, 1, 1, state_names),
	[PROCS] = F("procs", "proc", "PROCESS", PROCS, NONE, 0, 1, NULL),
	[INODE] = F("inode", "inode", "INODE", ID, NONE, 4, 1, NULL),
	[NAME] = F("name", "name", "NAME", TEXT, NONE, 4, 1, NULL),
	[RTT] = F("rtt_ns", "rtt", "SRTT", GAUGE, NS, 4, 1000, NULL),
	[BYTES] = F("sent_bytes", "sent", "SENT", COUNTER, BYTES, 8, 1, NULL),
	[RATE] = F("rate_bytes_per_s", "rate", "RATE", GAUGE, BYTES_PER_S, 8, 1, NULL),
	[SEGS] = F("segs", "segs", "SEGS", COUNTER, SEGS, 2, 1, NULL),
	[SHARE] = F("share_permille", "share", "SHARE", GAUGE, PERMILLE, 2, 1, NULL),
	[OK] = F("ok", "ok", "OK", FLAG, NONE, 1, 1, NULL),
	[CPU] = F("cpu", "cpu", "CPU", ID, NONE, 1, 1, NULL),
	[BITS] = F("bits", "bits", "BITS", GAUGE, NONE, 1, 1, NULL),
	[MODE] = F("mode", "mode", "MODE", ENUM, NONE, 1, 1, names),
};
static const struct schema schema = { "test", field, NFIELDS };

static const struct screen ascii = { .width = 80 };
static const struct screen utf8 = { .width = 80, .utf8 = true };
static struct layout lay;
static struct procset procs;
static uint8_t all[NFIELDS];
static uint64_t rec[32];

static const char *taken(struct buf *b)
{
	static char text[16384];
	size_t n = b->len < sizeof(text) ? b->len : sizeof(text) - 1;

	memcpy(text, b->p ? b->p : "", n);
	text[n] = 0;
	b->len = 0;
	buf_free(b);
	return text;
}

static void set_addr(unsigned f, const char *text)
{
	uint8_t a[16] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, text, a + 12) != 1)
		CHECK_EQ(inet_pton(AF_INET6, text, a), 1);
	rec_set_addr(&lay, rec, f, a);
}

static uint32_t id(const char *text)
{
	return strings_add(text, strlen(text));
}

static void clear(void)
{
	memset(rec, 0, sizeof(rec));
}

static void flow(void)
{
	clear();
	rec_set(&lay, rec, PROTO, PROTO_TCP);
	set_addr(SRC, "192.0.2.1");
	rec_set(&lay, rec, SPORT, 443);
	set_addr(DST, "198.51.100.7");
	rec_set(&lay, rec, DPORT, 50000);
	rec_set(&lay, rec, STATE, 1);
	rec_set(&lay, rec, INODE, 7);
	rec_set(&lay, rec, RTT, 28800);
}

static void prepare(void)
{
	struct fieldset want = { { 0 } };

	for (unsigned f = 0; f < NFIELDS; f++) {
		fieldset_add(&want, f);
		all[f] = (uint8_t)f;
	}
	layout_init(&lay, &schema, &want, false);
	CHECK(lay.size <= sizeof(rec));
	lay.slot[BITS].shift = 2;
	lay.slot[BITS].bits = 3;
	procset_init(&procs);
	for (uint32_t pid = 13; pid >= 12; pid--)
		procset_add_link(&procs, 7, procset_add_proc(&procs, pid, id("nginx"), id("/usr/sbin/nginx")));
	procset_add_link(&procs, 8, procset_add_proc(&procs, 5, id("a b\033[2J\n\xe2\x80\xae"), 0));
	CHECK_EQ(procset_seal(&procs), 0);
}

static const char *value(unsigned f, unsigned max)
{
	struct buf b = BUF_INIT;
	unsigned n = value_text(&b, &ascii, &lay, rec, f, &procs, max);

	CHECK_EQ(n, b.len);
	return taken(&b);
}

/* The value V of field F. */
static const char *number(unsigned f, uint64_t v, unsigned max)
{
	clear();
	rec_set(&lay, rec, f, v);
	return value(f, max);
}

static void test_values(void)
{
	clear();
	for (unsigned f = 0; f < NFIELDS; f++)
		CHECK_STR(value(f, 0), "-");
	CHECK_STR(number(RTT, 0, 0), "0ns");
	CHECK_STR(number(RTT, 28800, 0), "28.8ms");
	CHECK_STR(number(BYTES, 0, 0), "0B");
	CHECK_STR(number(BYTES, 1448, 0), "1448B");
	CHECK_STR(number(BYTES, 99999, 0), "99999B");
	CHECK_STR(number(BYTES, 100000, 0), "100kB");
	CHECK_STR(number(BYTES, UINT64_MAX, 0), "18.4EB");
	CHECK_STR(number(RATE, 12345678, 0), "12.3MB/s");
	CHECK_STR(number(SEGS, 65535, 0), "65535");
	CHECK_STR(number(SEGS, 65535, 5), "65535");
	CHECK_STR(number(SEGS, 1234, 3), "~");
	CHECK_STR(number(SEGS, 65535, 4), "~");
	CHECK_STR(number(RATE, 12345678, 7), "12.3M");
	CHECK_STR(number(INODE, 123456789, 8), "~");
	CHECK_STR(number(BITS, 0xff, 1), "7");
	CHECK_STR(number(SHARE, 0, 0), "0.0%");
	CHECK_STR(number(SHARE, 1000, 0), "100.0%");
	CHECK_STR(number(OK, 1, 0), "yes");
	CHECK_STR(number(OK, 0, 0), "no");
	CHECK_STR(number(CPU, 9, 0), "9");
	CHECK_STR(number(BITS, 0xff, 0), "7");
	CHECK_STR(number(MODE, 0, 0), "-");
	CHECK_STR(number(MODE, 2, 0), "two");
	CHECK_STR(number(MODE, 3, 0), "-");
	CHECK_STR(number(MODE, 255, 0), "-");
	CHECK_STR(number(STATE, 1, 8), "establi~");
	CHECK_STR(number(NAME, 0, 0), "-");
	CHECK_STR(number(NAME, id("eth\033[2J\"\\\n\xff"), 0), "eth?[2J\"\\??");
	CHECK_STR(number(NAME, id("abcdefgh"), 5), "abcd~");
}

static void test_procs(void)
{
	flow();
	CHECK_STR(value(PROCS, 0), "nginx(12),nginx(13)");
	CHECK_STR(value(PROCS, 19), "nginx(12),nginx(13)");
	CHECK_STR(value(PROCS, 18), "nginx(12),nginx(1~");
	CHECK_STR(value(PROCS, 5), "ngin~");
	CHECK_STR(number(INODE, 8, 0), "8");
	CHECK_STR(value(PROCS, 0), "a b?[2J?" "?(5)");
	CHECK_STR(value(PROCS, 6), "a b?[~");
	rec_set(&lay, rec, INODE, 0);
	CHECK_STR(value(PROCS, 0), "(none)");
	rec_set(&lay, rec, INODE, 99); /* in a set that is not complete, not found is not known */
	CHECK_STR(value(PROCS, 0), "-");
	procs.complete = true;
	CHECK_STR(value(PROCS, 0), "(none)");
	CHECK_STR(value(PROCS, 3), "(n~");
	procs.complete = false;
}

static const char *endpoint(unsigned port)
{
	struct buf b = BUF_INIT;
	unsigned n = endpoint_text(&b, &lay, rec, SRC, port);

	CHECK_EQ(n, b.len);
	return taken(&b);
}

static void test_endpoints(void)
{
	clear();
	CHECK_STR(endpoint(SPORT), "-");
	rec_set(&lay, rec, SPORT, 443);
	CHECK_STR(endpoint(SPORT), "-");
	set_addr(SRC, "192.0.2.1");
	CHECK_STR(endpoint(SPORT), "192.0.2.1:443");
	CHECK_STR(endpoint(DPORT), "192.0.2.1");
	CHECK_STR(endpoint(ROWFMT_NO_FIELD), "192.0.2.1");
	set_addr(SRC, "2001:db8::1");
	CHECK_STR(endpoint(SPORT), "[2001:db8::1]:443");
	CHECK_STR(endpoint(DPORT), "2001:db8::1");
	CHECK_STR(value(SRC, 0), "2001:db8::1");
	CHECK_STR(value(SRC, 8), "2001:db~");
	set_addr(SRC, "ffff:eeee:dddd:cccc:bbbb:aaaa:9999:8888");
	rec_set(&lay, rec, SPORT, 65535);
	CHECK_STR(endpoint(SPORT), "[ffff:eeee:dddd:cccc:bbbb:aaaa:9999:8888]:65535");
	set_addr(SRC, "::");
	rec_set(&lay, rec, SPORT, 0);
	CHECK_STR(endpoint(SPORT), "[::]:*");
	set_addr(SRC, "0.0.0.0");
	CHECK_STR(endpoint(SPORT), "0.0.0.0:*");
}

/* The record as a line of words with columns COL. */
static const char *words(const uint8_t *col, unsigned n)
{
	struct buf b = BUF_INIT;
	struct rowfmt r;
	void *row = rec;

	rowfmt_init(&r, ROW_WORDS, &lay, col, n, &procs, &utf8);
	rowfmt_rows(&r, &b, &row, 1);
	return taken(&b);
}

static void test_words(void)
{
	static const uint8_t late[] = { RTT, SRC, MODE };

	clear();
	CHECK_STR(words(all, 0), "\n");
	CHECK_STR(words(&all[RTT], 1), "\n");
	CHECK_STR(words(all, NFIELDS), "- - - -\n");
	flow();
	CHECK_STR(words(all, NFIELDS),
		  "tcp 192.0.2.1:443 198.51.100.7:50000 established proc:nginx(12),nginx(13) inode:7 rtt:28.8ms\n");
	rec_set(&lay, rec, INODE, 8);
	rec_set(&lay, rec, NAME, id("my name:\xc3\xa9\t"));
	rec_set(&lay, rec, RTT, 0);
	rec_set(&lay, rec, BYTES, 0);
	rec_set(&lay, rec, RATE, 1000000);
	rec_set(&lay, rec, SEGS, 65535);
	rec_set(&lay, rec, SHARE, 123);
	rec_set(&lay, rec, OK, 1);
	rec_set(&lay, rec, CPU, 255);
	rec_set(&lay, rec, BITS, 0xff);
	rec_set(&lay, rec, MODE, 1);
	CHECK_STR(words(all, NFIELDS),
		  "tcp 192.0.2.1:443 198.51.100.7:50000 established proc:a_b?[2J?" "?(5) inode:8 "
		  "name:my_name:\xc3\xa9? rtt:0ns "
		  "sent:0B rate:1.00MB/s segs:65535 share:12.3% ok cpu:255 bits:7 mode:one\n");
	rec_set(&lay, rec, OK, 0);
	rec_set(&lay, rec, MODE, 9);
	CHECK_STR(words(late, 3), "rtt:0ns src:192.0.2.1\n");
	CHECK_STR(words(&all[OK], 1), "\n");
	procs.complete = true;
	rec_set(&lay, rec, INODE, 99);
	CHECK_STR(words(&all[PROCS], 2), "proc:(none) inode:99\n");
	procs.complete = false;
}

static const char *table(unsigned width, const uint8_t *col, unsigned ncol, void **row, uint32_t n, bool fit)
{
	struct screen s = { .width = width };
	struct buf b = BUF_INIT;
	struct rowfmt r;

	rowfmt_init(&r, ROW_TABLE, &lay, col, ncol, &procs, &s);
	if (fit)
		rowfmt_fit(&r, row, n);
	rowfmt_head(&b, &r);
	rowfmt_rows(&r, &b, row, n);
	return taken(&b);
}

static void test_table(void)
{
	static const uint8_t col[] = { RTT, SRC, SPORT, DST, DPORT, OK, PROCS };
	uint64_t first[32];
	void *row[2] = { first, rec };

	flow();
	memcpy(first, rec, sizeof(rec));
	clear();
	set_addr(SRC, "2001:db8::1");
	rec_set(&lay, rec, SPORT, 443);
	rec_set(&lay, rec, OK, 1);
	CHECK_STR(table(80, col, sizeof(col), row, 2, true),
		  "  SRTT LOCAL             PEER               OK  PROCESS\n"
		  "28.8ms 192.0.2.1:443     198.51.100.7:50000 -   nginx(12),nginx(13)\n"
		  "     - [2001:db8::1]:443 -                  yes -\n");
	/* Numbers and addresses do not give way; a text does down to twelve columns. */
	for (unsigned width = 1; width <= 60; width += 59)
		CHECK_STR(table(width, col, sizeof(col), row, 2, true),
			  "  SRTT LOCAL             PEER               OK  PROCESS\n"
			  "28.8ms 192.0.2.1:443     198.51.100.7:50000 -   nginx(12),n~\n"
			  "     - [2001:db8::1]:443 -                  yes -\n");
	/* Not fitted: the usual widths; a line without a limit keeps its last text whole. */
	CHECK_STR(table(0, col, sizeof(col), row, 1, false),
		  "   SRTT LOCAL                 PEER                  OK  PROCESS\n"
		  " 28.8ms 192.0.2.1:443         198.51.100.7:50000    -   nginx(12),nginx(13)\n");
	CHECK_STR(table(80, &all[RTT], 1, row, 0, true), "SRTT\n");
	CHECK_STR(table(80, col, 0, row, 0, true), "");
	rec_set(&lay, rec, SEGS, 65535);
	CHECK_STR(table(80, &all[SEGS], 2, &row[1], 1, true), " SEGS SHARE\n65535     -\n");
}

/* Groups: values in base units, eight bytes each. */
static void test_wide(void)
{
	struct layout narrow = lay;

	layout_init(&lay, &schema, &narrow.want, true);
	CHECK(lay.size <= sizeof(rec));
	clear();
	rec_set(&lay, rec, RTT, 28800000);
	rec_set(&lay, rec, SEGS, 10000000000);
	rec_set(&lay, rec, MODE, 2);
	CHECK_STR(value(RTT, 0), "28.8ms");
	CHECK_STR(words(&all[RTT], NFIELDS - RTT), "rtt:28.8ms segs:10000000000 mode:two\n");
	lay = narrow;
}

int main(void)
{
	prepare();
	test_values();
	test_procs();
	test_endpoints();
	test_words();
	test_table();
	test_wide();
	procset_free(&procs);
	strings_free();
	return check_done("rows");
}
