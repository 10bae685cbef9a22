#include "broker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void need(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

static const char *program(void)
{
	static const char *const places[] = { "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto" };
	for (size_t i = 0; i < countof(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

bool broker_present(void)
{
	return program() != NULL;
}

void broker_init(struct broker *b)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need(fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 && getsockname(fd, (struct sockaddr *)&a, &len) == 0, "free port");
	close(fd);
	*b = (struct broker){ .port = ntohs(a.sin_port) };
	snprintf(b->dir, sizeof b->dir, "/tmp/pued-broker-XXXXXX");
	need(mkdtemp(b->dir) != NULL, "mkdtemp");
	chmod(b->dir, 0755);   /* started as root, the broker becomes another user */
}

/* Reads the broker's log until it says that it runs. */
static void wait_running(int fd)
{
	char log[8192] = "";
	size_t n = 0;
	while (!strstr(log, " running")) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t got = poll(&p, 1, 20000) == 1 && n < sizeof log - 1 ? read(fd, log + n, sizeof log - 1 - n) : 0;
		if (got <= 0) {
			fprintf(stderr, "the broker did not start: %s\n", log);
			abort();
		}
		n += (size_t)got;
		log[n] = 0;
	}
}

void broker_start(struct broker *b, const char *config)
{
	char path[128];
	snprintf(path, sizeof path, "%s/mosquitto.conf", b->dir);
	FILE *f = fopen(path, "w");
	need(f != NULL, path);
	fprintf(f, "listener %u 127.0.0.1\npersistence false\nuser %s\n%s\n", b->port, geteuid() == 0 ? "root" : "mosquitto", config);
	fclose(f);
	int out[2];
	need(pipe(out) == 0, "pipe");
	b->pid = fork();
	need(b->pid >= 0, "fork");
	if (b->pid == 0) {
		dup2(out[1], 2);
		int null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		close(out[0]);
		close(out[1]);
		execl(program(), "mosquitto", "-c", path, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	wait_running(out[0]);
	/* The log goes on into the pipe; keep the read end, or the broker dies of it. */
	fcntl(out[0], F_SETFD, FD_CLOEXEC);
}

void broker_kill(struct broker *b)
{
	if (b->pid > 0) {
		kill(b->pid, SIGKILL);
		waitpid(b->pid, NULL, 0);
	}
	b->pid = 0;
}

void broker_done(struct broker *b)
{
	char command[128];
	broker_kill(b);
	snprintf(command, sizeof command, "rm -rf '%s'", b->dir);
	need(system(command) == 0, command);
}

static void add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	need(e && X509_add_ext(cert, e, -1) == 1, "extension");
	X509_EXTENSION_free(e);
}

void make_cert(const char *dir, const char *name, const char *issuer, const char *alt, int from_days, int to_days)
{
	char path[200];
	static long serial = 1;
	EVP_PKEY *key = EVP_EC_gen("P-256"), *sign = key;
	X509 *cert = X509_new(), *ca = cert;
	need(key && cert, "key");
	if (issuer) {
		snprintf(path, sizeof path, "%s/%s.crt", dir, issuer);
		FILE *f = fopen(path, "r");
		ca = PEM_read_X509(f, NULL, NULL, NULL);
		fclose(f);
		snprintf(path, sizeof path, "%s/%s.key", dir, issuer);
		f = fopen(path, "r");
		sign = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
	}
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), from_days * 86400L);
	X509_gmtime_adj(X509_getm_notAfter(cert), to_days * 86400L);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(ca));
	X509_set_pubkey(cert, key);
	add_ext(cert, ca, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (alt)
		add_ext(cert, ca, NID_subject_alt_name, alt);
	need(X509_sign(cert, sign, EVP_sha256()) > 0, "sign");
	snprintf(path, sizeof path, "%s/%s.crt", dir, name);
	FILE *f = fopen(path, "w");
	PEM_write_X509(f, cert);
	fclose(f);
	snprintf(path, sizeof path, "%s/%s.key", dir, name);
	f = fopen(path, "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	chmod(path, 0600);
	if (issuer) {
		X509_free(ca);
		EVP_PKEY_free(sign);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
}
