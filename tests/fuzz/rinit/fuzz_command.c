/* Command lines, environment files, and the files that users and groups are looked up in: any bytes. */
#include <stdlib.h>
#include <string.h>

#include "rinit/command_line.h"
#include "rinit/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct string_list environment = {0}, argv = {0};
	struct command_list commands = {0};
	struct service_config config = {.user = "user", .group = "group"};
	struct credentials credentials;
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	environment_parse(&environment, text, size);
	command_parse(&commands, text);
	for (size_t i = 0; i < commands.count; i++) {
		command_expand(&commands.items[i], &environment, &argv);
		if (!commands.items[i].program || !argv.count)
			abort();
		string_list_clear(&argv);
	}
	credentials_find(text, text, &config, &credentials);
	if (credentials.group_count > CREDENTIAL_GROUPS_MAX)
		abort();
	string_list_clear(&environment);
	command_list_clear(&commands);
	free(text);
	return 0;
}
