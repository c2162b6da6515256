#include "rinit/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "rinit/control.h"

#define REPLY_MAX  (16 * 1024 * 1024)
#define REPLY_STEP 65536
#define PACKET_MAX 16384 /* at least what PID 1 sends at once */

static int connect_to_rinit(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = CONTROL_SOCKET_PATH};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return TAKE_FD(fd);
}

/* Everything until the end; the caller frees. NULL: out of memory, or it never ends. */
static char *reply_read(int fd)
{
	AUTO_FREE char *text = NULL;
	size_t length = 0, size = 0;

	for (;;) {
		ssize_t got;

		if (size - length <= PACKET_MAX) {
			char *more = size < REPLY_MAX ? realloc(text, size + REPLY_STEP) : NULL;

			if (!more)
				return NULL;
			text = more;
			size += REPLY_STEP;
		}
		got = recv(fd, text + length, size - length - 1, 0);
		if (got <= 0) {
			text[length] = '\0';
			return TAKE_PTR(text);
		}
		length += (size_t)got;
	}
}

/* Returns the connection with the request sent; a negative enum control_code with an error. */
static int ask(const char *verb, const char *argument, struct error *err)
{
	char request[CONTROL_REQUEST_MAX];
	AUTO_CLOSE int fd = connect_to_rinit();

	if (fd < 0) {
		error_set(err, fd, "cannot reach rinit at " CONTROL_SOCKET_PATH ": %s", strerror(-fd));
		return -CONTROL_FAILED;
	}
	if (snprintf(request, sizeof(request), "%s%s%s", verb, *argument ? " " : "", argument) >=
	    (int)sizeof(request)) {
		error_set(err, -EINVAL, "\"%.64s...\" is too long", argument);
		return -CONTROL_USAGE;
	}
	send(fd, request, strlen(request), MSG_NOSIGNAL); /* who does not take it gives no answer either */
	return TAKE_FD(fd);
}

static int no_answer(struct error *err)
{
	error_set(err, -EIO, "rinit gave no answer: it is busy with other clients; try again");
	return CONTROL_FAILED;
}

/* What services say of themselves shall not tell terminals what to do. */
static void controls_hide(char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < ' ' && *text != '\n' && *text != '\t') || *text == 0x7f)
			*text = '?';
}

int client_ask(const char *verb, const char *argument, char **text, struct error *err)
{
	AUTO_CLOSE int fd = ask(verb, argument, err);
	AUTO_FREE char *reply = NULL;
	char *rest;
	long code;

	*text = NULL;
	if (fd < 0)
		return -fd;
	reply = reply_read(fd);
	code = reply ? strtol(reply, &rest, 10) : 0;
	if (!reply || rest == reply || *rest != '\n')
		return no_answer(err);
	*text = strdup(rest + 1);
	if (*text) {
		controls_hide(*text);
		return (int)code;
	}
	error_set(err, -ENOMEM, "out of memory");
	return CONTROL_FAILED;
}

/* Hands out the whole lines; what is left of the last one moves to the front. Returns its length. */
static size_t lines_take(char *text, size_t length, void *context, void (*each)(void *context, char *line))
{
	char *line = text, *end;

	while ((end = memchr(line, '\n', length - (size_t)(line - text)))) {
		*end = '\0';
		each(context, line);
		line = end + 1;
	}
	length -= (size_t)(line - text);
	memmove(text, line, length);
	return length;
}

int client_lines(const char *verb, const char *argument, void *context,
		 void (*each)(void *context, char *line), struct error *err)
{
	AUTO_CLOSE int fd = ask(verb, argument, err);
	char text[2 * PACKET_MAX];
	size_t length = 0;
	long code = -1;

	if (fd < 0)
		return -fd;
	for (;;) {
		ssize_t got = recv(fd, text + length, sizeof(text) - 1 - length, 0);
		char *end;

		if (got <= 0 || length + (size_t)got == sizeof(text) - 1) /* a line without end */
			break;
		length += (size_t)got;
		text[length] = '\0';
		end = strchr(text, '\n');
		if (code < 0 && end) {
			code = strtol(text, NULL, 10);
			length -= (size_t)(end + 1 - text);
			memmove(text, end + 1, length + 1);
		}
		if (!code)
			length = lines_take(text, length, context, each);
	}
	if (code < 0)
		return no_answer(err);
	if (code)
		error_set(err, -EIO, "%.*s", (int)strcspn(text, "\n"), text);
	return (int)code;
}
