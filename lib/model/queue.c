// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The schemas of devices, queues and qdiscs.
 * kbuild: CONFIG_LINKS
 */
#include "model/queue.h"

#if FIELD_HAS_HELP
#define HELP_OF(help) help,
#else
#define HELP_OF(help)
#endif

#define X(id, key, word, head, kind, unit, merge, width, scale, names, help) \
	{ key, word, head, HELP_OF(help) names, scale, FK_##kind, FU_##unit, FM_##merge, width },
static const struct field device_field[] = { DEVICE_FIELDS(X) };
static const struct field queue_field[] = { QUEUE_FIELDS(X) };
static const struct field qdisc_field[] = { QDISC_FIELDS(X) };
#undef X

const struct schema device_schema = { "device", device_field, D_COUNT };
const struct schema queue_schema = { "queue", queue_field, Q_COUNT };
const struct schema qdisc_schema = { "qdisc", qdisc_field, T_COUNT };
