#include <criterion/criterion.h>
#include <stdio.h>
#include <netinet/in.h>
#include <string.h>

#include "vmm/config/api_settings.h"

static struct api_settings settings;
static struct error err;
static cJSON *json;

static int read_api(const char *api)
{
	char text[1024];
	struct json_place root;

	settings = (struct api_settings){0};
	snprintf(text, sizeof(text), "{\"api\":%s}", api);
	cJSON_Delete(json);
	cr_assert_eq(json_parse("vmm.json", text, &json, &root, &err), 0, "%s", text);
	return api_settings_read(&root, "/etc/rastos", &settings);
}

Test(api_settings, nothing_listens_on_tcp_by_itself)
{
	cr_assert_eq(read_api("{}"), 0);
	cr_assert_eq(settings.listen_count, 0);
	cr_assert_eq(settings.requests_per_second, API_REQUESTS);
	cr_assert_null(settings.socket);
}

Test(api_settings, all_of_it)
{
	cr_assert_eq(
		read_api("{\"socket\":\"a.sock\",\"groups\":{\"read\":\"adm\",\"admin\":\"wheel\"},"
			 "\"listen\":[\"127.0.0.1:9790\",\"[::1]:1\",\"192.0.2.1:65535\"],\"tokens\":\"/t\","
			 "\"tls\":{\"certificate\":\"c\",\"key\":\"k\",\"client_ca\":\"ca\"},"
			 "\"requests_per_second\":7}"),
		0, "%s", err.text);
	cr_assert_str_eq(settings.socket, "/etc/rastos/a.sock");
	cr_assert_str_eq(settings.groups[ROLE_READ], "adm");
	cr_assert_null(settings.groups[ROLE_OPERATE]);
	cr_assert_eq(settings.listen_count, 3);
	cr_assert_eq(settings.listen[1].address.ss_family, AF_INET6);
	cr_assert_eq(ntohs(((struct sockaddr_in *)&settings.listen[0].address)->sin_port), 9790);
	cr_assert_str_eq(settings.tokens, "/t");
	cr_assert_str_eq(settings.client_ca, "/etc/rastos/ca");
	cr_assert_eq(settings.requests_per_second, 7);
	api_settings_free(&settings);
}

Test(api_settings, wrong_ones_are_named)
{
	static const struct {
		const char *api, *word, *pointer;
	} cases[] = {
		{"7", "api: must be an object", "/api"},
		{"{\"sokcet\":\"x\"}", "did you mean \"socket\"", "/api/sokcet"},
		{"{\"socket\":\"\"}", "socket", "/api/socket"},
		{"{\"groups\":{\"write\":\"x\"}}", "write", "/api/groups/write"},
		{"{\"groups\":{\"read\":7}}", "read", "/api/groups/read"},
		{"{\"listen\":\"127.0.0.1:1\"}", "must be an array", "/api/listen"},
		{"{\"listen\":[7]}", "must be addresses", "/api/listen"},
		{"{\"listen\":[\"localhost:80\"]}", "must be addresses", "/api/listen"},
		{"{\"listen\":[\"127.0.0.1\"]}", "must be addresses", "/api/listen"},
		{"{\"listen\":[\"127.0.0.1:0\"]}", "must be addresses", "/api/listen"},
		{"{\"listen\":[\"127.0.0.1:65536\"]}", "must be addresses", "/api/listen"},
		{"{\"listen\":[\"127.0.0.1:+1\"]}", "must be addresses", "/api/listen"},
		{"{\"listen\":[\"127.0.0.1:1x\"]}", "must be addresses", "/api/listen"},
		{"{\"listen\":[\"::1:80\"]}", "must be addresses", "/api/listen"},
		{"{\"listen\":[\"[::1:80\"]}", "must be addresses", "/api/listen"},
		{"{\"listen\":[\":80\"]}", "must be addresses", "/api/listen"},
		{"{\"listen\":[\"1.1.1.1:1\",\"1.1.1.1:2\",\"1.1.1.1:3\",\"1.1.1.1:4\",\"1.1.1.1:5\"]}",
		 "at most 4", "/api/listen"},
		{"{\"listen\":[\"127.0.0.1:80\"]}", "who may connect there?", "/api/listen"},
		{"{\"listen\":[\"0.0.0.0:80\"],\"tokens\":\"t\"}", "needs tls", "/api/listen"},
		{"{\"listen\":[\"[::]:80\"],\"tokens\":\"t\"}", "needs tls", "/api/listen"},
		{"{\"tls\":{\"key\":\"k\"}}", "certificate: is missing", "/api/tls/certificate"},
		{"{\"tls\":{\"certificate\":\"c\"}}", "key: is missing", "/api/tls/key"},
		{"{\"requests_per_second\":0}", "from 1 to", "/api/requests_per_second"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cr_assert_lt(read_api(cases[i].api), 0, "%s", cases[i].api);
		cr_assert(strstr(err.text, cases[i].word), "%s: %s", cases[i].api, err.text);
		cr_assert_str_eq(err.pointer, cases[i].pointer);
		api_settings_free(&settings);
	}
}

Test(api_settings, roles)
{
	cr_assert_eq(api_role_parse("admin"), ROLE_ADMIN);
	cr_assert_eq(api_role_parse("none"), ROLE_NONE);
	cr_assert_eq(api_role_parse("Admin"), ROLE_NONE);
	cr_assert_eq(api_role_parse(""), ROLE_NONE);
	cr_assert_str_eq(api_role_name(ROLE_OPERATE), "operate");
}
