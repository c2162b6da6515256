/* Network definitions: what is understood, what each wrong field is refused with, and the folder they are in.
 */
#include "vmm/config/virtual_network.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/vmm/scratch.h"

static struct error err;

static int parse(const char *text, struct virtual_network *network)
{
	err.text[0] = '\0';
	return virtual_network_parse("lab.json", text, network, &err);
}

Test(virtual_network, small_one_has_every_default)
{
	struct virtual_network network;

	cr_assert_eq(parse("{\"name\":\"lab\",\"address\":\"192.168.150.0/24\"}", &network), 0, "%s",
		     err.text);
	cr_assert_eq(network.forward, NETWORK_FORWARD_NAT);
	cr_assert_str_eq(network.bridge, "br-lab");
	cr_assert_str_eq(network.domain, "rastos");
	cr_assert(network.dns);
	cr_assert_eq(network.mtu, 0);
	cr_assert_eq(network.subnet.address, 0xc0a89601);
	cr_assert_eq(network.dhcp.first, 0xc0a89602);
	cr_assert_eq(network.dhcp.last, 0xc0a896fe);
}

Test(virtual_network, its_json_is_read_back_as_the_same)
{
	static const char *const texts[] = {
		"{\"name\":\"lab\",\"forward\":\"route\",\"bridge\":\"lab0\",\"address\":\"10.1.2.3/16\",\"dhcp\":{\"first\":"
		"\"10.1.5.1\",\"last\":\"10.1.5.9\"},\"dns\":false,\"domain\":\"a.b\",\"mtu\":9000}",
		"{\"name\":\"lab\",\"forward\":\"bridge\",\"bridge\":\"br0\"}",
		"{\"name\":\"default\"}",
	};

	for (unsigned i = 0; i < 3; i++) {
		struct virtual_network first;
		struct virtual_network second;
		cJSON *json;
		char *text;

		cr_assert_eq(parse(texts[i], &first), 0, "%s", err.text);
		json = virtual_network_json(&first);
		text = cJSON_Print(json);
		cr_assert_eq(parse(text, &second), 0, "%s", err.text);
		cr_assert_eq(first.forward, second.forward);
		cr_assert_str_eq(first.bridge, second.bridge);
		cr_assert_eq(memcmp(&first.subnet, &second.subnet, sizeof(first.subnet)), 0);
		cr_assert_eq(memcmp(&first.dhcp, &second.dhcp, sizeof(first.dhcp)), 0);
		cr_assert_eq(first.dns, second.dns);
		cr_assert_eq(first.mtu, second.mtu);
		free(text);
		cJSON_Delete(json);
	}
}

struct bad {
	char text[200];
	char says[96];
};

#define LAB "{\"name\":\"lab\",\"address\":\"10.1.2.1/24\","

ParameterizedTestParameters(virtual_network, wrong_field_is_refused)
{
	static struct bad bads[] = {
		{"", "line 1 is not valid JSON"},
		{"[]", "must be a JSON object"},
		{"{}", "name: is missing"},
		{"{\"name\":7}", "name: must be a string"},
		{"{\"name\":\"a/b\"}", "name: must be letters"},
		{"{\"name\":\"lab\"}", "address: is missing"},
		{LAB "\"adress\":\"10.1.2.1/24\"}", "did you mean \"address\"?"},
		{LAB "\"forward\":\"nut\"}",
		 "forward: must be one of \"nat\", \"route\", \"none\", \"bridge\""},
		{LAB "\"bridge\":\"a b\"}", "bridge: must be an interface's name"},
		{LAB "\"bridge\":\"\\\"; drop\"}", "bridge: must be an interface's name"},
		{LAB "\"bridge\":\"sixteen-letters-\"}", "bridge: must be an interface's name"},
		{LAB "\"bridge\":\"..\"}", "bridge: must be an interface's name"},
		{"{\"name\":\"thirteen-char\",\"address\":\"10.1.2.1/24\"}",
		 "bridge: must be an interface's name"},
		{"{\"name\":\"lab\",\"address\":\"10.1.2.1\"}",
		 "address: must be an IPv4 address and a prefix"},
		{"{\"name\":\"lab\",\"address\":\"fd00::1/64\"}",
		 "address: must be an IPv4 address and a prefix"},
		{LAB "\"dhcp\":[]}", "dhcp: must be an object"},
		{LAB "\"dhcp\":{\"first\":\"10.1.3.1\"}}",
		 "dhcp.first: must be an address of the network's subnet"},
		{LAB "\"dhcp\":{\"last\":\"10.1.2.255\"}}",
		 "dhcp.last: must be an address of the network's subnet"},
		{LAB "\"dhcp\":{\"first\":\"10.1.2.9\",\"last\":\"10.1.2.8\"}}",
		 "dhcp.last: is before first"},
		{LAB "\"dhcp\":{\"start\":\"10.1.2.9\"}}", "dhcp.start: is not a known key"},
		{LAB "\"dns\":\"yes\"}", "dns: must be true or false"},
		{LAB "\"domain\":\"a/b\"}", "domain: must be a domain's name"},
		{LAB "\"domain\":\"lab\\nuser=root\"}", "domain: must be a domain's name"},
		{LAB "\"domain\":\"-lab\"}", "domain: must be a domain's name"},
		{LAB "\"domain\":\"a..b\"}", "domain: must be a domain's name"},
		{LAB "\"mtu\":100}", "mtu: must be a whole number from 576 to 65535"},
		{LAB "\"mtu\":\"1500\"}", "mtu: must be a whole number"},
		{LAB "\"name\":\"lab\"}", "name: is given twice"},
		{"{\"name\":\"lab\",\"forward\":\"bridge\"}",
		 "bridge: is missing: which bridge of the host?"},
		{"{\"name\":\"lab\",\"forward\":\"bridge\",\"bridge\":\"br0\",\"mtu\":1500}",
		 "mtu: is for networks of our own"},
		{"{\"name\":\"lab\",\"forward\":\"bridge\",\"bridge\":\"br0\",\"dns\":true}",
		 "dns: is for networks of our own"},
	};

	return cr_make_param_array(struct bad, bads, sizeof(bads) / sizeof(bads[0]));
}

