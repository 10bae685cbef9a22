/* tests/bench/bench.h - what the polling benchmarks share: CPU time of this process, a server in a process of its own, a clock. */
#ifndef BENCH_H
#define BENCH_H

#include "collectors/collector.h"
#include "core/decode.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#define REQUIRE(what) do { if (!(what)) { fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); exit(1); } } while (0)

static inline int64_t clock_us(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int64_t cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static inline struct stamp bench_now(void *ctx)
{
	(void)ctx;
	return (struct stamp){ .wall = { clock_us(CLOCK_REALTIME) / 1000 }, .boot = { clock_us(CLOCK_BOOTTIME) / 1000 }, .session = 1, .synced = true };
}

static inline void sleep_until(int64_t mono_us)
{
	struct timespec t = { .tv_sec = mono_us / 1000000, .tv_nsec = mono_us % 1000000 * 1000 };
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* The server's half runs in a child that dies with us. */
static inline pid_t bench_fork(void (*serve)(int fd), int fd)
{
	pid_t pid = fork();
	REQUIRE(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	serve(fd);
	_exit(0);
}

static inline void bench_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct result { double cpu_us, per_s; };

#endif
