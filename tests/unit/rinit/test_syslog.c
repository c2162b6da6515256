#include <criterion/criterion.h>
#include <string.h>

#include "rinit/syslog.h"
#include "rinit/syslog_parse.h"

Test(syslog, lines_are_taken_apart)
{
	static const struct {
		const char *line;
		unsigned int priority;
		const char *tag, *text;
	} cases[] = {
		{"<30>Nov 23 10:00:00 cron[12]: job\n", 30, "cron", "cron[12]: job"},
		{"<13>Nov  3 10:00:00 a: b", 13, "a", "a: b"},
		{"<0>a: b", 8, "a", "a: b"}, /* kern is the kernel's */
		{"<191>a: b", 191, "a", "a: b"},
		{"<192>a: b", 13, "<192>a", "<192>a: b"},
		{"<>a: b", 13, "<>a", "<>a: b"},
		{"<1", 13, "", "<1"},
		{"<1234>x", 13, "", "<1234>x"},
		{"plain words", 13, "", "plain words"},
		{"<13>Nov 23 10:00: a: b", 13, "", "Nov 23 10:00: a: b"},
		{"<13>two words: x", 13, "", "two words: x"},
		{"<13>: x", 13, "", ": x"},
		{"<13>", 13, "", ""},
		{"", 13, "", ""},
		{"<13>x:", 13, "x", "x:"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct syslog_message message;

		syslog_parse(cases[i].line, strlen(cases[i].line), &message);
		cr_assert_eq(message.priority, cases[i].priority, "%s: %u", cases[i].line, message.priority);
		cr_assert_str_eq(message.tag, cases[i].tag);
		cr_assert_eq(message.length, strlen(cases[i].text), "%s", cases[i].line);
		cr_assert_eq(memcmp(message.text, cases[i].text, message.length), 0);
	}
}

Test(syslog, zeros_and_line_ends_at_the_end_do_not_count)
{
	struct syslog_message message;

	syslog_parse("<13>a: b\r\n\0", 11, &message);
	cr_assert_eq(message.length, 4);
}

Test(syslog, long_tag_is_none)
{
	char line[256];
	struct syslog_message message;

	memset(line, 'x', sizeof(line));
	line[200] = ':';
	syslog_parse(line, sizeof(line), &message);
	cr_assert_str_eq(message.tag, "");
}

Test(syslog, lines_for_the_logger_are_as_libc_would_write_them)
{
	struct log_entry entry = {.priority = 30, .who = "a.service", .text = "words"};
	char text[128];

	cr_assert_eq(syslog_format(&entry, UINT64_C(1700000000123), text, sizeof(text)), strlen(text));
	cr_assert_str_eq(text, "<30>Nov 14 22:13:20 a.service: words");
	entry.tagged = true;
	strcpy(entry.text, "sshd[7]: words");
	syslog_format(&entry, 0, text, sizeof(text));
	cr_assert_str_eq(text, "<30>Jan  1 00:00:00 sshd[7]: words");
	cr_assert_eq(syslog_format(&entry, 0, text, 10), 9); /* cut */
}
