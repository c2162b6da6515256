/* Where in a document an error is, as a JSON pointer (RFC 6901). */
#include <criterion/criterion.h>
#include <string.h>

#include "vmm/config/json.h"

static struct error err;
static struct json_place root;
static cJSON *json;

static void parse(const char *text)
{
	cJSON_Delete(json);
	err = (struct error){0};
	cr_assert_eq(json_parse("x.json", text, &json, &root, &err), 0, "%s", err.text);
}

static void expect_unknown(const char *text, const char *pointer)
{
	static const char *const keys[] = {"known", NULL};

	parse(text);
	cr_assert_lt(json_keys(&root, keys), 0);
	cr_assert_str_eq(err.pointer, pointer);
}

Test(json, pointer_of_a_key_has_its_syntax_escaped)
{
	expect_unknown("{\"knwon\":1}", "/knwon");
	expect_unknown("{\"a/b~c\":1}", "/a~1b~0c");
	expect_unknown("{\"a.b[0]\":1}", "/a.b[0]");
	expect_unknown("{\"\":1}", "/");
	expect_unknown("{\"known\":1,\"known\":2}", "/known");
}

Test(json, pointer_leads_through_arrays_and_objects)
{
	const cJSON *array;
	struct json_place disk, inner;
	unsigned count;
	char *text = NULL;

	parse("{\"disks\":[{},{\"limit\":{\"rate\":\"\"}},7]}");
	cr_assert_eq(json_array(&root, "disks", 9, &array, &count), 0);
	cr_assert_eq(json_array_object(&root, "disks", array, 1, &disk), 0);
	cr_assert_eq(json_object(&disk, "limit", &inner), 0);
	cr_assert_lt(json_string(&inner, "rate", &text), 0);
	cr_assert_str_eq(err.pointer, "/disks/1/limit/rate");
	cr_assert_lt(json_array_object(&root, "disks", array, 2, &disk), 0);
	cr_assert_str_eq(err.pointer, "/disks/2");
	json_error(&root, "limit.rate", "is wrong");
	cr_assert_str_eq(err.pointer, "/limit/rate");
}

Test(json, pointer_that_does_not_fit_is_none)
{
	char text[512] = "{\"";

	memset(text + 2, '/', 300);
	strcpy(text + 302, "\":1}");
	expect_unknown(text, "");
}

Test(json, other_errors_have_no_pointer)
{
	expect_unknown("{\"x\":1}", "/x");
	error_set(&err, 0, "something else");
	cr_assert_str_eq(err.pointer, "");
}
