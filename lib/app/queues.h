/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counted packets laid out by device and queue: rows of devices, of their queues and qdiscs, and of the flows in each queue. */
#ifndef FLEUTAN_QUEUES_H
#define FLEUTAN_QUEUES_H

#include "app/traffic.h"
#include "model/queue.h"

/* Where a device's rows lie. */
struct queue_device {
	uint32_t space, ifindex;
	uint32_t first, ntx, nrx; /* its queues: ntx transmit, one for what has no number, then nrx receive, and one more */
	uint32_t qdisc, nqdisc;   /* its slice of the qdisc rows */
};

struct queues {
	struct layout dev_layout, queue_layout, qdisc_layout;
	struct table dev, queue, qdisc;
	struct queue_device *at;      /* beside each row of dev */
	void **dev_row, **queue_row, **qdisc_row, **flow_row;
	uint32_t ndev;                /* devices shown; their numbers in shown[] */
	uint32_t *shown;
	/* Sections, beside their rows: of a device's queues and qdiscs (ndev each), of a queue's flows (as many as queue rows). */
	struct section *queue_section, *qdisc_section, *flow_section;
	struct subrows *queue_sub;    /* of each device: the slice of flow_section */
	struct subrows dev_sub[2];
	uint64_t tx_bytes, tx_packets, rx_bytes, rx_packets; /* of devices that are in totals */
};

struct queues_opts {
	bool rx;                 /* receive queues too */
	bool flows;              /* flows in each queue (else they stand in groups) */
	uint32_t limit;          /* flows shown of each queue, 0: all */
	const uint8_t *flow_col;
	unsigned nflow_col;
};

/* Builds all of it from T; section DEVICES gets the rows of devices. 0 or -errno; queues_free() in any case. */
int queues_build(struct queues *q, const struct traffic *t, const struct look *l, const struct queues_opts *o,
		 struct section *devices, struct err *e);
void queues_free(struct queues *q);

/* What the view of an interval is made of. */
struct queues_text {
	const struct look *look;
	const struct traffic_opts *opts;
	const struct traffic *traffic;
	const struct queues *queues;
};

/* Appends it all: what flowed, the groups (the section behind the devices'), then each device, the busiest first. */
void queues_text(const struct queues_text *qt, const struct report *rep, struct buf *b);

#endif
