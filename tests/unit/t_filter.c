// SPDX-License-Identifier: GPL-2.0-or-later
/* Filters: what parses into what, what is refused and how, and what a record must look like to pass. */
#include <arpa/inet.h>
#include <errno.h>

#include "check.h"
#include "core/util.h"
#include "model/filter.h"
#include "model/flow.h"
#include "model/strings.h"

static struct filter f;
static struct err e;
static struct layout lay;
static uint64_t rec[4096];
static struct procset ps;

static int parse(const char *text)
{
	/* An exact copy, so that the sanitizer sees a byte read past the end. */
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, text, len);
	memset(&e, 0, sizeof(e));
	rc = filter_parse(&f, &flow_schema, copy, len, &e);
	free(copy);
	return rc;
}

/* 'T', 'F' or 'U' for a filter on the record; 'E' when it does not parse. */
static char truth(const char *text, const struct procset *procs)
{
	char not[512];
	bool yes, no;

	if (parse(text))
		return 'E';
	yes = filter_match(&f, &lay, rec, procs);
	snprintf(not, sizeof(not), "not (%s)", text);
	if (parse(not))
		return 'E';
	no = filter_match(&f, &lay, rec, procs);
	return yes && no ? '!' : yes ? 'T' : no ? 'F' : 'U';
}

#define OPERAND "expected a field, 'not' or '('"
#define FINER "finer than the unit of the field"

struct expect {
	const char *text;
	char truth;
};

/* A table of filters and what they are on the record. */
static void check_all(const struct expect *x, size_t n, const struct procset *procs)
{
	for (; n--; x++) {
		char is = truth(x->text, procs);

		if (is != x->truth)
			fprintf(stderr, "'%s' is %c, expected %c (%s)\n", x->text, is, x->truth, e.text);
		CHECK(is == x->truth);
	}
}

#define CHECK_ALL(procs, ...) do { \
	static const struct expect table[] = { __VA_ARGS__ }; \
	check_all(table, ARRAY_SIZE(table), procs); \
} while (0)

static void set_addr(unsigned field, const char *text)
{
	uint8_t a[16] = { [10] = 0xff, [11] = 0xff };

	if (strchr(text, ':'))
		CHECK_EQ(inet_pton(AF_INET6, text, a), 1);
	else
		CHECK_EQ(inet_pton(AF_INET, text, a + 12), 1);
	rec_set_addr(&lay, rec, field, a);
}

static void set_text(unsigned field, const char *text)
{
	rec_set(&lay, rec, field, strings_add(text, strlen(text)));
}

/* 10.1.2.3:40000 -> 192.0.2.7:443, established; the RTT is 20 ms; of loss nothing is known. */
static void fresh_record(void)
{
	memset(rec, 0, sizeof(rec));
	set_addr(F_SRC, "10.1.2.3");
	set_addr(F_DST, "192.0.2.7");
	rec_set(&lay, rec, F_SPORT, 40000);
	rec_set(&lay, rec, F_DPORT, 443);
	rec_set(&lay, rec, F_PROTO, PROTO_TCP);
	rec_set(&lay, rec, F_STATE, 1);
	rec_set(&lay, rec, F_RTT, 20000); /* the kernel's µs */
	rec_set(&lay, rec, F_BYTES_SENT, 1500000);
	rec_set(&lay, rec, F_DELIVERY_RATE, 1250000);
	rec_set(&lay, rec, F_CWND, 10);
	rec_set(&lay, rec, F_UID, 1000);
	rec_set(&lay, rec, F_MARK, 0x15);
	rec_set(&lay, rec, F_COOKIE, UINT64_MAX);
	rec_set(&lay, rec, F_INODE, 77);
	rec_set(&lay, rec, F_FORWARDED, 0);
	rec_set(&lay, rec, F_ECN, 1);
	rec_set(&lay, rec, F_LAST_SND, UINT32_MAX);
	set_text(F_DEV, "eth0.100");
	set_text(F_CONG, "cubic");
	set_text(F_CGROUP, "/system.slice/nginx.service");
}

