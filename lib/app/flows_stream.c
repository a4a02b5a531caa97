/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kbuild: CONFIG_STREAM
 *
 * Flows printed as they come. One thread receives sockets from the kernel into chunks of records, a second one finds the
 * processes (where they are wanted), then formats chunks; when the dump is over the first one helps. Chunks are written in
 * the order in which they came and used again, so memory depends on how far the reader lags, not on the number of sockets.
 * Without threads the same steps follow each other.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "app/flows_priv.h"

#define CHUNK_RECORDS 128 /* with their text about as much as a core's own cache holds, and a pipe's few fills */
#define CHUNKS_WAKE 4     /* so many are worth waking somebody */

struct chunk {
	struct chunk *next;
	uint64_t seq;
	uint32_t n;
	_Alignas(8) unsigned char rec[];
};

#define SLAB_CHUNKS 8

struct slab {
	struct slab *next;
	size_t size;
	uint32_t used; /* chunks cut off */
	_Alignas(8) unsigned char chunks[];
};

struct stream {
	struct slab *slab;         /* memory of the chunks, freed at the end */
	struct flows *fl;
	const struct flows_want *w;
	const struct rowfmt *rf;
	struct report *rep;
	int fd;
	uint64_t estimate;
	struct chunk *filling, *free;
	struct chunk *head, **tail;
	uint64_t seq_in, seq_out;  /* chunks queued, chunks written */
	bool dumped, named, any;   /* the dump is over; processes are known; a row was written */
	int failed;                /* -errno of a write, or out of memory */
	struct err procs_err;
#if IS_ENABLED(CONFIG_THREADS)
	pthread_mutex_t lock;
	pthread_cond_t changed;
#endif
};

static void stream_lock(struct stream *s)
{
#if IS_ENABLED(CONFIG_THREADS)
	pthread_mutex_lock(&s->lock);
#else
	(void)s;
#endif
}

static void stream_unlock(struct stream *s)
{
#if IS_ENABLED(CONFIG_THREADS)
	pthread_mutex_unlock(&s->lock);
#else
	(void)s;
#endif
}

/* Called with the lock held, after a change that somebody may wait for. */
static void stream_wake(struct stream *s)
{
#if IS_ENABLED(CONFIG_THREADS)
	pthread_cond_broadcast(&s->changed);
#else
	(void)s;
#endif
}

static void stream_wait(struct stream *s)
{
#if IS_ENABLED(CONFIG_THREADS)
	pthread_cond_wait(&s->changed, &s->lock);
#else
	(void)s;
#endif
}

static int queue_chunk(struct stream *s)
{
	struct chunk *c = s->filling;
	int failed;

	s->filling = NULL;
	stream_lock(s);
	c->next = NULL;
	c->seq = s->seq_in++;
	*s->tail = c;
	s->tail = &c->next;
	failed = s->failed;
	if (s->seq_in % CHUNKS_WAKE == 0)
		stream_wake(s);
	stream_unlock(s);
	return failed;
}

static void stream_fail(struct stream *s, int err)
{
	stream_lock(s);
	s->failed = err;
	stream_unlock(s);
}

static int stream_failed(struct stream *s)
{
	int failed;

	stream_lock(s);
	failed = s->failed;
	stream_unlock(s);
	return failed;
}

/* A new chunk: several are made at a time, their pages mapped at once rather than each at its first touch. */
static struct chunk *cut_chunk(struct stream *s)
{
	size_t chunk = sizeof(struct chunk) + (size_t)CHUNK_RECORDS * s->fl->layout.size, size = sizeof(struct slab) + SLAB_CHUNKS * chunk;
	struct slab *slab = s->slab;

	if (!slab || slab->used == SLAB_CHUNKS) {
		slab = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (slab ? MAP_POPULATE : 0), -1, 0);
		if (slab == MAP_FAILED)
			return NULL;
		slab->size = size;
		slab->next = s->slab;
		s->slab = slab;
	}
	return (struct chunk *)(slab->chunks + chunk * slab->used++);
}

static struct chunk *empty_chunk(struct stream *s)
{
	struct chunk *c;

	stream_lock(s);
	if (s->seq_in - s->seq_out > CONFIG_MAX_FLOWS / CHUNK_RECORDS) {
		s->fl->table.evicted++;
		stream_unlock(s);
		return NULL;
	}
	c = s->free;
	if (c)
		s->free = c->next;
	stream_unlock(s);
	if (!c)
		c = cut_chunk(s);
	if (c)
		c->n = 0;
	else
		stream_fail(s, -ENOMEM);
	return c;
}

struct formatter {
	struct stream *s;
	struct buf out;
	struct hist rtt;
	void *row[CHUNK_RECORDS];
};

/* Takes the first chunk of the queue; NULL: the dump is over and all chunks are taken. */
static struct chunk *take_chunk(struct stream *s)
{
	struct chunk *c;

	stream_lock(s);
	while (!s->head && !s->dumped)
		stream_wait(s);
	c = s->head;
	if (c) {
		s->head = c->next;
		if (!s->head)
			s->tail = &s->head;
	}
	stream_unlock(s);
	return c;
}

/* Chunks are written in their order; whoever formats a later one waits for its turn. */
static void write_chunk(struct formatter *f, struct chunk *c, uint32_t nrow)
{
	struct stream *s = f->s;
	int r = 0, failed;

	stream_lock(s);
	while (s->seq_out != c->seq)
		stream_wait(s);
	failed = s->failed;
	stream_unlock(s);
	/* Only this thread passes until seq_out moves on. */
	if (nrow && !failed) {
		if (!s->any && s->rf->style == ROW_JSON && !f->out.failed)
			memmove(f->out.p, f->out.p + 1, --f->out.len); /* the comma */
		r = buf_flush(&f->out, s->fd);
		s->any = true;
	}
	f->out.len = 0; /* what nobody takes any more is not kept */
	stream_lock(s);
	if (r)
		s->failed = r;
	s->fl->nrow += nrow;
	s->seq_out++;
	c->next = s->free;
	s->free = c;
	stream_wake(s);
	stream_unlock(s);
}

