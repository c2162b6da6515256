/* rastos-vmm define: gives a guest's definition to the manager. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/cli/answer.h"
#include "vmm/cli/client.h"
#include "vmm/cli/define.h"
#include "vmm/cli/options.h"
#include "vmm/config/definition.h"
#include "vmm/config/file.h"

enum {
	OPT_HELP = 256,
	OPT_JSON,
	OPT_REPLACE,
};

static const char usage[] =
	"Usage: rastos-vmm define [--replace] [--json] FILE\n\n"
	"Gives a guest's definition (JSON; - is standard input) to the manager, which keeps it. The guest does not start:\n"
	"`start` does that, and `up` if it starts by itself.\n\n"
	"      --replace   the guest may exist: the new definition counts from its next start on\n"
	"      --json      print the guest as one JSON object on one line\n"
	"      --help      show this help\n";

static int read_standard_input(char **text, struct error *err)
{
	size_t used = 0;
	ssize_t got;

	*text = malloc(DEFINITION_FILE_MAX + 1);
	if (!*text)
		return error_set(err, -ENOMEM, "standard input: out of memory");
	while ((got = read(STDIN_FILENO, *text + used, DEFINITION_FILE_MAX - used)) != 0) {
		if (got < 0 && errno != EINTR)
			return error_set(err, -errno, "standard input: cannot read: %m");
		used += got > 0 ? (size_t)got : 0;
	}
	if (used == DEFINITION_FILE_MAX)
		return error_set(err, -E2BIG, "standard input: is larger than a definition may be");
	(*text)[used] = '\0';
	return 0;
}

/* The file's text, and the folder that its relative paths are relative to. */
static int read_file(const char *path, char **text, char **folder, struct error *err)
{
	if (strcmp(path, "-") == 0) {
		*folder = getcwd(NULL, 0);
		return *folder ? read_standard_input(text, err)
			       : error_set(err, -errno, "cannot tell the working folder: %m");
	}
	if (strlen(path) > 4 && strcmp(path + strlen(path) - 4, ".xml") == 0)
		return error_set(err, -EOPNOTSUPP,
				 "%s: libvirt domain XML is not supported yet, give a .json definition",
				 path);
	if (file_read_text("definition", path, DEFINITION_FILE_MAX, text, err) < 0)
		return -EIO;
	*folder = file_folder(path);
	return *folder ? 0 : error_set(err, -errno, "%s: cannot resolve its folder: %m", path);
}

/* Checked here too: so the sentence names the file as the user does. */
static int read_definition(const char *path, cJSON **json, char **folder, struct error *err)
{
	AUTO_FREE char *text = NULL;
	struct guest_definition *definition = NULL;
	int code = read_file(path, &text, folder, err);

	if (code == 0)
		code = definition_parse(strcmp(path, "-") == 0 ? "standard input" : path, *folder, text,
					&definition, err);
	definition_free(definition);
	if (code == 0)
		*json = cJSON_Parse(text);
	return code;
}

enum exit_code define_guest(const struct cli *cli, cJSON *definition, const char *folder, bool replace,
			    cJSON **guest)
{
	cJSON *members = cJSON_CreateObject();
	struct error err = {""};
	enum exit_code code;

	cJSON_AddItemToObject(members, "definition", definition);
	cJSON_AddStringToObject(members, "folder", folder);
	cJSON_AddBoolToObject(members, "replace", replace);
	code = client_ask(cli, "define", NULL, members, guest, &err);
	cJSON_Delete(members);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}

static enum exit_code define_file(const struct cli *cli, const char *path, bool replace, bool json)
{
	AUTO_FREE char *folder = NULL;
	struct error err = {""};
	cJSON *definition = NULL;
	cJSON *guest = NULL;
	enum exit_code code;
	const char *state;
	int read_code = read_definition(path, &definition, &folder, &err);

	if (read_code < 0)
		return cli_fail(read_code == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, "%s", err.text);
	code = define_guest(cli, definition, folder, replace, &guest);
	if (code != EXIT_DONE)
		return code;
	state = answer_text(guest, "state");
	if (strcmp(state, "off") != 0 && strcmp(state, "failed") != 0)
		fprintf(stderr, "guest %s: is %s; the new definition counts from its next start on\n",
			answer_text(guest, "name"), state);
	if (json)
		cli_print_json(guest);
	else
		cJSON_Delete(guest);
	return EXIT_DONE;
}

enum exit_code command_define(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"replace", no_argument, NULL, OPT_REPLACE},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	bool replace = false, json = false;
	int option;

	while ((option = options_next(argc, argv, "", options)) != -1) {
		if (option == OPT_HELP) {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (option == '?')
			return cli_bad_option("define");
		replace |= option == OPT_REPLACE;
		json |= option == OPT_JSON;
	}
	if (optind != argc - 1)
		return cli_usage("define", optind == argc ? "which FILE?" : "one FILE at a time");
	return define_file(cli, argv[optind], replace, json);
}
