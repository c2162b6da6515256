/* The PCI transport (virtio 1.2, 4.1): what differs from the memory-mapped one, and each register's rule. */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/pci.h"

#define FAKE_FEATURE      (1ULL << 3)
#define FAKE_HIGH_FEATURE (1ULL << 50)
#define CONFIG_SIZE       10

#define WINDOW 0xd1000000U
#define SLOT   2
#define BASE   (WINDOW + SLOT * PCI_FUNCTION_WINDOW)

/* BAR 0 */
#define ISR     0x1000
#define CONFIG  0x2000
#define NOTIFY  0x3000
#define TABLE   0x4000
#define PENDING 0x5000

#define ACKNOWLEDGE VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER      (ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)
#define FEATURES_OK (DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define DRIVER_OK   (FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

static struct driver driver;

static struct fake {
	struct virtio_device device;
	uint8_t config[CONFIG_SIZE];
	unsigned notifications[VIRTIO_QUEUES_MAX];
	struct pci_bus bus;
	struct virtio_pci pci;
	struct virtio_pci_host host;
	uint64_t notifications_at;
	unsigned moves;
	struct irq_messages messages;
	unsigned sent;
	uint32_t sent_data;
	struct irq_level line;
	bool line_high;
} fake;

static void fake_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	(void)device;
	cr_assert_leq(offset + len, CONFIG_SIZE);
	memcpy(data, fake.config + offset, len);
}

static void fake_config_write(struct virtio_device *device, uint32_t offset, const uint8_t *data,
			      uint32_t len)
{
	(void)device;
	cr_assert_leq(offset + len, CONFIG_SIZE);
	memcpy(fake.config + offset, data, len);
}

static void fake_notify(struct virtio_device *device, unsigned queue)
{
	cr_assert(virtio_device_live(device));
	fake.notifications[queue]++;
}

static void fake_destroy(struct virtio_device *device)
{
	virtio_device_close(device);
}

static const struct virtio_device_ops fake_ops = {
	.config_read = fake_config_read,
	.config_write = fake_config_write,
	.notify = fake_notify,
	.destroy = fake_destroy,
};

static void fake_send(struct irq_messages *messages, uint64_t address, uint32_t data)
{
	(void)messages;
	cr_assert_eq(address, 0xfee00000);
	fake.sent++;
	fake.sent_data = data;
}

static void fake_set(struct irq_level *level, bool high)
{
	(void)level;
	fake.line_high = high;
}

static void fake_notifications_at(struct virtio_pci_host *host, struct virtio_pci *pci, uint64_t address)
{
	cr_assert_eq(host, &fake.host);
	cr_assert_eq(pci, &fake.pci);
	fake.notifications_at = address;
	fake.moves++;
}

static uint32_t config_get(unsigned offset, uint32_t len)
{
	uint32_t value = 0;

	memset(&value, 0xff, len);
	pci_ecam_ops.read(&fake.bus, (uint64_t)SLOT << 15 | offset, (uint8_t *)&value, len);
	return value;
}

static void config_set(unsigned offset, uint32_t value, uint32_t len)
{
	pci_ecam_ops.write(&fake.bus, (uint64_t)SLOT << 15 | offset, (const uint8_t *)&value, len);
}

