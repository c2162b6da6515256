#include "vmm/manager/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/cleanup.h"
#include "common/printable.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/guest/console_log.h"

/* -1 and *code 0 when there is no log yet. */
static int logs_open(const char *folder, uint64_t *oldest, uint64_t *head, int *code, struct error *err)
{
	AUTO_FREE char *path = file_path_join(folder, CONSOLE_LOG_NAME);
	AUTO_CLOSE int fd = path ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;

	*oldest = *head = 0;
	*code = 0;
	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd < 0) {
		*code = error_set(err, -errno, "console log of %s: cannot read: %m", folder);
		return -1;
	}
	console_log_range(fd, oldest, head);
	return TAKE_FD(fd);
}

/* Bytes from..to, at most LOGS_PIECE of them, and perhaps fewer. */
static ssize_t logs_fetch(const char *folder, int fd, uint64_t from, uint64_t to, char *text,
			  struct error *err)
{
	ssize_t got = from < to
			      ? console_log_read(fd, from, text, (size_t)MIN(to - from, (uint64_t)LOGS_PIECE))
			      : 0;

	return got < 0 ? error_set(err, (int)got, "console log of %s: cannot read: %s", folder,
				   strerror((int)-got))
		       : got;
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

/* Bytes at the end that may be a letter's first ones. */
static size_t begun_letter(const char *text, size_t len)
{
	for (size_t count = 1; count <= 3 && count <= len; count++) {
		unsigned char byte = (unsigned char)text[len - count];

		if ((byte & 0xc0) == 0x80)
			continue;
		return byte >= 0xc0 && count < (byte >= 0xf0 ? 4U : byte >= 0xe0 ? 3U : 2U) ? count : 0;
	}
	return 0;
}

static void add_text(cJSON *piece, const char *bytes, size_t len)
{
	bool whole = text_is_utf8(bytes);
	AUTO_FREE char *text = whole ? NULL : text_from_bytes(bytes, len);
	AUTO_FREE char *coded = whole ? NULL : base64_encode(bytes, len);

	cJSON_AddStringToObject(piece, "text", whole ? bytes : text ? text : "");
	if (!whole)
		cJSON_AddStringToObject(piece, "base64", coded ? coded : "");
}

int logs_read(const char *folder, uint64_t from, cJSON **piece, struct error *err)
{
	char text[LOGS_PIECE + 1];
	uint64_t oldest, head;
	int code;
	AUTO_CLOSE int fd = logs_open(folder, &oldest, &head, &code, err);
	ssize_t got;

	if (code < 0)
		return code;
	if (from < oldest || from > head)
		from = oldest;
	got = logs_fetch(folder, fd, from, head, text, err);
	if (got < 0)
		return (int)got;
	got -= (ssize_t)begun_letter(text, (size_t)got);
	*piece = cJSON_CreateObject();
	add_text(*piece, text, drop_zeroes(text, (size_t)got));
	cJSON_AddNumberToObject(*piece, "next", (double)(from + (uint64_t)got));
	cJSON_AddBoolToObject(*piece, "more", got > 0 && from + (uint64_t)got < head);
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

/* Where the piece begins that ends at `end`, which reaches neither over the oldest byte nor over the ring's
 * end. */
static uint64_t piece_before(uint64_t end, uint64_t oldest)
{
	uint64_t in_ring = (end - 1) % CONSOLE_LOG_BYTES + 1;
	uint64_t whole = MIN(end - oldest, in_ring);

	return end - MIN(whole, (uint64_t)LOGS_PIECE);
}

int logs_find(const char *folder, uint64_t lines, uint64_t *from, struct error *err)
{
	char text[LOGS_PIECE];
	uint64_t oldest, head;
	int code;
	AUTO_CLOSE int fd = logs_open(folder, &oldest, &head, &code, err);

	*from = lines ? oldest : head;
	if (fd < 0 || !lines || head == oldest)
		return code;
	if (console_log_read(fd, head - 1, text, 1) == 1 && text[0] != '\n')
		lines--; /* the last one has not ended */
	for (uint64_t end = head; end > oldest;) {
		uint64_t start = piece_before(end, oldest);
		ssize_t got = logs_fetch(folder, fd, start, end, text, err);

		if (got < 0)
			return (int)got;
		if (find_in(text, (size_t)got, start, &lines, from))
			return 0;
		end = start;
	}
	return 0;
}
