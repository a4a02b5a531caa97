// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kbuild: CONFIG_LIVE
 * The live screen. Signal handlers only call write(), tcsetattr(), sigaction() and raise(), all of them allowed there.
 */
#include "view/live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "core/util.h"

#define ESC 27
#define ESC_WAIT_NS (50 * NSEC_PER_MSEC) /* the rest of an arrow key arrives within this, even at 2,400 bit/s */

#define LOOK_AGAIN 1000 /* no key: keys are below 0x200 */

#define SEQ_ALT_ON "\033[?1049h"
#define SEQ_ALT_OFF "\033[?1049l"
#define SEQ_CURSOR_OFF "\033[?25l"
#define SEQ_CURSOR_ON "\033[?25h"
#define SEQ_PLAIN "\033[0m"
#define SEQ_HOME "\033[H"
#define SEQ_CLEAR_LINE "\033[K"
#define SEQ_CLEAR_BELOW "\033[J"

static const uint8_t caught[] = {
	SIGINT, SIGTERM, SIGHUP,                             /* asked to quit */
	SIGTSTP, SIGCONT, SIGWINCH,
	SIGQUIT, SIGPIPE, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, /* dies at once */
};
#define CAUGHT_QUIT 3
#define CAUGHT_GOES_ON 6 /* the first so many are delivered to live_key(), which waits for them */

static struct {
	bool exit_hook;
	bool alternate; /* the terminal has a second screen */
	struct termios before;
	struct sigaction old[ARRAY_SIZE(caught)];
	struct buf out;
	unsigned char in[16]; /* keys read, not yet told */
	unsigned nin;
} live;

static volatile sig_atomic_t started, quit, resized;
static volatile sig_atomic_t raw;        /* the terminal is ours just now */
static unsigned char crash_stack[16384]; /* a handler needs room when the stack itself has run out */

static void put_sequence(const char *s)
{
	ssize_t n = write(STDOUT_FILENO, s, strlen(s));

	(void)n; /* the terminal may be gone: nothing can be done, nor need be */
}

static void take_terminal(void)
{
	struct termios t = live.before;

	raw = 1;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
	put_sequence(live.alternate ? SEQ_ALT_ON SEQ_CURSOR_OFF SEQ_HOME SEQ_CLEAR_BELOW :
		     SEQ_CURSOR_OFF SEQ_HOME SEQ_CLEAR_BELOW);
}

static void give_back_terminal(void)
{
	if (!raw)
		return;
	raw = 0;
	/* Without a second screen the last frame stays, and the prompt comes below it. */
	put_sequence(live.alternate ? SEQ_PLAIN SEQ_CURSOR_ON SEQ_ALT_OFF : SEQ_PLAIN SEQ_CURSOR_ON "\r\n");
	tcsetattr(STDIN_FILENO, TCSANOW, &live.before);
}

/* Puts back what was to happen on SIG before, and lets it happen. */
static void old_action(int sig)
{
	for (unsigned i = 0; i < ARRAY_SIZE(caught); i++)
		if (caught[i] == sig)
			sigaction(sig, &live.old[i], NULL);
	raise(sig);
}

static void on_death(int sig)
{
	give_back_terminal();
	old_action(sig); /* every signal is blocked here: it strikes when this function returns */
}

/* The first time the applet is asked to come to its end; whoever asks again does not want to wait. */
static void on_quit(int sig)
{
	int keep = errno;

	if (quit)
		on_death(sig);
	quit = 1;
	errno = keep;
}

static void on_stop(int sig)
{
	struct sigaction again;
	int keep = errno;

	give_back_terminal();
	sigaction(sig, NULL, &again);
	old_action(sig); /* not blocked: stops here; SIGCONT wakes and takes the terminal again */
	sigaction(sig, &again, NULL);
	if (!raw) /* not stopped at all: nobody is there who could wake an orphan */
		take_terminal();
	resized = 1;
	errno = keep;
}

static void on_change(int sig)
{
	int keep = errno;

	if (sig == SIGCONT && started)
		take_terminal(); /* from the background this stops with SIGTTOU, as it should */
	resized = 1;
	errno = keep;
}

static void catch_signals(void)
{
	stack_t st = { .ss_sp = crash_stack, .ss_size = sizeof(crash_stack) };

	sigaltstack(&st, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(caught); i++) {
		struct sigaction sa = { .sa_handler = on_death, .sa_flags = SA_RESTART };

		if (i < CAUGHT_QUIT) {
			sa.sa_handler = on_quit;
			sigfillset(&sa.sa_mask);
		} else if (caught[i] == SIGTSTP) {
			sa.sa_handler = on_stop;
			sa.sa_flags |= SA_NODEFER;
		} else if (i < CAUGHT_GOES_ON) {
			sa.sa_handler = on_change;
		} else {
			sa.sa_flags |= SA_ONSTACK;
			sigfillset(&sa.sa_mask);
		}
		sigaction(caught[i], NULL, &live.old[i]);
		if (live.old[i].sa_handler != SIG_IGN) /* nohup, a shell without job control */
			sigaction(caught[i], &sa, NULL);
	}
}

static void release_signals(void)
{
	stack_t st = { .ss_flags = SS_DISABLE };

	for (unsigned i = 0; i < ARRAY_SIZE(caught); i++)
		sigaction(caught[i], &live.old[i], NULL);
	sigaltstack(&st, NULL);
}