static void test_ss_terms(void)
{
	CHECK_ALL(NULL,
		  { "dport = :443", 'T' }, { "dport = 443", 'T' }, { "dport :443", 'T' }, { "dport 443", 'T' },
		  { "dport=443", 'T' }, { "dport==:443", 'T' }, { "dport eq 443", 'T' }, { "dport != :443", 'F' },
		  { "dport!=443", 'F' }, { "dport ne 443", 'F' }, { "dport neq 80", 'T' }, { "sport geq 1024", 'T' },
		  { "sport ge 40000", 'T' }, { "sport >= :40001", 'F' }, { "sport gt 39999", 'T' },
		  { "sport > 40000", 'F' },
		  { "sport leq 40000", 'T' }, { "sport le 39999", 'F' }, { "sport <= 40000", 'T' },
		  { "sport lt 40000", 'F' },
		  { "sport < 40001", 'T' }, { "DPORT 443", 'T' },
		  { "dst 192.0.2.7:443", 'T' }, { "dst 192.0.2.7:80", 'F' }, { "dst = 192.0.2.7", 'T' },
		  { "dst 192.0.2.0/24:443", 'T' }, { "dst 192.0.2.7:*", 'T' }, { "dst *:443", 'T' },
		  { "dst :443", 'T' },
		  { "dst *:80", 'F' }, { "src *", 'T' }, { "dst != 192.0.2.7:443", 'F' },
		  { "dst != 192.0.2.7:80", 'T' },
		  { "dst ne 10.0.0.0/8", 'T' }, { "src [::1]:22", 'F' }, { "src [10.1.2.3]:40000", 'T' },
		  { "state established", 'T' }, { "state estab", 'T' }, { "state ESTAB", 'T' },
		  { "state = established", 'T' },
		  { "state != established", 'F' }, { "state listening", 'F' }, { "state listen", 'F' },
		  { "state closed", 'F' },
		  { "state close", 'F' }, { "state unconn", 'F' }, { "state syn-rcv", 'F' }, { "state SYN_SENT", 'F' },
		  { "state all", 'T' }, { "state connected", 'T' }, { "state synchronized", 'T' },
		  { "state bucket", 'F' },
		  { "state big", 'T' }, { "state != big", 'F' }, { "state time-wait state established", 'T' },
		  { "state time-wait state established tcp", 'T' },
		  { "state time-wait state close-wait dport 443", 'F' },
		  { "( dport = :443 or dport = :80 ) and state established", 'T' }, { "! dport = :443", 'F' },
		  { "!( dport = :80 )", 'T' }, { "not ! dport 443", 'T' }, { "dport 443 & sport 1", 'F' },
		  { "dport 443 && sport 40000", 'T' }, { "dport 1 | sport 40000", 'T' }, { "dport 1 || sport 2", 'F' },
		  { "dev eth0.100", 'T' }, { "dev = eth*", 'T' }, { "dev != lo", 'T' }, { "dev lo", 'F' },
		  { "fwmark = 0x15", 'T' }, { "fwmark = 0x01/0x03", 'T' }, { "fwmark 0x02/0x03", 'F' },
		  { "mark != 1/0xf", 'T' },
		  { "cgroup /system.slice/nginx.service", 'T' }, { "cgroup */nginx.service", 'T' },
		  { "cgroup /user*", 'F' });
	rec_set(&lay, rec, F_STATE, 6);
	CHECK_ALL(NULL, { "state time-wait", 'T' }, { "state bucket", 'T' }, { "state big", 'F' },
		  { "state TIMEWAIT", 'T' }, { "state time_wait", 'T' }, { "state FIN_WAIT1", 'F' },
		  { "state time--", 'E' });
	rec_set(&lay, rec, F_STATE, 10);
	CHECK_ALL(NULL, { "state listening", 'T' }, { "state connected", 'F' }, { "state synchronized", 'F' });
	rec_set(&lay, rec, F_STATE, 2);
	CHECK_ALL(NULL, { "state connected", 'T' }, { "state synchronized", 'F' }, { "state syn-sent", 'T' });
	fresh_record();
}

static void test_tcpdump_terms(void)
{
	CHECK_ALL(NULL,
		  { "port 443", 'T' }, { "port 40000", 'T' }, { "port 80", 'F' }, { "port != 80", 'T' },
		  { "port != 443", 'F' },
		  { "port > 443", 'T' }, { "port > 40000", 'F' }, { "src port 443", 'F' }, { "dst port 443", 'T' },
		  { "src or dst port 443", 'T' }, { "src and dst port 443", 'F' }, { "dst or src port 443", 'T' },
		  { "src or dst 192.0.2.7", 'T' }, { "src and dst net 10.0.0.0/8", 'F' }, { "sport or dport 443", 'T' },
		  { "sport and dport > 400", 'T' },
		  { "host 10.1.2.3", 'T' }, { "host 192.0.2.7", 'T' }, { "host 10.1.2.4", 'F' },
		  { "src host 10.1.2.3", 'T' },
		  { "dst host 10.1.2.3", 'F' }, { "host != 10.1.2.3", 'F' }, { "host != 10.9.9.9", 'T' },
		  { "net 10.0.0.0/8", 'T' }, { "net 10", 'T' }, { "net 10.1", 'T' }, { "net 10.2", 'F' },
		  { "net 192.0.2", 'T' },
		  { "src net 10.0.0.0/8", 'T' }, { "dst net 10.0.0.0/8", 'F' }, { "dst net 192.0.2/24", 'T' },
		  { "src 10/8", 'T' },
		  { "tcp", 'T' }, { "udp", 'F' }, { "TCP", 'T' }, { "raw", 'F' }, { "tcp port 443", 'T' },
		  { "udp port 443", 'F' },
		  { "tcp dst port 443", 'T' }, { "proto tcp", 'T' }, { "proto != udp", 'T' }, { "ip", 'T' },
		  { "ip6", 'F' },
		  { "ip host 10.1.2.3", 'T' }, { "ip proto tcp", 'T' },
		  { "portrange 1-1024", 'T' }, { "portrange 1000-2000", 'F' }, { "src portrange 1-1024", 'F' },
		  { "dst portrange 443-443", 'T' }, { "portrange 443", 'T' }, { "portrange != 1-1024", 'F' },
		  { "port 80 or 443", 'T' }, { "port 80 or 81", 'F' }, { "port (80 or 443)", 'T' },
		  { "dst port ( 1 or 2 )", 'F' },
		  { "host (10.1.2.3 or 10.0.0.1) and tcp", 'T' }, { "not host 10.0.0.1 and 10.0.0.2", 'F' },
		  { "host 10.1.2.3 and (10.0.0.1 or 192.0.2.7)", 'T' }, { "10.1.2.3", 'T' }, { "10.1.2.4", 'F' },
		  { "tcp and 10.1.2.3:40000", 'T' }, { "fe80::1 or 10.1.2.3", 'T' });
}

