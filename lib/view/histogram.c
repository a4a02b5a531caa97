// SPDX-License-Identifier: GPL-2.0-or-later
/* A distribution as bars. */
#include "core/util.h"
#include "model/hist.h"
#include "view/view.h"

#define RANGE_COLS 7 /* what fmt_ns() takes */
#define BAR_MIN 10

static void duration(struct buf *b, uint64_t ns)
{
	char t[24];
	unsigned n = fmt_ns(t, ns);

	buf_fill(b, ' ', RANGE_COLS - MIN(n, RANGE_COLS));
	buf_add(b, t, n);
}

void histogram_text(struct buf *b, const struct screen *s, const struct hist_bin *bin, unsigned nbin, const char *title)
{
	char t[20];
	uint64_t most = 0;
	unsigned count_cols, other, width;

	if (title) {
		text_safe(b, s, title, 0);
		buf_ch(b, '\n');
	}
	for (unsigned i = 0; i < nbin; i++)
		most = MAX(most, bin[i].count);
	count_cols = fmt_u64(t, most);
	other = RANGE_COLS + 3 + RANGE_COLS + 1 + 1 + count_cols;
	width = s->width >= other + BAR_MIN ? s->width - other : BAR_MIN;
	if (!s->width)
		width = 80 - other;
	for (unsigned i = 0; i < nbin; i++) {
		unsigned n = fmt_u64(t, bin[i].count);

		duration(b, bin[i].lo);
		buf_str(b, " - ");
		duration(b, bin[i].hi);
		buf_ch(b, ' ');
		bar(b, s, width, bin[i].count, 0, most, INK_CYAN);
		buf_fill(b, ' ', 1 + count_cols - n);
		buf_add(b, t, n);
		buf_ch(b, '\n');
	}
}
