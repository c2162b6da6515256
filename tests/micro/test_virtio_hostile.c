/*
 * A driver that breaks the specification's rules, one after the other (virtio 1.2, the "Driver
 * Requirements"): by both transports, with split and packed rings. The device ignores it or wants to be
 * reset, says so once, works again afterwards, and the device beside it does not notice.
 */
#define SECTORS    8
#define SECTOR     512
#define BARS       0xd1000000UL /* the bus' memory window */
#define ECAM       0xd0000000UL
#define BAR_WINDOW 0x10000UL
#define DISK_SLOT  3
#define RNG_SLOT   4
#define DISK_MMIO  0xc0001000UL
#define RNG_MMIO   0xc0002000UL

#ifdef MICRO_GUEST
#include <linux/pci_regs.h>
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

/* --- All of them --- */

enum outcome {
	IGNORED, /* it goes on, or did once it was started as it should be */
	REFUSED, /* the same, and it says why */
	BREAKS,  /* it wants to be reset */
};

enum format { ANY, SPLIT };

static const struct rule {
	bool (*act)(void); /* on a disk that runs */
	enum outcome outcome;
	enum format format;
	uint64_t features;
} rules[] = {
	{runs_before_features, IGNORED, ANY, 0},
	{skips_acknowledge, IGNORED, ANY, 0},
	{takes_what_is_not_offered, REFUSED, ANY, 0},
	{leaves_version_1_out, REFUSED, ANY, 0},
	{changes_features_later, IGNORED, ANY, 0},
	{takes_status_back, IGNORED, ANY, 0},
	{gives_up_and_goes_on, IGNORED, ANY, 0},
	{sets_needs_reset_itself, IGNORED, ANY, 0},
	{enables_before_features, IGNORED, ANY, 0},
	{enables_while_it_runs, IGNORED, ANY, 0},
	{moves_a_queue_that_runs, IGNORED, ANY, 0},
	{moves_a_queue_that_runs, IGNORED, ANY, DEVICE_RING_RESET},
	{resets_a_queue_unasked, IGNORED, ANY, 0},
	{uses_a_queue_that_is_not_there, IGNORED, ANY, DEVICE_RING_RESET},
	{kicks_a_queue_that_is_not_there, IGNORED, ANY, 0},
	{kicks_before_it_runs, IGNORED, ANY, 0},
	{rings_outside_memory, BREAKS, ANY, 0},
	{rings_at_the_end_of_everything, BREAKS, ANY, 0},
	{rings_askew, BREAKS, ANY, 0},
	{ring_of_a_bad_size, BREAKS, ANY, 0},
	{buffer_outside_memory, BREAKS, ANY, 0},
	{buffer_around_the_end, BREAKS, ANY, 0},
	{reads_after_writes, BREAKS, ANY, 0},
	{list_without_end, BREAKS, ANY, 0},
	{indirect_unasked, BREAKS, ANY, 0},
	{indirect_in_a_list, BREAKS, ANY, DEVICE_INDIRECT},
	{indirect_of_a_bad_size, BREAKS, ANY, DEVICE_INDIRECT},
	{indirect_of_no_size, BREAKS, ANY, DEVICE_INDIRECT},
	{indirect_outside_memory, BREAKS, ANY, DEVICE_INDIRECT},
	{indirect_in_indirect, BREAKS, ANY, DEVICE_INDIRECT},
	{request_without_a_status, BREAKS, ANY, 0},
	{request_without_a_header, BREAKS, ANY, 0},
	{index_runs_ahead, BREAKS, SPLIT, 0},
	{index_runs_back, BREAKS, SPLIT, 0},
	{head_is_none, BREAKS, SPLIT, 0},
	{next_is_none, BREAKS, SPLIT, 0},
	{looks_beyond_its_configuration, IGNORED, ANY, 0},
	{accesses_as_no_register_is, IGNORED, ANY, 0},
	{resets_after_a_kick, IGNORED, ANY, 0},
	{resets_a_queue_after_a_kick, IGNORED, ANY, DEVICE_RING_RESET},
	{queue_reset_then_bad_rings, BREAKS, ANY, DEVICE_RING_RESET},
};

