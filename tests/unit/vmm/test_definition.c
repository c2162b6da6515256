/* Guests' definitions: what is read, and how each mistake is told. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "vmm/config/definition.h"

static struct guest_definition *parsed;
static struct error err;

static int parse(const char *text)
{
	err.text[0] = '\0';
	parsed = NULL;
	return definition_parse("server.json", "/guests", text, &parsed, &err);
}

/* Refused with exactly this sentence. */
static void refused(const char *text, const char *sentence)
{
	cr_assert_lt(parse(text), 0, "was accepted: %s", text);
	cr_assert_null(parsed);
	cr_assert_str_eq(err.text, sentence);
}

Test(definition, full_one_is_read)
{
	cr_assert_eq(
		parse("{\"name\":\"web\",\"role\":\"server\",\"image\":\"web.itb\",\"vcpus\":6,"
		      "\"topology\":{\"sockets\":1,\"cores\":3,\"threads\":2},\"memory_mib\":1024,"
		      "\"disks\":[{\"path\":\"root.erofs\",\"id\":\"root\",\"read_only\":true},{\"path\":\"/d.img\"}],"
		      "\"networks\":[{\"type\":\"tap\",\"device\":\"tap0\",\"mac\":\"52:54:00:12:34:56\"},"
		      "{\"type\":\"passt\",\"publish\":[\"8080:80\"]}],"
		      "\"vsock\":{\"cid\":7,\"path\":\"v.sock\"},\"console\":\"virtio\",\"rng\":false,"
		      "\"on_reboot\":\"destroy\",\"on_crash\":\"restart\"}"),
		0, "%s", err.text);
	cr_assert_str_eq(parsed->name, "web");
	cr_assert_str_eq(parsed->image, "/guests/web.itb");
	cr_assert_eq(topology_vcpus(&parsed->topology), 6);
	cr_assert_eq(parsed->topology.threads, 2);
	cr_assert_eq(parsed->memory_mib, 1024);
	cr_assert_eq(parsed->disk_count, 2);
	cr_assert_str_eq(parsed->disks[0].path, "/guests/root.erofs");
	cr_assert(parsed->disks[0].read_only);
	cr_assert_str_eq(parsed->disks[1].path, "/d.img");
	cr_assert_eq(parsed->network_count, 2);
	cr_assert_eq(parsed->networks[0].type, NETWORK_TAP);
	cr_assert_eq(memcmp(parsed->networks[0].mac, "\x52\x54\x00\x12\x34\x56", 6), 0);
	cr_assert_str_eq(parsed->networks[1].publish[0], "8080:80");
	cr_assert_eq(parsed->vsock_cid, 7);
	cr_assert_str_eq(parsed->vsock_path, "/guests/v.sock");
	cr_assert_eq(parsed->console, GUEST_CONSOLE_VIRTIO);
	cr_assert_not(parsed->rng.present);
	cr_assert_eq(parsed->on_reboot, GUEST_ACTION_DESTROY);
	cr_assert_eq(parsed->on_crash, GUEST_ACTION_RESTART);
	definition_free(parsed);
}

Test(definition, small_one_has_defaults)
{
	cr_assert_eq(parse("{\"name\":\"a\",\"kernel\":{\"path\":\"vmlinux\"}}"), 0, "%s", err.text);
	cr_assert_eq(parsed->role, GUEST_ROLE_SERVER);
	cr_assert_eq(topology_vcpus(&parsed->topology), 1);
	cr_assert_eq(parsed->protocol, BOOT_PROTOCOL_AUTO);
	cr_assert_eq(parsed->vsock_cid, DEFINITION_CID_DEFAULT);
	cr_assert_eq(parsed->on_reboot, GUEST_ACTION_RESTART);
	cr_assert_eq(parsed->on_crash, GUEST_ACTION_DESTROY);
	cr_assert(parsed->rng.present);
	cr_assert_not(parsed->allow_unsigned);
	definition_free(parsed);
}

