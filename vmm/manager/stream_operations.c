/* What joins a client to a guest: its console, its channels, its vsock ports, its display and keyboard. */
#include <errno.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/guest/process.h"
#include "vmm/manager/key_names.h"
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

static void op_screenshot(struct call *call, const struct request *request)
{
	int fd = call->peer->stream(call);
	struct error err = {0};
	int code = guest_screenshot(request->guest, -1, &err);

	if (code == 0 && fd == -1)
		code = error_set(&err, -EBUSY, "a picture cannot be had over the virtio port");
	if (code < 0) {
		answer(call, code, &err);
		return;
	}
	call->peer->done(call, NULL);
	if (guest_screenshot(request->guest, fd, &err) < 0)
		log_warning("%s", err.text);
	call->peer->handed_over(call);
}

#define HOLD_MS     100
#define HOLD_MS_MAX 10000

static int read_keys(const struct json_place *place, uint16_t keys[PROCESS_KEYS_MAX], unsigned *count)
{
	const cJSON *array, *item;
	int code = json_array(place, "keys", PROCESS_KEYS_MAX, &array, count);
	unsigned i = 0;

	if (code < 0)
		return code;
	if (!*count)
		return json_error(place, "keys", "is missing: which ones, as [\"KEY_LEFTCTRL\", \"KEY_C\"]?");
	cJSON_ArrayForEach(item, array)
	{
		keys[i] = cJSON_IsString(item) ? key_by_name(item->valuestring) : 0;
		if (!keys[i++])
			return json_error(place, "keys",
					  "must be names as KEY_LEFTCTRL, or numbers of evdev as text; \"%.32s\" "
					  "is none",
					  cJSON_IsString(item) ? item->valuestring : "");
	}
	return 0;
}

static void op_send_key(struct call *call, const struct request *request)
{
	uint16_t keys[PROCESS_KEYS_MAX];
	uint64_t hold_ms = HOLD_MS;
	struct error err = {0};
	struct json_place place = request->place;
	unsigned count;
	int code;

	place.err = &err;
	code = read_keys(&place, keys, &count);
	if (code == 0)
		code = json_uint(&place, "hold_ms", 0, HOLD_MS_MAX, &hold_ms);
	if (code == 0)
		code = guest_send_key(request->guest, keys, count, (unsigned)hold_ms, &err);
	refuse_request(call, code, &err);
}

const struct operation stream_operations[] = {
	{"console", .on_guest = true, .members = {"channel"}, .run = op_console},
	{"console-resize", .on_guest = true, .members = {"columns", "rows"}, .run = op_console_resize},
	{"screenshot", .on_guest = true, .run = op_screenshot},
	{"send-key", .on_guest = true, .members = {"keys", "hold_ms"}, .run = op_send_key},
	{"vsock-connect", .on_guest = true, .members = {"port"}, .run = op_vsock_connect},
	{0},
};
