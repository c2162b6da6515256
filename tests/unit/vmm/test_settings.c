/* Where things are on this host: vmm.json, the mode file, the keys. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/stat.h>

#include "scratch.h"
#include "vmm/config/mode.h"
#include "vmm/config/settings.h"

TestSuite(settings, .init = scratch_make, .fini = scratch_remove);
TestSuite(mode, .init = scratch_make, .fini = scratch_remove);

static struct error err;
static struct settings settings;

Test(settings, paths_are_relative_to_the_file)
{
	char wanted[128];

	cr_assert_eq(settings_read(scratch_file("vmm.json", "{\"mode_file\":\"m\",\"runtime_dir\":\"/r\"}"),
				   &settings, &err),
		     0, "%s", err.text);
	snprintf(wanted, sizeof(wanted), "%s/m", scratch);
	cr_assert_str_eq(settings.mode_file, wanted);
	cr_assert_str_eq(settings.runtime_dir, "/r");
	settings_free(&settings);
}

Test(settings, unknown_key_is_refused)
{
	cr_assert_lt(settings_read(scratch_file("vmm.json", "{\"runtime_dri\":\"x\"}"), &settings, &err), 0);
	cr_assert(strstr(err.text, "did you mean \"runtime_dir\"?"), "%s", err.text);
}

static void read_policy(const char *text)
{
	cr_assert_eq(settings_read(scratch_file("vmm.json", text), &settings, &err), 0, "%s", err.text);
	settings_free(&settings);
}

Test(settings, division_has_defaults)
{
	cr_assert_eq(settings_read(scratch_file("vmm.json", "{}"), &settings, &err), 0, "%s", err.text);
	cr_assert_eq(settings.policy.reserve_cpus, POLICY_UNSAID);
	cr_assert_eq(settings.policy.reserve_mib, POLICY_UNSAID);
	cr_assert_eq(settings.policy.overcommit_cpus, 100);
	cr_assert_eq(settings.policy.overcommit_memory, 100);
	cr_assert_eq(settings.policy.server_percent, POLICY_SERVER_PERCENT);
	cr_assert_eq(settings.policy.memory_wait_s, POLICY_MEMORY_WAIT_S);
	settings_free(&settings);
}

Test(settings, division_is_read)
{
	cr_assert_eq(settings_read(scratch_file("vmm.json", "{\"reserve\":{\"cpus\":0,\"memory_mib\":300},"
							    "\"overcommit\":{\"cpus\":4,\"memory\":1.15},"
							    "\"desktop\":{\"server_percent\":40},"
							    "\"memory\":{\"wait_seconds\":0}}"),
				   &settings, &err),
		     0, "%s", err.text);
	cr_assert_eq(settings.policy.reserve_cpus, 0);
	cr_assert_eq(settings.policy.reserve_mib, 300);
	cr_assert_eq(settings.policy.overcommit_cpus, 400);
	cr_assert_eq(settings.policy.overcommit_memory, 115);
	cr_assert_eq(settings.policy.server_percent, 40);
	cr_assert_eq(settings.policy.memory_wait_s, 0);
	settings_free(&settings);
	read_policy("{\"reserve\":{}}");
}

Test(settings, division_that_makes_no_sense_is_refused)
{
	static const char *const texts[][2] = {
		{"{\"reserve\":1}", "reserve: must be an object"},
		{"{\"reserve\":{\"cpus\":-1}}", "reserve.cpus: must be a whole number from 0 to 1023"},
		{"{\"reserve\":{\"memory_mb\":1}}",
		 "reserve.memory_mb: is not a known key, did you mean \"memory_mib\"?"},
		{"{\"overcommit\":{\"cpus\":0.5}}", "overcommit.cpus: must be a number from 1 to 100"},
		{"{\"overcommit\":{\"cpus\":101}}", "overcommit.cpus: must be a number from 1 to 100"},
		{"{\"overcommit\":{\"memory\":\"2\"}}", "overcommit.memory: must be a number from 1 to 100"},
		{"{\"overcommit\":true}", "overcommit: must be an object"},
		{"{\"desktop\":{\"server_percent\":100}}",
		 "desktop.server_percent: must be a whole number from 1 to 99"},
		{"{\"memory\":{\"wait_seconds\":3601}}",
		 "memory.wait_seconds: must be a whole number from 0 to 3600"},
		{"{\"memory\":45}", "memory: must be an object"},
	};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		cr_assert_lt(settings_read(scratch_file("vmm.json", texts[i][0]), &settings, &err), 0);
		cr_assert(strstr(err.text, texts[i][1]), "%s", err.text);
	}
}

Test(settings, named_file_must_exist)
{
	cr_assert_lt(settings_read("/nonexistent/vmm.json", &settings, &err), 0);
	cr_assert(strstr(err.text, "/nonexistent/vmm.json: cannot open"), "%s", err.text);
}

Test(settings, keys_are_the_pem_files)
{
	struct fit_key keys[SETTINGS_KEYS_MAX];
	unsigned count;

	scratch_file("b.pem", "");
	scratch_file("a.pem", "");
	scratch_file("c.key", "");
	cr_assert_eq(settings_read(scratch_file("vmm.json", "{\"keys_dir\":\".\"}"), &settings, &err), 0);
	cr_assert_eq(settings_keys(&settings, keys, &count, &err), 0, "%s", err.text);
	cr_assert_eq(count, 2);
	cr_assert_str_eq(keys[0].name, "a");
	settings_keys_free(keys, count);
	settings_free(&settings);
}

Test(settings, jail_and_its_ids)
{
	cr_assert_eq(settings_read(scratch_file("vmm.json", "{}"), &settings, &err), 0, "%s", err.text);
	cr_assert(settings.jail);
	cr_assert_eq(settings.guest_ids.first, GUEST_IDS_FIRST);
	settings_free(&settings);
	cr_assert_eq(
		settings_read(scratch_file("vmm.json",
					   "{\"jail\":false,\"guest_ids\":{\"first\":7000,\"count\":9}}"),
			      &settings, &err),
		0, "%s", err.text);
	cr_assert_not(settings.jail);
	cr_assert_eq(settings.guest_ids.first, 7000);
	cr_assert_eq(settings.guest_ids.count, 9);
	settings_free(&settings);
}

Test(settings, jail_and_its_ids_must_make_sense)
{
	static const char *const cases[][2] = {
		{"{\"jail\":1}", "jail: must be true or false"},
		{"{\"guest_ids\":5}", "guest_ids"},
		{"{\"guest_ids\":{\"first\":0}}", "guest_ids: first must not be 0, which is root"},
		{"{\"guest_ids\":{\"count\":0}}", "guest_ids: count must be at least 1"},
		{"{\"guest_ids\":{\"count\":-1}}", "guest_ids.count"},
		{"{\"guest_ids\":{\"first\":4294967295}}", "guest_ids: first and count go beyond"},
		{"{\"guest_ids\":{\"start\":1}}", "guest_ids.start: is not a known key"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_lt(settings_read(scratch_file("vmm.json", cases[i][0]), &settings, &err), 0, "%s",
			     cases[i][0]);
		cr_assert(strstr(err.text, cases[i][1]), "%s", err.text);
	}
}

Test(mode, word_is_read_with_blanks_around)
{
	enum mode mode;

	cr_assert_eq(
		mode_read(scratch_file("mode", RASTOS_SERVER ? "  server \n" : "  desktop \n"), &mode, &err),
		0, "%s", err.text);
	cr_assert_eq(mode, RASTOS_SERVER ? MODE_SERVER : MODE_DESKTOP);
}

Test(mode, missing_file_means_server)
{
	enum mode mode = MODE_DESKTOP;

	cr_assert_eq(mode_read("/nonexistent/mode", &mode, &err), RASTOS_SERVER ? 0 : -EOPNOTSUPP);
	cr_assert_eq(mode, MODE_SERVER);
}

Test(mode, unknown_word_names_file_and_words)
{
	enum mode mode;
	char wanted[256];
	const char *path = scratch_file("mode", "sever\n");

	snprintf(wanted, sizeof(wanted), "%s: unknown mode \"sever\", must be server or desktop", path);
	cr_assert_lt(mode_read(path, &mode, &err), 0);
	cr_assert_str_eq(err.text, wanted);
}

Test(mode, desktop_follows_the_build)
{
	enum mode mode;
	int code = mode_parse("mode", "desktop", &mode, &err);

	if (RASTOS_DESKTOP)
		cr_assert_eq(code, 0);
	else
		cr_assert(strstr(err.text, "this build has no desktop mode"), "%s", err.text);
}
