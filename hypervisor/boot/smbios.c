#include "hypervisor/boot/smbios.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "hypervisor/x86_64/layout.h"

#define TYPE_BIOS   0
#define TYPE_SYSTEM 1
#define TYPE_END    127

#define BIOS_IS_VIRTUAL      (1U << 4) /* 7.1.2.2, extension byte 2 */
#define BIOS_NOT_SUPPORTED   (1U << 3) /* 7.1.1: its characteristics are not told */
#define BIOS_RELEASE_NONE    0xff
#define WAKE_UP_POWER_SWITCH 6 /* 7.2.2 */

/* 5.2.2 */
struct __attribute__((packed)) entry_point {
	char anchor[5];
	uint8_t checksum;
	uint8_t length;
	uint8_t major, minor, docrev;
	uint8_t revision;
	uint8_t reserved;
	uint32_t table_size;
	uint64_t table_address;
};

/* 6.1.2; strings are the numbers, from 1 on, of those that follow the structure. */
struct __attribute__((packed)) header {
	uint8_t type;
	uint8_t length;
	uint16_t handle;
};

/* 7.1 */
struct __attribute__((packed)) bios {
	struct header header;
	uint8_t vendor, version;
	uint16_t segment;
	uint8_t date;
	uint8_t rom_size;
	uint64_t characteristics;
	uint8_t extension[2];
	uint8_t release[2], controller_release[2];
	uint16_t rom_size_extended;
};

/* 7.2 */
struct __attribute__((packed)) system {
	struct header header;
	uint8_t manufacturer, product, version, serial;
	uint8_t uuid[SMBIOS_UUID_BYTES];
	uint8_t wake_up;
	uint8_t sku, family;
};

/* Each structure, and its strings with the empty one that ends them. */
struct __attribute__((packed)) tables {
	struct bios bios;
	char bios_strings[sizeof("rastOS\0" RASTOS_VERSION "\0"
				 "01/01/2026\0")];
	struct system system;
	char system_strings[sizeof("rastOS\0rastOS guest\0" RASTOS_VERSION "\0")];
	struct header end;
	char end_strings[2];
};

struct __attribute__((packed)) area {
	struct entry_point entry;
	uint8_t padding[8];
	struct tables tables;
};

static uint8_t checksum(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return (uint8_t)-sum;
}

static void swap(uint8_t *bytes, unsigned count)
{
	for (unsigned i = 0; i < count / 2; i++) {
		uint8_t byte = bytes[i];

		bytes[i] = bytes[count - 1 - i];
		bytes[count - 1 - i] = byte;
	}
}

/* 7.2.1: the first three fields are little-endian. */
static void fill_uuid(uint8_t into[SMBIOS_UUID_BYTES], const uint8_t uuid[SMBIOS_UUID_BYTES])
{
	memcpy(into, uuid, SMBIOS_UUID_BYTES);
	swap(into, 4);
	swap(into + 4, 2);
	swap(into + 6, 2);
}

static void fill_tables(struct tables *tables, const uint8_t uuid[SMBIOS_UUID_BYTES])
{
	*tables = (struct tables){
		.bios = {.header = {TYPE_BIOS, sizeof(struct bios), htole16(0)},
			 .vendor = 1,
			 .version = 2,
			 .date = 3,
			 .characteristics = htole64(BIOS_NOT_SUPPORTED),
			 .extension = {0, BIOS_IS_VIRTUAL},
			 .release = {BIOS_RELEASE_NONE, BIOS_RELEASE_NONE},
			 .controller_release = {BIOS_RELEASE_NONE, BIOS_RELEASE_NONE}},
		.bios_strings = "rastOS\0" RASTOS_VERSION "\0"
				"01/01/2026\0",
		.system = {.header = {TYPE_SYSTEM, sizeof(struct system), htole16(1)},
			   .manufacturer = 1,
			   .product = 2,
			   .version = 3,
			   .wake_up = WAKE_UP_POWER_SWITCH},
		.system_strings = "rastOS\0rastOS guest\0" RASTOS_VERSION "\0",
		.end = {TYPE_END, sizeof(struct header), htole16(2)},
	};
	fill_uuid(tables->system.uuid, uuid);
}

int smbios_build(const struct guest_memory *memory, const uint8_t uuid[SMBIOS_UUID_BYTES], struct error *err)
{
	struct area area = {
		.entry = {.anchor = {'_', 'S', 'M', '3', '_'},
			  .length = sizeof(struct entry_point),
			  .major = 3,
			  .revision = 1,
			  .table_size = htole32(sizeof(struct tables)),
			  .table_address = htole64(LAYOUT_SMBIOS + offsetof(struct area, tables))},
	};

	_Static_assert(LAYOUT_SMBIOS + sizeof(area) <= LAYOUT_RESET_VECTOR, "the tables fit");
	fill_tables(&area.tables, uuid);
	area.entry.checksum = checksum(&area.entry, sizeof(area.entry));
	if (guest_memory_write(memory, LAYOUT_SMBIOS, &area, sizeof(area)) < 0)
		return error_set(err, -EFAULT, "SMBIOS: the guest's memory ends below its tables");
	return 0;
}
