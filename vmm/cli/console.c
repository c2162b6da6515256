/* rastos-vmm console: a guest's console on this terminal. */
#include "vmm/cli/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"
#include "vmm/cli/reconnect.h"

#define RETRY_US (300 * 1000)
#define RESIZE_S 2 /* so long an answer is waited for */

enum {
	OPT_WAIT = 256,
	OPT_SOCKET,
	OPT_DETACH_KEYS,
	OPT_DEVNAME,
	OPT_HELP,
};

static const char usage[] =
	"Usage: rastos-vmm console [--wait] [--detach-keys KEYS] [--devname NAME] GUEST\n"
	"       rastos-vmm console [--detach-keys KEYS] --socket PATH\n\n"
	"Attaches this terminal to a guest's console; Ctrl-] leaves it, and the guest goes on.\n"
	"What the guest printed last is shown first. After a reboot of the guest it attaches again.\n"
	"A virtio console is told this terminal's size, whenever that changes.\n\n"
	"  --wait               wait for the manager and the guest, and again whenever the guest ends\n"
	"  --detach-keys KEYS   what leaves, as ctrl-p,ctrl-q (default ctrl-])\n"
	"  --devname NAME       attach to this channel of the guest instead of its console\n"
	"  --socket PATH        attach to a unix stream socket instead, such as a virtual machine's serial line\n"
	"  --help               show this help\n";

/* Says how to leave, on a terminal; keys as the user wrote them. */
static void console_hint(const char *what, const char *keys)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "Attached to %s. %s leaves.\r\n", what,
			strcmp(keys, DETACH_KEYS_DEFAULT) == 0 ? "Ctrl-]" : keys);
}

struct resized_console {
	const struct cli *cli;
	const char *guest;
	bool has_no_size; /* so we were told */
};

/* Best effort: the console works without. */
static void console_resized(void *owner, unsigned columns, unsigned rows)
{
	struct resized_console *console = owner;
	struct client client;
	struct error err;
	cJSON *request;

	if (console->has_no_size || client_connect(console->cli, &client, &err) < 0)
		return;
	request = client_request_new(&client, "console-resize");
	cJSON_AddStringToObject(request, "guest", console->guest);
	cJSON_AddNumberToObject(request, "columns", columns);
	cJSON_AddNumberToObject(request, "rows", rows);
	console->has_no_size = client_call(&client, request, RESIZE_S, NULL, NULL, &err) == EXIT_REFUSED;
	client_close(&client);
}

enum exit_code console_attach(const struct cli *cli, const char *guest, const char *channel,
			      const struct detach_keys *keys, const char *hint, enum attach_end *end,
			      struct error *err)
{
	struct resized_console console = {.cli = cli, .guest = guest};
	struct attach_size size = {.changed = console_resized, .owner = &console};
	struct client client;
	enum exit_code code = EXIT_FAILED;
	cJSON *request;

	if (client_connect(cli, &client, err) == 0) {
		request = client_request_new(&client, "console");
		cJSON_AddStringToObject(request, "guest", guest);
		if (channel)
			cJSON_AddStringToObject(request, "channel", channel);
		code = client_call(&client, request, 0, NULL, NULL, err);
	}
	if (code == EXIT_DONE && hint)
		console_hint(channel ? channel : guest, hint);
	if (code == EXIT_DONE)
		*end = attach_terminal(client.fd, keys, channel ? NULL : &size);
	client_close(&client);
	return code;
}

void console_guest_state(const struct cli *cli, const char *guest, char state[16])
{
	struct client client;
	struct error err;
	cJSON *result = NULL;
	const cJSON *item;

	*state = '\0';
	if (client_connect(cli, &client, &err) == 0)
		client_call(&client, client_request_new(&client, "list"), 0, &result, NULL, &err);
	client_close(&client);
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(result, "guests"))
	{
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "name");
		const cJSON *word = cJSON_GetObjectItemCaseSensitive(item, "state");

		if (cJSON_IsString(name) && cJSON_IsString(word) && strcmp(name->valuestring, guest) == 0)
			snprintf(state, 16, "%s", word->valuestring);
	}
	cJSON_Delete(result);
}

