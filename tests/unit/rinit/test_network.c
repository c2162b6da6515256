#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "rinit/address.h"
#include "rinit/netlink.h"
#include "rinit/network.h"

static char warnings_seen[2048];

static void on_warning(void *context, const char *sentence)
{
	size_t used = strlen(warnings_seen);

	(void)context;
	snprintf(warnings_seen + used, sizeof(warnings_seen) - used, "%s\n", sentence);
}

static const struct unit_warnings warnings = {.warn = on_warning};
static struct network_config config;
static struct error err;

static int parse(const char *text)
{
	network_config_clear(&config);
	warnings_seen[0] = '\0';
	return network_parse(&config, "/x.network", text, strlen(text), &warnings, &err);
}

Test(network, reads_every_key)
{
	cr_assert_eq(
		parse("[Match]\nName=eth* ens3\n[Network]\nDHCP=yes\nAddress=192.0.2.7/24\nAddress=2001:db8::7/64\n"
		      "Gateway=192.0.2.1\nDNS=192.0.2.53 2001:db8::53\nDNS=192.0.2.54\n"),
		0);
	cr_assert_str_eq(warnings_seen, "");
	cr_assert(network_config_matches(&config, "eth0"));
	cr_assert(network_config_matches(&config, "ens3"));
	cr_assert_not(network_config_matches(&config, "ens33"));
	cr_assert(config.dhcp);
	cr_assert_eq(config.address_count, 2);
	cr_assert_eq(config.addresses[0].family, AF_INET);
	cr_assert_eq(config.addresses[0].prefix, 24);
	cr_assert_eq(config.addresses[1].family, AF_INET6);
	cr_assert_eq(config.addresses[1].prefix, 64);
	cr_assert_eq(config.gateway_count, 1);
	cr_assert_eq(config.dns.count, 3);
	network_config_clear(&config);
}

Test(network, interface_may_be_one_that_nobody_waits_for)
{
	cr_assert_eq(parse("[Match]\nName=eth1\n[Link]\nRequiredForOnline=no\n"), 0);
	cr_assert_str_eq(warnings_seen, "");
	cr_assert(config.optional);
	cr_assert_eq(parse("[Match]\nName=eth1\n[Link]\nRequiredForOnline=yes\n"), 0);
	cr_assert_not(config.optional);
	cr_assert_eq(parse("[Match]\nName=eth1\n[Link]\nRequiredForOnline=degraded\n"), 0);
	cr_assert_not_null(strstr(warnings_seen, "/x.network:4: "));
	cr_assert_not(config.optional);
	network_config_clear(&config);
}

Test(network, bad_values_are_warned_of)
{
	cr_assert_eq(
		parse("[Match]\nName=eth0\n[Network]\nDHCP=maybe\nAddress=192.0.2.7\nAddress=1.2.3.4/33\n"
		      "Gateway=192.0.2.1/24\nDNS=example.org\nMTU=9000\nrubbish\n"),
		0);
	for (int line = 4; line <= 10; line++) {
		char where[32];

		snprintf(where, sizeof(where), "/x.network:%d: ", line);
		cr_assert_not_null(strstr(warnings_seen, where), "%s", where);
	}
	cr_assert_eq(config.address_count, 0);
	cr_assert_eq(config.gateway_count, 0);
	cr_assert_eq(config.dns.count, 0);
}

Test(network, file_that_matches_nothing_is_an_error)
{
	cr_assert_lt(parse("[Network]\nDHCP=yes\n"), 0);
	cr_assert_str_eq(err.text, "/x.network: no Name= in [Match]: it configures no interface");
}

Test(network, more_addresses_than_there_is_room_for_are_warned_of)
{
	char text[1024] = "[Match]\nName=eth0\n[Network]\n";

	for (int i = 0; i < NETWORK_ITEMS_MAX + 1; i++)
		sprintf(text + strlen(text), "Address=192.0.2.%d/24\n", i + 1);
	cr_assert_eq(parse(text), 0);
	cr_assert_eq(config.address_count, NETWORK_ITEMS_MAX);
	cr_assert_not_null(strstr(warnings_seen, "/x.network:12: "));
}

Test(address, bad_text_is_refused)
{
	static const char *const bad[] = {
		"",           "/",          "/24",        "1.2.3/24", "1.2.3.4/",
		"1.2.3.4/-1", "1.2.3.4/ 8", "1.2.3.4/8x", "::1/129",  "1.2.3.4/99999999999999999999"};
	struct ip_address address;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_lt(ip_parse(bad[i], true, &address), 0, "%s", bad[i]);
	cr_assert_lt(ip_parse("1.2.3.4/24", false, &address), 0);
	cr_assert_eq(ip_parse("1.2.3.4/0", true, &address), 0);
	cr_assert_eq(address.prefix, 0);
}

Test(address, netmasks)
{
	uint8_t prefix;

	cr_assert_eq(netmask_parse("255.255.255.0", &prefix), 0);
	cr_assert_eq(prefix, 24);
	cr_assert_eq(netmask_parse("255.255.255.255", &prefix), 0);
	cr_assert_eq(prefix, 32);
	cr_assert_eq(netmask_parse("0.0.0.0", &prefix), 0);
	cr_assert_eq(prefix, 0);
	cr_assert_lt(netmask_parse("255.0.255.0", &prefix), 0);
	cr_assert_lt(netmask_parse("24", &prefix), 0);
	cr_assert_lt(netmask_parse("", &prefix), 0);
}

Test(netlink, attributes_are_found_again)
{
	struct netlink_message message;
	uint32_t number = 7;
	const char *text;
	const uint32_t *found;
	size_t length;

	netlink_begin(&message, 1, 0, &number, sizeof(number));
	netlink_put(&message, 1, "abc", 4);
	netlink_put(&message, 2, &number, sizeof(number));
	length = message.header.nlmsg_len - sizeof(message.header) - sizeof(number);
	text = netlink_find(message.payload + sizeof(number), length, 1, 1, NULL);
	found = netlink_find(message.payload + sizeof(number), length, 2, sizeof(number), NULL);
	cr_assert_str_eq(text, "abc");
	cr_assert_eq(*found, 7);
	cr_assert_null(netlink_find(message.payload + sizeof(number), length, 3, 0, NULL));
	cr_assert_null(netlink_find(message.payload + sizeof(number), length, 1, 5, NULL));
}

Test(netlink, lengths_that_lie_are_not_followed)
{
	uint8_t bytes[16] = {0};

	bytes[0] = 200; /* longer than what there is */
	bytes[2] = 1;
	cr_assert_null(netlink_find(bytes, sizeof(bytes), 1, 0, NULL));
	bytes[0] = 2; /* shorter than its own head: would never end */
	cr_assert_null(netlink_find(bytes, sizeof(bytes), 9, 0, NULL));
	cr_assert_null(netlink_find(bytes, 3, 1, 0, NULL));
}

Test(netlink, message_that_is_too_long_is_not_sent)
{
	struct netlink_message message;
	char data[900] = "";

	netlink_begin(&message, 1, 0, data, 4);
	netlink_put(&message, 1, data, sizeof(data));
	netlink_put(&message, 2, data, sizeof(data));
	netlink_put(&message, 3, data, 1);
	cr_assert_eq(netlink_talk(-1, &message), -EMSGSIZE);
}
