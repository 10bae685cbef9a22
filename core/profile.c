#include "core/profile_read.h"
#include "core/merkle.h"

#include <stdlib.h>
#include <string.h>

struct library {
	struct conf *c;
	struct draft **drafts;
	size_t n, room;
	bool closed;
	int references;      /* atomic */
};

struct library *library_new(void)
{
	struct library *lib = calloc(1, sizeof *lib);
	if (lib && !(lib->c = conf_new())) {
		free(lib);
		return NULL;
	}
	if (lib) {
		conf_set_manual(lib->c, "docs/writing-a-profile.md");
		lib->references = 1;
	}
	return lib;
}

struct library *library_get(struct library *lib)
{
	__atomic_add_fetch(&lib->references, 1, __ATOMIC_RELAXED);
	return lib;
}

void library_free(struct library *lib)
{
	if (!lib || __atomic_sub_fetch(&lib->references, 1, __ATOMIC_ACQ_REL))
		return;
	conf_free(lib->c);
	free(lib->drafts);
	free(lib);
}

struct conf *library_conf(struct library *lib)
{
	return lib->c;
}

static struct draft *draft_named(const struct library *lib, const char *name)
{
	for (size_t i = 0; i < lib->n; i++)
		if (!strcmp(lib->drafts[i]->p.name, name))
			return lib->drafts[i];
	return NULL;
}

static bool keep_draft(struct library *lib, struct draft *d, const struct conf_node *root)
{
	for (size_t i = 0; i < lib->n; i++)
		if (!strcmp(lib->drafts[i]->p.name, d->p.name)) {
			conf_warning(lib->c, root, "profile '%s' is hidden by the one in %s", d->p.name, lib->drafts[i]->p.place.file);
			return true;
		}
	if (lib->n == lib->room) {
		size_t room = lib->room ? lib->room * 2 : 32;
		struct draft **more = realloc(lib->drafts, room * sizeof(*more));
		if (!more)
			return false;
		lib->drafts = more;
		lib->room = room;
	}
	lib->drafts[lib->n++] = d;
	return true;
}

void library_add(struct library *lib, const char *file, const void *bytes, size_t len)
{
	struct conf *c = lib->c;
	size_t before = conf_problem_count(c);
	const struct conf_node *root = conf_parse(c, file, bytes, len);
	struct draft *d = root ? conf_alloc(c, sizeof *d) : NULL;
	if (!d)
		return;
	*d = (struct draft){ .p = { .transport = -1, .confidence = -1, .place = conf_place(root) }, .address_base = -1 };
	struct hash digest;
	sha256(bytes, len, &digest);
	hash_hex(&digest, d->p.sha256);
	memcpy(d->p.digest, &digest, sizeof d->p.digest);
	(void)!conf_struct(c, root, d, draft_fields);
	d->bad = conf_problem_count(c) != before;
	if (d->p.name && !keep_draft(lib, d, root))
		conf_problem(c, root, "out of memory");
}

/* ---- finishing a row ---- */

struct finisher { struct conf *c; struct draft *d; const struct conf_node *at; };

static bool finish_place(struct finisher *f, struct place *p)
{
	if (p->space && p->fresh) {
		if (p->address < f->d->address_base) {
			conf_problem(f->c, f->at, "address %u is below address_base %lld", p->address, (long long)f->d->address_base);
			return false;
		}
		p->address = (uint16_t)(p->address - f->d->address_base);
		p->fresh = false;
	}
	int transport = p->space ? TRANSPORT_MODBUS : TRANSPORT_SNMP;
	if (f->d->p.transport < 0)
		f->d->p.transport = transport;
	if (f->d->p.transport != transport) {
		conf_problem(f->c, f->at, "a profile is either Modbus or SNMP; here is a place of the other kind");
		return false;
	}
	return true;
}

/* From the lowest to the highest address of a value's words. */
static int parts_span(const struct coding *k)
{
	int low = k->parts[0], high = low;
	for (size_t i = 1; i < k->n_parts; i++) {
		low = k->parts[i] < low ? k->parts[i] : low;
		high = k->parts[i] > high ? k->parts[i] : high;
	}
	return high - low + 1;
}

