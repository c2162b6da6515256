/* What a definition says of disks, cards, CPU features, clock and itself: what it becomes. What is refused is
 * in tests/unit/cli/test_definition.py. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/kvm.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "vmm/config/definition.h"

static struct guest_definition *parsed;
static struct error err;

static void teardown(void)
{
	definition_free(parsed);
}

TestSuite(definition_devices, .fini = teardown);

static void parse(const char *more)
{
	char text[2048];

	snprintf(text, sizeof(text), "{\"name\":\"a\",\"image\":\"i\"%s%s}", *more ? "," : "", more);
	cr_assert_eq(definition_parse("test.json", "/", text, &parsed, &err), 0, "%s", err.text);
}

Test(definition_devices, a_disk_is_plain_by_default)
{
	const struct disk_definition *disk;

	parse("\"disks\":[{\"path\":\"p\"}]");
	disk = &parsed->disks[0];
	cr_assert_eq(disk->cache, DISK_CACHE_WRITEBACK);
	cr_assert_eq(disk->errors, DISK_ERRORS_REPORT);
	cr_assert_not(disk->discard || disk->shareable || disk_definition_direct(disk));
	cr_assert_eq(disk->logical_block | disk->physical_block, 0);
	cr_assert_eq(disk->bytes.total.rate | disk->operations.read.rate, 0);
}

Test(definition_devices, a_disks_choices)
{
	const struct disk_definition *disk;

	parse("\"disks\":[{\"path\":\"p\",\"cache\":\"directsync\",\"discard\":\"unmap\",\"shareable\":true,"
	      "\"error_policy\":\"stop\",\"block_size\":{\"logical\":1024,\"physical\":65536}}]");
	disk = &parsed->disks[0];
	cr_assert_eq(disk->cache, DISK_CACHE_DIRECTSYNC);
	cr_assert_eq(disk->errors, DISK_ERRORS_STOP);
	cr_assert(disk->discard && disk->shareable && disk_definition_direct(disk));
	cr_assert_eq(disk->logical_block, 1024);
	cr_assert_eq(disk->physical_block, 65536);
}

Test(definition_devices, a_burst_is_what_comes_beyond_the_rate_in_its_time)
{
	parse("\"disks\":[{\"path\":\"p\",\"iotune\":{\"read\":{\"iops_sec\":100,\"iops_sec_max\":300,"
	      "\"iops_sec_max_length\":10},\"write\":{\"bytes_sec\":4096}}}]");
	cr_assert_eq(parsed->disks[0].operations.read.rate, 100);
	cr_assert_eq(parsed->disks[0].operations.read.peak, 300);
	cr_assert_eq(parsed->disks[0].operations.read.burst, 2000);
	cr_assert_eq(parsed->disks[0].bytes.write.rate, 4096);
	cr_assert_eq(parsed->disks[0].bytes.write.burst, 0);
	cr_assert_eq(parsed->disks[0].operations.write.rate, 0);
}

Test(definition_devices, a_cards_choices)
{
	const struct network_definition *card;

	parse("\"networks\":[{\"mtu\":9000,\"link\":\"down\",\"id\":\"lan\",\"bandwidth\":{"
	      "\"inbound\":{\"average\":10},\"outbound\":{\"average\":1000,\"peak\":2000,\"burst\":3}}}]");
	card = &parsed->networks[0];
	cr_assert_eq(card->mtu, 9000);
	cr_assert(card->link_down);
	cr_assert_eq(card->rates.inbound.rate, KIB(10));
	cr_assert_eq(card->rates.inbound.burst, KIB(128), "the largest packets are not to wait for long");
	cr_assert_eq(card->rates.outbound.rate, KIB(1000));
	cr_assert_eq(card->rates.outbound.peak, KIB(2000));
	cr_assert_eq(card->rates.outbound.burst, KIB(3));
}

Test(definition_devices, what_drivers_may_choose_from)
{
	parse("\"disks\":[{\"path\":\"p\"},{\"path\":\"q\",\"driver\":{\"packed\":true,\"indirect\":false}}],"
	      "\"networks\":[{\"driver\":{\"event_idx\":false,\"in_order\":false}}]");
	cr_assert_eq(virtio_driver_withheld(&parsed->disks[0].driver), 1ULL << VIRTIO_F_RING_PACKED);
	cr_assert_eq(virtio_driver_withheld(&parsed->disks[1].driver), 1ULL << VIRTIO_RING_F_INDIRECT_DESC);
	cr_assert_eq(virtio_driver_withheld(&parsed->networks[0].driver),
		     1ULL << VIRTIO_F_RING_PACKED | 1ULL << VIRTIO_RING_F_EVENT_IDX |
			     1ULL << VIRTIO_F_IN_ORDER);
}

Test(definition_devices, devices_have_names)
{
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];

	parse("\"disks\":[{\"path\":\"p\",\"id\":\"root\"},{\"path\":\"q\"}],\"networks\":[{},{\"id\":\"lan\"}]");
	cr_assert_str_eq(definition_disk_id(parsed, 0, buffer), "root");
	cr_assert_str_eq(definition_disk_id(parsed, 1, buffer), "disk1");
	cr_assert_str_eq(definition_network_id(parsed, 0, buffer), "net0");
	cr_assert_str_eq(definition_network_id(parsed, 1, buffer), "lan");
}

Test(definition_devices, a_clock)
{
	parse("");
	cr_assert(!parsed->clock.local && parsed->clock.adjustment == 0);
	definition_free(parsed);
	parse("\"clock\":{\"offset\":\"localtime\",\"adjustment\":-3600}");
	cr_assert(parsed->clock.local && parsed->clock.adjustment == -3600);
}

/* UUIDs */

