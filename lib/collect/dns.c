// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_RESOLVE
 * The bytes of name look-ups. libc's resolver is not used: glibc's opens resolv.conf by itself, past the door, and
 * needs a library of its own to parse.
 */
#include "collect/dns.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/buf.h"
#include "core/util.h"

#define HEADER 12
#define LABEL_MAX 63
#define TYPE_PTR 12
#define CLASS_IN 1
#define RECORD_FIXED 10 /* type, class, time to live, length */

static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* One label of the question. */
static uint8_t *put_label(uint8_t *p, const char *text, size_t len)
{
	*p++ = (uint8_t)len;
	memcpy(p, text, len);
	return p + len;
}

unsigned dns_query(uint8_t q[DNS_QUERY_SIZE], uint16_t id, const uint8_t addr[16])
{
	static const char hex[] = "0123456789abcdef";
	bool v4 = !memcmp(addr, mapped, sizeof(mapped));
	uint8_t *p = q + HEADER;
	char number[20];

	memset(q, 0, HEADER);
	q[0] = (uint8_t)(id >> 8);
	q[1] = (uint8_t)id;
	q[2] = 1; /* the server is asked to look further itself */
	q[5] = 1; /* one question */
	for (unsigned i = 16; i-- > (v4 ? 12u : 0u); ) {
		if (v4) {
			p = put_label(p, number, fmt_u64(number, addr[i]));
		} else {
			p = put_label(p, &hex[addr[i] & 15], 1);
			p = put_label(p, &hex[addr[i] >> 4], 1);
		}
	}
	p = v4 ? put_label(p, "in-addr", 7) : put_label(p, "ip6", 3);
	p = put_label(p, "arpa", 4);
	memcpy(p, (const uint8_t[]){ 0, 0, TYPE_PTR, 0, CLASS_IN }, 5);
	return (unsigned)(p + 5 - q);
}

/* Behind the name at *POS; false: it leaves the message. */
static bool skip_name(const uint8_t *msg, size_t len, size_t *pos)
{
	while (*pos < len) {
		uint8_t n = msg[*pos];

		if (n > LABEL_MAX) { /* a pointer, and with it the end */
			*pos += 2;
			return n >= 0xc0 && *pos <= len;
		}
		*pos += n + 1u;
		if (!n)
			return true;
	}
	return false;
}

static bool char_ok(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* The name at POS as text. False: broken, empty, with characters no host name has, or it could pass for an address. */
static bool read_name(const uint8_t *msg, size_t len, size_t pos, char name[DNS_NAME_SIZE])
{
	size_t start = pos, n = 0; /* pointers must lead backwards, before START: so they come to an end */
	bool digits = true;        /* the last label has nothing else: "8.8.8.8" */

	while (pos < len && msg[pos]) {
		uint8_t k = msg[pos];

		if (k >= 0xc0) {
			if (pos + 1 >= len || (get16(msg + pos) & 0x3fffu) >= start)
				return false;
			start = pos = get16(msg + pos) & 0x3fff;
			continue;
		}
		if (k > LABEL_MAX || pos + 1 + k > len || n + k + 4 > DNS_NAME_SIZE) /* text of 253 at most */
			return false;
		if (n)
			name[n++] = '.';
		digits = true;
		while (k--) {
			if (!char_ok(msg[++pos]))
				return false;
			digits = digits && msg[pos] >= '0' && msg[pos] <= '9';
			name[n++] = (char)msg[pos];
		}
		pos++;
	}
	name[n] = 0;
	return !digits && pos < len;
}

/* Servers may give the question back in other capitals. */
static bool same_question(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i] && (!char_ok(a[i]) || !char_ok(b[i]) || (a[i] | 0x20) != (b[i] | 0x20)))
			return false;
	return true;
}

enum dns_result dns_answer(const uint8_t *msg, size_t len, const uint8_t *q, size_t qlen, char name[DNS_NAME_SIZE])
{
	size_t pos = qlen;
	unsigned count, code;

