/* pued: polls, keeps the ledger, publishes.  Wiring only. */
#include "agent/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static const char usage[] =
	"usage: pued --config FILE [OPTIONS]\n\n"
	"  --config FILE          site configuration (docs/configuration.md)\n"
	"  --state DIR            state directory instead of the configuration's\n"
	"  --http-port N          port of the pages instead of the configuration's; 0: any free one\n"
	"  --import FILE          fold a recording of readings into the store first ('-': standard input), then go on live\n"
	"  --import-step TIME     distance of its readings, such as 5s; else its '# poll' line, else 15m\n"
	"  --import-only          end after the import\n"
	"  --clock-offset SECONDS the site's clock is the real one plus this; only for a site with 'simulated: true'\n"
	"  --version, --help\n";

static bool want_number(const char *text, int64_t *out)
{
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (errno || *end || end == text)
		return false;
	*out = v;
	return true;
}

/* -1: go on; else the exit code. */
static int options(int argc, char **argv, struct daemon_options *o)
{
	static const struct option rows[] = {
		{ "config", required_argument, NULL, 'c' }, { "state", required_argument, NULL, 's' },
		{ "http-port", required_argument, NULL, 'p' }, { "import", required_argument, NULL, 'i' },
		{ "import-step", required_argument, NULL, 't' }, { "import-only", no_argument, NULL, 'e' },
		{ "clock-offset", required_argument, NULL, 'o' }, { "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	int64_t seconds = 0;
	bool good = true;
	*o = (struct daemon_options){ .http_port = -1, .progress = isatty(2) };
	for (int c; good && (c = getopt_long(argc, argv, "", rows, NULL)) != -1;) {
		switch (c) {
		case 'c': o->config = optarg; break;
		case 's': o->state_dir = optarg; break;
		case 'i': o->import = optarg; break;
		case 'e': o->import_only = true; break;
		case 'p': good = want_number(optarg, &o->http_port); break;
		case 't': good = duration_ms_parse(optarg, &o->import_step_ms) && o->import_step_ms > 0; break;
		case 'o': good = want_number(optarg, &seconds); break;
		case 'v': printf("pued %s\n", PUED_VERSION); return 0;
		case 'h': fputs(usage, stdout); return 0;
		default: good = false;
		}
	}
	o->clock_offset_ms = seconds * 1000;
	if (good && o->config && optind == argc)
		return -1;
	fputs(good && o->config ? "pued: unexpected argument\n" : !o->config && good ? "pued: --config FILE is missing\n" : "pued: an option's value is not usable\n", stderr);
	fputs(usage, stderr);
	return 64;
}

/* Before the first thread: signals go to the loop's signalfd, never to a worker. */
static void block_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void raise_limits(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_DUMPABLE, 0);      /* keys and secrets are in memory */
	signal(SIGPIPE, SIG_IGN);
}

/* Measured with 10,000 devices: an arena a thread and a threshold that grows with what was freed keep tens of megabytes that nobody uses. */
static void keep_heap_small(void)
{
	enum { ARENAS = 2, OWN_MAPPING = 256 << 10, SQLITE = 1 << 20 };
	store_memory(SQLITE);
	mallopt(M_ARENA_MAX, ARENAS);
	mallopt(M_MMAP_THRESHOLD, OWN_MAPPING);
}

/* What the service manager handed over goes on to the program that starts anew. */
static void keep_handed_over(void)
{
	for (int i = 0, n = sd_listen_fds(0); i < n; i++)
		fcntl(SD_LISTEN_FDS_START + i, F_SETFD, 0);
}

int main(int argc, char **argv)
{
	struct daemon d = { 0 };
	struct err err = { 0 };
	setlocale(LC_CTYPE, "C.UTF-8");
	int code = options(argc, argv, &d.o);
	if (code >= 0)
		return code;
	raise_limits();
	keep_heap_small();
	if (!d.o.import_only)
		block_signals();
	code = 0;
	if (!daemon_start(&d, &err) || (d.o.import && !daemon_import_first(&d, &err)) || (!d.o.import_only && !daemon_go_live(&d, &err))) {
		log_line(LOG_ERROR, NULL, (struct mono){ 0 }, "%s", err.text);
		code = err_exit_code(&err);
	} else if (!d.o.import_only) {
		sd_notify(0, "READY=1");
		code = sd_event_loop(d.loop);
		sd_notify(0, "STOPPING=1");
	}
	daemon_stop(&d);
	if (code == 3) {
		keep_handed_over();
		execv("/proc/self/exe", argv);
		code = 70;
	}
	return code < 0 ? 70 : code;
}
