/* rastos-domain-xml as rastos-vmm runs it: waited for, and beside a loop. The program is in the folder that
 * PATH begins with (CMakeLists.txt). */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/domain_xml/run.h"

#define GUEST "<domain type='kvm'><name>g</name><os><type>hvm</type><kernel>/k1</kernel></os></domain>"

static struct domain_xml_request to_json(const char *text)
{
	return (struct domain_xml_request){
		.way = DOMAIN_XML_TO_JSON,
		.input = text,
		.size = strlen(text),
		.no_validate = true,
	};
}

Test(domain_xml_run, xml_becomes_a_definition)
{
	struct domain_xml_request request = to_json(GUEST);
	struct domain_xml_result result;

	cr_assert(domain_xml_run(&request, &result) == 0, "%s", result.err.text);
	cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(result.definition, "name")), "g");
	cr_expect(cJSON_IsArray(result.ignored));
	domain_xml_result_clear(&result);
	cr_expect_null(result.definition);
}

Test(domain_xml_run, a_definition_becomes_xml)
{
	const char *text = "{\"name\":\"g\",\"kernel\":{\"path\":\"/k1\"}}";
	struct domain_xml_request request = {.way = DOMAIN_XML_TO_XML, .input = text, .size = strlen(text)};
	struct domain_xml_result result;

	cr_assert(domain_xml_run(&request, &result) == 0, "%s", result.err.text);
	cr_expect(strncmp(result.xml, "<domain type=\"kvm\">", 19) == 0);
	cr_expect(strlen(result.xml) == result.size);
	cr_expect(result.xml[result.size - 1] == '\n');
	domain_xml_result_clear(&result);
}

Test(domain_xml_run, what_is_refused_has_its_place)
{
	struct domain_xml_request request = to_json("<domain type='xen'><name>g</name></domain>");
	struct domain_xml_result result;

	cr_expect(domain_xml_run(&request, &result) == -EINVAL);
	cr_expect_str_eq(result.place, "/domain/@type");
	cr_expect(strstr(result.err.text, "KVM"), "%s", result.err.text);
	domain_xml_result_clear(&result);
}

Test(domain_xml_run, more_than_the_limit_starts_nothing)
{
	AUTO_FREE char *text = malloc(DOMAIN_XML_INPUT_MAX + 1);
	struct domain_xml_request request = {.input = text, .size = DOMAIN_XML_INPUT_MAX + 1};
	struct domain_xml_result result;

	memset(text, ' ', DOMAIN_XML_INPUT_MAX + 1);
	cr_expect(domain_xml_run(&request, &result) == -E2BIG);
	cr_expect(strstr(result.err.text, "1024 KiB"), "%s", result.err.text);
}

Test(domain_xml_run, the_largest_is_taken)
{
	AUTO_FREE char *text = malloc(DOMAIN_XML_INPUT_MAX);
	struct domain_xml_request request = {
		.input = text, .size = DOMAIN_XML_INPUT_MAX, .no_validate = true};
	struct domain_xml_result result;

	memset(text, ' ', DOMAIN_XML_INPUT_MAX);
	memcpy(text, GUEST, strlen(GUEST));
	cr_expect(domain_xml_run(&request, &result) == 0, "%s", result.err.text);
	domain_xml_result_clear(&result);
}

/* --- Beside a loop --- */

struct beside {
	struct domain_xml_job job;
	struct loop loop;
	unsigned done;
};

static void count_done(struct domain_xml_job *job)
{
	struct beside *beside = CONTAINER_OF(job, struct beside, job);

	beside->done++;
	loop_stop(&beside->loop);
}

Test(domain_xml_run, done_comes_once_and_from_the_loop, .timeout = 20)
{
	struct beside beside = {.job = {.done = count_done}};
	struct domain_xml_request request = to_json(GUEST);

	cr_assert(loop_init(&beside.loop) == 0);
	cr_assert(domain_xml_start(&beside.loop, &request, &beside.job) == 0);
	cr_expect(beside.done == 0);
	loop_run(&beside.loop);
	cr_expect(beside.done == 1);
	cr_expect(beside.job.result.code == 0);
	domain_xml_cancel(&beside.job); /* nothing runs any more: releases the result */
	cr_expect_null(beside.job.result.definition);
	loop_close(&beside.loop);
}