static void test_words_and_blanks(void)
{
	CHECK_EQ(parse(""), 0);
	CHECK_EQ(f.n, 0);
	CHECK(filter_match(&f, &lay, rec, NULL));
	CHECK_EQ(parse(" \t\n"), 0);
	CHECK_EQ(f.n, 0);
	CHECK_ALL(NULL,
		  { "\tdport\n443 ", 'T' }, { "dport 443 and(sport 40000)", 'T' }, { "((((dport 443))))", 'T' },
		  { "DPORT 443 AND NOT sport 1", 'T' }, { "dport 443 sport 40000", 'T' },
		  { "dport 443 not sport 40000", 'F' },
		  { "dport 443 !tcp", 'F' },
		  /* and binds before or, not before and */
		  { "udp and dport 1 or tcp", 'T' }, { "tcp or udp and dport 1", 'T' },
		  { "(tcp or udp) and dport 1", 'F' },
		  { "not udp and dport 443", 'T' }, { "not udp or dport 1", 'T' },
		  { "cong cubic", 'T' }, { "cong 'cubic'", 'T' }, { "cong \"cu*\"", 'T' }, { "cong c?bic", 'T' },
		  { "cong c?", 'F' },
		  { "cong *", 'T' }, { "cong *b*c", 'T' }, { "cong *b*d", 'F' }, { "cong CUBIC", 'F' },
		  { "cong ''", 'F' },
		  { "cong 'a b (c)!'", 'F' }, { "cong != bbr", 'T' }, { "cong", 'T' }, { "cgroup", 'T' },
		  { "netns", 'F' },
		  /* flags, and what is known */
		  { "ecn", 'T' }, { "not ecn", 'F' }, { "forwarded", 'F' }, { "ecn = yes", 'T' }, { "ecn no", 'F' },
		  { "ecn != true", 'F' }, { "forwarded = 0", 'T' }, { "ecn tcp", 'T' }, { "ecn and tcp", 'T' },
		  { "rtt", 'T' }, { "lost", 'F' }, { "not lost", 'T' }, { "sport", 'T' }, { "src", 'T' },
		  { "proto", 'T' },
		  { "sack", 'U' }, { "rtt and dport 443", 'T' }, { "(rtt) and dport 443", 'T' },
		  /* the key names the field too */
		  { "rtt_ns = 20ms", 'T' }, { "bytes_sent 1500000", 'T' });
}

static void test_numbers(void)
{
	CHECK_ALL(NULL,
		  { "rtt = 20ms", 'T' }, { "rtt = 20000us", 'T' }, { "rtt = 20000000ns", 'T' }, { "rtt = 0.02s", 'T' },
		  { "rtt < 1.5s", 'T' }, { "rtt < 1min", 'T' }, { "rtt < 1h", 'T' }, { "rtt < 1d", 'T' },
		  { "rtt > 0", 'T' },
		  { "rtt > 0ms", 'T' }, { "rtt > 19.999999ms", 'T' }, { "rtt > 20.000001ms", 'F' }, { "rtt>20ms", 'F' },
		  { "rtt != 20ms", 'F' }, { "rtt 20ms", 'T' }, { "last_snd > 49d", 'T' },
		  { "last_snd = 4294967295ms", 'T' },
		  { "bytes_sent = 1500000", 'T' }, { "bytes_sent = 1500k", 'T' }, { "bytes_sent = 1.5M", 'T' },
		  { "bytes_sent = 1.5m", 'T' }, { "bytes_sent = 1.5MB", 'T' }, { "bytes_sent < 1G", 'T' },
		  { "bytes_sent < 1T", 'T' },
		  { "bytes_sent > 1Mi", 'T' }, { "bytes_sent > 1464Ki", 'T' }, { "bytes_sent > 1465KiB", 'F' },
		  { "bytes_sent < 1Gi", 'T' }, { "bytes_sent < 1ti", 'T' }, { "bytes_sent < 1536ki", 'T' },
		  { "bytes_sent > 0B", 'T' },
		  { "delivery_rate = 10mbit", 'T' }, { "delivery_rate = 0.01Gbit", 'T' },
		  { "delivery_rate = 10000kbit/s", 'T' },
		  { "delivery_rate < 1Gbit", 'T' }, { "delivery_rate = 1.25M", 'T' },
		  { "delivery_rate = 1250kB/s", 'T' },
		  { "delivery_rate = 1250000", 'T' }, { "delivery_rate = 10000000bit", 'T' },
		  { "delivery_rate > 1Mibit", 'T' },
		  { "cwnd = 10", 'T' }, { "cwnd < 1k", 'T' }, { "cwnd = 0.01k", 'T' }, { "cwnd >= 10", 'T' },
		  { "cwnd > 10", 'F' },
		  { "uid = 1000", 'T' }, { "uid < 1000", 'F' }, { "uid 0x3e8", 'T' },
		  { "cookie = 0xffffffffffffffff", 'T' },
		  { "cookie = 18446744073709551615", 'T' }, { "cookie >= 18446744073709551615", 'T' },
		  { "inode 77", 'T' }, { "mark 21", 'T' });
	CHECK_EQ(parse("rtt > 1.5s"), 0);
	CHECK_EQ(f.node[f.root].num, 1500000000);
	CHECK_EQ(parse("rtt > 18446744073s"), 0);
	CHECK(f.node[f.root].num == 18446744073000000000ULL);
	CHECK_EQ(parse("rtt > 1.500000000000000000000s"), 0);
	CHECK_EQ(f.node[f.root].num, 1500000000);
	CHECK_EQ(parse("bytes_sent > 1.5Ki"), 0);
	CHECK_EQ(f.node[f.root].num, 1536);
	CHECK_EQ(parse("delivery_rate > 56kbit"), 0);
	CHECK_EQ(f.node[f.root].num, 7000);
}

