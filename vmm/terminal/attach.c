#include "vmm/terminal/attach.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vmm/terminal/terminal.h"

#define CHUNK 4096
#define PIECE 256 /* bytes that a terminal which is ready takes without making us wait */

struct attachment {
	int fd;
	int signals; /* those that end us, and SIGWINCH */
	struct detach_keys keys;
	const struct attach_size *size; /* NULL: nobody wants to know */
	bool terminal;                  /* standard input is one */
	bool input_open;
	int signal; /* came; 0: none */
};

/* 0 by 0 is a terminal that does not know (tty_ioctl(4)). */
static void tell_size(const struct attachment *attachment)
{
	unsigned columns, rows;

	if (attachment->size && terminal_size(STDIN_FILENO, &columns, &rows) && columns && rows)
		attachment->size->changed(attachment->size->owner, columns, rows);
}

/* A signal that ends us came; also while somebody takes nothing of what we write. */
static bool signal_came(struct attachment *attachment, const struct pollfd *wait)
{
	struct signalfd_siginfo info;

	if (wait->revents && read(attachment->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			tell_size(attachment);
		else
			attachment->signal = (int)info.ssi_signo;
	}
	return attachment->signal;
}

static bool write_all(struct attachment *attachment, int fd, const char *data, size_t len)
{
	while (len > 0) {
		struct pollfd wait[] = {
			{.fd = fd, .events = POLLOUT},
			{.fd = attachment->signals, .events = POLLIN},
		};
		ssize_t wrote;

		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			return false;
		if (signal_came(attachment, &wait[1]))
			return true; /* the rest is for nobody */
		if (!wait[0].revents)
			continue;
		wrote = write(fd, data, len < PIECE ? len : PIECE);
		if (wrote < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (wrote <= 0)
			return false;
		data += wrote;
		len -= (size_t)wrote;
	}
	return true;
}

/* What was typed, without the keys that leave; *escaped: they were typed. */
static size_t take_keys(struct attachment *attachment, const char *typed, size_t len, char *out,
			bool *escaped)
{
	size_t used = 0, more;

	for (size_t i = 0; i < len && !*escaped; i++) {
		*escaped = detach_keys_take(&attachment->keys, typed[i], out + used, &more);
		used += more;
	}
	return used;
}

/* Moves what is there from the keyboard to the stream. */
static enum attach_end copy_keys(struct attachment *attachment, bool *escaped)
{
	char out[CHUNK + DETACH_KEYS_MAX];
	char data[CHUNK];
	ssize_t got = read(STDIN_FILENO, data, sizeof(data));
	size_t len;

	if (got <= 0) {
		attachment->input_open = got < 0 && (errno == EAGAIN || errno == EINTR);
		return ATTACH_CLOSED;
	}
	len = (size_t)got;
	if (attachment->terminal)
		len = take_keys(attachment, data, len, out, escaped);
	return write_all(attachment, attachment->fd, attachment->terminal ? out : data, len) ? ATTACH_CLOSED
											     : ATTACH_FAILED;
}

static enum attach_end relay(struct attachment *attachment)
{
	bool escaped = false;
	char data[CHUNK];

	while (!escaped) {
		struct pollfd wait[] = {
			{.fd = attachment->fd, .events = POLLIN},
			{.fd = attachment->input_open ? STDIN_FILENO : -1, .events = POLLIN},
			{.fd = attachment->signals, .events = POLLIN},
		};
		ssize_t got;

		if (attachment->signal)
			return ATTACH_ESCAPED;
		if (poll(wait, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			return ATTACH_FAILED;
		}
		if (signal_came(attachment, &wait[2]))
			return ATTACH_ESCAPED;
		if (wait[1].revents && copy_keys(attachment, &escaped) == ATTACH_FAILED)
			return errno == EPIPE ? ATTACH_CLOSED : ATTACH_FAILED;
		if (!wait[0].revents)
			continue;
		got = read(attachment->fd, data, sizeof(data));
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return ATTACH_CLOSED;
		if (!write_all(attachment, STDOUT_FILENO, data, (size_t)got))
			return ATTACH_FAILED;
	}
	return ATTACH_ESCAPED;
}

/* Signals that end the process are taken here, so that the terminal can be restored first. */
static int open_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, before);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

enum attach_end attach_terminal(int fd, const struct detach_keys *keys, const struct attach_size *size)
{
	struct attachment attachment = {
		.fd = fd,
		.keys = *keys,
		.size = size,
		.terminal = isatty(STDIN_FILENO),
		.input_open = true,
	};
	struct terminal_state state = {0};
	enum attach_end end;
	sigset_t before;
	int why;

	attachment.signals = open_signals(&before);
	terminal_raw(&state, STDIN_FILENO);
	tell_size(&attachment);
	end = relay(&attachment);
	why = errno;
	terminal_restore(&state);
	if (attachment.signals >= 0)
		close(attachment.signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (attachment.signal)
		raise(attachment.signal);
	errno = why;
	return end;
}
