/* rastos-vmm domdisplay: where a guest's screen is, for viewers. */
#include <stdio.h>

#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"

enum {
	OPT_HELP = 256,
	OPT_JSON,
};

static const char usage[] =
	"Usage: rastos-vmm domdisplay [--json] GUEST\n\n"
	"Prints where the screen of a guest that runs is: a URI, as viewers take it (remote-viewer, gvncviewer).\n\n"
	"      --json   print it as one JSON object on one line\n"
	"      --help   show this help\n";

static enum exit_code print(const char *name, const cJSON *guest, bool json)
{
	const cJSON *definition = cJSON_GetObjectItemCaseSensitive(guest, "definition");
	const char *uri = answer_text(guest, "display");
	cJSON *object;

	if (!*uri && !cJSON_HasObjectItem(definition, "graphics"))
		return cli_fail(EXIT_REFUSED, "guest %s: its definition has no graphics", name);
	if (!*uri)
		return cli_fail(EXIT_REFUSED, "guest %s: is %s: its screen is nowhere", name,
				answer_text(guest, "state"));
	if (!json) {
		puts(uri);
		return EXIT_DONE;
	}
	object = cJSON_CreateObject();
	cJSON_AddStringToObject(object, "uri", uri);
	cli_print_json(object);
	return EXIT_DONE;
}

enum exit_code command_domdisplay(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	cJSON *guest = NULL;
	enum exit_code code;
	bool json = false;
	int option;

	while ((option = options_next(argc, argv, "", options)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (option == '?')
			return cli_bad_option("domdisplay");
		json = true;
	}
	if (optind != argc - 1)
		return cli_usage("domdisplay", optind == argc ? "which guest?" : "one guest at a time");
	code = client_do(cli, "info", argv[optind], &guest);
	if (code == EXIT_DONE)
		code = print(argv[optind], guest, json);
	cJSON_Delete(guest);
	return code;
}
