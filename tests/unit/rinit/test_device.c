#include <criterion/criterion.h>
#include <string.h>

#include "rinit/device.h"

static uint8_t bytes[SUPERBLOCK_SIZE];
static struct superblock superblock;

Test(device, ext4_is_recognized)
{
	bytes[0x38] = 0x53;
	bytes[0x39] = 0xEF;
	for (int i = 0; i < 16; i++)
		bytes[0x68 + i] = (uint8_t)(0x10 + i);
	memcpy(bytes + 0x78, "rastos-data", 11);
	cr_assert(superblock_parse(bytes, &superblock));
	cr_assert_str_eq(superblock.type, "ext4");
	cr_assert_str_eq(superblock.label, "rastos-data");
	cr_assert_str_eq(superblock.uuid, "10111213-1415-1617-1819-1a1b1c1d1e1f");
}

Test(device, erofs_is_recognized)
{
	memcpy(bytes, "\xe2\xe1\xf5\xe0", 4);
	memcpy(bytes + 64, "sixteen-letters!", 16);
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