static void setup_with(uint32_t config_size, struct irq_level *line)
{
	struct error err;

	driver_init(&driver);
	fake = (struct fake){
		.device = {.ops = &fake_ops,
			   .id = VIRTIO_ID_BLOCK,
			   .name = "fake",
			   .offered = FAKE_FEATURE | FAKE_HIGH_FEATURE,
			   .queue_count = 2,
			   .config_size = config_size},
		.config = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
		.messages.send = fake_send,
		.line.set = fake_set,
	};
	fake.host = (struct virtio_pci_host){&fake.messages, fake_notifications_at};
	cr_assert_eq(virtio_device_init(&fake.device, &driver.memory, &driver.loop, &err), 0);
	fake.device.queues[1].size_max = 64;
	virtio_pci_init(&fake.pci, &fake.device, &fake.host, line);
	pci_bus_init(&fake.bus, WINDOW);
	cr_assert_eq(pci_bus_add(&fake.bus, SLOT, &fake.pci.function, &err), 0);
	config_set(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	driver.device = &fake.device;
}

static void setup(void)
{
	setup_with(CONFIG_SIZE, &fake.line);
}

static void teardown(void)
{
	pci_bus_remove(&fake.bus, SLOT);
	virtio_pci_close(&fake.pci);
	pci_bus_close(&fake.bus);
	driver_close(&driver);
}

TestSuite(virtio_pci, .init = setup, .fini = teardown);

static uint32_t get(uint64_t offset, uint32_t len)
{
	uint32_t value = 0;

	memset(&value, 0xff, len);
	pci_window_ops.read(&fake.bus, BASE - WINDOW + offset, (uint8_t *)&value, len);
	return value;
}

static void set(uint64_t offset, uint32_t value, uint32_t len)
{
	pci_window_ops.write(&fake.bus, BASE - WINDOW + offset, (const uint8_t *)&value, len);
}

static uint32_t set_status(uint8_t status)
{
	set(VIRTIO_PCI_COMMON_STATUS, status, 1);
	return get(VIRTIO_PCI_COMMON_STATUS, 1);
}

static void negotiate(uint64_t features)
{
	cr_assert_eq(set_status(DRIVER), DRIVER);
	for (unsigned half = 0; half < 2; half++) {
		set(VIRTIO_PCI_COMMON_GFSELECT, half, 4);
		set(VIRTIO_PCI_COMMON_GF, (uint32_t)(features >> (32 * half)), 4);
	}
	cr_assert_eq(set_status(FEATURES_OK), FEATURES_OK);
}

static void write_queue(unsigned index, uint16_t size)
{
	struct virtq where = {0};

	driver_layout(&driver, &where, index, size);
	set(VIRTIO_PCI_COMMON_Q_SELECT, index, 2);
	set(VIRTIO_PCI_COMMON_Q_SIZE, size, 2);
	set(VIRTIO_PCI_COMMON_Q_DESCLO, (uint32_t)where.desc_address, 4);
	set(VIRTIO_PCI_COMMON_Q_DESCHI, (uint32_t)(where.desc_address >> 32), 4);
	set(VIRTIO_PCI_COMMON_Q_AVAILLO, (uint32_t)where.avail_address, 4);
	set(VIRTIO_PCI_COMMON_Q_AVAILHI, (uint32_t)(where.avail_address >> 32), 4);
	set(VIRTIO_PCI_COMMON_Q_USEDLO, (uint32_t)where.used_address, 4);
	set(VIRTIO_PCI_COMMON_Q_USEDHI, (uint32_t)(where.used_address >> 32), 4);
}

static void start_queue(unsigned index)
{
	write_queue(index, 16);
	set(VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
}

static void start_with(uint64_t features)
{
	negotiate(features);
	start_queue(0);
	cr_assert_eq(set_status(DRIVER_OK), DRIVER_OK);
}

static void start(void)
{
	start_with(DRIVER_VERSION_1);
}

/* Finds a capability, by the kind that stands in virtio's; 0: there is none. */
static unsigned find_capability(uint8_t id, uint8_t kind)
{
	unsigned at = config_get(PCI_CAPABILITY_LIST, 1);

	for (unsigned seen = 0; at; seen++) {
		cr_assert_lt(seen, 48, "the list does not end");
		cr_assert_geq(at, PCI_STD_HEADER_SIZEOF);
		cr_assert_eq(at % 4, 0);
		if (config_get(at, 1) == id &&
		    (id != PCI_CAP_ID_VNDR || config_get(at + VIRTIO_PCI_CAP_CFG_TYPE, 1) == kind))
			return at;
		at = config_get(at + PCI_CAP_LIST_NEXT, 1);
	}
	return 0;
}

static void msix_on(uint16_t flags)
{
	config_set(find_capability(PCI_CAP_ID_MSIX, 0) + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | flags, 2);
}

static void set_vector(unsigned vector, bool masked)
{
	set(TABLE + vector * MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_LOWER_ADDR, 0xfee00000, 4);
	set(TABLE + vector * MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_DATA, 0x40 + vector, 4);
	set(TABLE + vector * MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL, masked, 4);
}

static void interrupt_queue(unsigned queue)
{
	pthread_mutex_lock(&fake.device.lock);
	virtq_push(&fake.device.queues[queue], (struct virtq_token){.descriptors = 1}, 0);
	virtio_interrupt(&fake.device, queue);
	pthread_mutex_unlock(&fake.device.lock);
}

static void interrupt_config(void)
{
	pthread_mutex_lock(&fake.device.lock);
	virtio_config_changed(&fake.device);
	pthread_mutex_unlock(&fake.device.lock);
}

/* Identity */

Test(virtio_pci, says_what_it_is)
{
	cr_assert_eq(config_get(PCI_VENDOR_ID, 2), 0x1af4);
	cr_assert_eq(config_get(PCI_DEVICE_ID, 2), 0x1040 + VIRTIO_ID_BLOCK);
	cr_assert_geq(config_get(PCI_REVISION_ID, 1), 1, "4.1.2.1");
	cr_assert_geq(config_get(PCI_SUBSYSTEM_ID, 2), 0x40, "4.1.2.1: no legacy driver takes it");
	cr_assert_eq(config_get(PCI_CLASS_DEVICE, 2), 0x0100);
	cr_assert_eq(config_get(PCI_INTERRUPT_PIN, 1), 1);
}

Test(virtio_pci, capabilities_lie_in_the_bar)
{
	static const struct {
		uint8_t kind;
		uint32_t offset, length;
		uint8_t size;
	} expected[] = {
		{VIRTIO_PCI_CAP_COMMON_CFG, 0, 0x3c, 16},    {VIRTIO_PCI_CAP_ISR_CFG, ISR, 1, 16},
		{VIRTIO_PCI_CAP_DEVICE_CFG, CONFIG, 12, 16}, {VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY, 8, 20},
		{VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 20},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
		unsigned at = find_capability(PCI_CAP_ID_VNDR, expected[i].kind);

		cr_assert_neq(at, 0);
		cr_assert_eq(config_get(at + VIRTIO_PCI_CAP_LEN, 1), expected[i].size);
		cr_assert_eq(config_get(at + VIRTIO_PCI_CAP_BAR, 1), 0);
		cr_assert_eq(config_get(at + VIRTIO_PCI_CAP_OFFSET, 4), expected[i].offset);
		cr_assert_eq(config_get(at + VIRTIO_PCI_CAP_LENGTH, 4), expected[i].length);
	}
	cr_assert_eq(config_get(find_capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_NOTIFY_CFG) +
					VIRTIO_PCI_NOTIFY_CAP_MULT,
				4),
		     4);
	cr_assert_eq(config_get(find_capability(PCI_CAP_ID_MSIX, 0) + PCI_MSIX_FLAGS, 2), 2,
		     "three vectors: two queues and the configuration");
}

Test(virtio_pci, a_device_without_configuration_has_no_capability_for_it)
{
	teardown();
	setup_with(0, NULL);
	cr_assert_eq(find_capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_DEVICE_CFG), 0);
	cr_assert_neq(find_capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_NOTIFY_CFG), 0);
	cr_assert_eq(config_get(PCI_INTERRUPT_PIN, 1), 0, "and without a line no pin");
}

