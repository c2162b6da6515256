/* rastos-vmm token: who may use the API over TCP, by a word that he shows. */
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "vmm/api/tokens.h"
#include "vmm/cli/cli.h"
#include "vmm/cli/switches.h"
#include "vmm/cli/table.h"

static const char usage[] =
	"Usage: rastos-vmm token list [--json]\n"
	"       rastos-vmm token add NAME read|operate|admin\n"
	"       rastos-vmm token remove NAME\n\n"
	"Tokens let clients use the API over TCP, where \"api\" in vmm.json says so, in the role that they were made for.\n"
	"`add` prints the token, which is shown this once: the file \"tokens\" of \"api\" has only its hash. A change counts\n"
	"from the next request on, without a restart of the manager.\n\n"
	"      --json   one array on one line\n"
	"      --help   show this help\n";

static enum exit_code print_list(const struct tokens *tokens, bool json)
{
	static const struct table_column columns[] = {{"NAME", 0}, {"ROLE", 0}, {NULL, 0}};
	struct table *table = table_create(columns);
	cJSON *array = cJSON_CreateArray();

	for (unsigned i = 0; i < tokens->count; i++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", tokens->tokens[i].name);
		cJSON_AddStringToObject(item, "role", api_role_name(tokens->tokens[i].role));
		cJSON_AddItemToArray(array, item);
		table_text(table, tokens->tokens[i].name);
		table_text(table, api_role_name(tokens->tokens[i].role));
	}
	if (json)
		cli_print_json(array);
	else
		table_print(table, stdout, 0);
	if (!json)
		cJSON_Delete(array);
	table_destroy(table);
	return EXIT_DONE;
}

static enum exit_code add(struct tokens *tokens, const char *name, const char *word)
{
	enum api_role role = api_role_parse(word);
	char text[TOKEN_BYTES * 2 + 1];
	struct error err = {0};

	if (role == ROLE_NONE)
		return cli_usage("token", "%s is not a role: read, operate or admin", word);
	if (tokens_add(tokens, name, role, text, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	puts(text);
	return EXIT_DONE;
}

static enum exit_code remove_token(struct tokens *tokens, const char *name)
{
	struct error err = {0};

	return tokens_remove(tokens, name, &err) < 0 ? cli_fail(EXIT_FAILED, "%s", err.text) : EXIT_DONE;
}

static enum exit_code token_do(const struct settings *settings, int argc, char **argv, bool json)
{
	struct tokens *tokens = NULL;
	struct error err = {0};
	enum exit_code code;

	if (!settings->api.tokens)
		return cli_fail(EXIT_FAILED,
				"there is no file for tokens: name one as \"tokens\" of \"api\" in vmm.json");
	if (tokens_open(settings->api.tokens, &tokens, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	if (strcmp(argv[0], "list") == 0)
		code = print_list(tokens, json);
	else
		code = argc == 3 ? add(tokens, argv[1], argv[2]) : remove_token(tokens, argv[1]);
	tokens_close(tokens);
	return code;
}

/* How many words each of them takes, itself included. */
static int words_of(const char *verb)
{
	static const struct {
		const char *verb;
		int words;
	} verbs[] = {{"list", 1}, {"add", 3}, {"remove", 2}};

	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verb, verbs[i].verb) == 0)
			return verbs[i].words;
	}
	return 0;
}

enum exit_code command_token(struct cli *cli, int argc, char **argv)
{
	int json = false;
	const struct option options[] = {
		{"json", no_argument, &json, true},
		SWITCH_HELP,
		SWITCHES_END,
	};
	struct settings settings;
	struct error err = {0};
	enum exit_code code;

	if (!switches_take("token", usage, argc, argv, options, &code))
		return code;
	if (optind == argc || argc - optind != words_of(argv[optind]))
		return cli_usage("token", "takes list, add NAME ROLE, or remove NAME");
	if (json && strcmp(argv[optind], "list") != 0)
		return cli_usage("token", "--json goes with list");
	if (settings_read(cli->config, &settings, &err) < 0)
		return cli_fail(EXIT_FAILED, "%s", err.text);
	code = token_do(&settings, argc - optind, argv + optind, json);
	settings_free(&settings);
	return code;
}
