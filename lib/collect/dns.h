/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of name look-ups: DNS questions and answers, /etc/hosts, /etc/resolv.conf. Pure functions of bytes and a
 * length. Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d.
 */
#ifndef FLEUTAN_DNS_H
#define FLEUTAN_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_SIZE 256  /* text of a name, NUL included */
#define DNS_QUERY_SIZE 96  /* of the longest question that dns_query() makes */
#define DNS_SCOPE_SIZE 16  /* name of an interface, NUL included */

/* Writes the question for the name (PTR) of ADDR at Q; returns its bytes. */
unsigned dns_query(uint8_t q[DNS_QUERY_SIZE], uint16_t id, const uint8_t addr[16]);

enum dns_result {
	DNS_NAME,    /* NAME is filled: letters, digits, '-', '_' and '.' only */
	DNS_NO_NAME, /* the server says so, or its name is none that can be shown */
	DNS_FAILED,  /* the server could not answer: ask another */
	DNS_FOREIGN, /* no answer to this question: wait for the right one */
};

/* Reads the answer MSG (LEN bytes of anything) to the question Q (QLEN bytes, from dns_query). */
enum dns_result dns_answer(const uint8_t *msg, size_t len, const uint8_t *q, size_t qlen, char name[DNS_NAME_SIZE]);

/* The next address of /etc/hosts with its first name, from *POS on; false: no more. */
bool hosts_next(const char *text, size_t len, size_t *pos, uint8_t addr[16], char name[DNS_NAME_SIZE]);

/* The next name server of /etc/resolv.conf, with its %interface or "". */
bool resolvconf_next(const char *text, size_t len, size_t *pos, uint8_t addr[16], char scope[DNS_SCOPE_SIZE]);

#endif