static void format_chunk(struct formatter *f, struct chunk *c)
{
	struct flows *fl = f->s->fl;
	const struct layout *l = &fl->layout;
	const struct procset *ps = fl->procs_known ? &fl->procs : NULL;
	uint32_t i, n = 0;
	int failed = stream_failed(f->s);

	for (i = 0; i < c->n && !failed; i++) {
		void *rec = c->rec + (size_t)i * l->size;
		uint64_t v;

		flows_complete(fl, f->s->w, rec);
		if (!filter_match(&f->s->w->look->filter, l, rec, ps))
			continue;
		f->row[n++] = rec;
		if (rec_get(l, rec, F_RTT, &v))
			hist_add(&f->rtt, v, 1);
	}
	if (n && f->s->rf->style == ROW_JSON)
		buf_ch(&f->out, ',');
	if (n)
		rowfmt_rows(f->s->rf, &f->out, f->row, n);
	write_chunk(f, c, n);
}

static void format_all(struct stream *s)
{
	struct formatter *f = calloc(1, sizeof(*f));
	struct chunk *c;

	if (!f) {
		stream_fail(s, -ENOMEM);
		return;
	}
	f->s = s;
	while ((c = take_chunk(s)))
		format_chunk(f, c);
	stream_lock(s);
	hist_merge(&s->fl->rtt, &f->rtt);
	stream_unlock(s);
	hist_free(&f->rtt);
	buf_free(&f->out);
	free(f);
}

/* Where the next record is made: in the chunk that is being filled. */
static void *room(void *arg)
{
	struct stream *s = arg;

	if (!s->filling && !(s->filling = empty_chunk(s)))
		return NULL;
	return s->filling->rec + (size_t)s->filling->n * s->fl->layout.size;
}

static int receive(void *arg, const void *rec)
{
	struct stream *s = arg;

	if (!rec)
		return -1; /* rows may be written already: they cannot be taken back */
	if (spaces_name())
		rec_set(&s->fl->layout, (void *)rec, F_NETNS, spaces_name());
	if (++s->filling->n < CHUNK_RECORDS)
		return 0;
	return queue_chunk(s);
}

/* Processes of the sockets queued so far, or of any when nothing is queued yet. */
static void find_procs(struct stream *s, uint64_t sockets)
{
	struct flows_inodes in = { 0 };
	const struct chunk *c;
	uint32_t i;

	if (!flows_want_procs(s->fl, s->w->look))
		return;
	for (c = s->head; c; c = c->next)
		for (i = 0; i < c->n; i++)
			flows_inodes_add(&in, &s->fl->layout, c->rec + (size_t)i * s->fl->layout.size);
	flows_find_procs(s->fl, s->w->look, sockets, &in, s->rep, &s->procs_err);
	free(in.v);
}

#if IS_ENABLED(CONFIG_THREADS)
static void *stream_thread(void *arg)
{
	struct stream *s = arg;

	if (flows_want_procs(s->fl, s->w->look))
		flows_find_procs(s->fl, s->w->look, s->estimate, NULL, s->rep, &s->procs_err);
	stream_lock(s);
	s->named = true;
	stream_wake(s);
	stream_unlock(s);
	format_all(s);
	return NULL;
}
#endif

static int dump(struct stream *s, struct err *e)
{
	struct sock_query q;
	int r;

	flows_query(&q, s->w->look);
	q.layout = &s->fl->layout;
	q.room = room;
	r = spaces_dump(&q, receive, s, &s->fl->stats, e);
	if (s->filling)
		queue_chunk(s);
	stream_lock(s);
	s->dumped = true;
	stream_wake(s);
	stream_unlock(s);
	return r;
}

static int run(struct stream *s, struct err *e)
{
	int r;
#if IS_ENABLED(CONFIG_THREADS)
	pthread_t thread;

	if (flows_parallel(s->estimate) && !pthread_create(&thread, NULL, stream_thread, s)) {
		r = dump(s, e);
		stream_lock(s);
		while (!s->named)
			stream_wait(s);
		stream_unlock(s);
		format_all(s);
		pthread_join(thread, NULL);
		return r;
	}
#endif
	r = dump(s, e);
	find_procs(s, s->fl->stats.sockets);
	format_all(s);
	return r;
}

int flows_stream(struct flows *fl, const struct flows_want *w, const struct rowfmt *rf, int fd, struct report *rep,
		 struct err *e)
{
	struct stream s = { .fl = fl, .w = w, .rf = rf, .rep = rep, .fd = fd, .estimate = spaces_estimate() };
	int r;

	s.tail = &s.head;
#if IS_ENABLED(CONFIG_THREADS)
	pthread_mutex_init(&s.lock, NULL);
	pthread_cond_init(&s.changed, NULL);
#endif
	r = run(&s, e);
	while (s.slab) {
		struct slab *slab = s.slab;

		s.slab = slab->next;
		munmap(slab, slab->size);
	}
	if (r) {
		report_source(rep, "sock_diag", SOURCE_UNAVAILABLE, e->text);
		return r;
	}
	if (s.failed)
		return err_set(e, -s.failed, "output: %s", err_text(-s.failed));
	report_source(rep, "sock_diag", SOURCE_USED, NULL);
	flows_report(fl, w, rep);
	return 0;
}
