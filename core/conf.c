#include "core/conf.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MAX_LEVELS = 64, MAX_PROBLEMS = 1000, MAX_BYTES = 64 << 20 };

struct conf_node {
	enum conf_kind kind;
	struct conf_place place;
	const char *scalar;
	bool quoted;
	size_t n, index;                        /* index: place in the parent */
	struct conf_node **keys, **values;      /* keys NULL for a sequence */
	const struct conf_node *parent;
};

struct problem {
	struct conf_place place;
	char *text;
	bool warning;
	size_t order;
};

struct block {
	struct block *next;
	size_t used, room;
	max_align_t bytes[];
};

struct conf {
	struct block *blocks, *nodes;           /* nodes: of the tree alone, until conf_forget() */
	struct problem *problems;
	size_t n_problems, room, counts[2];     /* counts[warning]: raised */
	size_t repeated[2];                     /* of these: said just before */
	const char *manual;
};

struct conf *conf_new(void)
{
	return calloc(1, sizeof(struct conf));
}

void conf_set_manual(struct conf *c, const char *page)
{
	c->manual = page;
}

const char *conf_manual(const struct conf *c)
{
	return c->manual ? c->manual : "docs/configuration.md";
}

static void free_blocks(struct block **blocks)
{
	for (struct block *b = *blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*blocks = NULL;
}

void conf_forget(struct conf *c)
{
	free_blocks(&c->nodes);
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	free_blocks(&c->blocks);
	free_blocks(&c->nodes);
	free(c->problems);
	free(c);
}

/* Zeroed; texts are packed without gaps. */
static void *arena(struct block **blocks, size_t size, size_t align)
{
	struct block *b = *blocks;
	size_t at = b ? (b->used + align - 1) & ~(align - 1) : 0;
	if (!b || at > b->room || b->room - at < size) {
		size_t room = size > 65536 ? size : 65536;
		if (!(b = calloc(1, sizeof *b + room)))
			return NULL;
		*b = (struct block){ .next = *blocks, .room = room };
		*blocks = b;
		at = 0;
	}
	b->used = at + size;
	return (char *)b->bytes + at;
}

static void *take(struct conf *c, struct block **blocks, size_t size, size_t align)
{
	void *p = arena(blocks, size, align);
	if (!p)
		conf_problem(c, NULL, "out of memory");
	return p;
}

void *conf_alloc(struct conf *c, size_t size)
{
	return take(c, &c->blocks, size, alignof(max_align_t));
}

void *conf_scratch(struct conf *c, size_t size)
{
	return take(c, &c->nodes, size, alignof(max_align_t));
}

char *conf_copy(struct conf *c, const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = take(c, &c->blocks, len, 1);
	return copy ? memcpy(copy, text, len) : NULL;
}

/* Problems. */

/* A group of entries reads the same lines again and again: one problem is then enough. */
static bool said_just_now(const struct conf *c, struct conf_place place, const char *text)
{
	for (size_t i = c->n_problems; i > 0 && i + 32 > c->n_problems; i--) {
		const struct problem *p = &c->problems[i - 1];
		if (p->place.line == place.line && p->place.column == place.column && p->place.file == place.file && !strcmp(p->text, text))
			return true;
	}
	return false;
}

PRINTF(4, 0)
static void add_problem(struct conf *c, struct conf_place place, bool warning, const char *fmt, va_list args)
{
	static char none[] = "out of memory";
	CLEANUP(buf_done) struct buf plain = { 0 };
	char text[800];
	vsnprintf(text, sizeof text, fmt, args);
	buf_plain(&plain, text, strlen(text));
	c->counts[warning]++;                   /* also when not said again: readers see by the count that they failed */
	if (!plain.failed && said_just_now(c, place, plain.data)) {
		c->repeated[warning]++;
		return;
	}
	if (c->n_problems == MAX_PROBLEMS)
		return;
	if (c->n_problems == c->room) {
		size_t room = c->room ? c->room * 2 : 16;
		struct problem *more = realloc(c->problems, room * sizeof *more);
		if (!more)
			return;
		c->problems = more;
		c->room = room;
	}
	char *kept = plain.failed ? NULL : arena(&c->blocks, plain.len + 1, 1);
	c->problems[c->n_problems] = (struct problem){ place, kept ? memcpy(kept, plain.data, plain.len + 1) : none, warning, c->n_problems };
	c->n_problems++;
}

static struct conf_place place_of(const struct conf_node *n)
{
	return n ? n->place : (struct conf_place){ NULL, 0, 0 };
}

void conf_problem(struct conf *c, const struct conf_node *at, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	add_problem(c, place_of(at), false, fmt, args);
	va_end(args);
}

void conf_problem_at(struct conf *c, struct conf_place place, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	add_problem(c, place, false, fmt, args);
	va_end(args);
}

void conf_warning(struct conf *c, const struct conf_node *at, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	add_problem(c, place_of(at), true, fmt, args);
	va_end(args);
}

size_t conf_problem_count(const struct conf *c)
{
	return c->counts[false];
}

size_t conf_warning_count(const struct conf *c)
{
	return c->counts[true];
}

size_t conf_said(const struct conf *c, bool warnings)
{
	return c->counts[warnings] - c->repeated[warnings];
}

static int by_place(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;
	const char *fx = x->place.file ? x->place.file : "", *fy = y->place.file ? y->place.file : "";
	int d = strcmp(fx, fy);
	if (!d)
		d = (x->place.line > y->place.line) - (x->place.line < y->place.line);
	if (!d)
		d = (x->place.column > y->place.column) - (x->place.column < y->place.column);
	return d ? d : (x->order > y->order) - (x->order < y->order);
}

void conf_each(const struct conf *c, conf_finding_fn *fn, void *ctx)
{
	struct problem *sorted = malloc((c->n_problems + 1) * sizeof *sorted);
	if (!sorted)
		return;
	if (c->n_problems)
		memcpy(sorted, c->problems, c->n_problems * sizeof *sorted);
	qsort(sorted, c->n_problems, sizeof *sorted, by_place);
	for (const struct problem *p = sorted; p < sorted + c->n_problems; p++)
		fn(ctx, p->place, p->warning, p->text);
	free(sorted);
}

static void report_line(void *ctx, struct conf_place place, bool warning, const char *text)
{
	if (place.file)
		buf_printf(ctx, "%s:%d:%d: ", place.file, place.line, place.column);
	buf_printf(ctx, "%s%s\n", warning ? "warning: " : "", text);
}

void conf_report(const struct conf *c, struct buf *out)
{
	conf_each(c, report_line, out);
	size_t said = conf_said(c, false) + conf_said(c, true);
	if (said > c->n_problems)
		buf_printf(out, "... and %zu more\n", said - c->n_problems);
}

bool conf_ok(const struct conf *c, struct err *err)
{
	if (!c->counts[false])
		return true;
	CLEANUP(buf_done) struct buf report = { 0 };
	conf_report(c, &report);
	while (report.len && report.data[report.len - 1] == '\n')
		report.data[--report.len] = 0;
	return err_set(err, ERR_CONFIG, "%s", report.data ? report.data : "out of memory");
}

/* From libyaml's document nodes to ours: they outlive the parser and know their parents. */

struct builder {
	struct conf *c;
	yaml_document_t *doc;
	bool *seen;
	const char *file;
};

static bool is_null(const yaml_node_t *y)
{
	const char *s = (const char *)y->data.scalar.value;
	return y->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!*s || !strcmp(s, "~") || !strcmp(s, "null"));
}

