/* The boot report: marks, JSON there and back, the chart. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/guest/boot_report.h"

static struct boot_report sample(void)
{
	struct boot_report report = {.guest = "web"};

	report.steps[BOOT_STEP_EXEC] = (struct boot_step_time){true, 1000000, 1000000};
	report.steps[BOOT_STEP_VM] = (struct boot_step_time){true, 4000000, 2000000};
	report.steps[BOOT_STEP_READY] = (struct boot_step_time){true, 104000000, 52000000};
	return report;
}

Test(boot_report, first_mark_counts)
{
	struct boot_recorder recorder;
	struct boot_report first, second;

	boot_recorder_start(&recorder, "web", 0);
	cr_assert(boot_recorder_mark(&recorder, BOOT_STEP_VM));
	boot_recorder_read(&recorder, &first);
	cr_assert_not(boot_recorder_mark(&recorder, BOOT_STEP_VM));
	boot_recorder_read(&recorder, &second);
	cr_assert_eq(first.steps[BOOT_STEP_VM].wall_ns, second.steps[BOOT_STEP_VM].wall_ns);
	cr_assert_not(second.steps[BOOT_STEP_READY].reached);
}

Test(boot_report, json_tells_each_steps_own_cost)
{
	struct boot_report report = sample();
	cJSON *json = boot_report_to_json(&report);
	const cJSON *steps = cJSON_GetObjectItem(json, "steps");
	const cJSON *vm = cJSON_GetArrayItem(steps, 1);

	cr_assert(cJSON_IsTrue(cJSON_GetObjectItem(json, "ready")));
	cr_assert_eq(cJSON_GetArraySize(steps), 3);
	cr_assert_str_eq(cJSON_GetObjectItem(vm, "name")->valuestring, "vm");
	cr_assert_float_eq(cJSON_GetObjectItem(vm, "at_ms")->valuedouble, 4.0, 1e-6);
	cr_assert_float_eq(cJSON_GetObjectItem(vm, "wall_ms")->valuedouble, 3.0, 1e-6);
	cr_assert_float_eq(cJSON_GetObjectItem(vm, "cpu_ms")->valuedouble, 1.0, 1e-6);
	cJSON_Delete(json);
}

/* A quiet kernel's first output may come after init started. */
Test(boot_report, steps_are_told_in_the_order_of_time)
{
	struct boot_report report = sample();
	struct boot_report back;
	cJSON *json;

	report.steps[BOOT_STEP_INIT] = (struct boot_step_time){true, 50000000, 20000000};
	report.steps[BOOT_STEP_KERNEL] = (struct boot_step_time){true, 60000000, 30000000};
	json = boot_report_to_json(&report);
	cr_assert_str_eq(
		cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(json, "steps"), 2), "name")
			->valuestring,
		"init");
	cr_assert_eq(boot_report_from_json(json, &back), 0);
	for (unsigned i = 0; i < BOOT_STEP_COUNT; i++) {
		cr_assert_eq(back.steps[i].wall_ns, report.steps[i].wall_ns);
		cr_assert_eq(back.steps[i].cpu_ns, report.steps[i].cpu_ns);
	}
	cJSON_Delete(json);
}

Test(boot_report, json_is_read_back)
{
	struct boot_report report = sample();
	struct boot_report back;
	cJSON *json = boot_report_to_json(&report);

	cr_assert_eq(boot_report_from_json(json, &back), 0);
	cr_assert_str_eq(back.guest, "web");
	cr_assert_eq(back.steps[BOOT_STEP_READY].wall_ns, 104000000);
	cr_assert_eq(back.steps[BOOT_STEP_READY].cpu_ns, 52000000);
	cr_assert_not(back.steps[BOOT_STEP_INIT].reached);
	cJSON_Delete(json);
}

Test(boot_report, other_json_is_refused)
{
	static const char *const texts[] = {
		"{}",
		"{\"guest\":3}",
		"{\"guest\":\"a\",\"steps\":[{\"name\":\"lunch\",\"at_ms\":1,\"cpu_ms\":1}]}",
		"{\"guest\":\"a\",\"steps\":[{\"name\":\"vm\",\"at_ms\":-1,\"cpu_ms\":1}]}",
		"{\"guest\":\"a\",\"steps\":[7]}",
	};
	struct boot_report report;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cJSON *json = cJSON_Parse(texts[i]);

		cr_assert_lt(boot_report_from_json(json, &report), 0, "%s", texts[i]);
		cJSON_Delete(json);
	}
}

Test(boot_report, text_is_read_back)
{
	struct boot_report report = sample();
	struct boot_report back;
	char text[BOOT_REPORT_TEXT_MAX];

	boot_report_to_text(&report, text);
	cr_assert_eq(boot_report_from_text(text, &back), 0, "%s", text);
	cr_assert_eq(memcmp(back.steps, report.steps, sizeof(back.steps)), 0, "%s", text);
	boot_report_clear(&report, "web");
	boot_report_to_text(&report, text);
	cr_assert_str_eq(text, "", "a guest that has not begun to boot");
	cr_assert_eq(boot_report_from_text(text, &back), 0);
}

Test(boot_report, the_longest_text_has_room)
{
	struct boot_report report, back;
	char text[BOOT_REPORT_TEXT_MAX];

	boot_report_clear(&report, "web");
	for (unsigned i = 0; i < BOOT_STEP_COUNT; i++)
		report.steps[i] = (struct boot_step_time){true, UINT64_MAX, UINT64_MAX};
	boot_report_to_text(&report, text);
	cr_assert_str_eq(strrchr(text, ' '), " 18446744073709551615", "%s", text);
	cr_assert_lt(boot_report_from_text(text, &back), 0, "no machine is so old");
}

Test(boot_report, other_text_is_refused)
{
	static const char *const texts[] = {
		" ",         "exec",      "exec 1",         "exec 1 ",
		"exec 1 2 ", " exec 1 2", "exec  1 2",      "exec 1 2x",
		"lunch 1 2", "exec -1 2", "exec 1 2vm 3 4", "exec 1 99999999999999999999999",
		"exec 1 +2", "e 1 2",     "executed 1 2",   "exec 1 2  vm 3 4",
	};
	struct boot_report report;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_lt(boot_report_from_text(texts[i], &report), 0, "%s", texts[i]);
}

Test(boot_report, chart_has_a_bar_for_each_step)
{
	struct boot_report report = sample();
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	unsigned bars = 0;

	boot_report_svg(&report, file);
	fclose(file);
	for (const char *at = text; (at = strstr(at, "fill=\"#3d6fb4\"")); at++)
		bars++;
	cr_assert_eq(bars, 3);
	cr_assert(strstr(text, "</svg>"));
	free(text);
}
