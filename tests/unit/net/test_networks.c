/* Networks as the manager uses them, as far as that needs no tool of the host: tests/network/ has the rest.
 */
#include "vmm/net/networks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/vmm/scratch.h"

static struct settings settings;
static struct networks *networks;
static struct error err;

static void open_networks(void)
{
	err.text[0] = '\0';
	cr_assert_eq(networks_open(&settings, NULL, &networks, &err), 0, "%s", err.text);
}

static void set_up(void)
{
	static char folder[128];

	scratch_make();
	snprintf(folder, sizeof(folder), "%s/networks.d", scratch);
	settings.runtime_dir = scratch;
	settings.networks_dir = folder;
	open_networks();
}

static void tear_down(void)
{
	networks_close(networks);
	scratch_remove();
}

static int define(const char *text, bool replace)
{
	char name[VIRTUAL_NETWORK_NAME_MAX + 1];
	cJSON *json = cJSON_Parse(text);
	int code = networks_define(networks, json, replace, name, &err);

	cJSON_Delete(json);
	return code;
}

static bool has_network(const char *name)
{
	cJSON *json = networks_list(networks, &err);
	const cJSON *network;
	bool found = false;

	cr_assert_not_null(json, "%s", err.text);
	cJSON_ArrayForEach(network, cJSON_GetObjectItem(json, "networks")) found |=
		strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(network, "name")), name) == 0;
	cJSON_Delete(json);
	return found;
}

Test(networks, defined_one_is_listed_until_it_is_undefined, .init = set_up, .fini = tear_down)
{
	cr_assert_eq(define("{\"name\":\"lab\",\"address\":\"10.1.2.1/24\"}", false), 0, "%s", err.text);
	cr_assert(has_network("lab"));
	cr_assert(has_network("default"));
	cr_assert_eq(define("{\"name\":\"lab\",\"address\":\"10.1.3.1/24\"}", false), -EEXIST);
	cr_assert_not_null(strstr(err.text, "--replace"));
	cr_assert_eq(define("{\"name\":\"lab\",\"address\":\"10.1.3.1/24\"}", true), 0, "%s", err.text);
	cr_assert_eq(networks_undefine(networks, "lab", &err), 0, "%s", err.text);
	cr_assert_not(has_network("lab"));
	cr_assert_eq(networks_undefine(networks, "lab", &err), -ENOENT);
}

Test(networks, more_than_can_be_listed_are_not_defined, .init = set_up, .fini = tear_down)
{
	char text[128];

	for (unsigned i = 1; i < VIRTUAL_NETWORKS_MAX; i++) {
		snprintf(text, sizeof(text), "{\"name\":\"n%u\",\"address\":\"10.1.2.1/24\"}", i);
		cr_assert_eq(define(text, false), 0, "%s", err.text);
	}
	cr_assert_eq(define("{\"name\":\"lab\",\"address\":\"10.1.2.1/24\"}", false), -ENOSPC);
	cr_assert_str_eq(err.text, "network lab: there are 63 networks already, which is the most");
	cr_assert_eq(define("{\"name\":\"n1\",\"address\":\"10.1.3.1/24\"}", true), 0, "%s", err.text);
	cr_assert(has_network("n63"));
}

Test(networks, wrong_definition_changes_nothing, .init = set_up, .fini = tear_down)
{
	cr_assert_eq(define("{\"name\":\"../../lab\",\"address\":\"10.1.2.1/24\"}", true), -EINVAL);
	cr_assert_eq(define("{\"name\":\"lab\",\"address\":\"10.1.2.1\"}", true), -EINVAL);
	cr_assert_eq(access(settings.networks_dir, F_OK), -1);
}

Test(networks, bridge_of_another_network_is_refused, .init = set_up, .fini = tear_down)
{
	cr_assert_eq(define("{\"name\":\"lab\",\"bridge\":\"br-x\",\"address\":\"10.1.2.1/24\"}", false), 0,
		     "%s", err.text);
	cr_assert_eq(define("{\"name\":\"lab2\",\"bridge\":\"br-x\",\"address\":\"10.1.3.1/24\"}", false),
		     -EEXIST);
	cr_assert_str_eq(err.text,
			 "network lab2: bridge br-x is network lab's; choose another name for the bridge");
	cr_assert_not(has_network("lab2"));
	cr_assert_eq(define("{\"name\":\"lab2\",\"bridge\":\"rastos0\",\"address\":\"10.1.3.1/24\"}", false),
		     -EEXIST);
	cr_assert_not_null(strstr(err.text, "rastos0 is network default's"), "%s", err.text);
	cr_assert_eq(define("{\"name\":\"lab2\",\"forward\":\"bridge\",\"bridge\":\"br-x\"}", false),
		     -EEXIST);
	cr_assert_eq(define("{\"name\":\"lab\",\"bridge\":\"br-x\",\"address\":\"10.1.3.1/24\"}", true), 0,
		     "%s", err.text);
}

/* Neither makes it, nor removes it. */
Test(networks, bridge_of_the_host_may_have_two_networks, .init = set_up, .fini = tear_down)
{
	cr_assert_eq(define("{\"name\":\"one\",\"forward\":\"bridge\",\"bridge\":\"br-x\"}", false), 0, "%s",
		     err.text);
	cr_assert_eq(define("{\"name\":\"two\",\"forward\":\"bridge\",\"bridge\":\"br-x\"}", false), 0, "%s",
		     err.text);
}

