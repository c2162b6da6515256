/* rastos-vmm network list, info, define, undefine: the networks of this host. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/cli/cli.h"
#include "vmm/cli/client.h"
#include "vmm/cli/options.h"
#include "vmm/cli/table.h"
#include "vmm/config/file.h"
#include "vmm/config/json.h"
#include "vmm/config/nearest.h"

#define NETWORK_FILE_MAX 65536

struct network_options {
	bool json, replace;
	const char *argument; /* the network's name, or a file */
};

struct network_command {
	const char *name;
	const char *argument; /* how it is called in messages; NULL: it takes none */
	const char *letters;  /* options: j json, r replace */
	const char *usage;
	enum exit_code (*run)(struct cli *cli, const struct network_options *options);
};

static const char *text_of(const cJSON *json, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));

	return text ? text : "-";
}

/* Calls an operation; prints the error if any. Takes value over; key NULL: none. */
static enum exit_code call(const struct cli *cli, const char *op, const char *key, cJSON *value, bool replace,
			   cJSON **result)
{
	struct error err = {0};
	struct client client;
	enum exit_code code = EXIT_FAILED;

	*result = NULL;
	if (client_connect(cli, &client, &err) == 0) {
		cJSON *request = client_request_new(&client, op);

		if (key)
			cJSON_AddItemToObject(request, key, TAKE_PTR(value));
		if (replace)
			cJSON_AddTrueToObject(request, "replace");
		code = client_call(&client, request, 0, result, NULL, &err);
	}
	cJSON_Delete(value);
	client_close(&client);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}

/* --- Printing --- */

static void print_networks(const cJSON *result)
{
	static const struct table_column columns[] = {
		{"NAME", TABLE_CUT}, {"FORWARD", 0},         {"BRIDGE", TABLE_SPARE},
		{"ADDRESS", 0},      {"STATE", TABLE_STATE}, {"GUESTS", TABLE_RIGHT},
		{NULL, 0},
	};
	struct table *table = table_create(columns);
	const cJSON *network;

	if (!table)
		return;
	cJSON_ArrayForEach(network, cJSON_GetObjectItemCaseSensitive(result, "networks"))
	{
		bool active = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(network, "active"));

		table_text(table, text_of(network, "name"));
		table_text(table, text_of(network, "forward"));
		table_text(table, text_of(network, "bridge"));
		table_text(table, text_of(network, "address"));
		table_text(table, active ? "up" : "down");
		table_format(table, "%d",
			     cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(network, "guests")));
	}
	table_print(table, stdout, 0);
	table_destroy(table);
}

/* "8080:80 8443:443" */
static void add_rules(struct table *table, const cJSON *rules)
{
	char text[512] = "";
	size_t used = 0;
	const cJSON *rule;

	cJSON_ArrayForEach(rule, rules)
	{
		if (cJSON_IsString(rule) && used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "",
						 rule->valuestring);
	}
	table_text(table, text);
}

static void print_guests(const cJSON *network)
{
	static const struct table_column columns[] = {
		{"GUEST", TABLE_CUT}, {"ADDRESS", 0},           {"MAC", TABLE_SPARE},
		{"TAP", TABLE_SPARE}, {"PUBLISHED", TABLE_CUT}, {NULL, 0},
	};
	const cJSON *guests = cJSON_GetObjectItemCaseSensitive(network, "guests");
	struct table *table = cJSON_GetArraySize(guests) ? table_create(columns) : NULL;
	const cJSON *guest;

	if (!table)
		return;
	cJSON_ArrayForEach(guest, guests)
	{
		table_text(table, text_of(guest, "guest"));
		table_text(table, text_of(guest, "address"));
		table_text(table, text_of(guest, "mac"));
		table_text(table, text_of(guest, "tap"));
		add_rules(table, cJSON_GetObjectItemCaseSensitive(guest, "publish"));
	}
	putchar('\n');
	table_print(table, stdout, 0);
	table_destroy(table);
}

static void print_network(const cJSON *network)
{
	const cJSON *dhcp = cJSON_GetObjectItemCaseSensitive(network, "dhcp");
	const cJSON *dns = cJSON_GetObjectItemCaseSensitive(network, "dns");
	const cJSON *mtu = cJSON_GetObjectItemCaseSensitive(network, "mtu");

	printf("%-10s %s\n", "Name:", text_of(network, "name"));
	printf("%-10s %s\n",
	       "State:", cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(network, "active")) ? "up" : "down");
	printf("%-10s %s\n", "Forward:", text_of(network, "forward"));
	printf("%-10s %s\n", "Bridge:", text_of(network, "bridge"));
	if (dhcp) {
		printf("%-10s %s\n", "Address:", text_of(network, "address"));
		printf("%-10s %s to %s\n", "Guests:", text_of(dhcp, "first"), text_of(dhcp, "last"));
		printf("%-10s %s\n", "Domain:", cJSON_IsTrue(dns) ? text_of(network, "domain") : "no DNS");
	}
	if (mtu)
		printf("%-10s %.0f\n", "MTU:", cJSON_GetNumberValue(mtu));
	print_guests(network);
}

