/* rastos-vmm list: the guests and their states. */
#include <stdio.h>

#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"
#include "vmm/cli/table.h"

enum {
	OPT_HELP = 256,
	OPT_JSON,
};

static const char usage[] = "Usage: rastos-vmm list [-q] [--json]\n\n"
			    "Lists the guests: what they are, how they are, and what they say of it.\n\n"
			    "  -q, --quiet   names only, one a line\n"
			    "      --json    print one JSON object on one line\n"
			    "      --help    show this help\n";

static enum exit_code print_names(const cJSON *guests)
{
	const cJSON *guest;

	cJSON_ArrayForEach(guest, guests)
	{
		puts(answer_text(guest, "name"));
	}
	return EXIT_DONE;
}

/* Where screens are is a column where there is one. */
static bool any_display(const cJSON *guests)
{
	const cJSON *guest;

	cJSON_ArrayForEach(guest, guests)
	{
		if (*answer_text(guest, "display"))
			return true;
	}
	return false;
}

static void add_row(struct table *table, const cJSON *guest, bool displays)
{
	const char *why = answer_text(guest, "why");
	char uptime[16];

	answer_duration(uptime, answer_number(guest, "uptime_s"));
	table_text(table, answer_text(guest, "name"));
	table_text(table, answer_text(guest, "role"));
	table_text(table, answer_text(guest, "state"));
	table_format(table, "%.0f", answer_number(guest, "vcpus"));
	table_format(table, "%.0fMiB", answer_number(guest, "memory_mib"));
	if (answer_number(guest, "pid") > 0) {
		table_format(table, "%.0f", answer_number(guest, "pid"));
		table_text(table, uptime);
	} else {
		table_text(table, "-");
		table_text(table, "-");
	}
	if (displays)
		table_text(table, *answer_text(guest, "display") ? answer_text(guest, "display") : "-");
	table_text(table, *why ? why : answer_text(guest, "status"));
}

static enum exit_code print_guests(const cJSON *guests)
{
	static const struct table_column columns[] = {
		{"NAME", TABLE_CUT},     {"ROLE", TABLE_SPARE},   {"STATE", TABLE_STATE},
		{"VCPUS", TABLE_RIGHT},  {"MEMORY", TABLE_RIGHT}, {"PID", TABLE_RIGHT | TABLE_SPARE},
		{"UPTIME", TABLE_RIGHT}, {"STATUS", TABLE_CUT},   {NULL, 0},
	};
	static const struct table_column with_displays[] = {
		{"NAME", TABLE_CUT},     {"ROLE", TABLE_SPARE},
		{"STATE", TABLE_STATE},  {"VCPUS", TABLE_RIGHT},
		{"MEMORY", TABLE_RIGHT}, {"PID", TABLE_RIGHT | TABLE_SPARE},
		{"UPTIME", TABLE_RIGHT}, {"DISPLAY", TABLE_SPARE},
		{"STATUS", TABLE_CUT},   {NULL, 0},
	};
	bool displays = any_display(guests);
	struct table *table = table_create(displays ? with_displays : columns);
	const cJSON *guest;
	bool whole;

	if (!table)
		return cli_fail(EXIT_FAILED, "out of memory");
	cJSON_ArrayForEach(guest, guests)
	{
		add_row(table, guest, displays);
	}
	whole = table_print(table, stdout, 0);
	table_destroy(table);
	return whole ? EXIT_DONE : cli_fail(EXIT_FAILED, "out of memory");
}

enum exit_code command_list(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"quiet", no_argument, NULL, 'q'},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	bool json = false, quiet = false;
	const cJSON *guests;
	enum exit_code code;
	cJSON *result;
	int option;

	while ((option = options_next(argc, argv, "q", options)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (option == '?')
			return cli_bad_option("list");
		quiet |= option == 'q';
		json |= option == OPT_JSON;
	}
	if (optind != argc)
		return cli_usage("list", "takes no argument");
	if (quiet && json)
		return cli_usage("list", "--quiet and --json are two different outputs");
	code = client_do(cli, "list", NULL, &result);
	if (code != EXIT_DONE)
		return code;
	if (json) {
		cli_print_json(result);
		return EXIT_DONE;
	}
	guests = cJSON_GetObjectItemCaseSensitive(result, "guests");
	code = quiet ? print_names(guests) : print_guests(guests);
	cJSON_Delete(result);
	return code;
}
