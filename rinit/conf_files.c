#include "rinit/conf_files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "rinit/file.h"
#include "rinit/unit.h"

#define CONF_FILE_MAX (1024 * 1024)

const char *const tmpfiles_folders[] = {"/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d",
					"/usr/lib/tmpfiles.d", NULL};

static const char *base_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

static void path_keep(void *context, const char *path)
{
	struct string_list *paths = context;

	for (size_t i = 0; i < paths->count; i++)
		if (!strcmp(base_of(paths->items[i]), base_of(path)))
			return;
	string_list_add(paths, path);
}

static int by_name(const void *left, const void *right)
{
	return strcmp(base_of(*(char *const *)left), base_of(*(char *const *)right));
}

static void paths_find(const char *const *folders, const char *suffix, struct string_list *paths)
{
	for (; *folders; folders++)
		file_each(*folders, suffix, path_keep, paths);
	if (paths->count)
		qsort(paths->items, paths->count, sizeof(*paths->items), by_name);
}

bool conf_files_exist(const char *const *folders, const char *suffix)
{
	struct string_list paths = {0};
	bool exist;

	paths_find(folders, suffix, &paths);
	exist = paths.count > 0;
	string_list_clear(&paths);
	return exist;
}

void conf_files_each(const char *const *folders, const char *suffix,
		     void (*each)(void *context, const char *path, const char *text, size_t length),
		     void *context)
{
	struct string_list paths = {0};

	paths_find(folders, suffix, &paths);
	for (size_t i = 0; i < paths.count; i++) {
		AUTO_FREE char *text = NULL;
		struct stat status;
		size_t length = 0;
		int rc;

		if (!stat(paths.items[i], &status) && S_ISCHR(status.st_mode))
			continue; /* a link to /dev/null: masked */
		rc = file_load(paths.items[i], CONF_FILE_MAX, &text, &length);
		if (rc)
			fprintf(stderr, "<4>%s: cannot read: %s\n", paths.items[i], strerror(-rc));
		else
			each(context, paths.items[i], text, length);
	}
	string_list_clear(&paths);
}
