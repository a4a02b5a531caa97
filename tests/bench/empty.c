// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs that do nothing, on the hooks where ours count: what remains of a count's cost without them is its own.
 * empty trace HOOK...: tp_btf programs; empty filter: a socket filter on all packets of this network namespace.
 * Prints "ready", then for each line on stdin `HOOK RUNS NANOSECONDS` of each and an empty line. Needs libbpf.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HOOKS_MAX 16

static const struct bpf_insn nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int die(const char *what)
{
	fprintf(stderr, "empty: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int load(enum bpf_prog_type type, const char *hook)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int fd;

	if (hook) {
		fd = libbpf_find_vmlinux_btf_id(hook, BPF_TRACE_RAW_TP);
		if (fd < 0)
			die(hook);
		opts.attach_btf_id = (unsigned)fd;
		opts.expected_attach_type = BPF_TRACE_RAW_TP;
	}
	fd = bpf_prog_load(type, "fl_empty", "GPL", nothing, sizeof(nothing) / sizeof(*nothing), &opts);
	return fd < 0 ? die("load") : fd;
}

int main(int argc, char **argv)
{
	const char *name[HOOKS_MAX] = { "filter" };
	int fd[HOOKS_MAX], n = 0, i;
	char line[64];

	if (argc == 2 && !strcmp(argv[1], "filter")) {
		int sock = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

		fd[n++] = load(BPF_PROG_TYPE_SOCKET_FILTER, NULL);
		if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_ATTACH_BPF, &fd[0], sizeof(fd[0])))
			die("attach");
	} else if (argc > 2 && argc - 2 <= HOOKS_MAX && !strcmp(argv[1], "trace")) {
		for (; n < argc - 2; n++) {
			name[n] = argv[n + 2];
			fd[n] = load(BPF_PROG_TYPE_TRACING, name[n]);
			if (bpf_raw_tracepoint_open(NULL, fd[n]) < 0)
				die("attach");
		}
	} else {
		fputs("usage: empty trace HOOK... | filter\n", stderr);
		return 2;
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		for (i = 0; i < n; i++) {
			struct bpf_prog_info info = { 0 };
			__u32 len = sizeof(info);

			if (bpf_obj_get_info_by_fd(fd[i], &info, &len))
				die("info");
			printf("%s %llu %llu\n", name[i], (unsigned long long)info.run_cnt,
			       (unsigned long long)info.run_time_ns);
		}
		puts("");
		fflush(stdout);
	}
	return 0;
}