/* --- Commands --- */

static enum exit_code show(const struct network_options *options, cJSON *result,
			   void (*print)(const cJSON *json))
{
	if (options->json) {
		cli_print_json(result);
		return EXIT_DONE;
	}
	print(result);
	cJSON_Delete(result);
	return EXIT_DONE;
}

static enum exit_code network_list(struct cli *cli, const struct network_options *options)
{
	cJSON *result;
	enum exit_code code = call(cli, "network-list", NULL, NULL, false, &result);

	return code == EXIT_DONE ? show(options, result, print_networks) : code;
}

static enum exit_code network_info(struct cli *cli, const struct network_options *options)
{
	cJSON *result;
	enum exit_code code =
		call(cli, "network-info", "network", cJSON_CreateString(options->argument), false, &result);

	return code == EXIT_DONE ? show(options, result, print_network) : code;
}

static enum exit_code network_define(struct cli *cli, const struct network_options *options)
{
	AUTO_FREE char *text = NULL;
	struct error err = {0};
	struct json_place place;
	cJSON *definition = NULL;
	cJSON *result;
	enum exit_code code;

	if (file_read_text("network", options->argument, NETWORK_FILE_MAX, &text, &err) < 0 ||
	    json_parse(options->argument, text, &definition, &place, &err) < 0) {
		cJSON_Delete(definition);
		return cli_fail(EXIT_FAILED, "%s", err.text);
	}
	code = call(cli, "network-define", "definition", definition, options->replace, &result);
	cJSON_Delete(result);
	return code;
}

static enum exit_code network_undefine(struct cli *cli, const struct network_options *options)
{
	cJSON *result;
	enum exit_code code = call(cli, "network-undefine", "network", cJSON_CreateString(options->argument),
				   false, &result);

	cJSON_Delete(result);
	return code;
}

static const struct network_command commands[] = {
	{"list", NULL, "j",
	 "Usage: rastos-vmm network list [--json]\n\n"
	 "Lists the networks that guests can be plugged into, and how many are.\n",
	 network_list},
	{"info", "network", "j",
	 "Usage: rastos-vmm network info [--json] NETWORK\n\n"
	 "Shows a network, its guests with their addresses, and their published ports.\n",
	 network_info},
	{"define", "file", "r",
	 "Usage: rastos-vmm network define [--replace] FILE\n\n"
	 "Defines a network from a JSON file (docs/networks.md). One that is up goes on as it is until its\n"
	 "last guest has gone.\n\n"
	 "      --replace   the network may exist already\n",
	 network_define},
	{"undefine", "network", "",
	 "Usage: rastos-vmm network undefine NETWORK\n\n"
	 "Forgets a network that no guest is plugged into.\n",
	 network_undefine},
};

static const char help[] = "Usage: rastos-vmm network COMMAND [OPTIONS]\n\n"
			   "Shows and defines the networks that guests can be plugged into.\n\n"
			   "  list [--json]            list the networks\n"
			   "  info [--json] NETWORK    show a network and its guests\n"
			   "  define [--replace] FILE  define a network from a JSON file\n"
			   "  undefine NETWORK         forget a network\n";

static const struct network_command *find_command(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static enum exit_code unknown_command(const char *name)
{
	const char *names[ARRAY_SIZE(commands) + 1] = {NULL};
	const char *nearest;

	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i].name;
	nearest = nearest_word(name, names);
	if (nearest)
		return cli_usage("network", "%s is not a command, did you mean %s?", name, nearest);
	return cli_usage("network", "%s is not a command", name);
}

static enum exit_code run_command(struct cli *cli, const struct network_command *command, int argc,
				  char **argv)
{
	static const struct option long_options[] = {
		{"json", no_argument, NULL, 'j'},
		{"replace", no_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct network_options options = {0};
	char title[32];
	int option;

	snprintf(title, sizeof(title), "network %s", command->name);
	while ((option = options_next(argc, argv, "", long_options)) != -1) {
		if (option == 'h') {
			fputs(command->usage, stdout);
			return EXIT_DONE;
		}
		if (option == '?')
			return cli_bad_option(title);
		if (!strchr(command->letters, option))
			return cli_usage(title, "does not have this option");
		options.json |= option == 'j';
		options.replace |= option == 'r';
	}
	if (!command->argument && optind != argc)
		return cli_usage(title, "takes no argument");
	if (command->argument && optind != argc - 1)
		return cli_usage(title, optind == argc ? "which %s?" : "one %s at a time", command->argument);
	options.argument = command->argument ? argv[optind] : NULL;
	return command->run(cli, &options);
}

enum exit_code command_network(struct cli *cli, int argc, char **argv)
{
	const struct network_command *command;
	char title[48];

	if (argc < 2)
		return cli_usage("network", "list, info, define or undefine?");
	if (strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return EXIT_DONE;
	}
	command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	snprintf(title, sizeof(title), "rastos-vmm network %s", command->name);
	argv[1] = title;
	optind = 0;
	return run_command(cli, command, argc - 1, argv + 1);
}
