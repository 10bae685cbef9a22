/* pued-traps: receives SNMP traps for pued and says who sent one.  Started by pued with two descriptors:
 *
 *	3: the socket to receive on, 4: the way back (one struct trap_notice a message)
 *
 * It starts with nothing, opens nothing and keeps nothing: parsers of traps are where net-snmp's flaws are found, so what they
 * may do is received, told and ended, and no more.  It takes at most LOOKS datagrams a tick; what comes faster the kernel drops. */
#include "collectors/trap.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { IN = 3, OUT = 4, LOOKS = 50, TICK_MS = 50, SEEN = 1024, AGAIN_MS = 1000 };

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1      /* their run-time needs calls that we do not */
#else
#define SANITIZED 0
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

static void no_more_than_needed(void)
{
	static const struct { int what; rlim_t n; } limits[] = {
		{ RLIMIT_NOFILE, OUT + 1 }, { RLIMIT_NPROC, 0 }, { RLIMIT_FSIZE, 0 }, { RLIMIT_CORE, 0 }, { RLIMIT_DATA, 16 << 20 },
	};
	for (size_t i = 0; i < sizeof limits / sizeof *limits && !SANITIZED; i++)
		setrlimit(limits[i].what, &(struct rlimit){ limits[i].n, limits[i].n });
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Receive, tell, wait, end: any other call ends the process. */
static bool only_these_calls(void)
{
#ifdef ARCH
	static const unsigned allowed[] = {
		__NR_recvfrom, __NR_sendto, __NR_read, __NR_write, __NR_ppoll, __NR_clock_gettime, __NR_clock_nanosleep, __NR_nanosleep, __NR_restart_syscall,
		__NR_brk, __NR_mmap, __NR_munmap, __NR_mremap, __NR_madvise, __NR_futex, __NR_exit, __NR_exit_group, __NR_rt_sigreturn, __NR_rt_sigprocmask,
#ifdef __NR_poll
		__NR_poll,
#endif
	};
	enum { N = sizeof allowed / sizeof *allowed };
	struct sock_filter code[N * 2 + 5];
	size_t n = 0;
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < N; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	struct sock_fprog program = { (unsigned short)n, code };
	return SANITIZED || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
#else
	return true;
#endif
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Told a moment ago?  A row a source by hash; a newcomer takes the row over, which can only tell more. */
static bool told(const struct trap_notice *n, int64_t now)
{
	static struct { struct trap_notice who; int64_t at; } seen[SEEN];
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < sizeof n->from; i++)
		h = (h ^ n->from[i]) * 16777619u;
	size_t k = h % SEEN;
	if (seen[k].at && !memcmp(&seen[k].who, n, sizeof *n) && now - seen[k].at < AGAIN_MS)
		return true;
	seen[k].who = *n;
	seen[k].at = now;
	return false;
}

static bool notice_of(const struct sockaddr_storage *from, struct trap_notice *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (from->ss_family == AF_INET) {
		memcpy(out->from, mapped, sizeof mapped);
		memcpy(out->from + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
		return true;
	}
	memcpy(out->from, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
	return from->ss_family == AF_INET6;
}

/* False: pued is gone. */
static bool receive(void)
{
	uint8_t bytes[2048];
	struct sockaddr_storage from = { 0 };
	socklen_t from_len = sizeof from;
	struct trap_notice n;
	ssize_t len = recvfrom(IN, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_len);
	if (len <= 0 || (size_t)len > sizeof bytes || trap_kind_of(bytes, (size_t)len) == TRAP_NONE || !notice_of(&from, &n) || told(&n, now_ms()))
		return true;
	return send(OUT, &n, sizeof n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN;
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc != 1) {
		fputs("pued-traps is started by pued (traps: {listen: ADDRESS:PORT} in its configuration) and takes no argument\n", stderr);
		return 64;
	}
	no_more_than_needed();
	if (!only_these_calls())
		return 77;
	struct pollfd p[2] = { { IN, POLLIN, 0 }, { OUT, POLLIN, 0 } };
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 70;
		if (p[1].revents)
			return 0;        /* pued closed its end */
		for (int i = 0; i < LOOKS && p[0].revents; i++) {
			if (!receive())
				return 0;
			p[0].revents = 0;
			poll(p, 1, 0);
		}
		nanosleep(&(struct timespec){ .tv_nsec = TICK_MS * 1000000L }, NULL);
	}
}
