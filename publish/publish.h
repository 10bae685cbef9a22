/* publish/publish.h - what leaves the machine.  Decides nothing, touches no SQL: it is handed values, bytes, an outbox and
 * a reader interface. */
#ifndef PUBLISH_PUBLISH_H
#define PUBLISH_PUBLISH_H

#include "core/outbox.h"
#include "publish/snapshot.h"
#include "rules/jws.h"

/* MQTT: its own thread around poll() and mosquitto_loop_read/write/misc; connects there, never on the loop thread.
 *
 * The outbox is the only truth.  A row is published (QoS 1) only while connected and fewer than `in_flight` are on their
 * way, in ascending order; its PUBACK marks it `sent`, only a receipt marks it `delivered`.  When a connection ends, what the
 * library still holds is forgotten and the rows without PUBACK are published again: a receiver drops doubles by (site, epoch, seq).
 * Topics: docs/formats-publish.md. */
struct mqtt_options { const struct site *site; const char *password; const struct outbox_ops *outbox; void *store;
		      struct wall (*wall)(void *ctx); void *clock;
		      /* Opens a receipt's signed envelope: true and its payload only when a key trusted for receipts signed it.
		       * NULL: there is no hub; receipts are refused and counted.  Called from the MQTT thread. */
		      bool (*receipt)(void *ctx, const void *bytes, size_t len, struct buf *payload, struct err *err); void *receipt_ctx;
		      size_t in_flight;                /* 0: 16 */
		      int64_t receipt_wait_ms;         /* sent but without receipt for so long: published again; 0: 10 min */
		      int64_t answer_ms;               /* a broker that takes the connection must answer within; 0: 15 s */
		      int64_t backoff_ms; };           /* first pause after a failure, doubled up to 64 times; 0: 1 s */
struct mqtt_status { bool connected; uint64_t sent, failed, receipts; char sentence[300];
		     uint64_t connects, resends, refused_commands; };
struct mqtt *mqtt_start(const struct mqtt_options *o, struct err *err);   /* fails only on a wrong configuration (files of mqtt.ca, cert, key) */
void mqtt_wake(struct mqtt *m);                        /* a new outbox row is durable; any thread */
void mqtt_now(struct mqtt *m, const char *topic, const void *payload, size_t len, bool retain);   /* QoS 0 live state, best effort */
/* Something happened to a device: BASE/event/DEVICE, QoS 0, in order.  While the broker is away the newest 256 wait; n, the
 * caller's running number, shows a receiver what is missing.  Any thread; texts are copied. */
struct mqtt_event { uint64_t n; struct wall at; const char *device, *kind, *sentence; };
void mqtt_event(struct mqtt *m, const struct mqtt_event *ev);
void mqtt_status(struct mqtt *m, struct mqtt_status *out);
void mqtt_stop(struct mqtt *m);                        /* says goodbye within 1 s; NULL is fine */

/* HTTP: libmicrohttpd in its own threads.  Listens on loopback only and refuses other addresses: there is no password.  GET and HEAD
 * only; one request a connection; everything served is inside the program.  Limits: header 8 KiB, body 64 KiB, 10 s in all for a
 * request, 64 connections (the oldest that has not asked yet gives way), 8 live streams. */
/* One more page of JSON, `out` from the raw query; ctx is that of http_options.  A wrong query is ERR_USAGE, ERR_INPUT or ERR_RANGE. */
struct http_page { const char *path; bool (*answer)(void *ctx, const char *query, struct buf *out, struct err *err); };
struct http_options { const char *address; uint16_t port; struct snapshot_slot *slot;      /* address NULL: 127.0.0.1; port 0: any free one */
		      /* History for charts: fills `out` with JSON from the raw query ("series=a&from=...", see query_value());
		       * NULL: none.  Called from HTTP threads, two at once at most. */
		      bool (*history)(void *ctx, const char *query, struct buf *out, struct err *err); void *ctx;
		      const struct http_page *pages;   /* ends with path NULL; NULL: none; borrowed */
		      int64_t deadline_ms; };          /* 0: 10 s */
struct http *http_start(const struct http_options *o, struct err *err);
uint16_t http_port(const struct http *h);
struct http_counts { uint64_t open, streams, expired, evicted; };
void http_counts(struct http *h, struct http_counts *out);
void http_stop(struct http *h);
/* Value of `key` in a raw query, percent-decoded; false when it is absent, twice there, not UTF-8 or longer than size - 1. */
bool query_value(const char *query, const char *key, char *out, size_t size);

void metrics_text(const struct snapshot *s, struct buf *out);          /* Prometheus text format 0.0.4 */
void status_json(const struct snapshot *s, struct buf *out);           /* /api/v1/status; docs/formats-publish.md */
void summary_json(const struct snapshot *s, struct buf *out);          /* the same without its long lists: /api/v1/stream */

/* Payload of the signed 15-minute report. */
struct report_head { uint64_t epoch, seq, tree_size; const char *tree_root, *previous; struct wall made;
		     const struct ledger_event *events; size_t n_events;     /* since the report before */
		     bool clock_offset_known; int64_t clock_offset_us; };    /* adjtimex at `made` */
bool report_payload(const struct site *site, const struct interval *iv, const struct report_head *head, const struct kpi *day,
		    struct buf *out, struct err *err) MUST_USE;

/* Certificate sheet: PDF of a certificate's JSON (the signed envelope), byte-reproducible.  lang: "zh" or "en" first; both
 * are on the sheet. */
bool sheet_pdf(const json_t *cert, const void *envelope, size_t len, const char *lang, struct buf *out, struct err *err) MUST_USE;

#endif