Test(virtio_pci, capabilities_cannot_be_written)
{
	unsigned at = find_capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_COMMON_CFG);

	for (unsigned i = 0; i < 16; i++)
		config_set(at + i, 0xff, 1);
	cr_assert_eq(find_capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_COMMON_CFG), at);
	cr_assert_eq(config_get(at + VIRTIO_PCI_CAP_LENGTH, 4), 0x3c);
}

/* lspci reads configuration space from a file as well as from a machine. */
Test(virtio_pci, lspci_finds_nothing_wrong)
{
	static const char *expected[] = {
		"02.0 SCSI storage controller: ",
		"Flags: bus master, fast devsel",
		"Memory at d1020000 (32-bit, non-prefetchable)",
		"Capabilities: [40] MSI-X: Enable- Count=3 Masked-",
		"Vendor Specific Information: VirtIO: CommonCfg",
		"Vendor Specific Information: VirtIO: ISR",
		"Vendor Specific Information: VirtIO: DeviceCfg",
		"Vendor Specific Information: VirtIO: Notify",
	};
	char path[] = "/tmp/rastos-pci-XXXXXX";
	char command[64];
	char output[4096];
	FILE *file;

	if (system("command -v lspci >/dev/null") != 0)
		cr_skip("lspci is not installed (Debian package pciutils)");
	file = fdopen(mkstemp(path), "w");
	cr_assert_not_null(file);
	fprintf(file, "00:%02x.0 Device\n", SLOT);
	for (unsigned at = 0; at < PCI_CFG_SPACE_SIZE; at++) {
		if (at % 16 == 0)
			fprintf(file, "%02x:", at);
		fprintf(file, " %02x%s", config_get(at, 1), at % 16 == 15 ? "\n" : "");
	}
	fclose(file);
	snprintf(command, sizeof(command), "lspci -v -F %s 2>&1", path);
	file = popen(command, "r");
	output[fread(output, 1, sizeof(output) - 1, file)] = '\0';
	cr_assert_eq(pclose(file), 0, "%s", output);
	unlink(path);
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
		cr_assert(strstr(output, expected[i]), "no \"%s\" in:\n%s", expected[i], output);
}

