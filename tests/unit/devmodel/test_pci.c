/* The PCI bus: configuration space by both of its ways, base addresses, and who answers in the memory window.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/pci.h"

#define WINDOW   0xd1000000U
#define BAR_SIZE 0x1000
#define SLOT     3

static struct fake {
	struct pci_function function;
	uint64_t offset; /* of the last access to its registers */
	uint64_t value;
	uint32_t len;
	unsigned reads, writes;
	uint64_t moved_to;
	unsigned moves;
	unsigned config_writes;
} fake, other;

static struct pci_bus bus;
static struct error err;

static void fake_read(struct pci_function *function, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct fake *self = CONTAINER_OF(function, struct fake, function);

	self->reads++;
	self->offset = offset;
	self->len = len;
	memset(data, 0x5a, len);
}

static void fake_write(struct pci_function *function, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct fake *self = CONTAINER_OF(function, struct fake, function);

	self->writes++;
	self->offset = offset;
	self->len = len;
	self->value = 0;
	memcpy(&self->value, data, len);
}

static void fake_config_written(struct pci_function *function, unsigned offset, uint32_t len)
{
	(void)offset;
	(void)len;
	CONTAINER_OF(function, struct fake, function)->config_writes++;
}

static void fake_moved(struct pci_function *function, uint64_t address)
{
	struct fake *self = CONTAINER_OF(function, struct fake, function);

	self->moves++;
	self->moved_to = address;
}

static const struct pci_function_ops fake_ops = {
	.read = fake_read,
	.write = fake_write,
	.config_written = fake_config_written,
	.moved = fake_moved,
};

static const struct pci_identity identity = {
	.vendor = 0x1234,
	.device = 0x5678,
	.subsystem_vendor = 0x9abc,
	.subsystem = 0xdef0,
	.revision = 7,
	.class = 0x010203,
};

static void setup(void)
{
	pci_bus_init(&bus, WINDOW);
	pci_function_init(&fake.function, "fake", &fake_ops, &identity, BAR_SIZE);
	pci_function_init(&other.function, "other", &fake_ops, &identity, BAR_SIZE);
	cr_assert_eq(pci_bus_add(&bus, SLOT, &fake.function, &err), 0);
}

static void teardown(void)
{
	pci_bus_close(&bus);
}

TestSuite(pci, .init = setup, .fini = teardown);

static uint64_t ecam(unsigned slot, unsigned offset)
{
	return (uint64_t)slot << 15 | offset;
}

/* Reads begin with all ones, as struct bus has it. */
static uint64_t get(uint64_t offset, uint32_t len)
{
	uint64_t value = 0;

	memset(&value, 0xff, len);
	pci_ecam_ops.read(&bus, offset, (uint8_t *)&value, len);
	return value;
}

static void set(uint64_t offset, uint64_t value, uint32_t len)
{
	pci_ecam_ops.write(&bus, offset, (const uint8_t *)&value, len);
}

static uint32_t port_get(uint64_t port, uint32_t len)
{
	uint32_t value = 0;

	memset(&value, 0xff, len);
	pci_ports_ops.read(&bus, port, (uint8_t *)&value, len);
	return value;
}

static void port_set(uint64_t port, uint32_t value, uint32_t len)
{
	pci_ports_ops.write(&bus, port, (const uint8_t *)&value, len);
}

static void decode(unsigned slot)
{
	set(ecam(slot, PCI_COMMAND), PCI_COMMAND_MEMORY, 2);
}

static uint64_t window_get(uint64_t address, uint32_t len)
{
	uint64_t value = 0;

	memset(&value, 0xff, len);
	pci_window_ops.read(&bus, address - WINDOW, (uint8_t *)&value, len);
	return value;
}

/* Identity */

Test(pci, a_function_says_what_it_is)
{
	cr_assert_eq(get(ecam(SLOT, PCI_VENDOR_ID), 4), 0x56781234);
	cr_assert_eq(get(ecam(SLOT, PCI_CLASS_REVISION), 4), 0x01020307);
	cr_assert_eq(get(ecam(SLOT, PCI_SUBSYSTEM_VENDOR_ID), 4), 0xdef09abc);
	cr_assert_eq(get(ecam(SLOT, PCI_HEADER_TYPE), 1), PCI_HEADER_TYPE_NORMAL);
	cr_assert_eq(get(ecam(SLOT, PCI_CAPABILITY_LIST), 1), 0, "no capability");
	cr_assert_eq(get(ecam(SLOT, PCI_STATUS), 2), 0);
}

