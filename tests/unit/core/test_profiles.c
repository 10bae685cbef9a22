/* Every profile of the library: reads without a problem, its own tests hold, the device of a test that says who it is is
 * identified as this profile out of the whole library, and no meter is mistaken for another. */
#include "tests/unit/kit.h"
#include "tests/unit/test.h"
#include "core/decode.h"
#include "core/replica.h"

#include <dirent.h>
#include <stdlib.h>

static struct library *lib;

static int load(void **state)
{
	(void)state;
	DIR *dir = opendir(PROFILES);
	struct dirent *e;
	if (!dir || !(lib = library_new()))
		return -1;
	while ((e = readdir(dir))) {
		size_t len = strlen(e->d_name);
		if (len < 6 || strcmp(e->d_name + len - 5, ".yaml"))
			continue;
		char path[1000];
		CLEANUP(buf_done) struct buf bytes = { 0 };
		snprintf(path, sizeof path, "%s/%s", PROFILES, e->d_name);
		if (!kit_file(path, &bytes))
			return -1;
		library_add(lib, e->d_name, bytes.data, bytes.len);
	}
	closedir(dir);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	library_free(lib);
	return 0;
}

static void all_read(void **state)
{
	(void)state;
	struct err err = { 0 };
	if (!library_close(lib, &err)) {
		CLEANUP(buf_done) struct buf all = { 0 };
		conf_report(library_conf(lib), &all);
		fail_msg("%s", all.data);
	}
	assert_true(library_count(lib) >= 10);
}

static void own_tests(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf findings = { 0 };
	size_t wrong = 0, total = 0;
	for (size_t i = 0; i < library_count(lib); i++) {
		const struct profile *p = library_at(lib, i);
		size_t facts;
		wrong += profile_test(p, &facts, &findings);
		total += facts;
		if (!p->abstract && !facts) {
			buf_printf(&findings, "%s: has no test block\n", p->name);
			wrong++;
		}
	}
	print_message("%zu profiles, %zu facts\n", library_count(lib), total);
	if (wrong)
		fail_msg("%zu wrong:\n%s", wrong, findings.data);
}

static bool says_who(const struct profile_case *c)
{
	struct oid object_id;
	const struct test_input *in = c->given.items;
	assert_true(oid_parse("1.3.6.1.2.1.1.2.0", &object_id));
	for (size_t i = 0; i < c->given.n; i++)
		if (in[i].at.oid && !oid_compare(in[i].at.oid, &object_id))
			return true;
	return false;
}

static void identified(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf findings = { 0 };
	for (size_t i = 0; i < library_count(lib); i++) {
		const struct profile *p = library_at(lib, i);
		const struct profile_case *c = p->cases.items;
		for (size_t k = 0; k < p->cases.n; k++) {
			struct identity who;
			struct err err = { 0 };
			if (!says_who(&c[k]))
				continue;
			struct replica *r = profile_case_replica(&c[k]);
			if (!replica_identify(r, lib, TRANSPORT_SNMP, &who, &err) || who.profile != p)
				buf_printf(&findings, "%s, test \"%s\": identified as %s\n", p->name, c[k].name, who.profile ? who.profile->name : err.text);
			replica_free(r);
		}
	}
	if (findings.len)
		fail_msg("%s", findings.data);
}

/* Words of one meter are never taken for another's: who asks only registers finds this profile or none. */
static void not_mistaken(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf findings = { 0 };
	size_t found = 0;
	for (size_t i = 0; i < library_count(lib); i++) {
		const struct profile *p = library_at(lib, i);
		const struct profile_case *c = p->cases.items;
		for (size_t k = 0; p->transport == TRANSPORT_MODBUS && k < p->cases.n; k++) {
			struct identity who = { 0 };
			struct err err = { 0 };
			struct replica *r = profile_case_replica(&c[k]);
			bool known = replica_identify(r, lib, TRANSPORT_MODBUS, &who, &err);
			found += known && who.profile == p;
			if (known && who.profile != p)
				buf_printf(&findings, "%s, test \"%s\": mistaken for %s\n", p->name, c[k].name, who.profile->name);
			replica_free(r);
		}
	}
	if (findings.len)
		fail_msg("%s", findings.data);
	assert_true(found >= 5);
}

/* The examples of docs/writing-a-profile.md are profiles, and their tests hold. */
static void guide(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf text = { 0 }, findings = { 0 };
	struct err err = { 0 };
	struct library *examples = library_new();
	size_t total = 0, facts;
	assert_true(kit_file(GUIDE, &text));
	buf_str(&text, "");
	static const char opening[] = "```yaml\n", closing[] = "\n```";
	for (char *at = strstr(text.data, opening), *end; at && (end = strstr(at + sizeof opening, closing)); at = strstr(end + 1, opening)) {
		at += sizeof opening - 1;
		library_add(examples, "guide", at, (size_t)(end - at));
	}
	if (!library_close(examples, &err))
		fail_msg("%s", err.text);
	assert_int_equal(library_count(examples), 3);
	for (size_t i = 0; i < library_count(examples); i++, total += facts)
		if (profile_test(library_at(examples, i), &facts, &findings))
			fail_msg("%s", findings.data);
	assert_true(total >= 11);
	library_free(examples);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_read), cmocka_unit_test(own_tests), cmocka_unit_test(identified),
					    cmocka_unit_test(not_mistaken),
					    cmocka_unit_test(guide) };
	return cmocka_run_group_tests(tests, load, unload);
}
