/*
 * The hub between a guest's console and whoever looks at it: the terminal of `run`, the clients of `console`,
 * its log.
 *
 *      device --output--> ring of HUB_RING bytes --> terminal (waits for it)
 *                                                --> clients  (a slow one loses the oldest, and is told)
 *                                                --> log      (console_log.h)
 *      device <--input--- terminal, clients
 *
 * A client that connects first gets what the ring holds, so it sees what led to the present.
 * The terminal waits: when it does not take output, the ring fills, the device sees back-pressure and the
 * guest's driver waits; nothing is lost and no vCPU is blocked.
 *
 * Loop thread only, except chardev_backend's readable.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/loop.h"
#include "devmodel/chardev.h"
#include "vmm/guest/console_log.h"

#define HUB_RING        65536
#define HUB_CLIENTS_MAX 16

struct console_hub;

struct console_hub_config {
	struct loop *loop;
	struct console_log *log;           /* the caller's; NULL: none */
	void (*first_output)(void *owner); /* the first byte came; may be NULL */
	void (*escape)(void *owner);       /* the terminal's user typed Ctrl-]; may be NULL */
	void *owner;
};

struct console_hub *console_hub_create(const struct console_hub_config *config, struct error *err);
void console_hub_destroy(struct console_hub *hub); /* closes all clients; NULL is allowed */

struct chardev_backend *console_hub_backend(struct console_hub *hub);
/* The device to give input to; before this, input waits. */
void console_hub_connect(struct console_hub *hub, struct chardev_frontend *frontend);

/* A client's stream socket, taken over (closed on failure too). */
int console_hub_add_client(struct console_hub *hub, int fd, struct error *err);
/* The process's own terminal or pipes: read from in_fd (-1: none), written to out_fd; both stay the caller's.
 */
int console_hub_add_terminal(struct console_hub *hub, int in_fd, int out_fd, struct error *err);
/* Writes what is left in the ring to the terminal, waiting up to timeout_ms for it. */
void console_hub_flush(struct console_hub *hub, int timeout_ms);
/* The newest bytes of the ring: copies up to len, returns how many. For crash messages. */
size_t console_hub_tail(const struct console_hub *hub, char *into, size_t len);
