/* rastos-vmm exec: a command in a guest, as docker exec. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/cli/guest_stream.h"
#include "vmm/cli/options.h"
#include "vmm/terminal/terminal.h"

enum {
	OPT_HELP = 256,
};

static const char usage[] =
	"Usage: rastos-vmm exec [OPTIONS] GUEST [--] COMMAND [ARGUMENT...]\n\n"
	"Runs a command in a guest that allows it (rastos-exec.socket, see rinit(8)), its output here.\n"
	"What ends this command ends the one in the guest.\n\n"
	"  -i, --interactive       standard input goes to the command\n"
	"  -t, --tty               the command has a terminal; with -i this terminal's keys go there as they are\n"
	"  -u, --user USER[:GROUP] run as this user, by name or number (default: root)\n"
	"  -w, --workdir DIR       run in this folder (default: /)\n"
	"  -e, --env NAME[=VALUE]  set a variable; without a value: as it is here\n"
	"      --help              show this help\n\n"
	"Exit status: the command's own, 128 + N when signal N ended it; 126 it cannot be run, 127 it is not\n"
	"found; 125 the guest ended first; and before it runs 1 to 5 as every command's.\n";

struct exec_options {
	const char *guest;
	struct exec_request request;
	size_t variable_count;
};

/* "NAME" is the variable as it is here, if it is. NULL: out of memory; "": there is none. */
static char *variable_text(const char *text)
{
	const char *value = strchr(text, '=') ? NULL : getenv(text);
	char *result = NULL;

	if (strchr(text, '='))
		return strdup(text);
	if (!value)
		return strdup("");
	return asprintf(&result, "%s=%s", text, value) < 0 ? NULL : result;
}

static int add_variable(struct exec_options *options, const char *text)
{
	char **variables =
		realloc(options->request.variables, (options->variable_count + 2) * sizeof(*variables));
	char *variable = variables ? variable_text(text) : NULL;

	if (variables)
		options->request.variables = variables;
	if (!variable) {
		if (variables)
			variables[options->variable_count] = NULL;
		return -ENOMEM;
	}
	if (*variable)
		variables[options->variable_count++] = variable;
	else
		free(variable);
	variables[options->variable_count] = NULL;
	return 0;
}

static void options_free(struct exec_options *options)
{
	for (size_t i = 0; i < options->variable_count; i++)
		free(options->request.variables[i]);
	free(options->request.variables);
}

/* One option; EXIT_DONE to go on, and *help when only that was wanted. */
static enum exit_code take_option(struct exec_options *options, int option, bool *help)
{
	switch (option) {
	case 'i':
		options->request.input = true;
		return EXIT_DONE;
	case 't':
		options->request.tty = true;
		return EXIT_DONE;
	case 'u':
		options->request.user = optarg;
		return EXIT_DONE;
	case 'w':
		options->request.folder = optarg;
		return EXIT_DONE;
	case 'e':
		if (!*optarg || *optarg == '=')
			return cli_usage("exec", "-e %s: a variable has a name", optarg);
		return add_variable(options, optarg) < 0 ? cli_fail(EXIT_FAILED, "out of memory") : EXIT_DONE;
	case OPT_HELP:
		*help = true;
		return EXIT_DONE;
	default:
		return cli_bad_option("exec");
	}
}

/* Options stand before the guest and behind it; the command's own begin with the command. */
static enum exit_code read_options(int argc, char **argv, struct exec_options *options, bool *help)
{
	static const struct option table[] = {
		{"interactive", no_argument, NULL, 'i'},
		{"tty", no_argument, NULL, 't'},
		{"user", required_argument, NULL, 'u'},
		{"workdir", required_argument, NULL, 'w'},
		{"env", required_argument, NULL, 'e'},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	enum exit_code code = EXIT_DONE;
	int option;

	for (int part = 0; part < 2 && code == EXIT_DONE; part++) {
		while (code == EXIT_DONE && !*help &&
		       (option = options_next(argc, argv, "+itu:w:e:", table)) != -1)
			code = take_option(options, option, help);
		if (part == 0 && code == EXIT_DONE && !*help && optind < argc)
			options->guest = argv[optind++];
	}
	if (code != EXIT_DONE || *help)
		return code;
	if (!options->guest)
		return cli_usage("exec", "in which guest?");
	if (optind == argc || !*argv[optind])
		return cli_usage("exec", "which command shall run in %s?", options->guest);
	options->request.words = argv + optind;
	return EXIT_DONE;
}

/* The size of the user's terminal, and its name for the command. */
static enum exit_code prepare_terminal(struct exec_options *options)
{
	unsigned columns, rows;

	if (options->request.input && !isatty(STDIN_FILENO))
		return cli_usage("exec",
				 "-t with -i wants a terminal, and standard input is none; leave -t out");
	if (terminal_size(STDOUT_FILENO, &columns, &rows) || terminal_size(STDIN_FILENO, &columns, &rows)) {
		options->request.columns = (uint16_t)columns;
		options->request.rows = (uint16_t)rows;
	}
	for (size_t i = 0; i < options->variable_count; i++) {
		if (strncmp(options->request.variables[i], "TERM=", 5) == 0)
			return EXIT_DONE;
	}
	return add_variable(options, getenv("TERM") ? "TERM" : "TERM=dumb") < 0
		       ? cli_fail(EXIT_FAILED, "out of memory")
		       : EXIT_DONE;
}

static int run(struct cli *cli, const struct exec_options *options)
{
	struct exec_session_config config = {
		.request = &options->request,
		.input = STDIN_FILENO,
		.output = STDOUT_FILENO,
		.error = STDERR_FILENO,
		.terminal = !options->request.tty   ? -1
			    : isatty(STDOUT_FILENO) ? STDOUT_FILENO
						    : STDIN_FILENO,
	};
	struct terminal_state terminal = {0};
	struct exec_exit end = {0};
	struct error err = {0};
	AUTO_CLOSE int fd = -1;
	enum exit_code code = guest_stream_open(cli, options->guest, &fd, &err);
	int result;

	if (code != EXIT_DONE)
		return (int)cli_fail(code, "%s", err.text);
	config.connection = fd;
	if (options->request.tty && options->request.input)
		terminal_raw_both(&terminal, STDIN_FILENO);
	result = exec_session_run(&config, &end, &err);
	terminal_restore(&terminal);
	return guest_command_status(options->guest, result, &end, &err);
}

enum exit_code command_exec(struct cli *cli, int argc, char **argv)
{
	struct exec_options options = {.request = {.user = "", .folder = ""}};
	bool help = false;
	enum exit_code code = EXIT_FAILED;
	char *none[] = {NULL};

	code = read_options(argc, argv, &options, &help);
	if (code == EXIT_DONE && help)
		fputs(usage, stdout);
	if (code == EXIT_DONE && !help && options.request.tty)
		code = prepare_terminal(&options);
	if (code == EXIT_DONE && !help) {
		struct exec_options whole = options;

		if (!whole.request.variables)
			whole.request.variables = none;
		code = (enum exit_code)run(cli, &whole);
	}
	options_free(&options);
	return code;
}
