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

#include "tests/micro/guest_rules.h"

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