Test(definition_devices, a_uuid_is_read_in_small_letters)
{
	uint8_t bytes[UUID_BYTES];

	parse("\"uuid\":\"6D0C4A4E-9F0E-4C56-8F3A-0A2B7C1D5E6F\"");
	cr_assert_str_eq(parsed->uuid, "6d0c4a4e-9f0e-4c56-8f3a-0a2b7c1d5e6f");
	uuid_bytes(parsed->uuid, bytes);
	cr_assert_arr_eq(bytes, "\x6d\x0c\x4a\x4e\x9f\x0e\x4c\x56\x8f\x3a\x0a\x2b\x7c\x1d\x5e\x6f",
			 UUID_BYTES);
	cr_assert_eq(definition_give_uuid(parsed, "7d0c4a4e-9f0e-4c56-8f3a-0a2b7c1d5e6f", &err), 0);
	cr_assert_str_eq(parsed->uuid, "6d0c4a4e-9f0e-4c56-8f3a-0a2b7c1d5e6f", "it had one");
}

Test(definition_devices, a_uuid_is_given_in_the_document_too)
{
	char first[UUID_TEXT_SIZE];

	parse("");
	cr_assert_str_eq(parsed->uuid, "");
	cr_assert_eq(definition_give_uuid(parsed, "", &err), 0);
	cr_assert(uuid_valid(parsed->uuid));
	cr_assert_eq(parsed->uuid[14], '4');
	cr_assert_str_eq(cJSON_GetObjectItem(parsed->json, "uuid")->valuestring, parsed->uuid);
	strcpy(first, parsed->uuid);
	definition_free(parsed);
	parse("");
	cr_assert_eq(definition_give_uuid(parsed, "", &err), 0);
	cr_assert_str_neq(parsed->uuid, first);
	definition_free(parsed);
	parse("");
	cr_assert_eq(definition_give_uuid(parsed, first, &err), 0);
	cr_assert_str_eq(parsed->uuid, first);
}

/* CPU features */

static struct {
	struct kvm_cpuid2 table;
	struct kvm_cpuid_entry2 entries[1];
} cpu = {.table = {.nent = 1}, .entries = {{.function = 1, .ecx = 1U << 25}}}; /* aes */

static int check(const char *features)
{
	char text[256];

	snprintf(text, sizeof(text), "\"cpu\":{\"features\":%s}", features);
	parse(text);
	cpu_features_disable(&parsed->cpu_features, &cpu.table);
	return cpu_features_check(&parsed->cpu_features, &cpu.table, "a", &err);
}

Test(definition_devices, features_that_are_there_and_not)
{
	cr_assert_eq(check("{\"aes\":\"require\",\"avx\":\"forbid\",\"avx2\":\"disable\"}"), 0);
	definition_free(parsed);
	cr_assert_eq(check("{\"avx\":\"require\"}"), -ENOTSUP);
	cr_assert_str_eq(
		err.text,
		"guest a: cpu.features.avx: is required, and a guest of this host's CPU does not have it");
	definition_free(parsed);
	cr_assert_eq(check("{\"aes\":\"forbid\"}"), -ENOTSUP);
	cr_assert_str_eq(
		err.text,
		"guest a: cpu.features.aes: is forbidden, and this host's CPU has it; \"disable\" hides it");
	cr_assert_eq(cpu.entries[0].ecx, 1U << 25);
}

Test(definition_devices, a_feature_that_is_disabled_is_gone)
{
	cr_assert_eq(check("{\"aes\":\"disable\"}"), 0);
	cr_assert_eq(cpu.entries[0].ecx, 0);
}

