// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_SRC_RTT_SAMPLE
 *
 * RTT samples taken in the kernel (bpf/rttsample.bpf.c): loading, reading and tidying its maps.
 *
 * Flows that ended and were read are deleted with their cells, so that endless sampling does not fill the maps.
 * Nothing writes to them any more, except when the same socket address is established again with the same addresses
 * and ports between reading and deletion: then the few samples of that moment are lost and its next segment makes a
 * new record. No count can go wrong by it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/rttsample.h"
#include "collect/bpfobj.h"
#include "collect/door.h"
#include "collect/rttrung.h"
#include "collect/sockdiag.h"
#include "core/util.h"

#define CELLS_PER_FLOW 16
#define BATCH 512           /* elements read at once: no bucket of a hash is that full */
#define MORE_FLOWS 4096     /* room for flows that begin within the interval, beside four times those that are there */
#define MAX_FLOWS (1U << 22) /* so that sizes of arrays fit into 32 bits */

struct rtt_bpf {
	struct bpfobj *obj; /* NULL in a replay */
	unsigned families;
	bool can_cookie;    /* the programs give a socket its cookie, else an inet_diag dump has to */
	int stats;          /* keeps the kernel counting run time; -1 */
	uint32_t max_flows;
	bool all_netns;
	struct rtt_past past;
	struct rtt_count count;
	uint64_t events, run_ns;
};

static int load(struct rtt_bpf *b, uint32_t flows, struct err *e)
{
	uint32_t netns, can_cookie = b->can_cookie;
	uint64_t secret;
	struct stat st;
	const struct bpf_const consts[] = {
		{ "want_netns", &netns, sizeof(netns) },
		{ "can_cookie", &can_cookie, sizeof(can_cookie) },
		{ "id_secret", &secret, sizeof(secret) },
	};
	const struct bpf_mapsize sizes[] = {
		{ "rtt_flows", flows },
		{ "rtt_cells", flows * CELLS_PER_FLOW },
	};
	const struct bpfobj_opts o = {
		.consts = consts, .nconst = ARRAY_SIZE(consts), .sizes = sizes, .nsize = ARRAY_SIZE(sizes),
	};

	if (stat("/proc/thread-self/ns/net", &st))
		return err_set(e, errno, "cannot tell the network namespace: /proc/thread-self/ns/net: %s",
			       err_text(errno));
	netns = b->all_netns ? 0 : (uint32_t)st.st_ino;
	if (getrandom(&secret, sizeof(secret), GRND_NONBLOCK) != (ssize_t)sizeof(secret))
		secret = now_ns();
	secret |= 1; /* odd: multiplying by it loses nothing */
	return bpfobj_load(&b->obj, &rttsample_image, &o, e);
}

/* Runs the iterator over all sockets of the namespace: each flow is observed once. */
static int look(struct rtt_bpf *b, struct err *e)
{
	char none[64];
	ssize_t n;
	int fd = bpfobj_iter(b->obj, "rtt_look", e);

	if (fd < 0)
		return fd;
	do /* it prints nothing; EAGAIN: the kernel took a breath after a million sockets */
		n = read(fd, none, sizeof(none));
	while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	n = n < 0 ? -errno : 0;
	close(fd);
	return n ? err_set(e, (int)-n, "iterator over sockets: %s", err_text((int)-n)) : 0;
}

static void cost(const struct rtt_bpf *b, uint64_t *events, uint64_t *run_ns)
{
	*events = *run_ns = 0;
	bpfobj_cost(b->obj, "rtt_probe", events, run_ns);
	bpfobj_cost(b->obj, "rtt_set_state", events, run_ns);
}

static void bpf_stop(void *state)
{
	struct rtt_bpf *b = state;

	if (b->obj)
		bpfobj_free(b->obj);
	if (b->stats >= 0)
		close(b->stats);
	rtt_past_free(&b->past);
	free(b);
}

