/* What rinitctl_files.c, which changes what the boot starts, and rinitctl_show.c, which shows it, share. */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "rinit/rinitctl.h"
#include "rinit/unit_path.h"

#define UNIT_FILE_MAX (256 * 1024)

struct file_options {
	bool quiet, now, runtime;
	const char *root;         /* "" for this system's */
	char links[PATH_MAX / 4]; /* the folder that links are made in, below root */
	bool enables, disables;   /* preset may do so */
	const char *target;       /* of add-wants */
	struct unit_paths paths;
};

/* A sentence on standard error; returns the code. */
int complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Is the path of something in the folder, or below? */
bool path_is_in(const char *path, const char *folder);
/* "a" is short for "a.service". */
void name_complete(const char *short_name, char name[UNIT_NAME_MAX]);
/* The file at path, unless NULL, and the drop-ins, unless files is NULL. */
int unit_files_read(struct unit_config *config, const char *path, const struct string_list *files,
		    const struct unit_warnings *warnings);
/* Only [Install] matters: what else is wrong with the file is not said. Is there something in it? */
bool install_read(const struct unit_found *found, struct unit_config *config);

/* ---- rinitctl_show.c ---- */

int command_is_enabled(struct file_options *options, const char *name);
int command_is_active(struct file_options *options, const char *name);
int command_is_failed(struct file_options *options, const char *name);
int command_cat(struct file_options *options, const char *name);
int command_check(struct file_options *options, const char *argument);
