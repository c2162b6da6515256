#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rinit/config.h"

static char warnings_seen[1024];

static void warn(const char *sentence)
{
	size_t used = strlen(warnings_seen);

	snprintf(warnings_seen + used, sizeof(warnings_seen) - used, "%s\n", sentence);
}

static struct config parse(const char *text)
{
	struct config config = {0};

	config_parse(&config, "/rinit.conf", text, strlen(text), warn);
	return config;
}

Test(config, defaults_are_those_of_an_empty_file)
{
	struct config config = parse("");

	cr_assert_eq(config.getty, GETTY_AUTO);
	cr_assert_str_eq(config.autologin, "");
}

Test(config, keys_count_with_and_without_a_section)
{
	cr_assert_eq(parse("Getty=no\n").getty, GETTY_NO);
	cr_assert_eq(parse("[Rinit]\nGetty=yes\n").getty, GETTY_YES);
	cr_assert_str_eq(parse("Autologin=root\n").autologin, "root");
	cr_assert_str_eq(warnings_seen, "");
}

Test(config, what_is_wrong_is_warned_of_and_changes_nothing)
{
	struct config config = parse("Getty=perhaps\nAutologin=-f\nAutologin=a b\nX=1\n[Other]\nGetty=no\n"
				     "Autologin=abcdefghijabcdefghijabcdefghijabcdefghij\n");

	cr_assert_eq(config.getty, GETTY_AUTO);
	cr_assert_str_eq(config.autologin, "");
	cr_assert_not_null(strstr(warnings_seen, "/rinit.conf:1: Getty=perhaps is not valid"));
	cr_assert_not_null(strstr(warnings_seen, "/rinit.conf:2: Autologin=-f is not valid"));
	cr_assert_not_null(strstr(warnings_seen, "/rinit.conf:3: "));
	cr_assert_not_null(strstr(warnings_seen, "/rinit.conf:4: X=1 is not known"));
	cr_assert_not_null(strstr(warnings_seen, "/rinit.conf:6: Getty=no is not known"));
}

Test(config, log_file_has_a_place_a_size_and_a_number)
{
	struct config config = {0};
	const char text[] = "LogFile=/a/b.log\nLogFileMax=64K\nLogFileKeep=0\n";

	config_parse(&config, "/f", text, strlen(text), NULL);
	cr_assert_str_eq(config.log_file, "/a/b.log");
	cr_assert_eq(config.log_file_max, 65536);
	cr_assert_eq(config.log_file_keep, -1);
	config_parse(&config, "/f", "LogFile=no", 10, NULL);
	cr_assert(config.no_log_file);
}

static int complaints;

static void complain(const char *sentence)
{
	(void)sentence;
	complaints++;
}

Test(config, log_file_settings_that_make_no_sense_are_named)
{
	static const char *const bad[] = {"LogFile=relative", "LogFileMax=1",   "LogFileMax=1T",
					  "LogFileMax=-1",    "LogFileMax=1MM", "LogFileMax=99999999999G",
					  "LogFileKeep=x",    "LogFileKeep=-1", "LogFileKeep=100"};
	struct config config = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		config_parse(&config, "/f", bad[i], strlen(bad[i]), complain);
		cr_assert_eq(complaints, i + 1, "%s", bad[i]);
	}
}