/* Common configuration */

/* 4.1.3.1: each field by its own width, and nothing else. */
Test(virtio_pci, fields_have_one_width)
{
	static const uint8_t widths[0x40] = {
		[0x00] = 4, [0x04] = 4, [0x08] = 4, [0x0c] = 4, [0x10] = 2, [0x12] = 2, [0x14] = 1,
		[0x15] = 1, [0x16] = 2, [0x18] = 2, [0x1a] = 2, [0x1c] = 2, [0x1e] = 2, [0x20] = 4,
		[0x24] = 4, [0x28] = 4, [0x2c] = 4, [0x30] = 4, [0x34] = 4, [0x38] = 2, [0x3a] = 2,
	};
	uint8_t before[0x40], after[0x40];

	negotiate(DRIVER_VERSION_1);
	for (unsigned i = 0; i < 0x40; i++)
		before[i] = widths[i] ? (uint8_t)get(i, widths[i]) : 0;
	for (unsigned offset = 0; offset < 0x40; offset++)
		for (uint32_t len = 1; len <= 4; len *= 2)
			if (widths[offset] != len) {
				cr_assert_eq(get(offset, len), 0, "0x%x, %u bytes", offset, len);
				set(offset, 0xaaaaaaaa, len);
			}
	for (unsigned i = 0; i < 0x40; i++)
		after[i] = widths[i] ? (uint8_t)get(i, widths[i]) : 0;
	cr_assert_arr_eq(before, after, sizeof(before));
}

Test(virtio_pci, features_are_read_and_chosen_by_halves)
{
	const uint64_t common =
		DRIVER_VERSION_1 | DRIVER_EVENT_INDEX | DRIVER_INDIRECT | DRIVER_PACKED | DRIVER_RING_RESET;

	set(VIRTIO_PCI_COMMON_DFSELECT, 0, 4);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_DF, 4), (uint32_t)(FAKE_FEATURE | common));
	set(VIRTIO_PCI_COMMON_DFSELECT, 1, 4);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_DFSELECT, 4), 1);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_DF, 4), (FAKE_HIGH_FEATURE | common) >> 32);
	set(VIRTIO_PCI_COMMON_DFSELECT, 2, 4);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_DF, 4), 0);
	negotiate(DRIVER_VERSION_1 | FAKE_FEATURE);
	set(VIRTIO_PCI_COMMON_GFSELECT, 0, 4);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_GF, 4), FAKE_FEATURE);
	cr_assert_eq(fake.device.features, DRIVER_VERSION_1 | FAKE_FEATURE);
	set(VIRTIO_PCI_COMMON_GFSELECT, UINT32_MAX, 4);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_GF, 4), 0);
}

