/* rastos-vmm: the command's entry, and the table of its commands. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/cli/cli.h"
#include "vmm/cli/jail_check.h"
#include "vmm/cli/options.h"
#include "vmm/config/json_memory.h"
#include "vmm/config/nearest.h"
#include "vmm/guest/handover.h"
#include "vmm/storage/storage_daemon.h"
#include "vmm/image/image.h"

static enum exit_code command_help(struct cli *cli, int argc, char **argv);

static enum exit_code run_image(struct cli *cli, int argc, char **argv)
{
	(void)cli;
	return (enum exit_code)command_image(argc, argv);
}

struct command {
	const char *name;
	const char *summary;
	enum exit_code (*run)(struct cli *cli, int argc, char **argv);
};

/* One without a function begins a group of those that follow it. */
static const struct command commands[] = {
	{"The host", NULL, NULL},
	{"up", "start the manager and this host's guests, attach to the server guest", command_up},
	{"down", "shut all guests down, then the manager", command_down},
	{"mode", "show or change the mode: server or desktop", command_mode},
	{"plan", "show how CPUs and memory are divided among the guests", command_plan},
	{"network", "list, show and define the networks of this host", command_network},
	{"token", "list, make and remove tokens for the API", command_token},
	{"check", "tell whether this host can run guests, and how to mend it", command_check},
	{"Guests", NULL, NULL},
	{"run", "run one guest in the foreground, without a manager", command_run},
	{"create", "make a guest from options, and start it", command_create},
	{"define", "give a guest's definition to the manager", command_define},
	{"dumpxml", "print a guest's definition as libvirt domain XML", command_dumpxml},
	{"convert", "turn a definition into libvirt domain XML, or back", command_convert},
	{"undefine", "forget guests that are off", command_undefine},
	{"start", "start guests that are off", command_start},
	{"shutdown", "press guests' power buttons", command_shutdown},
	{"reboot", "shut guests down and start them again", command_reboot},
	{"kill", "end guests at once", command_kill},
	{"pause", "stop guests where they are", command_pause},
	{"resume", "let paused guests go on", command_resume},
	{"setmem", "say how much memory a guest is to have", command_setmem},
	{"setvcpus", "say how many of its vCPUs a guest is to have", command_setvcpus},
	{"console", "attach to a guest's console", command_console},
	{"domdisplay", "print where a guest's screen is", command_domdisplay},
	{"screenshot", "take a picture of a guest's display", command_screenshot},
	{"send-key", "press keys of a guest's keyboard", command_send_key},
	{"exec", "run a command in a guest", command_exec},
	{"cp", "copy files from or to a guest", command_cp},
	{"device", "list a guest's devices; give and take disks and network cards", command_device},
	{"What they do", NULL, NULL},
	{"list", "list the guests and their states", command_list},
	{"info", "show all that is known of a guest", command_info},
	{"logs", "show what a guest printed on its console", command_logs},
	{"events", "show what happened, and what happens", command_events},
	{"stats", "show what guests have cost so far", command_stats},
	{"top", "show what guests cost, as it happens", command_top},
	{"boot-report", "show what a guest's boot took, step by step", command_boot_report},
	{"crashes", "show crash reports", command_crashes},
	{"Images", NULL, NULL},
	{"disk", "create, import, resize, clone and delete disk images", command_disk},
	{"image", "build, sign, verify and inspect boot images", run_image},
	{"Help", NULL, NULL},
	{"help", "show this help, or a command's", command_help},
};

static const struct command *find_command(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].run && strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

enum exit_code cli_fail(enum exit_code code, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "rastos-vmm: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	return code;
}

enum exit_code cli_bad_option(const char *command)
{
	fprintf(stderr, "Try `rastos-vmm %s --help`.\n", command);
	return EXIT_USAGE;
}

enum exit_code cli_usage(const char *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "rastos-vmm %s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	return cli_bad_option(command);
}

enum exit_code cli_unknown_verb(const char *command, const char *word, const char *const *verbs)
{
	const char *nearest = nearest_word(word, verbs);

	return nearest ? cli_usage(command, "%.40s is not a verb, did you mean %s?", word, nearest)
		       : cli_usage(command, "%.40s is not a verb", word);
}

