#include "rinit/exec_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/exec_command.h"
#include "rinit/loop.h"

#define CONNECTION     3 /* sd_listen_fds(3), SD_LISTEN_FDS_START */
#define REQUEST_MS     10000
#define HANGUP_MS      2000 /* so long after SIGHUP comes SIGKILL */
#define CHUNK          16384
#define END_OF_FILE    4 /* Ctrl-D, for a terminal */
#define SIGNAL_HIGHEST 31

/* Bytes on their way to the command's standard input. */
struct exec_input {
	bool ended;      /* no more will come */
	bool end_key;    /* the last of the bytes is ours: the host gets no credit for it */
	uint32_t credit; /* that the host has not been told of yet */
	size_t used;
	uint8_t bytes[EXEC_WINDOW + 1]; /* and the key that ends a terminal's */
};

struct exec_session {
	int signals; /* SIGCHLD */
	struct exec_command command;
	bool tty;
	bool exited;
	int status; /* waitpid(2)'s */
	struct exec_input input;
	struct exec_receiver receiver;
	struct exec_sender sender;
};

/* ---- the command's standard input ---- */

static void input_taken(struct exec_input *input, size_t length)
{
	input->used -= length;
	input->credit += (uint32_t)length;
	memmove(input->bytes, input->bytes + length, input->used);
	if (input->end_key && !input->used) {
		input->end_key = false;
		input->credit--;
	}
}

static void input_close(struct exec_session *session)
{
	if (session->command.input >= 0 && session->command.input != session->command.output)
		close(session->command.input);
	session->command.input = -1;
	input_taken(&session->input, session->input.used);
}

static void input_write(struct exec_session *session)
{
	struct exec_input *input = &session->input;

	while (input->used && session->command.input >= 0) {
		ssize_t wrote = write(session->command.input, input->bytes, input->used);

		if (wrote >= 0)
			input_taken(input, (size_t)wrote);
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			input_close(session); /* it does not want more */
	}
	if (input->ended && !input->used && session->command.input >= 0 && !session->tty)
		input_close(session);
	if (input->credit >= EXEC_WINDOW / 2 &&
	    exec_send_u32(&session->sender, EXEC_CREDIT, input->credit) == 0)
		input->credit = 0;
}

static int input_add(struct exec_session *session, const uint8_t *data, size_t length)
{
	struct exec_input *input = &session->input;

	if (input->ended || length > EXEC_WINDOW - input->used - input->credit)
		return -EPROTO;
	if (session->command.input < 0) { /* nobody reads it */
		input->credit += (uint32_t)length;
	} else {
		memcpy(input->bytes + input->used, data, length);
		input->used += length;
	}
	return 0;
}

static void input_end(struct exec_session *session)
{
	struct exec_input *input = &session->input;

	if (session->tty && session->command.input >= 0 && !input->ended) {
		input->bytes[input->used++] = END_OF_FILE;
		input->end_key = true;
	}
	input->ended = true;
}

/* ---- what the host says ---- */

static int signal_command(struct exec_session *session, const struct exec_frame *frame)
{
	uint8_t number;

	if (exec_read_u8(frame, &number) < 0 || number == 0 || number > SIGNAL_HIGHEST)
		return -EPROTO;
	if (!session->exited)
		kill(-session->command.pid, number);
	return 0;
}

static int take_frame(struct exec_session *session, const struct exec_frame *frame)
{
	uint16_t rows, columns;

	switch (frame->type) {
	case EXEC_INPUT:
		if (frame->length)
			return input_add(session, frame->payload, frame->length);
		input_end(session);
		return 0;
	case EXEC_SIGNAL:
		return signal_command(session, frame);
	case EXEC_WINDOW_SIZE:
		if (exec_read_window(frame, &rows, &columns) < 0)
			return -EPROTO;
		if (session->tty && session->command.output >= 0)
			exec_command_window(&session->command, rows, columns);
		return 0;
	default:
		return -EPROTO;
	}
}

static int take_frames(struct exec_session *session)
{
	struct exec_frame frame;
	int code;

	while ((code = exec_next(&session->receiver, &frame)) > 0) {
		code = take_frame(session, &frame);
		if (code < 0)
			return code;
	}
	return code;
}

/* 0, or a negative errno: the host is gone, or is none. */
static int receive_frames(struct exec_session *session)
{
	ssize_t got = exec_receive(&session->receiver, CONNECTION);

	if (got == -EAGAIN)
		return 0;
	return got > 0 ? take_frames(session) : got ? (int)got : -EPIPE;
}

