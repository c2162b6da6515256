#include "rinit/lsb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/util.h"

#define LINE_MAX_LENGTH 1024
#define BLANKS          " \t\r"

enum part { BEFORE_HEADER, IN_HEADER, AFTER_HEADER };

struct lsb_reader {
	struct lsb_script *script;
	enum part part;
	unsigned int line;
};

static void bad(struct lsb_reader *reader, const char *why)
{
	if (reader->script->bad_line)
		return;
	reader->script->bad_line = reader->line;
	reader->script->why = why;
}

/* ---- the header ---- */

static int words_read(struct string_list *list, char *value)
{
	int rc = 0;

	for (char *word = strtok(value, BLANKS); word && !rc; word = strtok(NULL, BLANKS))
		if (!string_list_has(list, word))
			rc = string_list_add(list, word);
	return rc;
}

static int header_key(struct lsb_reader *reader, const char *key, char *value)
{
	struct lsb_script *script = reader->script;
	struct string_list ignored = {0};
	const struct {
		const char *key;
		struct string_list *list;
	} lists[] = {
		{"Provides", &script->provides},     {"Required-Start", &script->after},
		{"Should-Start", &script->after},    {"X-Start-After", &script->after},
		{"Required-Stop", &script->after},   {"Should-Stop", &script->after},
		{"X-Start-Before", &script->before}, {"X-Stop-After", &script->before},
		{"Default-Start", &ignored},         {"Default-Stop", &ignored},
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (!strcasecmp(key, lists[i].key)) {
			rc = words_read(lists[i].list, value);
			script->early |= !strcasecmp(key, "Default-Start") && string_list_has(&ignored, "S");
			string_list_clear(&ignored);
			return rc;
		}
	if (!strcasecmp(key, "Short-Description"))
		return string_set(&script->description, value);
	if (!strcasecmp(key, "X-Interactive"))
		script->interactive = !strcasecmp(value, "true") || !strcasecmp(value, "yes");
	else if (strcasecmp(key, "Description") != 0 && strncasecmp(key, "X-", 2) != 0)
		bad(reader, "has no keyword of an LSB header");
	return 0;
}

/* "# Keyword: words"; what begins with more blanks goes on with a Description, which is for people. */
static int header_line(struct lsb_reader *reader, char *line)
{
	char *colon, *value;

	if (line[1] == '\t' || !strncmp(line + 1, "  ", 2) || !line[strspn(line, "# \t\r")])
		return 0;
	line += 1 + strspn(line + 1, BLANKS);
	colon = strchr(line, ':');
	if (!colon || colon != line + strcspn(line, BLANKS ":")) {
		bad(reader, "is not \"# Keyword: words\"");
		return 0;
	}
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, BLANKS);
	return header_key(reader, line, value);
}

/* ---- the script ---- */

/* A case's label, "reload)" or "restart | reload)": is one of its words reload? */
static bool label_has_reload(const char *line)
{
	size_t length = strcspn(line, ")");

	if (!line[length] || strspn(line, "abcdefghijklmnopqrstuvwxyz-|_(\"' \t") < length)
		return false;
	for (const char *at = line; (at = strstr(at, "reload")) && at < line + length; at++)
		if ((at == line || !strchr("-_abcdefghijklmnopqrstuvwxyz", at[-1])) &&
		    strchr("|)\"' \t", at[strlen("reload")]))
			return true;
	return false;
}

static int script_line(struct lsb_script *script, char *line)
{
	static const char pid_file[] = "# pidfile:";

	line += strspn(line, BLANKS);
	script->reload |= label_has_reload(line);
	if (strncasecmp(line, pid_file, strlen(pid_file)) != 0)
		return 0;
	line += strlen(pid_file);
	line += strspn(line, BLANKS);
	line[strcspn(line, BLANKS)] = '\0';
	return *line == '/' ? string_set(&script->pid_file, line) : 0;
}

static int line_read(struct lsb_reader *reader, char *line)
{
	size_t length = strlen(line);

	while (length && strchr(BLANKS, line[length - 1]))
		line[--length] = '\0';
	if (reader->part == BEFORE_HEADER && !strcmp(line, "### BEGIN INIT INFO")) {
		reader->part = IN_HEADER;
		reader->script->has_header = true;
		return 0;
	}
	if (reader->part == IN_HEADER && !strcmp(line, "### END INIT INFO")) {
		reader->part = AFTER_HEADER;
		return 0;
	}
	if (reader->part == IN_HEADER && *line != '#') {
		bad(reader, "is no comment, and the LSB header is not at its end");
		reader->part = AFTER_HEADER;
	}
	return reader->part == IN_HEADER ? header_line(reader, line) : script_line(reader->script, line);
}

int lsb_parse(struct lsb_script *script, const char *text, size_t length)
{
	struct lsb_reader reader = {.script = script};
	const char *end = text + length;
	int rc = 0;

	*script = (struct lsb_script){0};
	while (text < end && !rc) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t size = (size_t)((newline ? newline : end) - text);
		char line[LINE_MAX_LENGTH];

		reader.line++;
		/* What is longer is no header's. */
		snprintf(line, sizeof(line), "%.*s", (int)MIN(size, sizeof(line)), text);
		rc = line_read(&reader, line);
		text += size + 1;
	}
	if (reader.part == IN_HEADER)
		bad(&reader, "is the last one, and the LSB header is not at its end");
	return rc;
}

void lsb_clear(struct lsb_script *script)
{
	string_list_clear(&script->provides);
	string_list_clear(&script->after);
	string_list_clear(&script->before);
	free(script->description);
	free(script->pid_file);
	*script = (struct lsb_script){0};
}
