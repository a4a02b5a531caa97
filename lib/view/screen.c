// SPDX-License-Identifier: GPL-2.0-or-later
/* What the terminal can show, text made safe for it, bars, and numbers for people. */
#include "view/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/util.h"

/* Metrics are UTF-8 whatever the screen is. Without either, text is taken byte by byte: what is not ASCII becomes '?'. */
#define WITH_UTF8 (IS_ENABLED(CONFIG_UTF8) || IS_ENABLED(CONFIG_METRICS))

static bool utf8_on(const struct screen *s)
{
	return WITH_UTF8 && s->utf8;
}

/* The variable's value; "" when it is not set. */
static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v ? v : "";
}

static bool locale_is_utf8(void)
{
	const char *v = env("LC_ALL");

	if (!*v)
		v = env("LC_CTYPE");
	if (!*v)
		v = env("LANG");
	return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
}

/* Terminals of the vt52 to vt220 family have neither UTF-8 nor colour. */
static bool term_is_plain(const char *term)
{
	return !strcmp(term, "dumb") || (!strncmp(term, "vt", 2) && term[2] >= '0' && term[2] <= '9');
}

void screen_init(struct screen *s, int fd, bool ascii, enum color_mode color)
{
	const char *term = env("TERM"), *columns = env("COLUMNS");
	struct winsize ws = { 0 };
	uint64_t width = 0;

	s->tty = isatty(fd);
	if (s->tty && ioctl(fd, TIOCGWINSZ, &ws))
		ws.ws_col = ws.ws_row = 0;
	s->height = ws.ws_row ? ws.ws_row : 24;
	if (parse_u64(columns, strlen(columns), &width) && width >= 20 && width <= 1000)
		s->width = (unsigned)width;
	else if (ws.ws_col)
		s->width = ws.ws_col;
	else
		s->width = s->tty ? 80 : 132;

	s->utf8 = IS_ENABLED(CONFIG_UTF8) && !ascii && !term_is_plain(term) && locale_is_utf8();
	if (color == COLOR_AUTO)
		s->color = s->tty && *term && !term_is_plain(term) && !*env("NO_COLOR");
	else
		s->color = color == COLOR_ALWAYS;
	s->color = s->color && IS_ENABLED(CONFIG_COLOR);
}

void ink_on(struct buf *b, const struct screen *s, enum ink i)
{
	static const char code[][3] = {
		[INK_DIM] = "2", [INK_BOLD] = "1", [INK_GREEN] = "32", [INK_YELLOW] = "33", [INK_RED] = "31",
		[INK_CYAN] = "36",
	};

	if (!IS_ENABLED(CONFIG_COLOR) || !s->color || i == INK_PLAIN)
		return;
	buf_str(b, "\033[");
	buf_str(b, code[i]);
	buf_ch(b, 'm');
}

void ink_off(struct buf *b, const struct screen *s)
{
	if (IS_ENABLED(CONFIG_COLOR) && s->color)
		buf_str(b, "\033[0m");
}

