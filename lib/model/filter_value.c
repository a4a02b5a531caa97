// SPDX-License-Identifier: GPL-2.0-or-later
/* The values of filter expressions: see filter_value.h. No floating point: a fraction must come out whole. */
#include "model/filter_value.h"

#include <arpa/inet.h>
#include <strings.h>

#include "core/util.h"

static const char too_large[] = "too large a value";
static const char too_fine[] = "finer than the unit of the field";
static const char port_expected[] = "expected a port, 0 to 65535";
const char value_addr_expected[] =
	"expected an address such as 10.0.0.1, 10.0.0.0/8, 10.0.0.1:443 or [2001:db8::1]:443";

/* Bytes not yet looked at. */
struct cursor {
	const char *p, *end;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes the next character when it is CH (a small letter stands for both cases). */
static bool take(struct cursor *c, char ch)
{
	bool same = c->p < c->end && (*c->p == ch || (ch >= 'a' && (*c->p | 0x20) == ch));

	c->p += same;
	return same;
}

/* A decimal number: whole + frac / div. */
struct decimal {
	uint64_t whole, frac, div;
};

/* NULL, or what is wrong; EXPECTED is what to say when it is no number at all. */
static const char *take_decimal(struct cursor *c, struct decimal *d, const char *expected)
{
	const char *start = c->p, *stop;

	*d = (struct decimal){ .div = 1 };
	for (; c->p < c->end && is_digit(*c->p); c->p++)
		if (__builtin_mul_overflow(d->whole, 10, &d->whole) ||
		    __builtin_add_overflow(d->whole, (uint64_t)(*c->p - '0'), &d->whole))
			return too_large;
	if (c->p == start)
		return expected;
	if (!take(c, '.'))
		return NULL;
	start = c->p;
	while (c->p < c->end && is_digit(*c->p))
		c->p++;
	if (c->p == start)
		return expected;
	for (stop = c->p; stop > start && stop[-1] == '0'; stop--)
		;
	if (stop - start > 18) /* 10^18 is the largest power that fits with a digit to spare */
		return too_fine;
	for (; start < stop; start++) {
		d->frac = d->frac * 10 + (uint64_t)(*start - '0');
		d->div *= 10;
	}
	return NULL;
}

/* *V = d × MULT / BY, which must come out whole. */
static const char *scale_decimal(const struct decimal *d, uint64_t mult, unsigned by, uint64_t *v)
{
	uint64_t whole, frac;

	if (__builtin_mul_overflow(d->whole, mult, &whole))
		return too_large;
	if (__builtin_mul_overflow(d->frac, mult, &frac) || frac % d->div)
		return too_fine;
	if (__builtin_add_overflow(whole, frac / d->div, &whole))
		return too_large;
	if (whole % by)
		return too_fine;
	*v = whole / by;
	return NULL;
}

/* The factor of a prefix: k, M, G, T of 1000 and, where BINARY allows, Ki, Mi, Gi, Ti of 1024; 1 without one. */
static uint64_t take_prefix(struct cursor *c, bool binary)
{
	static const char prefix[] = "kmgt";
	uint64_t mult = 1, base;
	unsigned power = 0;

	for (unsigned i = 0; prefix[i] && !power; i++)
		if (take(c, prefix[i]))
			power = i + 1;
	base = power && binary && take(c, 'i') ? 1024 : 1000;
	while (power--)
		mult *= base;
	return mult;
}

/* The factor of a unit of time; 0: none. Takes all that is left. */
static uint64_t time_unit(const struct cursor *c)
{
	static const struct {
		char name[4];
		uint64_t ns;
	} unit[] = {
		{ "ns", 1 }, { "us", NSEC_PER_USEC }, { "ms", NSEC_PER_MSEC }, { "s", NSEC_PER_SEC },
		{ "min", 60 * NSEC_PER_SEC }, { "h", 3600 * NSEC_PER_SEC }, { "d", 86400 * NSEC_PER_SEC },
	};
	size_t len = (size_t)(c->end - c->p);

	for (unsigned i = 0; i < ARRAY_SIZE(unit); i++)
		if (len == strlen(unit[i].name) && !memcmp(c->p, unit[i].name, len))
			return unit[i].ns;
	return 0;
}

static const char *number_expected(const struct field *f)
{
	switch (f->unit) {
	case FU_NS: return "expected a time with its unit, such as 20ms or 1.5s";
	case FU_BYTES: return "expected bytes, such as 1500, 64k or 10Mi";
	case FU_BYTES_PER_S: return "expected a rate, such as 10mbit or 500k (bytes per second)";
	case FU_PERMILLE: return "expected a percentage, such as 5%";
	default: return f->kind == FK_ID ? "expected a whole number" : "expected a number, such as 100 or 10k";
	}
}

static const char *value_id(const char *s, size_t len, uint64_t *v, uint64_t *mask, const char *expected)
{
	const char *slash = memchr(s, '/', len);
	size_t n = slash ? (size_t)(slash - s) : len;

	if (!parse_u64(s, n, v) || (slash && !parse_u64(slash + 1, len - n - 1, mask)))
		return expected;
	return NULL;
}

const char *value_number(const struct field *f, const char *s, size_t len, uint64_t *v, uint64_t *mask)
{
	const char *expected = number_expected(f), *wrong;
	struct cursor c = { s, s + len };
	struct decimal d;
	uint64_t mult = 1;
	unsigned by = 1;

	if (f->kind == FK_ID)
		return value_id(s, len, v, mask, expected);
	wrong = take_decimal(&c, &d, expected);
	if (wrong)
		return wrong;
	/* Without its unit a time or a percentage says nothing, unless it is 0. */
	if (c.p == c.end && !d.whole && !d.frac) {
		*v = 0;
		return NULL;
	}
	switch (f->unit) {
	case FU_NS:
		mult = time_unit(&c);
		return mult ? scale_decimal(&d, mult, 1, v) : expected;
	case FU_PERMILLE:
		mult = take(&c, '%') ? 10 : 0;
		break;
	case FU_BYTES:
	case FU_BYTES_PER_S:
		mult = take_prefix(&c, true);
		/* A small b would be bits to some and bytes to others. */
		if (c.p < c.end && *c.p == 'B') {
			c.p++;
		} else if (f->unit == FU_BYTES_PER_S && c.end - c.p >= 3 && !strncasecmp(c.p, "bit", 3)) {
			c.p += 3;
			by = 8;
		}
		if (f->unit == FU_BYTES_PER_S && c.end - c.p == 2 && !memcmp(c.p, "/s", 2))
			c.p += 2;
		break;
	default:
		mult = take_prefix(&c, false);
	}
	return c.p == c.end && mult ? scale_decimal(&d, mult, by, v) : expected;
}

const char *value_port(const char *s, size_t len, uint64_t *port)
{
	if (len && *s == ':') {
		s++;
		len--;
	}
	if (!len || !is_digit(*s) || !parse_u64(s, len, port) || *port > 65535)
		return port_expected;
	return NULL;
}

const char *value_port_range(const char *s, size_t len, uint64_t *lo, uint64_t *hi)
{
	const char *dash = memchr(s, '-', len);
	size_t n = dash ? (size_t)(dash - s) : len;

	if (value_port(s, n, lo))
		return "expected a range of ports such as 1-1024";
	*hi = *lo;
	if (dash && (value_port(dash + 1, len - n - 1, hi) || *hi < *lo))
		return "expected a range of ports such as 1-1024";
	return NULL;
}

/* One to four numbers with dots between them; the number of them, 0: it is none. */
static unsigned parse_v4(const char *s, size_t len, uint8_t out[4])
{
	struct cursor c = { s, s + len };
	unsigned n = 0;

	do {
		const char *start = c.p;
		unsigned v = 0;

		for (; c.p < c.end && is_digit(*c.p) && c.p - start < 3; c.p++)
			v = v * 10 + (unsigned)(*c.p - '0');
		/* A leading zero means octal to some programs: nobody's guess is right. */
		if (c.p == start || v > 255 || (c.p - start > 1 && *start == '0') || n == 4)
			return 0;
		out[n++] = (uint8_t)v;
	} while (take(&c, '.'));
	return c.p == c.end ? n : 0;
}

/* The address itself: fills addr, and plen as if no prefix followed. SHORT_OK: an IPv4 address may be cut short. */
static bool parse_host(const char *s, size_t len, bool short_ok, struct value_addr *a)
{
	char text[INET6_ADDRSTRLEN];
	unsigned n;

	if (!memchr(s, ':', len)) {
		n = parse_v4(s, len, a->addr + 12);
		a->addr[10] = a->addr[11] = 0xff;
		a->plen = (uint8_t)(96 + 8 * n);
		return n == 4 || (n && short_ok);
	}
	if (len >= sizeof(text) || memchr(s, 0, len))
		return false;
	memcpy(text, s, len);
	text[len] = 0;
	a->plen = 128;
	return inet_pton(AF_INET6, text, a->addr) == 1;
}

/* "%eth0" up to one of the characters that may follow it. */
static bool take_dev(struct cursor *c, struct value_addr *a)
{
	if (!take(c, '%'))
		return true;
	if (a->dev)
		return false;
	a->dev = c->p;
	while (c->p < c->end && *c->p != '/' && *c->p != ':')
		c->p++;
	a->dev_len = (size_t)(c->p - a->dev);
	return a->dev_len;
}

/* "/8", then ":443" or ":*": what may follow an address. V4: it was written as IPv4. */
static const char *parse_tail(struct cursor *c, bool v4, struct value_addr *a)
{
	if (take(c, '/')) {
		const char *start = c->p;
		uint64_t bits;

		while (c->p < c->end && is_digit(*c->p))
			c->p++;
		if (a->any || !parse_u64(start, (size_t)(c->p - start), &bits))
			return value_addr_expected;
		if (bits > (v4 ? 32 : 128))
			return v4 ? "expected a prefix length of 0 to 32" : "expected a prefix length of 0 to 128";
		a->plen = (uint8_t)(bits + (v4 ? 96 : 0));
	}
	if (c->p == c->end)
		return NULL;
	if (!take(c, ':') || (c->p < c->end && *c->p == ':'))
		return value_addr_expected;
	if (c->end - c->p == 1 && *c->p == '*')
		return NULL;
	a->has_port = true;
	return value_port(c->p, (size_t)(c->end - c->p), &a->port);
}

static void clear_host_bits(struct value_addr *a)
{
	for (unsigned bit = a->plen; bit < 128; bit++)
		a->addr[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
}

/* Where the address at S ends: at its dev, prefix or port. With two colons it is IPv6, which then has no port. */
static const char *host_end(const char *s, const char *end)
{
	const char *colon = memchr(s, ':', (size_t)(end - s));
	bool v6 = colon && memchr(colon + 1, ':', (size_t)(end - colon - 1));

	for (; s < end && *s != '%' && *s != '/'; s++)
		if (*s == ':' && !v6)
			break;
	return s;
}

const char *value_addr(const char *s, size_t len, bool net, struct value_addr *a)
{
	struct cursor c = { s, s + len }, in;
	const char *wrong;
	bool v4, star;

	memset(a, 0, sizeof(*a));
	if (take(&c, '[')) {
		in = c;
		c.p = memchr(in.p, ']', (size_t)(in.end - in.p));
		if (!c.p)
			return value_addr_expected;
		in.end = c.p++;
		s = in.p;
		while (in.p < in.end && *in.p != '%')
			in.p++;
		len = (size_t)(in.p - s);
		if (!len || !take_dev(&in, a) || in.p != in.end)
			return value_addr_expected;
	} else {
		c.p = host_end(s, c.end);
		len = (size_t)(c.p - s);
	}
	if (!take_dev(&c, a))
		return value_addr_expected;
	v4 = !memchr(s, ':', len);
	star = len == 1 && *s == '*';
	a->any = star || (!len && c.p < c.end); /* ":443" */
	if (!a->any && !parse_host(s, len, net || (c.p < c.end && *c.p == '/'), a))
		return value_addr_expected;
	wrong = parse_tail(&c, v4, a);
	if (!wrong)
		clear_host_bits(a);
	return wrong;
}
