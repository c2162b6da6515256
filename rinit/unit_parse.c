/* Keys of systemd.unit(5), systemd.service(5) and systemd.exec(5) that rinit honours; docs/rinit.md lists
 * them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "rinit/unit_read.h"

#define WORD_MAX 4096

void unit_warn(const struct unit_reader *reader, unsigned int line, const char *format, ...)
{
	char sentence[512];
	va_list args;
	int used = line ? snprintf(sentence, sizeof(sentence), "%s:%u: ", reader->path, line)
			: snprintf(sentence, sizeof(sentence), "%s: ", reader->path);

	if (used < 0 || (size_t)used >= sizeof(sentence))
		return;
	va_start(args, format);
	vsnprintf(sentence + used, sizeof(sentence) - (size_t)used, format, args);
	va_end(args);
	reader->warnings->warn(reader->warnings->context, sentence);
}

void *unit_member(const struct unit_reader *reader, const struct unit_key *key)
{
	return (char *)reader->config + key->at;
}

/* Words, quotes removed; an empty value empties the list, as systemd has it. */
int read_words(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct string_list *list = unit_member(reader, key);
	char word[WORD_MAX];
	int more;

	if (!*value)
		string_list_clear(list);
	while ((more = word_split(&value, word, sizeof(word))) > 0)
		if (string_list_add(list, word))
			return -ENOMEM;
	return more;
}

int read_one(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct string_list *list = unit_member(reader, key);

	if (!*value) {
		string_list_clear(list);
		return 0;
	}
	return string_list_add(list, value);
}

int read_string(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return string_set(unit_member(reader, key), value);
}

int read_path(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return *value == '/' ? string_set(unit_member(reader, key), value) : -EINVAL;
}

int read_flag(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return parse_bool(value, unit_member(reader, key));
}

static int read_condition(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	if (*value && value[*value == '!'] != '/')
		return -EINVAL;
	return read_one(reader, key, value);
}

/* What Documentation= and the like say is for people. */
static int read_nothing(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	(void)reader;
	(void)key;
	(void)value;
	return 0;
}

#define AT(name) offsetof(struct unit_config, name)

static const struct unit_key keys[] = {
	{"Unit", "Description", read_string, AT(description), NULL},
	{"Unit", "Documentation", read_nothing, 0, NULL},
	{"Unit", "After", read_words, AT(after), NULL},
	{"Unit", "Before", read_words, AT(before), NULL},
	{"Unit", "Requires", read_words, AT(requires), NULL},
	{"Unit", "Wants", read_words, AT(wants), NULL},
	{"Unit", "ConditionPathExists", read_condition, AT(conditions), NULL},
	{"Unit", "DefaultDependencies", read_flag, AT(default_dependencies), NULL},
	{"Install", "WantedBy", read_words, AT(wanted_by), NULL},
};

static const struct unit_key *key_find(struct unit_reader *reader, const struct ini_entry *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, entry->section) && !strcmp(keys[i].key, entry->key))
			return &keys[i];
	return service_key_find(reader, entry);
}

static void entry_read(void *context, const struct ini_entry *entry)
{
	struct unit_reader *reader = context;
	const struct unit_key *key = key_find(reader, entry);
	int rc;

	if (!strncmp(entry->key, "X-", 2) || !strncmp(entry->section, "X-", 2))
		return; /* systemd.unit(5) leaves these to others */
	if (!key) {
		unit_warn(reader, entry->line, "%s= in [%s] is not known here and has no effect", entry->key,
			  entry->section);
		return;
	}
	rc = key->read(reader, key, entry->value);
	if (rc == -ENOMEM)
		reader->no_memory = true;
	else if (rc)
		unit_warn(reader, entry->line, "%s=%s is not valid and has no effect", entry->key,
			  entry->value);
}

static void line_fault(void *context, unsigned int line, const char *why)
{
	unit_warn(context, line, "this line %s and has no effect", why);
}

int unit_parse(struct unit_config *config, const char *path, const char *text, size_t length,
	       const struct unit_warnings *warnings, struct error *err)
{
	struct unit_reader reader = {.config = config, .path = path, .warnings = warnings};

	ini_parse(text, length,
		  &(struct ini_reader){.context = &reader, .entry = entry_read, .fault = line_fault});
	if (reader.no_memory)
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	return service_check(&reader, err);
}
