/* rastos-vmm dumpxml: a guest's definition as libvirt domain XML. */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/cli/client.h"
#include "vmm/cli/switches.h"
#include "vmm/cli/print_xml.h"

static const char usage[] = "Usage: rastos-vmm dumpxml [--inactive] [--json] GUEST\n\n"
			    "Prints a guest's definition as libvirt domain XML.\n\n"
			    "      --inactive   the one that counts from its next start on\n"
			    "      --json       print one JSON object on one line: name and xml\n"
			    "      --help       show this help\n";

static enum exit_code print_as_json(const char *name, const char *xml)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", name);
	cJSON_AddStringToObject(json, "xml", xml);
	cli_print_json(json);
	return EXIT_DONE;
}

/* The one that it runs by, or the one that was defined since. */
static const cJSON *definition_of(const cJSON *guest, bool inactive)
{
	const cJSON *next = cJSON_GetObjectItemCaseSensitive(guest, "next_definition");

	return inactive && cJSON_IsObject(next) ? next
						: cJSON_GetObjectItemCaseSensitive(guest, "definition");
}

static enum exit_code dump(const struct cli *cli, const char *name, bool inactive, bool json)
{
	AUTO_FREE char *xml = NULL;
	cJSON *guest = NULL;
	enum exit_code code = client_do(cli, "info", name, &guest);

	if (code == EXIT_DONE)
		code = xml_of_definition(name, definition_of(guest, inactive), &xml);
	cJSON_Delete(guest);
	if (code != EXIT_DONE)
		return code;
	if (json)
		return print_as_json(name, xml);
	fputs(xml, stdout);
	return EXIT_DONE;
}

enum exit_code command_dumpxml(struct cli *cli, int argc, char **argv)
{
	int inactive = false, json = false;
	const struct option options[] = {
		{"inactive", no_argument, &inactive, true},
		{"json", no_argument, &json, true},
		SWITCH_HELP,
		SWITCHES_END,
	};
	enum exit_code code;

	if (!switches_take("dumpxml", usage, argc, argv, options, &code))
		return code;
	if (optind != argc - 1)
		return cli_usage("dumpxml", optind == argc ? "which GUEST?" : "one GUEST at a time");
	return dump(cli, argv[optind], inactive, json);
}
