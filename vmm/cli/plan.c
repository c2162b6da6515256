/* rastos-vmm plan: the division of CPUs and memory, before anything starts, and what it would change. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/cli/cli.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"
#include "vmm/config/mode.h"
#include "vmm/manager/store.h"
#include "vmm/plan/apply.h"
#include "vmm/plan/inventory.h"
#include "vmm/plan/report.h"

enum {
	OPT_HELP = 256,
	OPT_JSON,
	OPT_MODE,
	OPT_CONFIG,
	OPT_HOST,
};

static const char usage[] =
	"Usage: rastos-vmm plan [--json] [--mode server|desktop] [--config FILE] [--host FOLDER]\n\n"
	"Shows how CPUs and memory are divided among the guests that run or start by themselves, without starting any,\n"
	"and, when a manager runs, what that would change. What does not fit is refused with the sum that does not.\n\n"
	"      --json          one object on one line\n"
	"      --mode MODE     as if the mode file said so\n"
	"      --config FILE   another configuration\n"
	"      --host FOLDER   for the host whose /proc and /sys were copied to FOLDER; no manager is asked\n\n"
	"Exit status: 0 it fits, 1 something cannot be read, 4 it does not fit.\n";

struct plan_options {
	const char *config, *mode, *host;
	bool json;
};

/* What is planned with, and the plan. */
struct plan_work {
	struct settings settings;
	struct inventory host;
	enum mode mode;
	struct stored_definition *stored;
	unsigned count;
	cJSON *list; /* of the manager that runs, or NULL */
	struct plan_running *running;
	unsigned running_count;
	struct plan plan;
};

/* --- Making --- */

static int read_input(const struct plan_options *options, struct plan_work *work, struct error *err)
{
	int code = settings_read(options->config, &work->settings, err);

	if (code < 0)
		return code;
	code = options->mode ? mode_parse("--mode", options->mode, &work->mode, err)
			     : mode_read(work->settings.mode_file, &work->mode, err);
	if (code == 0)
		code = store_read(&work->settings, &work->stored, &work->count, err);
	return code < 0 ? code : inventory_read(options->host ? options->host : "/", &work->host, err);
}

/* What the manager's guests have, as its list says. */
static int read_running(struct plan_work *work, struct error *err)
{
	const cJSON *guests = cJSON_GetObjectItemCaseSensitive(work->list, "guests");
	const cJSON *guest;

	work->running = calloc((size_t)cJSON_GetArraySize(guests) + 1, sizeof(*work->running));
	if (!work->running)
		return error_set(err, -ENOMEM, "out of memory");
	cJSON_ArrayForEach(guest, guests)
	{
		if (plan_running_from_json(guest, &work->running[work->running_count]) < 0)
			return error_set(err, -EPROTO, "the manager's list of guests cannot be read");
		work->running_count++;
	}
	return 0;
}

/* That no manager runs is as well. */
static int ask_manager(const struct cli *cli, struct plan_work *work, struct error *err)
{
	struct client client;
	int code = client_connect(cli, &client, err);

	if (code == 0 &&
	    client_call(&client, client_request_new(&client, "list"), 0, &work->list, NULL, err) != EXIT_DONE)
		code = -EIO;
	client_close(&client);
	if (code == -ENOENT || code == -ECONNREFUSED)
		return 0;
	return code < 0 ? code : read_running(work, err);
}

/* A guest has its part when it runs, or is going to without being asked. */
static bool counts(const struct plan_work *work, const struct guest_definition *definition)
{
	for (unsigned i = 0; i < work->running_count; i++) {
		if (work->running[i].runs && strcmp(work->running[i].name, definition->name) == 0)
			return true;
	}
	return definition->autostart;
}

static int make_plan(struct plan_work *work, struct error *err)
{
	AUTO_FREE struct guest_definition **definitions = calloc(work->count + 1, sizeof(*definitions));
	unsigned count = 0;

	if (!definitions)
		return error_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < work->count; i++) {
		if (counts(work, work->stored[i].definition))
			definitions[count++] = work->stored[i].definition;
	}
	return plan_make_for(&work->host, work->mode, &work->settings.policy, definitions, count, &work->plan,
			     err);
}

