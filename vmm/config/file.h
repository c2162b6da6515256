/* Small files read whole. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

/* Reads a file of at most max bytes as text; the caller frees *text. Bytes of value 0 are refused. `what`
 * names the kind of file in errors: "mode file". */
int file_read_text(const char *what, const char *path, size_t max, char **text, struct error *err);

/* Replaces a file as a whole: after a crash at any instant there is either the old one or the new one, never
 * a part. It is on the disk when this returns. */
int file_write_text(const char *what, const char *path, const char *text, mode_t mode, struct error *err);

/* Removes what file_write_text was about to put into a folder, as NAME.json, when its process was killed.
 * Only for who alone writes there. */
void file_sweep(const char *folder);

/* Makes a folder and those above it, where they are missing. */
int file_make_folder(const char *what, const char *path, mode_t mode, struct error *err);

/* "folder/name", or name itself when it is absolute; the caller frees it, NULL when out of memory. */
char *file_path_join(const char *folder, const char *name);
/* The absolute folder of a file's path; the caller frees it, NULL with errno when it cannot be found. */
char *file_folder(const char *path);
