/* Subnets, the choice of guests' addresses, and what overlaps what. */
#include "vmm/net/address.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint32_t address_of(const char *text)
{
	uint32_t address = 0;

	cr_assert(address_parse(text, &address), "%s", text);
	return address;
}

struct good_subnet {
	char text[24];
	char own[16];
	char network[16];
	char broadcast[16];
	char first[16];
	char last[16];
};

ParameterizedTestParameters(address, subnet_is_understood)
{
	static struct good_subnet subnets[] = {
		{"192.168.140.1/24", "192.168.140.1", "192.168.140.0", "192.168.140.255", "192.168.140.1",
		 "192.168.140.254"},
		{"192.168.140.0/24", "192.168.140.1", "192.168.140.0", "192.168.140.255", "192.168.140.1",
		 "192.168.140.254"},
		{"192.168.140.254/24", "192.168.140.254", "192.168.140.0", "192.168.140.255", "192.168.140.1",
		 "192.168.140.254"},
		{"10.0.0.1/8", "10.0.0.1", "10.0.0.0", "10.255.255.255", "10.0.0.1", "10.255.255.254"},
		{"172.16.5.9/30", "172.16.5.9", "172.16.5.8", "172.16.5.11", "172.16.5.9", "172.16.5.10"},
		{"172.16.5.8/29", "172.16.5.9", "172.16.5.8", "172.16.5.15", "172.16.5.9", "172.16.5.14"},
		{"223.255.255.1/24", "223.255.255.1", "223.255.255.0", "223.255.255.255", "223.255.255.1",
		 "223.255.255.254"},
	};

	return cr_make_param_array(struct good_subnet, subnets, sizeof(subnets) / sizeof(subnets[0]));
}

ParameterizedTest(struct good_subnet *wanted, address, subnet_is_understood)
{
	struct subnet subnet;
	struct address_range range;

	cr_assert(subnet_parse(wanted->text, &subnet));
	range = subnet_range(&subnet);
	cr_assert_eq(subnet.address, address_of(wanted->own));
	cr_assert_eq(subnet_network(&subnet), address_of(wanted->network));
	cr_assert_eq(subnet_broadcast(&subnet), address_of(wanted->broadcast));
	cr_assert_eq(range.first, address_of(wanted->first));
	cr_assert_eq(range.last, address_of(wanted->last));
}

Test(address, subnet_that_is_none_is_refused)
{
	static const char *const wrong[] = {
		"",
		"192.168.140.1",
		"192.168.140.1/",
		"192.168.140.1/24 ",
		"/24",
		"192.168.140.1/7",
		"192.168.140.1/31",
		"192.168.140.1/32",
		"192.168.140/24",
		"::1/64",
		"192.168.140.1/-1",
		"192.168.140.1/+24",
		"192.168.140.1/024x",
		"127.0.0.1/8",
		"224.0.0.1/24",
		"255.255.255.1/24",
		"192.168.140.255/24",
		"192.168.140.1/24/24",
		"0.1.2.3/24",
		"192.168.140.256/24",
		"192.168.140.1/99999999999999999999",
	};
	struct subnet subnet;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_not(subnet_parse(wrong[i], &subnet), "\"%s\" is accepted", wrong[i]);
}

static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

static uint32_t choose(const char *text, const uint32_t *taken, unsigned count, int wanted)
{
	struct subnet subnet;
	struct address_range range;
	uint32_t address = 0;

	cr_assert(subnet_parse(text, &subnet));
	range = subnet_range(&subnet);
	cr_assert_eq(address_choose(&subnet, &range, mac, taken, count, &address), wanted);
	return address;
}

Test(address, choice_is_the_same_every_time_and_in_the_subnet)
{
	uint32_t first = choose("192.168.140.1/24", NULL, 0, 0);

	cr_assert_eq(choose("192.168.140.1/24", NULL, 0, 0), first);
	cr_assert_gt(first, address_of("192.168.140.1"));
	cr_assert_lt(first, address_of("192.168.140.255"));
}

Test(address, choice_evades_one_that_is_taken)
{
	uint32_t first = choose("192.168.140.1/24", NULL, 0, 0);
	uint32_t second = choose("192.168.140.1/24", &first, 1, 0);

	cr_assert_neq(first, second);
}

