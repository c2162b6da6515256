/* rastos-vmm logs: what a guest printed on its console. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/cleanup.h"
#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"
#include "vmm/cli/reconnect.h"
#include "vmm/cli/visible.h"

#define POLL_US (200 * 1000)

enum {
	OPT_HELP = 256,
	OPT_JSON,
};

static const char usage[] =
	"Usage: rastos-vmm logs [-f] [-n LINES] [--json] GUEST\n\n"
	"Shows what the guest printed on its console, also before its last starts; the newest 512 KiB are kept.\n"
	"On a terminal control characters are shown as ^X, in a pipe everything is as the guest printed it.\n\n"
	"  -f, --follow        and what it prints from now on, until Ctrl-C\n"
	"  -n, --lines LINES   only the newest lines\n"
	"      --json          pieces as JSON, one a line: text, always UTF-8, and base64 when that is not all\n"
	"      --help          show this help\n";

struct logs {
	const char *guest;
	bool follow, json;
	long lines; /* -1: all */
	double next;
	struct visible visible;
};

static cJSON *make_request(struct client *client, const struct logs *logs, bool first)
{
	cJSON *request = client_request_new(client, "logs");

	cJSON_AddStringToObject(request, "guest", logs->guest);
	if (first && logs->lines >= 0)
		cJSON_AddNumberToObject(request, "lines", (double)logs->lines);
	else
		cJSON_AddNumberToObject(request, "from", logs->next);
	return request;
}

/* The guest's own bytes, where there is room for them: it is not for JSON only. */
static void show_text(struct logs *logs, cJSON *piece)
{
	cJSON *coded = cJSON_GetObjectItemCaseSensitive(piece, "base64");
	ssize_t length = -1;

	if (logs->json) {
		AUTO_FREE char *line = cJSON_PrintUnformatted(piece);

		if (line && *answer_text(piece, "text"))
			puts(line);
		return;
	}
	if (cJSON_IsString(coded))
		length = base64_decode(coded->valuestring, coded->valuestring);
	if (length >= 0)
		coded->valuestring[length] = '\0';
	visible_write(&logs->visible, length >= 0 ? coded->valuestring : answer_text(piece, "text"), stdout);
}

/* One piece; *more: the next is there already. */
static enum exit_code show_piece(struct client *client, struct logs *logs, bool first, bool *more,
				 struct error *err)
{
	cJSON *piece;
	enum exit_code code = client_call(client, make_request(client, logs, first), 0, &piece, NULL, err);

	if (code != EXIT_DONE)
		return code;
	show_text(logs, piece);
	logs->next = answer_number(piece, "next");
	*more = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(piece, "more"));
	cJSON_Delete(piece);
	if (!*more && fflush(stdout) != 0)
		return cli_fail(EXIT_FAILED, "standard output: %m");
	return EXIT_DONE;
}

static enum exit_code show(const struct cli *cli, struct logs *logs)
{
	struct error err = {0};
	struct client client;
	enum exit_code code;
	bool more = true;
	bool first = true;

	if (client_connect(cli, &client, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	for (;;) {
		code = show_piece(&client, logs, first, &more, &err);
		if (code == EXIT_FAILED && logs->follow && !first) { /* the manager went */
			client_close(&client);
			if (reconnect(cli, &client))
				continue;
		}
		first = false;
		if (code != EXIT_DONE || (!more && !logs->follow))
			break;
		if (!more)
			usleep(POLL_US);
	}
	client_close(&client);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}

enum exit_code command_logs(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"follow", no_argument, NULL, 'f'},
		{"lines", required_argument, NULL, 'n'},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	struct logs logs = {.lines = -1};
	unsigned long lines;
	int option;

	while ((option = options_next(argc, argv, "fn:", options)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (option == '?')
			return cli_bad_option("logs");
		if (option == 'n' && !cli_number(optarg, 0, 1000000000, &lines))
			return cli_usage("logs", "--lines: must be a number of lines");
		if (option == 'n')
			logs.lines = (long)lines;
		logs.follow |= option == 'f';
		logs.json |= option == OPT_JSON;
	}
	if (optind != argc - 1)
		return cli_usage("logs", optind == argc ? "which guest?" : "one guest at a time");
	logs.guest = argv[optind];
	visible_start(&logs.visible, isatty(STDOUT_FILENO));
	return show(cli, &logs);
}
