/* A command in a guest whose output is kept, and whose guest sends the input: it ends, or waits for more, and
 * keeps no more than the guest sent. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/exec/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned ends_told;

static void ended(void *owner, int code, const struct exec_exit *end)
{
	(void)code;
	(void)end;
	ends_told++;
	loop_stop(owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char word[] = "true";
	char *words[] = {word, NULL}, *none[] = {NULL};
	struct exec_request request = {
		.user = "", .folder = "", .words = words, .variables = none, .input = size % 2};
	struct capture_output output, error;
	struct capture *capture;
	struct error err;
	struct loop loop;
	int pair[2];

	if (size > 100000)
		return 0;
	if (loop_init(&loop) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		abort();
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &(int){1 << 20}, sizeof(int));
	if (size && send(pair[1], data, size, MSG_DONTWAIT) != (ssize_t)size)
		abort();
	shutdown(pair[1], SHUT_WR);
	if (capture_begin(&(struct capture_config){.loop = &loop,
						   .connection = pair[0],
						   .request = &request,
						   .input = "some input",
						   .input_length = 10,
						   .ended = ended,
						   .owner = &loop},
			  &capture, &err) < 0)
		abort();
	ends_told = 0;
	while (!ends_told)
		loop_step(&loop, -1);
	capture_output(capture, &output, &error);
	if (ends_told != 1 || output.length + error.length > size)
		abort();
	capture_close(capture);
	loop_close(&loop);
	close(pair[1]);
	return 0;
}
