/* Small files read whole. */
#pragma once

#include <stddef.h>

#include "common/error.h"

/* Reads a file of at most max bytes as text; the caller frees *text. Bytes of value 0 are refused. `what`
 * names the kind of file in errors: "mode file". */
int file_read_text(const char *what, const char *path, size_t max, char **text, struct error *err);

/* "folder/name", or name itself when it is absolute; the caller frees it, NULL when out of memory. */
char *file_path_join(const char *folder, const char *name);
/* The absolute folder of a file's path; the caller frees it, NULL with errno when it cannot be found. */
char *file_folder(const char *path);
