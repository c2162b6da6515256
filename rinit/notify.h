/*
 * sd_notify(3), both ways: services tell rinit (a datagram socket), rinit tells whoever started this system:
 * the host over AF_VSOCK, one connection a message, or $NOTIFY_SOCKET's owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rinit/loop.h"

#define NOTIFY_SOCKET_PATH "/run/rinit/notify"

/* Is the assignment one of the text's lines? */
bool notify_has(const char *text, const char *assignment);
/* Copies the value of a line KEY=value, cut to size; leaves value alone and returns false when there is none.
 */
bool notify_value(const char *text, const char *key, char *value, size_t size);

/* ---- from services ---- */

struct manager;
struct notify_socket {
	struct loop_source source;
	struct manager *manager;
};

int notify_listen(struct notify_socket *notify, struct loop *loop, struct manager *manager);

/* ---- to the host ---- */

#define NOTIFY_MESSAGE_MAX 256

struct notify_address {
	struct sockaddr_storage address;
	socklen_t length; /* 0: nobody wants to know */
};

/* "vsock:CID:PORT", "/path" or "@abstract"; 0 or -EINVAL */
int notify_address_parse(const char *text, struct notify_address *address);

struct notify_host {
	struct loop *loop;
	struct notify_address address;
	struct loop_source source; /* the connection in progress, fd -1 when there is none */
	struct loop_timer retry;
	uint64_t deadline_ms;
	char message[NOTIFY_MESSAGE_MAX];
};

void notify_host_init(struct notify_host *host, struct loop *loop, const struct notify_address *address);
/* Sends as soon as it can, and tries again for a few seconds while the vsock driver is being loaded. */
void notify_host_send(struct notify_host *host, const char *message);
/* Runs the loop until the message is on its way, at most so long. */
void notify_host_flush(struct notify_host *host, uint64_t timeout_ms);
