#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>

#include "vmm/api/peers.h"

#define SECOND 1000000000ULL

static struct api_peers *peers;

static void setup(void)
{
	peers = calloc(1, sizeof(*peers));
	peers->requests_per_second = 10;
}

TestSuite(peers, .init = setup);

static struct api_peer *at(const char *host, uint64_t now)
{
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, host, &four.sin_addr) == 1)
		return peer_of(peers, (struct sockaddr *)&four, 0, false, now);
	cr_assert_eq(inet_pton(AF_INET6, host, &six.sin6_addr), 1);
	return peer_of(peers, (struct sockaddr *)&six, 0, false, now);
}

static struct api_peer *user(uint32_t uid, uint64_t now)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	return peer_of(peers, (struct sockaddr *)&address, uid, true, now);
}

Test(peers, are_told_apart)
{
	at("10.0.0.1", SECOND)->connections = at("fd00::1", SECOND)->connections =
		user(0, SECOND)->connections = 1;
	cr_assert_eq(at("10.0.0.1", SECOND), at("10.0.0.1", SECOND));
	cr_assert_neq(at("10.0.0.1", SECOND), at("10.0.0.2", SECOND));
	cr_assert_eq(at("fd00::1", SECOND), at("fd00::2", SECOND), "one network is one peer");
	cr_assert_neq(at("fd00::1", SECOND), at("fd00:0:0:1::1", SECOND));
	cr_assert_neq(user(0, SECOND), user(1000, SECOND));
}

Test(peers, burst_then_rate)
{
	struct api_peer *peer = user(0, SECOND);
	unsigned allowed = 0;

	while (peer_request(peers, peer, SECOND) == 0)
		allowed++;
	cr_assert_eq(allowed, 20);
	cr_assert_eq(peer_request(peers, peer, SECOND), 1, "it is told when to come again");
	cr_assert_eq(peer_request(peers, peer, SECOND + SECOND / 10), 0);
	cr_assert_neq(peer_request(peers, peer, SECOND + SECOND / 10), 0);
}

Test(peers, often_asked_is_not_less_filled)
{
	struct api_peer *peer = user(0, SECOND);
	unsigned allowed = 0;

	for (uint64_t now = SECOND; now < 3 * SECOND; now += SECOND / 7000)
		allowed += peer_request(peers, peer, now) == 0;
	cr_assert_geq(allowed, 39);
	cr_assert_leq(allowed, 40);
}

Test(peers, one_does_not_use_up_anothers)
{
	struct api_peer *greedy = at("10.0.0.1", SECOND), *modest;

	greedy->connections = 1;
	modest = at("10.0.0.2", SECOND);
	while (peer_request(peers, greedy, SECOND) == 0)
		;
	cr_assert_eq(peer_request(peers, modest, SECOND), 0);
}

Test(peers, place_is_free_when_it_matters_no_more)
{
	char host[32];

	for (unsigned i = 0; i < PEERS_MAX - PEERS_RESERVED; i++) {
		snprintf(host, sizeof(host), "10.0.%u.%u", i / 256, i % 256);
		at(host, SECOND)->connections = 1;
	}
	cr_assert_null(at("10.9.9.9", SECOND), "all places are taken");
	at("10.0.0.7", SECOND)->connections = 0;
	peer_request(peers, at("10.0.0.7", SECOND), SECOND);
	cr_assert_null(at("10.9.9.9", SECOND), "who has just asked is remembered");
	cr_assert_not_null(at("10.9.9.9", 3 * SECOND));
}

Test(peers, strangers_leave_places_for_users_of_this_host)
{
	char host[32];
	unsigned count = 0;

	for (unsigned i = 0; i < PEERS_MAX; i++) {
		struct api_peer *peer;

		snprintf(host, sizeof(host), "fd00:0:0:%x::1", i);
		peer = at(host, SECOND);
		if (peer)
			peer->connections = 1;
		count += peer != NULL;
	}
	cr_assert_eq(count, PEERS_MAX - PEERS_RESERVED);
	cr_assert_not_null(user(1000, SECOND));
}
