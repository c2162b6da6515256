/* What joins a client to a guest: its console, its channels, its vsock ports. */
#include <errno.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/manager/request.h"

static void op_console(struct call *call, const struct request *request)
{
	int fd = call->peer->stream(call);
	struct error err = {0};
	struct json_place place = request->place;
	AUTO_FREE char *channel = NULL;
	int code;

	place.err = &err;
	code = json_string(&place, "channel", &channel);
	if (code == 0)
		code = guest_console(request->guest, channel, -1, &err);
	if (code == 0 && fd == -1)
		code = error_set(&err, -EBUSY,
				 "a console cannot be opened over the virtio port: use the serial line");
	if (code < 0) {
		refuse_request(call, code, &err);
		return;
	}
	call->peer->done(call, NULL);
	if (fd == CALL_STREAM_LATER)
		return;
	if (guest_console(request->guest, channel, fd, &err) < 0)
		log_warning("%s", err.text);
	call->peer->handed_over(call);
}

static void op_console_resize(struct call *call, const struct request *request)
{
	uint64_t columns = 0, rows = 0;
	struct error err = {0};
	struct json_place place = request->place;
	int code;

	place.err = &err;
	code = json_uint(&place, "columns", 1, UINT16_MAX, &columns);
	if (code == 0)
		code = json_uint(&place, "rows", 1, UINT16_MAX, &rows);
	if (code == 0 && (!columns || !rows))
		code = json_error(&place, columns ? "rows" : "columns", "is missing: how many?");
	if (code == 0)
		code = guest_resize_console(request->guest, (unsigned)columns, (unsigned)rows, &err);
	refuse_request(call, code, &err);
}

static void op_vsock_connect(struct call *call, const struct request *request)
{
	uint32_t port = (uint32_t)request->port;
	int fd = call->peer->stream(call);
	struct error err = {0};
	int code = guest_vsock(request->guest, port, -1, &err);

	if (request->port == PORT_MISSING) {
		call->peer->failed(call, EXIT_USAGE, "request: port is missing: to which one?", NULL);
		return;
	}
	if (code == 0 && fd == -1)
		code = error_set(
			&err, -EBUSY,
			"a guest cannot be connected to over the virtio port: use the manager's socket");
	if (code < 0) {
		answer(call, code, &err);
		return;
	}
	call->peer->done(call, NULL);
	if (fd == CALL_STREAM_LATER)
		return;
	if (guest_vsock(request->guest, port, fd, &err) < 0)
		log_warning("%s", err.text);
	call->peer->handed_over(call);
}

const struct operation stream_operations[] = {
	{"console", .on_guest = true, .members = {"channel"}, .run = op_console},
	{"console-resize", .on_guest = true, .members = {"columns", "rows"}, .run = op_console_resize},
	{"vsock-connect", .on_guest = true, .members = {"port"}, .run = op_vsock_connect},
	{0},
};
