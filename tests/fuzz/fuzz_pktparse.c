// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames as anybody may send them. The first byte says how to look, and what begins the frame. */
#include <stdlib.h>
#include <string.h>
#include "collect/pktparse.h"

#ifndef FUZZ_LIE
#define FUZZ_LIE 0
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint32_t next[] = { PKT_N_ETHER, PKT_N_IP, PKT_N_IP6, PKT_N_PPPOE, PKT_N_MPLS, PKT_N_VLAN, 256, 0x600 };
	static const uint8_t zero[32];
	struct pkt_parsed p = { .vlan = 0 };
	struct pkt_src src;
	uint8_t *copy;

	if (!len)
		return 0;
	copy = malloc(len - 1 ? len - 1 : 1);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, len - 1);
	src = (struct pkt_src){ copy, (uint32_t)len - 1 + FUZZ_LIE };
	pkt_parse(&src, 0, next[data[0] & 7], data[0] >> 3 & 3, &p);
	if (p.kind > PKT_OTHER || p.vlan > 4095)
		abort();
	if (p.kind == PKT_OTHER && (p.proto || p.key.sport || p.key.dport || memcmp(p.key.src, zero, sizeof(zero))))
		abort();
	if (p.l4 > src.len + 16 * 4 + 256 * 8)
		abort();
	(void)pkt_segments(src.len, pkt_headers(&src, &p), 1448);
	free(copy);
	return 0;
}
