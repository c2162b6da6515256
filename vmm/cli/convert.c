/* rastos-vmm convert: a guest's definition from one form into the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/cli/cli.h"
#include "vmm/cli/definition_file.h"
#include "vmm/cli/switches.h"
#include "vmm/cli/print_xml.h"
#include "vmm/config/definition.h"
#include "vmm/config/file.h"

static const char usage[] =
	"Usage: rastos-vmm convert [--no-validate] [--json] IN OUT\n\n"
	"Turns a guest's definition into libvirt domain XML, or back. IN is either of them, which is seen by its content;\n"
	"OUT is NAME.xml or NAME.json. - is standard input or output, which then has the form that IN has not.\n"
	"What of XML has no meaning here is told on standard error.\n\n"
	"      --no-validate   do not look at libvirt's schema of domain XML (package libvirt0)\n"
	"      --json          when it is done, print one JSON object on one line: output, and what was ignored\n"
	"      --help          show this help\n";

struct convert_options {
	const char *in, *out;
	int no_validate, json; /* switches */
};

static enum exit_code write_out(const struct convert_options *convert, const char *text)
{
	struct error err = {0};

	if (strcmp(convert->out, "-") == 0)
		return fputs(text, stdout) < 0 || fflush(stdout) != 0
			       ? cli_fail(EXIT_FAILED, "standard output: cannot write")
			       : EXIT_DONE;
	if (file_write_text("definition", convert->out, text, 0644, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	return EXIT_DONE;
}

/* With absolute paths: it may be kept anywhere. */
static enum exit_code make_text(const struct definition_file *file, const cJSON *definition, bool xml,
				char **text)
{
	char *json;

	if (xml)
		return xml_of_definition(file->name, definition, text);
	json = cJSON_Print(definition);
	if (!json || asprintf(text, "%s\n", json) < 0)
		*text = NULL;
	free(json);
	return *text ? EXIT_DONE : cli_fail(EXIT_FAILED, "out of memory");
}

static void print_done(const struct convert_options *convert, struct definition_file *file)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "output", convert->out);
	cJSON_AddItemToObject(json, "ignored", file->ignored ? TAKE_PTR(file->ignored) : cJSON_CreateArray());
	cli_print_json(json);
}

static enum exit_code convert_file(const struct convert_options *convert, struct definition_file *file)
{
	bool to_standard = strcmp(convert->out, "-") == 0;
	bool xml = to_standard ? !file->ignored : definition_file_is_xml(convert->out);
	struct guest_definition *definition = NULL;
	AUTO_FREE char *text = NULL;
	struct error err = {0};
	enum exit_code code;

	if (definition_parse(file->name, file->folder, file->text, &definition, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	code = make_text(file, definition->json, xml, &text);
	definition_free(definition);
	if (code == EXIT_DONE)
		code = write_out(convert, text);
	if (code != EXIT_DONE)
		return code;
	if (convert->json)
		print_done(convert, file);
	else
		definition_file_tell(file);
	return EXIT_DONE;
}

static enum exit_code check_usage(const struct convert_options *convert)
{
	bool to_standard = strcmp(convert->out, "-") == 0;

	if (!to_standard && !definition_file_is_definition(convert->out))
		return cli_usage("convert", "%s: is it to be NAME.xml or NAME.json?", convert->out);
	if (to_standard && convert->json)
		return cli_usage("convert", "--json: standard output has the definition then");
	return EXIT_DONE;
}

enum exit_code command_convert(struct cli *cli, int argc, char **argv)
{
	struct convert_options convert = {0};
	const struct option options[] = {
		{"no-validate", no_argument, &convert.no_validate, true},
		{"json", no_argument, &convert.json, true},
		SWITCH_HELP,
		SWITCHES_END,
	};
	struct definition_file file;
	enum exit_code code;

	(void)cli;
	if (!switches_take("convert", usage, argc, argv, options, &code))
		return code;
	if (optind != argc - 2)
		return cli_usage("convert",
				 optind < argc - 2 ? "one IN and one OUT" : "from which IN to which OUT?");
	convert.in = argv[optind];
	convert.out = argv[optind + 1];
	code = check_usage(&convert);
	if (code == EXIT_DONE)
		code = definition_file_read(convert.in, convert.no_validate, &file);
	if (code != EXIT_DONE)
		return code;
	code = convert_file(&convert, &file);
	definition_file_free(&file);
	return code;
}
