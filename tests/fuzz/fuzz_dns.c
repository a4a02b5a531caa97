// SPDX-License-Identifier: GPL-2.0-or-later
/* DNS answers, /etc/hosts and /etc/resolv.conf as anybody may write them. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "collect/dns.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0
#endif

static void check_name(const char *name)
{
	size_t n = strnlen(name, DNS_NAME_SIZE);

	if (!n || n == DNS_NAME_SIZE)
		abort();
	while (n--)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", name[n]))
			abort();
}

static void try_answer(uint8_t *msg, size_t len, bool v4, bool ours)
{
	static const uint8_t addr4[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	static const uint8_t addr6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	uint8_t q[DNS_QUERY_SIZE];
	unsigned n = dns_query(q, 0x1234, v4 ? addr4 : addr6);
	char name[DNS_NAME_SIZE];

	if (n > sizeof(q))
		abort();
	if (ours && len >= n) { /* past the door, into the records */
		memcpy(msg, q, n);
		msg[2] = 0x81;
		msg[7] = 5;
	}
	if (dns_answer(msg, len + FUZZ_LIE, q, n, name) == DNS_NAME)
		check_name(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t addr[16], *copy, how;
	char name[DNS_NAME_SIZE], scope[DNS_SCOPE_SIZE];
	size_t pos = 0;

	if (!size)
		return 0;
	how = *data++;
	size--;
	copy = malloc(size ? size : 1);
	memcpy(copy, data, size);
	if (how & 4)
		while (hosts_next((char *)copy, size + FUZZ_LIE, &pos, addr, name))
			check_name(name);
	else if (how & 8)
		while (resolvconf_next((char *)copy, size + FUZZ_LIE, &pos, addr, scope))
			if (strnlen(scope, DNS_SCOPE_SIZE) == DNS_SCOPE_SIZE)
				abort();
	if (!(how & 12))
		try_answer(copy, size, how & 1, how & 2);
	free(copy);
	return 0;
}
