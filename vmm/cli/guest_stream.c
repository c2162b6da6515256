#include "vmm/cli/guest_stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "vmm/cli/client.h"

#define ANSWER_MS 8000 /* sooner than the device gives the guest up */
#define LINE_SIZE 32   /* "OK 4294967295\n" */

/* The device's line, byte by byte: what follows is the guest's. 0, -EPIPE: it hung up, -ETIMEDOUT, -EPROTO.
 */
static int read_ok(int fd)
{
	int64_t deadline = (int64_t)monotonic_ms() + ANSWER_MS, left;
	char line[LINE_SIZE];
	size_t used = 0;

	while (used < sizeof(line)) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		ssize_t got;

		left = deadline - (int64_t)monotonic_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&wait, 1, (int)left) <= 0)
			continue;
		got = read(fd, line + used, 1);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return -EPIPE;
		if (line[used++] == '\n')
			return strncmp(line, "OK ", 3) == 0 ? 0 : -EPROTO;
	}
	return -EPROTO;
}

static enum exit_code connection_failed(const char *guest, int code, struct error *err)
{
	switch (code) {
	case -ETIMEDOUT:
		error_set(err, code, "guest %s: does not answer: is it up, and has its kernel vsock?", guest);
		return EXIT_TIMED_OUT;
	case -EPIPE:
		error_set(err, code,
			  "guest %s: does not let the host run commands; in it, `rinitctl enable --now "
			  "rastos-exec.socket` does",
			  guest);
		return EXIT_REFUSED;
	default:
		error_set(err, code, "guest %s: the manager answers in an unknown way", guest);
		return EXIT_FAILED;
	}
}

enum exit_code guest_stream_open(const struct cli *cli, const char *guest, int *fd, struct error *err)
{
	struct client client;
	enum exit_code code = EXIT_FAILED;
	cJSON *request;
	int result;

	*fd = -1;
	if (client_connect(cli, &client, err) == 0) {
		request = client_request_new(&client, "vsock-connect");
		cJSON_AddStringToObject(request, "guest", guest);
		cJSON_AddNumberToObject(request, "port", EXEC_PORT);
		code = client_call(&client, request, 0, NULL, NULL, err);
	}
	result = code == EXIT_DONE ? read_ok(client.fd) : 0;
	if (result < 0)
		code = connection_failed(guest, result, err);
	if (code == EXIT_DONE)
		*fd = TAKE_FD(client.fd);
	client_close(&client);
	return code;
}

int guest_command_status(const char *guest, int code, const struct exec_exit *end, const struct error *err)
{
	if (code == 0 && end->end == EXEC_FAILED)
		cli_fail(EXIT_FAILED, "guest %s: %s", guest, end->text);
	if (code == 0 || code == -EINTR)
		return exec_exit_status(end);
	if (code == -EPIPE)
		return GUEST_OUTPUT_CLOSED; /* and that is no news */
	cli_fail(EXIT_FAILED, "guest %s: %s", guest, err->text);
	return code == -E2BIG || code == -EINVAL ? EXIT_USAGE : EXIT_LOST;
}
