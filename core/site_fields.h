/* core/site_fields.h - the tables that say what a site's configuration may hold; private to core/site*.c, rules/cert_config.c and their tests.
 * Reading, checking unknown keys, the canonical text and the test of docs/schema/site.schema.json all use these rows. */
#ifndef CORE_SITE_FIELDS_H
#define CORE_SITE_FIELDS_H

#include "core/site.h"

/* One entry of `meters` while it is read: what stands at the meter holds for each of its epochs. */
struct meter_entry {
	struct meter m;
	struct meter_epoch installed;
	const struct conf_node *node, *epochs;
};
struct device_entry { struct device d; const struct conf_node *overrides; };
struct rack_entry { struct rack r; const struct conf_node *node; };
struct defaults { struct meter_entry meters; struct device_entry devices; struct rack_entry racks; };

struct root {
	int64_t version;
	struct site site;
	struct defaults defaults;
	const struct conf_node *node, *meters, *devices, *racks;
};

extern const struct conf_field root_fields[], site_fields[], meter_fields[], epoch_fields[], device_fields[], rack_fields[];

/* The words of signed statements about meters (core/amend.h); `next` holds what the new meter is, and the old one's last reading. */
struct exchange_entry { const char *meter; struct wall at; bool has_from; struct meter_epoch next; };
struct reading_entry {
	const char *meter, *reason, *document;
	struct wall from, to;
	bool has_energy, has_first, has_last;
	int64_t energy_mwh, first, last;
};
extern const struct conf_field exchange_fields[], reading_fields[];
/* Count, CT and PT of an epoch, once its fields are read; `meter` may be NULL. */
void site_finish_ratios(struct conf *c, const struct conf_node *n, const struct conf_node *meter, struct meter_epoch *e);

enum print_kind { PRINT_TEXT, PRINT_SECRET, PRINT_INT, PRINT_STATED, PRINT_BOOL, PRINT_ENUM, PRINT_RATIO, PRINT_PLATE, PRINT_WALL, PRINT_DATE, PRINT_IDS,
		  PRINT_BILINGUAL, PRINT_STRUCT, PRINT_NODE };
enum print_kind site_print_kind(const struct conf_field *f);
/* In which base unit a number stands in the canonical text, for whoever writes it as a configuration again. */
enum print_unit { PRINT_PLAIN, PRINT_MS, PRINT_MW, PRINT_PPM, PRINT_MV, PRINT_MWH, PRINT_MODULUS };
enum print_unit site_print_unit(const struct conf_field *f);

/* Called for every entry of a list after groups and CSV files were expanded. */
typedef void entry_fn(void *ctx, const struct conf_node *entry);
struct expansion { struct conf *c; struct file_reader files; const char *list; const struct conf_field *fields; entry_fn *fn; void *ctx; };
void site_expand(const struct expansion *x, const struct conf_node *list);
void site_expand_csv(const struct expansion *x, const struct conf_node *item);

/* Names and the texts that stand for them in an entry: `<name>`, `<name+1>`, `<#>`. */
struct names { const char *name[260], *value[260]; size_t n; int64_t number; };
const char *names_rewrite(struct conf *c, const struct conf_node *n, void *names);       /* conf_rewriter */

/* Cross-references; entries in the order of site.meters, ... */
struct resolve {
	struct conf *c;
	struct site *s;
	const struct conf_node *const *meter_nodes, *const *device_nodes, *const *rack_nodes;
	const struct conf_node *list;           /* `meters` */
	int suggestions;         /* edit distance over thousands of ids is only spent on the first few */
};
void site_index(struct resolve *r);                     /* order by id; an id that stands twice */
void site_resolve(struct resolve *r);                   /* names -> indexes */
void site_check_tree(struct resolve *r);
void site_check_devices(struct resolve *r);

/* Canonical text of the effective configuration: one line of JSON, keys in the order of the tables, integers in base units
 * (mW, ms, ppm), groups and inventories written out, no secrets, no file names, no defaults left implicit. */
void site_print_canonical(const struct root *root, const struct meter_entry *meters, const struct device_entry *devices, struct buf *out);
/* Puts it, packed, into root->site.canonical; false: out of memory. */
bool site_pack_canonical(struct conf *c, struct root *root, const struct meter_entry *meters, const struct device_entry *devices) MUST_USE;

#endif
