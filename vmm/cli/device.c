/* rastos-vmm device list, add, set, remove: the devices of a guest, while it runs too. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/cli/answer.h"
#include "vmm/cli/card_change.h"
#include "vmm/cli/client.h"
#include "vmm/cli/disk_change.h"
#include "vmm/cli/guest_options.h"
#include "vmm/cli/options.h"
#include "vmm/cli/table.h"
#include "vmm/config/file.h"

#define TIMEOUT_MAX 86400

struct device_options {
	bool json, next_start;
	const char *disk, *network; /* NULL: not given */
	unsigned long timeout_s;    /* 0: not given */
	struct card_change card;
	struct disk_change limits;
	const char *guest, *device;
};

struct device_verb {
	const char *name;
	unsigned arguments;
	const char *letters; /* options: j json, s next-start, d disk, n net, t timeout, l i o: a card's, b p:
				a disk's */
	enum exit_code (*run)(struct cli *cli, const struct device_options *options);
};

static const char help[] =
	"Usage: rastos-vmm device list [--json] GUEST\n"
	"       rastos-vmm device add [--next-start] [--json] (--disk DISK | --net NETWORK) GUEST DEVICE\n"
	"       rastos-vmm device set [--link up|down] [--inbound RATE] [--outbound RATE] [--json] GUEST DEVICE\n"
	"       rastos-vmm device set [--bytes LIMIT]... [--iops LIMIT]... [--json] GUEST DEVICE\n"
	"       rastos-vmm device remove [--next-start] [--timeout S] GUEST DEVICE\n\n"
	"Shows the devices of a guest, and gives or takes disks and network cards: a guest with the transport pci may\n"
	"run meanwhile. A guest that is asked to let a device go may take its time. `set` changes a network card or a\n"
	"disk at once, in any guest.\n\n"
	"  -d, --disk FILE|IMAGE[,ro]   a disk\n"
	"  -n, --net NETWORK            a network card: passt[:PORTS], network:NAME[:PORTS], bridge:NAME, tap:DEVICE,\n"
	"                               direct:INTERFACE[:MODE]\n"
	"      --link up|down           puts the card's cable in, or pulls it\n"
	"      --inbound RATE           what the guest gets at most: AVERAGE[,PEAK[,BURST]] in KiB a second and KiB;\n"
	"                               0: no limit\n"
	"      --outbound RATE          the same of what it sends\n"
	"      --bytes LIMIT            a disk's bytes a second: [read=|write=|total=]NUMBER, with K, M or G; 0: no limit\n"
	"      --iops LIMIT             the same of its operations\n"
	"      --next-start             change the definition only: from the guest's next start on\n"
	"  -t, --timeout S              how long to wait for the guest to let go (default 30)\n"
	"      --json                   print JSON\n"
	"      --help                   show this help\n\n"
	"DEVICE is the id that the device has, or shall have: the definition's, or disk0, net1 ... by its place.\n";

/* --- Showing --- */

static const char *backing(const cJSON *device)
{
	static const char *const keys[] = {"path", "image", "network", "bridge", "device", "source", "type"};
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(device, "disk");

	if (!item)
		item = cJSON_GetObjectItemCaseSensitive(device, "network");
	if (!item)
		item = cJSON_GetObjectItemCaseSensitive(device, "filesystem");
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		if (*answer_text(item, keys[i]))
			return answer_text(item, keys[i]);
	}
	return "-";
}

static void add_count(struct table *table, const cJSON *device, const char *key)
{
	const cJSON *counters = cJSON_GetObjectItemCaseSensitive(device, "counters");

	if (counters)
		table_format(table, "%.0f", answer_number(counters, key));
	else
		table_text(table, "-");
}

static enum exit_code print_devices(const cJSON *devices)
{
	static const struct table_column columns[] = {
		{"DEVICE", 0},
		{"TYPE", 0},
		{"WHAT", TABLE_CUT},
		{"STATE", 0},
		{"REQUESTS", TABLE_RIGHT},
		{"ERRORS", TABLE_RIGHT},
		{NULL, 0},
	};
	struct table *table = table_create(columns);
	const cJSON *device;
	bool whole;

	cJSON_ArrayForEach(device, devices)
	{
		bool hotplug = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(device, "hotplug"));
		bool leaving = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(device, "leaving"));

		if (!table)
			break;
		table_text(table, answer_text(device, "id"));
		table_text(table, answer_text(device, "type"));
		table_text(table, backing(device));
		table_text(table, leaving ? "leaving" : hotplug ? "hot plug" : "fixed");
		add_count(table, device, "requests");
		add_count(table, device, "errors");
	}
	whole = table && table_print(table, stdout, 0);
	table_destroy(table);
	return whole ? EXIT_DONE : cli_fail(EXIT_FAILED, "out of memory");
}

