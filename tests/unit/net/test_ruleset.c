/* The packet filter's text: what is in it for which networks, and whether nft understands it. */
#include "vmm/net/ruleset.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/net/tool.h"

static struct virtual_network network(const char *name, const char *forward, const char *address)
{
	struct virtual_network result;
	struct error err;
	char text[256];

	snprintf(text, sizeof(text), "{\"name\":\"%s\",\"forward\":\"%s\",\"address\":\"%s\"}", name, forward,
		 address);
	cr_assert_eq(virtual_network_parse("test", text, &result, &err), 0, "%s", err.text);
	return result;
}

static struct ruleset_port port(const char *address, const char *rule)
{
	struct ruleset_port result;
	struct error err;

	cr_assert(address_parse(address, &result.address));
	cr_assert_eq(publish_parse(rule, &result.publish, &err), 0, "%s", err.text);
	return result;
}

static void expect(const char *text, const char *line)
{
	cr_assert_not_null(strstr(text, line), "no \"%s\" in:\n%s", line, text);
}

static void expect_not(const char *text, const char *line)
{
	cr_assert_null(strstr(text, line), "\"%s\" in:\n%s", line, text);
}

/* In a network namespace of its own, so that a rule that did get in would not matter. */
static void nft_accepts(const char *text)
{
	static const char *const argv[] = {"nft", "-c", "-f", "-", NULL};
	struct tool tool = {.argv = argv, .package = "nftables", .input = text};
	struct error err;
	int code;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		cr_skip_test("no network namespace may be made here: %s", strerror(errno));
	code = tool_run(&tool, &err);
	if (code == -ENOENT)
		cr_skip_test("%s", err.text);
	cr_assert_eq(code, 0, "%s in:\n%s", err.text, text);
}

Test(ruleset, without_networks_only_the_table_is_removed)
{
	char *text = ruleset_text(NULL, 0);

	cr_assert_str_eq(text, "table inet rastos\ndelete table inet rastos\n");
	nft_accepts(text);
	free(text);
}

Test(ruleset, nat_masquerades_and_lets_only_answers_in)
{
	struct virtual_network lab = network("lab", "nat", "192.168.150.1/24");
	struct ruleset_network networks[] = {{.network = &lab}};
	char *text = ruleset_text(networks, 1);

	expect(text, "ip saddr 192.168.150.0/24 oifname != \"br-lab\" masquerade");
	expect(text, "oifname \"br-lab\" ct state established,related accept");
	expect(text, "oifname \"br-lab\" reject");
	expect(text, "iifname \"br-lab\" ip saddr 192.168.150.0/24 accept\n\t\tiifname \"br-lab\" reject");
	expect_not(text, "dnat ip to");
	expect_not(text, "chain prerouting");
	nft_accepts(text);
	free(text);
}

Test(ruleset, route_lets_the_world_in_but_no_other_network)
{
	struct virtual_network lab = network("lab", "route", "192.168.150.1/24");
	struct virtual_network other = network("other", "nat", "192.168.151.1/24");
	struct ruleset_network networks[] = {{.network = &lab}, {.network = &other}};
	char *text = ruleset_text(networks, 2);

	expect_not(text, "ip saddr 192.168.150.0/24 oifname != \"br-lab\" masquerade");
	expect(text, "oifname \"br-lab\" iifname \"br-other\" reject");
	expect_not(text, "oifname \"br-lab\" reject");
	nft_accepts(text);
	free(text);
}

Test(ruleset, none_forwards_nothing)
{
	struct virtual_network lab = network("lab", "none", "192.168.150.1/24");
	struct ruleset_network networks[] = {{.network = &lab}};
	char *text = ruleset_text(networks, 1);

	expect_not(text, "masquerade");
	expect_not(text, "ct state established");
	expect(text, "oifname \"br-lab\" reject");
	expect(text, "iifname \"br-lab\" reject");
	nft_accepts(text);
	free(text);
}

Test(ruleset, published_ports_are_translated_for_the_world_and_the_host)
{
	struct virtual_network lab = network("lab", "nat", "192.168.150.1/24");
	struct virtual_network alone = network("alone", "none", "192.168.151.1/24");
	struct ruleset_port ports[] = {
		port("192.168.150.7", "8080:80"),
		port("192.168.150.7", "127.0.0.1:5353:53/udp"),
		port("192.168.150.8", "9000-9002:90-92"),
		port("192.168.150.8", "1000-65535:1000-65535/udp"),
	};
	struct ruleset_network networks[] = {
		{.network = &lab, .ports = ports, .port_count = 4},
		{.network = &alone},
	};
	char *text = ruleset_text(networks, 2);
	const char *prerouting = strstr(text, "chain prerouting");
	const char *output = strstr(text, "chain output");

	for (unsigned i = 0; i < 2; i++) {
		const char *chain = i ? output : prerouting;

		expect(chain, "fib daddr type local tcp dport 8080 dnat ip to 192.168.150.7:80");
		expect(chain, "ip daddr 127.0.0.1 udp dport 5353 dnat ip to 192.168.150.7:53");
		expect(chain,
		       "tcp dport 9000-9002 dnat ip to 192.168.150.8:tcp dport map { 9000 : 90, 9001 : 91, 9002 : 92 }");
		expect(chain, "udp dport 1000-65535 dnat ip to 192.168.150.8\n");
	}
	expect(prerouting, "iifname \"br-alone\" return");
	expect(text, "iifname \"br-lab\" ip daddr 127.0.0.0/8 drop");
	expect(text, "iifname \"br-alone\" ip daddr 127.0.0.0/8 drop");
	expect(text,
	       "oifname \"br-lab\" ct status dnat ip saddr { 192.168.150.0/24, 127.0.0.0/8 } masquerade");
	nft_accepts(text);
	free(text);
}

Test(ruleset, ipv6_addresses_are_refused)
{
	struct publish rule;
	struct error err = {0};

	cr_assert_eq(publish_parse("[::1]:80:80", &rule, &err), 0);
	cr_assert_eq(ruleset_check_publish("[::1]:80:80", &rule, &err), -EINVAL);
	cr_assert_not_null(strstr(err.text, "publish \"[::1]:80:80\": "));
	cr_assert_eq(publish_parse("127.0.0.1:80:80", &rule, &err), 0);
	cr_assert_eq(ruleset_check_publish("127.0.0.1:80:80", &rule, &err), 0);
}
