#include <criterion/criterion.h>
#include <string.h>

#include "rinit/device.h"
#include "rinit/partition.h"

static uint8_t bytes[SUPERBLOCK_SIZE];
static struct superblock superblock;

Test(device, ext4_is_recognized)
{
	bytes[0x438] = 0x53;
	bytes[0x439] = 0xEF;
	for (int i = 0; i < 16; i++)
		bytes[0x468 + i] = (uint8_t)(0x10 + i);
	memcpy(bytes + 0x478, "rastos-data", 11);
	cr_assert(superblock_parse(bytes, &superblock));
	cr_assert_str_eq(superblock.type, "ext4");
	cr_assert_str_eq(superblock.label, "rastos-data");
	cr_assert_str_eq(superblock.uuid, "10111213-1415-1617-1819-1a1b1c1d1e1f");
}

Test(device, erofs_is_recognized)
{
	memcpy(bytes + 0x400, "\xe2\xe1\xf5\xe0", 4);
	memcpy(bytes + 0x440, "sixteen-letters!", 16);
	cr_assert(superblock_parse(bytes, &superblock));
	cr_assert_str_eq(superblock.type, "erofs");
	cr_assert_str_eq(superblock.label, "sixteen-letters!");
}

Test(device, anything_else_is_nothing)
{
	cr_assert_not(superblock_parse(bytes, &superblock));
	memset(bytes, 0xff, sizeof(bytes));
	cr_assert_not(superblock_parse(bytes, &superblock));
}

Test(device, names_of_what_is_not_there_are_not_found)
{
	char path[64];

	cr_assert_not(device_find("LABEL=no such label here", path, sizeof(path)));
	cr_assert_not(device_find("UUID=", path, sizeof(path)));
	cr_assert_not(device_find("/dev/null", path, sizeof(path)), "a character device is no disk");
	cr_assert_not(device_find("/dev/disk/by-id/virtio-nothing", path, sizeof(path)));
}

Test(device, other_file_systems_are_recognized)
{
	memcpy(bytes, "XFSB", 4);
	memcpy(bytes + 108, "twelve-bytes", 12);
	cr_assert(superblock_parse(bytes, &superblock));
	cr_assert_str_eq(superblock.type, "xfs");
	cr_assert_str_eq(superblock.label, "twelve-bytes");
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes + SUPERBLOCK_HEAD + 0x40, "_BHRfS_M", 8);
	memset(bytes + SUPERBLOCK_HEAD + 0x12B, 'x', 256);
	cr_assert(superblock_parse(bytes, &superblock));
	cr_assert_str_eq(superblock.type, "btrfs");
	cr_assert_eq(strlen(superblock.label), 63, "a longer label is cut");
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes + 4086, "SWAPSPACE2", 10);
	cr_assert(superblock_parse(bytes, &superblock));
	cr_assert_str_eq(superblock.type, "swap");
	cr_assert_str_eq(superblock.uuid, "00000000-0000-0000-0000-000000000000");
}

Test(device, vfat_has_a_short_id_and_a_label_without_blanks)
{
	memcpy(bytes + 0x52, "FAT32   ", 8);
	memcpy(bytes + 0x43, "\x34\x12\xcd\xab", 4);
	memcpy(bytes + 0x47, "EFI        ", 11);
	cr_assert(superblock_parse(bytes, &superblock));
	cr_assert_str_eq(superblock.type, "vfat");
	cr_assert_str_eq(superblock.uuid, "ABCD-1234");
	cr_assert_str_eq(superblock.label, "EFI");
}

Test(device, partition_table_entries_are_found)
{
	static const uint8_t guid[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
					 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
	uint8_t header[92] = "EFI PART";
	char uuid[PARTITION_UUID_MAX];
	uint64_t at;

	header[72] = 2;
	header[80] = 128;
	header[84] = 128;
	cr_assert(partition_gpt_entry(header, 3, 512, &at));
	cr_assert_eq(at, 1024 + 256 + 16);
	cr_assert_not(partition_gpt_entry(header, 0, 512, &at));
	cr_assert_not(partition_gpt_entry(header, 129, 512, &at));
	header[84] = 0;
	cr_assert_not(partition_gpt_entry(header, 1, 512, &at), "entries of no size");
	partition_guid_format(guid, uuid);
	cr_assert_str_eq(uuid, "00112233-4455-6677-8899-aabbccddeeff");
}
