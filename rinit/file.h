/* Small files, whole: what /proc, /sys and /etc are read and written with. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads up to size - 1 bytes of a file, not of a FIFO or a device, and ends them with a zero. Returns the length or a negative errno; -EFBIG when
 * the file is longer, then text holds its beginning.
 */
ssize_t file_read(const char *path, char *text, size_t size);
/* The same, with the blanks and line ends at the text's end removed. */
ssize_t file_read_line(const char *path, char *text, size_t size);
/* The file's text in memory of its own, ended with a zero; at most max bytes long. The caller frees. */
int file_load(const char *path, size_t max, char **text, size_t *length);
/* Creates or truncates; 0 or negative errno. */
int file_write(const char *path, const char *text);
/* Calls each with the path of every file of directory whose name ends so, in the order of their names. */
void file_each(const char *directory, const char *suffix, void (*each)(void *context, const char *path),
	       void *context);
/* Every byte or a negative errno. */
int write_all(int fd, const void *data, size_t length);
