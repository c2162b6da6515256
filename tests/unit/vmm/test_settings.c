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
