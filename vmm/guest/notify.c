#include "vmm/guest/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"

struct notify_peer {
	struct notify *notify; /* NULL: this place is free */
	struct loop_source source;
	size_t used;
	char text[NOTIFY_MESSAGE_MAX + 1];
};

struct notify {
	struct loop *loop;
	void (*told)(void *owner, const char *key, const char *value);
	void *owner;
	struct notify_peer peers[NOTIFY_PEERS_MAX];
};

static void peer_close(struct notify_peer *peer)
{
	loop_remove(peer->notify->loop, &peer->source);
	close(peer->source.fd);
	peer->notify = NULL;
}

static void peer_tell(struct notify_peer *peer)
{
	struct notify *notify = peer->notify;
	char *rest = peer->text;
	char *line;

	peer->text[peer->used] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		notify->told(notify->owner, line, value);
	}
}

static void peer_ready(struct loop_source *source, uint32_t events)
{
	struct notify_peer *peer = CONTAINER_OF(source, struct notify_peer, source);
	ssize_t got;

	(void)events;
	do {
		got = read(source->fd, peer->text + peer->used, NOTIFY_MESSAGE_MAX - peer->used);
		if (got > 0)
			peer->used += (size_t)got;
	} while (got > 0 && peer->used < NOTIFY_MESSAGE_MAX);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == 0 && peer->used < NOTIFY_MESSAGE_MAX)
		peer_tell(peer);
	peer_close(peer); /* told, broken or too long */
}

struct notify *notify_create(struct loop *loop, void (*told)(void *owner, const char *key, const char *value),
			     void *owner)
{
	struct notify *notify = calloc(1, sizeof(*notify));

	if (!notify)
		return NULL;
	notify->loop = loop;
	notify->told = told;
	notify->owner = owner;
	return notify;
}

void notify_destroy(struct notify *notify)
{
	if (!notify)
		return;
	for (unsigned i = 0; i < NOTIFY_PEERS_MAX; i++) {
		if (notify->peers[i].notify)
			peer_close(&notify->peers[i]);
	}
	free(notify);
}

int notify_connect(struct notify *notify)
{
	struct notify_peer *peer = NULL;
	int ends[2];
	int code;

	for (unsigned i = 0; i < NOTIFY_PEERS_MAX && !peer; i++) {
		if (!notify->peers[i].notify)
			peer = &notify->peers[i];
	}
	if (!peer)
		return -EBUSY;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -errno;
	*peer = (struct notify_peer){
		.notify = notify,
		.source = {.fd = ends[0], .events = EPOLLIN, .ready = peer_ready},
	};
	code = loop_add(notify->loop, &peer->source);
	if (code < 0) {
		peer->notify = NULL;
		close(ends[0]);
		close(ends[1]);
		return code;
	}
	return ends[1];
}
