// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs commands alternately, so that what the machine does meanwhile falls on all of them alike:
 * measure ROUNDS COMMAND [COMMAND…], each one word for /bin/sh-less splitting at blanks. Output goes to /dev/null.
 * Prints per command: median and least elapsed µs, median CPU µs, largest resident KB.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 1000
#define COMMANDS_MAX 16

struct result {
	uint64_t wall[ROUNDS_MAX], cpu[ROUNDS_MAX];
	long rss;
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void once(const char *command, struct result *r, int round)
{
	char copy[1024], *argv[64], *p;
	struct rusage ru;
	uint64_t start;
	int n = 0, status;
	pid_t child;

	snprintf(copy, sizeof(copy), "%s", command);
	for (p = strtok(copy, " "); p && n < 63; p = strtok(NULL, " "))
		argv[n++] = p;
	argv[n] = NULL;
	start = now_us();
	child = vfork();
	if (!child) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &ru) != child || !WIFEXITED(status) || WEXITSTATUS(status) > 3) {
		fprintf(stderr, "measure: %s failed\n", command);
		exit(1);
	}
	r->wall[round] = now_us() - start;
	r->cpu[round] = (uint64_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000 +
			(uint64_t)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec);
	if (ru.ru_maxrss > r->rss)
		r->rss = ru.ru_maxrss;
}

static int cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	static struct result result[COMMANDS_MAX];
	int rounds = argc > 2 ? atoi(argv[1]) : 0, n = argc - 2, i, k;

	if (rounds < 1 || rounds > ROUNDS_MAX || n > COMMANDS_MAX) {
		fprintf(stderr, "usage: measure ROUNDS COMMAND...\n");
		return 2;
	}
	for (k = 0; k < rounds; k++)
		for (i = 0; i < n; i++)
			once(argv[i + 2], &result[i], k);
	for (i = 0; i < n; i++) {
		struct result *r = &result[i];

		qsort(r->wall, (size_t)rounds, sizeof(uint64_t), cmp);
		qsort(r->cpu, (size_t)rounds, sizeof(uint64_t), cmp);
		printf("%llu %llu %llu %ld\n", (unsigned long long)r->wall[rounds / 2], (unsigned long long)r->wall[0],
		       (unsigned long long)r->cpu[rounds / 2], r->rss);
	}
	return 0;
}
