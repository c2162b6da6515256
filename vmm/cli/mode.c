/* rastos-vmm mode: which division of this host holds, and the change to the other. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"
#include "vmm/config/mode.h"

#define TIMEOUT_MAX 86400

enum {
	OPT_HELP = 256,
	OPT_JSON,
};

static const char usage[] =
	"Usage: rastos-vmm mode [--json]\n"
	"       rastos-vmm mode [--timeout S] server|desktop\n\n"
	"Shows the mode of the manager that runs, or changes it, in the mode file too: guests that the new mode does not\n"
	"run are shut down, those that start by themselves in it start, and the CPUs are divided anew. `rastos-vmm plan\n"
	"--mode MODE` shows beforehand what would change.\n\n"
	"  -t, --timeout S   stop guests that are not off after S seconds (default 30)\n"
	"      --json        one object on one line\n"
	"      --help        show this help\n";

static enum exit_code mode_do(const struct cli *cli, const cJSON *members, bool json)
{
	struct error err = {0};
	cJSON *result = NULL;
	enum exit_code code = client_ask(cli, "mode", NULL, members, &result, &err);

	if (code != EXIT_DONE)
		return cli_fail(code, "%s", err.text);
	if (json) {
		cli_print_json(result);
		return EXIT_DONE;
	}
	puts(answer_text(result, "mode"));
	cJSON_Delete(result);
	return EXIT_DONE;
}

enum exit_code command_mode(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"timeout", required_argument, NULL, 't'},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	cJSON *members = cJSON_CreateObject();
	unsigned long timeout_s = 0;
	bool json = false, timeout_given = false;
	struct error err = {0};
	enum exit_code code = EXIT_DONE;
	enum mode mode;
	int option;

	while (code == EXIT_DONE && (option = options_next(argc, argv, "t:", options)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			cJSON_Delete(members);
			return EXIT_DONE;
		}
		json |= option == OPT_JSON;
		timeout_given |= option == 't';
		if (option == '?')
			code = cli_bad_option("mode");
		else if (option == 't' && !cli_number(optarg, 0, TIMEOUT_MAX, &timeout_s))
			code = cli_usage("mode", "--timeout: must be seconds from 0 to %d", TIMEOUT_MAX);
	}
	if (code == EXIT_DONE && argc - optind > 1)
		code = cli_usage("mode", "one mode at a time");
	if (code == EXIT_DONE && optind < argc && mode_parse("mode", argv[optind], &mode, &err) == -EINVAL)
		code = cli_usage("mode", "%s", err.text);
	if (code == EXIT_DONE && optind < argc)
		cJSON_AddStringToObject(members, "mode", argv[optind]);
	if (code == EXIT_DONE && timeout_given)
		cJSON_AddNumberToObject(members, "timeout_s", (double)timeout_s);
	if (code == EXIT_DONE)
		code = mode_do(cli, members, json);
	cJSON_Delete(members);
	return code;
}