static enum exit_code device_list(struct cli *cli, const struct device_options *options)
{
	cJSON *result = NULL;
	enum exit_code code = client_do(cli, "device-list", options->guest, &result);

	if (code == EXIT_DONE && options->json) {
		cli_print_json(result);
		return code;
	}
	if (code == EXIT_DONE)
		code = print_devices(cJSON_GetObjectItemCaseSensitive(result, "devices"));
	cJSON_Delete(result);
	return code;
}

/* --- Changing --- */

/* The manager knows no other folder than its own. */
static int make_absolute(cJSON *disk)
{
	const char *path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(disk, "path"));
	AUTO_FREE char *folder = path && *path != '/' ? getcwd(NULL, 0) : NULL;
	AUTO_FREE char *whole = folder ? file_path_join(folder, path) : NULL;

	if (!path || *path == '/')
		return 0;
	if (!whole)
		return -1;
	cJSON_ReplaceItemInObjectCaseSensitive(disk, "path", cJSON_CreateString(whole));
	return 0;
}

static cJSON *read_disk(struct cli *cli, const char *text, struct error *err)
{
	struct settings settings;
	cJSON *disk;

	if (settings_read(cli->config, &settings, err) < 0)
		return NULL;
	disk = guest_options_disk(text, &settings);
	settings_free(&settings);
	if (make_absolute(disk) == 0)
		return disk;
	error_set(err, -ENOMEM, "the current folder cannot be found: %m");
	cJSON_Delete(disk);
	return NULL;
}

static enum exit_code ask(struct cli *cli, const char *op, const struct device_options *options,
			  cJSON *members)
{
	cJSON *result = NULL;
	struct error err = {0};
	enum exit_code code;

	cJSON_AddStringToObject(members, "device", options->device);
	if (options->next_start)
		cJSON_AddTrueToObject(members, "next_start");
	if (options->timeout_s)
		cJSON_AddNumberToObject(members, "timeout_s", (double)options->timeout_s);
	code = client_ask(cli, op, options->guest, members, &result, &err);
	cJSON_Delete(members);
	if (code != EXIT_DONE)
		return cli_fail(code, "%s", err.text);
	if (options->json)
		cli_print_json(TAKE_PTR(result));
	cJSON_Delete(result);
	return code;
}

static enum exit_code device_add(struct cli *cli, const struct device_options *options)
{
	struct error err = {0};
	cJSON *definition, *members;

	if (!options->disk == !options->network)
		return cli_usage("device add", "a --disk, or a --net?");
	definition =
		options->disk ? read_disk(cli, options->disk, &err) : guest_options_network(options->network);
	if (!definition)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	members = cJSON_CreateObject();
	cJSON_AddStringToObject(members, "kind", options->disk ? "disk" : "network");
	cJSON_AddItemToObject(members, "definition", definition);
	return ask(cli, "device-add", options, members);
}

/* *item: what its definition says of the device, which is of this kind: "disk" or "network". */
static enum exit_code item_of(struct cli *cli, const struct device_options *options, const char *kind,
			      cJSON **item)
{
	cJSON *members = cJSON_CreateObject();
	cJSON *result = NULL;
	struct error err = {0};
	enum exit_code code;

	cJSON_AddStringToObject(members, "device", options->device);
	code = client_ask(cli, "device-info", options->guest, members, &result, &err);
	cJSON_Delete(members);
	if (code != EXIT_DONE)
		return cli_fail(code, "%s", err.text);
	*item = cJSON_DetachItemFromObjectCaseSensitive(result, kind);
	cJSON_Delete(result);
	return *item ? EXIT_DONE
		     : cli_fail(EXIT_REFUSED, "guest %s: device %s: is no %s", options->guest,
				options->device, strcmp(kind, "disk") == 0 ? kind : "network card");
}

static enum exit_code device_set(struct cli *cli, const struct device_options *options)
{
	const struct card_change *card = &options->card;
	bool of_card = card->link || card->inbound || card->outbound;
	const char *kind = of_card ? "network" : "disk";
	cJSON *item = NULL, *members;
	struct error err = {0};
	enum exit_code code;

