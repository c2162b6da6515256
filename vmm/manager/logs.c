#include "vmm/manager/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/guest/console_hub.h"

#define LOOK_BACK ((uint64_t)2 * HUB_LOG_MAX) /* more than a log ever has */

/* -1 and *code 0 when there is no log yet. */
static int logs_open(const char *folder, uint64_t *size, int *code, struct error *err)
{
	AUTO_FREE char *path = file_path_join(folder, "console.log");
	AUTO_CLOSE int fd = path ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	struct stat status;

	*size = 0;
	*code = 0;
	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd < 0 || fstat(fd, &status) < 0) {
		*code = error_set(err, -errno, "console log of %s: cannot read: %m", folder);
		return -1;
	}
	*size = (uint64_t)status.st_size;
	return TAKE_FD(fd);
}

static size_t drop_zeroes(char *text, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i])
			text[kept++] = text[i];
	}
	text[kept] = '\0';
	return kept;
}

int logs_read(const char *folder, uint64_t from, cJSON **piece, struct error *err)
{
	char text[LOGS_PIECE + 1];
	uint64_t size;
	int code;
	AUTO_CLOSE int fd = logs_open(folder, &size, &code, err);
	ssize_t got;

	if (code < 0)
		return code;
	if (from > size)
		from = 0;
	got = fd < 0 ? 0 : pread(fd, text, LOGS_PIECE, (off_t)from);
	if (got < 0)
		return error_set(err, -errno, "console log of %s: cannot read: %m", folder);
	drop_zeroes(text, (size_t)got);
	*piece = cJSON_CreateObject();
	cJSON_AddStringToObject(*piece, "text", text);
	cJSON_AddNumberToObject(*piece, "next", (double)(from + (uint64_t)got));
	cJSON_AddBoolToObject(*piece, "more", from + (uint64_t)got < size);
	return 0;
}

/* The place behind the line end that comes before `lines` more, in the len bytes that begin at start; false:
 * it is before these. */
static bool find_in(const char *text, size_t len, uint64_t start, uint64_t *lines, uint64_t *from)
{
	for (size_t i = len; i-- > 0;) {
		if (text[i] != '\n' || (*lines)-- > 0)
			continue;
		*from = start + i + 1;
		return true;
	}
	return false;
}

int logs_find(const char *folder, uint64_t lines, uint64_t *from, struct error *err)
{
	char text[LOGS_PIECE];
	uint64_t size;
	int code;
	AUTO_CLOSE int fd = logs_open(folder, &size, &code, err);

	*from = lines ? 0 : size;
	if (fd < 0 || !lines || !size)
		return code;
	if (pread(fd, text, 1, (off_t)size - 1) == 1 && text[0] != '\n')
		lines--; /* the last one has not ended */
	/* The guest's process writes this file, and may make it look endless. */
	*from = size > LOOK_BACK ? size - LOOK_BACK : 0;
	for (uint64_t end = size; end > *from;) {
		uint64_t start = end > LOGS_PIECE ? end - LOGS_PIECE : 0;
		ssize_t got = pread(fd, text, (size_t)(end - start), (off_t)start);

		if (got < 0)
			return error_set(err, -errno, "console log of %s: cannot read: %m", folder);
		if (find_in(text, (size_t)got, start, &lines, from))
			return 0;
		end = start;
	}
	return 0;
}