static struct conf_node *build(struct builder *b, int id, const struct conf_node *parent, size_t index, int level);

static void check_duplicate(struct builder *b, const struct conf_node *n, size_t i)
{
	const char *key = conf_scalar(n->keys[i]);
	if (!key) {
		conf_problem(b->c, n->keys[i], "a key must be a word; quote it if it is meant as text");
		return;
	}
	for (size_t k = 0; k < i; k++)
		if (conf_scalar(n->keys[k]) && !strcmp(conf_scalar(n->keys[k]), key)) {
			conf_problem(b->c, n->keys[i], "key '%s' stands here twice (first in line %d); remove one", key,
				     n->keys[k]->place.line);
			return;
		}
}

static bool build_children(struct builder *b, const yaml_node_t *y, struct conf_node *n, int level)
{
	bool map = y->type == YAML_MAPPING_NODE;
	n->n = map ? (size_t)(y->data.mapping.pairs.top - y->data.mapping.pairs.start)
		   : (size_t)(y->data.sequence.items.top - y->data.sequence.items.start);
	n->values = conf_scratch(b->c, (n->n + 1) * sizeof *n->values);
	n->keys = map ? conf_scratch(b->c, (n->n + 1) * sizeof *n->keys) : NULL;
	if (!n->values || (map && !n->keys))
		return false;
	for (size_t i = 0; i < n->n; i++) {
		if (map && !(n->keys[i] = build(b, y->data.mapping.pairs.start[i].key, n, i, level + 1)))
			return false;
		int value = map ? y->data.mapping.pairs.start[i].value : y->data.sequence.items.start[i];
		if (!(n->values[i] = build(b, value, n, i, level + 1)))
			return false;
		if (map)
			check_duplicate(b, n, i);
	}
	return true;
}

