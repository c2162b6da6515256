#include <criterion/criterion.h>
#include <errno.h>

#include "common/cleanup.h"
#include "vmm/domain_xml/json_key.h"

Test(json_key, dots_lead_into_objects)
{
	cJSON *root = cJSON_CreateObject();

	cr_expect(json_key_set(root, "a.b.c", cJSON_CreateNumber(1)) == 0);
	cr_expect(json_key_set(root, "a.b.c", cJSON_CreateNumber(2)) == -EEXIST);
	cr_expect(json_key_set(root, "a.d", NULL) == -ENOMEM);
	cr_expect(json_key_get(root, "a.b.c")->valueint == 1);
	cr_expect_null(json_key_get(root, "a.b.x"));
	cr_expect_null(json_key_get(root, "a.b.c.d"));
	cJSON_Delete(root);
}

static void expect_pointer(const char *before, const char *pointer, const char *value, int code,
			   const char *after)
{
	cJSON *root = cJSON_Parse(before);
	AUTO_FREE char *text = NULL;

	cr_expect(json_pointer_set(root, pointer, value ? cJSON_Parse(value) : NULL) == code, "%s", pointer);
	text = cJSON_PrintUnformatted(root);
	cr_expect_str_eq(text, after, "%s: %s", pointer, text);
	cJSON_Delete(root);
}

Test(json_key, pointers_replace_make_and_remove)
{
	expect_pointer("{}", "/a", "1", 0, "{\"a\":1}");
	expect_pointer("{}", "/a/b", "1", 0, "{\"a\":{\"b\":1}}");
	expect_pointer("{\"a\":[1,2]}", "/a/1", "3", 0, "{\"a\":[1,3]}");
	expect_pointer("{\"a\":[{\"b\":1}]}", "/a/0/b", "\"x\"", 0, "{\"a\":[{\"b\":\"x\"}]}");
	expect_pointer("{\"a\":1,\"b\":2}", "/a", NULL, 0, "{\"b\":2}");
	expect_pointer("{}", "/x~1y/z~0", "1", 0, "{\"x/y\":{\"z~\":1}}");
}

Test(json_key, pointers_that_lead_nowhere_change_nothing)
{
	expect_pointer("{}", "a", "1", -EINVAL, "{}");
	expect_pointer("{}", "", "1", -EINVAL, "{}");
	expect_pointer("{}", "/a/0/b", "1", -ENOENT, "{}");
	expect_pointer("{\"a\":[1]}", "/a/1", "3", -ENOENT, "{\"a\":[1]}");
	expect_pointer("{\"a\":[1]}", "/a/x", "3", -ENOENT, "{\"a\":[1]}");
	expect_pointer("{\"a\":[1]}", "/a/99999999999999999999", "3", -ENOENT, "{\"a\":[1]}");
	expect_pointer("{\"a\":1}", "/a/b", "3", -ENOENT, "{\"a\":1}");
	expect_pointer("{}", "/a", NULL, -ENOENT, "{}");
}
