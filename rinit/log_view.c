#include "rinit/log_view.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/util.h"
#include "rinit/client.h"
#include "rinit/control.h"
#include "rinit/text.h"

/* A line of control_log.h, taken apart in place. */
struct line {
	uint64_t time_of_day_ms, time_ms;
	unsigned int priority;
	bool tagged;
	const char *who, *text;
};

static int line_parse(char *line, struct line *parsed)
{
	unsigned long long of_day, since_boot;
	char tagged;
	int length = 0;
	char *tab = strchr(line, '\t');

	if (!tab)
		return -EPROTO;
	*tab = '\0';
	if (sscanf(line, "%llu/%llu %u %c %n", &of_day, &since_boot, &parsed->priority, &tagged, &length) !=
		    4 ||
	    !length)
		return -EPROTO;
	parsed->time_of_day_ms = of_day;
	parsed->time_ms = since_boot;
	parsed->tagged = tagged == 't';
	parsed->who = line + length;
	parsed->text = tab + 1;
	return 0;
}

static void line_text(const struct line *line)
{
	bool named = line->tagged && !strncmp(line->text, line->who, strlen(line->who));

	printf("[%5llu.%03llu] %s%s%s\n", (unsigned long long)line->time_ms / 1000,
	       (unsigned long long)line->time_ms % 1000, named ? "" : line->who, named ? "" : ": ",
	       line->text);
}

static void line_json(const struct line *line)
{
	time_t whole = (time_t)(line->time_of_day_ms / 1000);
	char date[32], when[40];
	const char *comma = "{";
	struct tm tm = {0};

	gmtime_r(&whole, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when, sizeof(when), "%s.%03uZ", date, (unsigned int)(line->time_of_day_ms % 1000));
	json_field(stdout, &comma, "time", when);
	json_number(stdout, &comma, "monotonic_ms", (long long)line->time_ms);
	json_number(stdout, &comma, "priority", line->priority & 7);
	json_number(stdout, &comma, "facility", line->priority >> 3);
	json_field(stdout, &comma, "unit", line->who);
	json_field(stdout, &comma, "text", line->text);
	puts("}");
}

static void line_show(void *context, char *line)
{
	const bool *json = context;
	struct line parsed = {0};
	int rc = line_parse(line, &parsed);

	if (!rc && *json)
		line_json(&parsed);
	else if (!rc)
		line_text(&parsed);
	fflush(stdout); /* somebody may be reading along */
}

static bool is_number(const char *text)
{
	return *text && strlen(text) <= 9 && strspn(text, "0123456789") == strlen(text);
}

static int usage(void)
{
	fputs("rinitctl: usage: log [UNIT|rinit] [-f] [-n COUNT]; see rinitctl --help\n", stderr);
	return CONTROL_USAGE;
}

int log_view_main(char **arguments, int count, bool json)
{
	const char *unit = "", *newest = NULL;
	char argument[CONTROL_REQUEST_MAX];
	bool follow = false;
	struct error err;
	int code;

	for (int i = 0; i < count; i++) {
		if (!strcmp(arguments[i], "-f") || !strcmp(arguments[i], "--follow"))
			follow = true;
		else if (!strcmp(arguments[i], "-n") && i + 1 < count && is_number(arguments[i + 1]))
			newest = arguments[++i];
		else if (*arguments[i] == '-' || *unit)
			return usage();
		else
			unit = arguments[i];
	}
	if (snprintf(argument, sizeof(argument), "%s%s%s%s%s", follow ? "-f " : "", newest ? "-n " : "",
		     newest ? newest : "", newest ? " " : "", unit) >= (int)sizeof(argument))
		return usage();
	code = client_lines("log", argument, &json, line_show, &err);
	if (code)
		fprintf(stderr, "rinitctl: %s\n", err.text);
	return code;
}