Test(networks, file_that_is_wrong_keeps_no_other_from_being_defined, .init = set_up, .fini = tear_down)
{
	mkdir(settings.networks_dir, 0755);
	scratch_file("networks.d/lab.json", "{");
	cr_assert_eq(define("{\"name\":\"lab2\",\"address\":\"10.1.3.1/24\"}", false), 0, "%s", err.text);
	cr_assert_eq(define("{\"name\":\"lab\",\"address\":\"10.1.2.1/24\"}", true), 0, "%s", err.text);
}

Test(networks, built_in_one_cannot_be_undefined, .init = set_up, .fini = tear_down)
{
	cr_assert_eq(networks_undefine(networks, "default", &err), -EOPNOTSUPP);
	cr_assert_not_null(strstr(err.text, "is built in"), "%s", err.text);
	cr_assert_eq(networks_undefine(networks, "defalt", &err), -ENOENT);
	cr_assert_str_eq(err.text, "no network is named defalt, did you mean default?");
}

Test(networks, one_whose_file_is_wrong_can_be_undefined, .init = set_up, .fini = tear_down)
{
	mkdir(settings.networks_dir, 0755);
	scratch_file("networks.d/lab.json", "{");
	cr_assert_null(networks_list(networks, &err));
	cr_assert_not_null(strstr(err.text, "lab.json"), "%s", err.text);
	cr_assert_eq(networks_undefine(networks, "lab", &err), 0, "%s", err.text);
	cr_assert(has_network("default"));
}

/* What a former manager left is believed only if it is whole. */
Test(networks, state_of_a_former_manager_is_read, .init = set_up, .fini = tear_down)
{
	const cJSON *guest;
	char path[128];
	cJSON *json;

	networks_close(networks);
	snprintf(path, sizeof(path), "%s/networks", scratch);
	mkdir(path, 0755);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = {"lab", "broken", "other"};

		snprintf(path, sizeof(path), "%s/networks/%s", scratch, names[i]);
		mkdir(path, 0755);
	}
	scratch_file(
		"networks/lab/state.json",
		"{\"definition\":{\"name\":\"lab\",\"address\":\"10.1.2.1/24\"},\"ports\":[{\"guest\":\"web\",\"card\":1,"
		"\"mac\":\"52:54:00:01:02:03\",\"tap\":\"rtap7\",\"address\":\"10.1.2.9\",\"publish\":[\"80:80\"]}]}");
	scratch_file("networks/broken/state.json", "{\"definition\":");
	scratch_file("networks/other/state.json",
		     "{\"definition\":{\"name\":\"lab\",\"address\":\"10.1.2.1/24\"},\"ports\":[]}");
	open_networks();
	json = networks_info(networks, "lab", &err);
	cr_assert_not_null(json, "%s", err.text);
	cr_assert(cJSON_IsTrue(cJSON_GetObjectItem(json, "active")));
	guest = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "guests"), 0);
	cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(guest, "guest")), "web");
	cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(guest, "address")), "10.1.2.9");
	cJSON_Delete(json);
	cr_assert_null(networks_info(networks, "other", &err));
	cr_assert_eq(networks_undefine(networks, "lab", &err), -EBUSY);
	cr_assert_str_eq(err.text, "network lab: guest web is plugged in");
}

Test(networks, cards_of_users_are_refused_with_what_they_can_have, .init = set_up, .fini = tear_down)
{
	struct network_definition card = {.type = NETWORK_NAMED, .network = strdup("default")};
	struct network_plug plug;

	if (geteuid() == 0 && seteuid(65534) < 0)
		cr_skip_test("cannot be another user here");
	cr_assert_eq(networks_attach(networks, "web", 2, &card, &plug, &err), -EPERM);
	cr_assert_str_eq(err.text,
			 "guest web: networks[2]: a network of type \"network\" needs the manager of root; "
			 "\"passt\" needs no privilege");
	cr_assert_eq(plug.fds.queues[0], -1);
	card.bridge = strdup("br0");
	cr_assert_eq(networks_plug_bridge("web", 0, &card, &plug, &err), -EPERM);
	cr_assert_not_null(strstr(err.text, "type \"bridge\" needs the manager of root"), "%s", err.text);
	cr_assert_eq(seteuid(getuid()), 0);
	network_definition_free(&card);
}

Test(networks, macvtap_needs_root_and_an_interface_that_is_there, .init = set_up, .fini = tear_down)
{
	struct network_definition card = {.type = NETWORK_DIRECT, .source = strdup("nosuch0"), .queues = 1};
	struct network_plug plug;

	if (geteuid() == 0) {
		cr_assert_eq(networks_plug_direct(networks, "web", 1, &card, &plug, &err), -ENODEV);
		cr_assert_str_eq(err.text,
				 "guest web: networks[1]: the host has no interface nosuch0; see `ip link`");
		cr_assert_eq(card_fds_count(&plug.fds), 0);
		if (seteuid(65534) < 0)
			cr_skip_test("cannot be another user here");
	}
	cr_assert_eq(networks_plug_direct(networks, "web", 1, &card, &plug, &err), -EPERM);
	cr_assert_not_null(strstr(err.text, "type \"direct\" needs the manager of root"), "%s", err.text);
	network_definition_free(&card);
}
