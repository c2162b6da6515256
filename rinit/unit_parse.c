/* Keys of systemd.unit(5), systemd.service(5) and systemd.exec(5) that rinit honours; rinit.unit(5) lists
 * them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "rinit/condition.h"
#include "rinit/mounts.h"
#include "rinit/socket.h"
#include "rinit/specifier.h"
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

/* Names of units, in which \x2d is no escape but a part of them; what is none is left out of the list. Those
 * of [Install] are looked at when they are used. */
static int read_units(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct string_list *list = unit_member(reader, key);
	char text[2 * INI_VALUE_MAX], *to = text, word[WORD_MAX];
	const char *words = text;
	int more;

	if (!*value)
		string_list_clear(list);
	do {
		if (*value == '\\')
			*to++ = '\\';
		*to++ = *value;
	} while (*value++);
	while ((more = word_split(&words, word, sizeof(word))) > 0)
		if (*key->section == 'U' && !unit_name_is_valid(word))
			unit_warn(reader, reader->line, "%s=: %s is not a unit's name and is left out",
				  key->key, word);
		else if (string_list_add(list, word))
			return -ENOMEM;
	return more;
}

int read_string(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	char **string = unit_member(reader, key);

	if (*value)
		return string_set(string, value);
	free(*string); /* as if it had not been set */
	*string = NULL;
	return 0;
}

int read_path(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return !*value || *value == '/' ? read_string(reader, key, value) : -EINVAL;
}

int read_flag(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return parse_bool(value, unit_member(reader, key));
}

/* What Documentation= and the like say is for people. */
static int read_nothing(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	(void)reader;
	(void)key;
	(void)value;
	return 0;
}

/* Paths: the mount units that they may be on. */
static int read_mounts(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	char word[WORD_MAX];
	int more;

	while ((more = word_split(&value, word, sizeof(word))) > 0)
		if (*word != '/')
			unit_warn(reader, reader->line, "%s=: %s is not an absolute path and is left out",
				  key->key, word);
		else if ((more = mounts_for(reader->config, unit_member(reader, key), word)))
			return more;
	return more;
}

#define AT(name) offsetof(struct unit_config, name)

static const struct unit_key keys[] = {
	{"Unit", "Description", read_string, AT(description), NULL},
	{"Unit", "Documentation", read_nothing, 0, NULL},
	{"Unit", "SourcePath", read_nothing, 0, NULL},
	{"Unit", "After", read_units, AT(after), NULL},
	{"Unit", "Before", read_units, AT(before), NULL},
	{"Unit", "Requires", read_units, AT(requires), NULL},
	{"Unit", "Wants", read_units, AT(wants), NULL},
	{"Unit", "Requisite", read_units, AT(requisite), NULL},
	{"Unit", "BindsTo", read_units, AT(binds_to), NULL},
	{"Unit", "PartOf", read_units, AT(part_of), NULL},
	{"Unit", "Conflicts", read_units, AT(conflicts), NULL},
	{"Unit", "OnFailure", read_units, AT(on_failure), NULL},
	{"Unit", "IgnoreOnIsolate", read_flag, AT(ignore_on_isolate), NULL},
	{"Unit", "AllowIsolate", read_flag, AT(allow_isolate), NULL},
	{"Unit", "RefuseManualStart", read_flag, AT(refuse_manual_start), NULL},
	{"Unit", "RefuseManualStop", read_flag, AT(refuse_manual_stop), NULL},
	{"Unit", "RequiresMountsFor", read_mounts, AT(mounts_for), NULL},
	{"Unit", "WantsMountsFor", read_mounts, AT(wants), NULL},
	{"Unit", "DefaultDependencies", read_flag, AT(default_dependencies), NULL},
	{"Install", "WantedBy", read_units, AT(wanted_by), NULL},
	{"Install", "RequiredBy", read_units, AT(required_by), NULL},
	{"Install", "Alias", read_units, AT(alias), NULL},
	{"Install", "Also", read_units, AT(also), NULL},
	{"Install", "DefaultInstance", read_string, AT(default_instance), NULL},
};

static const struct unit_key *key_find(struct unit_reader *reader, const struct ini_entry *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, entry->section) && !strcmp(keys[i].key, entry->key))
			return &keys[i];
	if (!strcmp(entry->section, "Socket"))
		return reader->config->kind == UNIT_SOCKET ? socket_key_find(reader, entry) : NULL;
	if (reader->config->kind == UNIT_MOUNT)
		return mount_key_find(reader, entry);
	return !strcmp(entry->section, "Unit") || reader->config->kind == UNIT_SERVICE
		       ? service_key_find(reader, entry)
		       : NULL;
}

/* Without these a service would be another one than was meant: then it is not run at all. */
static bool is_vital(const struct ini_entry *entry)
{
	return !strcmp(entry->section, "Service") &&
	       (!strncmp(entry->key, "Exec", 4) ||
		words_have(" User Group SupplementaryGroups WorkingDirectory RootDirectory ", entry->key));
}

