/* rastos-vmm setmem: how much memory a guest that runs is to have. The balloon holds the rest of its RAM;
 * what is more is plugged in. */
#include <stdio.h>

#include "vmm/cli/client.h"
#include "vmm/cli/options.h"
#include "vmm/config/wants.h"

enum {
	OPT_HELP = 256,
};

static const char usage[] =
	"Usage: rastos-vmm setmem GUEST MIB\n\n"
	"Tells a guest that runs how much memory it may use: of its RAM, its balloon gives the rest back to the host; what\n"
	"is more is plugged into its memory devices. The guest does that in its time, as far as it can: rastos-vmm stats\n"
	"shows how far it is. Its definition stays as it is.\n\n"
	"      --help   show this help\n";

enum exit_code command_setmem(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	struct error err = {0};
	enum exit_code code;
	unsigned long mib;
	cJSON *members;
	int option;

	while ((option = options_next(argc, argv, "", options)) != -1) {
		if (option != OPT_HELP)
			return cli_bad_option("setmem");
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (optind != argc - 2)
		return cli_usage("setmem", optind == argc ? "which guest?" : "one guest and a number of MiB");
	if (!cli_number(argv[optind + 1], WANTS_MEMORY_MIN, WANTS_MEMORY_MAX, &mib))
		return cli_usage("setmem", "must be a number of MiB from %d on", WANTS_MEMORY_MIN);
	members = cJSON_CreateObject();
	cJSON_AddNumberToObject(members, "memory_mib", (double)mib);
	code = client_ask(cli, "memory-set", argv[optind], members, NULL, &err);
	cJSON_Delete(members);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}