/* Percentages: no field of flows has them yet. */
static void test_permille(void)
{
	static const struct field field[] = {
		{ .key = "busy_permille", .word = "busy", .kind = FK_GAUGE, .unit = FU_PERMILLE, .width = 2,
		  .scale = 1 },
		{ .key = "cpu", .word = "cpu", .kind = FK_ID, .width = 4, .scale = 1 },
	};
	static const struct schema s = { "cpu", field, 2 };
	struct fieldset want = { { 3 } };
	struct layout l;
	uint64_t r[8] = { 0 };

	layout_init(&l, &s, &want, false);
	rec_set(&l, r, 0, 55);
	CHECK_EQ(filter_parse(&f, &s, "busy > 5%", 9, &e), 0);
	CHECK_EQ(f.node[0].num, 50);
	CHECK(filter_match(&f, &l, r, NULL));
	CHECK_EQ(filter_parse(&f, &s, "busy = 5.5%", 11, &e), 0);
	CHECK(filter_match(&f, &l, r, NULL));
	CHECK_EQ(filter_parse(&f, &s, "busy > 5.55%", 12, &e), -EINVAL);
	CHECK_STR(e.text, "filter: '5.55%' at column 8: " FINER);
	CHECK_EQ(filter_parse(&f, &s, "busy > 5", 8, &e), -EINVAL);
	CHECK_STR(e.text, "filter: '5' at column 8: expected a percentage, such as 5%");
	CHECK_EQ(filter_parse(&f, &s, "cpu 1 or port 1", 15, &e), -EINVAL);
	CHECK_STR(e.text, "filter: 'port' at column 10: " OPERAND);
	CHECK_EQ(filter_parse(&f, &s, "tcp", 3, &e), -EINVAL);
	CHECK_EQ(filter_parse(&f, &s, "10.0.0.1", 8, &e), -EINVAL);
	CHECK(!filter_needs_procs(&f));
}

static void test_prefixes(void)
{
	CHECK_ALL(NULL,
		  { "src 10.1.2.3/32", 'T' }, { "src 10.1.2.2/31", 'T' }, { "src 10.1.2.2/32", 'F' },
		  { "src 0.0.0.0/0", 'T' },
		  { "src 10.255.255.255/8", 'T' }, { "src 11.0.0.0/8", 'F' }, { "src 10.1.2.0/30", 'T' },
		  { "src 10.1.2.4/30", 'F' },
		  { "src ::ffff:10.1.2.3", 'T' }, { "src ::ffff:10.0.0.0/104", 'T' }, { "src ::ffff:0:0/96", 'T' },
		  { "src [::ffff:10.1.2.3]:40000", 'T' }, { "src ::/0", 'F' }, { "src ::/64", 'F' },
		  { "src ::ffff:0:0/95", 'F' },
		  { "src != ::/0", 'T' }, { "src 10.1.2.3%eth0.100", 'T' }, { "src 10.1.2.3%eth0:40000", 'F' });
	set_addr(F_SRC, "2001:db8::1:0:7");
	set_addr(F_DST, "fe80::1");
	CHECK_ALL(NULL,
		  { "src 2001:db8::1:0:7", 'T' }, { "src 2001:db8::1:0:7/128", 'T' },
		  { "src 2001:db8::1:0:8/128", 'F' },
		  { "src 2001:db8::/32", 'T' }, { "src [2001:db8::]/32", 'T' }, { "src [2001:db8::/32]", 'E' },
		  { "src [2001:db8::]/32:40000", 'T' }, { "src 2001:db9::/31", 'T' }, { "src 2001:db9::/32", 'F' },
		  { "src ::/0", 'T' }, { "src 0.0.0.0/0", 'F' }, { "src ::/1", 'T' }, { "src 8000::/1", 'F' },
		  { "ip6", 'T' },
		  { "ip", 'F' }, { "src [2001:db8::1:0:7]:40000", 'T' }, { "src [2001:db8::1:0:7]:1", 'F' },
		  { "dst fe80::1%eth0.100", 'T' }, { "dst [fe80::1%eth0.100]:443", 'T' },
		  { "dst [fe80::1]%eth0.100:443", 'T' },
		  { "dst fe80::1%lo", 'F' }, { "dst fe80::/10%lo", 'E' }, { "dst fe80::1%*/64", 'T' },
		  { "net fe80::/10", 'T' },
		  { "host fe80::1 port 443", 'T' });
	set_addr(F_SRC, "::1");
	CHECK_ALL(NULL, { "src ::1", 'T' }, { "src [::1]:40000", 'T' }, { "src ::", 'F' }, { "src 0.0.0.1", 'F' });
	CHECK_EQ(parse("dst 10.9.9.9/8"), 0);
	CHECK_EQ(f.node[0].plen, 104);
	CHECK_EQ(f.node[0].addr[12], 10);
	CHECK_EQ(f.node[0].addr[13], 0);
	fresh_record();
}

