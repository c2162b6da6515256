#include <criterion/criterion.h>

#include "vmm/api/problem.h"

Test(problem, says_what_and_where)
{
	cJSON *json = problem_to_json(
		&(struct problem){.status = 422, .detail = "memory_mib: is wrong", .pointer = "/memory_mib"});
	char *text = cJSON_PrintUnformatted(json);

	cr_assert_str_eq(
		text,
		"{\"type\":\"about:blank\",\"title\":\"Unprocessable Content\",\"status\":422,"
		"\"code\":\"invalid\",\"detail\":\"memory_mib: is wrong\",\"pointer\":\"/memory_mib\"}");
	free(text);
	cJSON_Delete(json);
}

Test(problem, leaves_out_what_it_has_not)
{
	cJSON *json = problem_to_json(&(struct problem){.status = 404, .detail = "x", .pointer = ""});

	cr_assert_null(cJSON_GetObjectItem(json, "pointer"));
	cr_assert_null(cJSON_GetObjectItem(json, "parameter"));
	cJSON_Delete(json);
}

Test(problem, status_that_it_does_not_know_is_our_fault)
{
	cJSON *json = problem_to_json(&(struct problem){.status = 299, .detail = "x"});

	cr_assert_eq(cJSON_GetObjectItem(json, "status")->valueint, 500);
	cJSON_Delete(json);
}

Test(problem, words_of_clients_are_made_printable)
{
	cJSON *json = problem_to_json(&(struct problem){.status = 404, .detail = "no \x1b[2J\xff guest"});

	cr_assert_str_eq(cJSON_GetObjectItem(json, "detail")->valuestring, "no .[2J? guest");
	cJSON_Delete(json);
}
