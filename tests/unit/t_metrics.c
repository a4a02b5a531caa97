// SPDX-License-Identifier: GPL-2.0-or-later
/* Prometheus text, byte by byte. */
#include <stdlib.h>

#include "check.h"
#include "core/util.h"
#include "model/flow.h"
#include "model/queue.h"
#include "model/strings.h"
#include "version.h"
#include "view/view.h"

#define META(kernel) \
	"# HELP fleutan_info version of fleutan and of the kernel\n" \
	"# TYPE fleutan_info gauge\n" \
	"fleutan_info{version=\"" FLEUTAN_VERSION "\",kernel=\"" kernel "\"} 1\n"
#define LOSSES(lost, evicted, incomplete) \
	"# HELP fleutan_lost_records records lost between the kernel and fleutan\n" \
	"# TYPE fleutan_lost_records gauge\n" \
	"fleutan_lost_records " lost "\n" \
	"# HELP fleutan_evicted_flows flows that found no room in the table\n" \
	"# TYPE fleutan_evicted_flows gauge\n" \
	"fleutan_evicted_flows " evicted "\n" \
	"# HELP fleutan_incomplete 1: the kernel's list changed while it was read, flows may be missing\n" \
	"# TYPE fleutan_incomplete gauge\n" \
	"fleutan_incomplete " incomplete "\n"

static const char *text_of(const struct report *r, const uint8_t *label, unsigned nlabel)
{
	static char out[65536];
	struct buf b = BUF_INIT;
	size_t n;

	metrics_report(&b, r, label, nlabel);
	CHECK(!b.failed);
	n = MIN(b.len, sizeof(out) - 1);
	memcpy(out, b.p, n);
	out[n] = 0;
	buf_free(&b);
	return out;
}

static void set_group(const struct layout *l, void *rec, const char *name)
{
	rec_set(l, rec, F_GROUP, strings_add(name, strlen(name)));
}

static const char groups_text[] =
	"# HELP fleutan_group_flows flows in the group\n"
	"# TYPE fleutan_group_flows gauge\n"
	"fleutan_group_flows{group=\"192.0.2.1\"} 3\n"
	"fleutan_group_flows{group=\"a\\\"b\\\\c\"} 0\n"
	"fleutan_group_flows{group=\"x???\"} 18446744073709551615\n"
	"fleutan_group_flows{group=\"x???\",dup=\"1\"} 5\n"
	"fleutan_group_flows{group=\"x???\",dup=\"2\"} 6\n"
	"fleutan_group_flows{group=\"gr\303\266\303\237e\"} 7\n"
	"fleutan_group_flows 8\n"
	"fleutan_group_flows{dup=\"1\"} 9\n"
	"# HELP fleutan_group_rtt_seconds smoothed round-trip time\n"
	"# TYPE fleutan_group_rtt_seconds gauge\n"
	"fleutan_group_rtt_seconds{group=\"192.0.2.1\"} 0.0288\n"
	"fleutan_group_rtt_seconds{group=\"a\\\"b\\\\c\"} 12\n"
	"fleutan_group_rtt_seconds{group=\"x???\"} 18446744073.709551615\n"
	"fleutan_group_rtt_seconds{group=\"x???\",dup=\"1\"} 0.000000001\n"
	"fleutan_group_rtt_seconds{group=\"x???\",dup=\"2\"} 0\n"
	"# HELP fleutan_group_cwnd_bytes cwnd x mss: the BDP that the sender assumes\n"
	"# TYPE fleutan_group_cwnd_bytes gauge\n"
	"fleutan_group_cwnd_bytes{group=\"192.0.2.1\"} 14480\n"
	"# HELP fleutan_group_delivery_rate_bytes_per_second rate at which data arrived lately\n"
	"# TYPE fleutan_group_delivery_rate_bytes_per_second gauge\n"
	"fleutan_group_delivery_rate_bytes_per_second{group=\"192.0.2.1\"} 125000000\n"
	"# HELP fleutan_group_acked_bytes payload bytes acknowledged\n"
	"# TYPE fleutan_group_acked_bytes gauge\n"
	"fleutan_group_acked_bytes{group=\"192.0.2.1\"} 4096\n"
	"# HELP fleutan_group_busy_seconds time with data to send\n"
	"# TYPE fleutan_group_busy_seconds gauge\n"
	"fleutan_group_busy_seconds{group=\"192.0.2.1\"} 1.5\n"
	"# HELP fleutan_group_ecn explicit congestion notification\n"
	"# TYPE fleutan_group_ecn gauge\n"
	"fleutan_group_ecn{group=\"192.0.2.1\"} 1\n"
	META("6.1 ?[2J \\\"k\\\"")
	LOSSES("7", "8", "1")
	"# HELP fleutan_source_used 1: this source of data was used\n"
	"# TYPE fleutan_source_used gauge\n"
	"fleutan_source_used{source=\"sock_diag\"} 1\n"
	"fleutan_source_used{source=\"bpf_iter\"} 0\n"
	"fleutan_source_used{source=\"proc\"} 0\n"
	"# EOF\n";

