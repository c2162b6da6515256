/* rastos-vmm up: the manager, in the background for a user or in the foreground for an init system. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/cli/cli.h"
#include "vmm/cli/options.h"
#include "vmm/cli/client.h"
#include "vmm/cli/console.h"
#include "vmm/config/definition.h"
#include "vmm/config/mode.h"
#include "vmm/manager/manager_log.h"
#include "vmm/manager/service.h"

#define TIMEOUT_DEFAULT 120
#define TIMEOUT_MAX     86400

enum {
	OPT_MODE = 256,
	OPT_CONFIG,
	OPT_NO_CONSOLE,
	OPT_HELP,
};

static const char usage[] =
	"Usage: rastos-vmm up [-d] [--mode server|desktop] [--config FILE] [--timeout S]\n"
	"       rastos-vmm up --no-console [--mode server|desktop] [--config FILE]\n\n"
	"Starts the manager and this host's guests, the server guest first, and attaches to the server guest's console.\n"
	"Ctrl-] leaves the console; the guests go on, until `rastos-vmm down`.\n\n"
	"  -d, --detach      do not attach: return when every guest said READY=1\n"
	"      --mode WORD   server or desktop (default: the mode file's word)\n"
	"      --config FILE the configuration, as before the command\n"
	"  -t, --timeout S   with -d: how long to wait for the guests (default 120)\n"
	"      --no-console  stay in the foreground without a console, for init systems\n"
	"      --help        show this help\n";

struct up_options {
	bool detach, no_console;
	const char *mode;
	unsigned long timeout_s;
};

/* --- The manager in the background --- */

static void leave_terminal(const struct settings *settings)
{
	AUTO_CLOSE int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	AUTO_CLOSE int log_fd = manager_log_open(settings);

	setsid();
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	dup2(log_fd >= 0 ? log_fd : null_fd, STDERR_FILENO);
}

static __attribute__((noreturn)) void background_main(struct settings *settings, const struct up_options *up,
						      int pipe_fd)
{
	struct service_config config = {
		.settings = settings,
		.mode = up->mode,
		.started_fd = pipe_fd,
		.own_log = true,
	};
	struct error err;

	if (service_prepare(settings, &err) ==
	    0) /* the log goes in there; service_run meets the same error */
		leave_terminal(settings);
	_exit(service_run(&config, &err) < 0 ? EXIT_FAILED : EXIT_DONE);
}