static bool finish_coding(struct finisher *f, const struct place *p, struct coding *k)
{
	if (p->space && !k->type)
		k->type = type_find(p->space <= SPACE_DISCRETE ? "bit" : "u16");
	if (p->space && k->type && !k->type->words && !k->words) {
		conf_problem(f->c, f->at, "a string needs its length: add 'words: N'");
		return false;
	}
	if (!coding_resolve(k)) {
		conf_problem(f->c, f->at, "order '%s' does not fit type %s; use abcd, cdab, badc or dcba", k->order_text,
			     k->type ? k->type->name : "?");
		return false;
	}
	int64_t width = k->type && k->type->words ? k->type->words * 16 : 64;
	if (k->bit_last >= width) {
		conf_problem(f->c, f->at, "bit %lld does not exist in type %s", (long long)k->bit_last, k->type ? k->type->name : "?");
		return false;
	}
	if (k->n_parts && k->n_parts != k->words) {
		conf_problem(f->c, f->at, "%u parts for a type of %lld words; name one address a word", k->n_parts, (long long)k->words);
		return false;
	}
	if (k->n_parts && parts_span(k) > MODBUS_MAX_WORDS) {
		conf_problem(f->c, f->at, "the parts span %d registers and are read with one request, so that they belong together: at most %d", parts_span(k), MODBUS_MAX_WORDS);
		return false;
	}
	if (p->space && p->address + k->words > 65536) {
		conf_problem(f->c, f->at, "the value ends behind address 0xffff");
		return false;
	}
	return true;
}

static bool finish_tests(struct finisher *f, const struct conf_vec *tests)
{
	struct test *t = tests->items;
	for (size_t i = 0; i < tests->n; i++)
		if (!finish_place(f, &t[i].at) || !finish_coding(f, &t[i].at, &t[i].coding))
			return false;
	return true;
}

static bool finish_joins(struct finisher *f, struct point *p)
{
	struct scale_source *s = p->scale_from.items;
	for (size_t i = 0; i < p->scale_from.n; i++)
		if (!finish_place(f, &s[i].at) || !finish_coding(f, &s[i].at, &s[i].coding))
			return false;
	struct place *l = p->label_from.items;
	for (size_t i = 0; i < p->label_from.n; i++)
		if (!finish_place(f, &l[i]))
			return false;
	bool has_unit = p->unit_from.at.space || p->unit_from.at.oid;
	if (has_unit && (!finish_place(f, &p->unit_from.at) || !finish_coding(f, &p->unit_from.at, &p->unit_from.coding)))
		return false;
	return finish_tests(f, &p->where) && finish_tests(f, &p->available);
}

static bool unit_known(struct finisher *f, const struct point *p, const char *unit)
{
	struct ratio factor;
	int64_t offset;
	if (unit_factor((enum quantity)p->quantity, unit, &factor, &offset))
		return true;
	CLEANUP(buf_done) struct buf all = { 0 };
	unit_names((enum quantity)p->quantity, &all);
	conf_problem(f->c, f->at, "unit '%s' does not measure %s; use %s or a multiple of it: %s", unit, quantities[p->quantity].name,
		     quantities[p->quantity].unit, all.data ? all.data : "");
	return false;
}

static bool finish_unit(struct finisher *f, struct point *p)
{
	bool plain = p->quantity == Q_STATE || p->quantity == Q_COUNT || p->quantity == Q_POWER_FACTOR || p->quantity == Q_SETTING;
	bool joined = p->unit_from.in_text || p->unit_from.at.space || p->unit_from.at.oid;
	if (!p->unit && (plain || p->unit_from.in_text))
		p->unit = p->unit_from.in_text ? quantities[p->quantity].unit : "1";
	if (!p->unit && !joined) {
		conf_problem(f->c, f->at, "point '%s' has no unit; add 'unit: %s' or what the device sends", p->name, quantities[p->quantity].unit);
		return false;
	}
	for (size_t i = 0; i < p->unit_from.map.n; i++)
		if (!unit_known(f, p, p->unit_from.map.rows[i].value))
			return false;
	return !p->unit || unit_known(f, p, p->unit);
}

