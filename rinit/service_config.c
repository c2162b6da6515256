#include "rinit/service_config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_RESTART_MS 100 /* systemd-system.conf(5)'s defaults */
#define DEFAULT_TIMEOUT_MS 90000

void service_config_init(struct service_config *config)
{
	*config = (struct service_config){
		.restart_ms = DEFAULT_RESTART_MS,
		.start_timeout_ms = DEFAULT_TIMEOUT_MS,
		.stop_timeout_ms = DEFAULT_TIMEOUT_MS,
		.kill_signal = SIGTERM,
	};
}

static void command_clear(struct command *command)
{
	for (char **word = command->argv; word && *word; word++)
		free(*word);
	free(command->argv);
	free(command->program);
}

void service_config_clear(struct service_config *config)
{
	string_list_clear(&config->environment);
	for (size_t i = 0; i < config->command_count; i++)
		command_clear(&config->commands[i]);
	free(config->commands);
	free(config->tty);
	free(config->directory);
	service_config_init(config);
}

int service_config_command(struct service_config *config, const char *program, const char *const *argv,
			   bool ignore_failure)
{
	struct command *commands = realloc(config->commands, (config->command_count + 1) * sizeof(*commands));
	struct string_list words = {0};
	struct command *added;

	if (!commands)
		return -ENOMEM;
	config->commands = commands;
	added = &commands[config->command_count];
	*added = (struct command){.program = strdup(program), .ignore_failure = ignore_failure};
	for (; *argv; argv++)
		if (string_list_add(&words, *argv))
			break;
	added->argv = words.items;
	if (!added->program || *argv) {
		command_clear(added);
		return -ENOMEM;
	}
	config->command_count++;
	return 0;
}