Test(virtio_pci, a_queue_is_reset_and_starts_again_beside_the_others)
{
	start_with(DRIVER_VERSION_1 | DRIVER_RING_RESET);
	set(VIRTIO_PCI_COMMON_Q_MSIX, 1, 2);
	set(VIRTIO_PCI_COMMON_Q_RESET, 1, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_RESET, 2), 0, "it is over at once");
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_DESCLO, 4), 0);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), VIRTQ_SIZE_MAX);
	driver_kick(&driver, 0);
	cr_assert_eq(fake.notifications[0], 0, "no work while it is off");
	start_queue(0);
	driver_kick(&driver, 0);
	cr_assert_eq(fake.notifications[0], 1);
}

Test(virtio_pci, a_queue_is_not_reset_unless_that_was_agreed)
{
	start();
	set(VIRTIO_PCI_COMMON_Q_MSIX, 1, 2);
	set(VIRTIO_PCI_COMMON_Q_RESET, 1, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), 1);
}

Test(virtio_pci, resetting_a_queue_that_is_not_there_does_nothing)
{
	start_with(DRIVER_VERSION_1 | DRIVER_RING_RESET);
	set(VIRTIO_PCI_COMMON_Q_SELECT, UINT16_MAX, 2);
	set(VIRTIO_PCI_COMMON_Q_RESET, 1, 2);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 0, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
}

Test(virtio_pci, the_number_of_queues_is_told)
{
	cr_assert_eq(get(VIRTIO_PCI_COMMON_NUMQ, 2), 2);
	set(VIRTIO_PCI_COMMON_NUMQ, 7, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_NUMQ, 2), 2);
}

Test(virtio_pci, a_queue_has_its_maximum_until_the_driver_takes_less)
{
	set(VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
	set(VIRTIO_PCI_COMMON_Q_SIZE, 16, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 16);
	set(VIRTIO_PCI_COMMON_Q_SIZE, 128, 2);
	set(VIRTIO_PCI_COMMON_Q_SIZE, 0, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 16, "more than there are, or none, is not taken");
}

Test(virtio_pci, a_queue_of_the_size_that_was_read_works)
{
	negotiate(DRIVER_VERSION_1);
	write_queue(1, 64);
	fake.device.queues[1].size = 0; /* as if it had not been written */
	set(VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
	cr_assert_eq(fake.device.queues[1].size, 64);
}

Test(virtio_pci, a_size_that_is_no_power_of_two_breaks_the_device)
{
	negotiate(DRIVER_VERSION_1);
	write_queue(0, 16);
	set(VIRTIO_PCI_COMMON_Q_SIZE, 12, 2);
	set(VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_STATUS, 1), FEATURES_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
}

Test(virtio_pci, a_queue_that_is_not_there_has_no_size)
{
	negotiate(DRIVER_VERSION_1);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 2, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	set(VIRTIO_PCI_COMMON_Q_SIZE, 16, 2);
	set(VIRTIO_PCI_COMMON_Q_MSIX, 0, 2);
	set(VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	set(VIRTIO_PCI_COMMON_Q_DESCLO, 0x1000, 4);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 0xffff, 2);
	set(VIRTIO_PCI_COMMON_Q_MSIX, 0, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_STATUS, 1), FEATURES_OK);
}

Test(virtio_pci, queue_addresses_have_64_bits)
{
	negotiate(DRIVER_VERSION_1);
	set(VIRTIO_PCI_COMMON_Q_DESCLO, 0x89abcdef, 4);
	set(VIRTIO_PCI_COMMON_Q_DESCHI, 0x01234567, 4);
	set(VIRTIO_PCI_COMMON_Q_AVAILHI, 1, 4);
	set(VIRTIO_PCI_COMMON_Q_AVAILLO, 2, 4);
	set(VIRTIO_PCI_COMMON_Q_USEDLO, 4, 4);
	set(VIRTIO_PCI_COMMON_Q_USEDHI, 3, 4);
	cr_assert_eq(fake.device.queues[0].desc_address, 0x0123456789abcdefULL);
	cr_assert_eq(fake.device.queues[0].avail_address, 0x100000002ULL);
	cr_assert_eq(fake.device.queues[0].used_address, 0x300000004ULL);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_DESCLO, 4), 0x89abcdef);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_USEDHI, 4), 3);
}

