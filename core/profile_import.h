/* core/profile_import.h - a first profile from a vendor's register or object table (CSV).
 *
 * Columns are found by their headings, English or Chinese (address/地址, type/数据类型, unit/单位, scale/系数, ...).  What had to be
 * guessed is said in comments of the YAML, and every point is `confidence: inferred`: the result is a start to be read through and
 * tried with `puectl profile test` and `puectl probe --profile`, not a finished profile.  Pure. */
#ifndef CORE_PROFILE_IMPORT_H
#define CORE_PROFILE_IMPORT_H

#include "core/profile.h"

struct import_options {
	const char *name;            /* of the profile; NULL: "imported" */
	const char *vendor, *model;  /* may be NULL */
	const char *source;          /* what the table is: "ACME PM100 manual rev C, table 4"; NULL: the file's name */
	int64_t address_base;        /* subtracted; -1: 0, or as 40001/30001 numbers say */
};

/* Appends the YAML.  False, with place and cause, when the file is no CSV, has no column of addresses, or has no usable row. */
bool profile_import(const char *file, const void *bytes, size_t len, const struct import_options *o, struct buf *yaml, struct err *err) MUST_USE;

#endif
