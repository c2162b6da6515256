/* rastos-vmm list, start, shutdown, reboot, kill, down: what the manager does for us. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/cli.h"
#include "vmm/cli/client.h"

#define TIMEOUT_MAX 86400

enum {
	OPT_HELP = 256,
	OPT_JSON,
	OPT_FORCE,
	OPT_POWEROFF,
	OPT_WAIT,
};

static const char *text_of(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

static double number_of(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static void print_uptime(char text[16], double seconds)
{
	unsigned long s = (unsigned long)seconds;

	if (s == 0)
		snprintf(text, 16, "-");
	else if (s < 60)
		snprintf(text, 16, "%lus", s);
	else if (s < 3600)
		snprintf(text, 16, "%lum%02lus", s / 60, s % 60);
	else
		snprintf(text, 16, "%luh%02lum", s / 3600, s / 60 % 60);
}

static void print_guests(const cJSON *result)
{
	const cJSON *guest;

	printf("%-16s %-8s %-9s %5s %8s %8s %8s  %s\n", "NAME", "ROLE", "STATE", "VCPUS", "MEMORY", "PID",
	       "UPTIME", "STATUS");
	cJSON_ArrayForEach(guest, cJSON_GetObjectItemCaseSensitive(result, "guests"))
	{
		const char *why = text_of(guest, "why");
		char uptime[16];
		char pid[16] = "-";

		print_uptime(uptime, number_of(guest, "uptime_s"));
		if (number_of(guest, "pid") > 0)
			snprintf(pid, sizeof(pid), "%.0f", number_of(guest, "pid"));
		printf("%-16s %-8s %-9s %5.0f %5.0fMiB %8s %8s  %s\n", text_of(guest, "name"),
		       text_of(guest, "role"), text_of(guest, "state"), number_of(guest, "vcpus"),
		       number_of(guest, "memory_mib"), pid, uptime, *why ? why : text_of(guest, "status"));
	}
}

enum exit_code command_list(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	enum exit_code code;
	bool json = false;
	cJSON *result;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == OPT_HELP) {
			puts("Usage: rastos-vmm list [--json]\n\nLists the guests and their states.");
			return EXIT_DONE;
		}
		if (option != OPT_JSON)
			return cli_bad_option("list");
		json = true;
	}
	if (optind != argc)
		return cli_usage("list", "takes no argument");
	code = client_do(cli, "list", NULL, &result);
	if (code != EXIT_DONE)
		return code;
	if (json) {
		cli_print_json(result);
		return EXIT_DONE;
	}
	print_guests(result);
	cJSON_Delete(result);
	return EXIT_DONE;
}

/* Options that the commands below share; each allows some. */
struct operation_options {
	const char *command;
	const char *allowed; /* letters: t timeout, f force, p poweroff, w wait */
	const char *usage;
	bool force, poweroff, wait, timeout_given;
	unsigned long timeout_s;
};

static enum exit_code read_options(struct operation_options *operation, int argc, char **argv, bool *help)
{
	static const struct option options[] = {
		{"timeout", required_argument, NULL, 't'},     {"force", no_argument, NULL, OPT_FORCE},
		{"poweroff", no_argument, NULL, OPT_POWEROFF}, {"wait", no_argument, NULL, OPT_WAIT},
		{"help", no_argument, NULL, OPT_HELP},         {NULL, 0, NULL, 0},
	};
	int option;

	*help = false;
	while ((option = getopt_long(argc, argv, "t:", options, NULL)) != -1) {
		char letter = option == OPT_FORCE      ? 'f'
			      : option == OPT_POWEROFF ? 'p'
			      : option == OPT_WAIT     ? 'w'
						       : 't';

		if (option == OPT_HELP) {
			fputs(operation->usage, stdout);
			*help = true;
			return EXIT_DONE;
		}
		if (option == '?')
			return cli_bad_option(operation->command);
		if (!strchr(operation->allowed, letter))
			return cli_usage(operation->command, "does not have this option");
		operation->force |= option == OPT_FORCE;
		operation->poweroff |= option == OPT_POWEROFF;
		operation->wait |= option == OPT_WAIT;
		if (option != 't')
			continue;
		if (!cli_number(optarg, 0, TIMEOUT_MAX, &operation->timeout_s))
			return cli_usage(operation->command, "--timeout: must be seconds from 0 to %d",
					 TIMEOUT_MAX);
		operation->timeout_given = true;
	}
	return EXIT_DONE;
}

