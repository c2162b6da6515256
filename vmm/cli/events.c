/* rastos-vmm events: what happened, and what happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"
#include "vmm/cli/reconnect.h"
#include "vmm/cli/table.h"

enum {
	OPT_HELP = 256,
	OPT_JSON,
	OPT_SINCE,
};

static const char usage[] =
	"Usage: rastos-vmm events [-f] [--since ID] [--json]\n\n"
	"Shows what happened to the guests, the oldest first; the manager keeps the newest 512 events.\n\n"
	"  -f, --follow     and what happens from now on, until Ctrl-C; a new manager's too, if it comes soon\n"
	"      --since ID   only events with a greater number\n"
	"      --json       print one JSON object an event, one a line\n"
	"      --help       show this help\n";

struct printing {
	bool json;
	double last; /* the id of the last that was printed */
};

static void print_event(void *owner, const cJSON *event)
{
	struct printing *printing = owner;
	AUTO_FREE char *detail = table_printable(answer_text(event, "detail"));

	printing->last = answer_number(event, "id");
	if (printing->json)
		cli_print_json(cJSON_Duplicate(event, true));
	else
		printf("%4.0f  %s  %-16s  %s%s%s\n", answer_number(event, "id"), answer_text(event, "time"),
		       *answer_text(event, "guest") ? answer_text(event, "guest") : "-",
		       answer_text(event, "event"), detail && *detail ? "  " : "", detail ? detail : "");
	fflush(stdout); /* who follows wants it now */
}

static enum exit_code show(const struct cli *cli, struct printing *printing)
{
	cJSON *members = cJSON_CreateObject();
	struct error err = {0};
	cJSON *events = NULL;
	const cJSON *event;
	enum exit_code code;

	cJSON_AddNumberToObject(members, "since", printing->last);
	code = client_ask(cli, "events", NULL, members, &events, &err);
	cJSON_Delete(members);
	if (code != EXIT_DONE)
		return cli_fail(code, "%s", err.text);
	cJSON_ArrayForEach(event, events)
	{
		print_event(printing, event);
	}
	cJSON_Delete(events);
	return EXIT_DONE;
}

/* A manager that comes after this one begins to count anew: all its events are new. */
static enum exit_code follow(const struct cli *cli, struct printing *printing)
{
	struct error err = {0};
	struct client client;
	int code = client_connect(cli, &client, &err);

	if (code < 0) {
		client_close(&client);
		return cli_fail(EXIT_FAILED, "%s", err.text);
	}
	do {
		cJSON *request = client_request_new(&client, "events");
		enum exit_code end;

		cJSON_AddNumberToObject(request, "since", printing->last);
		cJSON_AddTrueToObject(request, "follow");
		client.item = print_event;
		client.owner = printing;
		end = client_call(&client, request, 0, NULL, NULL, &err);
		client_close(&client);
		if (end != EXIT_FAILED)
			return cli_fail(end, "%s", err.text);
		printing->last = 0;
	} while (reconnect(cli, &client));
	fputs("the manager has ended\n", stderr);
	return EXIT_DONE;
}

enum exit_code command_events(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"follow", no_argument, NULL, 'f'},
		{"since", required_argument, NULL, OPT_SINCE},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	struct printing printing = {0};
	unsigned long since = 0;
	bool following = false;
	int option;

	while ((option = options_next(argc, argv, "f", options)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (option == '?')
			return cli_bad_option("events");
		if (option == OPT_SINCE && !cli_number(optarg, 0, 1UL << 53, &since))
			return cli_usage("events", "--since: must be the number of an event");
		following |= option == 'f';
		printing.json |= option == OPT_JSON;
	}
	if (optind != argc)
		return cli_usage("events", "takes no argument");
	printing.last = (double)since;
	return following ? follow(cli, &printing) : show(cli, &printing);
}
