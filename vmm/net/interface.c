#include "vmm/net/interface.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/net/tool.h"

int interface_run_ip(const char *commands, struct error *err)
{
	static const char *const argv[] = {"ip", "-batch", "-", NULL};
	struct tool tool = {.argv = argv, .package = "iproute2", .input = commands};

	return tool_run(&tool, err);
}

void interface_alias(const char *name, char alias[INTERFACE_ALIAS_MAX])
{
	AUTO_FCLOSE FILE *file = NULL;
	char path[PATH_MAX];

	alias[0] = '\0';
	snprintf(path, sizeof(path), INTERFACES "/%s/ifalias", name);
	file = fopen(path, "re");
	if (file && fgets(alias, INTERFACE_ALIAS_MAX, file))
		alias[strcspn(alias, "\n")] = '\0';
}

void interface_each_marked(const char *mark, void (*each)(void *owner, const char *name, const char *rest),
			   void *owner)
{
	char alias[INTERFACE_ALIAS_MAX];
	struct dirent **entries;
	int found = scandir(INTERFACES, &entries, NULL, NULL);

	for (int i = 0; i < found; i++) {
		const char *name = entries[i]->d_name;

		if (name[0] != '.')
			interface_alias(name, alias);
		if (name[0] != '.' && strncmp(alias, mark, strlen(mark)) == 0)
			each(owner, name, alias + strlen(mark));
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
}
