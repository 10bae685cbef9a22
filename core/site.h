/* core/site.h - a site as its engineer describes it: meters in their electrical tree, devices, racks, peers.
 *
 * Read from YAML (core/conf) and CSV inventories; site_load() finds every problem at once and resolves every name, so
 * that what it returns is consistent: no cycle, no missing parent, no meter twice, no overlapping epochs.
 * File format: docs/configuration.md.  Pure: bytes come from a reader function of the caller. */
#ifndef CORE_SITE_H
#define CORE_SITE_H

#include "core/sample.h"
#include "core/zone.h"

/* What a meter's energy is to the site (domain.md 2.7 rule 7). */
enum role {
	ROLE_SUPPLY,        /* utility feed: E_T */
	ROLE_PV,            /* on-site generation inside the boundary: E_T */
	ROLE_GENERATOR,     /* generator output, counted once: E_T */
	ROLE_FUEL,          /* fuel, converted by `factor`: E_T */
	ROLE_HEAT,          /* cooling fluid or heat from outside, converted by `factor`: E_T */
	ROLE_EXPORT,        /* power sold back: subtracted from E_T */
	ROLE_OTHER_USE,     /* mixed building: subtracted from E_T */
	ROLE_TRANSFORMER, ROLE_UPS_INPUT, ROLE_DISTRIBUTION,   /* inner nodes of the tree */
	ROLE_IT,            /* E_IT at its measuring point */
	ROLE_NON_IT,        /* below an IT meter: subtracted from E_IT (UPS-fed pump) */
	ROLE_COOLING, ROLE_LIGHTING, ROLE_OTHER,               /* overhead, for domains and balance */
	ROLE_BUS,           /* virtual node without a meter: several supplies meet here */
	ROLE_RACK,          /* rack energy below an IT meter: rack counts and C3; not a term of E_IT */
	ROLE_REUSE, ROLE_WATER, ROLE_RENEWABLE,                /* inputs of ERF, WUE, REF */
	ROLE_N
};
/* Where a meter measures; the PUE category is the worst point among IT meters (domain.md 1.1). */
enum point_of { POINT_NONE, POINT_UPS_OUTPUT, POINT_PDU_OUTPUT, POINT_ROW_CABINET, POINT_RACK_INLET, POINT_RACK_OUTLET,
		POINT_IT_INPUT, POINT_N };
enum direction { DIRECTION_IMPORT, DIRECTION_EXPORT, DIRECTION_NET };      /* of the register */
enum applied_by { APPLIED_UNSAID, APPLIED_METER, APPLIED_PUED };            /* who multiplies by CT and PT ratio */
extern const struct conf_name role_names[], point_names[], function_names[], direction_names[], applied_names[];
const char *conf_name_of(const struct conf_name *names, int value);         /* "?" when not in the table */

struct plate { int64_t primary, secondary; };                               /* a ratio as engraved: 300/5; {0,0}: none */

struct meter_epoch {                    /* one row: the meter as installed between two dates */
	struct wall from, to;           /* INT64_MIN/MAX when open */
	const char *serial, *model;
	struct ratio count_mwh;         /* mW.h of one count, primary side, CT and PT inside; {0,0}: from the profile */
	struct ratio ct, pt;            /* external multiplier; {1,1} when the meter applies it or there is none */
	struct plate ct_plate, pt_plate;
	int applied_by;
	int64_t modulus;                /* counts; 0: from the profile; -1: none declared */
	const char *meter_class, *ct_class, *pt_class;   /* "0.5S"; NULL: not stated, never 0 */
	int64_t ct_primary_ma;          /* from ct_plate; 0: not stated */
	const char *certificate;        /* calibration */
	struct date calibrated_until;   /* year 0: not stated */
	bool has_first, has_last;
	int64_t first, last;            /* readings at from / to, counts */
	const char *reason, *by;        /* of the change */
};

struct meter {
	const char *id, *label, *parent;         /* parent: meter id or NULL */
	int role, point, direction;              /* direction: import, export, net */
	const char *device, *energy, *power;     /* device id and point names; NULL: none */
	bool energy_default, power_default;      /* not written by the engineer: total.energy, total.power */
	int64_t parent_ix, device_ix;            /* resolved, -1 none */
	int64_t p_max_mw;                        /* of the circuit, primary; 0: not given, then no wrap is accepted */
	int64_t nominal_mw;                      /* stands in, class N, where nothing better is known; 0: not given */
	struct ratio factor;                     /* derived meters and fuels; {1,1} */
	const char *factor_source;               /* required when factor is not 1 */
	int64_t factor_u_ppm;                    /* relative standard uncertainty of the factor */
	int64_t voltage_mv;                      /* nominal, between conductors, primary; 0: not stated */
	int64_t phases;                          /* 1 or 3; 0: not stated, then 3 */
	int64_t loss_ppm;                        /* declared losses between this node and its children */
	const char *hall, *feeds;                /* feeds: "compute" | "storage" | "network" | "mixed" | NULL unknown */
	struct conf_vec epochs;                  /* struct meter_epoch, ascending */
	const struct conf_node *node;            /* for profile-dependent checks */
	struct conf_place place;
};

