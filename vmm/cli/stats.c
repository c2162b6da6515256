/* rastos-vmm stats: what guests have cost so far. */
#include <stdio.h>

#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/switches.h"
#include "vmm/cli/sample.h"
#include "vmm/cli/table.h"

static const char usage[] =
	"Usage: rastos-vmm stats [--json] [GUEST...]\n\n"
	"Shows what the guests that run have cost since they started: CPU time, and how much of one CPU that is on average;\n"
	"memory that is there, the guest's RAM, and what its process has beside that; exits of the vCPUs to our code;\n"
	"bytes of disks and networks. `top` shows the same as it happens.\n\n"
	"      --json    print one JSON array on one line\n"
	"      --help    show this help\n";

static void add_row(struct table *table, const struct sample *sample)
{
	table_text(table, sample->guest);
	table_text(table, sample->state);
	table_format(table, "%.2fs", sample->cpu_s);
	table_format(table, "%.1f%%", sample->uptime_s > 0 ? 100 * sample->cpu_s / sample->uptime_s : 0);
	table_bytes(table, sample->resident);
	table_bytes(table, sample->memory);
	table_bytes(table, sample->own);
	table_format(table, "%.0f", sample->exits);
	table_bytes(table, sample->read);
	table_bytes(table, sample->written);
	table_bytes(table, sample->received);
	table_bytes(table, sample->sent);
}

static enum exit_code print_stats(const cJSON *answer)
{
	static const struct table_column columns[] = {
		{"GUEST", TABLE_CUT},
		{"STATE", TABLE_STATE},
		{"CPU", TABLE_RIGHT},
		{"AVERAGE", TABLE_RIGHT | TABLE_SPARE},
		{"MEMORY", TABLE_RIGHT},
		{"RAM", TABLE_RIGHT},
		{"OVERHEAD", TABLE_RIGHT | TABLE_SPARE},
		{"EXITS", TABLE_RIGHT},
		{"READ", TABLE_RIGHT},
		{"WRITE", TABLE_RIGHT},
		{"RECV", TABLE_RIGHT},
		{"SENT", TABLE_RIGHT},
		{NULL, 0},
	};
	struct table *table = table_create(columns);
	struct samples samples;

	if (!table || !samples_read(answer, &samples)) {
		table_destroy(table);
		return cli_fail(EXIT_FAILED, "out of memory");
	}
	for (unsigned i = 0; i < samples.count; i++)
		add_row(table, &samples.items[i]);
	samples_free(&samples);
	table_print(table, stdout, 0);
	table_destroy(table);
	return EXIT_DONE;
}

/* All, or one after the other as they were named. */
static enum exit_code ask(const struct cli *cli, char *const *guests, cJSON **all)
{
	enum exit_code first = EXIT_DONE;

	if (!*guests)
		return client_do(cli, "stats", NULL, all);
	*all = cJSON_CreateArray();
	for (; *guests; guests++) {
		cJSON *one = NULL;
		enum exit_code code = client_do(cli, "stats", *guests, &one);
		cJSON *item = cJSON_DetachItemFromArray(one, 0);

		if (item)
			cJSON_AddItemToArray(*all, item);
		cJSON_Delete(one);
		if (first == EXIT_DONE)
			first = code;
	}
	return first;
}

enum exit_code command_stats(struct cli *cli, int argc, char **argv)
{
	int json = false;
	const struct option options[] = {
		{"json", no_argument, &json, true},
		SWITCH_HELP,
		SWITCHES_END,
	};
	enum exit_code code, printed = EXIT_DONE;
	cJSON *answer = NULL;

	if (!switches_take("stats", usage, argc, argv, options, &code))
		return code;
	code = ask(cli, argv + optind, &answer);
	if (cJSON_GetArraySize(answer) == 0 && code != EXIT_DONE) {
		cJSON_Delete(answer);
		return code;
	}
	if (json) {
		cli_print_json(answer);
		return code;
	}
	printed = print_stats(answer);
	cJSON_Delete(answer);
	return code == EXIT_DONE ? printed : code;
}
