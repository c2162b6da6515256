/* The host's end of exec, whose guest sends the input: it always ends, with an exit status or one sentence,
 * and what it has printed is no more than the guest sent. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/exec/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t passed_bytes;

static void passed(void *owner, size_t bytes)
{
	(void)owner;
	passed_bytes += bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char word[] = "true", kept[64] = "";
	char *words[] = {word, NULL}, *none[] = {NULL};
	struct exec_request request = {.user = "", .folder = "", .words = words, .variables = none};
	struct exec_session_config config = {
		.request = &request, .input = -1, .terminal = -1, .passed = passed};
	struct exec_exit end = {0};
	struct error err = {0};
	int ends[2], code;

	if (size > 100000 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return 0;
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &(int){1 << 20}, sizeof(int));
	if (send(ends[1], data, size, MSG_DONTWAIT) != (ssize_t)size && size)
		abort();
	shutdown(ends[1], SHUT_WR);
	passed_bytes = 0;
	config.connection = ends[0];
	config.output = open("/dev/null", O_WRONLY);
	config.error = size % 2 ? config.output : -1;
	config.kept = kept;
	config.kept_size = sizeof(kept);
	code = exec_session_run(&config, &end, &err);
	if ((code < 0) != (err.text[0] != '\0') || passed_bytes > size || strlen(kept) >= sizeof(kept))
		abort();
	close(config.output);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