/* Guest after guest until nothing is left: each address once, and never the host's, the network's or the
 * broadcast's. */
Test(address, choice_gives_every_address_once_and_then_no_more)
{
	static const char *const subnets[] = {"10.1.2.0/29", "10.1.2.3/29", "10.1.2.14/28", "10.1.0.1/24",
					      "10.1.2.1/30"};

	for (unsigned s = 0; s < sizeof(subnets) / sizeof(subnets[0]); s++) {
		static uint32_t taken[256];
		struct subnet subnet;
		struct address_range range;
		unsigned count = 0;
		unsigned room;

		cr_assert(subnet_parse(subnets[s], &subnet));
		range = subnet_range(&subnet);
		room = range.last - range.first; /* all but the host's */
		for (unsigned i = 0; i < room; i++) {
			const uint8_t card[6] = {0x52, 0x54, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};
			uint32_t address;

			cr_assert_eq(address_choose(&subnet, &range, card, taken, count, &address), 0,
				     "%s: %u", subnets[s], i);
			cr_assert(address != subnet.address && address != subnet_network(&subnet) &&
				  address != subnet_broadcast(&subnet));
			for (unsigned j = 0; j < count; j++)
				cr_assert_neq(taken[j], address);
			taken[count++] = address;
		}
		choose(subnets[s], taken, count, -ENOSPC);
	}
}

Test(address, choice_stays_in_a_range_of_one)
{
	struct subnet subnet;
	struct address_range range = {address_of("10.0.0.9"), address_of("10.0.0.9")};
	uint32_t address;

	cr_assert(subnet_parse("10.0.0.1/24", &subnet));
	cr_assert_eq(address_choose(&subnet, &range, mac, NULL, 0, &address), 0);
	cr_assert_eq(address, range.first);
	cr_assert_eq(address_choose(&subnet, &range, mac, &address, 1, &address), -ENOSPC);
	range.first = range.last = subnet.address;
	cr_assert_eq(address_choose(&subnet, &range, mac, NULL, 0, &address), -ENOSPC);
}

Test(address, choice_in_the_largest_subnet_is_quick)
{
	cr_assert_neq(choose("10.0.0.1/8", NULL, 0, 0), 0);
}

struct overlap {
	char subnet[24];
	char line[128]; /* of /proc/net/route */
	bool overlaps;
};

ParameterizedTestParameters(address, overlap_is_found)
{
	static struct overlap overlaps[] = {
		/* Little-endian, as the kernel prints: 0A8CA8C0 is 192.168.140.10. */
		{"192.168.140.1/24", "eth0\t008CA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0", true},
		{"192.168.140.1/24", "eth0\t0A8CA8C0\t00000000\t0001\t0\t0\t0\tFFFFFFFF\t0\t0\t0", true},
		{"192.168.140.1/24", "eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0", true},
		{"192.168.140.1/24", "eth0\t008DA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0", false},
		{"192.168.140.1/25", "eth0\t808CA8C0\t00000000\t0001\t0\t0\t0\t80FFFFFF\t0\t0\t0", false},
		{"192.168.140.1/24", "eth0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\t0\t0", false},
		{"192.168.140.1/24", "tun0\t00000080\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0", false},
		{"10.9.8.7/24", "wg0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0", true},
	};

	return cr_make_param_array(struct overlap, overlaps, sizeof(overlaps) / sizeof(overlaps[0]));
}

ParameterizedTest(struct overlap *overlap, address, overlap_is_found)
{
	struct host_route route;
	struct subnet subnet;

	cr_assert(subnet_parse(overlap->subnet, &subnet));
	cr_assert(host_route_parse(overlap->line, &route));
	cr_assert_eq(subnet_overlaps(&subnet, &route), overlap->overlaps, "%s and %s", overlap->subnet,
		     overlap->line);
}

Test(address, lines_that_are_no_routes_are_passed_over)
{
	struct host_route route;

	cr_assert_not(
		host_route_parse("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask", &route));
	cr_assert_not(host_route_parse("", &route));
	cr_assert_not(host_route_parse("eth0\t008CA8C0", &route));
}
