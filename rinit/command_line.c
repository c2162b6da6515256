#include "rinit/command_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/ini.h"

#define BLANKS     " \t\r\n"
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789"

/* ---- command lines ---- */

/* Returns whether argv[0] is given apart from the program; *value behind the prefixes. */
static bool prefixes_take(struct command *command, const char **value)
{
	bool own_name = false;

	for (;; ++*value) {
		switch (**value) {
		case '-':
			if (command->ignore_failure)
				return own_name;
			command->ignore_failure = true;
			break;
		case '@':
			if (own_name)
				return true;
			own_name = true;
			break;
		case ':':
			command->verbatim = true;
			break;
		case '!':
			if (command->privileged)
				return own_name;
			if ((*value)[1] == '!') /* for kernels without ambient capabilities: not today's */
				++*value;
			else
				command->privileged = true;
			break;
		case '+':
			if (command->privileged)
				return own_name;
			command->privileged = true;
			break;
		default:
			return own_name;
		}
	}
}

static bool at_separator(const char **value)
{
	*value += strspn(*value, BLANKS);
	if (**value != ';' || ((*value)[1] && !strchr(BLANKS, (*value)[1])))
		return false;
	++*value;
	return true;
}

static int words_take(struct string_list *words, const char **value)
{
	char word[COMMAND_WORD_MAX];
	int more = 1;

	while (more > 0 && !at_separator(value)) {
		more = word_split(value, word, sizeof(word));
		if (more > 0 && string_list_add(words, strcmp(word, "\\;") ? word : ";"))
			return -ENOMEM;
	}
	return more < 0 ? more : 0;
}

static void first_remove(struct string_list *words)
{
	free(words->items[0]);
	memmove(words->items, words->items + 1, words->count * sizeof(*words->items));
	words->count--;
}

/* A path, or a name to look for. */
static bool is_program(const char *word)
{
	return *word && (*word == '/' || !strchr(word, '/'));
}

static int command_parse_one(struct command_list *list, const char **value)
{
	struct command command = {0};
	struct string_list words = {0};
	bool own_name = prefixes_take(&command, value);
	int rc = words_take(&words, value);

	if (!rc && (words.count < 1U + own_name || !is_program(words.items[0])))
		rc = -EINVAL;
	if (!rc && string_set(&command.program, words.items[0]))
		rc = -ENOMEM;
	if (!rc && own_name)
		first_remove(&words);
	if (!rc)
		rc = command_list_add(list, &command, &words);
	if (rc)
		free(command.program);
	string_list_clear(&words);
	return rc;
}

int command_parse(struct command_list *list, const char *value)
{
	int rc;

	do {
		rc = command_parse_one(list, &value);
		value += strspn(value, BLANKS);
	} while (!rc && *value);
	return rc;
}

/* ---- variables ---- */

/* A word being made. */
struct text {
	char *data;
	size_t length;
};

static int text_add(struct text *text, const char *more, size_t length)
{
	char *data = realloc(text->data, text->length + length + 1);

	if (!data)
		return -ENOMEM;
	memcpy(data + text->length, more, length);
	text->data = data;
	text->length += length;
	data[text->length] = '\0';
	return 0;
}

/* The value's words; where its quotes don't match, the rest is one. */
static int value_split(const char *value, struct string_list *argv)
{
	char word[COMMAND_WORD_MAX];
	const char *at = value;
	int more, rc = 0;

	while (!rc && (more = word_split(&at, word, sizeof(word)))) {
		rc = string_list_add(argv, more > 0 ? word : value);
		if (more < 0)
			break;
		value = at + strspn(at, BLANKS);
	}
	return rc;
}

/* The dollar sign at *at and what belongs to it. */
static int dollar_expand(struct text *text, const char **at, const struct string_list *environment)
{
	const char *p = *at + 1;
	size_t length = *p == '{' ? strspn(p + 1, NAME_CHARS) : 0;
	const char *value;

	if (*p == '$') {
		*at = p + 1;
		return text_add(text, "$", 1);
	}
	if (!length || p[1 + length] != '}') {
		*at = p;
		return text_add(text, "$", 1);
	}
	value = environment_get(environment, p + 1, length);
	*at = p + length + 2;
	return value ? text_add(text, value, strlen(value)) : 0;
}

