// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The programs of pkttrace.bpf.c for kernels that do not carry their BTF themselves: with a BTF file from outside only
 * raw tracepoints can be used, which copy each field that they look at (about twice the cost).
 */
#define PKT_RAW
#include "pkttrace.bpf.c"
