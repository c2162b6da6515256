/*
 * The JSON API: HTTP/1.1 in front of the manager's operations (vmm/manager/operations.h), as control.h is in
 * front of them for the command line. docs/openapi.json says what can be asked; docs/api.md is made of it.
 *
 *      listener.c   the sockets: a unix socket, and TCP where vmm.json says so
 *      peers.c      who is there, how many connections and requests of each
 *      access.c     what a peer may: its role, by its groups, token (tokens.c) or certificate
 *      server.c     libmicrohttpd (library.c) in the manager's loop, connections and their time limits
 *      route.c      the table of what can be asked (routes.c); path.c takes targets apart
 *      exchange.c   one request, from its first line to its answer
 *      admit.c      whether it is let in
 *      operate.c    its struct call
 *      reply.c      its answer; problem.c when that is no
 *      guests.c     definitions: versions (etag.c), merge patches, XML (guest_xml.c)
 *      resources.c  what else is not just an operation; page.c long lists
 *      follow.c     the stream of events
 *      stream.c     connections that become a console's or a vsock connection's bytes; relay.c carries them
 *      documents.c  /openapi.json and the schemas
 *
 * HTTP itself (RFC 9110, 9112) is libmicrohttpd's. One thread, the manager's: no handler blocks, and no
 * client holds up another: what a client may take of memory, connections, requests and time is bounded
 * (server.h).
 */
#pragma once

#include "common/error.h"
#include "vmm/manager/operations.h"

struct api;

/* Listens where the settings say. operations are the manager's, and stay. */
int api_open(struct operations *operations, struct api **api, struct error *err);
/* Takes no new clients any more; those that are there are still answered. NULL is allowed here and below. */
void api_deafen(struct api *api);
void api_close(struct api *api);