bool cli_number(const char *text, unsigned long min, unsigned long max, unsigned long *value)
{
	char *end;

	*value = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && *value >= min && *value <= max;
}

void cli_print_json(cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	puts(text ? text : "null");
	free(text);
	cJSON_Delete(json);
}

static void print_help(FILE *file)
{
	fprintf(file, "Usage: rastos-vmm [--config FILE] [--connect SOCKET] COMMAND [OPTIONS]\n\n"
		      "Runs and manages guests on KVM.\n");
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(file, commands[i].run ? "  %-12s %s\n" : "\n%s:\n", commands[i].name,
			commands[i].summary);
	fprintf(file, "\nOptions:\n"
		      "  --config FILE     configuration (default: /etc/rastos/vmm.json, or RASTOS_CONFIG)\n"
		      "  --connect SOCKET  talk to the manager behind this socket\n"
		      "  --version         show the version\n"
		      "  --help            show this help; each command has its own\n\n"
		      "Exit status: 0 done, 1 failed, 2 usage, 3 no such guest, 4 refused, 5 timed out.\n");
}

static enum exit_code unknown_command(const char *name)
{
	const char *names[ARRAY_SIZE(commands) + 1] = {NULL};
	const char *nearest;
	unsigned count = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].run)
			names[count++] = commands[i].name;
	}
	nearest = nearest_word(name, names);
	if (strcmp(name, "restart") == 0) /* systemctl's, docker's */
		nearest = "reboot";
	if (nearest)
		cli_fail(EXIT_USAGE, "%s is not a command, did you mean %s?", name, nearest);
	else
		cli_fail(EXIT_USAGE, "%s is not a command; rastos-vmm --help lists them", name);
	return EXIT_USAGE;
}

static enum exit_code command_help(struct cli *cli, int argc, char **argv)
{
	const struct command *command;
	char help[] = "--help";
	char *help_argv[] = {argc > 1 ? argv[1] : NULL, help, NULL};

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_DONE;
	}
	command = find_command(argv[1]);
	return command ? command->run(cli, 2, help_argv) : unknown_command(argv[1]);
}

/* With a command line of its own: getopt_long begins its messages with the first word, and changes the order
 * of the others, while the whole command line stays as it was given (a guest's reboot starts it again). */
static enum exit_code run_command(struct cli *cli, const struct command *command, int argc, char **argv)
{
	AUTO_FREE char **own_argv = calloc((size_t)argc + 1, sizeof(*own_argv));
	char title[32];

	if (!own_argv)
		return cli_fail(EXIT_FAILED, "out of memory");
	snprintf(title, sizeof(title), "rastos-vmm %s", command->name);
	memcpy(own_argv, argv, (size_t)argc * sizeof(*own_argv));
	own_argv[0] = title;
	optind = 0; /* getopt_long starts anew */
	return command->run(cli, argc, own_argv);
}

/* What the manager and `check` execute in a process of its own: nobody's words. */
static enum exit_code (*internal_command(int argc, char **argv))(void)
{
	if (argc > 1 && strcmp(argv[1], GUEST_PROCESS_COMMAND) == 0)
		return command_guest_process;
	if (argc > 1 && strcmp(argv[1], STORAGE_DAEMON_COMMAND) == 0)
		return command_storage_daemon;
	return argc > 1 && strcmp(argv[1], JAIL_CHECK_COMMAND) == 0 ? command_jail_check : NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"connect", required_argument, NULL, 'C'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct cli cli = {.argv = argv};
	enum exit_code (*internal)(void) = internal_command(argc, argv);
	const struct command *command;
	int option;

	json_memory_watch();
	signal(SIGPIPE, SIG_IGN);
	if (internal)
		return (int)internal();
	while ((option = options_next(argc, argv, "+h", options)) != -1) {
		switch (option) {
		case 'c':
			cli.config = optarg;
			break;
		case 'C':
			cli.connect = optarg;
			break;
		case 'V':
			puts("rastos-vmm " RASTOS_VERSION);
			return EXIT_DONE;
		case 'h':
			print_help(stdout);
			return EXIT_DONE;
		default:
			fprintf(stderr, "Try `rastos-vmm --help`.\n");
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	command = find_command(argv[optind]);
	if (!command)
		return (int)unknown_command(argv[optind]);
	return (int)run_command(&cli, command, argc - optind, argv + optind);
}