static bool wants_reset(void)
{
	for (unsigned i = 0; i < DEVICE_PATIENCE; i++) {
		if (device_status(&disk) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return true;
		cpu_pause();
	}
	return false;
}

/* 0, or the line of what was not as it should be. */
static uint32_t rule_break(const struct rule *rule)
{
	EXPECT(device_start(&disk, rule->features) && disk_reads());
	EXPECT(device_start(&disk, rule->features));
	EXPECT(rule->act());
	if (rule->outcome == BREAKS) {
		bool ran = device_status(&disk) & VIRTIO_CONFIG_S_DRIVER_OK;

		EXPECT(wants_reset());
		EXPECT(!ran || device_says_changed(&disk));
		device_notify(&disk, 0); /* which it does not mind any more */
		device_set_status(&disk, STATUS_RUNS);
		EXPECT(device_status(&disk) & VIRTIO_CONFIG_S_NEEDS_RESET);
	} else {
		EXPECT(device_status(&disk) == STATUS_RUNS);
		EXPECT(disk_reads());
	}
	EXPECT(rng_works());
	EXPECT(device_start(&disk, 0) && disk_reads());
	return 0;
}

/* Reports how often the disk should have complained. */
static uint32_t break_rules(bool is_packed)
{
	uint32_t complaints = 0;

	disk.is_packed = is_packed;
	rng.is_packed = is_packed;
	EXPECT(device_start(&rng, 0));
	for (unsigned i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		uint32_t line;

		if (is_packed && rules[i].format == SPLIT)
			continue;
		line = rule_break(&rules[i]);
		if (line)
			return 10000 * (i + 1) + line;
		complaints += rules[i].outcome != IGNORED;
	}
	EXPECT(device_status(&rng) == STATUS_RUNS);
	report(complaints);
	return 0;
}

static void find_mmio(void)
{
	disk.registers = DISK_MMIO;
	rng.registers = RNG_MMIO;
}

static void find_pci(void)
{
	mmio_write16(ECAM + (DISK_SLOT << 15) + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	mmio_write16(ECAM + (RNG_SLOT << 15) + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	disk.is_pci = true;
	disk.registers = BARS + DISK_SLOT * BAR_WINDOW;
	rng.is_pci = true;
	rng.registers = BARS + RNG_SLOT * BAR_WINDOW;
}

GUEST(by_mmio_split)
{
	find_mmio();
	return break_rules(false);
}

GUEST(by_mmio_packed)
{
	find_mmio();
	return break_rules(true);
}

GUEST(by_pci_split)
{
	find_pci();
	return break_rules(false);
}

GUEST(by_pci_packed)
{
	find_pci();
	return break_rules(true);
}

#else
#include <linux/virtio_mmio.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devmodel/virtio/blk.h"
#include "devmodel/virtio/pci.h"
#include "devmodel/virtio/rng.h"
#include "tests/micro/micro.h"

_Static_assert(BAR_WINDOW == PCI_FUNCTION_WINDOW, "each function's BAR is where its slot says");

static atomic_uint complaints;

/* In the place of the log's: what a guest provokes is counted. */
void __wrap_log_limited(struct log_limit *limit, enum log_level level, const char *format, ...);

void __wrap_log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	(void)limit;
	(void)level;
	(void)format;
	atomic_fetch_add(&complaints, 1);
}

struct board {
	struct micro micro;
	struct virtio_device *disk;
	struct virtio_device *rng;
	struct virtio_mmio rng_mmio;

	struct irq_messages messages;
	struct virtio_pci_host host;
	struct pci_bus bus;
	struct virtio_pci disk_pci;
	struct virtio_pci rng_pci;
};

static void send_nothing(struct irq_messages *messages, uint64_t address, uint32_t data)
{
	(void)messages;
	(void)address;
	(void)data;
}

/* Kicks come by the slow way. */
static void notifications_anywhere(struct virtio_pci_host *host, struct virtio_pci *pci, uint64_t address)
{
	(void)host;
	(void)pci;
	(void)address;
}

/* A disk whose every sector is filled with its number. */
static struct virtio_device *disk_create(struct micro *micro)
{
	struct virtio_blk_options options = {.name = "disk", .size = SECTORS * SECTOR};
	struct virtio_device *disk;
	uint8_t bytes[SECTOR];
	struct error err;

	options.fd = memfd_create("disk", MFD_CLOEXEC);
	for (unsigned i = 0; i < SECTORS; i++) {
		memset(bytes, (int)i, sizeof(bytes));
		cr_assert_eq(write(options.fd, bytes, sizeof(bytes)), sizeof(bytes));
	}
	disk = virtio_blk_create(&options, &micro->memory, &micro->loop, &err);
	cr_assert_not_null(disk, "%s", err.text);
	return disk;
}

static void devices_create(struct board *board)
{
	struct error err;

	board->disk = disk_create(&board->micro);
	board->rng = virtio_rng_create(&(struct rate){0}, &board->micro.memory, &board->micro.loop, &err);
	cr_assert_not_null(board->rng, "%s", err.text);
}

/* Both end as their guest left them: it reports how often the disk should have complained. */
static void devices_check(struct board *board)
{
	cr_assert_eq(board->micro.report_count, 1);
	cr_assert_eq(atomic_load(&complaints), board->micro.reports[0]);
	cr_assert(virtio_device_live(board->disk));
	cr_assert(virtio_device_live(board->rng));
	cr_assert_eq(board->rng->faults, 0);
}

static void devices_destroy(struct board *board)
{
	virtio_device_destroy(board->disk);
	virtio_device_destroy(board->rng);
}

static void run_mmio(const char *guest)
{
	static struct board board;

	board = (struct board){0};
	micro_create(&board.micro, 1);
	devices_create(&board);
	micro_virtio_device(&board.micro, board.disk);
	virtio_mmio_init(&board.rng_mmio, board.rng, micro_irq_line(&board.micro, 17));
	micro_mmio_device(&board.micro, RNG_MMIO, VIRTIO_MMIO_SIZE, &virtio_mmio_ops, &board.rng_mmio);
	micro_expect(&board.micro, guest, 0);
	devices_check(&board);
	devices_destroy(&board);
	micro_destroy(&board.micro);
}

static void run_pci(const char *guest)
{
	static struct board board;
	struct error err;

	board = (struct board){.messages.send = send_nothing};
	board.host = (struct virtio_pci_host){&board.messages, notifications_anywhere};
	micro_create(&board.micro, 1);
	devices_create(&board);
	virtio_pci_init(&board.disk_pci, board.disk, &board.host, NULL);
	virtio_pci_init(&board.rng_pci, board.rng, &board.host, NULL);
	pci_bus_init(&board.bus, BARS);
	cr_assert_eq(pci_bus_add(&board.bus, DISK_SLOT, &board.disk_pci.function, &err), 0);
	cr_assert_eq(pci_bus_add(&board.bus, RNG_SLOT, &board.rng_pci.function, &err), 0);
	micro_mmio_device(&board.micro, ECAM, PCI_ECAM_SIZE, &pci_ecam_ops, &board.bus);
	micro_mmio_device(&board.micro, BARS, PCI_WINDOW_SIZE, &pci_window_ops, &board.bus);
	micro_expect(&board.micro, guest, 0);
	devices_check(&board);
	pci_bus_remove(&board.bus, DISK_SLOT);
	pci_bus_remove(&board.bus, RNG_SLOT);
	virtio_pci_close(&board.disk_pci);
	virtio_pci_close(&board.rng_pci);
	pci_bus_close(&board.bus);
	devices_destroy(&board);
	micro_destroy(&board.micro);
}

MICRO_TEST(virtio_hostile, every_rule_is_broken_by_mmio_on_split_rings)
{
	run_mmio("by_mmio_split");
}

MICRO_TEST(virtio_hostile, every_rule_is_broken_by_mmio_on_packed_rings)
{
	run_mmio("by_mmio_packed");
}

MICRO_TEST(virtio_hostile, every_rule_is_broken_by_pci_on_split_rings)
{
	run_pci("by_pci_split");
}

MICRO_TEST(virtio_hostile, every_rule_is_broken_by_pci_on_packed_rings)
{
	run_pci("by_pci_packed");
}
#endif
