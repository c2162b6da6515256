#include "vmm/exec/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/terminal/terminal.h"

#define CHUNK 4096 /* so much can be written to a pipe that has room, without waiting (PIPE_BUF) */

struct session {
	const struct exec_session_config *config;
	int signals;
	bool input_open;
	uint32_t credit;         /* bytes of INPUT that may be sent */
	int stopped_by;          /* the signal that the user has sent once */
	struct exec_frame frame; /* what the guest said; its rest is to be written */
	size_t written;
	size_t kept;
	bool ended;
	struct exec_exit *end;
	struct error *err;
	struct exec_receiver receiver;
	struct exec_sender sender;
};

static int guest_broke_off(struct session *session)
{
	return error_set(session->err, -ECONNRESET,
			 "the connection to the guest ended before the command did");
}

static int guest_is_wrong(struct session *session)
{
	return error_set(session->err, -EPROTO, "what the guest's helper says is not in its format");
}

static void tell_passed(const struct session *session, size_t bytes)
{
	if (session->config->passed)
		session->config->passed(session->config->owner, bytes);
}

/* ---- from the user ---- */

static int send_window(struct session *session)
{
	unsigned columns, rows;

	if (!terminal_size(session->config->terminal, &columns, &rows))
		return 0;
	return exec_send_window(&session->sender, (uint16_t)rows, (uint16_t)columns);
}

