#include "rinit/tmpfiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/ini.h"

#define LINE_LIMIT  8192
#define KNOWN_TYPES "fFwdDeqQvpLcbCxXrRzZtThHaA"

/* Replaces %x. False: a specifier that is not known, or too long a text. */
static bool expand(const char *text, const struct tmpfiles_specifier *specifiers, char *to, size_t size)
{
	size_t used = 0;

	for (; *text; text++) {
		const struct tmpfiles_specifier *found = specifiers;
		char one[2] = {*text};
		const char *part = one;

		if (*text == '%' && text[1] == '%') {
			text++;
		} else if (*text == '%') {
			text++;
			while (found->letter && found->letter != *text)
				found++;
			part = found->letter ? found->text : "";
			if (!*part)
				return false;
		}
		if (used + strlen(part) >= size)
			return false;
		used += (size_t)sprintf(to + used, "%s", part);
	}
	to[used] = '\0';
	return true;
}

static bool type_read(struct tmpfiles_line *line, const char *word)
{
	line->type = *word;
	if (!strchr(KNOWN_TYPES, *word))
		return false;
	for (word++; *word; word++)
		switch (*word) {
		case '+':
			line->plus = true;
			break;
		case '-':
			line->ignore_failure = true;
			break;
		case '=':
			line->replace = true;
			break;
		case '^':
			line->credential = true;
			break;
		case '!': /* only at boot: that is now */
			break;
		default:
			return false;
		}
	return true;
}

static bool mode_read(struct tmpfiles_line *line, const char *word)
{
	char *end;

	if (!*word || !strcmp(word, "-"))
		return true;
	for (; *word == '~' || *word == ':'; word++) {
		line->mode_mask |= *word == '~';
		line->mode_new |= *word == ':';
	}
	line->mode = (mode_t)strtoul(word, &end, 8);
	line->has_mode = true;
	return *word >= '0' && *word <= '7' && !*end && line->mode <= 07777;
}

static bool name_read(const char *word, char *name, bool *only_new)
{
	if (!*word || !strcmp(word, "-"))
		return true;
	*only_new = *word == ':';
	word += *only_new;
	return *word && snprintf(name, TMPFILES_NAME_MAX, "%s", word) < TMPFILES_NAME_MAX;
}

static bool path_is_usable(const char *path)
{
	size_t length = strlen(path);

	return *path == '/' && path[1] && !strstr(path, "/../") &&
	       (length < 3 || strcmp(path + length - 3, "/..") != 0);
}

/* \n, \t and \\ in what is written to a file. */
static void argument_unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1]) {
			text++;
			*to++ = *text == 'n' ? '\n' : *text == 't' ? '\t' : *text;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

static bool argument_read(struct tmpfiles_line *line, char *rest, const struct tmpfiles_specifier *specifiers)
{
	size_t length;

	rest += strspn(rest, " \t");
	length = strlen(rest);
	while (length && strchr(" \t\r", rest[length - 1]))
		rest[--length] = '\0';
	if (!strcmp(rest, "-"))
		return true;
	if (length > 1 && *rest == '"' && rest[length - 1] == '"') {
		rest[length - 1] = '\0';
		rest++;
	}
	if (!expand(rest, specifiers, line->argument, sizeof(line->argument)))
		return false;
	if (strchr("fFw", line->type))
		argument_unescape(line->argument);
	return true;
}

enum { FIELD_TYPE, FIELD_PATH, FIELD_MODE, FIELD_USER, FIELD_GROUP, FIELD_AGE, FIELDS };

/* Why it is no line, or NULL. */
static const char *line_parse(struct tmpfiles_line *line, char *text,
			      const struct tmpfiles_specifier *specifiers)
{
	static char words[FIELDS][PATH_MAX];
	const char *at = text;
	int more = 1;

	for (size_t i = 0; i < FIELDS; i++) {
		words[i][0] = '\0';
		more = more > 0 ? word_split(&at, words[i], sizeof(words[i])) : more;
	}
	if (more < 0)
		return "has a quote that does not end, or too long a field";
	if (!type_read(line, words[FIELD_TYPE]))
		return "has a type that is not known here";
	if (!expand(words[FIELD_PATH], specifiers, line->path, sizeof(line->path)))
		return "has a %specifier that is not known here";
	if (!path_is_usable(line->path))
		return "has no absolute path, free of ..";
	if (!mode_read(line, words[FIELD_MODE]))
		return "has no octal mode";
	if (!name_read(words[FIELD_USER], line->user, &line->user_new) ||
	    !name_read(words[FIELD_GROUP], line->group, &line->group_new))
		return "has too long a name";
	/* The age is read over: nothing is cleaned by age at boot. */
	if (!argument_read(line, text + (at - text), specifiers))
		return "has a %specifier that is not known here";
	return NULL;
}

static void line_read(char *text, unsigned int number, const struct tmpfiles_reader *reader)
{
	static struct tmpfiles_line line; /* large */
	const char *why;

	text += strspn(text, " \t\r");
	if (!*text || *text == '#')
		return;
	line = (struct tmpfiles_line){.line = number};
	why = line_parse(&line, text, reader->specifiers);
	if (why)
		reader->fault(reader->context, number, why);
	else
		reader->line(reader->context, &line);
}

void tmpfiles_parse(const char *text, size_t length, const struct tmpfiles_reader *reader)
{
	const char *end = text + length;
	char line[LINE_LIMIT];

	for (unsigned int number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t size = (size_t)((newline ? newline : end) - text);

		if (size >= sizeof(line) || memchr(text, '\0', size)) {
			reader->fault(reader->context, number, "is too long or holds a zero byte");
		} else {
			memcpy(line, text, size);
			line[size] = '\0';
			line_read(line, number, reader);
		}
		text += size + 1;
	}
}