	/* The same id, an answer, no other kind of it, one question: ours. */
	if (len < HEADER || memcmp(msg, q, 2) || (msg[2] & 0xf8) != 0x80)
		return DNS_FOREIGN;
	code = msg[3] & 15;
	if (code && code != 3 && !get16(msg + 4)) /* some refuse without repeating the question */
		return DNS_FAILED;
	if (get16(msg + 4) != 1 || len < qlen || !same_question(msg + HEADER, q + HEADER, qlen - HEADER))
		return DNS_FOREIGN;
	if (code)
		return code == 3 ? DNS_NO_NAME : DNS_FAILED;
	for (count = get16(msg + 6); count--; ) {
		size_t data;

		if (!skip_name(msg, len, &pos) || len - pos < RECORD_FIXED)
			break;
		data = pos + RECORD_FIXED;
		if (get16(msg + pos) == TYPE_PTR && get16(msg + pos + 2) == CLASS_IN)
			return read_name(msg, len, data, name) ? DNS_NAME : DNS_NO_NAME;
		pos = data + get16(msg + pos + 8); /* a CNAME on the way, a signature */
		if (pos > len)
			break;
	}
	return DNS_NO_NAME;
}

/* The next line that has words, without its comment. */
static bool next_line(const char *text, size_t len, size_t *pos, const char **line, size_t *n)
{
	const char *nl;

	if (*pos >= len)
		return false;
	*line = text + *pos;
	nl = memchr(*line, '\n', len - *pos);
	*n = nl ? (size_t)(nl - *line) : len - *pos;
	*pos += *n + 1;
	for (size_t i = 0; i < *n; i++)
		if ((*line)[i] == '#' || (*line)[i] == ';')
			*n = i;
	return true;
}

/* Cuts the next word off the line *P of *LEN bytes; returns its length, 0: none. */
static size_t next_word(const char **p, size_t *len, const char **word)
{
	size_t n = 0;

	while (*len && (unsigned char)**p <= ' ') {
		++*p;
		--*len;
	}
	while (n < *len && (unsigned char)(*p)[n] > ' ')
		n++;
	*word = *p;
	*p += n;
	*len -= n;
	return n;
}

static bool read_addr(const char *word, size_t n, uint8_t addr[16])
{
	char t[INET6_ADDRSTRLEN];

	if (!n || n >= sizeof(t) || memchr(word, 0, n))
		return false;
	memcpy(t, word, n);
	t[n] = 0;
	memcpy(addr, mapped, sizeof(mapped));
	return inet_pton(AF_INET, t, addr + sizeof(mapped)) == 1 || inet_pton(AF_INET6, t, addr) == 1;
}

bool hosts_next(const char *text, size_t len, size_t *pos, uint8_t addr[16], char name[DNS_NAME_SIZE])
{
	const char *line, *w;
	size_t left, n;

	while (next_line(text, len, pos, &line, &left)) {
		n = next_word(&line, &left, &w);
		if (!read_addr(w, n, addr))
			continue;
		n = next_word(&line, &left, &w);
		if (!n || n >= DNS_NAME_SIZE)
			continue;
		memcpy(name, w, n);
		name[n] = 0;
		while (n && (char_ok((uint8_t)w[n - 1]) || w[n - 1] == '.'))
			n--;
		if (!n)
			return true;
	}
	return false;
}

bool resolvconf_next(const char *text, size_t len, size_t *pos, uint8_t addr[16], char scope[DNS_SCOPE_SIZE])
{
	const char *line, *w, *percent;
	size_t left, n, k;

	while (next_line(text, len, pos, &line, &left)) {
		if (next_word(&line, &left, &w) != 10 || memcmp(w, "nameserver", 10))
			continue;
		n = next_word(&line, &left, &w);
		percent = n ? memchr(w, '%', n) : NULL;
		k = percent ? n - (size_t)(percent + 1 - w) : 0;
		if (k >= DNS_SCOPE_SIZE || !read_addr(w, percent ? (size_t)(percent - w) : n, addr))
			continue;
		if (k)
			memcpy(scope, percent + 1, k);
		scope[k] = 0;
		return true;
	}
	return false;
}
