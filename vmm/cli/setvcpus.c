/* rastos-vmm setvcpus: how many of its vCPUs a guest that runs is to have. */
#include <stdio.h>

#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"
#include "vmm/config/wants.h"

enum {
	OPT_HELP = 256,
	OPT_JSON,
};

static const char usage[] =
	"Usage: rastos-vmm setvcpus [--json] GUEST N\n\n"
	"Gives a guest that runs so many of its vCPUs, and waits until its kernel has taken or given them. Its definition stays\n"
	"as it is: vcpus is the most that it can have, current_vcpus what it starts with.\n\n"
	"      --json   print how many it has now as JSON\n"
	"      --help   show this help\n";

static enum exit_code set(struct cli *cli, const char *guest, unsigned long count, bool json)
{
	cJSON *members = cJSON_CreateObject();
	struct error err = {0};
	cJSON *result = NULL;
	enum exit_code code;

	cJSON_AddNumberToObject(members, "vcpus", (double)count);
	code = client_ask(cli, "vcpus-set", guest, members, &result, &err);
	cJSON_Delete(members);
	if (code == EXIT_DONE && cJSON_HasObjectItem(result, "note"))
		fprintf(stderr, "rastos-vmm: %s\n", answer_text(result, "note"));
	if (code == EXIT_DONE && json)
		cli_print_json(result);
	else
		cJSON_Delete(result);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}

enum exit_code command_setvcpus(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, OPT_HELP},
		{"json", no_argument, NULL, OPT_JSON},
		{NULL, 0, NULL, 0},
	};
	unsigned long count;
	bool json = false;
	int option;

	while ((option = options_next(argc, argv, "", options)) != -1) {
		switch (option) {
		case OPT_HELP:
			fputs(usage, stdout);
			return EXIT_DONE;
		case OPT_JSON:
			json = true;
			break;
		default:
			return cli_bad_option("setvcpus");
		}
	}
	if (optind != argc - 2)
		return cli_usage("setvcpus", optind == argc ? "which guest?" : "one guest and a number of vCPUs");
	if (!cli_number(argv[optind + 1], 1, WANTS_VCPUS_MAX, &count))
		return cli_usage("setvcpus", "must be a number of vCPUs from 1 to %d", WANTS_VCPUS_MAX);
	return set(cli, argv[optind], count, json);
}
