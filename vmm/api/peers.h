/*
 * Those who have connections, or had a moment ago: each user of this host is one peer, each IPv4 address, and
 * each /64 of IPv6, within which one client may have all addresses. A peer has so many connections and
 * requests a second, with a burst of twice as many (a token bucket), so that one of them leaves the others
 * theirs.
 *
 * A peer stays known as long as it matters: while it has a connection, or has used up some of its requests.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define PEERS_MAX      256
#define PEERS_RESERVED 32 /* of these, for those who have a role on this host */

struct api_peer {
	uint64_t key[2]; /* of what kind, and which */
	unsigned connections;
	uint64_t requests_ms; /* what it may ask now, in thousandths of a request */
	uint64_t filled_ns;   /* and when that was so; CLOCK_MONOTONIC; 0: a free place */
};

struct api_peers {
	uint64_t requests_per_second;
	struct api_peer peers[PEERS_MAX];
};

/* Who is at the other end of a connection: uid for one of AF_UNIX; known: that user has a role, so that what
 * is reserved is his, too. NULL: more peers than we can tell apart are here. */
struct api_peer *peer_of(struct api_peers *peers, const struct sockaddr *address, uint32_t uid, bool known,
			 uint64_t now_ns);

/* Counts a request. 0, or in how many seconds it may ask again. */
unsigned peer_request(struct api_peers *peers, struct api_peer *peer, uint64_t now_ns);