static void test_three_values(void)
{
	rec_have((void *)rec)->w[F_SPORT / 64] &= ~(1ULL << F_SPORT % 64);
	/* T is dport 443, F is dport 1, U is lost (nobody supplied it) */
	CHECK_ALL(NULL,
		  { "lost > 3", 'U' }, { "lost = 0", 'U' }, { "lost != 0", 'U' }, { "not lost > 3", 'U' },
		  { "lost >= 0", 'U' },
		  { "lost > 3 and dport 443", 'U' }, { "dport 443 and lost > 3", 'U' }, { "lost > 3 and dport 1", 'F' },
		  { "dport 1 and lost > 3", 'F' }, { "lost > 3 or dport 443", 'T' }, { "dport 443 or lost > 3", 'T' },
		  { "lost > 3 or dport 1", 'U' }, { "dport 1 or lost > 3", 'U' }, { "lost > 3 or not lost > 3", 'U' },
		  { "lost > 3 and lost = 0", 'U' }, { "not (lost > 3 and dport 443)", 'U' },
		  { "not (lost > 3 or dport 443)", 'F' },
		  { "sport 443", 'U' }, { "port 443", 'T' }, { "port 80", 'U' }, { "port != 443", 'F' },
		  { "port != 80", 'U' },
		  { "src 10.1.2.3:40000", 'U' }, { "src 10.1.2.4:40000", 'F' }, { "portrange 1-9", 'U' },
		  { "netns foo", 'U' },
		  { "netns != foo", 'U' }, { "ca_state open", 'U' }, { "sack", 'U' }, { "not sack", 'U' },
		  { "sport", 'F' },
		  { "not sport", 'T' });
	fresh_record();
	rec_have((void *)rec)->w[F_SRC / 64] &= ~(1ULL << F_SRC % 64);
	CHECK_ALL(NULL, { "ip", 'U' }, { "ip6", 'U' }, { "src 10.1.2.3", 'U' }, { "host 192.0.2.7", 'T' },
		  { "host 10.1.2.3", 'U' }, { "src", 'F' });
	fresh_record();
}

static uint32_t id(const char *s)
{
	return strings_add(s, strlen(s));
}

static void test_procs(void)
{
	uint32_t a, b;

	procset_init(&ps);
	a = procset_add_proc(&ps, 4242, id("nginx"), id("/usr/sbin/nginx-full"));
	b = procset_add_proc(&ps, 17, id("odd name (x)"), 0);
	procset_add_link(&ps, 77, a);
	procset_add_link(&ps, 77, b);
	CHECK_EQ(procset_seal(&ps), 0);
	ps.complete = true;
	CHECK_ALL(&ps,
		  { "proc nginx", 'T' }, { "proc = nginx", 'T' }, { "proc != nginx", 'F' }, { "proc ngin?", 'T' },
		  { "proc Nginx", 'F' },
		  { "proc nginx-full", 'T' }, { "proc nginx-*", 'T' }, { "proc /usr/sbin/nginx-full", 'T' },
		  { "proc /usr/*", 'T' },
		  { "proc /usr/sbin", 'F' }, { "proc *sbin*", 'F' }, { "proc 4242", 'T' }, { "proc 17", 'T' },
		  { "proc 42", 'F' },
		  { "proc '4242'", 'F' }, { "proc 'odd name (x)'", 'T' }, { "proc \"odd*\"", 'T' },
		  { "proc curl", 'F' },
		  { "proc != curl", 'T' }, { "proc", 'T' }, { "procs nginx", 'T' }, { "proc 99999999999", 'F' },
		  { "proc nginx and dport 443", 'T' });
	CHECK_ALL(NULL, { "proc nginx", 'U' }, { "proc 1", 'U' }, { "proc != nginx", 'U' }, { "proc", 'U' },
		  { "proc nginx or dport 443", 'T' });
	/* what was found is taken for the whole, as it is shown; nothing found is none only when all could be seen */
	ps.complete = false;
	CHECK_ALL(&ps, { "proc nginx", 'T' }, { "proc curl", 'F' });
	rec_set(&lay, rec, F_INODE, 78);
	CHECK_ALL(&ps, { "proc nginx", 'U' }, { "proc != nginx", 'U' }, { "proc 1", 'U' }, { "proc", 'U' });
	ps.complete = true;
	CHECK_ALL(&ps, { "proc nginx", 'F' }, { "proc != nginx", 'T' }, { "proc", 'F' });
	ps.failed = true;
	CHECK_ALL(&ps, { "proc nginx", 'U' });
	ps.failed = ps.complete = false;
	rec_set(&lay, rec, F_INODE, 0); /* TIME-WAIT: nobody can hold it */
	CHECK_ALL(&ps, { "proc nginx", 'F' }, { "proc", 'F' });
	rec_have((void *)rec)->w[F_INODE / 64] &= ~(1ULL << F_INODE % 64);
	ps.complete = true;
	CHECK_ALL(&ps, { "proc nginx", 'U' }, { "proc", 'U' });
	procset_free(&ps);
	fresh_record();

	CHECK_EQ(parse("proc nginx"), 0);
	CHECK(filter_needs_procs(&f));
	CHECK(fieldset_has(&f.reads, F_PROCS) && fieldset_has(&f.reads, F_INODE));
	CHECK_EQ(parse("not proc"), 0);
	CHECK(filter_needs_procs(&f));
	CHECK_EQ(parse("dport 443"), 0);
	CHECK(!filter_needs_procs(&f));
	CHECK(fieldset_has(&f.reads, F_DPORT) && !fieldset_has(&f.reads, F_INODE));
	CHECK_EQ(parse(""), 0);
	CHECK(!filter_needs_procs(&f));
}

