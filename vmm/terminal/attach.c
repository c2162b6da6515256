#include "vmm/terminal/attach.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "vmm/terminal/terminal.h"

#define ESCAPE_KEY 0x1d /* Ctrl-] */
#define CHUNK      4096

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t wrote = write(fd, data, len);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno == EAGAIN) {
			struct pollfd wait = {.fd = fd, .events = POLLOUT};

			poll(&wait, 1, -1);
			continue;
		}
		if (wrote <= 0)
			return false;
		data += wrote;
		len -= (size_t)wrote;
	}
	return true;
}

/* Moves what is there from the keyboard to fd; *open turns false at the end of input. */
static enum attach_end copy_keys(int fd, bool *open, bool *escaped)
{
	char data[CHUNK];
	ssize_t got = read(STDIN_FILENO, data, sizeof(data));
	const char *escape;

	if (got <= 0) {
		*open = got < 0 && (errno == EAGAIN || errno == EINTR);
		return ATTACH_CLOSED;
	}
	escape = isatty(STDIN_FILENO) ? memchr(data, ESCAPE_KEY, (size_t)got) : NULL;
	*escaped = escape != NULL;
	if (!write_all(fd, data, escape ? (size_t)(escape - data) : (size_t)got))
		return ATTACH_FAILED;
	return ATTACH_CLOSED;
}

static enum attach_end relay(int fd)
{
	bool input_open = true;
	bool escaped = false;
	char data[CHUNK];

	while (!escaped) {
		struct pollfd wait[] = {
			{.fd = fd, .events = POLLIN},
			{.fd = input_open ? STDIN_FILENO : -1, .events = POLLIN},
		};
		ssize_t got;

		if (poll(wait, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return ATTACH_FAILED;
		}
		if (wait[1].revents && copy_keys(fd, &input_open, &escaped) == ATTACH_FAILED)
			return errno == EPIPE ? ATTACH_CLOSED : ATTACH_FAILED;
		if (!wait[0].revents)
			continue;
		got = read(fd, data, sizeof(data));
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return ATTACH_CLOSED;
		if (!write_all(STDOUT_FILENO, data, (size_t)got))
			return ATTACH_FAILED;
	}
	return ATTACH_ESCAPED;
}

enum attach_end attach_terminal(int fd)
{
	struct terminal_state state = {0};
	enum attach_end end;

	terminal_raw(&state, STDIN_FILENO);
	end = relay(fd);
	terminal_restore(&state);
	return end;
}
