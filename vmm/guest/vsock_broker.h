/*
 * A jailed guest process cannot connect to a unix socket of the host by path; the manager does it for it.
 * Between them is a socket pair (SOCK_SEQPACKET):
 *
 *      guest   -> manager   number of the request, vsock port         (two native 32-bit words)
 *      manager -> guest     number of the request, errno or 0         with the connected socket (SCM_RIGHTS)
 * when 0
 *
 * The manager connects to PATH_PORT, of the vsock path of that guest's own definition, and to nothing else. A
 * guest process is not trusted: one that does not take its answers gets no more of them, and no descriptor
 * waits in the socket but one.
 */
#pragma once

#include <stdint.h>

#define VSOCK_BROKER_MS 1000 /* how long the guest's side waits for an answer */

/* The unix socket "PATH_PORT": a connected non-blocking stream socket, or a negative errno. path NULL:
 * -ECONNREFUSED. Never blocks. */
int vsock_broker_connect(const char *path, uint32_t port);

/* The guest's side, on its loop: asks the manager at the other end of fd for a connection to the port. A
 * connected socket or a negative errno; -ECONNREFUSED when nobody answers. */
int vsock_broker_ask(int fd, uint32_t *number, uint32_t port);

/* The manager's side: takes one request that is there and answers it. -EAGAIN: there is none; -EPIPE: the
 * guest process is gone. */
int vsock_broker_answer(int fd, const char *path);
