// SPDX-License-Identifier: GPL-2.0-or-later
/* core/buf.c, core/err.c and core/util.c */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/util.h"

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* The same digits as printf's, in a buffer without a byte to spare. */
static void one_number(uint64_t v)
{
	char want[24], *got = malloc(20);
	unsigned n = fmt_u64(got, v);

	snprintf(want, sizeof(want), "%llu", (unsigned long long)v);
	CHECK(n == strlen(want) && !memcmp(got, want, n));
	free(got);
}

static void test_numbers(void)
{
	uint64_t ten = 1;

	one_number(0);
	one_number(UINT64_MAX);
	one_number(UINT32_MAX);
	for (int i = 0; i < 20; i++, ten *= 10) {
		one_number(ten - 1);
		one_number(ten);
		one_number(ten + 1);
	}
	for (int i = 0; i < 20000; i++)
		one_number(random_u64() >> random_u64() % 64);
}

static void one_addr(const uint8_t a[16], const char *want)
{
	char *got = malloc(46);
	unsigned n = fmt_addr(got, a);

	got[n] = 0;
	CHECK_STR(got, want);
	free(got);
}

static void check_round_trip(const uint8_t a[16])
{
	char text[47];
	uint8_t back[16];

	text[fmt_addr(text, a)] = 0;
	CHECK(inet_pton(AF_INET6, text, back) == 1 && !memcmp(a, back, 16));
}

static void addr_of(const char *text)
{
	uint8_t a[16];

	CHECK_EQ(inet_pton(AF_INET6, text, a), 1);
	one_addr(a, text);
}

static void test_addresses(void)
{
	uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };

	addr_of("::");
	addr_of("::1");
	addr_of("1::");
	addr_of("2001:db8::1");
	addr_of("2001:db8:0:1:1:1:1:1");
	addr_of("2001:db8::1:0:0:1");
	addr_of("2001:0:0:1::1");
	addr_of("0:1::");
	addr_of("fe80::1234:5678:9abc:def0");
	addr_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	addr_of("::ffff:0:0:0");
	one_addr(mapped, "0.0.0.0");
	memcpy(mapped + 12, "\xff\xff\xff\xff", 4);
	one_addr(mapped, "255.255.255.255");
	for (int i = 0; i < 100000; i++) {
		char want[INET6_ADDRSTRLEN];
		uint8_t a[16];

		for (int j = 0; j < 8; j++) {
			uint64_t r = random_u64();
			uint16_t g = r & 3 ? 0 : (uint16_t)(r >> 8 >> (r >> 40) % 16);

			a[2 * j] = (uint8_t)(g >> 8);
			a[2 * j + 1] = (uint8_t)g;
		}
		/* libc shows ::a.b.c.d, obsolete since RFC 4291, in dotted form */
		if (!memcmp(a, (uint8_t[12]){ 0 }, 12))
			continue;
		check_round_trip(a);
#ifdef __GLIBC__ /* musl prefers a run in the middle to an equally long one at the start, against RFC 5952 */
		inet_ntop(AF_INET6, a, want, sizeof(want));
		one_addr(a, want);
#endif
		memcpy(a, mapped, 12);
		inet_ntop(AF_INET, a + 12, want, sizeof(want));
		one_addr(a, want);
	}
}

static void test_buffer(void)
{
	struct buf b = BUF_INIT;
	char long_text[9000];

	memset(long_text, 'x', sizeof(long_text));
	buf_str(&b, "abc");
	buf_ch(&b, '-');
	buf_fill(&b, '=', 3);
	buf_fill(&b, '=', 0);
	buf_add(&b, "", 0);
	buf_u64(&b, UINT64_MAX);
	buf_printf(&b, "[%5d]", 42);
	CHECK_EQ(b.len, strlen("abc-===18446744073709551615[   42]"));
	CHECK(!memcmp(b.p, "abc-===18446744073709551615[   42]", b.len));
	b.len = 0;
	buf_printf(&b, "%.*s", (int)sizeof(long_text), long_text);
	CHECK_EQ(b.len, sizeof(long_text));
	CHECK(!memcmp(b.p, long_text, sizeof(long_text)));
	CHECK(!b.failed);
	CHECK(!buf_room(&b, SIZE_MAX));
	CHECK(b.failed);
	buf_ch(&b, 'y');
	CHECK_EQ(b.len, sizeof(long_text));
	CHECK_EQ(buf_flush(&b, STDOUT_FILENO), -ENOMEM);
	buf_free(&b);
	CHECK(!b.p && !b.len && !b.failed);
}