static void groups(void)
{
	static const uint8_t col[] = {
		F_GROUP, F_FLOWS, F_RTT, F_STATE, F_UID, F_PROCS, F_SRC, F_DPORT, F_CWND_BYTES, F_DELIVERY_RATE,
		F_BYTES_ACKED, F_BUSY, F_ECN, F_CWND,
	};
	static const uint8_t label[] = { F_GROUP };
	static const char *const name[] = { "192.0.2.1", "a\"b\\c", "x\033\n\377", "x\177\001\200",
					    "x\001\001\001", "größe" };
	static const uint64_t flows[] = { 3, 0, UINT64_MAX, 5, 6, 7, 8, 9 };
	static const uint64_t rtt[] = { 28800000, 12 * NSEC_PER_SEC, UINT64_MAX, 1, 0 };
	struct report r = { .kernel = "6.1 \033[2J \"k\"", .lost_records = 7, .evicted_flows = 8, .incomplete = true };
	void *row[8];
	struct fieldset want = { 0 };
	struct layout l;
	struct table t;

	for (unsigned i = 0; i < sizeof(col); i++)
		fieldset_add(&want, col[i]);
	layout_init(&l, &flow_schema, &want, true);
	table_init(&t, &l, 100);
	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		row[i] = table_add(&t);
		if (i < ARRAY_SIZE(name))
			set_group(&l, row[i], name[i]);
		rec_set(&l, row[i], F_FLOWS, flows[i]);
		if (i < ARRAY_SIZE(rtt))
			rec_set(&l, row[i], F_RTT, rtt[i]);
	}
	rec_set(&l, row[0], F_STATE, 1);
	rec_set(&l, row[0], F_UID, 0);
	rec_set(&l, row[0], F_CWND_BYTES, 14480);
	rec_set(&l, row[0], F_DELIVERY_RATE, 125000000);
	rec_set(&l, row[0], F_BYTES_ACKED, 4096);
	rec_set(&l, row[0], F_BUSY, 1500000000);
	rec_set(&l, row[0], F_ECN, 1);
	report_source(&r, "sock_diag", SOURCE_USED, NULL);
	report_source(&r, "bpf_iter", SOURCE_UNAVAILABLE, "no BTF");
	report_source(&r, "sock_diag", SOURCE_UNUSED, NULL);
	report_source(&r, "proc", SOURCE_UNUSED, NULL);
	r.section[0] = (struct section){ .kind = SECTION_ROWS, .key = "groups", .layout = &l, .col = col,
					 .ncol = sizeof(col), .row = row,
					 .nrow = ARRAY_SIZE(row), .total = ARRAY_SIZE(row) };
	r.nsection = 1;
	CHECK_STR(text_of(&r, label, 1), groups_text);

	/* A group of nobody, no metric at all, no label: still a whole page. */
	r.section[0].nrow = 0;
	CHECK(strstr(text_of(&r, label, 1), "# HELP fleutan_info") == text_of(&r, label, 1));
	r.section[0].nrow = 1;
	CHECK(strstr(text_of(&r, NULL, 0), "fleutan_group_flows 3\n"));
	table_free(&t);
}

