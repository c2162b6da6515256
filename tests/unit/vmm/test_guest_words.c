/* What guests' processes say, truth and lies. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/printable.h"
#include "vmm/manager/guest_words.h"

static struct guest_message message;
static struct guest_last_words words;

static void say(const char *text)
{
	guest_message_parse(text, strlen(text), "web", &message);
}

Test(guest_words, state)
{
	say("{\"event\":\"state\",\"status\":\"up\",\"paused\":true,\"report\":\"exec 1 1 ready 5000000 2000000\"}");
	cr_assert_eq(message.kind, GUEST_SAYS_STATE);
	cr_assert_str_eq(message.status, "up");
	cr_assert(message.paused);
	cr_assert(message.report.steps[BOOT_STEP_READY].reached);
	cr_assert_eq(message.report.steps[BOOT_STEP_READY].wall_ns, 5000000);
	cr_assert_str_eq(message.report.guest, "web");
	say("{\"event\":\"state\",\"report\":\"ready 5000000 2000000 lunch 6 6\"}");
	cr_assert_not(message.report.steps[BOOT_STEP_READY].reached, "all of it or nothing");
}

Test(guest_words, state_of_a_guest_that_an_earlier_program_started)
{
	say("{\"event\":\"state\",\"status\":\"up\",\"paused\":true,"
	    "\"report\":{\"guest\":\"web\",\"steps\":[{\"name\":\"ready\",\"at_ms\":5,\"cpu_ms\":2}]}}");
	cr_assert_eq(message.kind, GUEST_SAYS_STATE);
	cr_assert_str_eq(message.status, "up");
	cr_assert(message.paused);
	cr_assert(message.report.steps[BOOT_STEP_READY].reached);
	cr_assert_eq(message.report.steps[BOOT_STEP_READY].wall_ns, 5000000);
}

Test(guest_words, halted_by_a_disk)
{
	say("{\"event\":\"state\",\"paused\":true,\"halted\":\"disk a: cannot write\\u001b[2J\"}");
	cr_assert_eq(strncmp(message.halted, "disk a: cannot write", 20), 0);
	cr_assert_null(strchr(message.halted, '\033'), "a terminal would obey it");
	say("{\"event\":\"state\",\"paused\":true,\"halted\":7}");
	cr_assert_str_eq(message.halted, "");
}

Test(guest_words, watchdog)
{
	say("{\"event\":\"watchdog\",\"action\":7}");
	cr_assert_eq(message.kind, GUEST_SAYS_WATCHDOG);
}

Test(guest_words, counters)
{
	say("{\"event\":\"counters\",\"counters\":{\"vcpus\":[{\"exits\":7,\"cpu_ns\":8}]}}");
	cr_assert_eq(message.kind, GUEST_SAYS_COUNTERS);
	cr_assert_eq(message.counters.vcpu_count, 1);
	cr_assert_eq(message.counters.vcpus[0].exits, 7);
}

Test(guest_words, devices)
{
	say("{\"event\":\"state\",\"devices\":[{\"device\":\"root\",\"kind\":\"disk\",\"leaving\":false},"
	    "{\"device\":\"net0\",\"leaving\":true}]}");
	cr_assert(message.devices.told);
	cr_assert_eq(message.devices.count, 2);
	cr_assert_str_eq(message.devices.list[0].id, "root");
	cr_assert_not(message.devices.list[0].leaving);
	cr_assert_str_eq(message.devices.list[1].id, "net0");
	cr_assert(message.devices.list[1].leaving);
	say("{\"event\":\"state\",\"devices\":[]}");
	cr_assert(message.devices.told);
	say("{\"event\":\"state\"}");
	cr_assert_not(message.devices.told, "they do not come and go");
}

Test(guest_words, devices_that_are_none)
{
	char text[8192] = "{\"event\":\"state\",\"devices\":[";

	say("{\"event\":\"state\",\"devices\":[7,null,{},{\"device\":7},{\"device\":\"a/b\"},{\"device\":\"\"}]}");
	cr_assert_eq(message.devices.count, 0);
	for (unsigned i = 0; i < 100; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "{\"device\":\"d%u\"},", i);
	strcpy(text + strlen(text), "{}]}");
	say(text);
	cr_assert_eq(message.devices.count, GUEST_DEVICES_MAX);
}

Test(guest_words, memory)
{
	static const char *const lies[] = {"7",
					   "{}",
					   "{\"bytes\":-1}",
					   "{\"bytes\":\"1\"}",
					   "{\"bytes\":1e300}",
					   "{\"driver\":\"yes\",\"bytes\":null}"};
	char text[128];

	say("{\"event\":\"state\",\"memory\":{\"driver\":true,\"bytes\":1048576}}");
	cr_assert(message.memory_driver);
	cr_assert_eq(message.memory_bytes, 1048576);
	for (unsigned i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		snprintf(text, sizeof(text), "{\"event\":\"state\",\"memory\":%s}", lies[i]);
		say(text);
		cr_assert_not(message.memory_driver);
		cr_assert_eq(message.memory_bytes, UINT64_MAX, "it has given nothing back: %s", lies[i]);
	}
}

Test(guest_words, refusal_of_a_device)
{
	say("{\"event\":\"device-refused\",\"device\":\"data\",\"why\":\"no slot\\u001b[2J\"}");
	cr_assert_eq(message.kind, GUEST_SAYS_NO);
	cr_assert_str_eq(message.device, "data");
	cr_assert_str_eq(message.why, "no slot.[2J");
	say("{\"event\":\"device-refused\",\"device\":\"../etc\",\"why\":7}");
	cr_assert_eq(message.kind, GUEST_SAYS_NO);
	cr_assert_str_eq(message.device, "");
	cr_assert_str_eq(message.why, "");
}

Test(guest_words, of_another_guest_are_still_its_own)
{
	say("{\"event\":\"state\",\"report\":{\"guest\":\"db\",\"steps\":[]}}");
	cr_assert_str_eq(message.report.guest, "web");
}

Test(guest_words, that_make_no_sense_say_nothing)
{
	static const char *const texts[] = {
		"", "{", "[]", "7", "null", "{}", "{\"event\":7}", "{\"event\":\"flight\"}", "\"state\"",
	};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		say(texts[i]);
		cr_assert_eq(message.kind, GUEST_SAYS_NOTHING, "%s", texts[i]);
	}
}

Test(guest_words, with_times_out_of_range_have_no_report)
{
	static const char *const times[] = {"1e300", "-1", "1e13", "1e999", "\"5\"", "null"};

	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char text[256];

		snprintf(
			text, sizeof(text),
			"{\"event\":\"state\",\"report\":{\"guest\":\"web\",\"steps\":"
			"[{\"name\":\"run\",\"at_ms\":1,\"cpu_ms\":1},{\"name\":\"ready\",\"at_ms\":%s,\"cpu_ms\":%s}]}}",
			times[i], times[i]);
		say(text);
		cr_assert_eq(message.kind, GUEST_SAYS_STATE);
		cr_assert_not(message.report.steps[BOOT_STEP_RUN].reached, "%s", times[i]);
		cr_assert_not(message.report.steps[BOOT_STEP_READY].reached, "%s", times[i]);
	}
}

Test(guest_words, do_nothing_to_a_terminal)
{
	say("{\"event\":\"state\",\"status\":\"\\u001b[2J\\u009bred\\n\xff\xc3\"}");
	cr_assert_str_eq(message.status, ".[2J..red.??");
}

Test(guest_words, that_are_cut_are_still_utf_8)
{
	char text[600] = "{\"event\":\"state\",\"status\":\"a";

	for (unsigned i = 0; i < GUEST_STATUS_MAX / 2; i++)
		strcat(text, "\xc3\xa9"); /* the cut goes through one */
	strcat(text, "\"}");
	say(text);
	cr_assert_eq(strlen(message.status), GUEST_STATUS_MAX - 1);
	cr_assert_eq((unsigned char)message.status[GUEST_STATUS_MAX - 2], 0xa9);
	text[strlen("{\"event\":\"state\",\"status\":\"")] = '\xc3';
	text[strlen("{\"event\":\"state\",\"status\":\"") + 1] = '\xa9';
	say(text);
	cr_assert_neq((unsigned char)message.status[GUEST_STATUS_MAX - 2], 0xc3);
}

