/* rastos-vmm start, shutdown, reboot, kill, pause, resume, undefine, down: what the manager does with guests.
 */
#include <stdio.h>
#include <string.h>

#include "vmm/cli/client.h"
#include "vmm/cli/guests.h"
#include "vmm/cli/options.h"

#define TIMEOUT_MAX 86400

enum {
	OPT_HELP = 256,
	OPT_FORCE,
	OPT_POWEROFF,
	OPT_KEEP_GUESTS,
	OPT_WAIT,
};

#define HELP                                                                                                 \
	{                                                                                                    \
		"help", no_argument, NULL, OPT_HELP                                                          \
	}
#define TIMEOUT                                                                                              \
	{                                                                                                    \
		"timeout", required_argument, NULL, 't'                                                      \
	}
#define WAIT                                                                                                 \
	{                                                                                                    \
		"wait", no_argument, NULL, OPT_WAIT                                                          \
	}
#define END                                                                                                  \
	{                                                                                                    \
		NULL, 0, NULL, 0                                                                             \
	}

static const struct option only_help[] = {HELP, END};
static const struct option with_wait[] = {WAIT, HELP, END};
static const struct option with_both[] = {WAIT, TIMEOUT, HELP, END};

struct operation {
	const char *name;
	const struct option *options;
	const char *usage;
};

/* Puts an option into the request that is to be made; *help: it was asked for, and shown. */
static enum exit_code take_option(const struct operation *operation, int option, cJSON *members, bool *help)
{
	unsigned long timeout_s;

	switch (option) {
	case OPT_HELP:
		fputs(operation->usage, stdout);
		*help = true;
		return EXIT_DONE;
	case OPT_FORCE:
		cJSON_AddTrueToObject(members, "force");
		return EXIT_DONE;
	case OPT_POWEROFF:
		cJSON_AddTrueToObject(members, "poweroff");
		return EXIT_DONE;
	case OPT_KEEP_GUESTS:
		cJSON_AddTrueToObject(members, "keep_guests");
		return EXIT_DONE;
	case OPT_WAIT:
		cJSON_AddTrueToObject(members, "wait");
		return EXIT_DONE;
	case 't':
		if (!cli_number(optarg, 0, TIMEOUT_MAX, &timeout_s))
			return cli_usage(operation->name, "--timeout: must be seconds from 0 to %d",
					 TIMEOUT_MAX);
		cJSON_DeleteItemFromObjectCaseSensitive(members, "timeout_s");
		cJSON_AddNumberToObject(members, "timeout_s", (double)timeout_s);
		return EXIT_DONE;
	default:
		return cli_bad_option(operation->name);
	}
}

static enum exit_code read_options(const struct operation *operation, int argc, char **argv, cJSON *members,
				   bool *help)
{
	/* -t is known where --timeout is. */
	const char *shorts = operation->options == only_help || operation->options == with_wait ? "" : "t:";
	enum exit_code code = EXIT_DONE;
	int option;

	*help = false;
	while (code == EXIT_DONE && !*help &&
	       (option = options_next(argc, argv, shorts, operation->options)) != -1)
		code = take_option(operation, option, members, help);
	return code;
}

static enum exit_code operate(struct cli *cli, const struct operation *operation, int argc, char **argv)
{
	cJSON *members = cJSON_CreateObject();
	bool help;
	enum exit_code code = read_options(operation, argc, argv, members, &help);

	if (code == EXIT_DONE && !help) {
		if (optind == argc)
			code = cli_usage(operation->name, "which guest?");
		else
			code = guests_do(cli, operation->name, argv + optind, members);
	}
	cJSON_Delete(members);
	return code;
}

enum exit_code command_start(struct cli *cli, int argc, char **argv)
{
	static const struct operation operation = {
		.name = "start",
		.options = with_both,
		.usage = "Usage: rastos-vmm start [--wait [--timeout S]] GUEST...\n\n"
			 "Starts guests that are off, and before them those that they depend on.\n\n"
			 "      --wait        return when they are ready\n"
			 "  -t, --timeout S   give up waiting after S seconds (default 60), exit status 5\n"
			 "      --help        show this help\n",
	};

	return operate(cli, &operation, argc, argv);
}

