#include "vmm/api/half_closed.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/api/relay.h"

#define PROBE_S 5
#define PROBES  3

struct half_closed {
	struct api *api;
	struct half_closed *next;
	int client;
	int pair; /* our end of it */
	struct relay *relay;
};

/* Over TCP somebody who is gone for good has sent a FIN as well. A probe tells: his kernel answers it with
 * RST, at the latest a minute after he went (tcp(7), tcp_fin_timeout). Other sockets refuse these options. */
static void probe(int fd)
{
	const int on = 1, seconds = PROBE_S, count = PROBES;

	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void half_closed_free(struct half_closed *self)
{
	struct half_closed **place = &self->api->half_closed;

	while (*place != self)
		place = &(*place)->next;
	*place = self->next;
	self->api->half_closed_count--;
	relay_close(self->relay);
	close(self->client);
	close(self->pair);
	free(self);
}

static void relay_over(void *owner)
{
	half_closed_free(owner);
}

static int make_pair(const struct api_connection *connection, struct half_closed *self, int *theirs)
{
	int ends[2];

	self->client = fcntl(connection->fd, F_DUPFD_CLOEXEC, 0);
	if (self->client < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -errno;
	self->pair = ends[0];
	*theirs = ends[1];
	return 0;
}

int half_closed_begin(struct api_connection *connection)
{
	struct api *api = connection->api;
	struct half_closed *self =
		api->half_closed_count < API_HALF_CLOSED_MAX ? calloc(1, sizeof(*self)) : NULL;
	AUTO_CLOSE int theirs = -1;
	int code;

	if (!self)
		return -EBUSY;
	*self = (struct half_closed){.api = api, .next = api->half_closed, .client = -1, .pair = -1};
	code = make_pair(connection, self, &theirs);
	if (code == 0) {
		self->relay = relay_open(api->loop, self->client, self->pair, NULL, 0, relay_over, self);
		code = self->relay ? 0 : -ENOMEM;
	}
	if (code == 0 && dup3(theirs, connection->fd, O_CLOEXEC) < 0)
		code = -errno;
	if (code < 0) {
		relay_close(self->relay);
		cleanup_close(&self->client);
		cleanup_close(&self->pair);
		free(self);
		return code;
	}
	relay_keep_end(self->relay);
	probe(self->client);
	api->half_closed = self;
	api->half_closed_count++;
	return 0;
}

void half_closed_end_all(struct api *api)
{
	while (api->half_closed)
		half_closed_free(api->half_closed);
}