Test(guest_words, last_ones)
{
	guest_last_words_parse("{\"end\":\"crashed\",\"why\":\"boom\\n\",\"registers\":\"rip 1\\nrsp\\t2\","
			       "\"console\":\"a\\tb\\r\\n\\u0007\"}",
			       "web", &words);
	cr_assert_eq(words.end, MACHINE_CRASHED);
	cr_assert_str_eq(words.why, "boom.");
	cr_assert_str_eq(words.registers, "rip 1\nrsp.2");
	cr_assert_str_eq(words.console, "a\tb\r\n.");
	guest_last_words_free(&words);
}

Test(guest_words, last_ones_without_sense_are_none)
{
	static const char *const texts[] = {"", "{", "[]", "7", "{\"end\":\"running\"}"};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		guest_last_words_parse(texts[i], "web", &words);
		cr_assert_eq(words.end, MACHINE_RUNNING, "%s", texts[i]);
		guest_last_words_free(&words);
	}
}

Test(guest_words, last_ones_of_a_fault_always_tell_why)
{
	guest_last_words_parse("{\"end\":\"flight\"}", "web", &words);
	cr_assert_eq(words.end, MACHINE_FAILED);
	cr_assert_str_eq(words.why, "guest web: its process did not say why it ended");
	guest_last_words_free(&words);
}

static const char *printable(const char *text)
{
	static char copy[64];

	snprintf(copy, sizeof(copy), "%s", text);
	text_make_printable(copy, "\n");
	return copy;
}

Test(printable, keeps_text)
{
	cr_assert_str_eq(printable("a \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n"),
			 "a \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n");
}

Test(printable, replaces_what_is_no_utf_8)
{
	cr_assert_str_eq(printable("\xc0\x80"), "??");           /* too long for what it is */
	cr_assert_str_eq(printable("\xed\xa0\x80"), "???");      /* half of a pair of UTF-16 */
	cr_assert_str_eq(printable("\xf4\x90\x80\x80"), "????"); /* past the last character */
	cr_assert_str_eq(printable("\xe2\x82"), "??");           /* cut */
	cr_assert_str_eq(printable("\xf0\x9f\x98"), "???");
	cr_assert_str_eq(printable("\x80z\xff"), "?z?");
}

Test(printable, replaces_control_characters)
{
	cr_assert_str_eq(printable("\x1b[0m\x7f\xc2\x9b\x01\r"), ".[0m.....");
}