int live_start(struct err *e)
{
	const char *term = getenv("TERM");

	if (started)
		return 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(e, ENOTTY, "-w needs a terminal as standard input and output");
	if (tcgetattr(STDIN_FILENO, &live.before))
		return err_set(e, errno, "-w: the terminal's settings cannot be read: %s", err_text(errno));
	live.alternate = term && *term && strcmp(term, "dumb") && strcmp(term, "vt100") && strcmp(term, "vt102");
	started = 1;
	live.nin = 0;
	quit = resized = 0;
	catch_signals();
	if (!live.exit_hook)
		live.exit_hook = !atexit(live_stop);
	take_terminal();
	return 0;
}

void live_stop(void)
{
	if (!started)
		return;
	started = 0;
	give_back_terminal();
	release_signals();
	buf_free(&live.out);
}

/* Bytes of the escape sequence at P (P[0] is ESC), at most LEN. */
static size_t escape_len(const char *p, size_t len)
{
	size_t n = 2;

	if (len > 1 && p[1] == '[')
		while (n < len && (p[n] < '@' || p[n] > '~'))
			n++;
	else
		return MIN(n, len);
	return MIN(n + 1, len);
}

/* Copies a line, cut to WIDTH columns (0: no limit); escape sequences take none and all are kept. Returns columns. */
static unsigned put_line(struct buf *b, const char *p, size_t len, unsigned width)
{
	unsigned cols = 0;
	bool cut = false;

	while (len) {
		size_t n = *p == ESC ? escape_len(p, len) : 1;

		if (*p != ESC && (*p & 0xc0) != 0x80) { /* the first byte of a character */
			cut = width && cols == width;
			cols += !cut;
		}
		if (*p == ESC || !cut)
			buf_add(b, p, n);
		p += n;
		len -= n;
	}
	return cols;
}

void live_frame(const struct buf *frame, const struct screen *s)
{
	struct buf *b = &live.out;
	size_t at = 0;

	if (!started)
		return;
	b->len = 0;
	buf_str(b, SEQ_HOME);
	for (unsigned line = 0; at < frame->len && line < s->height; line++) {
		const char *p = frame->p + at;
		const char *nl = memchr(p, '\n', frame->len - at);
		size_t len = nl ? (size_t)(nl - p) : frame->len - at;

		if (line)
			buf_str(b, "\r\n");
		/* On a full line the cursor still stands on the last column, and clearing would take that away. */
		if (put_line(b, p, len, s->width) < s->width || !s->width)
			buf_str(b, SEQ_CLEAR_LINE);
		at += len + 1;
	}
	if (at < frame->len) /* cut in the middle of a colour, perhaps */
		buf_str(b, SEQ_PLAIN);
	else
		buf_str(b, SEQ_CLEAR_BELOW);
	if (b->failed || buf_flush(b, STDOUT_FILENO))
		quit = 1;
}

static void drop_keys(unsigned n)
{
	live.nin -= n;
	memmove(live.in, live.in + n, live.nin);
}

/* The next key among the bytes read; 0: none yet. LATE: nothing follows, so that an ESC is the key itself. */
static int take_key(bool late)
{
	while (live.nin) {
		unsigned char c = live.in[0];
		unsigned i = 2;

		if (c != ESC || (live.nin > 1 && live.in[1] != '[' && live.in[1] != 'O') || (live.nin == 1 && late)) {
			drop_keys(1);
			if (c)
				return c;
			continue;
		}
		while (i < live.nin && live.in[i] >= ' ' && live.in[i] < '@')
			i++;
		if (i >= live.nin && !late && live.nin < sizeof(live.in))
			return 0;
		c = i < live.nin ? live.in[i] : 0;
		drop_keys(MIN(i + 1, live.nin));
		if (c >= 'A' && c <= 'D')
			return c | 0x100;
	}
	return 0;
}

/* Waits until END for a key or a signal. WAITING: the signal mask while waiting. As live_key(), or LOOK_AGAIN. */
static int wait_key(uint64_t end, const sigset_t *waiting)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	uint64_t now = now_ns(), ns = end > now ? end - now : 0;
	bool half = live.nin > 0; /* the beginning of an escape sequence */
	struct timespec ts;
	ssize_t n;

	if (half)
		ns = MIN(ns, ESC_WAIT_NS);
	ts.tv_sec = (time_t)MIN(ns / NSEC_PER_SEC, 1000000);
	ts.tv_nsec = (long)(ns % NSEC_PER_SEC);
	n = ppoll(&pfd, 1, &ts, waiting);
	if (n == 0 && !half)
		return now_ns() >= end ? 0 : LOOK_AGAIN;
	if (n == 0)
		return (n = take_key(true)) ? (int)n : LOOK_AGAIN;
	if (n > 0) {
		n = read(STDIN_FILENO, live.in + live.nin, sizeof(live.in) - live.nin);
		if (n == 0)
			return -1; /* the terminal is gone */
		if (n > 0)
			live.nin += (unsigned)n;
	}
	return n < 0 && errno != EINTR && errno != EAGAIN ? -1 : LOOK_AGAIN;
}

int live_key(uint64_t timeout_ns)
{
	uint64_t now = now_ns(), end = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
	sigset_t block, before;
	int key;

	/* Blocked between the look at the flags and ppoll(), which takes them: none is slept through. */
	sigemptyset(&block);
	for (unsigned i = 0; i < CAUGHT_GOES_ON; i++)
		sigaddset(&block, caught[i]);
	sigprocmask(SIG_BLOCK, &block, &before);
	do {
		if (quit) {
			key = -1;
		} else if (resized) {
			resized = 0;
			key = -2;
		} else {
			key = take_key(false);
			if (!key)
				key = wait_key(end, &before);
		}
	} while (key == LOOK_AGAIN);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return key;
}
