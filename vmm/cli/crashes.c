/* rastos-vmm crashes: what is known of guests that ended against everybody's will. */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/switches.h"
#include "vmm/cli/table.h"

static const char usage[] =
	"Usage: rastos-vmm crashes [--json] [GUEST]\n"
	"       rastos-vmm crashes --show [--json] GUEST\n\n"
	"Lists the crash reports that are kept, the newest first: of one guest, or of all.\n\n"
	"      --show    the guest's newest report in full: registers, the console's last lines\n"
	"      --json    print one JSON value on one line\n"
	"      --help    show this help\n";

static enum exit_code print_list(const cJSON *reports)
{
	static const struct table_column columns[] = {
		{"TIME", 0}, {"GUEST", TABLE_CUT}, {"END", TABLE_STATE}, {"WHY", TABLE_CUT}, {NULL, 0},
	};
	struct table *table = table_create(columns);
	const cJSON *report;

	if (!table)
		return cli_fail(EXIT_FAILED, "out of memory");
	cJSON_ArrayForEach(report, reports)
	{
		table_text(table, answer_text(report, "time"));
		table_text(table, answer_text(report, "guest"));
		table_text(table, answer_text(report, "end"));
		table_text(table, answer_text(report, "why"));
	}
	table_print(table, stdout, 0);
	table_destroy(table);
	return EXIT_DONE;
}

/* The manager made its texts printable, line by line. */
static enum exit_code print_newest(const cJSON *reports, const char *guest)
{
	const cJSON *report = cJSON_GetArrayItem(reports, 0);

	if (!report)
		return cli_fail(EXIT_FAILED, "guest %s: has no crash report", guest);
	printf("guest %s: %s at %s\n%s\n", answer_text(report, "guest"), answer_text(report, "end"),
	       answer_text(report, "time"), answer_text(report, "why"));
	if (*answer_text(report, "registers"))
		printf("\n--- registers ---\n%s\n", answer_text(report, "registers"));
	if (*answer_text(report, "console"))
		printf("\n--- last lines of the console ---\n%s\n", answer_text(report, "console"));
	return EXIT_DONE;
}

static enum exit_code crashes(const struct cli *cli, const char *guest, bool show, bool json)
{
	cJSON *members = cJSON_CreateObject();
	struct error err = {0};
	cJSON *reports = NULL;
	enum exit_code code;

	cJSON_AddBoolToObject(members, "newest", show);
	code = client_ask(cli, "crashes", guest, members, &reports, &err);
	cJSON_Delete(members);
	if (code != EXIT_DONE)
		return cli_fail(code, "%s", err.text);
	if (json) {
		cli_print_json(show ? cJSON_DetachItemFromArray(reports, 0) : TAKE_PTR(reports));
		cJSON_Delete(reports);
		return EXIT_DONE;
	}
	code = show ? print_newest(reports, guest) : print_list(reports);
	cJSON_Delete(reports);
	return code;
}

enum exit_code command_crashes(struct cli *cli, int argc, char **argv)
{
	int show = false, json = false;
	const struct option options[] = {
		{"show", no_argument, &show, true},
		{"json", no_argument, &json, true},
		SWITCH_HELP,
		SWITCHES_END,
	};
	enum exit_code code;

	if (!switches_take("crashes", usage, argc, argv, options, &code))
		return code;
	if (show && optind != argc - 1)
		return cli_usage("crashes", "which guest?");
	if (optind < argc - 1)
		return cli_usage("crashes", "one guest at a time");
	return crashes(cli, argv[optind], show, json);
}