	if (of_card == (options->limits.count > 0))
		return cli_usage("device set",
				 "a --link, an --inbound or an --outbound of a network card, or "
				 "--bytes or --iops of a disk?");
	code = item_of(cli, options, kind, &item);
	if (code != EXIT_DONE)
		return code;
	if ((of_card ? card_change_apply(card, item, &err)
		     : disk_change_apply(&options->limits, item, &err)) < 0) {
		cJSON_Delete(item);
		return cli_usage("device set", "%s", err.text);
	}
	members = cJSON_CreateObject();
	cJSON_AddStringToObject(members, "kind", kind);
	cJSON_AddItemToObject(members, "definition", item);
	return ask(cli, "device-add", options, members);
}

static enum exit_code device_remove(struct cli *cli, const struct device_options *options)
{
	return ask(cli, "device-remove", options, cJSON_CreateObject());
}

/* --- The command line --- */

static const struct device_verb verbs[] = {
	{"list", 1, "j", device_list},
	{"add", 2, "jsdn", device_add},
	{"set", 2, "jliobp", device_set},
	{"remove", 2, "st", device_remove},
};

static enum exit_code unknown_verb(const char *name)
{
	const char *names[ARRAY_SIZE(verbs) + 1] = {NULL};

	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++)
		names[i] = verbs[i].name;
	return cli_unknown_verb("device", name, names);
}

static enum exit_code take_option(int option, struct device_options *options)
{
	switch (option) {
	case 'j':
		options->json = true;
		break;
	case 's':
		options->next_start = true;
		break;
	case 'd':
		options->disk = optarg;
		break;
	case 'n':
		options->network = optarg;
		break;
	case 'l':
		options->card.link = optarg;
		break;
	case 'i':
		options->card.inbound = optarg;
		break;
	case 'o':
		options->card.outbound = optarg;
		break;
	case 'b':
	case 'p':
		if (!disk_change_add(&options->limits, option == 'b', optarg))
			return cli_usage("device", "--bytes, --iops: more than %d limits",
					 DISK_CHANGE_LIMITS);
		break;
	default:
		if (!cli_number(optarg, 1, TIMEOUT_MAX, &options->timeout_s))
			return cli_usage("device", "--timeout: must be seconds from 1 to %d", TIMEOUT_MAX);
	}
	return EXIT_DONE;
}

/* Reads options and arguments; *shown: help was asked for and shown. */
static enum exit_code read_options(const struct device_verb *verb, struct device_options *options, int argc,
				   char **argv, bool *shown)
{
	static const struct option known[] = {
		{"json", no_argument, NULL, 'j'},           {"next-start", no_argument, NULL, 's'},
		{"disk", required_argument, NULL, 'd'},     {"net", required_argument, NULL, 'n'},
		{"link", required_argument, NULL, 'l'},     {"inbound", required_argument, NULL, 'i'},
		{"outbound", required_argument, NULL, 'o'}, {"timeout", required_argument, NULL, 't'},
		{"bytes", required_argument, NULL, 'b'},    {"iops", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
	};
	enum exit_code code = EXIT_DONE;
	int option;

	while (code == EXIT_DONE && (option = options_next(argc, argv, "d:n:t:", known)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			*shown = true;
			return EXIT_DONE;
		}
		if (option == '?')
			return cli_bad_option("device");
		if (!strchr(verb->letters, option))
			return cli_usage("device", "%s does not have that option", verb->name);
		code = take_option(option, options);
	}
	if (code == EXIT_DONE && (unsigned)(argc - optind) != verb->arguments)
		return cli_usage("device",
				 verb->arguments == 1 ? "the form is: device %s GUEST"
						      : "the form is: device %s GUEST DEVICE",
				 verb->name);
	options->guest = argv[optind];
	options->device = verb->arguments == 2 ? argv[optind + 1] : NULL;
	return code;
}

enum exit_code command_device(struct cli *cli, int argc, char **argv)
{
	struct device_options options = {0};
	const struct device_verb *verb = NULL;
	enum exit_code code;
	bool shown = false;

	if (argc < 2)
		return cli_usage("device", "list, add, set or remove?");
	if (strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return EXIT_DONE;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, argv[1]) == 0)
			verb = &verbs[i];
	}
	if (!verb)
		return unknown_verb(argv[1]);
	argv[1] = argv[0]; /* what is wrong with an option begins with it */
	code = read_options(verb, &options, argc - 1, argv + 1, &shown);
	return code != EXIT_DONE || shown ? code : verb->run(cli, &options);
}