static int word_expand(const char *word, const struct string_list *environment, struct string_list *argv)
{
	struct text text = {0};
	size_t length = strspn(word + (*word == '$'), NAME_CHARS);
	const char *value;
	int rc;

	if (*word == '$' && length && !word[1 + length]) {
		value = environment_get(environment, word + 1, length);
		return value ? value_split(value, argv) : 0;
	}
	rc = text_add(&text, "", 0);
	while (!rc && *word) {
		length = strcspn(word, "$");
		rc = text_add(&text, word, length);
		word += length;
		if (!rc && *word)
			rc = dollar_expand(&text, &word, environment);
	}
	if (!rc)
		rc = string_list_add(argv, text.data);
	free(text.data);
	return rc;
}

int command_expand(const struct command *command, const struct string_list *environment,
		   struct string_list *argv)
{
	int rc = 0;

	for (char **word = command->argv; !rc && *word; word++)
		rc = command->verbatim || word == command->argv ? string_list_add(argv, *word)
								: word_expand(*word, environment, argv);
	return rc;
}

/* ---- environments ---- */

static char **environment_find(const struct string_list *environment, const char *name, size_t length)
{
	for (size_t i = 0; i < environment->count; i++)
		if (!strncmp(environment->items[i], name, length) && environment->items[i][length] == '=')
			return &environment->items[i];
	return NULL;
}

const char *environment_get(const struct string_list *environment, const char *name, size_t length)
{
	char **item = environment_find(environment, name, length);

	return item ? *item + length + 1 : NULL;
}

int environment_set(struct string_list *environment, const char *assignment)
{
	char **item = environment_find(environment, assignment, strcspn(assignment, "="));

	return item ? string_set(item, assignment) : string_list_add(environment, assignment);
}

void environment_unset(struct string_list *environment, const char *name)
{
	size_t length = strcspn(name, "=");
	char **item = environment_find(environment, name, length);

	if (!item || (name[length] && strcmp(*item, name) != 0))
		return;
	free(*item);
	*item = environment->items[--environment->count];
	environment->items[environment->count] = NULL;
}

/* One value, to the end of its line; in place, since it only gets shorter. Returns its end. */
static char *value_unquote(char *p, char *end, char **value_end)
{
	char *out = p, *solid = p; /* solid: blanks before it belong to the value */
	char quote = 0;

	for (; p < end && (quote || *p != '\n'); p++) {
		if (*p == '\\' && quote != '\'' && p + 1 < end) {
			if (*++p == '\n')
				continue;
			if (quote && !strchr("\"\\`$", *p))
				*out++ = '\\';
			*out++ = *p;
			solid = out;
		} else if (quote ? *p == quote : (*p == '"' || *p == '\'')) {
			quote = quote ? 0 : *p;
			solid = out;
		} else {
			*out++ = *p;
			if (quote || !strchr(BLANKS, *p))
				solid = out;
		}
	}
	*value_end = solid;
	return p;
}

size_t environment_name_length(const char *text)
{
	return *text >= '0' && *text <= '9' ? 0 : strspn(text, NAME_CHARS);
}

/* NAME= at the line's beginning: its length without the equals sign, 0 when it is none. */
static size_t name_length(const char *line, const char *end)
{
	size_t length = environment_name_length(line);

	return line + length < end && line[length] == '=' ? length : 0;
}

int environment_parse(struct string_list *environment, const char *text, size_t length)
{
	char *copy = calloc(1, length + 1), *line = copy, *end = copy + length;
	int bad = 0;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, length);
	end = copy + strlen(copy); /* a zero byte ends it */
	while (line < end && bad >= 0) {
		char *value_end, *next, after;
		size_t name;

		line += strspn(line, BLANKS);
		name = name_length(line, end);
		if (!name) {
			bad += *line && *line != '#' && *line != ';';
			line += strcspn(line, "\n");
			continue;
		}
		next = line + name + 1;
		next += strspn(next, " \t");
		memmove(line + name + 1, next, (size_t)(end - next) + 1);
		end -= next - (line + name + 1);
		next = value_unquote(line + name + 1, end, &value_end);
		after = *next;
		*value_end = '\0';
		if (environment_set(environment, line))
			bad = -ENOMEM;
		*next = after;
		line = next;
	}
	free(copy);
	return bad;
}