Test(virtio_pci, a_running_queue_cannot_be_changed_or_stopped)
{
	struct virtq before;

	start();
	before = fake.device.queues[0];
	write_queue(0, 8);
	set(VIRTIO_PCI_COMMON_Q_ENABLE, 0, 2);
	set(VIRTIO_PCI_COMMON_Q_RESET, 1, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_RESET, 2), 0, "it is not offered");
	cr_assert_eq(fake.device.queues[0].size, before.size);
	cr_assert_eq(fake.device.queues[0].desc_address, before.desc_address);
}

Test(virtio_pci, a_queue_outside_memory_breaks_the_device)
{
	negotiate(DRIVER_VERSION_1);
	write_queue(0, 16);
	set(VIRTIO_PCI_COMMON_Q_USEDHI, 1, 4);
	set(VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_STATUS, 1), FEATURES_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
}

Test(virtio_pci, reset_is_back_to_power_on)
{
	start();
	set(VIRTIO_PCI_COMMON_MSIX, 0, 2);
	set(VIRTIO_PCI_COMMON_Q_MSIX, 1, 2);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	set(VIRTIO_PCI_COMMON_DFSELECT, 1, 4);
	interrupt_config();
	cr_assert(fake.line_high);
	cr_assert_eq(set_status(0), 0);
	cr_assert_not(fake.line_high);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_SELECT, 2), 0);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), VIRTQ_SIZE_MAX);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_DFSELECT, 4), 0);
	cr_assert_eq(get(ISR, 1), 0);
	start();
}

Test(virtio_pci, config_generation_counts_changes)
{
	uint32_t before = get(VIRTIO_PCI_COMMON_CFGGENERATION, 1);

	interrupt_config();
	cr_assert_neq(get(VIRTIO_PCI_COMMON_CFGGENERATION, 1), before);
}

/* Notifications */

Test(virtio_pci, a_notification_reaches_its_queue)
{
	negotiate(DRIVER_VERSION_1);
	start_queue(0);
	start_queue(1);
	set_status(DRIVER_OK);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_NOFF, 2), 1);
	set(NOTIFY + 4, 1, 2);
	driver_run(&driver);
	cr_assert_eq(fake.notifications[0], 0);
	cr_assert_eq(fake.notifications[1], 1);
	set(NOTIFY + 8, 2, 2);
	set(NOTIFY + 2, 0, 2);
	driver_run(&driver);
	cr_assert_eq(fake.notifications[0] + fake.notifications[1], 1, "there is no such queue");
	cr_assert_eq(get(NOTIFY, 2), 0);
}

Test(virtio_pci, the_machine_learns_where_notifications_are)
{
	cr_assert_eq(fake.notifications_at, BASE + NOTIFY);
	cr_assert_eq(fake.moves, 1);
	config_set(PCI_BASE_ADDRESS_0, WINDOW + 0x100000, 4);
	cr_assert_eq(fake.notifications_at, WINDOW + 0x100000 + NOTIFY);
	pci_bus_remove(&fake.bus, SLOT);
	cr_assert_eq(fake.notifications_at, 0);
}

/* Interrupts */

