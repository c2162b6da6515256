/* Keys of systemd.unit(5), systemd.service(5) and systemd.exec(5) that rinit honours; docs/rinit.md lists
 * them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "rinit/condition.h"
#include "rinit/specifier.h"
#include "rinit/specifier_machine.h"
#include "rinit/unit.h"

#define WORD_MAX 4096

struct unit_reader {
	struct unit_config *config;
	const char *path;
	const struct unit_warnings *warnings;
	bool no_memory;
	bool start_timeout_set;
	struct machine_names machine; /* read when the first specifier is seen */
};

/* One key: how to read its value. at is the member of struct unit_config, choices its words in the order of
 * the enum. */
struct unit_key {
	const char *section;
	const char *key;
	int (*read)(struct unit_reader *reader, const struct unit_key *key, const char *value);
	size_t at;
	const char *const *choices;
};

static void warn(const struct unit_reader *reader, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void warn(const struct unit_reader *reader, unsigned int line, const char *format, ...)
{
	char sentence[512];
	va_list args;
	int used = snprintf(sentence, sizeof(sentence), "%s:%u: ", reader->path, line);

	if (used < 0 || (size_t)used >= sizeof(sentence))
		return;
	va_start(args, format);
	vsnprintf(sentence + used, sizeof(sentence) - (size_t)used, format, args);
	va_end(args);
	reader->warnings->warn(reader->warnings->context, sentence);
}

static void *member(const struct unit_reader *reader, const struct unit_key *key)
{
	return (char *)reader->config + key->at;
}

/* Words, quotes removed; an empty value empties the list, as systemd has it. */
static int read_words(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct string_list *list = member(reader, key);
	char word[WORD_MAX];
	int more;

	if (!*value)
		string_list_clear(list);
	while ((more = word_split(&value, word, sizeof(word))) > 0)
		if (string_list_add(list, word))
			return -ENOMEM;
	return more;
}

static int read_string(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return string_set(member(reader, key), value);
}

static int read_path(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return *value == '/' ? string_set(member(reader, key), value) : -EINVAL;
}

static int read_flag(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return parse_bool(value, member(reader, key));
}

static int read_span(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return parse_timespan(value, member(reader, key));
}

/* A timeout of 0 means none, as systemd.service(5) has it. */
static int read_timeout(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	uint64_t *ms = member(reader, key);
	int rc = parse_timespan(value, ms);

	if (!rc && !*ms)
		*ms = TIMESPAN_INFINITY;
	if (!rc && key->at == offsetof(struct unit_config, start_timeout_ms))
		reader->start_timeout_set = true;
	return rc;
}

static int read_timeouts(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	int rc = read_timeout(reader, key, value);

	if (!rc)
		reader->config->stop_timeout_ms = reader->config->start_timeout_ms;
	return rc;
}

static int read_signal(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return parse_signal(value, member(reader, key));
}

static int read_choice(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	unsigned int *choice = member(reader, key); /* an enum of ours */

	for (unsigned int i = 0; key->choices[i]; i++) {
		if (!strcmp(key->choices[i], value)) {
			*choice = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* journal, syslog, kmsg, inherit and the log: wherever systemd would put it, here it is the log. */
static int read_output(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	static const char *const log_words[] = {"log",          "journal",        "journal+console",
						"syslog",       "syslog+console", "kmsg",
						"kmsg+console", "inherit"};
	enum stdout_kind *output = member(reader, key);

	if (!strcmp(value, "null"))
		*output = STDOUT_NULL;
	else if (!strcmp(value, "tty"))
		*output = STDOUT_TTY;
	else {
		for (size_t i = 0; i < ARRAY_SIZE(log_words); i++)
			if (!strcmp(value, log_words[i])) {
				*output = STDOUT_LOG;
				return 0;
			}
		return -EINVAL;
	}
	return 0;
}

static void commands_clear(struct unit_config *config)
{
	struct unit_config empty;

	unit_config_init(&empty, "");
	empty.commands = config->commands;
	empty.command_count = config->command_count;
	config->commands = NULL;
	config->command_count = 0;
	unit_config_clear(&empty);
}

/* systemd.service(5), "Command lines", without variables and specifiers. */
static int read_command(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct string_list words = {0};
	bool ignore_failure = *value == '-';
	char word[WORD_MAX];
	int more, rc = -EINVAL;

	(void)key;
	if (!*value) {
		commands_clear(reader->config);
		return 0;
	}
	value += ignore_failure;
	while ((more = word_split(&value, word, sizeof(word))) > 0)
		if (string_list_add(&words, word)) {
			more = -ENOMEM;
			break;
		}
	if (more < 0)
		rc = more;
	else if (words.count && words.items[0][0] && !strchr("-@:+!|", words.items[0][0]))
		rc = unit_config_command(reader->config, words.items[0], (const char *const *)words.items,
					 ignore_failure);
	string_list_clear(&words);
	return rc;
}

/* What Documentation= and the like say is for people. */
static int read_nothing(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	(void)reader;
	(void)key;
	(void)value;
	return 0;
}

/*
 * What is in fstab is mounted before local-fs.target, or before remote-fs.target when it is the network's:
 * both are waited for, where the boot has them. What is mounted later is not.
 */
static int read_mounts(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct string_list *after = member(reader, key);

	if (!*value)
		return 0;
	return string_list_add(after, "local-fs.target") || string_list_add(after, "remote-fs.target")
		       ? -ENOMEM
		       : 0;
}

static const char *const types[] = {"simple", "exec", "oneshot", "notify", NULL};
static const char *const restarts[] = {"no", "on-failure", "always", NULL};
static const char *const inputs[] = {"null", "tty", NULL};
static const char *const accesses[] = {"main", "all", NULL};

#define AT(name) offsetof(struct unit_config, name)

static const struct unit_key keys[] = {
	{"Unit", "Description", read_string, AT(description), NULL},
	{"Unit", "Documentation", read_nothing, 0, NULL},
	{"Unit", "After", read_words, AT(after), NULL},
	{"Unit", "Before", read_words, AT(before), NULL},
	{"Unit", "Requires", read_words, AT(requires), NULL},
	{"Unit", "Wants", read_words, AT(wants), NULL},
	{"Unit", "Requisite", read_words, AT(requisite), NULL},
	{"Unit", "BindsTo", read_words, AT(binds_to), NULL},
	{"Unit", "PartOf", read_words, AT(part_of), NULL},
	{"Unit", "Conflicts", read_words, AT(conflicts), NULL},
	{"Unit", "OnFailure", read_words, AT(on_failure), NULL},
	{"Unit", "IgnoreOnIsolate", read_flag, AT(ignore_on_isolate), NULL},
	{"Unit", "AllowIsolate", read_flag, AT(allow_isolate), NULL},
	{"Unit", "RefuseManualStart", read_flag, AT(refuse_manual_start), NULL},
	{"Unit", "RefuseManualStop", read_flag, AT(refuse_manual_stop), NULL},
	{"Unit", "RequiresMountsFor", read_mounts, AT(after), NULL},
	{"Unit", "WantsMountsFor", read_mounts, AT(after), NULL},
	{"Unit", "DefaultDependencies", read_flag, AT(default_dependencies), NULL},
	{"Service", "Type", read_choice, AT(type), types},
	{"Service", "ExecStart", read_command, 0, NULL},
	{"Service", "Restart", read_choice, AT(restart), restarts},
	{"Service", "RestartSec", read_span, AT(restart_ms), NULL},
	{"Service", "TimeoutStartSec", read_timeout, AT(start_timeout_ms), NULL},
	{"Service", "TimeoutStopSec", read_timeout, AT(stop_timeout_ms), NULL},
	{"Service", "TimeoutSec", read_timeouts, AT(start_timeout_ms), NULL},
	{"Service", "Environment", read_words, AT(environment), NULL},
	{"Service", "StandardInput", read_choice, AT(input), inputs},
	{"Service", "StandardOutput", read_output, AT(output), NULL},
	{"Service", "TTYPath", read_path, AT(tty), NULL},
	{"Service", "WorkingDirectory", read_path, AT(directory), NULL},
	{"Service", "RemainAfterExit", read_flag, AT(remain_after_exit), NULL},
	{"Service", "KillSignal", read_signal, AT(kill_signal), NULL},
	{"Service", "NotifyAccess", read_choice, AT(notify_access), accesses},
	{"Install", "WantedBy", read_words, AT(wanted_by), NULL},
	{"Install", "RequiredBy", read_words, AT(required_by), NULL},
	{"Install", "Alias", read_words, AT(alias), NULL},
	{"Install", "Also", read_words, AT(also), NULL},
	{"Install", "DefaultInstance", read_string, AT(default_instance), NULL},
};

static const struct unit_key *key_find(const struct ini_entry *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, entry->section) && !strcmp(keys[i].key, entry->key))
			return &keys[i];
	return NULL;
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
		warn(reader, entry->line, "%s= is not known here: it counts as fulfilled", entry->key);
	} else if (!*value) {
		string_list_clear(list);
	} else if (rc || (size_t)snprintf(text, sizeof(text), "%s=%s", kind, value) >= sizeof(text)) {
		warn(reader, entry->line, "%s=%s is not valid: it counts as fulfilled", entry->key, value);
	} else if (string_list_add(list, text)) {
		reader->no_memory = true;
	}
	return true;
}

/* Does the value go through word_split? Then an expansion is quoted, to stay one word. */
static bool key_is_split(const struct unit_key *key)
{
	return key && (key->read == read_words || key->read == read_command);
}

/* The value with its specifiers expanded, in buffer when there are any. */
static const char *value_expand(struct unit_reader *reader, const struct ini_entry *entry, bool split,
				char buffer[INI_VALUE_MAX])
{
	struct specifiers values = {.unit = reader->config->name};
	char unknown;

	if (!strchr(entry->value, '%'))
		return entry->value;
	machine_names_read(&reader->machine, &values);
	if (specifiers_expand(&values, entry->value, split, buffer, INI_VALUE_MAX, &unknown)) {
		warn(reader, entry->line, "%s=: too long with its specifiers: taken as it is written",
		     entry->key);
		return entry->value;
	}
	if (unknown)
		warn(reader, entry->line, "%s=: the specifier %%%c is not known here and is left as it is",
		     entry->key, unknown);
	return buffer;
}

static void entry_read(void *context, const struct ini_entry *entry)
{
	struct unit_reader *reader = context;
	const struct unit_key *key = key_find(entry);
	char expanded[INI_VALUE_MAX];
	const char *value;
	int rc;

	if (!strncmp(entry->key, "X-", 2) || !strncmp(entry->section, "X-", 2))
		return; /* systemd.unit(5) leaves these to others */
	value = value_expand(reader, entry, key_is_split(key), expanded);
	if (condition_read(reader, entry, value))
		return;
	if (!key) {
		warn(reader, entry->line, "%s= in [%s] is not known here and has no effect", entry->key,
		     entry->section);
		return;
	}
	rc = key->read(reader, key, value);
	if (rc == -ENOMEM)
		reader->no_memory = true;
	else if (rc)
		warn(reader, entry->line, "%s=%s is not valid and has no effect", entry->key, entry->value);
	else if (key->read == read_command && strchr(entry->value, '$'))
		warn(reader, entry->line, "%s=: $variables are passed on as they are", entry->key);
}

static void line_fault(void *context, unsigned int line, const char *why)
{
	warn(context, line, "this line %s and has no effect", why);
}

int unit_parse_texts(struct unit_config *config, const struct unit_text *texts, size_t count,
		     const struct unit_warnings *warnings, struct error *err)
{
	struct unit_reader reader = {.config = config, .warnings = warnings};
	const char *path = texts[0].path;

	for (size_t i = 0; i < count; i++) {
		reader.path = texts[i].path;
		ini_parse(texts[i].text, texts[i].length,
			  &(struct ini_reader){.context = &reader, .entry = entry_read, .fault = line_fault});
	}
	if (reader.no_memory)
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	if (config->kind == UNIT_TARGET)
		return 0;
	if (!config->command_count)
		return error_set(err, -EINVAL, "%s: no usable ExecStart= in [Service]: nothing to run", path);
	if (config->command_count > 1 && config->type != TYPE_ONESHOT)
		return error_set(err, -EINVAL, "%s: more than one ExecStart= needs Type=oneshot", path);
	if (config->type == TYPE_ONESHOT && !reader.start_timeout_set)
		config->start_timeout_ms = TIMESPAN_INFINITY; /* systemd.service(5), TimeoutStartSec= */
	return 0;
}

int unit_parse(struct unit_config *config, const char *path, const char *text, size_t length,
	       const struct unit_warnings *warnings, struct error *err)
{
	const struct unit_text one = {.path = (char *)path, .text = (char *)text, .length = length};

	return unit_parse_texts(config, &one, 1, warnings, err);
}