static const char flows_text[] =
	"# HELP fleutan_flow_rtt_seconds smoothed round-trip time\n"
	"# TYPE fleutan_flow_rtt_seconds gauge\n"
	"fleutan_flow_rtt_seconds{dst=\"192.0.2.7\",dport=\"443\",state=\"established\",proc=\"-\"} 0.000123\n"
	"# HELP fleutan_flow_segs_out segments sent\n"
	"# TYPE fleutan_flow_segs_out gauge\n"
	"fleutan_flow_segs_out{dst=\"192.0.2.7\",dport=\"443\",state=\"established\",proc=\"-\"} 4000000000\n"
	"# HELP fleutan_info version of fleutan and of the kernel\n"
	"# TYPE fleutan_info gauge\n"
	"fleutan_info{version=\"" FLEUTAN_VERSION "\",kernel=\"\",netns=\"blue\"} 1\n"
	LOSSES("0", "0", "0")
	"# EOF\n";

/* Records in the kernel's own widths and units, an interval, labels of several kinds. */
static void flows(void)
{
	static const uint8_t dst[16] = { [10] = 0xff, 0xff, 192, 0, 2, 7 };
	static const uint8_t col[] = { F_RTT, F_SEGS_OUT, F_DST };
	static const uint8_t label[] = { F_DST, F_DPORT, F_DEV, F_STATE, F_PROCS };
	struct report r = { .netns = "blue", .has_interval = true, .interval_ns = NSEC_PER_SEC };
	struct fieldset want = { 0 };
	struct layout l;
	struct table t;
	void *row[1];

	for (unsigned i = 0; i < sizeof(col); i++)
		fieldset_add(&want, col[i]);
	for (unsigned i = 0; i < sizeof(label); i++)
		fieldset_add(&want, label[i]);
	layout_init(&l, &flow_schema, &want, false);
	table_init(&t, &l, 100);
	row[0] = table_add(&t);
	rec_set(&l, row[0], F_RTT, 123);
	rec_set(&l, row[0], F_SEGS_OUT, 4000000000u);
	rec_set_addr(&l, row[0], F_DST, dst);
	rec_set(&l, row[0], F_DPORT, 443);
	rec_set(&l, row[0], F_STATE, 1);
	r.section[0] = (struct section){ .kind = SECTION_ROWS, .key = "flows", .layout = &l, .col = col,
					 .ncol = sizeof(col), .row = row, .nrow = 1, .total = 1 };
	r.nsection = 1;
	CHECK_STR(text_of(&r, label, sizeof(label)), flows_text);
	table_free(&t);
}

