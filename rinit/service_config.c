#include "rinit/service_config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "rinit/ini.h"

#define DEFAULT_RESTART_MS 100 /* systemd-system.conf(5)'s defaults */
#define DEFAULT_TIMEOUT_MS 90000
#define DEFAULT_BURST      5

void service_config_init(struct service_config *config)
{
	*config = (struct service_config){
		.restart_ms = DEFAULT_RESTART_MS,
		.start_timeout_ms = DEFAULT_TIMEOUT_MS,
		.stop_timeout_ms = DEFAULT_TIMEOUT_MS,
		.abort_timeout_ms = DEFAULT_TIMEOUT_MS,
		.runtime_max_ms = TIMESPAN_INFINITY,
		.start_limit_burst = DEFAULT_BURST,
		.kill_signal = SIGTERM,
		.final_kill_signal = SIGKILL,
		.watchdog_signal = SIGABRT,
		.send_sigkill = true,
		.guess_main_pid = true,
		.ignore_sigpipe = true,
		.umask = 022,
		.nice = UNSET,
		.oom_score_adjust = UNSET,
		.policy = UNSET,
		.priority = UNSET,
		.io_class = UNSET,
		.io_priority = UNSET,
		.error = STDOUT_SAME,
	};
	for (size_t i = 0; i < DIRECTORY_KINDS; i++)
		config->directory_modes[i] = 0755;
}

int cpu_list_parse(const char *text, unsigned long mask[CPU_WORDS])
{
	const size_t bits = 8 * sizeof(*mask);

	while (*text) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		text = end + 1;
		if (*end == '-')
			last = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : CPUS_MAX;
		if ((*end && *end != ',') || last < first || last >= CPUS_MAX)
			return -EINVAL;
		for (size_t cpu = first; cpu <= last; cpu++)
			mask[cpu / bits] |= 1UL << cpu % bits;
		text = end + (*end == ',');
	}
	return 0;
}

static void command_clear(struct command *command)
{
	for (char **word = command->argv; word && *word; word++)
		free(*word);
	free(command->argv);
	free(command->program);
}

void command_list_clear(struct command_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		command_clear(&list->items[i]);
	free(list->items);
	*list = (struct command_list){0};
}

void service_config_clear(struct service_config *config)
{
	struct string_list *const lists[] = {
		&config->success_status,
		&config->restart_prevent,
		&config->restart_force,
		&config->groups,
		&config->environment,
		&config->environment_files,
		&config->pass_environment,
		&config->unset_environment,
		&config->cgroup,
		&config->sockets,
		&config->cpus,
	};
	char *const strings[] = {config->pid_file,   config->bus_name,    config->user,
				 config->group,      config->directory,   config->root,
				 config->input_path, config->output_path, config->error_path,
				 config->tty,        config->identifier,  config->slice};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		string_list_clear(lists[i]);
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	for (size_t i = 0; i < DIRECTORY_KINDS; i++)
		string_list_clear(&config->directories[i]);
	for (size_t i = 0; i < COMMAND_KINDS; i++)
		command_list_clear(&config->commands[i]);
	free(config->limits);
	service_config_init(config);
}

int command_list_add(struct command_list *list, struct command *command, struct string_list *words)
{
	struct command *items = realloc(list->items, (list->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	command->argv = words->items;
	*words = (struct string_list){0};
	items[list->count++] = *command;
	return 0;
}

int service_config_command(struct service_config *config, const char *program, const char *const *argv,
			   bool ignore_failure)
{
	struct command command = {.program = strdup(program), .ignore_failure = ignore_failure};
	struct string_list words = {0};
	int rc = command.program ? 0 : -ENOMEM;

	for (; !rc && *argv; argv++)
		rc = string_list_add(&words, *argv);
	if (!rc)
		rc = command_list_add(&config->commands[COMMAND_START], &command, &words);
	if (rc) {
		free(command.program);
		string_list_clear(&words);
	}
	return rc;
}
