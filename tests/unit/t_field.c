// SPDX-License-Identifier: GPL-2.0-or-later
/* model/field.c and model/flow.c: layouts, tables, the schema of flows and its derived fields */
#include "check.h"
#include "core/util.h"
#include "model/flow.h"
#include "model/report.h"

static struct fieldset all_fields(void)
{
	struct fieldset want = { { 0 } };

	for (unsigned f = 0; f < F_COUNT; f++)
		fieldset_add(&want, f);
	return want;
}

/* Every slot lies at a multiple of its width, inside the record, and no two overlap. */
static void check_layout(const struct layout *l, unsigned slack)
{
	char used[4096] = { 0 };
	unsigned free_bytes = 0;

	memset(used, 1, sizeof(struct fieldset));
	CHECK_EQ(l->size % 8, 0);
	for (unsigned f = 0; f < l->schema->n; f++) {
		const struct slot *s = &l->slot[f];

		CHECK_EQ(s->bits, 0);
		if (!s->width)
			continue;
		CHECK(fieldset_has(&l->want, f));
		CHECK_EQ(s->off % MIN(s->width, 8), 0);
		CHECK(s->off + s->width <= l->size);
		for (unsigned i = 0; i < s->width; i++)
			CHECK(!used[s->off + i]++);
	}
	for (unsigned i = 0; i < l->size; i++)
		free_bytes += !used[i];
	CHECK(free_bytes <= slack);
}

static void test_layout(void)
{
	struct fieldset want = all_fields(), none = { { 0 } };
	struct layout l;
	unsigned off;

	layout_init(&l, &flow_schema, &want, false);
	check_layout(&l, 7);
	for (unsigned f = 0; f < F_COUNT; f++)
		CHECK_EQ(l.slot[f].width, flow_schema.field[f].width);
	off = l.size;
	CHECK_EQ(layout_block(&l, 13), off);
	CHECK_EQ(l.size, off + 16);
	CHECK_EQ(layout_block(&l, 0), off + 16);

	layout_init(&l, &flow_schema, &want, true);
	check_layout(&l, 7);
	CHECK_EQ(l.slot[F_SRC].width, 16);
	CHECK_EQ(l.slot[F_CONG].width, 4);
	CHECK_EQ(l.slot[F_STATE].width, 8);
	CHECK_EQ(l.slot[F_PROCS].width, 0);
	CHECK(fieldset_has(&l.want, F_PROCS));

	layout_init(&l, &flow_schema, &none, false);
	CHECK_EQ(l.size, sizeof(struct fieldset));
}

/* The largest value of each field survives, next to its neighbours; what the layout lacks stays unknown. */
static void test_values(bool wide)
{
	static uint64_t rec[512];
	struct fieldset want = all_fields();
	const uint8_t addr[16] = { 1, 2, 3, [15] = 0xff };
	struct layout l;
	uint64_t v;

	fieldset_del(&want, F_MARK);
	layout_init(&l, &flow_schema, &want, wide);
	CHECK(l.size <= sizeof(rec));
	memset(rec, 0, sizeof(rec));
	for (unsigned f = 0; f < F_COUNT; f++) {
		CHECK(!rec_has(rec, f) && !rec_get(&l, rec, f, &v) && !rec_addr(&l, rec, f));
		if (flow_schema.field[f].kind == FK_ADDR)
			rec_set_addr(&l, rec, f, addr);
		else
			rec_set(&l, rec, f, UINT64_MAX - f);
	}
	for (unsigned f = 0; f < F_COUNT; f++) {
		unsigned width = l.slot[f].width;
		uint64_t mask = width < 8 ? (1ULL << 8 * width) - 1 : UINT64_MAX;

		if (f == F_MARK || f == F_PROCS) {
			CHECK(!rec_has(rec, f));
			continue;
		}
		CHECK(rec_has(rec, f));
		if (flow_schema.field[f].kind == FK_ADDR) {
			CHECK(!memcmp(rec_addr(&l, rec, f), addr, 16));
			continue;
		}
		CHECK(rec_raw(&l, rec, f) == ((UINT64_MAX - f) & mask));
		CHECK(rec_get(&l, rec, f, &v));
		CHECK(v == ((UINT64_MAX - f) & mask) * (wide ? 1 : flow_schema.field[f].scale));
	}
	rec_set(&l, rec, F_RTT, 0);
	CHECK(rec_get(&l, rec, F_RTT, &v) && v == 0);
	rec_set(&l, rec, F_RTT, 1);
	CHECK(rec_get(&l, rec, F_RTT, &v) && v == (wide ? 1 : 1000));
	/* a bit field, as the collector of sockets makes them */
	l.slot[F_ECN] = (struct slot){ .off = l.slot[F_MSS].off, .width = 1, .shift = 3, .bits = 2 };
	((uint8_t *)rec)[l.slot[F_MSS].off] = 0xf7;
	CHECK_EQ(rec_raw(&l, rec, F_ECN), 2);
}