static struct conf_node *build(struct builder *b, int id, const struct conf_node *parent, size_t index, int level)
{
	const yaml_node_t *y = yaml_document_get_node(b->doc, id);
	struct conf_node *n = conf_scratch(b->c, sizeof *n);
	if (!y || !n)
		return NULL;
	*n = (struct conf_node){ .parent = parent, .index = index,
		.place = { b->file, (int)y->start_mark.line + 1, (int)y->start_mark.column + 1 } };
	if (b->seen[id] || level > MAX_LEVELS) {
		conf_problem(b->c, n, b->seen[id] ? "aliases (*name) are not read; write the value out"
						  : "nested deeper than %d levels; flatten it", MAX_LEVELS);
		return NULL;
	}
	b->seen[id] = true;
	if (y->type == YAML_SCALAR_NODE) {
		n->kind = is_null(y) ? CONF_NULL : CONF_SCALAR;
		n->quoted = y->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		if (strlen((const char *)y->data.scalar.value) != y->data.scalar.length) {
			conf_problem(b->c, n, "a text may not hold a NUL character");
			return NULL;
		}
		n->scalar = conf_copy(b->c, (const char *)y->data.scalar.value);
		return n->scalar ? n : NULL;
	}
	n->kind = y->type == YAML_MAPPING_NODE ? CONF_MAPPING : CONF_SEQUENCE;
	return build_children(b, y, n, level) ? n : NULL;
}

static void syntax_problem(struct conf *c, const char *file, const yaml_parser_t *p)
{
	struct conf_node at = { .place = { file, (int)p->problem_mark.line + 1, (int)p->problem_mark.column + 1 } };
	conf_problem(c, &at, "not YAML: %s%s%s; check indentation (spaces, no tabs) and quotes", p->context ? p->context : "",
		     p->context ? ": " : "", p->problem ? p->problem : "out of memory");
}

static const struct conf_node *build_document(struct conf *c, const char *file, yaml_parser_t *parser, yaml_document_t *doc)
{
	size_t nodes = (size_t)(doc->nodes.top - doc->nodes.start);
	if (!nodes) {
		struct conf_node at = { .place = { file, 1, 1 } };
		conf_problem(c, &at, "the file is empty");
		return NULL;
	}
	struct builder b = { c, doc, calloc(nodes + 1, sizeof(bool)), file };
	const struct conf_node *root = b.seen ? build(&b, 1, NULL, 0, 0) : NULL;
	free(b.seen);
	yaml_document_t second;
	if (!yaml_parser_load(parser, &second)) {
		syntax_problem(c, file, parser);
		return NULL;
	}
	const yaml_node_t *more = yaml_document_get_root_node(&second);
	if (more) {
		struct conf_node at = { .place = { file, (int)more->start_mark.line + 1, 1 } };
		conf_problem(c, &at, "a second document starts here; keep one document in a file");
		root = NULL;
	}
	yaml_document_delete(&second);
	return root;
}

const struct conf_node *conf_parse(struct conf *c, const char *file, const void *bytes, size_t len)
{
	yaml_parser_t parser;
	yaml_document_t doc;
	const struct conf_node *root = NULL;
	file = conf_copy(c, file);
	if (!file || len > MAX_BYTES || !yaml_parser_initialize(&parser)) {
		conf_problem(c, NULL, "%s: %s", file ? file : "?", len > MAX_BYTES ? "larger than 64 MiB" : "out of memory");
		return NULL;
	}
	yaml_parser_set_input_string(&parser, bytes, len);
	if (yaml_parser_load(&parser, &doc)) {
		root = build_document(c, file, &parser, &doc);
		yaml_document_delete(&doc);
	} else {
		syntax_problem(c, file, &parser);
	}
	yaml_parser_delete(&parser);
	return root;
}