Test(virtio_pci, without_msix_the_line_is_high_until_the_status_was_read)
{
	start();
	interrupt_queue(0);
	cr_assert(fake.line_high);
	cr_assert(config_get(PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	interrupt_config();
	cr_assert_eq(get(ISR, 1), 1 | VIRTIO_PCI_ISR_CONFIG);
	cr_assert_not(fake.line_high);
	cr_assert_not(config_get(PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	cr_assert_eq(get(ISR, 1), 0);
	cr_assert_eq(fake.sent, 0);
}

Test(virtio_pci, the_command_register_keeps_the_line_down)
{
	start();
	interrupt_queue(0);
	config_set(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE, 2);
	cr_assert_not(fake.line_high);
	cr_assert(config_get(PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, "it still says so");
	config_set(PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	cr_assert(fake.line_high);
}

Test(virtio_pci, each_queue_has_the_vector_of_its_drivers_choice)
{
	negotiate(DRIVER_VERSION_1);
	msix_on(0);
	for (unsigned i = 0; i < 3; i++)
		set_vector(i, false);
	start_queue(0);
	start_queue(1);
	set(VIRTIO_PCI_COMMON_MSIX, 0, 2);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 0, 2);
	set(VIRTIO_PCI_COMMON_Q_MSIX, 2, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), 2);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	set(VIRTIO_PCI_COMMON_Q_MSIX, 1, 2);
	set_status(DRIVER_OK);
	interrupt_queue(0);
	cr_assert_eq(fake.sent, 1);
	cr_assert_eq(fake.sent_data, 0x42);
	interrupt_queue(1);
	cr_assert_eq(fake.sent_data, 0x41);
	interrupt_config();
	cr_assert_eq(fake.sent_data, 0x40);
	cr_assert_eq(fake.sent, 3);
	cr_assert_not(fake.line_high);
	cr_assert_eq(get(ISR, 1), 0);
}

Test(virtio_pci, a_vector_that_is_not_there_is_not_taken)
{
	set(VIRTIO_PCI_COMMON_Q_MSIX, 3, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	set(VIRTIO_PCI_COMMON_MSIX, 0x8000, 2);
	cr_assert_eq(get(VIRTIO_PCI_COMMON_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	start();
	msix_on(0);
	set_vector(0, false);
	interrupt_queue(0);
	cr_assert_eq(fake.sent, 0, "whoever has no vector is silent");
	cr_assert_not(fake.line_high);
}

Test(virtio_pci, a_masked_interrupt_waits)
{
	start();
	msix_on(0);
	set_vector(1, true);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 0, 2);
	set(VIRTIO_PCI_COMMON_Q_MSIX, 1, 2);
	interrupt_queue(0);
	cr_assert_eq(fake.sent, 0);
	cr_assert_eq(get(PENDING, 4), 1 << 1);
	set_vector(1, false);
	cr_assert_eq(fake.sent, 1);
	cr_assert_eq(get(PENDING, 4), 0);
	msix_on(PCI_MSIX_FLAGS_MASKALL);
	interrupt_queue(0);
	cr_assert_eq(fake.sent, 1);
	msix_on(0);
	cr_assert_eq(fake.sent, 2);
}

Test(virtio_pci, msix_takes_over_from_the_line)
{
	start();
	interrupt_queue(0);
	cr_assert(fake.line_high);
	msix_on(0);
	cr_assert_not(fake.line_high);
}

static void *interrupt_handler(void *unused)
{
	cr_assert_eq(get(ISR, 1), VIRTIO_PCI_ISR_CONFIG);
	set_vector(0, false);
	set(NOTIFY, 0, 2);
	return unused;
}

Test(virtio_pci, what_an_interrupt_handler_reads_needs_no_lock)
{
	pthread_t vcpu;

	start();
	pthread_mutex_lock(&fake.device.lock);
	virtio_config_changed(&fake.device);
	cr_assert_eq(pthread_create(&vcpu, NULL, interrupt_handler, NULL), 0);
	pthread_join(vcpu, NULL);
	pthread_mutex_unlock(&fake.device.lock);
}

/* The device's configuration */

Test(virtio_pci, the_devices_configuration_is_reached_in_any_width)
{
	cr_assert_eq(get(CONFIG + 3, 1), 3);
	cr_assert_eq(get(CONFIG + 4, 4), 0x07060504);
	cr_assert_eq(get(CONFIG + 8, 4), 0x0908, "beyond its end it is 0");
	set(CONFIG + 1, 0xaa, 1);
	cr_assert_eq(fake.config[1], 1, "not before the features are agreed");
	negotiate(DRIVER_VERSION_1);
	set(CONFIG + 1, 0xaa, 1);
	cr_assert_eq(fake.config[1], 0xaa);
	set(CONFIG + 8, UINT32_MAX, 4);
	set(CONFIG + 0xffc, UINT32_MAX, 4);
	cr_assert_eq(get(CONFIG + 0xffc, 4), 0);
}

Test(virtio_pci, where_nothing_is_reads_as_zero)
{
	cr_assert_eq(get(0x3c, 4), 0);
	cr_assert_eq(get(ISR + 1, 1), 0);
	cr_assert_eq(get(0x6000, 4), 0);
	cr_assert_eq(get(0xffe, 4), 0, "across two regions");
	set(0x6000, 1, 4);
	set(0xffe, 1, 4);
	set(ISR, 1, 1);
	cr_assert_eq(get(VIRTIO_PCI_BAR_SIZE - 4, 4), 0);
	cr_assert_eq(get(VIRTIO_PCI_BAR_SIZE, 4), UINT32_MAX, "there is nobody");
}

/* 4.1.4.9: the window in configuration space, for firmware that cannot reach memory. */

static void window(uint32_t offset, uint32_t len)
{
	unsigned at = find_capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_PCI_CFG);

	config_set(at + VIRTIO_PCI_CAP_BAR, 0, 1);
	config_set(at + VIRTIO_PCI_CAP_OFFSET, offset, 4);
	config_set(at + VIRTIO_PCI_CAP_LENGTH, len, 4);
}

static unsigned window_data(void)
{
	return find_capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_PCI_CFG) +
	       offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
}

Test(virtio_pci, the_window_in_configuration_space_reaches_the_bar)
{
	config_set(PCI_COMMAND, 0, 2); /* without memory, too */
	window(VIRTIO_PCI_COMMON_NUMQ, 2);
	cr_assert_eq(config_get(window_data(), 2), 2);
	window(VIRTIO_PCI_COMMON_STATUS, 1);
	config_set(window_data(), ACKNOWLEDGE, 1);
	cr_assert_eq(fake.device.status, ACKNOWLEDGE);
	cr_assert_eq(config_get(window_data(), 1), ACKNOWLEDGE);
	window(CONFIG + 4, 4);
	cr_assert_eq(config_get(window_data(), 4), 0x07060504);
}

Test(virtio_pci, the_window_looks_nowhere_else)
{
	static const struct {
		uint32_t offset, len;
	} bad[] = {
		{VIRTIO_PCI_COMMON_STATUS, 0},
		{VIRTIO_PCI_COMMON_STATUS, 3},
		{VIRTIO_PCI_COMMON_STATUS, 5},
		{VIRTIO_PCI_COMMON_STATUS, UINT32_MAX},
		{VIRTIO_PCI_COMMON_STATUS + 1, 4},
		{VIRTIO_PCI_BAR_SIZE, 1},
		{VIRTIO_PCI_BAR_SIZE - 2, 4},
		{UINT32_MAX, 1},
		{UINT32_MAX - 3, 4},
	};
	unsigned at = find_capability(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_PCI_CFG);

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		window(bad[i].offset, bad[i].len);
		config_set(window_data(), ACKNOWLEDGE, 4);
		config_get(window_data(), 4);
		cr_assert_eq(fake.device.status, 0);
	}
	window(VIRTIO_PCI_COMMON_STATUS, 1);
	config_set(at + VIRTIO_PCI_CAP_BAR, 1, 1);
	config_set(window_data(), ACKNOWLEDGE, 1);
	cr_assert_eq(fake.device.status, 0, "there is no such BAR");
}