/* *already: another manager does, which was started at the same instant. */
static enum exit_code start_background(struct settings *settings, const struct up_options *up, bool *already)
{
	char text[sizeof(((struct error *)0)->text)] = "";
	enum exit_code code = EXIT_DONE;
	size_t used = 0;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cli_fail(EXIT_FAILED, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		background_main(settings, up, ends[1]);
	}
	if (pid < 0)
		code = cli_fail(EXIT_FAILED, "cannot make a process for the manager: %s", strerror(errno));
	close(ends[1]);
	while (pid > 0 && used < sizeof(text) - 1) {
		ssize_t got = read(ends[0], text + used, sizeof(text) - 1 - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	close(ends[0]);
	if (code != EXIT_DONE)
		return code;
	if (used == 0)
		return cli_fail(EXIT_FAILED, "the manager ended before the guests were started");
	text[strcspn(text, "\n")] = '\0';
	*already = strcmp(text, SERVICE_RUNS_ALREADY) == 0 && service_running(settings);
	if (*already)
		return EXIT_DONE;
	return *text ? cli_fail(EXIT_FAILED, "%s", text) : EXIT_DONE;
}

/* --- What the user sees --- */

static const cJSON *guest_list(const struct cli *cli, cJSON **result)
{
	return client_do(cli, "list", NULL, result) == EXIT_DONE
		       ? cJSON_GetObjectItemCaseSensitive(*result, "guests")
		       : NULL;
}

static enum exit_code wait_ready(const struct cli *cli, const char *guest, unsigned timeout_s)
{
	struct client client;
	struct error err = {0};
	enum exit_code code = EXIT_FAILED;
	uint64_t start_ns = monotonic_ns();

	if (client_connect(cli, &client, &err) == 0) {
		cJSON *request = client_request_new(&client, "boot-report");

		cJSON_AddStringToObject(request, "guest", guest);
		cJSON_AddTrueToObject(request, "wait");
		cJSON_AddNumberToObject(request, "timeout_s", timeout_s);
		code = client_call(&client, request, 0, NULL, NULL, &err);
	}
	client_close(&client);
	if (code != EXIT_DONE)
		return cli_fail(code, "%s", err.text);
	fprintf(stderr, "guest %s: ready after %.1f s\n", guest, (double)(monotonic_ns() - start_ns) / 1e9);
	return EXIT_DONE;
}

static enum exit_code wait_all_ready(const struct cli *cli, unsigned timeout_s)
{
	cJSON *result = NULL;
	const cJSON *guests = guest_list(cli, &result);
	enum exit_code code = guests ? EXIT_DONE : EXIT_FAILED;
	const cJSON *guest;

	cJSON_ArrayForEach(guest, guests)
	{
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(guest, "name");
		const cJSON *state = cJSON_GetObjectItemCaseSensitive(guest, "state");

		/* Who is off does not start by itself, or was told to end, as who is stopping. */
		if (code == EXIT_DONE && cJSON_IsString(name) && cJSON_IsString(state) &&
		    strcmp(state->valuestring, "off") != 0 && strcmp(state->valuestring, "stopping") != 0)
			code = wait_ready(cli, name->valuestring, timeout_s);
	}
	cJSON_Delete(result);
	return code;
}

/* The first of the list is the server guest, if there is one. *name is "" when there is none. */
static bool server_name(const struct cli *cli, char name[DEFINITION_NAME_MAX + 1])
{
	cJSON *result = NULL;
	const cJSON *guests = guest_list(cli, &result);
	const cJSON *first = cJSON_GetArrayItem(guests, 0);
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(first, "name");
	const cJSON *role = cJSON_GetObjectItemCaseSensitive(first, "role");

	*name = '\0';
	if (cJSON_IsString(item) && cJSON_IsString(role) && strcmp(role->valuestring, "server") == 0)
		snprintf(name, DEFINITION_NAME_MAX + 1, "%s", item->valuestring);
	cJSON_Delete(result);
	return guests != NULL;
}

/* Whether any guest runs. */
static bool guests_run(const struct cli *cli)
{
	cJSON *result = NULL;
	const cJSON *guests = guest_list(cli, &result);
	const cJSON *guest;
	bool run = false;

	cJSON_ArrayForEach(guest, guests)
	{
		run = run || cJSON_HasObjectItem(guest, "pid");
	}
	cJSON_Delete(result);
	return run;
}

/* Attached to the server guest until the user leaves or the guest is off for good; then the manager has no
 * more use, unless other guests run. */
static enum exit_code attach_server(struct cli *cli)
{
	char name[DEFINITION_NAME_MAX + 1];
	const char *hint = DETACH_KEYS_DEFAULT;
	char guest_state[16];
	struct detach_keys keys;
	struct error err = {0};

	if (!server_name(cli, name))
		return EXIT_FAILED;
	if (!*name) {
		fprintf(stderr,
			"The manager runs, there is no server guest to attach to. `rastos-vmm create` makes a "
			"guest, `rastos-vmm down` ends the manager.\n");
		return EXIT_DONE;
	}
	detach_keys_parse(hint, &keys, &err);
	do {
		enum attach_end end = ATTACH_CLOSED; /* also while it is off before it starts again */
		enum exit_code code = console_attach(cli, name, NULL, &keys, hint, &end, &err);

		if (code == EXIT_DONE)
			hint = NULL;                           /* once is enough */
		if (code == EXIT_DONE && end == ATTACH_FAILED) /* this terminal's end is not the guests' */
			return cli_fail(EXIT_FAILED, "console: %s", strerror(errno));
		if (end == ATTACH_ESCAPED) {
			fprintf(stderr,
				"\nguest %s goes on; `rastos-vmm console %s` attaches again, `rastos-vmm down` ends it\n",
				name, name);
			return EXIT_DONE;
		}
		usleep(200 * 1000); /* it may be starting again */
		console_guest_state(cli, name, guest_state);
	} while (strcmp(guest_state, "starting") == 0 || strcmp(guest_state, "running") == 0 ||
		 strcmp(guest_state, "stopping") == 0 || strcmp(guest_state, "waiting") == 0);
	console_guest_state(cli, name, guest_state);
	fprintf(stderr, "\nguest %s: %s\n", name, guest_state);
	if (strcmp(guest_state, "failed") == 0) {
		char *list_argv[] = {(char[]){"list"}, NULL};

		command_list(cli, 1, list_argv); /* its status column says why */
	}
	if (guests_run(cli))
		fputs("other guests run on; `rastos-vmm down` ends them\n", stderr);
	else
		client_do(cli, "down", NULL, NULL);
	return strcmp(guest_state, "failed") == 0 ? EXIT_FAILED : EXIT_DONE;
}

static enum exit_code up(struct cli *cli, struct settings *settings, const struct up_options *options)
{
	struct service_config config = {.settings = settings, .mode = options->mode, .started_fd = -1};
	struct error err = {0};
	bool already = service_running(settings);
	enum exit_code code = EXIT_DONE;

	if (options->no_console) {
		return service_run(&config, &err) < 0 ? cli_fail(EXIT_FAILED, "%s", err.text) : EXIT_DONE;
	}
	if (!already)
		code = start_background(settings, options, &already);
	if (already)
		fprintf(stderr, "rastos-vmm: a manager runs already\n");
	if (code != EXIT_DONE)
		return code;
	return options->detach ? wait_all_ready(cli, (unsigned)options->timeout_s) : attach_server(cli);
}

enum exit_code command_up(struct cli *cli, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"detach", no_argument, NULL, 'd'},
		{"mode", required_argument, NULL, OPT_MODE},
		{"config", required_argument, NULL, OPT_CONFIG},
		{"timeout", required_argument, NULL, 't'},
		{"no-console", no_argument, NULL, OPT_NO_CONSOLE},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	struct up_options options = {.timeout_s = TIMEOUT_DEFAULT};
	struct settings settings;
	struct error err = {0};
	enum exit_code code;
	enum mode mode;
	int option;

	while ((option = options_next(argc, argv, "dt:", long_options)) != -1) {
		switch (option) {
		case 'd':
			options.detach = true;
			break;
		case OPT_MODE:
			if (mode_parse("--mode", optarg, &mode, &err) < 0)
				return cli_usage("up", "%s", err.text);
			options.mode = optarg;
			break;
		case OPT_CONFIG:
			cli->config = optarg;
			break;
		case 't':
			if (!cli_number(optarg, 1, TIMEOUT_MAX, &options.timeout_s))
				return cli_usage("up", "--timeout: must be seconds from 1 to %d",
						 TIMEOUT_MAX);
			break;
		case OPT_NO_CONSOLE:
			options.no_console = true;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			return EXIT_DONE;
		default:
			return cli_bad_option("up");
		}
	}
	if (optind != argc)
		return cli_usage("up", "takes no argument");
	if (settings_read(cli->config, &settings, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	code = up(cli, &settings, &options);
	settings_free(&settings);
	return code;
}