Test(pci, there_is_a_host_bridge)
{
	cr_assert_eq(get(ecam(PCI_HOST_BRIDGE, PCI_CLASS_DEVICE), 2), 0x0600);
	cr_assert_eq(pci_bus_add(&bus, PCI_HOST_BRIDGE, &other.function, &err), -EEXIST);
	decode(PCI_HOST_BRIDGE);
	cr_assert_eq(get(ecam(PCI_HOST_BRIDGE, PCI_COMMAND), 2), 0, "it has no memory");
}

Test(pci, nobody_reads_as_ones_and_takes_no_writes)
{
	cr_assert_eq(get(ecam(SLOT + 1, 0), 4), UINT32_MAX);
	cr_assert_eq(get(ecam(SLOT, 0) | 1 << 12, 4), UINT32_MAX, "there is no second function");
	set(ecam(SLOT + 1, PCI_COMMAND), 0xffff, 2);
	set(ecam(SLOT, PCI_COMMAND) | 7 << 12, PCI_COMMAND_MEMORY, 2);
	cr_assert_eq(get(ecam(SLOT, PCI_COMMAND), 2), 0);
}

Test(pci, beyond_the_first_256_bytes_all_is_zero)
{
	cr_assert_eq(get(ecam(SLOT, PCI_CFG_SPACE_SIZE), 4), 0, "no extended capability");
	cr_assert_eq(get(ecam(SLOT, PCI_CFG_SPACE_EXP_SIZE - 4), 4), 0);
	set(ecam(SLOT, PCI_CFG_SPACE_SIZE), UINT32_MAX, 4);
	cr_assert_eq(get(ecam(SLOT, PCI_CFG_SPACE_SIZE), 4), 0);
	cr_assert_eq(get(ecam(SLOT, PCI_CFG_SPACE_SIZE - 2), 4) >> 16, 0);
}

Test(pci, an_access_across_two_functions_is_nobodys)
{
	cr_assert_eq(get(ecam(SLOT, PCI_CFG_SPACE_EXP_SIZE - 2), 4), UINT32_MAX);
	set(ecam(SLOT, PCI_CFG_SPACE_EXP_SIZE - 2), 0, 4);
	cr_assert_eq(fake.config_writes, 0);
}

