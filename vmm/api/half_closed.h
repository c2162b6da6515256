/*
 * Clients that have said all and wait for the answer, with their half of the connection closed (shutdown(2),
 * SHUT_WR). RFC 9112, 9.6, knows them; libmicrohttpd 0.9.75 does not: a connection that was suspended is read
 * from when it is resumed, and its end closes it, the answer unsaid.
 *
 * libmicrohttpd therefore gets one end of a socket pair in the client's place, under the same number, and
 * does not hear that no more comes; we carry between the other and the client (relay.h). When the client is
 * gone for good, so is the pair. Not with TLS, whose end is libgnutls's to see. Loop thread only.
 */
#pragma once

#include "vmm/api/server.h"

#define API_HALF_CLOSED_MAX 64

/* The connection is suspended, and its client says no more. -EBUSY: there are too many; or another errno.
 * Then it is as it was. */
int half_closed_begin(struct api_connection *connection);
/* All of them; libmicrohttpd has stopped. */
void half_closed_end_all(struct api *api);