static void test_schema(void)
{
	CHECK_EQ(schema_find(&flow_schema, "rtt", 3), F_RTT);
	CHECK_EQ(schema_find(&flow_schema, "rtt_ns and", 6), F_RTT);
	CHECK_EQ(schema_find(&flow_schema, "proc", 4), F_PROCS);
	CHECK_EQ(schema_find(&flow_schema, "rt", 2), -1);
	CHECK_EQ(schema_find(&flow_schema, "rtt_nsx", 7), -1);
	CHECK_EQ(schema_find(&flow_schema, "", 0), -1);
	CHECK_EQ(schema_find(&flow_schema, "rtt\0", 4), -1);
	for (unsigned f = 0; f < F_COUNT; f++) {
		const struct field *a = &flow_schema.field[f];
		size_t len = strlen(a->key);
		bool rate = a->unit == FU_BYTES_PER_S;

		CHECK_EQ(schema_find(&flow_schema, a->key, len), f);
		CHECK_EQ(schema_find(&flow_schema, a->word, strlen(a->word)), f);
		CHECK(a->scale >= 1 && a->help[0] && a->head[0]);
		CHECK(a->width <= 16 && !(a->width & (a->width - 1)));
		CHECK((a->kind == FK_ADDR) == (a->width == 16) && (a->kind == FK_PROCS) == !a->width);
		CHECK((a->kind == FK_ENUM) == (a->names != NULL));
		CHECK(a->kind != FK_TEXT || a->width == 4);
		/* the unit is in the key; bytes_sent names it in front */
		CHECK((a->unit == FU_NS) == (len > 3 && !strcmp(a->key + len - 3, "_ns")));
		CHECK(rate == (len > 12 && !strcmp(a->key + len - 12, "_bytes_per_s")));
		CHECK(a->unit != FU_BYTES || strstr(a->key, "bytes"));
		/* sums, means and the like are for numbers */
		CHECK(a->merge == FM_NONE || a->kind == FK_GAUGE || a->kind == FK_COUNTER);
	}
	CHECK_EQ(flow_field_source(F_RTT), FLOW_SRC_TCPINFO);
	CHECK_EQ(flow_field_source(F_ECN), FLOW_SRC_TCPINFO);
	CHECK_EQ(flow_field_source(F_SND_WSCALE), FLOW_SRC_TCPINFO);
	CHECK_EQ(flow_field_source(F_SRC), FLOW_SRC_CODE);
	CHECK_EQ(flow_field_source(F_BDP), FLOW_SRC_DERIVED);
	CHECK_EQ(flow_field_source(F_SND_UNA), FLOW_SRC_ITER);
	CHECK_EQ(flow_field_source(F_SAMPLES), FLOW_SRC_SAMPLE);
	CHECK_STR(state_names[1], "established");
	CHECK_STR(state_names[12], "new-syn-recv");
	CHECK(!state_names[13]);
	CHECK_STR(proto_names[PROTO_SCTP], "sctp");
	CHECK_STR(limit_names[FLOW_LIMIT_SNDBUF], "sndbuf");
}

