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

#define REPLY_MAX  (1024 * 1024)
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

int client_ask(const char *verb, const char *argument, char **text, struct error *err)
{
	char request[CONTROL_REQUEST_MAX];
	AUTO_CLOSE int fd = connect_to_rinit();
	AUTO_FREE char *reply = NULL;
	char *rest;
	long code;

	*text = NULL;
	if (fd < 0) {
		error_set(err, fd, "cannot reach rinit at " CONTROL_SOCKET_PATH ": %s", strerror(-fd));
		return CONTROL_FAILED;
	}
	if (snprintf(request, sizeof(request), "%s%s%s", verb, *argument ? " " : "", argument) >=
	    (int)sizeof(request)) {
		error_set(err, -EINVAL, "\"%.64s...\" is too long", argument);
		return CONTROL_USAGE;
	}
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) >= 0)
		reply = reply_read(fd);
	code = reply ? strtol(reply, &rest, 10) : 0;
	if (!reply || rest == reply || *rest != '\n') {
		error_set(err, -EIO, "rinit gave no answer: it is busy with other clients; try again");
		return CONTROL_FAILED;
	}
	*text = strdup(rest + 1);
	if (*text)
		return (int)code;
	error_set(err, -ENOMEM, "out of memory");
	return CONTROL_FAILED;
}