/* ---- what the command says ---- */

/* As much as there is and goes: false when it has no more to say, now or, once *fd is -1, ever. */
static bool output_read(struct exec_session *session, int *fd, enum exec_type type)
{
	uint8_t data[CHUNK];
	ssize_t got;

	if (*fd < 0 || exec_sender_room(&session->sender) < sizeof(data))
		return *fd >= 0;
	got = read(*fd, data, sizeof(data));
	if (got > 0) {
		exec_send(&session->sender, type, data, (size_t)got);
		return true;
	}
	if (got < 0 && errno == EINTR)
		return true;
	if (got < 0 && errno == EAGAIN)
		return false;
	if (session->command.input == *fd)
		session->command.input = -1; /* a terminal: EIO when nobody has it open any more */
	if (!session->tty) /* closing a terminal would hang up a command that is just about to end */
		close(*fd);
	*fd = -1;
	return false;
}

static void child_ended(struct exec_session *session)
{
	struct signalfd_siginfo info;

	if (read(session->signals, &info, sizeof(info)) < 0 && errno != EAGAIN)
		return;
	if (waitpid(session->command.pid, &session->status, WNOHANG) == session->command.pid)
		session->exited = true;
}

static struct exec_exit exit_of(int status)
{
	return WIFSIGNALED(status)
		       ? (struct exec_exit){.end = EXEC_SIGNALED, .number = (uint8_t)WTERMSIG(status)}
		       : (struct exec_exit){.end = EXEC_EXITED, .number = (uint8_t)WEXITSTATUS(status)};
}

/* ---- the life of one ---- */

