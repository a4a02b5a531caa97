// SPDX-License-Identifier: GPL-2.0-or-later
/* Screens, bars, numbers for people, hostile text; the histogram and the notes. */
#include "check.h"

#include <fcntl.h>
#include <unistd.h>

#include "model/flow.h"
#include "view/view.h"

static const struct screen ascii = { .width = 80, .height = 24 };
static const struct screen utf8 = { .width = 80, .height = 24, .utf8 = true };
static const struct screen color = { .width = 80, .height = 24, .utf8 = true, .color = true };

/* What is in B as a string, valid until the next call; empties B. */
static const char *taken(struct buf *b)
{
	static char text[8192];
	size_t n = b->len < sizeof(text) ? b->len : sizeof(text) - 1;

	memcpy(text, b->p ? b->p : "", n);
	text[n] = 0;
	b->len = 0;
	return text;
}

static unsigned columns(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static const char *ns(uint64_t v)
{
	static char t[16];

	memset(t, 0, sizeof(t));
	CHECK(fmt_ns(t, v) <= 7);
	t[fmt_ns(t, v)] = 0;
	return t;
}

static const char *si(uint64_t v)
{
	static char t[16];

	memset(t, 0, sizeof(t));
	CHECK(fmt_si(t, v) <= 6);
	t[fmt_si(t, v)] = 0;
	return t;
}

static void test_numbers(void)
{
	char t[16], want[32];

	CHECK_STR(ns(0), "0ns");
	CHECK_STR(ns(999), "999ns");
	CHECK_STR(ns(1000), "1.00us");
	CHECK_STR(ns(9994), "9.99us");
	CHECK_STR(ns(9995), "10.0us");
	CHECK_STR(ns(99949), "99.9us");
	CHECK_STR(ns(99950), "100us");
	CHECK_STR(ns(842000), "842us");
	CHECK_STR(ns(999499), "999us");
	CHECK_STR(ns(999500), "1.00ms");
	CHECK_STR(ns(28800000), "28.8ms");
	CHECK_STR(ns(1260000000), "1.26s");
	CHECK_STR(ns(999499999999), "999s");
	CHECK_STR(ns(1000000000000), "16.7min");
	CHECK_STR(ns(5996000000000), "99.9min");
	CHECK_STR(ns(6000000000000), "1.67h");
	CHECK_STR(ns(86400000000000), "24.0h");
	CHECK_STR(ns(3600000000000000), "41.7d");
	CHECK_STR(ns(UINT64_MAX), "213504d");
	CHECK_STR(si(0), "0");
	CHECK_STR(si(999), "999");
	CHECK_STR(si(1000), "1.00k");
	CHECK_STR(si(1500), "1.50k");
	CHECK_STR(si(12345678), "12.3M");
	CHECK_STR(si(999499), "999k");
	CHECK_STR(si(999500), "1.00M");
	CHECK_STR(si(1004999600), "1.00G");
	CHECK_STR(si(1005000000), "1.01G");
	CHECK_STR(si(UINT64_MAX), "18.4E");
	/* The division by multiplication, everywhere. */
	for (unsigned v = 1000; v < 999500; v += v < 12000 ? 1 : 7) {
		unsigned n = fmt_si(t, v);

		if (v < 9995)
			snprintf(want, sizeof(want), "%u.%02uk", (v + 5) / 1000, (v + 5) / 10 % 100);
		else if (v < 99950)
			snprintf(want, sizeof(want), "%u.%uk", (v + 50) / 1000, (v + 50) / 100 % 10);
		else
			snprintf(want, sizeof(want), "%uk", (v + 500) / 1000);
		if (n != strlen(want) || memcmp(t, want, n))
			CHECK_EQ(v, 0);
	}
}

static const char *safe(const struct screen *s, const char *text, unsigned max)
{
	static struct buf b;
	const char *r;
	unsigned n = text_safe(&b, s, text, max);

	r = taken(&b);
	CHECK_EQ(n, columns(r));
	buf_free(&b);
	return r;
}

static void test_text(void)
{
	CHECK_STR(safe(&ascii, "", 0), "");
	CHECK_STR(safe(&ascii, "nginx", 0), "nginx");
	CHECK_STR(safe(&ascii, "\033[2Jx\n\r\t\x7f", 0), "?[2Jx????");
	CHECK_STR(safe(&utf8, "\033[2Jx\n\x7f", 0), "?[2Jx??");
	CHECK_STR(safe(&utf8, "caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x90\xa7", 0),
		  "caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x90\xa7");
	CHECK_STR(safe(&ascii, "caf\xc3\xa9 \xe6\xbc\xa2", 0), "caf? ?");
	CHECK_STR(safe(&utf8, "\xc2\x9b" "2J", 0), "?2J");          /* C1: CSI */
	CHECK_STR(safe(&utf8, "a\xe2\x80\xae" "b", 0), "a?b");       /* right-to-left override */
	CHECK_STR(safe(&utf8, "a\xe2\x81\xa6" "b\xe2\x80\x8b\xef\xbb\xbf", 0), "a?b??");
	CHECK_STR(safe(&utf8, "a\xe2\x80\xa8" "b", 0), "a?b");       /* line separator */
	CHECK_STR(safe(&utf8, "\xf3\xa0\x80\xa1", 0), "?");          /* a tag character */
	CHECK_STR(safe(&utf8, "\xc0\xaf\xe0\x80\xaf", 0), "?????");  /* overlong */
	CHECK_STR(safe(&utf8, "\xf0\x80\x80\x80", 0), "????");       /* overlong */
	CHECK_STR(safe(&utf8, "\xed\xa0\x80", 0), "???");            /* a surrogate */
	CHECK_STR(safe(&utf8, "\xf4\x90\x80\x80\xff", 0), "?????");  /* past the last one */
	CHECK_STR(safe(&utf8, "x\xe6\xbc", 0), "x??");               /* ends too early */
	CHECK_STR(safe(&ascii, "abcdef", 6), "abcdef");
	CHECK_STR(safe(&ascii, "abcdef", 5), "abcd~");
	CHECK_STR(safe(&ascii, "abcdef", 1), "~");
	CHECK_STR(safe(&utf8, "\xc3\xa9\xc3\xa9\xc3\xa9", 2), "\xc3\xa9~");
	CHECK_STR(safe(&utf8, "\xc3\xa9\xc3\xa9\xc3\xa9", 3), "\xc3\xa9\xc3\xa9\xc3\xa9");
}

static const char *bar_of(const struct screen *s, unsigned width, uint64_t value, uint64_t inner, uint64_t full)
{
	static struct buf b;
	const char *r;

	bar(&b, s, width, value, inner, full, INK_PLAIN);
	r = taken(&b);
	buf_free(&b);
	return r;
}

static void test_bar(void)
{
	CHECK_STR(bar_of(&ascii, 10, 0, 0, 100), "          ");
	CHECK_STR(bar_of(&ascii, 10, 100, 0, 100), "##########");
	CHECK_STR(bar_of(&ascii, 10, 50, 0, 100), "#####     ");
	CHECK_STR(bar_of(&ascii, 10, 80, 30, 100), "###-----  ");
	CHECK_STR(bar_of(&ascii, 10, 1, 0, 1000), "#         ");
	CHECK_STR(bar_of(&ascii, 10, 1000, 1, 1000), "#---------");
	CHECK_STR(bar_of(&ascii, 10, 7, 7, 10), "#######   ");
	CHECK_STR(bar_of(&ascii, 10, 200, 0, 100), "##########");
	CHECK_STR(bar_of(&ascii, 4, 5, 0, 0), "####");
	CHECK_STR(bar_of(&ascii, 4, 0, 0, 0), "    ");
	CHECK_STR(bar_of(&ascii, 0, 5, 0, 5), "");
	CHECK_STR(bar_of(&ascii, 10, UINT64_MAX, UINT64_MAX / 2, UINT64_MAX), "#####-----");
	CHECK_STR(bar_of(&utf8, 4, 100, 0, 100), "████");
	CHECK_STR(bar_of(&utf8, 4, 1, 0, 1000), "▏   ");
	CHECK_STR(bar_of(&utf8, 4, 48, 0, 128), "█▌  ");
	CHECK_STR(bar_of(&utf8, 8, 64, 20, 64), "██▌░░░░░");
	CHECK_STR(bar_of(&utf8, 8, 64, 18, 64), "██░░░░░░"); /* a quarter of a column would leave a gap */
	CHECK_STR(bar_of(&utf8, 8, 64, 2, 64), "▎░░░░░░░");  /* but here it is all there is of inner */
	CHECK_STR(bar_of(&utf8, 8, 64, 1, 64000), "▏       ");
	CHECK_STR(bar_of(&utf8, 8, 23, 21, 64), "██▉     ");  /* both ends in one column */
	CHECK_STR(bar_of(&utf8, 8, 40, 40, 64), "█████   ");
	CHECK_STR(bar_of(&utf8, 8, 32, 16, 64), "██░░    ");
}

/* Never wider or narrower than asked, never empty for a value above 0, whatever the numbers. */
static void test_bar_widths(void)
{
	for (unsigned width = 1; width <= 40; width++) {
		for (uint64_t value = 0; value <= 170; value += value < 20 ? 1 : 13) {
			for (uint64_t inner = 0; inner <= value; inner += 1 + value / 9) {
				const char *a = bar_of(&ascii, width, value, inner, 160);

				CHECK_EQ(strlen(a), width);
				CHECK((*a == ' ') == !value);
				CHECK(!inner || *a == '#');
				a = bar_of(&utf8, width, value, inner, 160);
				CHECK_EQ(columns(a), width);
				CHECK((*a == ' ') == !value);
			}
		}
	}
}

static void test_ink(void)
{
	struct buf b = BUF_INIT;

	ink_on(&b, &ascii, INK_RED);
	ink_off(&b, &ascii);
	CHECK_EQ(b.len, 0);
	ink_on(&b, &color, INK_RED);
	ink_off(&b, &color);
	CHECK_STR(taken(&b), "\033[31m\033[0m");
	ink_on(&b, &color, INK_PLAIN);
	CHECK_EQ(b.len, 0);
	bar(&b, &color, 3, 1, 0, 2, INK_GREEN);
	CHECK_STR(taken(&b), "\033[32m█▌\033[0m ");
	buf_free(&b);
}

/* The environment is the test's: only what it sets is there. */
static struct screen looked(int fd, bool plain, enum color_mode mode, const char *lang, const char *term,
			    const char *cols)
{
	struct screen s;

	clearenv();
	setenv("LANG", lang, 1);
	setenv("TERM", term, 1);
	setenv("COLUMNS", cols, 1);
	screen_init(&s, fd, plain, mode);
	return s;
}

static void test_screen(void)
{
	int null = open("/dev/null", O_WRONLY), master = posix_openpt(O_RDWR | O_NOCTTY), tty = -1;
	struct screen s = looked(null, false, COLOR_AUTO, "C.UTF-8", "xterm", "");

	CHECK_EQ(s.width, 132);
	CHECK_EQ(s.height, 24);
	CHECK(s.utf8 && !s.color && !s.tty);
	CHECK(looked(null, false, COLOR_ALWAYS, "C", "dumb", "").color);
	CHECK(looked(null, false, COLOR_AUTO, "de_DE.utf8", "xterm", "").utf8);
	CHECK(!looked(null, false, COLOR_AUTO, "C", "xterm", "").utf8);
	CHECK(!looked(null, true, COLOR_AUTO, "C.UTF-8", "xterm", "").utf8);
	CHECK(!looked(null, false, COLOR_AUTO, "C.UTF-8", "vt100", "").utf8);
	CHECK(!looked(null, false, COLOR_AUTO, "C.UTF-8", "dumb", "").utf8);
	CHECK_EQ(looked(null, false, COLOR_AUTO, "C", "xterm", "80").width, 80);
	CHECK_EQ(looked(null, false, COLOR_AUTO, "C", "xterm", "1000").width, 1000);
	CHECK_EQ(looked(null, false, COLOR_AUTO, "C", "xterm", "19").width, 132);
	CHECK_EQ(looked(null, false, COLOR_AUTO, "C", "xterm", "1001").width, 132);
	CHECK_EQ(looked(null, false, COLOR_AUTO, "C", "xterm", "80x").width, 132);
	setenv("LC_ALL", "C", 1);
	setenv("LANG", "C.UTF-8", 1);
	screen_init(&s, null, false, COLOR_AUTO);
	CHECK(!s.utf8);
	if (master >= 0 && !grantpt(master) && !unlockpt(master))
		tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (tty >= 0) {
		s = looked(tty, false, COLOR_AUTO, "C", "xterm", "");
		CHECK_EQ(s.width, 80);
		CHECK(s.tty && s.color);
		CHECK(!looked(tty, false, COLOR_AUTO, "C", "vt100", "").color);
		CHECK(!looked(tty, false, COLOR_AUTO, "C", "", "").color);
		CHECK(!looked(tty, false, COLOR_NEVER, "C", "xterm", "").color);
		setenv("NO_COLOR", "1", 1);
		screen_init(&s, tty, false, COLOR_AUTO);
		CHECK(!s.color);
		setenv("NO_COLOR", "", 1);
		screen_init(&s, tty, false, COLOR_AUTO);
		CHECK(s.color);
		close(tty);
	}
	close(master);
	close(null);
}

static void test_histogram(void)
{
	static const struct hist_bin bin[] = {
		{ 1000000, 2000000, 5 }, { 2000000, 4000000, 100 }, { 4000000, 8000000, 0 },
	};
	struct screen s = { .width = 43 };
	struct buf b = BUF_INIT;

	histogram_text(&b, &s, bin, 3, "srtt\033");
	CHECK_STR(taken(&b),
		  "srtt?\n"
		  " 1.00ms -  2.00ms #                       5\n"
		  " 2.00ms -  4.00ms ##################### 100\n"
		  " 4.00ms -  8.00ms                         0\n");
	histogram_text(&b, &s, bin, 0, NULL);
	CHECK_STR(taken(&b), "");
	s.width = 5; /* a bar that says something is worth a longer line */
	histogram_text(&b, &s, bin + 1, 1, NULL);
	CHECK_STR(taken(&b), " 2.00ms -  4.00ms ########## 100\n");
	buf_free(&b);
}

static void test_notes(void)
{
	struct report r = { .schema = "fleutan/flowlat", .flow_schema = &flow_schema };
	struct buf b = BUF_INIT;

	notes_text(&b, &r);
	report_source(&r, "sock_diag", SOURCE_USED, NULL);
	report_source(&r, "tcp_probe", SOURCE_UNUSED, "not asked for");
	notes_text(&b, &r);
	CHECK_EQ(b.len, 0);
	report_source(&r, "bpf_iter", SOURCE_UNAVAILABLE, "no \033BTF");
	report_source(&r, "proc", SOURCE_USED, NULL);
	fieldset_add(&r.missing, F_SND_UNA);
	fieldset_add(&r.missing, F_RX_CPU);
	r.lost_records = 12;
	r.evicted_flows = 3;
	r.incomplete = true;
	notes_text(&b, &r);
	CHECK_STR(taken(&b),
		  "flowlat: bpf_iter not used: no ?BTF\n"
		  "flowlat: used instead: sock_diag, proc\n"
		  "flowlat: not available here: rx_cpu, snd_una\n"
		  "flowlat: 12 records were lost on their way from the kernel\n"
		  "flowlat: 3 flows did not fit in the table and are not shown\n"
		  "flowlat: the kernel's list kept changing while it was read: flows may be missing or stand twice\n");
	buf_free(&b);
}

int main(void)
{
	test_numbers();
	test_text();
	test_bar();
	test_bar_widths();
	test_ink();
	test_screen();
	test_histogram();
	test_notes();
	return check_done("screen");
}
