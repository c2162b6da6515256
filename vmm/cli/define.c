/* rastos-vmm define: gives a guest's definition to the manager. */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/define.h"
#include "vmm/cli/definition_file.h"
#include "vmm/cli/switches.h"
#include "vmm/config/definition.h"

struct define_options {
	int replace, no_validate, json; /* switches */
};

static const char usage[] =
	"Usage: rastos-vmm define [--replace] [--no-validate] [--json] FILE\n\n"
	"Gives a guest's definition (JSON or libvirt domain XML; - is standard input) to the manager, which keeps it. The\n"
	"guest does not start: `start` does that, and `up` if it starts by itself. What of XML has no meaning here is told on\n"
	"standard error.\n\n"
	"      --replace       the guest may exist: the new definition counts from its next start on\n"
	"      --no-validate   do not look at libvirt's schema of domain XML (package libvirt0)\n"
	"      --json          print the guest as one JSON object on one line, and in it what was ignored\n"
	"      --help          show this help\n";

/* Checked here too: so the sentence names the file as the user does. */
static enum exit_code read_definition(const struct definition_file *file, cJSON **json)
{
	struct guest_definition *definition = NULL;
	struct error err = {0};

	if (definition_parse(file->name, file->folder, file->text, &definition, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	definition_free(definition);
	*json = cJSON_Parse(file->text);
	return EXIT_DONE;
}

enum exit_code define_guest(const struct cli *cli, cJSON *definition, const char *folder, bool replace,
			    cJSON **guest)
{
	cJSON *members = cJSON_CreateObject();
	struct error err = {0};
	enum exit_code code;

	cJSON_AddItemToObject(members, "definition", definition);
	cJSON_AddStringToObject(members, "folder", folder);
	cJSON_AddBoolToObject(members, "replace", replace);
	code = client_ask(cli, "define", NULL, members, guest, &err);
	cJSON_Delete(members);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}

static void tell(const struct define_options *define, struct definition_file *file, cJSON *guest)
{
	const char *state = answer_text(guest, "state");

	if (strcmp(state, "off") != 0 && strcmp(state, "failed") != 0)
		fprintf(stderr, "guest %s: is %s; the new definition counts from its next start on\n",
			answer_text(guest, "name"), state);
	if (!define->json) {
		definition_file_tell(file);
		cJSON_Delete(guest);
		return;
	}
	if (file->ignored)
		cJSON_AddItemToObject(guest, "ignored", TAKE_PTR(file->ignored));
	cli_print_json(guest);
}

static enum exit_code define_file(const struct cli *cli, const struct define_options *define,
				  const char *path)
{
	struct definition_file file;
	cJSON *definition = NULL;
	cJSON *guest = NULL;
	enum exit_code code = definition_file_read(path, define->no_validate, &file);

	if (code != EXIT_DONE)
		return code;
	code = read_definition(&file, &definition);
	if (code == EXIT_DONE)
		code = define_guest(cli, definition, file.folder, define->replace, &guest);
	if (code == EXIT_DONE)
		tell(define, &file, guest);
	definition_file_free(&file);
	return code;
}

enum exit_code command_define(struct cli *cli, int argc, char **argv)
{
	struct define_options define = {0};
	const struct option options[] = {
		{"replace", no_argument, &define.replace, true},
		{"no-validate", no_argument, &define.no_validate, true},
		{"json", no_argument, &define.json, true},
		SWITCH_HELP,
		SWITCHES_END,
	};
	enum exit_code code;

	if (!switches_take("define", usage, argc, argv, options, &code))
		return code;
	if (optind != argc - 1)
		return cli_usage("define", optind == argc ? "which FILE?" : "one FILE at a time");
	return define_file(cli, &define, argv[optind]);
}
