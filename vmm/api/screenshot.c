#include "vmm/api/screenshot.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/api/exchange.h"

#define BLOCK    16384
#define BYTES    (8192ULL * 8192 * 3 + 64) /* of the largest picture */
#define TIME_NS  (30 * 1000000000ULL)
#define PPM_TYPE "image/x-portable-pixmap"

struct picture {
	struct exchange *exchange;
	struct loop_source ours; /* watched while the exchange waits for bytes */
	bool watched;
	int theirs; /* -1: the guest's process has it */
	struct loop_timer timer;
	uint64_t bytes; /* so far */
};

static struct loop *loop_of(const struct picture *picture)
{
	return picture->exchange->connection->api->loop;
}

static void unwatch(struct picture *picture)
{
	if (picture->watched)
		loop_remove(loop_of(picture), &picture->ours);
	picture->watched = false;
}

static bool watch(struct picture *picture)
{
	picture->watched = loop_add(loop_of(picture), &picture->ours) == 0;
	return picture->watched;
}

/* libmicrohttpd can send something. */
static ssize_t read_some(void *owner, uint64_t position, char *buffer, size_t size)
{
	struct picture *picture = owner;
	ssize_t got;

	(void)position;
	if (picture->exchange->gone)
		return MHD_CONTENT_READER_END_OF_STREAM; /* as in follow.c */
	got = recv(picture->ours.fd, buffer, MIN(size, BYTES - picture->bytes), MSG_DONTWAIT);
	if (got > 0) {
		picture->bytes += (uint64_t)got;
		return got;
	}
	if (got == 0 || (errno != EAGAIN && errno != EINTR) || !watch(picture))
		return MHD_CONTENT_READER_END_OF_STREAM;
	exchange_suspend(picture->exchange);
	return 0;
}

static void answer_picture(struct exchange *exchange)
{
	exchange->status = MHD_HTTP_OK;
	exchange->response = exchange->http->MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK, read_some, exchange->screenshot, NULL);
	exchange->gone = !exchange->response;
	reply_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE, PPM_TYPE);
	reply_header(exchange, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
}

/* The first bytes, or more of them. */
static void ours_ready(struct loop_source *source, uint32_t events)
{
	struct picture *picture = CONTAINER_OF(source, struct picture, ours);
	struct exchange *exchange = picture->exchange;
	char first;

	(void)events;
	unwatch(picture);
	if (picture->bytes > 0 || exchange->response) {
		exchange_resume(exchange);
	} else if (recv(source->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
		answer_picture(exchange);
		exchange_resume(exchange);
	} else {
		reply_refusal(exchange, MHD_HTTP_CONFLICT,
			      "guest %s: its display is dark, or somebody else takes a picture of it",
			      route_variable(exchange->route, &exchange->path, "guest"));
	}
}

static void time_is_up(struct loop_timer *timer)
{
	struct exchange *exchange = CONTAINER_OF(timer, struct picture, timer)->exchange;

	unwatch(exchange->screenshot);
	exchange->gone = true; /* whether its client is slow, or who draws it */
	if (exchange->suspended)
		exchange_resume(exchange);
}

/* The operation does it. */
static void finish(struct exchange *exchange, cJSON *result)
{
	cJSON_Delete(result);
	if (!watch(exchange->screenshot))
		reply_refusal(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
}

int screenshot_socket(struct exchange *exchange)
{
	return exchange->screenshot->theirs;
}

void screenshot_over(struct exchange *exchange)
{
	close(TAKE_FD(exchange->screenshot->theirs));
}

static struct picture *picture_make(struct exchange *exchange)
{
	struct picture *picture = calloc(1, sizeof(*picture));
	int ends[2];

	if (!picture)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) {
		free(picture);
		return NULL;
	}
	*picture = (struct picture){
		.exchange = exchange,
		.ours = {.fd = ends[0], .events = EPOLLIN, .ready = ours_ready},
		.theirs = ends[1],
	};
	if (loop_timer_init(exchange->connection->api->loop, &picture->timer, time_is_up) == 0) {
		loop_timer_set(&picture->timer, TIME_NS, 0);
		return picture;
	}
	close(ends[0]);
	close(ends[1]);
	free(picture);
	return NULL;
}

void screenshot_start(struct exchange *exchange)
{
	if (exchange_check_query(exchange) < 0)
		return;
	exchange->screenshot = picture_make(exchange);
	if (!exchange->screenshot) {
		reply_refusal(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
		return;
	}
	exchange->finish = finish;
	exchange_call(exchange, exchange_members(exchange));
}

void screenshot_close(struct exchange *exchange)
{
	struct picture *picture = TAKE_PTR(exchange->screenshot);

	if (!picture)
		return;
	unwatch(picture);
	loop_timer_close(exchange->connection->api->loop, &picture->timer);
	close(picture->ours.fd);
	cleanup_close(&picture->theirs);
	free(picture);
}