static void test_errors(void)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "foo", "'foo' at column 1: " OPERAND },
		{ "tcp and foo", "'foo' at column 9: " OPERAND },
		{ "rrt > 5ms", "'rrt' at column 1: " OPERAND " (did you mean 'rtt'?)" },
		{ "RRT > 5ms", "'RRT' at column 1: " OPERAND " (did you mean 'rtt'?)" },
		{ "rttt > 5ms", "'rttt' at column 1: " OPERAND " (did you mean 'rtt'?)" },
		{ "dprot 5", "'dprot' at column 1: " OPERAND " (did you mean 'dport'?)" },
		{ "hosts 10.0.0.1", "'hosts' at column 1: " OPERAND " (did you mean 'host'?)" },
		{ "delivery_rat", "'delivery_rat' at column 1: " OPERAND " (did you mean 'delivery_rate'?)" },
		{ "'rtt' > 5ms", "'rtt' at column 1: " OPERAND },
		{ "rtt >", "end at column 6: expected a time with its unit, such as 20ms or 1.5s" },
		{ "rtt > 20", "'20' at column 7: expected a time with its unit, such as 20ms or 1.5s" },
		{ "rtt > 20M", "'20M' at column 7: expected a time with its unit, such as 20ms or 1.5s" },
		{ "rtt > 20mss", "'20mss' at column 7: expected a time with its unit, such as 20ms or 1.5s" },
		{ "rtt > -1ms", "'-1ms' at column 7: expected a time with its unit, such as 20ms or 1.5s" },
		{ "rtt > 1.s", "'1.s' at column 7: expected a time with its unit, such as 20ms or 1.5s" },
		{ "rtt > .5s", "'.5s' at column 7: expected a time with its unit, such as 20ms or 1.5s" },
		{ "rtt > 1.5ns", "'1.5ns' at column 7: " FINER },
		{ "rtt > 0.1234567891s", "'0.1234567891s' at column 7: " FINER },
		{ "rtt > 0.1234567890123456789s", "'0.1234567890123456789s' at column 7: " FINER },
		{ "rtt > 18446744074s", "'18446744074s' at column 7: too large a value" },
		{ "rtt > 18446744073709551616ns", "'18446744073709551616ns' at column 7: too large a value" },
		{ "bytes_sent > 20ms", "'20ms' at column 14: expected bytes, such as 1500, 64k or 10Mi" },
		{ "bytes_sent > 10mbit", "'10mbit' at column 14: expected bytes, such as 1500, 64k or 10Mi" },
		{ "bytes_sent > 10kb", "'10kb' at column 14: expected bytes, such as 1500, 64k or 10Mi" },
		{ "bytes_sent > 99999999T", "'99999999T' at column 14: too large a value" },
		{ "bytes_sent > 0.5", "'0.5' at column 14: " FINER },
		{ "delivery_rate > 10Mb",
		  "'10Mb' at column 17: expected a rate, such as 10mbit or 500k (bytes per second)" },
		{ "delivery_rate > 3bit", "'3bit' at column 17: " FINER },
		{ "cwnd > 10Ki", "'10Ki' at column 8: expected a number, such as 100 or 10k" },
		{ "cwnd > 5%", "'5%' at column 8: expected a number, such as 100 or 10k" },
		{ "uid root", "'root' at column 5: expected a whole number" },
		{ "uid 10k", "'10k' at column 5: expected a whole number" },
		{ "uid 1/", "'1/' at column 5: expected a whole number" },
		{ "cookie 18446744073709551616", "'18446744073709551616' at column 8: expected a whole number" },
		{ "mark > 1/3", "'1/3' at column 8: expected no mask behind a comparison other than '=' and '!='" },
		{ "dport 65536", "'65536' at column 7: expected a port, 0 to 65535" },
		{ "dport https", "'https' at column 7: expected a port, 0 to 65535" },
		{ "dport ::443", "'::443' at column 7: expected a port, 0 to 65535" },
		{ "dport =", "end at column 8: expected a port, 0 to 65535" },
		{ "port", "end at column 5: expected a port, 0 to 65535" },
		{ "port and tcp", "'and' at column 6: expected a port, 0 to 65535" },
		{ "portrange 9-1", "'9-1' at column 11: expected a range of ports such as 1-1024" },
		{ "portrange 1-", "'1-' at column 11: expected a range of ports such as 1-1024" },
		{ "portrange > 1-2", "'>' at column 11: expected '=' or '!='" },
		{ "dst 10.0.0.1:70000", "'10.0.0.1:70000' at column 5: expected a port, 0 to 65535" },
		{ "dst 10.0.0.0/33", "'10.0.0.0/33' at column 5: expected a prefix length of 0 to 32" },
		{ "dst ::/129", "'::/129' at column 5: expected a prefix length of 0 to 128" },
		{ "dst < 10.0.0.1", "'<' at column 5: expected '=' or '!='" },
		{ "state > established", "'>' at column 7: expected '=' or '!='" },
		{ "proc gt x", "'gt' at column 6: expected '=' or '!='" },
		{ "ecn = maybe", "'maybe' at column 7: expected yes or no" },
		{ "proto tpc",
		  "'tpc' at column 7: expected one of other, tcp, udp, raw, icmp, sctp, gre, esp, ipip, igmp (did you mean 'tcp'?)" },
		{ "proto =", "end at column 8: expected a name" },
		{ "proc =", "end at column 7: expected the name, path or pid of a process" },
		{ "proc ''", "'' at column 6: expected the name, path or pid of a process" },
		{ "proc 'a b", "''a b' at column 6: expected a closing quote" },
		{ "dev = (", "'(' at column 7: expected a name" },
		{ "dport 443 )", "')' at column 11: expected 'and', 'or' or the end" },
		{ "dport 443 = 3", "'=' at column 11: expected 'and', 'or' or the end" },
		{ "(dport 443", "end at column 11: expected 'and', 'or' or ')'" },
		{ "(dport 443 > 2)", "'>' at column 12: expected 'and', 'or' or ')'" },
		{ "port (80 and 443)", "'and' at column 10: expected 'or' or ')'" },
		{ "()", "')' at column 2: " OPERAND },
		{ "tcp and", "end at column 8: " OPERAND },
		{ "or tcp", "'or' at column 1: " OPERAND },
		{ "not", "end at column 4: " OPERAND },
		{ "tcp 443", "'443' at column 5: " OPERAND },
		{ "dport = :443 :80", "':80' at column 14: " OPERAND },
		{ "rtt > 5ms or 30", "'30' at column 14: " OPERAND },
		{ "\033[2J\177x\200", "'?[2J?x?' at column 1: " OPERAND },
		{ "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd",
		  "'aaaaaaaaaabbbbbbbbbbccccccccccdd...' at column 1: " OPERAND },
		{ "dev 0123456789012345678901234567890123456789012345678901234567890123",
		  "'01234567890123456789012345678901...' at column 5: "
		  "expected at most 63 bytes (with * for the rest)" },
	};
	static const char *const bad_addr[] = {
		"10.0.0", "10.0.0.256", "10.0.0.1.2", "10.0.0.01", "10.0.0.1::443", "10.0.0.1/", "10.0.0.1/8/8",
		"foo.example", "[::1", "[]", "[::1]x", "*/8", "1::2::3", "::1/64:", "::1%", "10.0.0.1/255.0.0.0",
		"10.0.0.1/8x", ":::22", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", "''",
	};
	char text[300];

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(parse(bad[i].text), -EINVAL);
		snprintf(text, sizeof(text), "filter: %s", bad[i].error);
		CHECK_STR(e.text, text);
		CHECK_EQ(f.n, 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad_addr); i++) {
		snprintf(text, sizeof(text), "dst %s", bad_addr[i]);
		if (!parse(text))
			fprintf(stderr, "%s was taken\n", text);
		CHECK_EQ(parse(text), -EINVAL);
		CHECK(strstr(e.text, "expected a"));
	}
	CHECK_EQ(parse("state foo"), -EINVAL);
	CHECK(strstr(e.text, "expected one of ") && strstr(e.text, "established, syn-sent"));
	CHECK_EQ(filter_parse(&f, &flow_schema, "dev a\0b", 7, &e), -EINVAL);
	CHECK_STR(e.text, "filter: 'a?b' at column 5: expected a name without NUL");
	CHECK_EQ(filter_parse(&f, &flow_schema, "\0", 1, &e), -EINVAL);
	CHECK_STR(e.text, "filter: '?' at column 1: " OPERAND);
	CHECK_EQ(filter_parse(&f, &flow_schema, "foo", 3, NULL), -EINVAL);
	CHECK_EQ(e.code, EINVAL);
}

