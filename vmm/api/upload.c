#include "vmm/api/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/api/exchange.h"
#include "vmm/manager/disk_upload.h"

struct upload {
	struct exchange *exchange;
	uint64_t task;
	struct loop_source room; /* of the task's input, while it is waited for */
	int input;               /* -1: all was sent */
	bool watched;
};

/* --- Its begin --- */

static uint64_t length_of(const struct exchange *exchange)
{
	const char *text = exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text ? strtoull(text, NULL, 10) : 0;
}

static bool check_length(struct exchange *exchange)
{
	const char *text = exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (length_of(exchange))
		return true;
	reply_refusal(exchange, text ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_LENGTH_REQUIRED,
		      text ? "body: is missing" : "Content-Length: must be there: how many bytes come?");
	return false;
}

static bool read_upload(struct exchange *exchange, struct disk_upload *upload)
{
	const char *size = query_get(&exchange->query, "size");

	*upload = (struct disk_upload){
		.disk = route_variable(exchange->route, &exchange->path, "disk"),
		.format = query_get(&exchange->query, "format"),
		.tag = query_get(&exchange->query, "tag"),
		.length = length_of(exchange),
		.size = size ? strtoull(size, NULL, 10) : 0,
	};
	return exchange_check_query(exchange) == 0 && check_length(exchange);
}

static void refuse(struct exchange *exchange, int code, const struct error *err)
{
	unsigned status = code == -EINVAL                                        ? MHD_HTTP_BAD_REQUEST
			  : code == -EEXIST || code == -EBUSY || code == -ENOSPC ? MHD_HTTP_CONFLICT
			  : code == -ENOMEM || code == -EMFILE ? MHD_HTTP_SERVICE_UNAVAILABLE
							       : MHD_HTTP_INTERNAL_SERVER_ERROR;

	reply_problem(exchange, &(struct problem){.status = status,
						  .detail = err->text,
						  .parameter = err->pointer[0] ? err->pointer + 1 : NULL});
}

/* Whoever waits to be told to go on, or has much to send, is told now; others when what they send was thrown
 * away. */
static bool at_once(const struct exchange *exchange)
{
	return length_of(exchange) > API_DISCARDED_MAX || exchange_header(exchange, MHD_HTTP_HEADER_EXPECT);
}

void upload_begin(struct exchange *exchange)
{
	struct manager *manager = exchange->connection->api->manager;
	struct upload *upload = calloc(1, sizeof(*upload));
	struct disk_upload wish;
	struct error err = {0};
	struct task *task;

	if (!upload) {
		reply_refusal(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
	} else if (read_upload(exchange, &wish)) {
		upload->input = disk_upload_begin(manager, &wish, &task, &err);
		if (upload->input < 0)
			refuse(exchange, upload->input, &err);
	}
	if (exchange->response || !upload) {
		exchange->at_once = at_once(exchange);
		free(upload);
		return;
	}
	upload->exchange = exchange;
	upload->task = task->id;
	exchange->upload = upload;
}

/* --- Its bytes --- */

static void forget_room(struct upload *upload)
{
	if (upload->watched)
		loop_remove(upload->exchange->connection->api->loop, &upload->room);
	upload->watched = false;
}

static void room_ready(struct loop_source *source, uint32_t events)
{
	struct upload *upload = CONTAINER_OF(source, struct upload, room);

	(void)events;
	forget_room(upload);
	if (upload->exchange->suspended) /* else its client has hung up just now */
		exchange_resume(upload->exchange);
}

static ssize_t wait_for_room(struct exchange *exchange, size_t taken)
{
	struct upload *upload = exchange->upload;

	upload->room = (struct loop_source){.fd = upload->input, .events = EPOLLOUT, .ready = room_ready};
	if (loop_add(exchange->connection->api->loop, &upload->room) < 0)
		return -EPIPE;
	upload->watched = true;
	connection_allow(exchange->connection, 0); /* the client waits for us */
	exchange_suspend(exchange);
	return (ssize_t)taken;
}

ssize_t upload_take(struct exchange *exchange, const char *data, size_t len)
{
	ssize_t sent = send(exchange->upload->input, data, len, MSG_NOSIGNAL);

	connection_allow(exchange->connection, API_REQUEST_S);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return -EPIPE;
	if (sent == (ssize_t)len)
		return sent;
	return wait_for_room(exchange, sent > 0 ? (size_t)sent : 0);
}

bool upload_goes_on(const struct exchange *exchange)
{
	return exchange->upload && exchange->upload->input >= 0;
}

/* --- Its end --- */

void upload_end(struct exchange *exchange)
{
	struct upload *upload = exchange->upload;
	const struct tasks *tasks = &exchange->connection->api->manager->tasks;
	const struct task *task = tasks_find(tasks, upload->task);

	close(TAKE_FD(upload->input));
	if (!task) {
		reply_refusal(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, "the task is kept no longer");
	} else if (exchange_flag(exchange, "wait")) {
		exchange->finish = reply_created;
		exchange_wait_task(exchange, task);
	} else {
		reply_task(exchange, task_to_json(task));
	}
}

void upload_free(struct upload *upload)
{
	struct tasks *tasks;
	struct task *task;
	struct error err;

	if (!upload)
		return;
	tasks = &upload->exchange->connection->api->manager->tasks;
	task = upload->input < 0 ? NULL : tasks_find(tasks, upload->task);
	forget_room(upload);
	if (task && task->state == TASK_RUNNING)
		task_cancel(tasks, task, &err);
	cleanup_close(&upload->input);
	free(upload);
}
