/* pued-signer: the private keys in a process of their own, without network.  It signs what pued hands it over a Unix socket, when that
 * is one of our own documents (agent/signer_socket.h), and reads nothing else. */
#include "agent/signer.h"
#include "agent/signer_socket.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static const char usage[] =
	"usage: pued-signer [--keys DIR] [--site ID] [--socket PATH]\n\n"
	"  --keys DIR     directory of private keys, KID.pem; beside it the credentials signing-key* of the unit are used\n"
	"  --site ID      sign documents of this site only\n"
	"  --socket PATH  listen here; otherwise on the socket that systemd hands over\n"
	"  --version, --help\n";

struct words { const char *keys, *site, *socket; };
static volatile bool stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = true;
}

/* -1: go on; else the exit code. */
static int options(int argc, char **argv, struct words *w)
{
	static const struct option rows[] = { { "keys", required_argument, NULL, 'k' }, { "site", required_argument, NULL, 's' }, { "socket", required_argument, NULL, 'p' },
					      { "version", no_argument, NULL, 'v' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	for (int c; (c = getopt_long(argc, argv, "", rows, NULL)) != -1;) {
		switch (c) {
		case 'k': w->keys = optarg; break;
		case 's': w->site = optarg; break;
		case 'p': w->socket = optarg; break;
		case 'v': printf("pued-signer %s\n", PUED_VERSION); return 0;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return 64;
		}
	}
	if (optind == argc)
		return -1;
	fputs(usage, stderr);
	return 64;
}

/* Readable by this user alone: whoever reaches the socket may have documents signed. */
static bool listen_on(const char *path, int *fd, struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	if (!path) {
		*fd = SD_LISTEN_FDS_START;
		return sd_listen_fds(1) == 1 || err_set(err, ERR_USAGE, "no socket: start pued-signer.socket, or name one with --socket");
	}
	if (strlen(path) >= sizeof at.sun_path)
		return err_set(err, ERR_USAGE, "%s: the path of a socket has %zu characters at most", path, sizeof at.sun_path - 1);
	memcpy(at.sun_path, path, strlen(path) + 1);
	unlink(path);
	umask(0177);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return (*fd >= 0 && bind(*fd, (const struct sockaddr *)&at, sizeof at) == 0 && listen(*fd, 16) == 0) || err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
	struct words w = { .keys = "/etc/pued/signer" };
	struct err err = { 0 };
	int fd = -1, code = options(argc, argv, &w);
	if (code >= 0)
		return code;
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	struct signer *signer = signer_open(w.keys, NULL, &err);
	if (!signer || !listen_on(w.socket, &fd, &err)) {
		fprintf(stderr, "<3>pued-signer: %s\n", err.text);
		signer_free(signer);
		return err_exit_code(&err);
	}
	struct sigaction act = { .sa_handler = on_signal };
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	for (size_t i = 0; i < signer_ops(signer)->n_keys; i++)
		fprintf(stderr, "<5>signing with key %s (%s)\n", signer_ops(signer)->keys[i].kid, sig_alg_name(signer_ops(signer)->keys[i].alg));
	sd_notify(0, "READY=1");
	signer_serve(fd, signer_ops(signer), w.site, &stop);
	signer_free(signer);
	if (w.socket)
		unlink(w.socket);
	return 0;
}
