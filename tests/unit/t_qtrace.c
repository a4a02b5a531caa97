// SPDX-License-Identifier: GPL-2.0-or-later
/* Time in the qdisc and drops out of a recording: rows, deltas, names, and recordings that lie. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "collect/door.h"
#include "collect/qtrace.h"
#include "core/text.h"
#include "model/hist.h"
#include "model/strings.h"

static char folder[] = "/tmp/t_qtrace.XXXXXX";

static void put(const char *name, const void *p, size_t len)
{
	char path[128];
	int fd;

	fmt_text(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0 && write(fd, p, len) == (ssize_t)len);
	close(fd);
}

/* Rows of SIZE bytes as one message of a stream. */
static void put_rows(const char *name, const void *rows, size_t len)
{
	uint8_t *msg = malloc(4 + len);

	for (int i = 0; i < 4; i++)
		msg[i] = (uint8_t)(len >> 8 * i);
	memcpy(msg + 4, rows, len);
	put(name, msg, 4 + len);
	free(msg);
}

static void put_number(const char *name, unsigned nth, unsigned v)
{
	char file[64], text[16];

	fmt_text(file, sizeof(file), "number,%s,%u", name, nth);
	put(file, text, fmt_text(text, sizeof(text), "%u", v));
}

struct seen {
	struct hist wait;
	uint64_t packets, drops, bytes;
	uint32_t reason, ports;
};

static void on_wait(void *arg, const struct pkt_key *key, uint32_t bucket, uint64_t packets)
{
	struct seen *s = arg;

	s->ports += key->sport;
	s->packets += packets;
	hist_add_bucket(&s->wait, bucket, packets);
}

static void on_drop(void *arg, const struct pkt_key *key, uint32_t reason, const struct pkt_count *n)
{
	struct seen *s = arg;

	s->ports += key->dport;
	s->reason = reason;
	s->drops += n->packets;
	s->bytes += n->bytes;
}

static void make(void)
{
	struct {
		struct pkt_sojourn_cell c;
		uint64_t n;
	} wait[4] = {
		{ { { .sport = 1 }, 0, 0 }, 5 },
		{ { { .sport = 2 }, hist_bucket(1000000), 0 }, 10 },
		{ { { .sport = 400 }, HIST_BUCKETS, 0 }, 7 }, /* there is no such bucket */
		{ { { .sport = 800 }, 1, 0 }, 0 },
	};
	struct {
		struct pkt_drop_cell c;
		struct pkt_count n;
	} drop[2] = {
		{ { { .dport = 30 }, 64, 0 }, { 3, 4542 } },
		{ { { .dport = 7000 }, 65, 0 }, { 0, 9 } },
	};
	const char *nums[] = { "qtrace_unmatched", "qtrace_lost", "qtrace_drops_lost", "qtrace_runs", "qtrace_run_ns" };

	CHECK(mkdtemp(folder) != NULL);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	put("format", "fleutan recording 1 big-endian\n", 31);
#else
	put("format", "fleutan recording 1 little-endian\n", 34);
#endif
	put_number("qtrace_reasons", 0, 1);
	put_rows("stream,qtrace_sojourn,0", wait, sizeof(wait));
	put_rows("stream,qtrace_drops,0", drop, sizeof(drop));
	put_rows("stream,qtrace_sojourn,1", wait, sizeof(wait[0]));
	put_rows("stream,qtrace_drops,1", drop, sizeof(drop[0]) - 1); /* not whole */
	for (unsigned i = 0; i < 5; i++)
		put_number(nums[i], 0, i + 1);
	put("bytes,qtrace_reason_64,0", "qdisc_drop", 10);
	put("bytes,qtrace_reason_65,0,error", "2", 1);
}

static void replays(void)
{
	struct qtrace_opts o = { .sojourn = true, .drops = true };
	struct qtrace_result r;
	struct seen s = { 0 };
	struct err e = { 0 };
	struct qtrace *q;
	uint64_t v = 0;

	CHECK_EQ(door_setup(NULL, folder, &e), 0);
	CHECK_EQ(qtrace_start(&q, &o, &e), 0);
	CHECK_EQ(qtrace_read(q, on_wait, on_drop, &s, &r, &e), 0);
	CHECK_EQ(s.packets, 15);
	CHECK_EQ(r.matched, 15);
	CHECK_EQ(s.ports, 33);
	CHECK(hist_quantile(&s.wait, 5000, &v) && v > 980000 && v < 1020000);
	CHECK_EQ(s.wait.cell[0].bucket, 0);
	CHECK_EQ(s.wait.cell[0].count, 5);
	CHECK_EQ(s.drops, 3);
	CHECK_EQ(s.bytes, 4542);
	CHECK_EQ(s.reason, 64);
	CHECK(r.reasons);
	CHECK_EQ(r.unmatched, 1);
	CHECK_EQ(r.lost, 2);
	CHECK_EQ(r.drops_lost, 3);
	CHECK_EQ(r.runs, 4);
	CHECK_EQ(r.run_ns, 5);
	CHECK_STR(strings_get(qtrace_reason(q, 64)), "qdisc_drop");
	CHECK_STR(strings_get(qtrace_reason(q, 64)), "qdisc_drop"); /* asked once */
	CHECK_EQ(qtrace_reason(q, 65), 0);
	CHECK_EQ(qtrace_reason(q, 66), 0); /* not in the recording */
	CHECK_EQ(qtrace_reason(q, 60000), 0);
	CHECK_STR(strings_get(qtrace_reason(q, 3 << 16 | 5)), "subsystem 3 reason 5");
	CHECK_EQ(qtrace_read(q, NULL, NULL, NULL, &r, &e), -EBADMSG);
	CHECK_EQ(qtrace_read(q, NULL, NULL, NULL, &r, &e), -ENODATA);
	qtrace_stop(q);
	qtrace_stop(NULL);
	hist_free(&s.wait);
	door_finish(&e);
}

int main(void)
{
	char cmd[64];

	make();
	replays();
	strings_free();
	fmt_text(cmd, sizeof(cmd), "rm -r %s", folder);
	CHECK_EQ(system(cmd), 0);
	return check_done("qtrace");
}