Test(pci, only_what_a_guest_may_change_changes)
{
	for (unsigned offset = 0; offset < PCI_CFG_SPACE_SIZE; offset++)
		set(ecam(SLOT, offset), 0xff, 1);
	cr_assert_eq(get(ecam(SLOT, PCI_VENDOR_ID), 4), 0x56781234);
	cr_assert_eq(get(ecam(SLOT, PCI_CLASS_REVISION), 4), 0x01020307);
	cr_assert_eq(get(ecam(SLOT, PCI_COMMAND), 2),
		     PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	cr_assert_eq(get(ecam(SLOT, PCI_STATUS), 2), 0);
	cr_assert_eq(get(ecam(SLOT, PCI_BASE_ADDRESS_1), 4), 0);
	cr_assert_eq(get(ecam(SLOT, PCI_ROM_ADDRESS), 4), 0);
	cr_assert_eq(get(ecam(SLOT, PCI_INTERRUPT_LINE), 1), 0xff);
	cr_assert_eq(get(ecam(SLOT, PCI_INTERRUPT_PIN), 1), 0);
}

Test(pci, configuration_space_is_reached_in_any_width)
{
	cr_assert_eq(get(ecam(SLOT, 1), 1), 0x12);
	cr_assert_eq(get(ecam(SLOT, 1), 2), 0x7812);
	cr_assert_eq(get(ecam(SLOT, 0), 8), 0x56781234);
	set(ecam(SLOT, PCI_COMMAND), 0x0000ffff, 4);
	cr_assert(get(ecam(SLOT, PCI_COMMAND), 2) & PCI_COMMAND_MASTER);
}

/* Capabilities */

Test(pci, capabilities_are_a_list)
{
	unsigned first = pci_function_add_capability(&other.function, PCI_CAP_ID_VNDR, 13);
	unsigned second = pci_function_add_capability(&other.function, PCI_CAP_ID_MSIX, 12);

	cr_assert_eq(pci_bus_add(&bus, 1, &other.function, &err), 0);
	cr_assert(get(ecam(1, PCI_STATUS), 2) & PCI_STATUS_CAP_LIST);
	cr_assert_eq(get(ecam(1, PCI_CAPABILITY_LIST), 1), first);
	cr_assert_eq(get(ecam(1, first), 2), second << 8 | PCI_CAP_ID_VNDR);
	cr_assert_eq(second % 4, 0);
	cr_assert_geq(second, first + 13);
	cr_assert_eq(get(ecam(1, second), 2), PCI_CAP_ID_MSIX, "the last");
}

/* The two ports */

Test(pci, ports_reach_the_same_registers)
{
	port_set(0, 1U << 31 | SLOT << 11 | PCI_CLASS_REVISION, 4);
	cr_assert_eq(port_get(0, 4), 1U << 31 | SLOT << 11 | PCI_CLASS_REVISION);
	cr_assert_eq(port_get(4, 4), 0x01020307);
	cr_assert_eq(port_get(6, 2), 0x0102);
	cr_assert_eq(port_get(7, 1), 0x01);
	port_set(0, 1U << 31 | SLOT << 11 | PCI_COMMAND, 4);
	port_set(4, PCI_COMMAND_MASTER, 2);
	cr_assert_eq(get(ecam(SLOT, PCI_COMMAND), 2), PCI_COMMAND_MASTER);
}

Test(pci, ports_stand_for_nobody_until_they_are_enabled)
{
	port_set(0, SLOT << 11, 4);
	cr_assert_eq(port_get(4, 4), UINT32_MAX);
	port_set(0, 1U << 31 | 1 << 16 | SLOT << 11, 4);
	cr_assert_eq(port_get(4, 4), UINT32_MAX, "another bus");
	port_set(0, 1U << 31 | SLOT << 11 | 1 << 8, 4);
	cr_assert_eq(port_get(4, 4), UINT32_MAX, "another function");
	port_set(0, 1U << 31 | (SLOT + 1) << 11, 4);
	cr_assert_eq(port_get(4, 4), UINT32_MAX, "another slot");
}

Test(pci, the_address_port_takes_whole_words)
{
	port_set(0, UINT32_MAX, 4);
	cr_assert_eq(port_get(0, 4), 0x80fffffc, "reserved bits are 0");
	port_set(0, 0, 2);
	port_set(1, 6, 1); /* a PC's reset register is there */
	port_set(3, 0, 1);
	cr_assert_eq(port_get(0, 4), 0x80fffffc);
	cr_assert_eq(port_get(0, 1), 0xff);
	cr_assert_eq(port_get(2, 2), 0xffff);
}

/* Base addresses */

Test(pci, a_function_begins_with_an_address_of_its_own)
{
	cr_assert_eq(get(ecam(SLOT, PCI_BASE_ADDRESS_0), 4), WINDOW + SLOT * PCI_FUNCTION_WINDOW);
	cr_assert_eq(fake.moves, 1);
	cr_assert_eq(fake.moved_to, WINDOW + SLOT * PCI_FUNCTION_WINDOW);
}

Test(pci, a_base_address_tells_its_size)
{
	uint64_t before = get(ecam(SLOT, PCI_BASE_ADDRESS_0), 4);

	set(ecam(SLOT, PCI_BASE_ADDRESS_0), UINT32_MAX, 4);
	cr_assert_eq(get(ecam(SLOT, PCI_BASE_ADDRESS_0), 4), ~(BAR_SIZE - 1U),
		     "32 bits, memory, not prefetchable");
	set(ecam(SLOT, PCI_BASE_ADDRESS_0), before, 4);
	cr_assert_eq(get(ecam(SLOT, PCI_BASE_ADDRESS_0), 4), before);
	cr_assert_eq(fake.moves, 1, "who asks for the size moves nothing");
}

Test(pci, memory_is_decoded_when_the_guest_says_so)
{
	uint64_t base = WINDOW + SLOT * PCI_FUNCTION_WINDOW;

	cr_assert_eq(window_get(base, 4), UINT32_MAX);
	cr_assert_eq(fake.reads, 0);
	decode(SLOT);
	cr_assert_eq(window_get(base + 0x10, 4), 0x5a5a5a5a);
	cr_assert_eq(fake.offset, 0x10);
	pci_window_ops.write(&bus, base + 0x20 - WINDOW, (const uint8_t *)"\1\2", 2);
	cr_assert_eq(fake.offset, 0x20);
	cr_assert_eq(fake.value, 0x0201);
	set(ecam(SLOT, PCI_COMMAND), 0, 2);
	cr_assert_eq(window_get(base, 4), UINT32_MAX);
}

Test(pci, an_access_beyond_the_end_is_nobodys)
{
	uint64_t base = WINDOW + SLOT * PCI_FUNCTION_WINDOW;

	decode(SLOT);
	cr_assert_eq(window_get(base + BAR_SIZE - 4, 4), 0x5a5a5a5a);
	cr_assert_eq(window_get(base + BAR_SIZE - 2, 4), UINT32_MAX);
	cr_assert_eq(window_get(base + BAR_SIZE, 1), 0xff);
	cr_assert_eq(window_get(base - 1, 2), 0xffff);
}

Test(pci, a_function_can_be_moved)
{
	decode(SLOT);
	set(ecam(SLOT, PCI_BASE_ADDRESS_0), WINDOW + 0x5123, 4);
	cr_assert_eq(fake.moved_to, WINDOW + 0x5000, "to a multiple of its size");
	cr_assert_eq(fake.moves, 2);
	cr_assert_eq(window_get(WINDOW + 0x5004, 4), 0x5a5a5a5a);
	cr_assert_eq(window_get(WINDOW + SLOT * PCI_FUNCTION_WINDOW, 4), UINT32_MAX);
	set(ecam(SLOT, PCI_BASE_ADDRESS_0), 0x1000, 4);
	cr_assert_eq(fake.moved_to, 0x1000, "outside of the window, where nobody comes by");
	cr_assert_eq(window_get(WINDOW + 0x5004, 4), UINT32_MAX);
}

Test(pci, where_two_functions_are_the_first_answers)
{
	cr_assert_eq(pci_bus_add(&bus, SLOT + 1, &other.function, &err), 0);
	decode(SLOT);
	decode(SLOT + 1);
	set(ecam(SLOT + 1, PCI_BASE_ADDRESS_0), WINDOW + SLOT * PCI_FUNCTION_WINDOW, 4);
	cr_assert_eq(window_get(WINDOW + SLOT * PCI_FUNCTION_WINDOW, 4), 0x5a5a5a5a);
	cr_assert_eq(fake.reads, 1);
	cr_assert_eq(other.reads, 0);
}

/* Coming and going */

Test(pci, a_slot_is_taken_once)
{
	cr_assert_eq(pci_bus_add(&bus, SLOT, &other.function, &err), -EEXIST);
	cr_assert_str_eq(err.text, "other: PCI slot 3 is taken");
	cr_assert_eq(pci_bus_add(&bus, PCI_SLOTS, &other.function, &err), -EEXIST);
	cr_assert_str_eq(err.text, "other: PCI slot 32 is beyond the last");
}

Test(pci, what_was_removed_is_not_there)
{
	decode(SLOT);
	cr_assert_eq(pci_bus_remove(&bus, SLOT), &fake.function);
	cr_assert_eq(fake.moved_to, 0);
	cr_assert_eq(get(ecam(SLOT, 0), 4), UINT32_MAX);
	cr_assert_eq(window_get(WINDOW + SLOT * PCI_FUNCTION_WINDOW, 4), UINT32_MAX);
	cr_assert_null(pci_bus_remove(&bus, SLOT));
	cr_assert_eq(pci_bus_add(&bus, SLOT, &other.function, &err), 0);
	cr_assert_eq(get(ecam(SLOT, 0), 4), 0x56781234);
}