/* A pipe that takes 64 KB and then answers EAGAIN: the reader is another process, so that flush must wait for it. */
static void test_flush(void)
{
	static char got[300000];
	struct buf b = BUF_INIT;
	size_t total = 0;
	ssize_t n;
	int fd[2], back[2];

	if (pipe(fd) || pipe(back)) {
		CHECK(!"pipe");
		return;
	}
	if (!fork()) {
		close(fd[1]);
		usleep(20000);
		while ((n = read(fd[0], got, 5000)) > 0)
			total += (size_t)n;
		n = write(back[1], &total, sizeof(total));
		_exit(n != sizeof(total));
	}
	close(fd[0]);
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 30000; i++)
		buf_str(&b, "0123456789");
	CHECK_EQ(buf_flush(&b, fd[1]), 0);
	CHECK_EQ(b.len, 0);
	close(fd[1]);
	CHECK_EQ(read(back[0], &total, sizeof(total)), sizeof(total));
	CHECK_EQ(total, 300000);
	buf_str(&b, "x");
	CHECK_EQ(buf_flush(&b, -1), -EBADF);
	CHECK_EQ(b.len, 0);
	CHECK_EQ(buf_flush(&b, -1), 0);
	close(back[0]);
	close(back[1]);
	buf_free(&b);
}

static bool parses(const char *s, uint64_t want)
{
	uint64_t v = 77;

	return parse_u64(s, strlen(s), &v) && v == want;
}

static bool refused(const char *s, size_t len)
{
	uint64_t v = 77;

	return !parse_u64(s, len, &v) && v == 77;
}

static void test_util(void)
{
	static const char *const bad[] = { "", "x", "0x", "-1", "+1", " 1", "1 ", "1a", "0xg", "18446744073709551616",
					   "0x10000000000000000", "99999999999999999999999", "1.5", "0x-1" };
	uint64_t t = now_ns();

	CHECK(parses("0", 0));
	CHECK(parses("1", 1));
	CHECK(parses("007", 7));
	CHECK(parses("18446744073709551615", UINT64_MAX));
	CHECK(parses("0xffffffffffffffff", UINT64_MAX));
	CHECK(parses("0XaBc", 0xabc));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(refused(bad[i], strlen(bad[i])));
	CHECK(refused("1\0", 2));
	CHECK_EQ(hash_bytes("", 0), 0x811c9dc5);
	CHECK_EQ(hash_bytes("foobar", 6), 0xbf9cf968);
	CHECK(hash_seeded(1, "a", 1) != hash_seeded(2, "a", 1));
	CHECK_EQ(hash_random_seed(), hash_random_seed());
	CHECK(t && now_ns() >= t);
	CHECK(cpu_ns() > 0 && peak_rss_bytes() > 100000);
	CHECK(!is_privileged_start());
	CHECK_EQ(IS_ENABLED(CONFIG_NEVER_SET), 0);
}

static void test_err(void)
{
	struct err e;
	char big[1000];

	CHECK_EQ(err_set(&e, ENOENT, "a%sb\n%c%d", "\033[2J", 0x7f, 5), -ENOENT);
	CHECK_EQ(e.code, ENOENT);
	CHECK_STR(e.text, "a?[2Jb??5");
	CHECK_EQ(err_set(NULL, EPERM, "x"), -EPERM);
	memset(big, 'z', sizeof(big));
	CHECK_EQ(err_set(&e, EINVAL, "%.*s", (int)sizeof(big), big), -EINVAL);
	CHECK_EQ(strlen(e.text), sizeof(e.text) - 1);
}

int main(void)
{
	test_numbers();
	test_addresses();
	test_buffer();
	test_flush();
	test_util();
	test_err();
	return check_done("buf");
}
