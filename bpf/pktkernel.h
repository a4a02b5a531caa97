/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's structures, as far as the packet programs look at them, and how they are read. */
#ifndef FLEUTAN_PKTKERNEL_H
#define FLEUTAN_PKTKERNEL_H

#include <stdint.h>

/* A tp_btf program follows typed pointers with plain loads; a raw_tp one copies, as many bytes as the kernel has. */
#ifdef PKT_RAW
#define TRACE "raw_tp/"
#define GET(p, field) ({ \
	uint64_t get_v = 0; \
	uint32_t get_n = bpf_core_field_size((p)->field); \
	bpf_probe_read_kernel(&get_v, get_n, (const void *)&(p)->field); \
	(__typeof__((p)->field))(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? get_v : get_v >> (64 - 8 * get_n)); })
#else
#define TRACE "tp_btf/"
#define GET(p, field) ((p)->field)
#endif

enum { AF_INET = 2, AF_INET6 = 10 };
enum { ARPHRD_ETHER = 1, ARPHRD_LOOPBACK = 772 };
enum { TCP_TIME_WAIT = 6, TCP_CLOSE = 7, TCP_NEW_SYN_RECV = 12 };
enum { NETDEV_TX_BUSY = 0x10, PF_KTHREAD = 0x00200000 };

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define VLAN_PRESENT_BIT 1
#else
#define VLAN_PRESENT_BIT 0x80
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	possible_net_t nd_net;
	int ifindex;
	unsigned short type;
};

struct in6_addr {
	uint8_t u6_addr8[16];
};

struct sock_common {
	uint32_t skc_daddr;
	uint32_t skc_rcv_saddr;
	uint16_t skc_dport;
	uint16_t skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct inode {
	unsigned long i_ino;
};

struct file {
	struct inode *f_inode;
};

struct socket {
	struct file *file;
};

typedef struct {
	int owned;
} socket_lock_t;

typedef struct {
	unsigned int val;
} kuid_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	uint16_t sk_protocol;
	kuid_t sk_uid;
	struct socket *sk_socket;
};

struct task_struct {
	unsigned int flags;
};

struct skb_shared_info {
	unsigned short gso_size;
	unsigned short gso_segs;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned int len, data_len;
	uint16_t queue_mapping;
	uint16_t protocol;
	uint16_t vlan_tci;
	uint16_t network_header, mac_header;
	uint32_t end;
	unsigned char *head, *data;
};

/* Before 6.2. The first of these is a bit, in the byte that the second marks. */
struct sk_buff___present {
	uint8_t vlan_present;
	uint8_t __pkt_vlan_present_offset[0];
};

#pragma clang attribute pop

#endif
