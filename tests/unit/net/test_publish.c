/* Rules that publish a guest's ports: what is understood, and what is refused with which words. */
#include "vmm/net/publish.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>

struct good_rule {
	char text[64];
	enum publish_protocol protocol;
	char address[48];
	unsigned host;
	unsigned guest;
	unsigned count;
	char spec[80];
};

ParameterizedTestParameters(publish, rule_is_understood)
{
	static struct good_rule rules[] = {
		{"8080:80", PUBLISH_TCP, "", 8080, 80, 1, "8080:80"},
		{"8080:80/tcp", PUBLISH_TCP, "", 8080, 80, 1, "8080:80"},
		{"5353:53/udp", PUBLISH_UDP, "", 5353, 53, 1, "5353:53"},
		{"127.0.0.1:8080:80", PUBLISH_TCP, "127.0.0.1", 8080, 80, 1, "127.0.0.1/8080:80"},
		{"0.0.0.0:8080:80", PUBLISH_TCP, "", 8080, 80, 1, "8080:80"},
		{"[::1]:8080:80", PUBLISH_TCP, "::1", 8080, 80, 1, "::1/8080:80"},
		{"[0:0::1]:8080:80/udp", PUBLISH_UDP, "::1", 8080, 80, 1, "::1/8080:80"},
		{"8000-8010:9000-9010", PUBLISH_TCP, "", 8000, 9000, 11, "8000-8010:9000-9010"},
		{"1-65535:1-65535", PUBLISH_TCP, "", 1, 1, 65535, "1-65535:1-65535"},
		{"127.0.0.1:1-2:65534-65535", PUBLISH_TCP, "127.0.0.1", 1, 65534, 2,
		 "127.0.0.1/1-2:65534-65535"},
	};

	return cr_make_param_array(struct good_rule, rules, sizeof(rules) / sizeof(rules[0]));
}

ParameterizedTest(struct good_rule *rule, publish, rule_is_understood)
{
	struct publish publish;
	struct error err = {0};
	char spec[PUBLISH_SPEC_MAX];

	cr_assert_eq(publish_parse(rule->text, &publish, &err), 0, "%s: %s", rule->text, err.text);
	cr_assert_eq(publish.protocol, rule->protocol);
	cr_assert_str_eq(publish.address, rule->address);
	cr_assert_eq(publish.host_first, rule->host);
	cr_assert_eq(publish.guest_first, rule->guest);
	cr_assert_eq(publish.count, rule->count);
	publish_spec(&publish, spec);
	cr_assert_str_eq(spec, rule->spec);
}

struct bad_rule {
	char text[160];
	char says[48];
};

ParameterizedTestParameters(publish, rule_is_refused)
{
	static struct bad_rule rules[] = {
		{"", "such as \"8080:80\""},
		{"80", "such as \"8080:80\""},
		{":", "ports are numbers"},
		{"8080:", "ports are numbers"},
		{":80", "ports are numbers"},
		{"0:80", "ports are numbers"},
		{"8080:0", "ports are numbers"},
		{"65536:80", "ports are numbers"},
		{"8080:65536", "ports are numbers"},
		{"99999999999999999999:80", "ports are numbers"},
		{"-1:80", "ports are numbers"},
		{"+8080:80", "ports are numbers"},
		{" 8080:80", "ports are numbers"},
		{"8080:80 ", "ports are numbers"},
		{"0x50:80", "ports are numbers"},
		{"http:80", "ports are numbers"},
		{"8080,8081:80", "ports are numbers"},
		{"8010-8000:9010-9000", "ports are numbers"},
		{"8000-:9000", "ports are numbers"},
		{"8000-8010-8020:1-3", "ports are numbers"},
		{"8000-8010:9000", "same number of ports"},
		{"8000-8010:9000-9009", "same number of ports"},
		{"8080:80/sctp", "tcp or udp"},
		{"8080:80/", "tcp or udp"},
		{"8080:80/tcp/udp", "tcp or udp"},
		{"localhost:8080:80", "the address"},
		{"127.0.0.256:8080:80", "the address"},
		{"::1:8080:80", "the address"},
		{"[127.0.0.1]:8080:80", "the address"},
		{"[::1:8080:80", "the address"},
		{"[]:8080:80", "the address"},
		{":8080:80", "the address"},
		{"127.0.0.1:1:8080:80", "the address"},
		{"%eth0/22:80", "tcp or udp"},
		{"1111111111111111111111111111111111111111111111111111111111111111"
		 "1111111111111111111111111111111111111111111111111111111111111111:80",
		 "too long"},
	};

	return cr_make_param_array(struct bad_rule, rules, sizeof(rules) / sizeof(rules[0]));
}

ParameterizedTest(struct bad_rule *rule, publish, rule_is_refused)
{
	struct publish publish;
	struct error err = {0};

	cr_assert_eq(publish_parse(rule->text, &publish, &err), -EINVAL, "%s is accepted", rule->text);
	cr_assert_not_null(strstr(err.text, rule->says), "%s: %s", rule->text, err.text);
	cr_assert_not_null(strstr(err.text, rule->text), "the rule is not named: %s", err.text);
}

static int check(const char *first, const char *second, struct error *err)
{
	struct publish rules[2];

	cr_assert_eq(publish_parse(first, &rules[0], err), 0);
	cr_assert_eq(publish_parse(second, &rules[1], err), 0);
	return publish_check(rules, 2, err);
}

Test(publish, the_same_host_port_twice_is_refused)
{
	struct error err = {0};

	cr_assert_eq(check("8080:80", "8080:81", &err), -EEXIST);
	cr_assert_str_eq(err.text, "publish: two rules want the host's TCP port 8080");
	cr_assert_eq(check("8080:80", "127.0.0.1:8080:80", &err), -EEXIST);
	cr_assert_eq(check("[::1]:8080:80", "[0::1]:8080:80", &err), -EEXIST);
}

Test(publish, ranges_that_overlap_are_refused_by_the_first_common_port)
{
	struct error err = {0};

	cr_assert_eq(check("8000-8010:1-11", "8010-8020:21-31", &err), -EEXIST);
	cr_assert_str_eq(err.text, "publish: two rules want the host's TCP port 8010");
	cr_assert_eq(check("8000-8010:1-11", "8011-8020:21-30", &err), 0);
}

Test(publish, the_same_port_of_other_protocols_or_addresses_is_fine)
{
	struct error err = {0};

	cr_assert_eq(check("5353:53/tcp", "5353:53/udp", &err), 0);
	cr_assert_eq(check("127.0.0.1:8080:80", "127.0.0.2:8080:80", &err), 0);
	cr_assert_eq(check("8080:80", "8081:80", &err), 0);
}
