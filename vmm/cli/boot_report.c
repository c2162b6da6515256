/* rastos-vmm boot-report: what a guest's boot took. */
#include "vmm/guest/boot_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"

#define TIMEOUT_DEFAULT 60
#define TIMEOUT_MAX     86400

enum {
	OPT_JSON = 256,
	OPT_SVG,
	OPT_WAIT,
	OPT_HELP,
};

static const char usage[] =
	"Usage: rastos-vmm boot-report [--wait [--timeout S]] [--json] [--svg FILE] GUEST\n\n"
	"Shows what the guest's last boot took, step by step: when each step was reached, how long it took, and the CPU\n"
	"time that the guest and its process used meanwhile.\n\n"
	"  --wait            wait until the guest says READY=1; fails with its last console lines if it ends before\n"
	"  -t, --timeout S   how long to wait (default 60); exit status 5 when it takes longer\n"
	"  --json            print one JSON object on one line\n"
	"  --svg FILE        write a chart\n"
	"  --help            show this help\n";

struct report_options {
	bool json, wait;
	const char *svg;
	unsigned long timeout_s;
};

static enum exit_code write_svg(const char *path, const struct boot_report *report)
{
	AUTO_FCLOSE FILE *file = fopen(path, "we");

	if (!file)
		return cli_fail(EXIT_FAILED, "%s: cannot write: %s", path, strerror(errno));
	boot_report_svg(report, file);
	if (fflush(file) != 0)
		return cli_fail(EXIT_FAILED, "%s: cannot write: %s", path, strerror(errno));
	return EXIT_DONE;
}

static enum exit_code show(const cJSON *json, const struct report_options *options)
{
	struct boot_report report;

	if (boot_report_from_json(json, &report) < 0)
		return cli_fail(EXIT_FAILED, "the manager sent a boot report that cannot be read");
	if (options->svg && write_svg(options->svg, &report) != EXIT_DONE)
		return EXIT_FAILED;
	if (options->json)
		cli_print_json(cJSON_Duplicate(json, true));
	else
		boot_report_print(&report, stdout);
	return EXIT_DONE;
}

/* A boot that failed: the report as far as it came, and the console's last lines. */
static void show_failure(const cJSON *answer, const struct report_options *options)
{
	const cJSON *console = cJSON_GetObjectItemCaseSensitive(answer, "console");
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(answer, "result");

	if (cJSON_IsObject(result))
		show(result, options);
	if (cJSON_IsString(console) && *console->valuestring)
		fprintf(stderr, "--- last lines of the console ---\n%s\n---\n", console->valuestring);
}

static enum exit_code report(const struct cli *cli, const char *guest, const struct report_options *options)
{
	struct client client;
	struct error err = {0};
	enum exit_code code = EXIT_FAILED;
	cJSON *result = NULL;
	cJSON *answer = NULL;

	if (client_connect(cli, &client, &err) == 0) {
		cJSON *request = client_request_new(&client, "boot-report");

		cJSON_AddStringToObject(request, "guest", guest);
		cJSON_AddBoolToObject(request, "wait", options->wait);
		cJSON_AddNumberToObject(request, "timeout_s", (double)options->timeout_s);
		code = client_call(&client, request, options->wait ? (unsigned)options->timeout_s : 0,
				   &result, &answer, &err);
	}
	client_close(&client);
	if (code == EXIT_DONE)
		code = show(result, options);
	else
		show_failure(answer, options), cli_fail(code, "%s", err.text);
	cJSON_Delete(result);
	cJSON_Delete(answer);
	return code;
}

enum exit_code command_boot_report(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, OPT_JSON}, {"svg", required_argument, NULL, OPT_SVG},
		{"wait", no_argument, NULL, OPT_WAIT}, {"timeout", required_argument, NULL, 't'},
		{"help", no_argument, NULL, OPT_HELP}, {NULL, 0, NULL, 0},
	};
	struct report_options report_options = {.timeout_s = TIMEOUT_DEFAULT};
	int option;

	while ((option = options_next(argc, argv, "t:", options)) != -1) {
		switch (option) {
		case OPT_JSON:
			report_options.json = true;
			break;
		case OPT_SVG:
			report_options.svg = optarg;
			break;
		case OPT_WAIT:
			report_options.wait = true;
			break;
		case 't':
			if (!cli_number(optarg, 1, TIMEOUT_MAX, &report_options.timeout_s))
				return cli_usage("boot-report", "--timeout: must be seconds from 1 to %d",
						 TIMEOUT_MAX);
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			return EXIT_DONE;
		default:
			return cli_bad_option("boot-report");
		}
	}
	if (optind != argc - 1)
		return cli_usage("boot-report", "which guest?");
	return report(cli, argv[optind], &report_options);
}