static int attach(struct rtt_bpf *b, const struct rtt_opts *o, struct err *e)
{
	uint64_t flows = MIN(4 * sockdiag_estimate() + MORE_FLOWS, b->max_flows);
	int err;

	/* Whether tracing programs may call bpf_get_socket_cookie() is known by trying. */
	b->can_cookie = true;
	err = load(b, (uint32_t)flows, e);
	if (err == -EINVAL) {
		b->can_cookie = false;
		err = load(b, (uint32_t)flows, e);
	}
	if (err)
		return err;
	if (o->stats)
		b->stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	cost(b, &b->events, &b->run_ns);
	err = bpfobj_attach(b->obj, "rtt_set_state", e);
	if (!err)
		err = bpfobj_attach(b->obj, "rtt_probe", e);
	/* Seeds the sockets in states that tcp_probe passes over, and shows at once whether the iterator works. */
	return err ? err : look(b, e);
}

static int bpf_start(void **state, const struct rtt_opts *o, struct err *e)
{
	struct rtt_bpf *b = calloc(1, sizeof(*b));
	int err = 0;

	if (!b)
		return err_set(e, ENOMEM, "no memory for sampling");
	b->stats = -1;
	b->families = o->families;
	b->max_flows = MIN(MAX(o->max_flows, 64), MAX_FLOWS);
	b->all_netns = o->all_netns;
	if (!door_replaying())
		err = attach(b, o, e);
	if (err)
		bpf_stop(b);
	else
		*state = b;
	return err;
}

/* A map on its way into an array of rows, each a key and its value. */
struct rows {
	uint8_t *p;
	uint32_t n, cap, max;
	size_t key, value;  /* bytes of each */
};

static int rows_add(struct rows *r, const uint8_t *from, size_t len)
{
	size_t size = r->key + r->value, n = len / size;
	uint8_t *p;

	n = MIN(n, r->max - r->n);
	if (r->n + n > r->cap) {
		uint32_t cap = MAX(r->cap * 2, r->n + (uint32_t)n);

		p = realloc(r->p, cap * size);
		if (!p)
			return -ENOMEM;
		r->p = p;
		r->cap = cap;
	}
	if (n)
		memcpy(r->p + r->n * size, from, n * size);
	r->n += (uint32_t)n;
	return 0;
}

/* A map being read in batches. */
struct batches {
	int fd;
	bool begun, done;
	uint64_t pos;      /* the kernel's, opaque */
	uint8_t *raw;      /* BATCH keys, then BATCH values */
};

/* The next batch as rows at BUF: their bytes, 0 at the end, -errno. */
static ssize_t next_batch(struct batches *b, const struct rows *r, uint8_t *buf)
{
	const uint8_t *key = b->raw, *value = b->raw + BATCH * r->key;
	uint32_t n = BATCH;
	uint64_t next = 0;

	if (b->done)
		return 0;
	if (bpf_map_lookup_batch(b->fd, b->begun ? &b->pos : NULL, &next, b->raw, b->raw + BATCH * r->key, &n, NULL)) {
		if (errno != ENOENT)
			return -errno;
		b->done = true; /* what it filled is the rest */
	}
	b->begun = true;
	b->pos = next;
	for (uint32_t i = 0; i < n; i++) {
		memcpy(buf, key + i * r->key, r->key);
		memcpy(buf + r->key, value + i * r->value, r->value);
		buf += r->key + r->value;
	}
	return (ssize_t)(n * (r->key + r->value));
}

/* Reads map MAP into R, through the door: noted live, taken from the recording in a replay. */
static int read_map(const struct rtt_bpf *b, struct rows *r, const char *map)
{
	size_t cap = BATCH * (r->key + r->value);
	uint8_t *buf = malloc(2 * cap);
	struct batches in = { .raw = buf + cap };
	struct door_stream s;
	ssize_t n;
	int err;

	if (!buf)
		return -ENOMEM;
	err = door_stream_open(&s, map, -1);
	if (err) {
		free(buf);
		return err;
	}
	in.fd = b->obj ? bpfobj_map(b->obj, map) : -1;
	do {
		n = b->obj ? next_batch(&in, r, buf) : door_stream_read(&s, buf, cap);
		if (n > 0 && b->obj)
			door_stream_note(&s, buf, (size_t)n);
		err = n > 0 ? rows_add(r, buf, (size_t)n) : (int)n;
	} while (n > 0 && !err);
	door_stream_close(&s);
	free(buf);
	return err;
}