/* A program in the other's place, in a folder of its own. */
static void replace_program(const char *script, char folder[32])
{
	char path[64], search[64];
	AUTO_FCLOSE FILE *file = NULL;

	strcpy(folder, "/tmp/rastos-run-XXXXXX");
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/rastos-domain-xml", folder);
	file = fopen(path, "we");
	cr_assert(file && fprintf(file, "#!/bin/sh\n%s\n", script) > 0 && fchmod(fileno(file), 0755) == 0);
	snprintf(search, sizeof(search), "%s:/usr/bin:/bin", folder);
	setenv("PATH", search, 1);
}

static void remove_program(const char *folder)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/rastos-domain-xml", folder);
	unlink(path);
	rmdir(folder);
}

Test(domain_xml_run, cancelled_it_is_killed_and_says_nothing, .timeout = 20)
{
	struct beside beside = {.job = {.done = count_done}};
	struct domain_xml_request request = to_json(GUEST);
	char folder[32];
	pid_t pid;

	replace_program("exec sleep 60", folder);
	cr_assert(loop_init(&beside.loop) == 0);
	cr_assert(domain_xml_start(&beside.loop, &request, &beside.job) == 0);
	pid = beside.job.pid;
	domain_xml_cancel(&beside.job);
	cr_expect(kill(pid, 0) < 0 && errno == ESRCH);
	cr_expect(loop_step(&beside.loop, 50) == 0);
	cr_expect(beside.done == 0);
	loop_close(&beside.loop);
	remove_program(folder);
}

Test(domain_xml_run, one_that_does_not_end_is_killed, .timeout = 30)
{
	struct domain_xml_request request = to_json(GUEST);
	struct domain_xml_result result;
	char folder[32];

	request.seconds = 1;
	replace_program("exec sleep 60", folder);
	cr_expect(domain_xml_run(&request, &result) == -ETIMEDOUT);
	cr_expect(strstr(result.err.text, "after 1 seconds"), "%s", result.err.text);
	remove_program(folder);
}

Test(domain_xml_run, one_that_writes_for_ever_is_bounded, .timeout = 30)
{
	struct domain_xml_request request = to_json(GUEST);
	struct domain_xml_result result;
	char folder[32];

	replace_program("cat /dev/zero", folder);
	cr_expect(domain_xml_run(&request, &result) == -EIO, "%d", result.code);
	remove_program(folder);
}

Test(domain_xml_run, one_that_crashes_or_babbles_is_our_fault, .timeout = 30)
{
	static const char *const scripts[] = {"kill -SEGV $$", "exit 1", "echo nonsense", "echo '{}'; exit 0",
					      "echo '{\"definition\":5,\"ignored\":[]}'"};
	struct domain_xml_request request = to_json(GUEST);

	for (unsigned i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct domain_xml_result result;
		char folder[32];

		replace_program(scripts[i], folder);
		cr_expect(domain_xml_run(&request, &result) == -EIO, "%s: %d", scripts[i], result.code);
		cr_expect(*result.err.text);
		domain_xml_result_clear(&result);
		remove_program(folder);
	}
}

Test(domain_xml_run, one_that_is_not_there_is_named)
{
	struct domain_xml_request request = to_json(GUEST);
	struct domain_xml_result result;

	setenv("PATH", "/nowhere", 1);
	cr_expect(domain_xml_run(&request, &result) == -ENOENT);
	cr_expect(strstr(result.err.text, "rastos-domain-xml"), "%s", result.err.text);
}

Test(domain_xml_run, no_descriptor_stays_open, .timeout = 60)
{
	struct domain_xml_request request = to_json(GUEST);
	int before = dup(0);

	close(before);
	for (unsigned i = 0; i < 20; i++) {
		struct domain_xml_result result;

		cr_expect(domain_xml_run(&request, &result) == 0);
		domain_xml_result_clear(&result);
	}
	cr_expect(dup(0) == before);
}
