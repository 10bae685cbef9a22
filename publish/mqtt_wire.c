#include "publish/mqtt_wire.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *cause(int error)
{
	static const struct { int error; const char *text; } rows[] = {
		{ ECONNREFUSED, "connection refused: no broker listens there; start it, or check mqtt.host and mqtt.port" },
		{ ETIMEDOUT, "no answer: check the network and the firewall between here and the broker" },
		{ ENETUNREACH, "network unreachable: check routes and the cable" },
		{ EHOSTUNREACH, "host unreachable: check that the broker's machine is up" },
		{ ECANCELED, "given up: stopping" },
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].error == error)
			return rows[i].text;
	return strerror(error);
}

/* 0, or the errno of one address. */
static int reach_one(const struct addrinfo *a, int wake_fd, int64_t until)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
	if (fd < 0)
		return errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && (error = errno) == EINPROGRESS) {
		struct pollfd p[2] = { { fd, POLLOUT, 0 }, { wake_fd, POLLIN, 0 } };
		int64_t left = until - now_ms();
		int n = left > 0 ? poll(p, 2, (int)left) : 0;
		socklen_t len = sizeof error;
		if (n > 0 && p[1].revents)
			error = ECANCELED;
		else if (n <= 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
			error = ETIMEDOUT;
	}
	close(fd);
	return error;
}

bool mqtt_reach(const char *host, int64_t port, int wake_fd, int deadline_ms, struct err *err)
{
	char service[16];
	snprintf(service, sizeof service, "%lld", (long long)port);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *list = NULL;
	int rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0)
		return err_set(err, ERR_UNAVAILABLE, "broker %s:%s: the name has no address (%s); check mqtt.host and the resolver", host, service,
			       gai_strerror(rc));
	int64_t until = now_ms() + deadline_ms;
	int error = ETIMEDOUT;
	for (const struct addrinfo *a = list; a && error != 0 && error != ECANCELED; a = a->ai_next)
		error = reach_one(a, wake_fd, until);
	freeaddrinfo(list);
	if (error)
		return err_set(err, ERR_UNAVAILABLE, "broker %s:%s: %s", host, service, cause(error));
	return true;
}

static int why_index = -1;

static int verified(int ok, X509_STORE_CTX *ctx)
{
	if (ok)
		return 1;
	const SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	char *why = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), why_index);
	int error = X509_STORE_CTX_get_error(ctx);
	const char *next = error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH
		? "mqtt.host is not a name in it" : error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID
		? "renew it, or set this machine's clock" : "check mqtt.ca";
	if (why)
		snprintf(why, 256, "the broker's certificate is refused: %s; %s", X509_verify_cert_error_string(error), next);
	return 0;
}

static bool library_error(struct err *err, const char *what, const char *file)
{
	char text[200] = "";
	ERR_error_string_n(ERR_peek_error(), text, sizeof text);
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	ERR_clear_error();
	return err_set(err, ERR_CONFIG, "%s %s cannot be used: %s", what, file, reason ? reason : text);
}

static bool load(SSL_CTX *ctx, const struct site *site, struct err *err)
{
	if (!site->mqtt.ca)
		return err_set(err, ERR_CONFIG, "mqtt.tls needs mqtt.ca: the file of the certificate authority that signed the broker's certificate");
	if (SSL_CTX_load_verify_locations(ctx, site->mqtt.ca, NULL) != 1)
		return library_error(err, "mqtt.ca", site->mqtt.ca);
	if (!site->mqtt.cert != !site->mqtt.key)
		return err_set(err, ERR_CONFIG, "mqtt.cert and mqtt.key go together; give both or none");
	struct stat st;
	if (site->mqtt.key && stat(site->mqtt.key, &st) == 0 && (st.st_mode & 077) != 0)
		return err_set(err, ERR_CONFIG, "mqtt.key %s can be read by others; chmod 0600 it", site->mqtt.key);
	if (site->mqtt.cert && SSL_CTX_use_certificate_chain_file(ctx, site->mqtt.cert) != 1)
		return library_error(err, "mqtt.cert", site->mqtt.cert);
	if (site->mqtt.key && SSL_CTX_use_PrivateKey_file(ctx, site->mqtt.key, SSL_FILETYPE_PEM) != 1)
		return library_error(err, "mqtt.key", site->mqtt.key);
	if (site->mqtt.cert && SSL_CTX_check_private_key(ctx) != 1)
		return library_error(err, "mqtt.key does not belong to mqtt.cert:", site->mqtt.key);
	return true;
}

static bool check_host(SSL_CTX *ctx, const char *host)
{
	X509_VERIFY_PARAM *p = SSL_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1 || X509_VERIFY_PARAM_set1_host(p, host, 0) == 1;
}

SSL_CTX *mqtt_tls(const struct site *site, char *why, struct err *err)
{
	if (why_index < 0)
		why_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx) {
		err_memory(err);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, verified);
	SSL_CTX_set_ex_data(ctx, why_index, why);
	/* As mosquitto's own contexts do: it writes from buffers that may move. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	ERR_clear_error();
	if (!load(ctx, site, err))
		goto fail;
	if (!check_host(ctx, site->mqtt.host)) {
		err_set(err, ERR_CONFIG, "mqtt.host %s cannot be checked against a certificate", site->mqtt.host);
		goto fail;
	}
	return ctx;
fail:
	SSL_CTX_free(ctx);
	return NULL;
}

void mqtt_certificate_warning(const struct site *site, struct wall now, char *out, size_t size)
{
	out[0] = 0;
	FILE *f = site->mqtt.cert ? fopen(site->mqtt.cert, "re") : NULL;
	X509 *cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	struct tm end;
	if (cert && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) == 1) {
		struct date d = { end.tm_year + 1900, (int8_t)(end.tm_mon + 1), (int8_t)end.tm_mday };
		char text[DATE_TEXT];
		if (date_days(d) - now.ms / 86400000 <= 30)
			snprintf(out, size, "the client certificate %s ends on %s: renew it", site->mqtt.cert, date_text(d, text));
	}
	X509_free(cert);
	if (f)
		fclose(f);
}
