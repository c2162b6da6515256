/*
 * libmicrohttpd in the manager's loop: its epoll descriptor is one of the loop's sources, so that it runs
 * when one of its connections is ready, and never blocks. It gets connections from listener.c and gives
 * requests to request.c.
 *
 * What a client may take: API_CONNECTIONS_MAX connections (fewer for who has no role on this host),
 * API_PEER_CONNECTIONS_MAX of one peer (peers.h); the first line and the headers of a request fit API_MEMORY;
 * each stage has its time, however busily its bytes drip. A connection whose time is over is shut down.
 * Internal to vmm/api.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/log.h"
#include "common/loop.h"
#include "vmm/api/access.h"
#include "vmm/api/library.h"
#include "vmm/api/peers.h"
#include "vmm/api/route.h"
#include "vmm/manager/operations.h"

#define API_CONNECTIONS_MAX      1024
#define API_CONNECTIONS_RESERVED 128 /* of them, for users of this host who have a role */
#define API_PEER_CONNECTIONS_MAX 512
#define API_LISTENERS_MAX        5
#define API_TLS_FILES            3
#define API_MEMORY               12288 /* bytes of libmicrohttpd's own for a connection */

/* Seconds for: */
#define API_IDLE_S    60 /* the first line of the next request */
#define API_REQUEST_S 30 /* the rest of it */
#define API_ANSWER_S  60 /* its answer, once that is there */

struct api_daemon {
	struct api *api;
	struct MHD_Daemon *mhd; /* NULL: there is none */
	struct loop_source source;
	struct loop_source again; /* eventfd: server_kick */
};

struct api_listener {
	struct api *api;
	struct loop_source source;
	struct api_daemon *daemon;
	bool local; /* a unix socket */
};

struct api_connection {
	struct api *api;
	struct api_daemon *daemon;
	struct api_connection *next;
	struct api_peer *peer;
	int fd;
	bool local;           /* over a unix socket */
	bool looked_at;       /* its certificate was */
	bool half_closed;     /* half_closed.h: its client says no more */
	enum api_role role;   /* that the connection itself has; ROLE_NONE: a request must show a token */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none */
};

struct api {
	struct http_library http;
	struct access_rules access;
	char *tls_files[API_TLS_FILES]; /* the texts of certificate, key and client_ca */
	struct operations *operations;
	struct manager *manager;
	struct loop *loop;
	struct api_daemon plain, tls;
	unsigned listener_count;
	struct api_listener listeners[API_LISTENERS_MAX];
	char *socket_path;
	struct loop_timer accept_again; /* when there was no descriptor for a client */
	struct loop_timer sweep;        /* looks for connections whose time is over */
	struct log_limit turned_away;
	unsigned connection_count;
	unsigned conversions; /* guest_xml.c: that run */
	unsigned half_closed_count;
	struct half_closed *half_closed;
	struct api_connection *connections;
	struct exchange *exchanges;
	struct api_connection *arriving; /* being given to libmicrohttpd */
	struct api_peers peers;
};

int server_open(struct api *api, struct error *err);
void server_close(struct api *api); /* all connections, too */

/* Gives a connection to libmicrohttpd; connection is taken over, and its descriptor with it. */
void server_add(struct api_connection *connection, const struct sockaddr *address, socklen_t len);
/* libmicrohttpd has something to do that its descriptor does not tell. */
void server_kick(struct api_daemon *daemon);

/* The stage that begins now has so many seconds; 0: as many as it takes. */
void connection_allow(struct api_connection *connection, unsigned seconds);
/* It is over for this client: its request ends as if the client had hung up. */
void connection_shutdown(struct api_connection *connection);

/* listener.c */
int listeners_open(struct api *api, struct error *err);
void listeners_close(struct api *api);
