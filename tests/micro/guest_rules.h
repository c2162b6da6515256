/*
 * What a hostile driver does to a disk, a rule of the specification's a function (test_virtio_hostile.c). The
 * disk runs when one is called, and its ring is fresh; what comes of it is the test's table. False: the disk
 * did not do what it has to do at once. A second device, which is driven as it should be, is beside it.
 */
#pragma once

#include <linux/virtio_blk.h>

#include "tests/micro/guest_device.h"

#define NOWHERE      0x40000000UL /* far behind the guest's memory */
#define NOT_OFFERED  (1ULL << 63)
#define NEVER_QUEUES 5 /* no device here has so many */

static struct device disk, rng;
static uint8_t sector[SECTOR];
static struct virtio_blk_outhdr header;
static uint8_t status;

/* --- Correct drivers --- */

static bool disk_reads(void)
{
	static uint64_t number;
	const struct device_part parts[] = {
		{&header, sizeof(header), false},
		{sector, SECTOR, true},
		{&status, 1, true},
	};

	number = (number + 1) % SECTORS;
	header = (struct virtio_blk_outhdr){.type = VIRTIO_BLK_T_IN, .sector = number};
	status = 0xee;
	sector[9] = 0xee;
	return device_do(&disk, parts, 3) && *(volatile uint8_t *)&status == VIRTIO_BLK_S_OK &&
	       *(volatile uint8_t *)&sector[9] == number;
}

static bool rng_works(void)
{
	static uint8_t bytes[16];
	const struct device_part part = {bytes, sizeof(bytes), true};

	return device_do(&rng, &part, 1) && device_status(&rng) == STATUS_RUNS;
}

/* --- Rules of negotiation (2.1.1, 2.2.1, 3.1.1) --- */

static bool runs_before_features(void)
{
	device_set_status(&disk, 0);
	device_set_status(&disk, STATUS_RUNS & ~VIRTIO_CONFIG_S_FEATURES_OK);
	return !(device_status(&disk) & VIRTIO_CONFIG_S_DRIVER_OK) && device_start(&disk, 0);
}

static bool skips_acknowledge(void)
{
	device_set_status(&disk, 0);
	device_set_status(&disk, VIRTIO_CONFIG_S_DRIVER);
	return device_status(&disk) == 0 && device_start(&disk, 0);
}

static bool takes_what_is_not_offered(void)
{
	return !device_negotiate(&disk, device_features(&disk, NOT_OFFERED)) && device_start(&disk, 0);
}

static bool leaves_version_1_out(void)
{
	return !device_negotiate(&disk, 0) && device_start(&disk, 0);
}

static bool changes_features_later(void)
{
	device_choose(&disk, NOT_OFFERED);
	return true;
}

