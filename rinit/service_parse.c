/* Keys of systemd.service(5), systemd.exec(5) and systemd.kill(5) that rinit honours; docs/rinit.md lists
 * them. */
#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "rinit/unit_read.h"

#define WORD_MAX 4096

static int read_span(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return parse_timespan(value, unit_member(reader, key));
}

/* A timeout of 0 means none, as systemd.service(5) has it. */
static int read_timeout(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	uint64_t *ms = unit_member(reader, key);
	int rc = parse_timespan(value, ms);

	if (!rc && !*ms)
		*ms = TIMESPAN_INFINITY;
	if (!rc && key->at == offsetof(struct unit_config, service.start_timeout_ms))
		reader->start_timeout_set = true;
	return rc;
}

static int read_timeouts(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	int rc = read_timeout(reader, key, value);

	if (!rc)
		reader->config->service.stop_timeout_ms = reader->config->service.start_timeout_ms;
	return rc;
}

static int read_signal(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return parse_signal(value, unit_member(reader, key));
}

static int read_choice(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	unsigned int *choice = unit_member(reader, key); /* an enum of ours */

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
	enum stdout_kind *output = unit_member(reader, key);

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

static void commands_clear(struct service_config *config)
{
	struct service_config empty = {.commands = config->commands, .command_count = config->command_count};

	config->commands = NULL;
	config->command_count = 0;
	service_config_clear(&empty);
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
		commands_clear(&reader->config->service);
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
		rc = service_config_command(&reader->config->service, words.items[0],
					    (const char *const *)words.items, ignore_failure);
	string_list_clear(&words);
	return rc;
}

static const char *const types[] = {"simple", "exec", "oneshot", "notify", NULL};
static const char *const restarts[] = {"no", "on-failure", "always", NULL};
static const char *const inputs[] = {"null", "tty", NULL};
static const char *const accesses[] = {"main", "all", NULL};

#define AT(name) offsetof(struct unit_config, service.name)

static const struct unit_key keys[] = {
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
};

const struct unit_key *service_key_find(const struct ini_entry *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, entry->section) && !strcmp(keys[i].key, entry->key))
			return &keys[i];
	return NULL;
}

int service_check(struct unit_reader *reader, struct error *err)
{
	struct service_config *config = &reader->config->service;
	const char *path = reader->path;

	if (!config->command_count)
		return error_set(err, -EINVAL, "%s: no usable ExecStart= in [Service]: nothing to run", path);
	if (config->command_count > 1 && config->type != TYPE_ONESHOT)
		return error_set(err, -EINVAL, "%s: more than one ExecStart= needs Type=oneshot", path);
	if (config->type == TYPE_ONESHOT && !reader->start_timeout_set)
		config->start_timeout_ms = TIMESPAN_INFINITY; /* systemd.service(5), TimeoutStartSec= */
	return 0;
}