/* Sections with labels of their own, for JSON only, and with the names of an earlier one. */
static void sections(void)
{
	static const uint8_t col[] = { Q_DEV, Q_QUEUE, Q_BYTES, Q_QDISC_KIND, Q_QDISC_BACKLOG, Q_SHARE, Q_RATE };
	static const uint8_t label[] = { Q_DEV, Q_DIR, Q_QUEUE }, group[] = { F_GROUP };
	struct report r = { .kernel = "k" };
	struct fieldset want = { { 0 } };
	struct layout l;
	struct table t;
	void *row[3];

	for (unsigned f = 0; f < Q_COUNT; f++)
		fieldset_add(&want, f);
	layout_init(&l, &queue_schema, &want, false);
	table_init(&t, &l, 100);
	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		row[i] = table_add(&t);
		rec_set(&l, row[i], Q_DEV, i < 2 ? strings_add("e\"0", 3) : 0);
		rec_set(&l, row[i], Q_BYTES, i);
	}
	rec_set(&l, row[0], Q_DIR, FLOW_TX);
	rec_set(&l, row[0], Q_QUEUE, 7);
	rec_set(&l, row[0], Q_QDISC_KIND, strings_add("fq", 2));
	rec_set(&l, row[0], Q_QDISC_BACKLOG, 9);
	rec_set(&l, row[0], Q_SHARE, 500);
	rec_set(&l, row[0], Q_RATE, 6);
	r.section[0] = (struct section){ .kind = SECTION_ROWS, .key = "secrets", .layout = &l, .col = col,
					 .ncol = sizeof(col), .row = row, .nrow = 3, .total = 3, .only_json = true };
	r.section[1] = r.section[0];
	r.section[1].key = "queues";
	r.section[1].only_json = false;
	r.section[1].no_json = true;
	r.section[1].label = label;
	r.section[1].nlabel = sizeof(label);
	r.section[2] = r.section[1];
	r.section[2].key = "queue";
	r.nsection = 3;
	CHECK_STR(text_of(&r, group, 1),
		  "# HELP fleutan_queue_bytes bytes on the wire\n"
		  "# TYPE fleutan_queue_bytes gauge\n"
		  "fleutan_queue_bytes{dev=\"e\\\"0\",dir=\"tx\",queue=\"7\"} 0\n"
		  "fleutan_queue_bytes{dev=\"e\\\"0\"} 1\n"
		  "fleutan_queue_bytes 2\n"
		  "# HELP fleutan_queue_backlog_bytes bytes waiting in it now\n"
		  "# TYPE fleutan_queue_backlog_bytes gauge\n"
		  "fleutan_queue_backlog_bytes{dev=\"e\\\"0\",dir=\"tx\",queue=\"7\"} 9\n"
		  "# HELP fleutan_queue_share_ratio share of the bytes of the device in this direction\n"
		  "# TYPE fleutan_queue_share_ratio gauge\n"
		  "fleutan_queue_share_ratio{dev=\"e\\\"0\",dir=\"tx\",queue=\"7\"} 0.5\n"
		  "# HELP fleutan_queue_rate_bytes_per_second bytes per second\n"
		  "# TYPE fleutan_queue_rate_bytes_per_second gauge\n"
		  "fleutan_queue_rate_bytes_per_second{dev=\"e\\\"0\",dir=\"tx\",queue=\"7\"} 6\n"
		  META("k") LOSSES("0", "0", "0") "# EOF\n");
	table_free(&t);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* All fields of all schemas at once: no name comes twice. */
static void names(void)
{
	static const struct {
		const char *key;
		const struct schema *schema;
	} all[] = { { "groups", &flow_schema }, { "flows", &flow_schema }, { "devices", &device_schema },
		    { "queues", &queue_schema }, { "qdiscs", &qdisc_schema } };
	static uint8_t col[SCHEMA_FIELDS_MAX];
	static struct layout l[ARRAY_SIZE(all)];
	static struct table t[ARRAY_SIZE(all)];
	static char name[400][100];
	void *row[ARRAY_SIZE(all)];
	struct report r = { 0 };
	struct fieldset want = { { 0 } };
	unsigned n = 0;
	const char *p;

	for (unsigned f = 0; f < SCHEMA_FIELDS_MAX; f++) {
		fieldset_add(&want, f);
		col[f] = (uint8_t)f;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		layout_init(&l[i], all[i].schema, &want, false);
		table_init(&t[i], &l[i], 1);
		row[i] = table_add(&t[i]);
		for (unsigned f = 0; f < all[i].schema->n; f++)
			rec_set(&l[i], row[i], f, 1);
		r.section[i] = (struct section){ .kind = SECTION_ROWS, .key = all[i].key, .layout = &l[i], .col = col,
						 .ncol = all[i].schema->n, .row = &row[i], .nrow = 1, .total = 1 };
	}
	r.nsection = ARRAY_SIZE(all);
	for (p = text_of(&r, NULL, 0); (p = strstr(p, "# TYPE ")) && n < ARRAY_SIZE(name); n++) {
		p += 7;
		memcpy(name[n], p, MIN(strcspn(p, " "), sizeof(*name) - 1));
	}
	CHECK(n > 200 && n < ARRAY_SIZE(name));
	qsort(name, n, sizeof(*name), compare_names);
	for (unsigned i = 1; i < n; i++)
		CHECK(strcmp(name[i - 1], name[i]));
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		table_free(&t[i]);
}