static void vital_fault(struct unit_reader *reader, const struct ini_entry *entry, const char *what)
{
	if (!reader->refused)
		reader->refused = error_set(reader->err, -EINVAL, "%s:%u: %s=%s %s: the unit is not run",
					    reader->path, entry->line, entry->key, entry->value, what);
}

/* Condition...= and Assert...=; true when entry is one of them. */
static bool condition_read(struct unit_reader *reader, const struct ini_entry *entry, const char *value)
{
	bool condition = !strncmp(entry->key, "Condition", 9);
	struct string_list *list = condition ? &reader->config->conditions : &reader->config->asserts;
	const char *kind = entry->key + (condition ? 9 : 6);
	char text[WORD_MAX];
	int rc;

	if (strcmp(entry->section, "Unit") != 0 || (!condition && strncmp(entry->key, "Assert", 6) != 0))
		return false;
	rc = condition_check(kind, value);
	if (rc == -ENOENT) {
		unit_warn(reader, entry->line, "%s= is not known here: it counts as fulfilled", entry->key);
	} else if (!*value) {
		string_list_clear(list);
	} else if (rc || (size_t)snprintf(text, sizeof(text), "%s=%s", kind, value) >= sizeof(text)) {
		unit_warn(reader, entry->line, "%s=%s is not valid: it counts as fulfilled", entry->key,
			  value);
	} else if (string_list_add(list, text)) {
		reader->no_memory = true;
	}
	return true;
}

/* Does the value go through word_split? Then an expansion is quoted, to stay one word. */
static bool key_is_split(const struct unit_key *key)
{
	return key && (key->read == read_mounts || service_key_is_split(key));
}

/* The value with its specifiers expanded, in buffer when there are any; NULL when it is not to be used. */
static const char *value_expand(struct unit_reader *reader, const struct ini_entry *entry, bool split,
				char buffer[INI_VALUE_MAX])
{
	struct specifiers values = {.unit = reader->config->name};
	char unknown;

	if (!strchr(entry->value, '%'))
		return entry->value;
	machine_names_read(&reader->machine, &values);
	if (specifiers_expand(&values, entry->value, split, buffer, INI_VALUE_MAX, &unknown)) {
		unit_warn(reader, entry->line, "%s=: too long with its specifiers: taken as it is written",
			  entry->key);
		return entry->value;
	}
	if (unknown && is_vital(entry)) {
		vital_fault(reader, entry, "has a specifier that is not known here");
		return NULL;
	}
	if (unknown)
		unit_warn(reader, entry->line,
			  "%s=: the specifier %%%c is not known here and is left as it is", entry->key,
			  unknown);
	return buffer;
}

static void entry_read(void *context, const struct ini_entry *entry)
{
	struct unit_reader *reader = context;
	const struct unit_key *key = key_find(reader, entry);
	char expanded[INI_VALUE_MAX];
	const char *value;
	int rc;

	if (!strncmp(entry->key, "X-", 2) || !strncmp(entry->section, "X-", 2))
		return; /* systemd.unit(5) leaves these to others */
	reader->line = entry->line;
	value = value_expand(reader, entry, key_is_split(key), expanded);
	if (!value || condition_read(reader, entry, value))
		return;
	if (!key) {
		unit_warn(reader, entry->line, "%s= in [%s] is not known here and has no effect", entry->key,
			  entry->section);
		return;
	}
	rc = key->read(reader, key, value);
	if (rc == -ENOMEM)
		reader->no_memory = true;
	else if (rc && is_vital(entry) && *value != '-')
		vital_fault(reader, entry, "is not valid");
	else if (rc)
		unit_warn(reader, entry->line, "%s=%s is not valid and has no effect", entry->key,
			  entry->value);
}

static void line_fault(void *context, unsigned int line, const char *why)
{
	unit_warn(context, line, "this line %s and has no effect", why);
}

int unit_parse_texts(struct unit_config *config, const struct unit_text *texts, size_t count,
		     const struct unit_warnings *warnings, struct error *err)
{
	struct unit_reader reader = {.config = config, .warnings = warnings, .err = err};
	const char *path = texts[0].path;

	for (size_t i = 0; i < count; i++) {
		reader.path = texts[i].path;
		ini_parse(texts[i].text, texts[i].length,
			  &(struct ini_reader){.context = &reader, .entry = entry_read, .fault = line_fault});
	}
	if (reader.no_memory)
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	if (reader.refused || config->kind == UNIT_TARGET)
		return reader.refused;
	if (config->kind == UNIT_SOCKET)
		return socket_check(config, path, err);
	if (config->kind == UNIT_MOUNT)
		return mount_check(config, path, err);
	if (mounts_implied(config))
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	return service_check(&reader, err);
}

int unit_parse(struct unit_config *config, const char *path, const char *text, size_t length,
	       const struct unit_warnings *warnings, struct error *err)
{
	const struct unit_text one = {.path = (char *)path, .text = (char *)text, .length = length};

	return unit_parse_texts(config, &one, 1, warnings, err);
}