static void test_limits(void)
{
	char text[8192] = "";
	size_t n = 0;

	/* 64 comparisons and 63 operators fit, 65 do not */
	for (unsigned i = 0; i < 64; i++)
		n += (size_t)sprintf(text + n, "%sdport %u", i ? " or " : "", 443 - i);
	CHECK_EQ(parse(text), 0);
	CHECK_EQ(f.n, 127);
	CHECK(filter_match(&f, &lay, rec, NULL));
	CHECK_EQ(filter_and(&f, "tcp", &e), -EINVAL);
	CHECK_EQ(f.n, 127);
	CHECK(filter_match(&f, &lay, rec, NULL));
	strcpy(text + n, " or dport 1");
	CHECK_EQ(parse(text), -EINVAL);
	CHECK_STR(e.text, "filter: end at column 840: expected at most 128 comparisons and operators");

	memset(text, '(', 33);
	strcpy(text + 33, "tcp");
	CHECK_EQ(parse(text), -EINVAL);
	CHECK_STR(e.text, "filter: '(' at column 33: expected at most 32 levels of parentheses");
	strcpy(text + 32, "tcp");
	memset(text + 35, ')', 32);
	text[67] = 0;
	CHECK_EQ(parse(text), 0);
	CHECK(filter_match(&f, &lay, rec, NULL));
	memset(text, '!', sizeof(text) - 1);
	strcpy(text + 8000, "tcp");
	CHECK_EQ(parse(text), 0);
	CHECK(filter_match(&f, &lay, rec, NULL));
	memset(text, '(', sizeof(text) - 1);
	CHECK_EQ(parse(text), -EINVAL);

	strcpy(text, "dev ");
	memset(text + 4, 'x', 63);
	text[67] = 0;
	CHECK_EQ(parse(text), 0);
	CHECK_EQ(strlen(f.node[0].text), 63);
	/* the worst a glob can do here */
	set_text(F_DEV, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	CHECK_ALL(NULL, { "dev *a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", 'F' }, { "dev a*a?a*", 'T' });
	fresh_record();
}

static void test_and(void)
{
	CHECK_EQ(parse(""), 0);
	CHECK_EQ(filter_and(&f, "", &e), 0);
	CHECK_EQ(f.n, 0);
	CHECK_EQ(filter_and(&f, "tcp", &e), 0);
	CHECK_EQ(f.n, 1);
	CHECK(filter_match(&f, &lay, rec, NULL));
	CHECK_EQ(filter_and(&f, "dport 1 or dport 443", &e), 0);
	CHECK(filter_match(&f, &lay, rec, NULL));
	CHECK_EQ(f.node[f.root].op, FO_AND);
	CHECK(fieldset_has(&f.reads, F_PROTO) && fieldset_has(&f.reads, F_DPORT));
	CHECK_EQ(filter_and(&f, "  ", &e), 0);
	CHECK_EQ(f.n, 5);
	/* an error leaves all as it was, what it reads included */
	CHECK_EQ(filter_and(&f, "lost > 1 and foo", &e), -EINVAL);
	CHECK_STR(e.text, "filter: 'foo' at column 14: " OPERAND);
	CHECK_EQ(f.n, 5);
	CHECK(!fieldset_has(&f.reads, F_LOST));
	CHECK(filter_match(&f, &lay, rec, NULL));
	CHECK_EQ(filter_and(&f, "not ip", &e), 0);
	CHECK(!filter_match(&f, &lay, rec, NULL));
	/* OR inside does not leak out */
	CHECK_EQ(parse("udp or dport 443"), 0);
	CHECK_EQ(filter_and(&f, "udp", &e), 0);
	CHECK(!filter_match(&f, &lay, rec, NULL));
}

/* A group's records: wide numbers in base units. */
static void test_wide(void)
{
	struct fieldset want = { 0 };
	struct layout wide;
	uint64_t r[16] = { 0 };

	fieldset_add(&want, F_RTT);
	fieldset_add(&want, F_FLOWS);
	layout_init(&wide, &flow_schema, &want, true);
	rec_set(&wide, r, F_RTT, 20000000);
	rec_set(&wide, r, F_FLOWS, 5000000000ULL);
	CHECK_EQ(parse("rtt = 20ms and flows > 4.9G"), 0);
	CHECK(filter_match(&f, &wide, r, NULL));
	/* a field that is not even in the layout is unknown */
	CHECK_EQ(parse("lost = 0 or not lost = 0"), 0);
	CHECK(!filter_match(&f, &wide, r, NULL));
}

int main(void)
{
	struct fieldset all = { 0 };

	for (unsigned i = 0; i < F_COUNT; i++)
		fieldset_add(&all, i);
	layout_init(&lay, &flow_schema, &all, false);
	CHECK(lay.size <= sizeof(rec));
	fresh_record();
	test_ss_terms();
	test_tcpdump_terms();
	test_words_and_blanks();
	test_numbers();
	test_permille();
	test_prefixes();
	test_three_values();
	test_procs();
	test_errors();
	test_limits();
	test_and();
	test_wide();
	strings_free();
	return check_done("filter");
}
