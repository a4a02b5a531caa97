// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows with bars: on their own, and lists within lists. */
#include <string.h>

#include "check.h"
#include "core/util.h"
#include "model/queue.h"
#include "model/strings.h"
#include "view/barlist.h"

static struct layout lay;
static uint64_t rec[6][64];
static void *row[6];

static void prepare(void)
{
	static const char *const dev[] = { "eth0", "eth1", "a-much-longer-name", "x", "y", "z" };
	struct fieldset want = { { 0 } };

	for (unsigned f = 0; f < Q_COUNT; f++)
		fieldset_add(&want, f);
	layout_init(&lay, &queue_schema, &want, false);
	CHECK(lay.size <= sizeof(rec[0]));
	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		row[i] = rec[i];
		rec_set(&lay, rec[i], Q_DEV, strings_add(dev[i], strlen(dev[i])));
		rec_set(&lay, rec[i], Q_BYTES, 1000 * i);
		rec_set(&lay, rec[i], Q_QUEUE, i);
	}
}

/* Rows FROM to TO; TOTAL of them there are. */
static struct section rows(unsigned from, unsigned to, uint32_t total)
{
	return (struct section){ .layout = &lay, .row = row + from, .nrow = to - from, .total = total };
}

static const char *list(const struct section *s, const struct barlist *l, unsigned columns)
{
	struct screen screen = { .width = columns };
	static char text[4096];
	struct buf b = BUF_INIT;
	size_t n;

	barlist_text(&b, &screen, s, l, NULL);
	CHECK(!b.failed);
	n = MIN(b.len, sizeof(text) - 1);
	memcpy(text, b.p ? b.p : "", n);
	text[n] = 0;
	buf_free(&b);
	return text;
}

static const struct barlist plain = { .value = Q_BYTES, .left = { Q_QUEUE }, .nleft = 1, .right = { Q_DEV }, .nright = 1 };

static void test_plain(void)
{
	struct section s = rows(0, 2, 2);

	CHECK_STR(list(&s, &plain, 20),
		  "Q 0       1000B DEV\n"
		  "0               eth0\n"
		  "1 ############# eth1\n");
	s.total = 5;
	CHECK_STR(list(&s, &plain, 20),
		  "Q 0       1000B DEV\n"
		  "0               eth0\n"
		  "1 ############# eth1\n"
		  "... and 3 more (-N 0 shows all)\n");
}

/* Indented is the same list on a narrower screen, each line behind the spaces: also where a row takes two. */
static void test_indent(void)
{
	struct section s = rows(0, 4, 9);
	struct barlist l = plain;
	static char narrow[4096];

	for (unsigned columns = 10; columns < 60; columns++) {
		const char *p = narrow;

		l.indent = 0;
		strcpy(narrow, list(&s, &l, columns));
		l.indent = 4;
		for (const char *at = list(&s, &l, columns + 4); *at; at = strchr(at, '\n') + 1) {
			size_t n = strcspn(p, "\n") + 1;

			CHECK(!strncmp(at, "    ", 4) && !strncmp(at + 4, p, n));
			p += n;
		}
		CHECK_STR(p, "");
	}
	/* No room at all is no reason to fail. */
	l.indent = 100;
	CHECK(strstr(list(&s, &l, 20), "eth0"));
	l.indent = 0;
	CHECK(strstr(list(&s, &l, 0), "eth0"));
}

/* Lists of one table: columns as wide as all rows need, one head with the scale of all, bars of one measure. */
static void test_fit(void)
{
	struct section first = rows(0, 2, 2), second = rows(2, 3, 3);
	struct barlist l = plain;

	l.fit = row;
	l.nfit = 3;
	CHECK_STR(list(&first, &l, 40),
		  "Q 0             2000B DEV\n"
		  "0                     eth0\n"
		  "1 ##########          eth1\n");
	l.no_head = true;
	CHECK_STR(list(&second, &l, 40),
		  "2 ################### a-much-longer-name\n"
		  "... and 2 more (-N 0 shows all)\n");
	l.full = 4000;
	second.total = 1;
	CHECK_STR(list(&second, &l, 40), "2 ##########          a-much-longer-name\n");
	l.no_head = false;
	CHECK_STR(list(&first, &l, 40),
		  "Q 0             4000B DEV\n"
		  "0                     eth0\n"
		  "1 #####               eth1\n");
	/* More than full is no more than full; a list without rows still has its scale. */
	l.full = 500;
	CHECK_STR(list(&second, &l, 40),
		  "Q 0              500B DEV\n"
		  "2 ################### a-much-longer-name\n");
	second.nrow = second.total = 0;
	CHECK_STR(list(&second, &l, 40), "Q 0              500B DEV\n");
}

static void note(void *arg, struct buf *b, uint32_t i)
{
	const struct section *sub = arg;
	static const struct screen screen = { .width = 24 };
	struct barlist l = plain;

	l.indent = 2;
	l.no_head = true;
	l.full = 5000;
	if (i == 1)
		barlist_text(b, &screen, sub, &l, NULL);
}

/* What stands behind a row is printed behind its line. */
static void test_after(void)
{
	struct section outer = rows(0, 3, 3), inner = rows(4, 6, 6);
	struct barlist l = plain;

	l.after = note;
	l.arg = &inner;
	CHECK_STR(list(&outer, &l, 24),
		  "Q 0    2000B DEV\n"
		  "0            eth0\n"
		  "1 #####      eth1\n"
		  "  4 #############    y\n"
		  "  5 ################ z\n"
		  "  ... and 4 more (-N 0 shows all)\n"
		  "2 ########## a-much-lon~\n");
}

int main(void)
{
	prepare();
	test_plain();
	test_indent();
	test_fit();
	test_after();
	strings_free();
	return check_done("barlist");
}
