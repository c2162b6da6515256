/* RFC 7396, appendix A, as far as objects are patched by objects; and what is too much. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <errno.h>

#include "vmm/api/merge_patch.h"

static void check(const char *target, const char *patch, const char *wanted)
{
	cJSON *json = cJSON_Parse(target), *change = cJSON_Parse(patch);
	char *text;

	cr_assert_eq(merge_patch(json, change), 0);
	text = cJSON_PrintUnformatted(json);
	cr_assert_str_eq(text, wanted);
	free(text);
	cJSON_Delete(json);
	cJSON_Delete(change);
}

Test(merge_patch, examples_of_the_specification)
{
	check("{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
	check("{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}");
	check("{\"a\":\"b\"}", "{\"a\":null}", "{}");
	check("{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}");
	check("{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
	check("{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}");
	check("{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}");
	check("{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}");
	check("{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}");
	check("{\"a\":\"foo\"}", "{\"b\":{\"ccc\":null}}", "{\"a\":\"foo\",\"b\":{}}");
	check("{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}");
	check("{\"a\":{\"b\":1}}", "{\"a\":2}", "{\"a\":2}");
}

Test(merge_patch, order_of_what_stays_is_kept)
{
	check("{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":5}", "{\"a\":1,\"b\":5,\"c\":3}");
}

Test(merge_patch, names_differ_in_case)
{
	check("{\"a\":1}", "{\"A\":2}", "{\"a\":1,\"A\":2}");
}

Test(merge_patch, too_many_members_are_refused)
{
	cJSON *target = cJSON_CreateObject(), *patch = cJSON_CreateObject();

	for (unsigned i = 0; i <= MERGE_PATCH_MEMBERS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", i);
		cJSON_AddNumberToObject(patch, name, i);
	}
	cr_assert_eq(merge_patch(target, patch), -E2BIG);
	cJSON_Delete(target);
	cJSON_Delete(patch);
}