struct flow_case {
	struct layout l;
	uint64_t rec[512];
};

static void start_case(struct flow_case *c)
{
	static const uint8_t outputs[] = { F_QUEUEING, F_SEND_RATE, F_BDP, F_CWND_BYTES, F_LIMITED_BY };
	struct fieldset want = { { 0 } };

	for (size_t i = 0; i < sizeof(outputs); i++)
		fieldset_add(&want, outputs[i]);
	flow_derive_wants(&want);
	CHECK(fieldset_has(&want, F_MIN_RTT) && fieldset_has(&want, F_UNACKED) && !fieldset_has(&want, F_SRC));
	layout_init(&c->l, &flow_schema, &want, false);
	memset(c->rec, 0, sizeof(c->rec));
}

/* A derived value, UINT64_MAX - 1 for an unknown one. */
static uint64_t derived(struct flow_case *c, unsigned f)
{
	uint64_t v;

	fieldset_del(rec_have(c->rec), f);
	flow_derive(&c->l, c->rec);
	return rec_get(&c->l, c->rec, f, &v) ? v : UINT64_MAX - 1;
}

static void set(struct flow_case *c, unsigned f, uint64_t raw)
{
	rec_set(&c->l, c->rec, f, raw);
}

#define UNKNOWN (UINT64_MAX - 1)

static void test_derive(void)
{
	struct flow_case c;

	start_case(&c);
	CHECK_EQ(derived(&c, F_QUEUEING), UNKNOWN);
	set(&c, F_RTT, 1500);
	CHECK_EQ(derived(&c, F_QUEUEING), UNKNOWN);
	set(&c, F_MIN_RTT, 1000);
	CHECK_EQ(derived(&c, F_QUEUEING), 500000);
	set(&c, F_MIN_RTT, 2000);
	CHECK_EQ(derived(&c, F_QUEUEING), 0);

	CHECK_EQ(derived(&c, F_SEND_RATE), UNKNOWN);
	set(&c, F_CWND, 10);
	set(&c, F_MSS, 1448);
	set(&c, F_RTT, 40000);
	CHECK_EQ(derived(&c, F_SEND_RATE), 10 * 1448 * 25);
	CHECK_EQ(derived(&c, F_CWND_BYTES), 14480);
	set(&c, F_RTT, 0);
	CHECK_EQ(derived(&c, F_SEND_RATE), UNKNOWN);
	set(&c, F_CWND, UINT32_MAX);
	set(&c, F_MSS, UINT32_MAX);
	set(&c, F_RTT, UINT32_MAX);
	CHECK_EQ(derived(&c, F_CWND_BYTES), 18446744065119617025ULL);
	CHECK_EQ(derived(&c, F_SEND_RATE), 4294967295ULL * 1000000); /* through 128 bits */
	set(&c, F_RTT, 1);
	CHECK_EQ(derived(&c, F_SEND_RATE), UINT64_MAX);

	CHECK_EQ(derived(&c, F_BDP), UNKNOWN);
	set(&c, F_DELIVERY_RATE, 12500000);
	set(&c, F_MIN_RTT, 20000);
	CHECK_EQ(derived(&c, F_BDP), 250000);
	set(&c, F_DELIVERY_RATE, UINT64_MAX);
	set(&c, F_MIN_RTT, 1000000); /* one second */
	CHECK_EQ(derived(&c, F_BDP), UINT64_MAX);
	set(&c, F_MIN_RTT, 999999);
	CHECK(derived(&c, F_BDP) == 18446725626965477905ULL);
	set(&c, F_MIN_RTT, UINT32_MAX);
	CHECK_EQ(derived(&c, F_BDP), UINT64_MAX);
}

