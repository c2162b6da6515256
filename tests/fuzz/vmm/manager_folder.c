#include "manager_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char folder[] = "/tmp/rastos-fuzz-manager-XXXXXX";

static void remove_folder(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		fprintf(stderr, "%s is left\n", folder);
}

const char *manager_folder(void)
{
	return folder;
}

void manager_folder_write(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) < 0)
		abort();
}

const char *manager_folder_make(const char *more)
{
	static char path[128];
	char text[512];

	if (!mkdtemp(folder))
		abort();
	atexit(remove_folder);
	snprintf(path, sizeof(path), "%s/guests", folder);
	if (mkdir(path, 0700) < 0)
		abort();
	manager_folder_write("mode", "server");
	manager_folder_write("guests/web.json",
			     "{\"name\":\"web\",\"kernel\":{\"path\":\"none\"},\"autostart\":false}");
	snprintf(
		text, sizeof(text),
		"{\"mode_file\":\"mode\",\"guests_dir\":\"guests\",\"runtime_dir\":\".\",\"state_dir\":\"state\","
		"\"networks_dir\":\"networks\",\"pool_dir\":\"disks\",\"keys_dir\":\"keys\"%s}",
		more);
	manager_folder_write("vmm.json", text);
	snprintf(path, sizeof(path), "%s/vmm.json", folder);
	return path;
}
