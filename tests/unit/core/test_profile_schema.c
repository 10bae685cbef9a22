/* docs/schema/profile.schema.json names exactly the keys and words that the reader knows. */
#include "tests/unit/test.h"
#include "core/profile_read.h"

#include <jansson.h>

static json_t *schema;

static json_t *def(const char *name)
{
	return json_object_get(json_object_get(schema, "$defs"), name);
}

static void same_keys(const struct conf_field *fields, json_t *object)
{
	json_t *properties = json_object_get(object, "properties");
	size_t n = 0;
	for (; fields[n].key; n++)
		if (!json_object_get(properties, fields[n].key))
			fail_msg("the schema lacks '%s'", fields[n].key);
	assert_int_equal(json_object_size(properties), n);
}

static void same_words(const struct conf_name *names, json_t *object)
{
	json_t *words = json_object_get(object, "enum");
	size_t n = 0;
	for (; names[n].name; n++) {
		bool found = false;
		for (size_t i = 0; i < json_array_size(words); i++)
			found |= !strcmp(json_string_value(json_array_get(words, i)), names[n].name);
		if (!found)
			fail_msg("the schema lacks the word '%s'", names[n].name);
	}
	assert_int_equal(json_array_size(words), n);
}

static void test_keys(void **state)
{
	(void)state;
	same_keys(draft_fields, schema);
	same_keys(point_fields, def("point"));
}

static void test_words(void **state)
{
	(void)state;
	json_t *point = json_object_get(def("point"), "properties");
	struct conf_name type_names[40] = { 0 };
	for (size_t i = 0; types[i].name; i++)
		type_names[i].name = types[i].name;
	same_words(type_names, def("type"));
	same_words(confidence_names, def("confidence"));
	same_words(quantity_names, json_object_get(point, "quantity"));
	same_words(scope_conf_names, json_object_get(point, "scope"));
	same_words(transform_names, json_object_get(point, "transform"));
	same_words(transport_names, json_object_get(json_object_get(schema, "properties"), "transport"));
}

int main(void)
{
	json_error_t error;
	schema = json_load_file(SCHEMA, 0, &error);
	if (!schema) {
		print_error("%s:%d: %s\n", error.source, error.line, error.text);
		return 1;
	}
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_keys), cmocka_unit_test(test_words) };
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(schema);
	return rc;
}