static void test_limited(void)
{
	struct flow_case c;

	start_case(&c);
	set(&c, F_RWND_LIMITED, 0);
	set(&c, F_SNDBUF_LIMITED, 0);
	set(&c, F_APP_LIMITED, 0);
	set(&c, F_CWND, 10);
	set(&c, F_UNACKED, 0);
	CHECK_EQ(derived(&c, F_LIMITED_BY), UNKNOWN);
	set(&c, F_BUSY, 0);
	CHECK_EQ(derived(&c, F_LIMITED_BY), FLOW_LIMIT_NONE);
	set(&c, F_UNACKED, 10);
	CHECK_EQ(derived(&c, F_LIMITED_BY), FLOW_LIMIT_NONE);
	set(&c, F_BUSY, 1001);
	CHECK_EQ(derived(&c, F_LIMITED_BY), FLOW_LIMIT_CWND);
	set(&c, F_UNACKED, 9);
	CHECK_EQ(derived(&c, F_LIMITED_BY), FLOW_LIMIT_NONE);
	set(&c, F_APP_LIMITED, 1);
	CHECK_EQ(derived(&c, F_LIMITED_BY), FLOW_LIMIT_APP);
	set(&c, F_SNDBUF_LIMITED, 500);
	CHECK_EQ(derived(&c, F_LIMITED_BY), FLOW_LIMIT_APP);
	set(&c, F_SNDBUF_LIMITED, 501);
	CHECK_EQ(derived(&c, F_LIMITED_BY), FLOW_LIMIT_SNDBUF);
	set(&c, F_RWND_LIMITED, 501);
	CHECK_EQ(derived(&c, F_LIMITED_BY), FLOW_LIMIT_RWND);
	fieldset_del(rec_have(c.rec), F_UNACKED);
	CHECK_EQ(derived(&c, F_LIMITED_BY), UNKNOWN);
}

static void test_table(void)
{
	struct fieldset want = { { 0 } };
	struct layout l;
	struct table t;
	void *first;

	fieldset_add(&want, F_INODE);
	layout_init(&l, &flow_schema, &want, false);
	table_init(&t, &l, 3000);
	first = table_add(&t);
	CHECK(first && !rec_has(first, F_INODE));
	rec_set(&l, first, F_INODE, 0);
	for (unsigned i = 1; i < 3000; i++) {
		void *rec = table_add(&t);

		CHECK(rec && !rec_has(rec, F_INODE));
		rec_set(&l, rec, F_INODE, i);
	}
	CHECK(!table_add(&t) && !table_add(&t));
	CHECK_EQ(t.n, 3000);
	CHECK_EQ(t.evicted, 2);
	CHECK(table_at(&t, 0) == first);
	for (unsigned i = 0; i < 3000; i++)
		CHECK_EQ(rec_raw(&l, table_at(&t, i), F_INODE), i);
	table_free(&t);
	CHECK(!t.n && table_add(&t));
	table_free(&t);
	table_init(&t, &l, 0);
	CHECK(!table_add(&t) && t.evicted == 1);
	table_free(&t);
}

static void test_report(void)
{
	static struct report r;
	char why[400];

	memset(why, 'w', sizeof(why));
	why[sizeof(why) - 1] = 0;
	report_source(&r, "sock_diag", SOURCE_USED, NULL);
	report_source(&r, "bpf_iter", SOURCE_UNAVAILABLE, why);
	for (int i = 0; i < REPORT_SOURCES; i++)
		report_source(&r, "proc", SOURCE_UNUSED, "not asked for");
	CHECK_EQ(r.nsource, REPORT_SOURCES);
	CHECK_STR(r.source[0].why, "");
	CHECK_EQ(strlen(r.source[1].why), sizeof(r.source[1].why) - 1);
	CHECK_EQ(r.source[1].state, SOURCE_UNAVAILABLE);
	CHECK_STR(r.source[2].why, "not asked for");
	CHECK_EQ(r.lost_records, 0);
}

int main(void)
{
	test_layout();
	test_values(false);
	test_values(true);
	test_schema();
	test_derive();
	test_limited();
	test_table();
	test_report();
	return check_done("field");
}
