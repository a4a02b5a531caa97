/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interned strings: device names, congestion controls, process names. An id is 32 bits and stays valid for the life of
 * the program; 0 is the empty string. Bounded: past the bound strings_add answers the id of "…" (an ellipsis), so a
 * hostile host cannot fill memory. Safe to call from several threads.
 */
#ifndef FLEUTAN_STRINGS_H
#define FLEUTAN_STRINGS_H

#include <stddef.h>
#include <stdint.h>

#define STRINGS_MAX 65536u /* every id is below */

uint32_t strings_add(const char *s, size_t len); /* raw bytes from outside are kept as they are; views sanitise */
const char *strings_get(uint32_t id);            /* NUL-terminated, never NULL */
void strings_free(void);                         /* at exit, for leak checkers */

#endif