/* Cards that stay when another goes say which address they had: it is nobody else's. */
Test(definition_devices, a_card_without_an_address_does_not_take_anothers)
{
	uint8_t second[6];
	char text[160];

	parse("\"networks\":[{},{}]");
	memcpy(second, parsed->networks[1].mac, sizeof(second));
	cr_assert(memcmp(parsed->networks[0].mac, second, sizeof(second)));
	definition_free(parsed);
	snprintf(text, sizeof(text), "\"networks\":[{\"mac\":\"%02x:%02x:%02x:%02x:%02x:%02x\"},{},{}]",
		 second[0], second[1], second[2], second[3], second[4], second[5]);
	parse(text);
	cr_assert_eq(memcmp(parsed->networks[0].mac, second, sizeof(second)), 0);
	cr_assert(memcmp(parsed->networks[1].mac, second, sizeof(second)));
	cr_assert(memcmp(parsed->networks[2].mac, parsed->networks[1].mac, sizeof(second)));
}

Test(definition_devices, entropy_has_no_limit_by_default)
{
	parse("");
	cr_assert(parsed->rng.present);
	cr_assert_eq(parsed->rng.rate.rate, 0);
}

Test(definition_devices, entropy_has_a_rate)
{
	parse("\"rng\":{\"rate\":{\"bytes\":1024,\"period\":2000}}");
	cr_assert(parsed->rng.present);
	cr_assert_eq(parsed->rng.rate.rate, 512);
	cr_assert_eq(parsed->rng.rate.burst, 1024);
}

Test(definition_devices, channels_have_names_and_paths)
{
	parse("\"channels\":[{\"name\":\"org.qemu.guest_agent.0\"},{\"name\":\"b\",\"path\":\"/x/b.sock\"}]");
	cr_assert_eq(parsed->channels.count, 2);
	cr_assert_str_eq(parsed->channels.channels[0].name, "org.qemu.guest_agent.0");
	cr_assert_null(parsed->channels.channels[0].path);
	cr_assert_str_eq(parsed->channels.channels[1].path, "/x/b.sock");
	cr_assert_eq(channel_definitions_find(&parsed->channels, "b"), 1);
	cr_assert_eq(channel_definitions_find(&parsed->channels, "c"), -ENOENT);
}

Test(definition_devices, there_is_no_balloon_by_default)
{
	parse("");
	cr_assert_not(parsed->memballoon.present);
}

Test(definition_devices, a_balloon_does_what_it_says)
{
	parse("\"memory_mib\":64,\"current_memory_mib\":32,"
	      "\"memballoon\":{\"autodeflate\":true,\"free_page_reporting\":true,\"stats_period\":10}");
	cr_assert(parsed->memballoon.present && parsed->memballoon.autodeflate &&
		  parsed->memballoon.free_page_reporting);
	cr_assert_eq(parsed->memballoon.stats_period, 10);
	cr_assert_eq(parsed->memballoon.current_mib, 32);
}

Test(definition_devices, a_filesystem_is_plain_by_default)
{
	const struct filesystem_definition *filesystem;

	parse("\"filesystems\":[{\"path\":\"/srv\",\"tag\":\"data\"}]");
	filesystem = &parsed->filesystems.list[0];
	cr_assert_eq(parsed->filesystems.count, 1);
	cr_assert_str_eq(filesystem->path, "/srv");
	cr_assert_str_eq(filesystem->tag, "data");
	cr_assert_null(filesystem->mount);
	cr_assert_not(filesystem->read_only || filesystem->xattr || filesystem->posix_lock || filesystem->flock);
	cr_assert_str_eq(filesystem_cache_word(filesystem->cache), "auto");
	cr_assert_eq(filesystem->queue_size, 128);
	cr_assert_eq(filesystem->thread_pool, 0);
}

Test(definition_devices, a_filesystems_choices)
{
	const struct filesystem_definition *filesystem;

	parse("\"filesystems\":[{\"path\":\"/p\",\"tag\":\"123456789012345678901234567890123456\",\"mount\":\"/m/n\","
	      "\"read_only\":true,\"cache\":\"none\",\"xattr\":true,\"posix_lock\":true,\"flock\":true,"
	      "\"thread_pool\":32,\"queue_size\":256,\"driver\":{\"packed\":true}}]");
	filesystem = &parsed->filesystems.list[0];
	cr_assert_str_eq(filesystem->mount, "/m/n");
	cr_assert(filesystem->read_only && filesystem->xattr && filesystem->posix_lock && filesystem->flock);
	cr_assert_str_eq(filesystem_cache_word(filesystem->cache), "none");
	cr_assert_eq(filesystem->queue_size, 256);
	cr_assert_eq(filesystem->thread_pool, 32);
	cr_assert(filesystem->driver.packed);
}