enum exit_code command_shutdown(struct cli *cli, int argc, char **argv)
{
	static const struct operation operation = {
		.name = "shutdown",
		.options = with_both,
		.usage =
			"Usage: rastos-vmm shutdown [--wait] [--timeout S] GUEST...\n\n"
			"Presses the guests' power buttons; after half the time Ctrl-Alt-Del follows, after all of it they are\n"
			"stopped.\n\n"
			"      --wait        return when they are off\n"
			"  -t, --timeout S   the time (default 30 seconds)\n"
			"      --help        show this help\n",
	};

	return operate(cli, &operation, argc, argv);
}

enum exit_code command_reboot(struct cli *cli, int argc, char **argv)
{
	static const struct operation operation = {
		.name = "reboot",
		.options = with_both,
		.usage = "Usage: rastos-vmm reboot [--wait] [--timeout S] GUEST...\n\n"
			 "Shuts guests down as `shutdown` does, and starts them again.\n\n"
			 "      --wait        return when they are ready again\n"
			 "  -t, --timeout S   how long they may take to shut down (default 30 seconds)\n"
			 "      --help        show this help\n",
	};

	return operate(cli, &operation, argc, argv);
}

enum exit_code command_kill(struct cli *cli, int argc, char **argv)
{
	static const struct operation operation = {
		.name = "kill",
		.options = with_wait,
		.usage = "Usage: rastos-vmm kill [--wait] GUEST...\n\n"
			 "Ends guests at once; what they have not written is lost.\n\n"
			 "      --wait        return when they are off\n"
			 "      --help        show this help\n",
	};

	return operate(cli, &operation, argc, argv);
}

enum exit_code command_pause(struct cli *cli, int argc, char **argv)
{
	static const struct operation operation = {
		.name = "pause",
		.options = only_help,
		.usage =
			"Usage: rastos-vmm pause GUEST...\n\n"
			"Stops guests where they are; their memory stays. `resume` lets them go on, with the right time.\n",
	};

	return operate(cli, &operation, argc, argv);
}

enum exit_code command_resume(struct cli *cli, int argc, char **argv)
{
	static const struct operation operation = {
		.name = "resume",
		.options = only_help,
		.usage = "Usage: rastos-vmm resume GUEST...\n\nLets guests that were paused go on.\n",
	};

	return operate(cli, &operation, argc, argv);
}

enum exit_code command_undefine(struct cli *cli, int argc, char **argv)
{
	static const struct operation operation = {
		.name = "undefine",
		.options = only_help,
		.usage = "Usage: rastos-vmm undefine GUEST...\n\n"
			 "Forgets guests that are off: their definitions are removed, their disks are not.\n",
	};

	return operate(cli, &operation, argc, argv);
}

enum exit_code command_down(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		TIMEOUT,
		{"force", no_argument, NULL, OPT_FORCE},
		{"poweroff", no_argument, NULL, OPT_POWEROFF},
		{"keep-guests", no_argument, NULL, OPT_KEEP_GUESTS},
		HELP,
		END,
	};
	static const struct operation operation = {
		.name = "down",
		.options = options,
		.usage =
			"Usage: rastos-vmm down [--timeout S] [--force] [--poweroff]\n"
			"       rastos-vmm down --keep-guests\n\n"
			"Shuts all guests down, those that others depend on last, and ends the manager.\n\n"
			"  -t, --timeout S   stop guests that are not off after S seconds (default 30)\n"
			"      --force       stop them at once\n"
			"      --poweroff    then power the host off (a rastOS host only)\n"
			"      --keep-guests end the manager alone: the guests go on, and the next `up` takes them over\n"
			"      --help        show this help\n",
	};
	cJSON *members = cJSON_CreateObject();
	struct error err = {0};
	bool help;
	enum exit_code code = read_options(&operation, argc, argv, members, &help);

	if (code == EXIT_DONE && !help) {
		if (optind != argc)
			code = cli_usage("down", "takes no argument");
		else if (cJSON_HasObjectItem(members, "keep_guests") && cJSON_GetArraySize(members) > 1)
			code = cli_usage("down",
					 "--keep-guests: the other options are about the guests' end");
		else if ((code = client_ask(cli, "down", NULL, members, NULL, &err)) != EXIT_DONE)
			cli_fail(code, "%s", err.text);
	}
	cJSON_Delete(members);
	return code;
}