static bool finish_name(struct finisher *f, struct point *p)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-*";
	const char *star = strchr(p->name, '*');
	bool many = p->at.column || p->repeat.n;
	if (!*p->name || strlen(p->name) > 100 || p->name[strspn(p->name, allowed)] || (star && strchr(star + 1, '*'))) {
		conf_problem(f->c, f->at, "name '%s': use letters, digits, . _ - and at most one *", p->name);
		return false;
	}
	if (many != (star != NULL)) {
		conf_problem(f->c, f->at, many ? "name '%s' needs a * for the row's index: the place is a table or array"
						: "name '%s' has a * but its place is one value", p->name);
		return false;
	}
	if (p->scope)
		return true;
	size_t len = strcspn(p->name, ".");
	p->scope = SCOPE_UNIT;
	for (int s = 1; s < SCOPE_N; s++)
		if (strlen(scope_names[s]) == len && !strncmp(p->name, scope_names[s], len))
			p->scope = s;
	return true;
}

static bool finish_states(struct finisher *f, struct point *p)
{
	if (!p->states_of)
		return true;
	for (const struct draft *d = f->d; d; d = d->parent) {
		const struct state_list *l = d->state_lists.items;
		for (size_t i = 0; i < d->state_lists.n; i++)
			if (!strcmp(l[i].name, p->states_of)) {
				p->states = l[i].states;
				p->states_of = NULL;
				return true;
			}
	}
	conf_problem(f->c, f->at, "states: there is no list '%s' in state_lists", p->states_of);
	return false;
}

/* "largest" of a u16 could be 0x7fff or 0xffff; neither is guessed. */
static bool finish_missing(struct finisher *f, const struct point *p)
{
	const struct missing *m = p->missing.items;
	const struct type_row *t = p->coding.type;
	bool is_unsigned = t && t->words && !t->is_signed && !t->is_float && t->name[0] == 'u';
	for (size_t i = 0; is_unsigned && i < p->missing.n; i++)
		if (m[i].kind == MISSING_LARGEST) {
			conf_problem(f->c, f->at, "'largest' is 0x7fff.. of a signed type, and %s is none; write all_ones, or the value", t->name);
			return false;
		}
	return true;
}

static bool finish_point(struct finisher *f, struct point *p)
{
	if (!p->at.space && !p->at.oid) {
		conf_problem(f->c, f->at, "point '%s' has no place; add 'at: ...'", p->name);
		return false;
	}
	if (!finish_states(f, p))
		return false;
	if (!p->quantity && p->states.n)
		p->quantity = Q_STATE;
	if (!p->quantity) {
		conf_problem(f->c, f->at, "point '%s' has no quantity; add 'quantity: active_power' or another of the vocabulary", p->name);
		return false;
	}
	if (p->coding.n_parts && p->at.space)
		for (size_t i = 0; p->at.fresh && i < p->coding.n_parts; i++)
			p->coding.parts[i] = (uint16_t)(p->coding.parts[i] - f->d->address_base);
	if (p->scale.num == 0) {
		conf_problem(f->c, f->at, "scale 0 would hide the value");
		return false;
	}
	if (p->repeat.n && !p->at.space) {
		conf_problem(f->c, f->at, "'repeat' is for registers; an SNMP table is 'at: column ...'");
		return false;
	}
	const struct ratio *r = p->range.items;
	if (p->range.n && (__int128)r[0].num * r[1].den > (__int128)r[1].num * r[0].den) {
		conf_problem(f->c, f->at, "range is [smallest, largest]");
		return false;
	}
	if (p->confidence < 0)
		p->confidence = f->d->p.confidence;
	if (!p->source)
		p->source = f->d->p.source;
	return finish_place(f, &p->at) && finish_coding(f, &p->at, &p->coding) && finish_missing(f, p) && finish_joins(f, p) && finish_name(f, p) && finish_unit(f, p);
}

/* ---- linking ---- */

static bool dropped(const struct draft *d, const char *name)
{
	const char *const *drop = d->drop.items;
	for (size_t i = 0; i < d->drop.n; i++)
		if (glob_match(drop[i], name))
			return true;
	return false;
}