/* A unit that no field of flows has. */
static void ratio(void)
{
	static const struct field f[] = {
		{ .key = "load_permille", .word = "load", .head = "LOAD", .help = "load", .scale = 1, .kind = FK_GAUGE,
		  .unit = FU_PERMILLE, .width = 8 },
	};
	static const struct schema s = { "cpu", f, 1 };
	static const uint8_t col[] = { 0 };
	struct report r = { 0 };
	struct fieldset want = { { 1 } };
	struct layout l;
	uint64_t rec[8] = { 0 };
	void *row[1] = { rec };

	layout_init(&l, &s, &want, false);
	CHECK(l.size <= sizeof(rec));
	rec_set(&l, rec, 0, 1250);
	r.section[0] = (struct section){ .kind = SECTION_ROWS, .key = "cpus", .layout = &l, .col = col, .ncol = 1,
					 .row = row, .nrow = 1, .total = 1 };
	r.nsection = 1;
	CHECK(strstr(text_of(&r, NULL, 0), "# TYPE fleutan_cpu_load_ratio gauge\nfleutan_cpu_load_ratio 1.25\n"));
	rec_set(&l, rec, 0, 7);
	CHECK(strstr(text_of(&r, NULL, 0), "\nfleutan_cpu_load_ratio 0.007\n"));
}

static const char histogram_text_wanted[] =
	"# HELP fleutan_rtt_seconds distribution; values are known to 1.6 %, the sum is that of bucket middles\n"
	"# TYPE fleutan_rtt_seconds histogram\n"
	"fleutan_rtt_seconds_bucket{le=\"0.00001\"} 1\n"
	"fleutan_rtt_seconds_bucket{le=\"0.00002\"} 1\n"
	"fleutan_rtt_seconds_bucket{le=\"0.00005\"} 1\n"
	"fleutan_rtt_seconds_bucket{le=\"0.0001\"} 1\n"
	"fleutan_rtt_seconds_bucket{le=\"0.0002\"} 1\n"
	"fleutan_rtt_seconds_bucket{le=\"0.0005\"} 1\n"
	"fleutan_rtt_seconds_bucket{le=\"0.001\"} 1\n"
	"fleutan_rtt_seconds_bucket{le=\"0.002\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"0.005\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"0.01\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"0.02\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"0.05\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"0.1\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"0.2\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"0.5\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"1\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"2\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"5\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"10\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"20\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"50\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"100\"} 4\n"
	"fleutan_rtt_seconds_bucket{le=\"+Inf\"} 5\n"
	"fleutan_rtt_seconds_sum 199.720452125\n"
	"fleutan_rtt_seconds_count 5\n"
	META("k") LOSSES("0", "0", "0") "# EOF\n";

static void histogram(void)
{
	struct hist h = { 0 };
	struct report r = { .kernel = "k" };

	hist_add(&h, 29, 1);                 /* a bucket of its own */
	hist_add(&h, 1500000, 3);            /* in [1474560, 1507328), middle 1490944 */
	hist_add(&h, 200 * NSEC_PER_SEC, 1); /* middle 199.715979264 s */
	r.section[0] = (struct section){ .kind = SECTION_HIST, .key = "rtt_histogram", .hist = &h };
	r.section[1] = (struct section){ .kind = SECTION_QUANTILES, .key = "rtt_quantiles", .hist = &h };
	r.nsection = 2;
	CHECK_STR(text_of(&r, NULL, 0), histogram_text_wanted);
	hist_add(&h, UINT64_MAX, 1000); /* the sum stays at its bound */
	CHECK(strstr(text_of(&r, NULL, 0), "\nfleutan_rtt_seconds_sum 18446744073.709551615\n"));
	CHECK(strstr(text_of(&r, NULL, 0), "\nfleutan_rtt_seconds_count 1005\n"));
	hist_free(&h);
	CHECK(strstr(text_of(&r, NULL, 0), "le=\"100\"} 0\nfleutan_rtt_seconds_bucket{le=\"+Inf\"} 0\n"));
	r.section[0].hist = NULL;
	CHECK(!strstr(text_of(&r, NULL, 0), "fleutan_rtt"));
}

int main(void)
{
	groups();
	flows();
	sections();
	names();
	ratio();
	histogram();
	strings_free();
	return check_done("metrics");
}
