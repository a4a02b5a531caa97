/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files behind queues.h share. */
#ifndef FLEUTAN_QUEUES_PRIV_H
#define FLEUTAN_QUEUES_PRIV_H

#include "app/queues.h"

/* queues_describe.c */
void device_describe(const struct layout *l, void *rec, const struct links *all, const struct link *link);
void queue_describe(const struct layout *l, void *rec, const struct traffic_space *s, const struct link *link, bool tx, uint32_t queue);
void queue_sojourn(const struct layout *l, void *rec, const struct hist *h);
/* Balance and steering of device D; LARGEST: bytes of the largest flow of each queue row. LINK may be NULL. */
void device_judge(struct queues *q, uint32_t d, const struct link *link, const uint64_t *largest);
/* Rows of qdiscs and classes, each device's as a tree. 0 or -ENOMEM. */
int qdiscs_build(struct queues *q, const struct traffic *t);

#endif