static int64_t row_named(const struct conf_vec *rows, const char *name)
{
	const struct point *p = rows->items;
	for (size_t i = 0; name && i < rows->n; i++)
		if (!strcmp(p[i].name, name))
			return (int64_t)i;
	return -1;
}

/* A row of the same name as a parent's changes only what it writes; a new row starts from `defaults`. */
static void link_row(struct library *lib, struct draft *d, const struct conf_node *n, const struct point *defaults, size_t inherited)
{
	struct conf_vec *rows = &d->p.points;
	struct point *all = rows->items;
	struct finisher f = { lib->c, d, n };
	const char *name = conf_scalar(conf_get(n, "name"));
	int64_t old = row_named(rows, name);
	if (old >= (int64_t)inherited) {
		conf_problem(lib->c, n, "point '%s' stands here twice", name);
		return;
	}
	struct point p = old >= 0 ? all[old] : *defaults;
	p.place = conf_place(n);
	clear_nulls(n, &p);
	if (!conf_struct(lib->c, n, &p, point_fields))
		return;
	if (!p.name) {
		conf_problem(lib->c, n, "a point needs a name: add 'name: total.power' or the like");
		return;
	}
	if (!finish_point(&f, &p))
		return;
	if (old >= 0)
		all[old] = p;
	else
		all[rows->n++] = p;
}

static void link_points(struct library *lib, struct draft *d, const struct draft *parent)
{
	struct conf *c = lib->c;
	struct point defaults = point_start;
	size_t own = conf_count(d->points), inherited = parent ? parent->p.points.n : 0;
	if (d->points && conf_kind(d->points) != CONF_SEQUENCE) {
		conf_problem(c, d->points, "points must be a list of '- {name: ..., at: ...}' rows");
		return;
	}
	if (d->defaults)
		(void)!conf_struct(c, d->defaults, &defaults, point_fields);
	defaults.name = NULL;
	struct point *rows = conf_alloc(c, (own + inherited + 1) * sizeof *rows);
	if (!rows)
		return;
	d->p.points = (struct conf_vec){ rows, 0 };
	for (size_t i = 0; i < inherited; i++)
		if (!dropped(d, profile_points(&parent->p)[i].name))
			rows[d->p.points.n++] = profile_points(&parent->p)[i];
	inherited = d->p.points.n;
	for (size_t i = 0; i < own; i++)
		link_row(lib, d, conf_item(d->points, i), &defaults, inherited);
}

static void inherit(struct draft *d, const struct draft *parent)
{
	struct profile *p = &d->p;
	const struct profile *q = &parent->p;
	p->transport = p->transport < 0 ? q->transport : p->transport;
	d->address_base = d->address_base < 0 ? parent->address_base : d->address_base;
	p->vendor = p->vendor ? p->vendor : q->vendor;
	p->model = p->model ? p->model : q->model;
	p->max_words = p->max_words ? p->max_words : q->max_words;
	p->max_bits = p->max_bits ? p->max_bits : q->max_bits;
	p->max_oids = p->max_oids ? p->max_oids : q->max_oids;
	p->no_gaps |= q->no_gaps;
	p->blocks = p->blocks.n ? p->blocks : q->blocks;
	p->checks = p->checks.n ? p->checks : q->checks;
	p->identity = p->identity.n ? p->identity : q->identity;
	uint8_t both[2][sizeof p->digest];
	struct hash digest;
	memcpy(both[0], p->digest, sizeof both[0]);
	memcpy(both[1], q->digest, sizeof both[1]);
	sha256(both, sizeof both, &digest);
	memcpy(p->digest, &digest, sizeof p->digest);
}

static void link_rules(struct library *lib, struct draft *d)
{
	struct finisher f = { lib->c, d, d->points };
	struct rule *r = d->p.rules.items;
	for (size_t i = 0; i < d->p.rules.n; i++) {
		struct conf_vec one = { &r[i].test, r[i].test.at.space || r[i].test.at.oid };
		(void)(finish_tests(&f, &one) && finish_tests(&f, &r[i].all));
		if ((r[i].object_id || r[i].description) && d->p.transport == TRANSPORT_MODBUS)
			conf_problem(lib->c, d->points, "object_id and description are for SNMP; this profile is Modbus");
	}
	struct identity_source *s = d->p.identity.items;
	for (size_t i = 0; i < d->p.identity.n; i++) {
		(void)(finish_place(&f, &s[i].at) && finish_coding(&f, &s[i].at, &s[i].coding));
	}
}