static bool takes_status_back(void)
{
	device_set_status(&disk, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	return device_status(&disk) == STATUS_RUNS;
}

static bool gives_up_and_goes_on(void)
{
	device_set_status(&disk, STATUS_RUNS | VIRTIO_CONFIG_S_FAILED);
	device_set_status(&disk, STATUS_RUNS);
	return device_status(&disk) & VIRTIO_CONFIG_S_FAILED && device_start(&disk, 0);
}

static bool sets_needs_reset_itself(void)
{
	device_set_status(&disk, STATUS_RUNS | VIRTIO_CONFIG_S_NEEDS_RESET);
	return device_status(&disk) == STATUS_RUNS;
}

/* --- Rules of queues (2.6.1, 2.7.1, 2.8.10.1, 4.1.4.3.2, 4.2.2.2) --- */

static bool enables_before_features(void)
{
	device_set_status(&disk, 0);
	device_set_status(&disk, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	device_lay_out(&disk);
	device_queue_enable(&disk);
	return !device_queue_enabled(&disk) && device_start(&disk, 0);
}

static bool enables_while_it_runs(void)
{
	if (!device_negotiate(&disk, device_features(&disk, 0)))
		return false;
	device_set_status(&disk, STATUS_RUNS);
	device_lay_out(&disk);
	device_queue_enable(&disk);
	return !device_queue_enabled(&disk) && device_start(&disk, 0);
}

static bool moves_a_queue_that_runs(void)
{
	device_set_area(&disk, AREA_DESCRIPTORS, NOWHERE);
	device_set_area(&disk, AREA_DRIVER, NOWHERE);
	device_set_area(&disk, AREA_DEVICE, NOWHERE);
	device_set_size(&disk, 4);
	return true;
}

static bool resets_a_queue_unasked(void)
{
	device_queue_reset(&disk);
	return device_queue_enabled(&disk);
}

static bool uses_a_queue_that_is_not_there(void)
{
	for (unsigned i = 0; i < 3; i++) {
		device_select(&disk, i ? UINT16_MAX >> i : NEVER_QUEUES);
		device_set_size(&disk, DEVICE_RING);
		device_set_area(&disk, AREA_DESCRIPTORS, NOWHERE);
		device_queue_enable(&disk);
		device_queue_reset(&disk);
		if (device_queue_enabled(&disk))
			return false;
	}
	device_select(&disk, 0);
	return true;
}

static bool kicks_a_queue_that_is_not_there(void)
{
	device_notify(&disk, NEVER_QUEUES);
	device_notify(&disk, disk.is_pci ? 0x3ff : UINT32_MAX);
	return true;
}

static bool kicks_before_it_runs(void)
{
	if (!device_negotiate(&disk, device_features(&disk, 0)))
		return false;
	device_notify(&disk, 0);
	device_lay_out(&disk);
	device_queue_enable(&disk);
	device_notify(&disk, 0);
	device_set_status(&disk, STATUS_RUNS);
	return true;
}

static bool restarts(void)
{
	if (!device_negotiate(&disk, device_features(&disk, 0)))
		return false;
	device_lay_out(&disk);
	return true;
}

static bool rings_outside_memory(void)
{
	if (!restarts())
		return false;
	device_set_area(&disk, AREA_DEVICE, NOWHERE);
	device_queue_enable(&disk);
	return !device_queue_enabled(&disk);
}

static bool rings_at_the_end_of_everything(void)
{
	if (!restarts())
		return false;
	device_set_area(&disk, AREA_DESCRIPTORS, UINT64_MAX & ~15ULL);
	device_queue_enable(&disk);
	return !device_queue_enabled(&disk);
}

static bool rings_askew(void)
{
	if (!restarts())
		return false;
	device_set_area(&disk, AREA_DRIVER, 0x100001);
	device_queue_enable(&disk);
	return !device_queue_enabled(&disk);
}

/* Split: no power of two; packed: more than there may be, which a PCI device leaves out of account. */
static bool ring_of_a_bad_size(void)
{
	if (!restarts())
		return false;
	device_set_size(&disk, disk.is_packed ? 0 : 7);
	if (disk.is_packed && disk.is_pci)
		device_set_area(&disk, AREA_DRIVER, NOWHERE);
	device_queue_enable(&disk);
	return !device_queue_enabled(&disk);
}

/* --- Rules of rings (2.7.4 to 2.7.13, 2.8.6 to 2.8.22) --- */

/* Makes available what was written to the first descriptors or places. */
static bool offer(void)
{
	if (disk.is_packed) {
		device_publish();
		disk.places[0].flags |= device_available_flag(&disk);
		device_publish();
	} else {
		device_offer(&disk, 0);
	}
	device_notify(&disk, 0);
	return true;
}

static void write_descriptor(unsigned at, uint64_t address, uint32_t size, uint16_t flags)
{
	disk.descriptors[at] =
		(struct vring_desc){.addr = address, .len = size, .flags = flags, .next = (uint16_t)(at + 1)};
	disk.places[at] = (struct vring_packed_desc){
		.addr = address,
		.len = size,
		.flags = (uint16_t)(flags | (at ? device_available_flag(&disk) : 0)),
	};
}

static bool buffer_outside_memory(void)
{
	write_descriptor(0, NOWHERE, SECTOR, VRING_DESC_F_WRITE);
	return offer();
}

static bool buffer_around_the_end(void)
{
	write_descriptor(0, UINT64_MAX - 1, 4, 0);
	return offer();
}

static bool reads_after_writes(void)
{
	write_descriptor(0, (uint64_t)sector, SECTOR, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT);
	write_descriptor(1, (uint64_t)&header, sizeof(header), 0);
	return offer();
}

static bool list_without_end(void)
{
	for (unsigned i = 0; i < DEVICE_RING; i++)
		write_descriptor(i, (uint64_t)&header, sizeof(header), VRING_DESC_F_NEXT);
	disk.descriptors[DEVICE_RING - 1].next = 0;
	return offer();
}

/* Tables are in the ring's own format. */
static struct vring_desc table[DEVICE_RING] __attribute__((aligned(16)));

static bool indirect_unasked(void)
{
	write_descriptor(0, (uint64_t)table, sizeof(table), VRING_DESC_F_INDIRECT);
	return offer();
}

static bool indirect_in_a_list(void)
{
	write_descriptor(0, (uint64_t)table, sizeof(table), VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT);
	write_descriptor(1, (uint64_t)sector, SECTOR, VRING_DESC_F_WRITE);
	return offer();
}

static bool indirect_of_a_bad_size(void)
{
	write_descriptor(0, (uint64_t)table, sizeof(table) - 1, VRING_DESC_F_INDIRECT);
	return offer();
}

static bool indirect_of_no_size(void)
{
	write_descriptor(0, (uint64_t)table, 0, VRING_DESC_F_INDIRECT);
	return offer();
}

static bool indirect_outside_memory(void)
{
	write_descriptor(0, NOWHERE, sizeof(table), VRING_DESC_F_INDIRECT);
	return offer();
}

/* Packed: flags in a table do not count, so that the table is a buffer there, which no disk's request is. */
static bool indirect_in_indirect(void)
{
	for (unsigned i = 0; i < DEVICE_RING; i++)
		table[i] = (struct vring_desc){
			.addr = (uint64_t)table, .len = sizeof(table), .flags = VRING_DESC_F_INDIRECT};
	if (disk.is_packed)
		for (unsigned i = 0; i < DEVICE_RING; i++)
			((struct vring_packed_desc *)table)[i] =
				(struct vring_packed_desc){.addr = (uint64_t)table,
							   .len = sizeof(table),
							   .flags = VRING_DESC_F_INDIRECT};
	write_descriptor(0, (uint64_t)table, sizeof(table), VRING_DESC_F_INDIRECT);
	return offer();
}

static bool request_without_a_status(void)
{
	write_descriptor(0, (uint64_t)&header, sizeof(header), 0);
	return offer();
}

static bool request_without_a_header(void)
{
	write_descriptor(0, (uint64_t)sector, SECTOR, VRING_DESC_F_WRITE);
	return offer();
}

/* Split rings only. */
static bool index_runs_ahead(void)
{
	write_descriptor(0, (uint64_t)&header, sizeof(header), 0);
	disk.available.index += DEVICE_RING + 1;
	device_publish();
	device_notify(&disk, 0);
	return true;
}

static bool index_runs_back(void)
{
	if (!disk_reads() || !disk_reads())
		return false;
	disk.available.index--;
	device_publish();
	device_notify(&disk, 0);
	return true;
}

static bool head_is_none(void)
{
	device_offer(&disk, DEVICE_RING);
	device_notify(&disk, 0);
	return true;
}

static bool next_is_none(void)
{
	write_descriptor(0, (uint64_t)&header, sizeof(header), VRING_DESC_F_NEXT);
	disk.descriptors[0].next = UINT16_MAX;
	return offer();
}

/* --- Configuration space (2.5.1, 4.2.2.2) --- */

static bool looks_beyond_its_configuration(void)
{
	uint64_t config = device_config(&disk);
	uint64_t sectors = mmio_read64(config);

	if (sectors != SECTORS || mmio_read32(config + 0xe00) != 0 || mmio_read8(config + 0xeff) != 0)
		return false;
	mmio_write64(config, UINT64_MAX);
	mmio_write32(config + 0xe00, UINT32_MAX);
	mmio_write8(config + 0xeff, 0xff);
	return mmio_read64(config) == SECTORS;
}

static bool accesses_as_no_register_is(void)
{
	for (unsigned i = 0; i < 0x60; i++) {
		uint64_t at = disk.registers + i;

		mmio_read64(at & ~7UL);
		mmio_read8(at);
		mmio_read16(at);
		if (i == VIRTIO_PCI_COMMON_STATUS && disk.is_pci)
			continue; /* this byte is one */
		if (i == VIRTIO_PCI_COMMON_Q_RESET && disk.is_pci)
			continue;
		if (!disk.is_pci || i % 2) {
			mmio_write8(at, 0xa5);
			mmio_write16(at, 0xa5a5);
		}
	}
	return device_status(&disk) == STATUS_RUNS;
}

/* --- Resets in the middle (2.4.1, 2.6.1) --- */

static bool resets_after_a_kick(void)
{
	const struct device_part parts[] = {
		{&header, sizeof(header), false},
		{sector, SECTOR, true},
		{&status, 1, true},
	};

	header = (struct virtio_blk_outhdr){.type = VIRTIO_BLK_T_IN};
	for (unsigned i = 0; i < 20; i++) {
		if (disk.is_packed)
			device_put_packed(&disk, parts, 3);
		else
			device_put_split(&disk, parts, 3);
		device_notify(&disk, 0);
		if (!device_start(&disk, 0) || !disk_reads())
			return false;
	}
	return true;
}

static bool resets_a_queue_after_a_kick(void)
{
	const struct device_part parts[] = {
		{&header, sizeof(header), false},
		{sector, SECTOR, true},
		{&status, 1, true},
	};

	for (unsigned i = 0; i < 20; i++) {
		if (disk.is_packed)
			device_put_packed(&disk, parts, 3);
		else
			device_put_split(&disk, parts, 3);
		device_notify(&disk, 0);
		device_select(&disk, 0);
		device_queue_reset(&disk);
		device_notify(&disk, 0);
		if (device_queue_enabled(&disk))
			return false;
		device_lay_out(&disk);
		device_queue_enable(&disk);
		if (!device_queue_enabled(&disk) || !disk_reads())
			return false;
	}
	return true;
}

static bool queue_reset_then_bad_rings(void)
{
	device_queue_reset(&disk);
	device_lay_out(&disk);
	device_set_area(&disk, AREA_DRIVER, NOWHERE);
	device_queue_enable(&disk);
	return !device_queue_enabled(&disk);
}
