/*
 * Folders of drop-in files as tmpfiles.d(5) and sysctl.d(5) have them: of files of one name only that in the
 * first folder counts, also when it is empty or a link to /dev/null; all are read in the order of their
 * names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* folders ends with NULL. What cannot be read is told on standard error. For helpers. */
void conf_files_each(const char *const *folders, const char *suffix,
		     void (*each)(void *context, const char *path, const char *text, size_t length),
		     void *context);
bool conf_files_exist(const char *const *folders, const char *suffix);

/* tmpfiles.d's; PID 1 only has a look whether there are any. */
extern const char *const tmpfiles_folders[];
