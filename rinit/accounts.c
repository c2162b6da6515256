#include "rinit/accounts.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "rinit/file.h"

#define ACCOUNTS_MAX (1024 * 1024)

static bool number_read(const char *text, const char *ends, unsigned int *id)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*id = (unsigned int)number;
	return *text >= '0' && *text <= '9' && number < 0xFFFFFFFF && strchr(ends, *end);
}

bool account_find(const char *text, const char *name, unsigned int *id)
{
	size_t length = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *password;

		line += *line == '\n';
		if (strncmp(line, name, length) != 0 || line[length] != ':')
			continue;
		password = line + length + 1;
		password += strcspn(password, ":\n");
		return *password == ':' && number_read(password + 1, ":\n", id);
	}
	return false;
}

bool account_id(const char *path, const char *name, unsigned int *id)
{
	AUTO_FREE char *text = NULL;
	size_t length;

	if (number_read(name, "", id))
		return true;
	return !file_load(path, ACCOUNTS_MAX, &text, &length) && account_find(text, name, id);
}