Test(definition, vcpus_become_cores)
{
	cr_assert_eq(parse("{\"name\":\"a\",\"image\":\"i\",\"vcpus\":3}"), 0);
	cr_assert_eq(parsed->topology.sockets, 1);
	cr_assert_eq(parsed->topology.cores, 3);
	definition_free(parsed);
}

Test(definition, mac_by_default_is_stable_and_local)
{
	uint8_t first[6];

	cr_assert_eq(
		parse("{\"name\":\"a\",\"image\":\"i\",\"networks\":[{\"type\":\"passt\"},{\"type\":\"passt\"}]}"),
		0);
	memcpy(first, parsed->networks[0].mac, 6);
	cr_assert_eq(memcmp(first, "\x52\x54\x00", 3), 0);
	cr_assert_neq(memcmp(first, parsed->networks[1].mac, 6), 0);
	definition_free(parsed);
	cr_assert_eq(parse("{\"name\":\"a\",\"image\":\"i\",\"networks\":[{\"type\":\"passt\"}]}"), 0);
	cr_assert_eq(memcmp(first, parsed->networks[0].mac, 6), 0);
	definition_free(parsed);
}

Test(definition, unknown_key_names_the_nearest)
{
	refused("{\"name\":\"a\",\"image\":\"i\",\"memroy_mib\":4}",
		"server.json: memroy_mib: is not a known key, did you mean \"memory_mib\"?");
	refused("{\"name\":\"a\",\"image\":\"i\",\"zzz\":4}", "server.json: zzz: is not a known key");
	refused("{\"name\":\"a\",\"image\":\"i\",\"disks\":[{\"path\":\"p\"},{\"pth\":\"q\"}]}",
		"server.json: disks[1].pth: is not a known key, did you mean \"path\"?");
	refused("{\"name\":\"a\",\"image\":\"i\",\"allow_unsigned\":true}",
		"server.json: allow_unsigned: is not a known key");
}

Test(definition, key_twice_is_refused)
{
	refused("{\"name\":\"a\",\"image\":\"i\",\"image\":\"j\"}", "server.json: image: is given twice");
}

Test(definition, wrong_types_and_ranges_are_refused)
{
	refused("{\"name\":7}", "server.json: name: must be a string that is not empty");
	refused("{\"name\":\"a b\"}",
		"server.json: name: must be letters, digits, '-', '_' and '.', at most 63 of them");
	refused("{\"name\":\"a\",\"image\":\"i\",\"vcpus\":0}",
		"server.json: vcpus: must be a whole number from 1 to 255");
	refused("{\"name\":\"a\",\"image\":\"i\",\"vcpus\":1.5}",
		"server.json: vcpus: must be a whole number from 1 to 255");
	refused("{\"name\":\"a\",\"image\":\"i\",\"memory_mib\":1}",
		"server.json: memory_mib: must be a whole number from 16 to 16777216");
	refused("{\"name\":\"a\",\"image\":\"i\",\"rng\":1}", "server.json: rng: must be true, false or an object: { ... }");
	refused("{\"name\":\"a\",\"image\":\"i\",\"console\":\"vga\"}",
		"server.json: console: must be one of \"serial\", \"virtio\"");
	refused("{\"name\":\"a\",\"image\":\"i\",\"disks\":{}}",
		"server.json: disks: must be an array: [ ... ]");
	refused("{\"name\":\"a\",\"image\":\"i\",\"disks\":[3]}",
		"server.json: disks[0]: must be an object: { ... }");
	refused("{\"name\":\"a\",\"image\":\"i\",\"vsock\":{\"cid\":2}}",
		"server.json: vsock.cid: must be a whole number from 3 to 4294967294");
}

Test(definition, boot_source_is_one)
{
	refused("{\"name\":\"a\"}", "server.json: image: is missing: give a boot image, or a kernel");
	refused("{\"name\":\"a\",\"image\":\"i\",\"kernel\":{\"path\":\"k\"}}",
		"server.json: kernel: and image exclude each other");
	refused("{\"name\":\"a\",\"kernel\":{\"initrd\":\"k\"}}",
		"server.json: kernel.path: is missing: which kernel?");
}