ParameterizedTest(struct bad *bad, virtual_network, wrong_field_is_refused)
{
	struct virtual_network network = {.name = "untouched"};

	cr_assert_eq(parse(bad->text, &network), -EINVAL, "%s is accepted", bad->text);
	cr_assert_not_null(strstr(err.text, bad->says), "%s: %s", bad->text, err.text);
	cr_assert_not_null(strstr(err.text, "lab.json"), "%s", err.text);
	cr_assert_str_eq(network.name, "untouched");
}

static struct settings settings;

static void make_folder(void)
{
	scratch_make();
	settings.networks_dir = scratch;
}

Test(virtual_network, default_needs_no_file, .init = make_folder, .fini = scratch_remove)
{
	struct virtual_network network;

	cr_assert_eq(virtual_network_read(&settings, "default", &network, &err), 0, "%s", err.text);
	cr_assert_str_eq(network.bridge, "rastos0");
	cr_assert_eq(network.subnet.address, 0xc0a88c01);
	scratch_file("default.json", "{\"name\":\"default\",\"address\":\"10.7.7.1/24\"}");
	cr_assert_eq(virtual_network_read(&settings, "default", &network, &err), 0, "%s", err.text);
	cr_assert_eq(network.subnet.address, 0x0a070701);
	cr_assert_str_eq(network.bridge, "rastos0");
}

Test(virtual_network, unknown_is_refused_with_the_nearest_name, .init = make_folder, .fini = scratch_remove)
{
	struct virtual_network network;

	scratch_file("office.json", "{\"name\":\"office\",\"address\":\"10.7.7.1/24\"}");
	cr_assert_eq(virtual_network_read(&settings, "ofice", &network, &err), -ENOENT);
	cr_assert_str_eq(err.text, "no network is named ofice, did you mean office?");
	cr_assert_eq(virtual_network_read(&settings, "defalt", &network, &err), -ENOENT);
	cr_assert_str_eq(err.text, "no network is named defalt, did you mean default?");
	cr_assert_eq(virtual_network_read(&settings, "../../etc/passwd", &network, &err), -ENOENT);
}

Test(virtual_network, file_of_another_name_is_refused, .init = make_folder, .fini = scratch_remove)
{
	struct virtual_network network;

	scratch_file("office.json", "{\"name\":\"home\",\"address\":\"10.7.7.1/24\"}");
	cr_assert_eq(virtual_network_read(&settings, "office", &network, &err), -EINVAL);
	cr_assert_not_null(strstr(err.text, "name: is home, but the file's name says office"), "%s",
			   err.text);
}

Test(virtual_network, list_is_by_name_with_the_built_in_one, .init = make_folder, .fini = scratch_remove)
{
	static struct virtual_network networks[VIRTUAL_NETWORKS_MAX];
	unsigned count;

	scratch_file("office.json", "{\"name\":\"office\",\"address\":\"10.7.7.1/24\"}");
	scratch_file("home.json", "{\"name\":\"home\",\"forward\":\"bridge\",\"bridge\":\"br0\"}");
	scratch_file("notes.txt", "not a network");
	cr_assert_eq(virtual_networks_read(&settings, networks, &count, &err), 0, "%s", err.text);
	cr_assert_eq(count, 3);
	cr_assert_str_eq(networks[0].name, "default");
	cr_assert_str_eq(networks[1].name, "home");
	cr_assert_str_eq(networks[2].name, "office");
}