/* What is given counts its addresses as the points do. */
static void link_cases(struct library *lib, struct draft *d)
{
	if (!read_cases(lib->c, d->cases, &d->p.cases))
		return;
	const struct profile_case *cases = d->p.cases.items;
	for (size_t i = 0; i < d->p.cases.n; i++) {
		struct finisher f = { lib->c, d, d->cases };
		struct test_input *in = cases[i].given.items;
		for (size_t k = 0; k < cases[i].given.n; k++)
			if (!finish_place(&f, &in[k].at))
				return;
	}
}

static void link_draft(struct library *lib, struct draft *d)
{
	if (d->linked)
		return;
	size_t before = conf_problem_count(lib->c);
	d->busy = true;
	struct draft *parent = d->p.extends ? draft_named(lib, d->p.extends) : NULL;
	if (d->p.extends && !parent) {
		const char *near = library_nearest(lib, d->p.extends);
		conf_problem_at(lib->c, d->p.place, near ? "extends: there is no profile '%s'; did you mean '%s'?"
							 : "extends: there is no profile '%s'", d->p.extends, near);
	} else if (parent && parent->busy) {
		conf_problem_at(lib->c, d->p.place, "extends: '%s' extends itself in the end", d->p.name);
	} else {
		if (parent) {
			link_draft(lib, parent);
			d->bad |= parent->bad;
			inherit(d, parent);
			d->parent = parent;
		}
		d->address_base = d->address_base < 0 ? 0 : d->address_base;
		if (d->p.confidence < 0)
			d->p.confidence = CONFIDENCE_DOCUMENTED;
		link_points(lib, d, parent);
		link_rules(lib, d);
		if (!d->p.points.n && conf_problem_count(lib->c) == before)
			conf_problem_at(lib->c, d->p.place, "profile '%s' has no points", d->p.name);
		if (d->cases)
			link_cases(lib, d);
		if (d->p.transport < 0)
			d->p.transport = TRANSPORT_MODBUS;
	}
	d->bad |= conf_problem_count(lib->c) != before;
	d->busy = false;
	d->linked = true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct draft *const *)a)->p.name, (*(struct draft *const *)b)->p.name);
}

bool library_close(struct library *lib, struct err *err)
{
	if (lib->closed)
		return conf_ok(lib->c, err);
	if (lib->n)
		qsort(lib->drafts, lib->n, sizeof(*lib->drafts), by_name);
	for (size_t i = 0; i < lib->n; i++)
		link_draft(lib, lib->drafts[i]);
	size_t good = 0;
	for (size_t i = 0; i < lib->n; i++)
		if (!lib->drafts[i]->bad)
			lib->drafts[good++] = lib->drafts[i];
	lib->n = good;
	lib->closed = true;
	conf_forget(lib->c);            /* nobody looks at the rows' nodes again: half of its memory */
	return conf_ok(lib->c, err);
}

const struct profile *library_find(const struct library *lib, const char *name)
{
	const struct draft *d = draft_named(lib, name);
	return d ? &d->p : NULL;
}

bool library_equal(const struct library *a, const struct library *b)
{
	bool same = a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++)
		same = !strcmp(a->drafts[i]->p.name, b->drafts[i]->p.name) && !memcmp(a->drafts[i]->p.digest, b->drafts[i]->p.digest, sizeof a->drafts[i]->p.digest);
	return same;
}

size_t library_count(const struct library *lib)
{
	return lib->n;
}

const struct profile *library_at(const struct library *lib, size_t i)
{
	return i < lib->n ? &lib->drafts[i]->p : NULL;
}

const char *library_nearest(const struct library *lib, const char *name)
{
	const char **names = calloc(lib->n + 1, sizeof *names), *near = NULL;
	for (size_t i = 0; names && i < lib->n; i++)
		names[i] = lib->drafts[i]->p.name;
	if (names && *name)
		near = conf_nearest(name, names, lib->n);
	free(names);
	return near;
}