/* A host's signal by the number that x86-64's Linux has for it, which is the guest's too. */
static int take_signal(struct session *session)
{
	struct signalfd_siginfo info;
	int number;

	if (read(session->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	number = (int)info.ssi_signo;
	if (number == SIGWINCH)
		return send_window(session);
	exec_send_u8(&session->sender, EXEC_SIGNAL, (uint8_t)number);
	if (number != SIGHUP && number != session->stopped_by) {
		session->stopped_by = number;
		return 0;
	}
	exec_flush(&session->sender, session->config->connection);
	*session->end = (struct exec_exit){.end = EXEC_SIGNALED, .number = (uint8_t)number};
	return -EINTR;
}

static bool wants_input(const struct session *session)
{
	return session->input_open && session->credit && exec_sender_room(&session->sender) >= CHUNK;
}

/* An input that cannot be read has ended. */
static int take_input(struct session *session)
{
	uint8_t data[CHUNK];
	ssize_t got = read(session->config->input, data, MIN(sizeof(data), (size_t)session->credit));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	got = MAX(got, (ssize_t)0);
	session->credit -= (uint32_t)got;
	session->input_open = got > 0;
	tell_passed(session, (size_t)got);
	return exec_send(&session->sender, EXEC_INPUT, data, (size_t)got);
}

/* ---- from the guest ---- */

static int take_credit(struct session *session)
{
	uint32_t more;

	if (exec_read_u32(&session->frame, &more) < 0 || more > EXEC_WINDOW - session->credit)
		return guest_is_wrong(session);
	session->credit += more;
	return 0;
}

static void keep_error(struct session *session)
{
	const struct exec_session_config *config = session->config;
	size_t room = config->kept_size - 1 - session->kept;
	size_t length = MIN(session->frame.length, room);

	memcpy(config->kept + session->kept, session->frame.payload, length);
	session->kept += length;
	config->kept[session->kept] = '\0';
	session->written = session->frame.length;
}

/* What is not output is dealt with at once. */
static int take_frame(struct session *session)
{
	switch (session->frame.type) {
	case EXEC_ERROR:
		if (session->config->error < 0) {
			keep_error(session);
			return 0;
		}
		__attribute__((fallthrough));
	case EXEC_OUTPUT:
		session->written = 0;
		return 0;
	case EXEC_CREDIT:
		return take_credit(session);
	case EXEC_EXIT:
		session->ended = true;
		return exec_exit_parse(&session->frame, session->end) < 0 ? guest_is_wrong(session) : 0;
	default:
		return guest_is_wrong(session);
	}
}

static bool has_output(const struct session *session)
{
	return (session->frame.type == EXEC_OUTPUT || session->frame.type == EXEC_ERROR) &&
	       session->written < session->frame.length;
}

static int output_fd(const struct session *session)
{
	return session->frame.type == EXEC_OUTPUT ? session->config->output : session->config->error;
}

/* Frames as long as there is nothing to write. */
static int take_frames(struct session *session)
{
	int code = 0;

	while (code == 0 && !has_output(session) && !session->ended) {
		code = exec_next(&session->receiver, &session->frame);
		if (code == 0)
			return 0;
		code = code < 0 ? guest_is_wrong(session) : take_frame(session);
	}
	return code;
}

static int receive(struct session *session)
{
	ssize_t got = exec_receive(&session->receiver, session->config->connection);

	if (got == -EAGAIN)
		return 0;
	return got > 0 ? take_frames(session) : guest_broke_off(session);
}

static int write_output(struct session *session)
{
	size_t length = MIN(session->frame.length - session->written, (size_t)CHUNK);
	ssize_t wrote = write(output_fd(session), session->frame.payload + session->written, length);

	if (wrote < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (wrote < 0)
		return error_set(session->err, -errno, "cannot write what the command prints: %m");
	session->written += (size_t)wrote;
	tell_passed(session, (size_t)wrote);
	return take_frames(session);
}

/* ---- both ---- */

static int session_step(struct session *session)
{
	const struct exec_session_config *config = session->config;
	bool writes = has_output(session);
	struct pollfd wait[] = {
		{.fd = config->connection,
		 .events = (short)((writes ? 0 : POLLIN) | (session->sender.used ? POLLOUT : 0))},
		{.fd = session->signals, .events = POLLIN},
		{.fd = wants_input(session) ? config->input : -1, .events = POLLIN},
		{.fd = writes ? output_fd(session) : -1, .events = POLLOUT},
	};
	int code = 0;

	/* One that has hung up, and is not to be read yet, would be reported again and again. */
	if (!wait[0].events)
		wait[0].fd = -1;
	if (poll(wait, ARRAY_SIZE(wait), -1) < 0)
		return errno == EINTR ? 0 : error_set(session->err, -errno, "cannot wait: %m");
	if (wait[1].revents)
		code = take_signal(session);
	if (code == 0 && wait[2].revents)
		code = take_input(session);
	if (code == 0 && wait[3].revents)
		code = write_output(session);
	if (code == 0 && !writes && wait[0].revents & ~POLLOUT)
		code = receive(session);
	/* A guest that takes no more may still have said how the command ended. */
	if (code == 0 && exec_flush(&session->sender, config->connection) < 0) {
		session->sender.used = 0;
		session->input_open = false;
	}
	return code;
}

static int watch_signals(struct session *session, sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGHUP);
	if (session->config->terminal >= 0)
		sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, before);
	session->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return session->signals < 0 ? error_set(session->err, -errno, "cannot watch signals: %m") : 0;
}

int exec_session_run(const struct exec_session_config *config, struct exec_exit *end, struct error *err)
{
	AUTO_FREE struct session *session = calloc(1, sizeof(*session));
	sigset_t before;
	int code;

	if (!session)
		return error_set(err, -ENOMEM, "out of memory");
	session->config = config;
	session->input_open = config->request->input;
	session->credit = EXEC_WINDOW;
	session->end = end;
	session->err = err;
	code = exec_send_request(&session->sender, config->request);
	if (code < 0)
		return error_set(err, code,
				 code == -E2BIG ? "the command and its environment are too long"
						: "there is no command");
	code = watch_signals(session, &before);
	while (code == 0 && !session->ended)
		code = session_step(session);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (session->signals >= 0)
		close(session->signals);
	return code;
}

int exec_exit_status(const struct exec_exit *end)
{
	return end->end == EXEC_SIGNALED ? 128 + (end->number & 127) : end->number;
}