/* Waits until something can be done, unless there is more to do anyway: 0, or why the host is lost. */
static int session_wait(struct exec_session *session, bool more)
{
	bool room = exec_sender_room(&session->sender) >= CHUNK;
	struct pollfd wait[] = {
		{.fd = CONNECTION,
		 .events = (short)(POLLIN | POLLRDHUP | (session->sender.used ? POLLOUT : 0))},
		{.fd = session->signals, .events = POLLIN},
		{.fd = room ? session->command.output : -1, .events = POLLIN},
		{.fd = room ? session->command.error : -1, .events = POLLIN},
		{.fd = session->input.used ? session->command.input : -1, .events = POLLOUT},
	};

	if (poll(wait, ARRAY_SIZE(wait), more && room ? 0 : -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (wait[1].revents)
		child_ended(session);
	if (wait[0].revents & (POLLRDHUP | POLLHUP | POLLERR))
		return -EPIPE;
	return wait[0].revents & POLLIN ? receive_frames(session) : 0;
}

/* Until the command has ended and all that it had said by then is said; who has its output still may go on,
 * unheard. 0, or why the host is lost. */
static int session_relay(struct exec_session *session)
{
	int code = take_frames(session); /* those that came with the request */

	for (bool more = true; code == 0 && (more || !session->exited);) {
		code = session_wait(session, more);
		input_write(session);
		more = output_read(session, &session->command.output, EXEC_OUTPUT);
		more |= output_read(session, &session->command.error, EXEC_ERROR);
		if (code == 0)
			code = exec_flush(&session->sender, CONNECTION);
	}
	return code;
}

/* Reads what nobody will see: one that tidies up must not end for saying so. */
static void output_drop(int *fd)
{
	uint8_t data[CHUNK];
	ssize_t got = *fd < 0 ? 1 : read(*fd, data, sizeof(data));

	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	close(*fd);
	*fd = -1;
}

/* Nobody is there to see it: its terminal hangs up, if only as it were, and its input ends; in this order, so
 * that who tidies up for want of input is not told in the middle of it. */
static void command_end(struct exec_session *session)
{
	uint64_t deadline = clock_ms() + HANGUP_MS, now;

	if (session->exited)
		return;
	kill(-session->command.pid, SIGHUP);
	kill(-session->command.pid, SIGCONT); /* one that is stopped shall hear it too */
	input_close(session);
	if (session->tty) {
		cleanup_close(&session->command.output);
		session->command.output = -1;
	}
	while (!session->exited && (now = clock_ms()) < deadline) {
		struct pollfd wait[] = {
			{.fd = session->signals, .events = POLLIN},
			{.fd = session->command.output, .events = POLLIN},
			{.fd = session->command.error, .events = POLLIN},
		};

		poll(wait, ARRAY_SIZE(wait), (int)(deadline - now));
		output_drop(&session->command.output);
		output_drop(&session->command.error);
		child_ended(session);
	}
	kill(-session->command.pid, SIGKILL);
	if (!session->exited)
		waitpid(session->command.pid, NULL, 0);
}

/* However long the host takes to read it; then it closes the connection. */
static void farewell(struct exec_session *session, const struct exec_exit *end)
{
	bool told = false;
	uint8_t ignored[512];
	ssize_t got = 1;

	while (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) {
		struct pollfd wait = {.fd = CONNECTION, .events = POLLIN | POLLRDHUP};

		told = told || exec_send_exit(&session->sender, end) == 0;
		if (exec_flush(&session->sender, CONNECTION) < 0)
			return;
		if (!told || session->sender.used)
			wait.events |= POLLOUT;
		else
			shutdown(CONNECTION, SHUT_WR);
		poll(&wait, 1, -1);
		got = recv(CONNECTION, ignored, sizeof(ignored), MSG_DONTWAIT);
	}
}

static int session_run(struct exec_session *session, const struct exec_request *request)
{
	struct exec_exit end;
	int code = exec_command_start(request, &session->command, &end);

	session->tty = request->tty;
	if (code == 0) {
		code = session_relay(session);
		if (code < 0) {
			command_end(session);
			return EXIT_FAILURE;
		}
		end = exit_of(session->status);
	}
	farewell(session, &end);
	return EXIT_SUCCESS;
}

/* ---- who is there, and what for ---- */

static bool peer_is_host(void)
{
	struct sockaddr_storage address = {0};
	const struct sockaddr_vm *vsock = (const struct sockaddr_vm *)&address;
	socklen_t length = sizeof(address);
	struct ucred user;

	if (getpeername(CONNECTION, (struct sockaddr *)&address, &length))
		return false;
	if (address.ss_family == AF_VSOCK)
		return vsock->svm_cid == VMADDR_CID_HOST;
	length = sizeof(user);
	return address.ss_family == AF_UNIX &&
	       !getsockopt(CONNECTION, SOL_SOCKET, SO_PEERCRED, &user, &length) && user.uid == geteuid();
}

static int request_wait(struct exec_receiver *receiver, struct exec_request *request)
{
	uint64_t deadline = clock_ms() + REQUEST_MS, now;
	struct pollfd wait = {.fd = CONNECTION, .events = POLLIN};
	struct exec_frame frame;
	int code = 0;

	while (code == 0 && (now = clock_ms()) < deadline) {
		ssize_t got = 0;

		if (poll(&wait, 1, (int)(deadline - now)) > 0)
			got = exec_receive(receiver, CONNECTION);
		if (wait.revents && got <= 0 && got != -EAGAIN)
			return got ? (int)got : -EPIPE;
		code = exec_next(receiver, &frame);
	}
	if (code > 0)
		return frame.type == EXEC_REQUEST ? exec_request_parse(&frame, request) : -EPROTO;
	return code < 0 ? code : -ETIMEDOUT;
}

static int signals_open(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int refuse(struct exec_session *session, int code)
{
	struct exec_exit end = {.end = EXEC_FAILED, .number = EXEC_NOT_RUNNABLE};

	snprintf(end.text, sizeof(end.text), "the guest's helper does not understand the request: %s",
		 strerror(-code));
	fprintf(stderr, "%s: %s\n", EXEC_HELPER_NAME, end.text);
	farewell(session, &end);
	return EXIT_FAILURE;
}

int exec_helper_main(int argc, char **argv)
{
	const char *count = getenv("LISTEN_FDS");
	AUTO_FREE struct exec_session *session = calloc(1, sizeof(*session));
	struct exec_request request = {0};
	int code, status;

	(void)argc;
	(void)argv;
	if (!session || !count || strcmp(count, "1") != 0 || !peer_is_host()) {
		fprintf(stderr, "%s: serves the host only, for rastos-exec.socket\n", EXEC_HELPER_NAME);
		return EXIT_FAILURE;
	}
	fcntl(CONNECTION, F_SETFD, FD_CLOEXEC);
	session->signals = signals_open();
	code = request_wait(&session->receiver, &request);
	status = code < 0 ? refuse(session, code) : session_run(session, &request);
	exec_request_free(&request);
	return status;
}
