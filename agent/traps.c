#include "agent/traps.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { BACK_FIRST_S = 1, BACK_MAX_S = 60, BUFFER = 65536 };

struct traps {
	struct traps_options o;
	int socket, way;
	pid_t pid;
	unsigned pause_s;
	sd_event_source *reader, *child, *timer;
};

static bool run(struct traps *t, struct err *err);

/* ---- the socket ------------------------------------------------------------------------------------------------------- */

static int from_systemd(struct err *err)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names), found = -1;
	for (int i = 0; i < n; i++) {
		if (found < 0 && !strcmp(names[i], "traps") && sd_is_socket(SD_LISTEN_FDS_START + i, AF_UNSPEC, SOCK_DGRAM, -1) > 0)
			found = fcntl(SD_LISTEN_FDS_START + i, F_DUPFD_CLOEXEC, 10);
		free(names[i]);
	}
	free(names);
	if (found < 0)
		err_set(err, ERR_CONFIG, "traps.listen is systemd, but no socket named traps was handed over; see pued-traps.socket");
	return found;
}

static int bound_socket(const char *listen, struct err *err)
{
	char host[128];
	const char *colon = strrchr(listen, ':');
	size_t len = colon ? (size_t)(colon - listen) : 0;
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE }, *ai = NULL;
	bool bracket = len > 2 && listen[0] == '[' && colon[-1] == ']';
	snprintf(host, sizeof host, "%.*s", (int)(bracket ? len - 2 : len), bracket ? listen + 1 : listen);
	if (!len || getaddrinfo(host, colon + 1, &hints, &ai) != 0) {
		err_set(err, ERR_CONFIG, "traps.listen '%s' is not ADDRESS:PORT, such as 0.0.0.0:1162", listen);
		return -1;
	}
	int size = BUFFER, fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool good = fd >= 0 && bind(fd, ai->ai_addr, ai->ai_addrlen) == 0;
	int why = errno;
	freeaddrinfo(ai);
	if (good) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	err_set(err, ERR_IO, "traps.listen %s: %s%s", listen, strerror(why), why == EACCES ? "; a port below 1024 comes from pued-traps.socket (traps: {listen: systemd})" : "");
	return -1;
}

/* ---- the process ---------------------------------------------------------------------------------------------------------- */

static int on_notice(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct traps *t = ctx;
	struct trap_notice n;
	ssize_t len;
	(void)source, (void)events;
	while ((len = recv(fd, &n, sizeof n, MSG_DONTWAIT | MSG_TRUNC)) == sizeof n)
		t->o.trap(t->o.ctx, &n);
	if (len == 0)
		sd_event_source_set_enabled(t->reader, SD_EVENT_OFF);    /* its end is told by on_end() */
	return 0;
}

static void put_away(struct traps *t)
{
	t->reader = sd_event_source_disable_unref(t->reader);
	t->child = sd_event_source_disable_unref(t->child);
	if (t->way >= 0)
		close(t->way);
	t->way = -1;
	t->pid = 0;
}

static int on_again(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct traps *t = ctx;
	struct err err = { 0 };
	(void)source, (void)usec;
	if (!run(t, &err))
		t->o.trouble(t->o.ctx, err.text);
	return 0;
}

static int on_end(sd_event_source *source, const siginfo_t *info, void *ctx)
{
	struct traps *t = ctx;
	char text[200];
	uint64_t now;
	(void)source;
	snprintf(text, sizeof text, "the process that receives traps ended (%s %d); it is started again in %u s", info->si_code == CLD_EXITED ? "exit" : "signal",
		 info->si_status, t->pause_s);
	put_away(t);
	t->timer = sd_event_source_disable_unref(t->timer);
	if (sd_event_now(t->o.loop, CLOCK_BOOTTIME, &now) >= 0)
		sd_event_add_time(t->o.loop, &t->timer, CLOCK_BOOTTIME, now + t->pause_s * UINT64_C(1000000), 0, on_again, t);
	t->pause_s = t->pause_s * 2 > BACK_MAX_S ? BACK_MAX_S : t->pause_s * 2;
	t->o.trouble(t->o.ctx, text);
	return 0;
}

/* Beside our own program, in the build tree and installed. */
static bool program_path(char out[PATH_MAX], struct err *err)
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 32);
	char *slash = n > 0 ? (out[n] = 0, strrchr(out, '/')) : NULL;
	if (!slash)
		return err_set(err, ERR_INTERNAL, "cannot find my own program: %s", strerror(errno));
	strcpy(slash + 1, "pued-traps");
	return true;
}

static int spawn(const char *path, int in, int out, pid_t *pid)
{
	char name[] = "pued-traps";
	char *const argv[] = { name, NULL }, *const env[] = { NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigemptyset(&none);
	/* first out of the way of 3 and 4, then onto them; everything else of ours closes at exec */
	int high_in = fcntl(in, F_DUPFD_CLOEXEC, 10), high_out = fcntl(out, F_DUPFD_CLOEXEC, 10);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&files, high_in, 3);
	posix_spawn_file_actions_adddup2(&files, high_out, 4);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	int rc = high_in < 0 || high_out < 0 ? EMFILE : posix_spawn(pid, path, &files, &attributes, argv, env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	if (high_in >= 0)
		close(high_in);
	if (high_out >= 0)
		close(high_out);
	return rc;
}

static bool run(struct traps *t, struct err *err)
{
	char path[PATH_MAX];
	int way[2];
	if (!program_path(path, err))
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, way) != 0)
		return err_set(err, ERR_IO, "socketpair: %s", strerror(errno));
	t->way = way[0];
	int rc = spawn(path, t->socket, way[1], &t->pid);
	close(way[1]);
	if (rc)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(rc));
	if (sd_event_add_io(t->o.loop, &t->reader, t->way, EPOLLIN, on_notice, t) < 0 ||
	    sd_event_add_child(t->o.loop, &t->child, t->pid, WEXITED, on_end, t) < 0)
		return err_set(err, ERR_INTERNAL, "cannot watch the process that receives traps");
	return true;
}

struct traps *traps_start(const struct traps_options *o, struct err *err)
{
	struct traps *t = calloc(1, sizeof *t);
	if (!t) {
		err_memory(err);
		return NULL;
	}
	*t = (struct traps){ .o = *o, .socket = -1, .way = -1, .pause_s = BACK_FIRST_S };
	t->socket = !strcmp(o->listen, "systemd") ? from_systemd(err) : bound_socket(o->listen, err);
	if (t->socket >= 0 && run(t, err))
		return t;
	traps_stop(t);
	return NULL;
}

void traps_stop(struct traps *t)
{
	if (!t)
		return;
	pid_t pid = t->pid;
	sd_event_source_disable_unref(t->timer);
	put_away(t);             /* it ends when its way back is closed */
	if (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	if (t->socket >= 0)
		close(t->socket);
	free(t);
}