struct device {
	const char *id, *profile, *credential;
	const char *endpoint;                    /* text; parsed by collectors/endpoint */
	int64_t poll_ms, deadline_ms, min_gap_ms;
	int64_t retries;
	bool any_source, allow_weak;
	struct conf_vec overrides;               /* struct point_override (core/profile.h) */
	const struct conf_node *node;            /* for profile-dependent checks */
	struct conf_place place;
};

enum function { FUNCTION_UNKNOWN, FUNCTION_COMPUTE, FUNCTION_STORAGE, FUNCTION_NETWORK, FUNCTION_OTHER, FUNCTION_EMPTY, FUNCTION_N };
struct rack {
	const char *id, *hall, *row;
	int function;
	int64_t rated_mw;                        /* 0: not stated */
	int64_t compute_ppm;                     /* mixed racks: share that computes; -1: by function */
	struct conf_vec feeds;                   /* const char *: meter ids */
	struct conf_vec feed_ix;                 /* int64_t, resolved */
	struct wall installed, removed;          /* INT64_MIN / INT64_MAX when open */
	struct conf_place place;
};

struct bilingual { const char *zh, *en; };
struct party { struct bilingual name; const char *code, *representative, *contact, *address; };

struct site {
	const char *id;
	struct bilingual name, address;
	const char *zone;                        /* IANA name */
	bool simulated;                          /* everything printed says so */
	const char *administrative_code, *jurisdiction;      /* "province_direct_county" | "city_district" | ... data of the pack */
	struct party applicant, operator_;
	struct date operation_start, retrofit_completed;     /* year 0: not stated */
	const char *boundary, *standard;         /* boundary drawing id; "ISO/IEC 30134-2:2026" */
	int64_t interval_ms;                     /* 900000 by default */
	struct conf_vec meters, devices, racks;  /* struct meter, device, rack */
	struct conf_vec factors;                 /* struct site_factor (core/site_factors.h) */
	int64_t clock_limit_ms;
	struct {
		const char *host, *topic, *ca, *cert, *key, *user, *password;   /* password: credential name */
		int64_t port, version, outbox_days;
		bool tls;
	} mqtt;                                  /* host NULL: no broker */
	struct { const char *address; int64_t port; } http;
	struct { const char *listen; } traps;    /* NULL: none are received; "ADDRESS:PORT" or "systemd" */
	const char *state_dir, *pack;            /* pack id */
	int64_t raw_days;                        /* retention of raw readings */
	const char *key_id;                      /* which keys sign: a kid, an algorithm, a name; "site": all */
	const char *signer;                      /* socket of the process that signs; NULL: pued itself */
	struct { const void *packed; size_t len, text_len; } canonical;     /* zstd; read by site_canonical() */
	const struct conf_node *node;                        /* the file's root, for whoever checks more */
	struct conf_vec meter_order, device_order;           /* uint32_t: indexes by id, for site_meter() and site_device() */
};

/* The canonical text of the effective configuration, hashed into evidence: megabytes, rarely asked for, and so kept packed.
 * The caller frees it; NULL: out of memory, or the site had problems. */
char *site_canonical(const struct site *s) MUST_USE;

/* What one count of the register is worth on the primary side; profile_count when the site says nothing, times CT and PT
 * where pued applies them.  {0,0} when it does not fit. */
struct ratio epoch_count(const struct meter_epoch *e, struct ratio profile_count);
/* Relative limit of error of a class text ("0.5S", "1", "1 %") in ppm; -1: no class. */
int64_t class_limit_ppm(const char *class_text);
/* What two devices may not share: "modbus 10.0.0.1:502/3"; false when the text is no endpoint of a known scheme. */
bool endpoint_identity(const char *endpoint, struct buf *out);
/* PUE category (1..3) of a measuring point; 0 for POINT_NONE. */
int point_category(int point);

/* Reads a file named in the configuration (CSV inventories, relative to it); false with err when it cannot be read. */
struct file_reader { bool (*read)(void *ctx, const char *path, struct buf *out, struct err *err); void *ctx; };

/* NULL when there are problems (see conf_report).  The result lives in `c`. */
const struct site *site_load(struct conf *c, const char *file, const void *bytes, size_t len, struct file_reader files);
/* The same, but with problems too: what could be read of it, so that `puectl check` can look on.  Names may be NULL, indexes -1. */
const struct site *site_read(struct conf *c, const char *file, const void *bytes, size_t len, struct file_reader files);
/* No more checks: gives back the file's nodes, most of its memory; the site's, its meters' and its devices' `node` are then NULL. */
void site_settle(struct conf *c, const struct site *s);


const struct meter *site_meter(const struct site *s, const char *id);
const struct device *site_device(const struct site *s, const char *id);
static inline const struct meter *site_meters(const struct site *s) { return s->meters.items; }
static inline const struct device *site_devices(const struct site *s) { return s->devices.items; }
static inline const struct rack *site_racks(const struct site *s) { return s->racks.items; }

#endif
