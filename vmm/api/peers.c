#include "vmm/api/peers.h"

#include <netinet/in.h>
#include <string.h>

#include "common/util.h"

#define NS_PER_MS      1000000ULL
#define BURST_SECONDS  2
#define MS_PER_REQUEST 1000

static void make_key(const struct sockaddr *address, uint32_t uid, uint64_t key[2])
{
	struct in6_addr host;

	key[0] = address->sa_family;
	key[1] = uid;
	if (address->sa_family == AF_INET) {
		key[1] = ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr;
	} else if (address->sa_family == AF_INET6) {
		host = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
		memcpy(&key[1], &host, sizeof(key[1])); /* the network: its first half */
	}
}

static uint64_t burst(const struct api_peers *peers)
{
	return peers->requests_per_second * BURST_SECONDS * MS_PER_REQUEST;
}

static void fill(const struct api_peers *peers, struct api_peer *peer, uint64_t now_ns)
{
	uint64_t passed_ms = MIN((now_ns - peer->filled_ns) / NS_PER_MS, BURST_SECONDS * 1000ULL);

	if (passed_ms == 0)
		return;
	peer->requests_ms = MIN(peer->requests_ms + passed_ms * peers->requests_per_second, burst(peers));
	peer->filled_ns = now_ns - (now_ns - peer->filled_ns) % NS_PER_MS;
}

static bool is_free(const struct api_peers *peers, struct api_peer *peer, uint64_t now_ns)
{
	if (!peer->filled_ns)
		return true;
	fill(peers, peer, now_ns);
	return peer->connections == 0 && peer->requests_ms == burst(peers);
}

struct api_peer *peer_of(struct api_peers *peers, const struct sockaddr *address, uint32_t uid, bool known,
			 uint64_t now_ns)
{
	const unsigned places = known ? PEERS_MAX : PEERS_MAX - PEERS_RESERVED;
	struct api_peer *place = NULL;
	uint64_t key[2];

	make_key(address, uid, key);
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		struct api_peer *peer = &peers->peers[i];

		if (peer->filled_ns && memcmp(peer->key, key, sizeof(key)) == 0)
			return peer;
		if (!place && i < places && is_free(peers, peer, now_ns))
			place = peer;
	}
	if (place)
		*place = (struct api_peer){
			.key = {key[0], key[1]}, .requests_ms = burst(peers), .filled_ns = now_ns};
	return place;
}

unsigned peer_request(struct api_peers *peers, struct api_peer *peer, uint64_t now_ns)
{
	fill(peers, peer, now_ns);
	if (peer->requests_ms >= MS_PER_REQUEST) {
		peer->requests_ms -= MS_PER_REQUEST;
		return 0;
	}
	return (unsigned)(1 + (MS_PER_REQUEST - peer->requests_ms) / peers->requests_per_second / 1000);
}