/* The plan, what it changes when a manager runs, and which guests have no part in it. */
static int make_report(const struct plan_work *work, cJSON **report, struct error *err)
{
	struct plan_changes changes = {0};
	cJSON *idle;

	if (work->list && plan_diff(&work->plan, work->running, work->running_count, &changes) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	*report = plan_to_json(&work->plan, &work->host, work->list ? &changes : NULL);
	plan_changes_free(&changes);
	idle = cJSON_AddArrayToObject(*report, "not_counted");
	for (unsigned i = 0; i < work->count; i++) {
		const struct guest_definition *definition = work->stored[i].definition;

		if (plan_mode_runs(work->mode, definition->role) && !counts(work, definition))
			cJSON_AddItemToArray(idle, cJSON_CreateString(definition->name));
	}
	return 0;
}

static void work_free(struct plan_work *work)
{
	plan_free(&work->plan);
	free(work->running);
	cJSON_Delete(work->list);
	store_free(work->stored, work->count);
	settings_free(&work->settings);
	free(work);
}

/* --- Showing --- */

static const char *text_of(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsString(item) && *item->valuestring ? item->valuestring : "-";
}

static double number_of(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *plural(double count)
{
	return count == 1 ? "" : "s";
}

static void print_host(const cJSON *report)
{
	const cJSON *host = cJSON_GetObjectItemCaseSensitive(report, "host");
	const cJSON *reserve = cJSON_GetObjectItemCaseSensitive(report, "reserve");
	double cpus = number_of(host, "cpu_count"), cores = number_of(host, "cores");
	double nodes = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(host, "nodes"));
	double pool = number_of(host, "hugepages_mib");

	printf("Mode     %s\n", text_of(report, "mode"));
	printf("Host     %.0f CPU%s on %.0f core%s, %.0f node%s, %.0f MiB", cpus, plural(cpus), cores,
	       plural(cores), nodes, plural(nodes), number_of(host, "memory_mib"));
	if (pool > 0)
		printf(", %.0f of them huge pages", pool);
	if (strcmp(text_of(reserve, "cpus"), "-") == 0)
		printf("\nReserve  %.0f MiB\n\n", number_of(reserve, "memory_mib"));
	else
		printf("\nReserve  %.0f MiB, CPUs %s\n\n", number_of(reserve, "memory_mib"),
		       text_of(reserve, "cpus"));
}

static int widest(const cJSON *guests, const char *key, int least)
{
	const cJSON *guest;

	cJSON_ArrayForEach(guest, guests)
	{
		int width = (int)strlen(text_of(guest, key));

		least = width > least ? width : least;
	}
	return least;
}

static void print_guests(const cJSON *report)
{
	const cJSON *guests = cJSON_GetObjectItemCaseSensitive(report, "guests");
	const cJSON *left = cJSON_GetObjectItemCaseSensitive(report, "left");
	int name = widest(guests, "name", 6), cpus = widest(guests, "cpus", 4);
	const cJSON *guest;

	printf("%-*s  %-7s  %5s  %10s  %-9s  %-*s  %-5s  %s\n", name, "GUEST", "ROLE", "VCPUS", "MEMORY",
	       "PLACEMENT", cpus, "CPUS", "NODES", "PAGES");
	cJSON_ArrayForEach(guest, guests)
		printf("%-*s  %-7s  %5.0f  %6.0f MiB  %-9s  %-*s  %-5s  %s\n", name, text_of(guest, "name"),
		       text_of(guest, "role"), number_of(guest, "vcpus"), number_of(guest, "memory_mib"),
		       text_of(guest, "placement"), cpus, text_of(guest, "cpus"), text_of(guest, "nodes"),
		       text_of(guest, "pages"));
	printf("%-*s  %-7s  %5.0f  %6.0f MiB", name, "(left)", "", number_of(left, "cpus"),
	       number_of(left, "memory_mib"));
	if (number_of(left, "hugepages_mib") > 0)
		printf(" and %.0f MiB of huge pages", number_of(left, "hugepages_mib"));
	puts("");
}

static void print_idle(const cJSON *report)
{
	const cJSON *guests = cJSON_GetObjectItemCaseSensitive(report, "not_counted");
	const cJSON *guest;

	if (!cJSON_GetArraySize(guests))
		return;
	printf("\nOff, and not to start by themselves:");
	cJSON_ArrayForEach(guest, guests) printf(" %s", guest->valuestring);
	puts("");
}

static void print_changes(const cJSON *report)
{
	const cJSON *changes = cJSON_GetObjectItemCaseSensitive(report, "changes");
	const cJSON *change;

	if (!changes)
		return;
	puts(cJSON_GetArraySize(changes) ? "\nAgainst what runs:" : "\nNothing differs from what runs.");
	cJSON_ArrayForEach(change, changes)
	{
		const char *what = text_of(change, "what");
		bool live = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(change, "live"));

		if (strcmp(what, "guest") == 0)
			printf("  %s: %s\n", text_of(change, "guest"), text_of(change, "to"));
		else
			printf("  %s: %s %s -> %s, %s\n", text_of(change, "guest"), what,
			       text_of(change, "from"), text_of(change, "to"),
			       live ? "at once" : "when it starts next");
	}
}