static int no_record(void *arg, const void *rec)
{
	(void)arg;
	(void)rec;
	return 0;
}

/* An inet_diag dump makes the kernel give each socket its cookie. */
static int give_cookies(const struct rtt_bpf *b, struct err *e)
{
	struct fieldset want = { { 0 } };
	struct sock_stats st;
	struct layout l;
	struct sock_query q = { .families = b->families, .protos = SOCK_PROTO_TCP, .states = 0xffe, .layout = &l };

	fieldset_add(&want, F_COOKIE);
	sockdiag_layout(&l, &want);
	return sockdiag_dump(&q, no_record, NULL, &st, e);
}

/* What was lost and what it cost since the reading before. */
static void read_counts(struct rtt_bpf *b, struct rtt_set *set)
{
	struct rtt_turned *none;
	struct rtt_count c = b->count;
	uint64_t events = 0, run_ns = 0;
	uint32_t zero = 0;

	if (b->obj) {
		bpf_map_lookup_elem(bpfobj_map(b->obj, "rtt_count"), &zero, &c);
		if (c.evicted != b->count.evicted && (none = calloc(1, sizeof(*none)))) {
			bpf_map_update_elem(bpfobj_map(b->obj, "rtt_turned"), &zero, none, BPF_ANY);
			free(none);
		}
		cost(b, &events, &run_ns);
	}
	set->lost = door_number("rtt_lost", c.lost - b->count.lost);
	set->evicted = door_number("rtt_evicted", c.evicted - b->count.evicted);
	set->events = door_number("rtt_events", events - b->events);
	set->run_ns = door_number("rtt_run_ns", run_ns - b->run_ns);
	b->count = c;
	b->events = events;
	b->run_ns = run_ns;
}

static void delete_cell(void *arg, const struct rtt_cell *cell)
{
	const struct rtt_bpf *b = arg;

	if (b->obj)
		bpf_map_delete_elem(bpfobj_map(b->obj, "rtt_cells"), cell);
}

static int bpf_read(void *state, struct rtt_set *set, struct err *e)
{
	struct rtt_bpf *b = state;
	struct rows flows = { .key = sizeof(uint64_t), .value = sizeof(struct rtt_rec), .max = b->max_flows };
	struct rows cells = {
		.key = sizeof(struct rtt_cell), .value = sizeof(uint64_t), .max = b->max_flows * CELLS_PER_FLOW,
	};
	struct rtt_flow_row *row;
	int err = 0;

	if (b->obj && !b->can_cookie)
		err = give_cookies(b, e);
	if (b->obj && !err)
		err = look(b, e);
	if (err)
		return err;
	err = read_map(b, &flows, "rtt_flows");
	if (!err)
		err = read_map(b, &cells, "rtt_cells");
	if (err) {
		free(flows.p);
		free(cells.p);
		return err_set(e, -err, "reading round-trip times out of the kernel: %s", err_text(-err));
	}
	read_counts(b, set);
	row = (struct rtt_flow_row *)flows.p;
	err = rtt_join(&b->past, row, flows.n, (struct rtt_cell_row *)cells.p, cells.n, b->families, delete_cell, b,
		       set);
	for (uint32_t i = 0; i < flows.n && b->obj; i++)
		if (row[i].rec.ended)
			bpf_map_delete_elem(bpfobj_map(b->obj, "rtt_flows"), &row[i].id);
	free(flows.p);
	return err ? err_set(e, -err, "no memory for round-trip times") : 0;
}

const struct rtt_rung rtt_rung_bpf = {
	.source = "tcp_probe", .start = bpf_start, .read = bpf_read, .stop = bpf_stop,
};
