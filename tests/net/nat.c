// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Masquerading in this network namespace, for hosts without nft and iptables: a table `fleutan` with one rule, for IPv4
 * and, where the kernel can, IPv6. Exit status 1 where there is no nf_tables. Numbers are those of
 * linux/netfilter/nf_tables.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define NFTABLES (10 << 8)
#define REQUEST 1
#define ACK 4
#define CREATE 0x400
#define NESTED 0x8000

struct head {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
	uint8_t family, version;
	uint16_t res;
};

static uint8_t buf[2048];
static size_t used, started;

static void begin(uint16_t type, uint16_t flags, uint8_t family, uint16_t res)
{
	struct head h = { .type = type, .flags = (uint16_t)(REQUEST | flags), .family = family, .res = htons(res) };

	started = used;
	memcpy(buf + used, &h, sizeof(h));
	used += sizeof(h);
}

static void end(void)
{
	uint32_t len = (uint32_t)(used - started);

	memcpy(buf + started, &len, sizeof(len));
}

static void attr(uint16_t type, const void *data, size_t len)
{
	uint16_t h[2] = { (uint16_t)(4 + len), type };

	memcpy(buf + used, h, 4);
	memcpy(buf + used + 4, data, len);
	used += 4 + ((len + 3) & ~(size_t)3);
}

static void attr_text(uint16_t type, const char *s)
{
	attr(type, s, strlen(s) + 1);
}

static void attr_u32(uint16_t type, uint32_t v)
{
	v = htonl(v);
	attr(type, &v, 4);
}

static size_t nest(uint16_t type)
{
	attr(type | NESTED, NULL, 0);
	return used - 4;
}

static void nest_end(size_t at)
{
	uint16_t len = (uint16_t)(used - at);

	memcpy(buf + at, &len, sizeof(len));
}

static void build(uint8_t family)
{
	size_t list, elem;

	used = 0;
	memset(buf, 0, sizeof(buf));
	begin(16, 0, 0, 10); /* a batch begins */
	end();
	begin(NFTABLES | 0, CREATE, family, 0); /* table */
	attr_text(1, "fleutan");
	end();
	begin(NFTABLES | 3, CREATE, family, 0); /* chain */
	attr_text(1, "fleutan");
	attr_text(3, "post");
	list = nest(4);
	attr_u32(1, 4); /* postrouting */
	attr_u32(2, 100);
	nest_end(list);
	attr_text(7, "nat");
	end();
	begin(NFTABLES | 6, CREATE | ACK, family, 0); /* rule */
	attr_text(1, "fleutan");
	attr_text(2, "post");
	list = nest(4);
	elem = nest(1);
	attr_text(1, "masq");
	nest_end(elem);
	nest_end(list);
	end();
	begin(17, 0, 0, 10); /* the batch ends */
	end();
}

static int masquerade(uint8_t family)
{
	struct { uint16_t family, pad; uint32_t pid, groups; } kernel = { .family = AF_NETLINK };
	struct timeval limit = { .tv_sec = 5 };
	uint8_t answer[4096];
	int32_t error;
	int fd = socket(AF_NETLINK, SOCK_RAW, 12 /* NETLINK_NETFILTER */), status = -ETIMEDOUT;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	build(family);
	if (sendto(fd, buf, used, 0, (struct sockaddr *)&kernel, sizeof(kernel)) == (ssize_t)used &&
	    recv(fd, answer, sizeof(answer), 0) >= 20) {
		memcpy(&error, answer + 16, 4);
		status = error;
	}
	close(fd);
	return status;
}

int main(void)
{
	int v4 = masquerade(AF_INET), v6 = masquerade(AF_INET6);

	printf("IPv4: %s, IPv6: %s\n", strerror(-v4), strerror(-v6));
	return v4 != 0;
}