Test(definition, topology_must_agree_with_vcpus)
{
	refused("{\"name\":\"a\",\"image\":\"i\",\"vcpus\":4,\"topology\":{\"cores\":3}}",
		"server.json: topology: makes 3 vCPUs, but vcpus is 4");
	refused("{\"name\":\"a\",\"image\":\"i\",\"topology\":{\"sockets\":200,\"cores\":200}}",
		"server.json: topology: makes 40000 vCPUs, at most 255 are possible");
}

Test(definition, what_is_not_said_is_told_apart)
{
	cr_assert_eq(parse("{\"name\":\"a\",\"image\":\"i\"}"), 0);
	cr_assert_eq(parsed->wants.vcpus, 0);
	cr_assert_eq(parsed->wants.memory_mib, 0);
	cr_assert_eq(parsed->memory_mib, 512);
	cr_assert_not(parsed->wants.exclusive);
	cr_assert_eq(parsed->wants.weight, 100);
	cr_assert(cpu_set_empty(&parsed->placement.cpus));
	definition_free(parsed);
	cr_assert_eq(parse("{\"name\":\"a\",\"image\":\"i\",\"topology\":{\"cores\":3},\"memory_mib\":64}"),
		     0);
	cr_assert_eq(parsed->wants.vcpus, 3);
	cr_assert(parsed->wants.topology);
	cr_assert_eq(parsed->wants.memory_mib, 64);
	definition_free(parsed);
}

Test(definition, placement_is_read)
{
	char text[CPU_SET_TEXT_MAX];

	cr_assert_eq(parse("{\"name\":\"a\",\"image\":\"i\",\"role\":\"guest\","
			   "\"cpus\":{\"placement\":\"exclusive\",\"pin\":\"2-5,^3\",\"weight\":10000},"
			   "\"numa\":{\"nodes\":\"0-1\",\"mode\":\"interleave\"},"
			   "\"memory_backing\":{\"hugepages\":\"1G\"}}"),
		     0, "%s", err.text);
	cr_assert_eq(parsed->role, GUEST_ROLE_GUEST);
	cr_assert(parsed->wants.exclusive);
	cr_assert_str_eq(cpu_set_format(&parsed->wants.pin, text), "2,4-5");
	cr_assert_eq(parsed->wants.weight, 10000);
	cr_assert_str_eq(cpu_set_format(&parsed->placement.nodes, text), "0-1");
	cr_assert_eq(parsed->placement.numa_mode, NUMA_INTERLEAVE);
	cr_assert_eq(parsed->placement.pages, PAGES_1G);
	definition_free(parsed);
}

Test(definition, huge_pages_by_yes_no_or_size)
{
	static const struct {
		const char *value;
		enum page_kind pages;
	} rows[] = {{"true", PAGES_2M}, {"false", PAGES_NORMAL}, {"\"2M\"", PAGES_2M}, {"\"1G\"", PAGES_1G}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[128];

		snprintf(text, sizeof(text),
			 "{\"name\":\"a\",\"image\":\"i\",\"memory_backing\":{\"hugepages\":%s}}",
			 rows[i].value);
		cr_assert_eq(parse(text), 0, "%s", err.text);
		cr_assert_eq(parsed->wants.pages, rows[i].pages);
		definition_free(parsed);
	}
	refused("{\"name\":\"a\",\"image\":\"i\",\"memory_backing\":{\"hugepages\":\"4K\"}}",
		"server.json: memory_backing.hugepages: must be true, false, \"2M\" or \"1G\"");
	refused("{\"name\":\"a\",\"image\":\"i\",\"memory_backing\":{\"hugepages\":1}}",
		"server.json: memory_backing.hugepages: must be true, false, \"2M\" or \"1G\"");
}

