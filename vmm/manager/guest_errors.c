#include "vmm/manager/guest_errors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/printable.h"
#include "common/util.h"
#include "vmm/manager/guest.h"
#include "vmm/manager/manager.h"

#define READ_BYTES 4096
#define READS_MAX  4  /* in a moment (manager_hears) */
#define READS_LAST 16 /* at the end: as much as a pipe holds, pipe(7) */

/* --- Lines --- */

/* "<4>" as log_line writes it; of others nothing is known. */
static enum log_level level_take(const char **line)
{
	const char *text = *line;

	if (text[0] != '<' || text[1] < '0' + LOG_LEVEL_ERROR || text[1] > '0' + LOG_LEVEL_DEBUG ||
	    text[2] != '>')
		return LOG_LEVEL_WARNING;
	*line += strlen("<4>");
	return (enum log_level)(text[1] - '0');
}

/* Most lines begin with "guest NAME: " already. */
static const char *name_skip(const char *line, const char *name)
{
	static const char guest[] = "guest ";
	size_t len = strlen(name);

	if (strncmp(line, guest, strlen(guest)) != 0)
		return line;
	if (strncmp(line + strlen(guest), name, len) != 0)
		return line;
	return strncmp(line + strlen(guest) + len, ": ", 2) == 0 ? line + strlen(guest) + len + 2 : line;
}

static void line_end(struct managed_guest *guest)
{
	struct guest_errors *errors = &guest->errors;
	const char *name = guest->definition->name;
	const char *line = errors->line;
	enum log_level level;

	errors->line[errors->used] = '\0';
	errors->used = 0;
	text_make_printable(errors->line, "");
	level = level_take(&line);
	line = name_skip(line, name);
	if (*line)
		log_limited(&errors->limit, level, "guest %s: %s", name, line);
}

static void text_take(struct managed_guest *guest, const char *text, size_t len)
{
	struct guest_errors *errors = &guest->errors;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			line_end(guest);
		else if (errors->used < GUEST_ERROR_MAX)
			errors->line[errors->used++] = text[i];
	}
}

/* --- The pipe --- */

/* False: nothing is there, or nothing will come any more. */
static bool errors_read(struct managed_guest *guest, bool *ended)
{
	char text[READ_BYTES];
	ssize_t got = read(guest->errors.source.fd, text, sizeof(text));

	*ended = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
	if (got > 0)
		text_take(guest, text, (size_t)got);
	return got > 0;
}

static void errors_ready(struct loop_source *source, uint32_t events)
{
	struct managed_guest *guest = CONTAINER_OF(source, struct managed_guest, errors.source);
	bool ended = (events & EPOLLHUP) != 0; /* the process' end comes through its pidfd */

	while (!ended && manager_hears(guest->manager, source, &guest->mutters, READS_MAX) &&
	       errors_read(guest, &ended))
		continue;
	if (ended)
		guest_errors_close(guest);
}

int guest_errors_open(struct managed_guest *guest, int *theirs, struct error *err)
{
	struct loop_source *source = &guest->errors.source;
	int ends[2];
	int code;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_set(err, -errno, "guest %s: cannot make a pipe to its process: %m",
				 guest->definition->name);
	guest_errors_close(guest);
	*source = (struct loop_source){.fd = ends[0], .events = EPOLLIN, .ready = errors_ready};
	code = loop_add(guest->manager->loop, source);
	if (code < 0) {
		close(ends[0]);
		close(ends[1]);
		source->fd = -1;
		return error_set(err, code, "guest %s: cannot watch its process' errors: %s",
				 guest->definition->name, strerror(-code));
	}
	*theirs = ends[1];
	return 0;
}

void guest_errors_close(struct managed_guest *guest)
{
	struct loop_source *source = &guest->errors.source;
	bool ended = false;

	if (source->fd < 0)
		return;
	for (unsigned i = 0; i < READS_LAST && errors_read(guest, &ended); i++)
		continue;
	if (guest->errors.used)
		line_end(guest);
	loop_remove(guest->manager->loop, source);
	close(source->fd);
	source->fd = -1;
}

void guest_errors_resume(struct managed_guest *guest)
{
	if (guest->errors.source.fd >= 0)
		loop_modify(guest->manager->loop, &guest->errors.source, EPOLLIN);
}