static enum exit_code do_operation(const struct cli *cli, const struct operation_options *operation,
				   const char *guest)
{
	struct client client;
	struct error err = {""};
	enum exit_code code = EXIT_FAILED;

	if (client_connect(cli, &client, &err) == 0) {
		cJSON *request = client_request_new(&client, operation->command);

		if (guest)
			cJSON_AddStringToObject(request, "guest", guest);
		if (operation->timeout_given)
			cJSON_AddNumberToObject(request, "timeout_s", (double)operation->timeout_s);
		if (operation->force)
			cJSON_AddTrueToObject(request, "force");
		if (operation->poweroff)
			cJSON_AddTrueToObject(request, "poweroff");
		if (operation->wait)
			cJSON_AddTrueToObject(request, "wait");
		code = client_call(&client, request, 0, NULL, NULL, &err);
	}
	client_close(&client);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}

static enum exit_code guest_operation(struct cli *cli, struct operation_options *operation, int argc,
				      char **argv)
{
	bool help;
	enum exit_code code = read_options(operation, argc, argv, &help);

	if (code != EXIT_DONE || help)
		return code;
	if (optind != argc - 1)
		return cli_usage(operation->command, optind == argc ? "which guest?" : "one guest at a time");
	return do_operation(cli, operation, argv[optind]);
}

enum exit_code command_start(struct cli *cli, int argc, char **argv)
{
	struct operation_options operation = {
		.command = "start",
		.allowed = "",
		.usage = "Usage: rastos-vmm start GUEST\n\nStarts a guest that is off.\n",
	};

	return guest_operation(cli, &operation, argc, argv);
}

enum exit_code command_shutdown(struct cli *cli, int argc, char **argv)
{
	struct operation_options operation = {
		.command = "shutdown",
		.allowed = "tw",
		.usage =
			"Usage: rastos-vmm shutdown [--wait] [--timeout S] GUEST\n\n"
			"Presses the guest's power button. A guest that is not off after S seconds (default 30) is\n"
			"stopped. --wait returns when it is off.\n",
	};

	return guest_operation(cli, &operation, argc, argv);
}

enum exit_code command_reboot(struct cli *cli, int argc, char **argv)
{
	struct operation_options operation = {
		.command = "reboot",
		.allowed = "t",
		.usage = "Usage: rastos-vmm reboot [--timeout S] GUEST\n\n"
			 "Shuts the guest down as `shutdown` does, and starts it again.\n",
	};

	return guest_operation(cli, &operation, argc, argv);
}

enum exit_code command_kill(struct cli *cli, int argc, char **argv)
{
	struct operation_options operation = {
		.command = "kill",
		.allowed = "w",
		.usage =
			"Usage: rastos-vmm kill [--wait] GUEST\n\nEnds the guest at once. --wait returns when it is off.\n",
	};

	return guest_operation(cli, &operation, argc, argv);
}

enum exit_code command_down(struct cli *cli, int argc, char **argv)
{
	struct operation_options operation = {
		.command = "down",
		.allowed = "tfp",
		.usage = "Usage: rastos-vmm down [--timeout S] [--force] [--poweroff]\n\n"
			 "Shuts all guests down, waits for it, and ends the manager.\n\n"
			 "  -t, --timeout S   stop guests that are not off after S seconds (default 30)\n"
			 "      --force       stop them at once\n"
			 "      --poweroff    then power the host off (a rastOS host only)\n",
	};
	bool help;
	enum exit_code code = read_options(&operation, argc, argv, &help);

	if (code != EXIT_DONE || help)
		return code;
	if (optind != argc)
		return cli_usage("down", "takes no argument");
	return do_operation(cli, &operation, NULL);
}