unsigned utf8_next(const char *text, uint32_t *cp)
{
	const unsigned char *t = (const unsigned char *)text;
	unsigned n = t[0] < 0xe0 ? 2 : t[0] < 0xf0 ? 3 : 4;
	static const uint32_t least[] = { 0x80, 0x800, 0x10000 };
	uint32_t c;

	*cp = t[0];
	if (t[0] < 0x80)
		return 1;
	*cp = CP_INVALID;
	if (t[0] < 0xc2 || t[0] > 0xf4)
		return 1;
	c = t[0] & (0x7f >> n);
	for (unsigned i = 1; i < n; i++) {
		if ((t[i] & 0xc0) != 0x80) /* the NUL at the end, too */
			return 1;
		c = c << 6 | (t[i] & 0x3f);
	}
	if (c < least[n - 2] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 1;
	*cp = c;
	return n;
}

bool cp_hidden(uint32_t cp)
{
	static const struct { uint32_t first, last; } hidden[] = {
		{ 0x00, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0x3164, 0x3164 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
		{ 0xe0000, 0xe0fff },
	};

	if (cp >= ' ' && cp < 0x7f)
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(hidden); i++)
		if (cp >= hidden[i].first && cp <= hidden[i].last)
			return true;
	return false;
}

unsigned text_safe(struct buf *b, const struct screen *s, const char *text, unsigned max)
{
	char *p, *last; /* where the last column begins */
	unsigned cols = 0;

	if (!buf_room(b, strlen(text) + 1))
		return 0;
	p = last = b->p + b->len;
	while (*text) {
		uint32_t cp = (unsigned char)*text;
		unsigned n = WITH_UTF8 ? utf8_next(text, &cp) : 1;

		if (max && cols == max) {
			p = last;
			*p++ = '~';
			break;
		}
		last = p;
		if ((cp >= 0x80 && !utf8_on(s)) || (WITH_UTF8 ? cp == CP_INVALID || cp_hidden(cp) : cp < ' ' || cp == 0x7f)) {
			*p++ = '?';
			text += n;
		} else {
			while (n--)
				*p++ = *text++;
		}
		cols++;
	}
	b->len = (size_t)(p - b->p);
	return cols;
}

/* VALUE of FULL in UNITS steps, rounded to the nearest; at least 1 unless VALUE is 0. */
static unsigned bar_steps(uint64_t value, uint64_t full, unsigned units)
{
	uint64_t n;
	bool some = value > 0;

	while (full >> 48) { /* keeps the product below 2^64 */
		full >>= 1;
		value >>= 1;
	}
	n = full ? (value * units + full / 2) / full : 0;
	return n || !some ? (unsigned)n : 1;
}

static void bar_part(struct buf *b, const struct screen *s, const char *utf8, char ascii, unsigned n)
{
	if (!utf8_on(s))
		buf_fill(b, ascii, n);
	else
		while (n--)
			buf_str(b, utf8);
}

void bar(struct buf *b, const struct screen *s, unsigned width, uint64_t value, uint64_t inner, uint64_t full,
	 enum ink ink)
{
	static const char eighth[8][4] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	unsigned step = utf8_on(s) ? 8 : 1; /* steps in a column */
	unsigned end, solid, part, rest;

	width = MIN(width, 1000u);
	full = MAX(full, value);
	end = width ? bar_steps(value, full, width * step) : 0;
	solid = inner ? bar_steps(MIN(inner, value), full, width * step) : end;
	part = solid % step;
	solid /= step;
	rest = (end + step / 2) / step;
	/*
	 * Where the solid part ends within a column, what is left of that column stays blank. More than half a column
	 * of blank would read as the end of the bar: then the column belongs to the rest, unless it is all there is
	 * to see of inner.
	 */
	if (part && part < step / 2 && solid && rest > solid)
		part = 0;
	if (rest <= solid + (part > 0) && step > 1 && inner && end >= 8 && end - (solid * step + part) >= step / 2) {
		/* Both ends in one column, but far enough apart to be told from a bar that is solid to its end. */
		solid = MAX(solid, 1u);
		part = 0;
		rest = solid < width;
	} else if (rest <= solid + (part > 0)) { /* both ends in one column: the outer one counts */
		solid = end / step;
		part = end % step;
		rest = 0;
	} else {
		rest -= solid + (part > 0);
	}
	ink_on(b, s, ink);
	bar_part(b, s, "█", '#', solid);
	buf_str(b, eighth[part]);
	bar_part(b, s, "░", '-', rest);
	if (ink != INK_PLAIN)
		ink_off(b, s);
	buf_fill(b, ' ', width - solid - (part > 0) - rest);
}

/*
 * Three significant digits of V thousandths, 1000 <= V < 999500: "1.26", "28.8", "842". Writes four bytes whatever it
 * returns. Without a branch: sizes of numbers cannot be predicted, and a row of text consists of them.
 */
static unsigned three_digits(char *p, uint32_t v)
{
	/* Division by 10, 100 and 1000 as a multiplication, exact below 2^22; compilers told to save space divide. */
	static const struct { uint32_t half, times; } by[] = { { 5, 429496730 }, { 50, 42949673 }, { 500, 4294968 } };
	unsigned whole = (v >= 9995) + (v >= 99950); /* digits before the point, less one */
	uint32_t h = (uint32_t)((uint64_t)(v + by[whole].half) * by[whole].times >> 32);
	uint32_t tens = h * 6554 >> 16; /* h / 10, and below h / 100 */
	char d1 = (char)('0' + tens - (tens * 6554 >> 16) * 10), d2 = (char)('0' + h - tens * 10);

	p[0] = (char)('0' + (tens * 6554 >> 16));
	p[1] = whole ? d1 : '.';
	p[2] = whole > 1 ? d2 : whole ? '.' : d1;
	p[3] = d2;
	return 3 + (whole < 2);
}

unsigned fmt_ns(char *p, uint64_t ns)
{
	static const char unit[][4] = { "us", "ms", "s", "min", "h" };
	static const uint8_t unit_len[] = { 2, 2, 1, 3, 1 };
	/* The first value that is written in the next unit, in thousandths of this one. */
	static const uint32_t past[] = { 999500, 999500, 999500, 99950, 999500 };
	unsigned k = 0, n;

	if (ns < 1000) {
		n = fmt_u64(p, ns);
		memcpy(p + n, "ns", 2);
		return n + 2;
	}
	for (; k < ARRAY_SIZE(past) - 1 && ns >= past[k]; k++)
		ns = k < 2 ? ns / 1000 : ns / 60;
	if (ns >= past[k]) {
		ns /= 24;
		n = ns < past[k] ? three_digits(p, (uint32_t)ns) : fmt_u64(p, (ns + 500) / 1000);
		p[n] = 'd';
		return n + 1;
	}
	n = three_digits(p, (uint32_t)ns);
	memcpy(p + n, unit[k], 4);
	return n + unit_len[k];
}

unsigned fmt_si(char *p, uint64_t v)
{
	unsigned k = 0, n;

	if (v < 1000)
		return fmt_u64(p, v);
	for (; v >= 999500; k++)
		v /= 1000; /* rounding down here and to the nearest at the end is rounding to the nearest */
	n = three_digits(p, (uint32_t)v);
	p[n] = "kMGTPE"[k];
	return n + 1;
}

void text_wrap(struct buf *b, const struct screen *s, const char *text, unsigned indent)
{
	unsigned used = 0; /* columns of the line so far, without its indentation */
	char word[128];

	buf_fill(b, ' ', indent);
	while (*text) {
		size_t n = strcspn(text, " "), kept = MIN(n, sizeof(word) - 1);

		memcpy(word, text, kept);
		word[kept] = 0;
		if (used && s->width && indent + used + 1 + kept > s->width) {
			buf_ch(b, '\n');
			buf_fill(b, ' ', indent);
			used = 0;
		}
		if (used)
			buf_ch(b, ' ');
		used += (used > 0) + text_safe(b, s, word, 0);
		text += n;
		text += *text == ' ';
	}
	buf_ch(b, '\n');
}