/* --- The command --- */

/* A plan of this host's, by ourselves. */
static enum exit_code plan_here(const struct cli *cli, const struct plan_options *options, cJSON **report)
{
	struct plan_work *work = calloc(1, sizeof(*work));
	enum exit_code code = EXIT_DONE;
	struct error err = {0};

	if (!work)
		return cli_fail(EXIT_FAILED, "out of memory");
	if (read_input(options, work, &err) < 0 || (!options->host && ask_manager(cli, work, &err) < 0))
		code = EXIT_FAILED;
	else if (make_plan(work, &err) < 0)
		code = EXIT_REFUSED;
	else if (make_report(work, report, &err) < 0)
		code = EXIT_FAILED;
	work_free(work);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}

static enum exit_code show_plan(const struct cli *cli, const struct plan_options *options)
{
	cJSON *report = NULL;
	/* Behind --connect is another machine, perhaps: its manager knows it. */
	enum exit_code code =
		cli->connect ? client_do(cli, "plan", NULL, &report) : plan_here(cli, options, &report);

	if (code != EXIT_DONE)
		return code;
	if (options->json) {
		cli_print_json(report);
		return EXIT_DONE;
	}
	print_host(report);
	print_guests(report);
	print_idle(report);
	print_changes(report);
	cJSON_Delete(report);
	return EXIT_DONE;
}

enum exit_code command_plan(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, OPT_JSON},           {"mode", required_argument, NULL, OPT_MODE},
		{"config", required_argument, NULL, OPT_CONFIG}, {"host", required_argument, NULL, OPT_HOST},
		{"help", no_argument, NULL, OPT_HELP},           {NULL, 0, NULL, 0},
	};
	struct plan_options plan = {.config = cli->config};
	int option;

	while ((option = options_next(argc, argv, "", options)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			return EXIT_DONE;
		} else if (option == OPT_JSON) {
			plan.json = true;
		} else if (option == OPT_MODE) {
			plan.mode = optarg;
		} else if (option == OPT_CONFIG) {
			plan.config = cli->config = optarg;
		} else if (option == OPT_HOST) {
			plan.host = optarg;
		} else {
			return cli_bad_option("plan");
		}
	}
	if (optind != argc)
		return cli_usage("plan", "takes no argument");
	if (cli->connect && (plan.mode || plan.host))
		return cli_usage("plan",
				 "--mode and --host: are for this host, not for one behind --connect");
	return show_plan(cli, &plan);
}
