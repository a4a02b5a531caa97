/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The schemas of devices, queues and qdiscs (queue_fields.h has their lines). */
#ifndef FLEUTAN_QUEUE_H
#define FLEUTAN_QUEUE_H

#include "model/field.h"
#include "model/flow.h"
#include "model/queue_fields.h"

#define X(id, ...) D_##id,
enum device_field { DEVICE_FIELDS(X) D_COUNT };
#undef X
#define X(id, ...) Q_##id,
enum queue_field { QUEUE_FIELDS(X) Q_COUNT };
#undef X
#define X(id, ...) T_##id,
enum qdisc_field { QDISC_FIELDS(X) T_COUNT };
#undef X

extern const struct schema device_schema, queue_schema, qdisc_schema;

#endif
