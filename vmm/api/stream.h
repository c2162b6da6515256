/*
 * Connections that become a console's or a vsock connection's bytes, as `Upgrade: rastos-stream` asks for
 * (RFC 9110, 7.8): first the operation is asked whether it would do it, then the client is told 101, then its
 * socket is handed to the guest's process, which has the stream from then on.
 *
 * Two kinds of connections stay here, and their bytes are carried (relay.h): over TLS, which only we can
 * speak, and of a client that did not wait for the 101. Internal to vmm/api.
 */
#pragma once

struct exchange;
struct stream;

void stream_begin(struct exchange *exchange);      /* the routes of guests' consoles and ports */
void stream_begin_exec(struct exchange *exchange); /* the same for the port where rinit runs commands */

/* --- Called by the operation: operations.h, struct call_peer --- */

int stream_socket(struct exchange *exchange);
void stream_over(struct exchange *exchange);
void stream_free(struct stream *stream); /* NULL is allowed */