Test(definition, placement_that_makes_no_sense_is_refused)
{
	refused("{\"name\":\"a\",\"image\":\"i\",\"cpus\":4}",
		"server.json: cpus: must be an object: { ... }");
	refused("{\"name\":\"a\",\"image\":\"i\",\"cpus\":{\"pinned\":\"2\"}}",
		"server.json: cpus.pinned: is not a known key, did you mean \"pin\"?");
	refused("{\"name\":\"a\",\"image\":\"i\",\"cpus\":{\"pin\":\"2-\"}}",
		"server.json: cpus.pin: must be a list such as \"0-3,8\"");
	refused("{\"name\":\"a\",\"image\":\"i\",\"cpus\":{\"pin\":\"1,^1\"}}",
		"server.json: cpus.pin: must be a list such as \"0-3,8\"");
	refused("{\"name\":\"a\",\"image\":\"i\",\"cpus\":{\"pin\":\"5000\"}}",
		"server.json: cpus.pin: has a number above 1023, or a range that runs backwards");
	refused("{\"name\":\"a\",\"image\":\"i\",\"cpus\":{\"placement\":\"mine\"}}",
		"server.json: cpus.placement: must be one of \"shared\", \"exclusive\"");
	refused("{\"name\":\"a\",\"image\":\"i\",\"cpus\":{\"weight\":0}}",
		"server.json: cpus.weight: must be a whole number from 1 to 10000");
	refused("{\"name\":\"a\",\"image\":\"i\",\"numa\":{\"mode\":\"strict\"}}",
		"server.json: numa.nodes: is missing: memory of which nodes?");
	refused("{\"name\":\"a\",\"image\":\"i\",\"numa\":{\"nodes\":\"0\",\"mode\":\"near\"}}",
		"server.json: numa.mode: must be one of \"strict\", \"preferred\", \"interleave\"");
}

Test(definition, networks_are_checked)
{
	refused("{\"name\":\"a\",\"image\":\"i\",\"networks\":[{\"type\":\"tap\"}]}",
		"server.json: networks[0].device: is missing: which TAP interface?");
	refused("{\"name\":\"a\",\"image\":\"i\",\"networks\":[{\"mac\":\"nonsense\"}]}",
		"server.json: networks[0].mac: must look like 52:54:00:12:34:56");
	refused("{\"name\":\"a\",\"image\":\"i\",\"networks\":[{\"mac\":\"01:54:00:12:34:56\"}]}",
		"server.json: networks[0].mac: is a multicast address");
	refused("{\"name\":\"a\",\"image\":\"i\",\"networks\":[{\"type\":\"tap\",\"device\":\"t\",\"publish\":[\"1:1\"]}]}",
		"server.json: networks[0].publish: is for cards of type \"passt\" and \"network\"; others' ports are reached by the guest's own address");
	refused("{\"name\":\"a\",\"image\":\"i\",\"networks\":[{\"type\":\"network\"}]}",
		"server.json: networks[0].network: is missing: which network?");
	refused("{\"name\":\"a\",\"image\":\"i\",\"networks\":[{\"type\":\"bridge\"}]}",
		"server.json: networks[0].bridge: is missing: which bridge?");
	refused("{\"name\":\"a\",\"image\":\"i\",\"networks\":[{\"network\":\"default\"}]}",
		"server.json: networks[0].network: is for cards of type \"network\"");
	refused("{\"name\":\"a\",\"image\":\"i\",\"networks\":[{\"type\":\"bridge\",\"bridge\":\"sixteen-letters-\"}]}",
		"server.json: networks[0].bridge: is longer than 15 bytes");
}

Test(definition, text_that_is_not_json_names_the_line)
{
	refused("{\n\"name\":\"a\",\n\"image\" \"i\"}", "server.json: line 3 is not valid JSON");
	refused("[]", "server.json: must be a JSON object: { ... }");
	refused("{} trailing", "server.json: line 1 is not valid JSON");
}

Test(definition, file_that_is_missing_is_named)
{
	cr_assert_lt(definition_read("/nonexistent/g.json", &parsed, &err), 0);
	cr_assert_str_eq(err.text,
			 "guest definition /nonexistent/g.json: cannot open: No such file or directory");
}
