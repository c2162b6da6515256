#include "rinit/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBERED_MAX (PATH_MAX + 16)

/* Its folder, and the one that is in. 0, or why one could not be made. */
static int parents_make(const char *path)
{
	char folder[PATH_MAX];
	char *ends[2];
	int rc = 0;

	snprintf(folder, sizeof(folder), "%s", path);
	for (int i = 0; i < 2; i++) {
		ends[i] = strrchr(folder, '/');
		if (ends[i])
			*ends[i] = '\0';
	}
	for (int i = 1; i >= 0; i--) {
		if (*folder && mkdir(folder, 0755) && errno != EEXIST && !rc)
			rc = -errno;
		if (ends[i])
			*ends[i] = '/';
	}
	return rc;
}

static int file_open(struct log_writer *writer)
{
	struct stat status;
	int rc = parents_make(writer->path);

	/* O_NONBLOCK: a FIFO there must hold nobody up */
	writer->fd =
		open(writer->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
	if (writer->fd < 0)
		return rc && errno == ENOENT ? rc : -errno;
	writer->size = fstat(writer->fd, &status) ? 0 : (uint64_t)status.st_size;
	return 0;
}

void log_writer_close(struct log_writer *writer)
{
	if (writer->fd >= 0)
		close(writer->fd);
	writer->fd = -1;
}

static void numbered(const struct log_writer *writer, unsigned int number, char *name)
{
	if (number)
		snprintf(name, NUMBERED_MAX, "%s.%u", writer->path, number);
	else
		snprintf(name, NUMBERED_MAX, "%s", writer->path);
}

static int file_rotate(struct log_writer *writer)
{
	char from[NUMBERED_MAX], to[NUMBERED_MAX];

	log_writer_close(writer);
	if (!writer->keep)
		unlink(writer->path);
	for (unsigned int i = writer->keep; i; i--) {
		numbered(writer, i - 1, from);
		numbered(writer, i, to);
		/* Those that there are not many of yet; but the file itself must go, or it would grow for
		 * ever. */
		if (rename(from, to) && i == 1 && errno != ENOENT)
			return -errno;
	}
	return file_open(writer);
}

struct log_writer_answer log_writer_append(struct log_writer *writer, const char *text, size_t length)
{
	struct log_writer_answer answer = {0};
	ssize_t written = -1;
	int rc = 0;

	if (writer->fd < 0)
		rc = file_open(writer);
	if (!rc && writer->size && writer->size + length > writer->max)
		rc = file_rotate(writer);
	if (!rc)
		written = write(writer->fd, text, length);
	if (!rc && written < 0)
		rc = -errno;
	if (written > 0) {
		answer.written = (uint32_t)written;
		writer->size += (uint64_t)written;
	}
	if (!rc && (size_t)written < length)
		rc = -ENOSPC;
	if (rc)
		log_writer_close(writer);
	answer.error = rc;
	return answer;
}

/* ---- the helper ---- */

int log_writer_main(int argc, char **argv)
{
	struct log_writer writer = {.fd = -1};
	char text[LOG_WRITER_BATCH_MAX];
	ssize_t length;

	if (argc != 4)
		return 2;
	writer.path = argv[1];
	writer.max = strtoull(argv[2], NULL, 10);
	writer.keep = (unsigned int)strtoul(argv[3], NULL, 10);
	signal(SIGTERM, SIG_IGN); /* its end is rinit's to say, after everybody's last words */
	signal(SIGHUP, SIG_IGN);
	while ((length = recv(LOG_WRITER_SOCKET, text, sizeof(text), 0)) > 0) {
		struct log_writer_answer answer = log_writer_append(&writer, text, (size_t)length);

		if (send(LOG_WRITER_SOCKET, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			break;
	}
	log_writer_close(&writer);
	return 0;
}