static enum exit_code attach_socket(const char *path, const struct detach_keys *keys, const char *keys_text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return cli_fail(EXIT_FAILED, "socket %s: the path is too long", path);
	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return cli_fail(EXIT_FAILED, "socket %s: cannot connect: %s", path, strerror(errno));
	console_hint(path, keys_text);
	return attach_terminal(fd, keys, NULL) == ATTACH_FAILED
		       ? cli_fail(EXIT_FAILED, "socket %s: %s", path, strerror(errno))
		       : EXIT_DONE;
}

/* While a manager is being replaced by the next one there is none: that is waited for. */
static bool manager_there(const struct cli *cli)
{
	struct client client;
	bool there = reconnect(cli, &client);

	if (there)
		client_close(&client);
	return there;
}

static enum exit_code attach_guest(struct cli *cli, const char *guest, const char *channel,
				   const struct detach_keys *keys, const char *hint, bool wait)
{
	struct error err = {0};
	bool said = false;

	for (;;) {
		enum attach_end end = ATTACH_CLOSED;
		enum exit_code code = console_attach(cli, guest, channel, keys, hint, &end, &err);
		char state[16] = "";

		if (code == EXIT_DONE && end == ATTACH_ESCAPED)
			return EXIT_DONE;
		if (code == EXIT_DONE && end == ATTACH_FAILED)
			return cli_fail(EXIT_FAILED, "console: %s", strerror(errno));
		if (code == EXIT_DONE && channel && !wait)
			return EXIT_DONE; /* its other program was there before, or the guest has ended */
		if (code != EXIT_DONE && !wait && !said)
			return cli_fail(code, "%s", err.text);
		said = true;
		if (code == EXIT_DONE)
			hint = NULL; /* once is enough */
		usleep(RETRY_US);
		if (wait || manager_there(cli))
			console_guest_state(cli, guest, state);
		if (wait || strcmp(state, "starting") == 0 || strcmp(state, "running") == 0 ||
		    strcmp(state, "waiting") == 0 || strcmp(state, "paused") == 0)
			continue;
		fprintf(stderr, "\r\nguest %s: %s\r\n", guest, *state ? state : "the manager has ended");
		return EXIT_DONE;
	}
}

enum exit_code command_console(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"wait", no_argument, NULL, OPT_WAIT},
		{"socket", required_argument, NULL, OPT_SOCKET},
		{"detach-keys", required_argument, NULL, OPT_DETACH_KEYS},
		{"devname", required_argument, NULL, OPT_DEVNAME},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	const char *keys_text = DETACH_KEYS_DEFAULT;
	const char *path = NULL, *channel = NULL;
	struct detach_keys keys;
	struct error err = {0};
	bool wait = false;
	int option;

	while ((option = options_next(argc, argv, "", options)) != -1) {
		switch (option) {
		case OPT_WAIT:
			wait = true;
			break;
		case OPT_SOCKET:
			path = optarg;
			break;
		case OPT_DETACH_KEYS:
			keys_text = optarg;
			break;
		case OPT_DEVNAME:
			channel = optarg;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			return EXIT_DONE;
		default:
			return cli_bad_option("console");
		}
	}
	if (detach_keys_parse(keys_text, &keys, &err) < 0)
		return cli_usage("console", "--detach-keys: %s", err.text);
	if (path && channel)
		return cli_usage("console", "--devname and --socket exclude each other");
	if (path && optind == argc)
		return attach_socket(path, &keys, keys_text);
	if (path || optind != argc - 1)
		return cli_usage("console", "which guest?");
	return attach_guest(cli, argv[optind], channel, &keys, keys_text, wait);
}
