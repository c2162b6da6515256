/* rastos-vmm send-key: presses keys of a guest's keyboard. */
#include <stdio.h>

#include "vmm/cli/client.h"
#include "vmm/cli/options.h"

#define HOLD_MS_MAX 10000

enum {
	OPT_HELP = 256,
	OPT_HOLDTIME,
};

static const char usage[] =
	"Usage: rastos-vmm send-key [--holdtime MS] GUEST KEY...\n\n"
	"Presses keys of a guest that has a keyboard, all at once, and lets them go: KEY_LEFTCTRL KEY_LEFTALT KEY_F2.\n"
	"Their names, or numbers, are those of Linux (linux/input-event-codes.h).\n\n"
	"      --holdtime MS   how many milliseconds they are held (default: 100)\n"
	"      --help          show this help\n";

static enum exit_code send_keys(const struct cli *cli, char *const *words, long hold_ms)
{
	cJSON *members = cJSON_CreateObject();
	cJSON *keys = cJSON_AddArrayToObject(members, "keys");
	struct error err = {0};
	enum exit_code code;

	for (char *const *word = words + 1; *word; word++)
		cJSON_AddItemToArray(keys, cJSON_CreateString(*word));
	if (hold_ms >= 0)
		cJSON_AddNumberToObject(members, "hold_ms", (double)hold_ms);
	code = client_ask(cli, "send-key", words[0], members, NULL, &err);
	cJSON_Delete(members);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}

enum exit_code command_send_key(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"holdtime", required_argument, NULL, OPT_HOLDTIME},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	unsigned long hold_ms = 0;
	bool held = false;
	int option;

	while ((option = options_next(argc, argv, "", options)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (option != OPT_HOLDTIME)
			return cli_bad_option("send-key");
		if (!cli_number(optarg, 0, HOLD_MS_MAX, &hold_ms))
			return cli_usage("send-key", "--holdtime: must be milliseconds from 0 to %d",
					 HOLD_MS_MAX);
		held = true;
	}
	if (argc - optind < 2)
		return cli_usage("send-key", optind == argc ? "which guest?" : "which keys?");
	return send_keys(cli, argv + optind, held ? (long)hold_ms : -1);
}