/* Walking. */

enum conf_kind conf_kind(const struct conf_node *n)
{
	return n ? n->kind : CONF_NULL;
}

struct conf_place conf_place(const struct conf_node *n)
{
	return place_of(n);
}

const char *conf_scalar(const struct conf_node *n)
{
	return n && n->kind == CONF_SCALAR ? n->scalar : NULL;
}

bool conf_quoted(const struct conf_node *n)
{
	return n && n->quoted;
}

size_t conf_count(const struct conf_node *n)
{
	return n ? n->n : 0;
}

const struct conf_node *conf_item(const struct conf_node *n, size_t i)
{
	return n && i < n->n ? n->values[i] : NULL;
}

const struct conf_node *conf_key(const struct conf_node *n, size_t i)
{
	return n && n->keys && i < n->n ? n->keys[i] : NULL;
}

const struct conf_node *conf_get(const struct conf_node *n, const char *key)
{
	if (conf_kind(n) != CONF_MAPPING)
		return NULL;
	for (size_t i = 0; i < n->n; i++)
		if (conf_scalar(n->keys[i]) && !strcmp(n->keys[i]->scalar, key))
			return n->values[i];
	return NULL;
}

static void path_into(const struct conf_node *n, struct buf *out)
{
	if (!n->parent)
		return;
	path_into(n->parent, out);
	if (n->parent->kind == CONF_SEQUENCE)
		buf_printf(out, "[%zu]", n->index);
	else
		buf_printf(out, "%s%s", out->len ? "." : "", conf_scalar(n->parent->keys[n->index]) ?: "?");
}

/* Made nodes. */

struct conf_node *conf_make(struct conf *c, struct conf_place place, enum conf_kind kind, size_t room)
{
	struct conf_node *n = conf_scratch(c, sizeof *n);
	if (!n)
		return NULL;
	*n = (struct conf_node){ .kind = kind, .place = place, .scalar = "", .quoted = true };
	n->values = conf_scratch(c, (room + 1) * sizeof *n->values);
	n->keys = kind == CONF_MAPPING ? conf_scratch(c, (room + 1) * sizeof *n->keys) : NULL;
	return n->values && (n->keys || kind != CONF_MAPPING) ? n : NULL;
}

struct conf_node *conf_make_scalar(struct conf *c, struct conf_place place, const char *text)
{
	struct conf_node *n = conf_scratch(c, sizeof *n);
	const char *copy = conf_copy(c, text);
	if (!n || !copy)
		return NULL;
	*n = (struct conf_node){ .kind = *copy ? CONF_SCALAR : CONF_NULL, .place = place, .scalar = copy, .quoted = true };
	return n;
}

void conf_add(struct conf_node *parent, const struct conf_node *key, struct conf_node *value)
{
	value->parent = parent;
	value->index = parent->n;
	if (parent->keys)
		parent->keys[parent->n] = (struct conf_node *)(uintptr_t)key;
	parent->values[parent->n++] = value;
}

void conf_adopt(struct conf_node *n, const struct conf_node *like)
{
	n->parent = like->parent;
	n->index = like->index;
}

struct conf_node *conf_clone(struct conf *c, const struct conf_node *n, conf_rewriter *rewrite, void *ctx)
{
	if (n->kind == CONF_SCALAR) {
		const char *text = rewrite(c, n, ctx);
		return text ? conf_make_scalar(c, n->place, text) : NULL;
	}
	struct conf_node *copy = conf_make(c, n->place, n->kind, n->n);
	for (size_t i = 0; copy && i < n->n; i++) {
		struct conf_node *value = conf_clone(c, n->values[i], rewrite, ctx);
		if (!value)
			return NULL;
		conf_add(copy, conf_key(n, i), value);
	}
	return copy;
}

const char *conf_path(struct conf *c, const struct conf_node *n)
{
	CLEANUP(buf_done) struct buf path = { 0 };
	if (n)
		path_into(n, &path);
	const char *copy = path.len ? conf_copy(c, path.data) : "the file";
	return copy ? copy : "?";
}
