/* dnsmasq's files: what a network makes of them, and what a guest's name cannot. */
#include "vmm/net/dnsmasq.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct virtual_network network(const char *json)
{
	struct virtual_network result;
	struct error err;

	cr_assert_eq(virtual_network_parse("test", json, &result, &err), 0, "%s", err.text);
	return result;
}

static char *config(const char *json)
{
	struct virtual_network lab = network(json);
	struct dnsmasq dnsmasq = {.network = &lab, .folder = "/run/lab"};

	return dnsmasq_config_text(&dnsmasq, "nobody");
}

static bool has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
}

Test(dnsmasq, config_is_for_the_bridge_alone)
{
	char *text = config(
		"{\"name\":\"lab\",\"address\":\"192.168.150.1/24\",\"mtu\":1400,\"domain\":\"test\"}");

	cr_assert(has_line(text, "interface=br-lab"));
	cr_assert(has_line(text, "except-interface=lo"));
	cr_assert(has_line(text, "bind-interfaces"));
	cr_assert(has_line(text, "no-hosts"));
	cr_assert(has_line(text, "user=nobody"));
	cr_assert(has_line(text, "dhcp-range=192.168.150.0,static,255.255.255.0,12h"));
	cr_assert(has_line(text, "dhcp-option=26,1400"));
	cr_assert(has_line(text, "local=/test/"));
	cr_assert_not(has_line(text, "no-resolv"));
	free(text);
}

Test(dnsmasq, config_of_an_isolated_network_has_no_router_and_asks_nobody)
{
	char *text = config("{\"name\":\"lab\",\"forward\":\"none\",\"address\":\"192.168.150.1/24\"}");

	cr_assert(has_line(text, "no-resolv"));
	cr_assert(has_line(text, "dhcp-option=3"));
	free(text);
}

Test(dnsmasq, config_without_dns_answers_nothing)
{
	char *text = config("{\"name\":\"lab\",\"dns\":false,\"address\":\"192.168.150.1/24\"}");

	cr_assert(has_line(text, "port=0"));
	cr_assert_null(strstr(text, "addn-hosts"));
	free(text);
}

/* A guest may be called "5m", which in dnsmasq's file would be the time of its lease. */
Test(dnsmasq, cards_have_only_names_that_are_nothing_else)
{
	struct dnsmasq_card cards[] = {
		{.guest = "web", .mac = {0x52, 0x54, 0, 1, 2, 3}, .address = 0xc0a89607, .first = true},
		{.guest = "web", .mac = {0x52, 0x54, 0, 1, 2, 4}, .address = 0xc0a89608},
		{.guest = "5m", .mac = {0x52, 0x54, 0, 1, 2, 5}, .address = 0xc0a89609, .first = true},
		{.guest = "ignore", .mac = {0x52, 0x54, 0, 1, 2, 6}, .address = 0xc0a8960a, .first = true},
		{.guest = "a.b_c", .mac = {0x52, 0x54, 0, 1, 2, 7}, .address = 0xc0a8960b, .first = true},
	};
	char *text = dnsmasq_cards_text(cards, 5);

	cr_assert_str_eq(text, "52:54:00:01:02:03,192.168.150.7,web\n"
			       "52:54:00:01:02:04,192.168.150.8\n"
			       "52:54:00:01:02:05,192.168.150.9\n"
			       "52:54:00:01:02:06,192.168.150.10\n"
			       "52:54:00:01:02:07,192.168.150.11\n");
	free(text);
}

Test(dnsmasq, names_are_those_of_the_host_and_of_every_guest)
{
	struct virtual_network lab =
		network("{\"name\":\"lab\",\"address\":\"192.168.150.1/24\",\"domain\":\"test\"}");
	struct dnsmasq_card card = {.guest = "web", .address = 0xc0a89607};
	char *text = dnsmasq_names_text(&lab, &card, 1);

	cr_assert_str_eq(text, "192.168.150.1 host.test host\n192.168.150.7 web.test web\n");
	free(text);
}
