#include "vmm/api/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/util.h"

#define ROUNDS_MAX 8 /* then it is others' turn in the loop */
#define LINGER_NS  (RELAY_LINGER_S * 1000000000ULL)

/* One way: what `from` sent and `to` has not taken. */
struct way {
	bool ended;  /* `from` sends no more */
	bool passed; /* and `to` knows, or does not care any more */
	size_t begin, end;
	char buffer[RELAY_BUFFER];
};

struct side {
	struct loop_source source;
	bool gone; /* for good, and not watched any more: that would be told over and over */
};

struct relay {
	struct loop *loop;
	struct side sides[2];
	struct way ways[2]; /* from this side to the other */
	bool keeps_end;     /* the first side's end is not passed on */
	bool lingers;       /* the timer is open */
	struct loop_timer linger;
	void (*over)(void *owner);
	void *owner;
};

static void way_stop(struct way *way)
{
	way->ended = way->passed = true;
	way->begin = way->end = 0;
}

/* False: there was nothing. */
static bool way_read(struct relay *relay, unsigned from)
{
	struct way *way = &relay->ways[from];
	ssize_t got;

	if (way->ended || way->end > way->begin)
		return false;
	got = recv(relay->sides[from].source.fd, way->buffer, sizeof(way->buffer), MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	way->ended = got <= 0;
	way->begin = 0;
	way->end = got > 0 ? (size_t)got : 0;
	return true;
}

static void way_write(struct relay *relay, unsigned from)
{
	struct way *way = &relay->ways[from];
	int to = relay->sides[!from].source.fd;

	if (way->end > way->begin) {
		ssize_t sent = send(to, way->buffer + way->begin, way->end - way->begin,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			way_stop(way);
		else if (sent > 0)
			way->begin += (size_t)sent;
	}
	if (way->ended && way->begin == way->end && !way->passed) {
		way->passed = true;
		if (from != 0 || !relay->keeps_end)
			shutdown(to, SHUT_WR);
	}
}

static bool carry_some(struct relay *relay)
{
	bool moved = false;

	for (unsigned side = 0; side < 2; side++) {
		moved = way_read(relay, side) || moved;
		way_write(relay, side);
	}
	return moved;
}

/* What each side is waited for: to send while its buffer is empty, to take while the other's is not. */
static void watch(struct relay *relay)
{
	for (unsigned side = 0; side < 2; side++) {
		const struct way *out = &relay->ways[side], *in = &relay->ways[!side];
		uint32_t events = 0;

		if (!out->ended && out->begin == out->end)
			events |= EPOLLIN;
		if (in->begin < in->end)
			events |= EPOLLOUT;
		if (!relay->sides[side].gone)
			loop_modify(relay->loop, &relay->sides[side].source, events);
	}
}

static void time_is_up(struct loop_timer *timer)
{
	struct relay *relay = CONTAINER_OF(timer, struct relay, linger);

	relay->over(relay->owner);
}

/* Whoever is left need not take what somebody said who is gone: it is not kept for ever. Each time that he
 * takes something he has the time anew. */
static void limit(struct relay *relay)
{
	if ((!relay->sides[0].gone || relay->ways[0].passed) &&
	    (!relay->sides[1].gone || relay->ways[1].passed))
		return;
	if (!relay->lingers)
		relay->lingers = loop_timer_init(relay->loop, &relay->linger, time_is_up) == 0;
	if (relay->lingers)
		loop_timer_set(&relay->linger, LINGER_NS, 0);
	else
		relay->ways[0].passed = relay->ways[1].passed = true;
}

static void side_ready(struct relay *relay, unsigned side, uint32_t events)
{
	if (events & (EPOLLHUP | EPOLLERR)) {
		relay->sides[side].gone = true;
		loop_remove(relay->loop, &relay->sides[side].source);
		way_stop(&relay->ways[!side]);
	}
	/* What somebody who is gone still had to say is not more than his socket holds. */
	for (unsigned round = 0;
	     carry_some(relay) && (round < ROUNDS_MAX || relay->sides[0].gone || relay->sides[1].gone);
	     round++)
		;
	limit(relay);
	if (relay->ways[0].passed && relay->ways[1].passed)
		relay->over(relay->owner);
	else
		watch(relay);
}

static void first_ready(struct loop_source *source, uint32_t events)
{
	side_ready(CONTAINER_OF(source, struct relay, sides[0].source), 0, events);
}

static void second_ready(struct loop_source *source, uint32_t events)
{
	side_ready(CONTAINER_OF(source, struct relay, sides[1].source), 1, events);
}

struct relay *relay_open(struct loop *loop, int a, int b, const char *first, size_t first_len,
			 void (*over)(void *owner), void *owner)
{
	struct relay *relay = first_len > RELAY_BUFFER ? NULL : calloc(1, sizeof(*relay));

	if (!relay)
		return NULL;
	relay->loop = loop;
	relay->over = over;
	relay->owner = owner;
	if (first_len)
		memcpy(relay->ways[0].buffer, first, first_len);
	relay->ways[0].end = first_len;
	relay->sides[0].source = (struct loop_source){.fd = a, .events = EPOLLIN, .ready = first_ready};
	relay->sides[1].source =
		(struct loop_source){.fd = b, .events = EPOLLIN | EPOLLOUT, .ready = second_ready};
	if (loop_add(loop, &relay->sides[0].source) < 0) {
		free(relay);
		return NULL;
	}
	if (loop_add(loop, &relay->sides[1].source) < 0) {
		loop_remove(loop, &relay->sides[0].source);
		free(relay);
		return NULL;
	}
	return relay;
}

void relay_keep_end(struct relay *relay)
{
	relay->keeps_end = true;
}

void relay_close(struct relay *relay)
{
	if (!relay)
		return;
	if (relay->lingers)
		loop_timer_close(relay->loop, &relay->linger);
	for (unsigned side = 0; side < 2; side++) {
		if (!relay->sides[side].gone)
			loop_remove(relay->loop, &relay->sides[side].source);
	}
	free(relay);
}
