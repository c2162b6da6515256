/* A virtio disk on the PCI bus, found and driven from the guest's side: ECAM, BAR, MSI-X, kicks, lines. */
#define SECTORS 8
#define SECTOR  512
#define SLOT    5
#define BARS    0xd1000000UL /* the bus' memory window */
#define ECAM    0xd0000000UL

#ifdef MICRO_GUEST
#include <linux/pci_regs.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>

#include "tests/micro/guest_virtio.h"

#define CONFIG_PORT  0xcf8
#define MSI_ADDRESS  0xfee00000U /* the local APIC 0 */
#define MOVED        (BARS + 0x100000)
#define LINE_PIN     17
#define IOAPIC_LEVEL (1U << 15)

static struct disk {
	uint64_t config; /* address of its configuration space */
	uint64_t common, isr, notify, table;
} disk;

static volatile unsigned messages;

INTERRUPT(message)
{
	messages++;
	lapic_eoi();
}

static volatile unsigned line_interrupts;

INTERRUPT(line)
{
	if (mmio_read8(disk.isr) & 1)
		line_interrupts++;
	lapic_eoi();
}

static uint64_t bar(void)
{
	return mmio_read32(disk.config + PCI_BASE_ADDRESS_0);
}

/* Where the capabilities say that things are. */
static bool capabilities_read(void)
{
	unsigned at = mmio_read8(disk.config + PCI_CAPABILITY_LIST);

	for (; at; at = mmio_read8(disk.config + at + PCI_CAP_LIST_NEXT)) {
		uint64_t offset = mmio_read32(disk.config + at + VIRTIO_PCI_CAP_OFFSET);

		if (mmio_read8(disk.config + at) == PCI_CAP_ID_MSIX) {
			disk.table = bar() + mmio_read32(disk.config + at + PCI_MSIX_TABLE);
			continue;
		}
		switch (mmio_read8(disk.config + at + VIRTIO_PCI_CAP_CFG_TYPE)) {
		case VIRTIO_PCI_CAP_COMMON_CFG:
			disk.common = bar() + offset;
			break;
		case VIRTIO_PCI_CAP_ISR_CFG:
			disk.isr = bar() + offset;
			break;
		case VIRTIO_PCI_CAP_NOTIFY_CFG:
			disk.notify = bar() + offset;
			break;
		}
	}
	return disk.common && disk.isr && disk.notify && disk.table;
}

static bool find(void)
{
	for (unsigned slot = 0; slot < 32; slot++) {
		disk.config = ECAM + (slot << 15);
		if (mmio_read32(disk.config) != 0x10421af4)
			continue;
		mmio_write16(disk.config + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		return slot == SLOT && capabilities_read();
	}
	return false;
}

static void msix_on(void)
{
	unsigned at = mmio_read8(disk.config + PCI_CAPABILITY_LIST);

	while (mmio_read8(disk.config + at) != PCI_CAP_ID_MSIX)
		at = mmio_read8(disk.config + at + PCI_CAP_LIST_NEXT);
	mmio_write32(disk.table + PCI_MSIX_ENTRY_LOWER_ADDR, MSI_ADDRESS);
	mmio_write32(disk.table + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
	mmio_write32(disk.table + PCI_MSIX_ENTRY_DATA, VIRTIO_VECTOR);
	mmio_write32(disk.table + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	mmio_write16(disk.config + at + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
}

static void status_add(uint8_t bit)
{
	mmio_write8(disk.common + VIRTIO_PCI_COMMON_STATUS,
		    mmio_read8(disk.common + VIRTIO_PCI_COMMON_STATUS) | bit);
}

static bool start(uint16_t vector)
{
	volatile struct virtio_ring *ring = &virtio_rings[0];

	mmio_write8(disk.common + VIRTIO_PCI_COMMON_STATUS, 0);
	status_add(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	mmio_write32(disk.common + VIRTIO_PCI_COMMON_GFSELECT, 1);
	mmio_write32(disk.common + VIRTIO_PCI_COMMON_GF, 1);
	status_add(VIRTIO_CONFIG_S_FEATURES_OK);
	mmio_write16(disk.common + VIRTIO_PCI_COMMON_Q_SELECT, 0);
	mmio_write16(disk.common + VIRTIO_PCI_COMMON_Q_SIZE, VIRTIO_RING);
	mmio_write16(disk.common + VIRTIO_PCI_COMMON_Q_MSIX, vector);
	mmio_write32(disk.common + VIRTIO_PCI_COMMON_Q_DESCLO, (uint32_t)(uint64_t)ring->descriptors);
	mmio_write32(disk.common + VIRTIO_PCI_COMMON_Q_AVAILLO, (uint32_t)(uint64_t)&ring->available);
	mmio_write32(disk.common + VIRTIO_PCI_COMMON_Q_USEDLO, (uint32_t)(uint64_t)&ring->used);
	mmio_write16(disk.common + VIRTIO_PCI_COMMON_Q_ENABLE, 1);
	status_add(VIRTIO_CONFIG_S_DRIVER_OK);
	return mmio_read8(disk.common + VIRTIO_PCI_COMMON_STATUS) ==
	       (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
		VIRTIO_CONFIG_S_DRIVER_OK);
}

static uint8_t sector[SECTOR];

static bool reads(uint64_t number)
{
	struct virtio_blk_outhdr header = {.type = VIRTIO_BLK_T_IN, .sector = number};
	uint8_t status = 0xee;
	const struct virtio_part parts[] = {
		{&header, sizeof(header), false},
		{sector, SECTOR, true},
		{&status, 1, true},
	};

	virtio_put(0, parts, 3);
	mmio_write16(disk.notify, 0);
	virtio_wait(0);
	return *(volatile uint8_t *)&status == VIRTIO_BLK_S_OK && sector[7] == number;
}

static void prepare(void)
{
	idt_set(VIRTIO_VECTOR, message);
	idt_set(VIRTIO_VECTOR + 1, line);
	idt_load();
	lapic_enable();
}

/* A request may be done before anybody waits for it: its interrupt comes when it is let in. It may also be
 * late: the device's thread has its turn when the host's processors are free. */
static bool comes(volatile unsigned *count)
{
	for (unsigned i = 0; i < 10000000 && !*count; i++) {
		interrupts_on();
		cpu_pause();
		interrupts_off();
	}
	return *count;
}

GUEST(reads_with_messages)
{
	prepare();
	EXPECT(find());
	msix_on();
	EXPECT(start(0));
	EXPECT(reads(3));
	EXPECT(reads(4));
	EXPECT(comes(&messages) && messages <= 2);
	return 0;
}

GUEST(reads_with_a_line)
{
	prepare();
	EXPECT(find());
	ioapic_route(LINE_PIN, VIRTIO_VECTOR + 1, 0);
	ioapic_write(IOAPIC_REDIRECT + 2 * LINE_PIN, (VIRTIO_VECTOR + 1) | IOAPIC_LEVEL);
	EXPECT(start(VIRTIO_MSI_NO_VECTOR));
	for (unsigned i = 0; i < 5; i++)
		EXPECT(reads(i));
	EXPECT(comes(&line_interrupts) && messages == 0);
	return 0;
}

/* The disk's registers go elsewhere while it runs, and its kicks go with them. */
GUEST(moves_the_disk)
{
	uint64_t before;

	prepare();
	EXPECT(find());
	msix_on();
	EXPECT(start(0));
	EXPECT(reads(1));
	before = disk.common;
	mmio_write32(disk.config + PCI_BASE_ADDRESS_0, MOVED);
	EXPECT(bar() == MOVED);
	EXPECT(capabilities_read());
	EXPECT(mmio_read32(before) == 0xffffffff);
	EXPECT(mmio_read8(disk.common + VIRTIO_PCI_COMMON_STATUS) != 0);
	EXPECT(reads(2));
	return 0;
}

/* By the old ports: the function in the slot, and nobody beside it. */
GUEST(finds_by_ports)
{
	outl(CONFIG_PORT, 1U << 31 | SLOT << 11);
	EXPECT(inl(CONFIG_PORT + 4) == 0x10421af4);
	EXPECT(inw(CONFIG_PORT + 6) == 0x1042);
	outl(CONFIG_PORT, 1U << 31 | (SLOT + 1) << 11);
	EXPECT(inl(CONFIG_PORT + 4) == 0xffffffff);
	outl(CONFIG_PORT, 1U << 31 | PCI_CLASS_DEVICE);
	EXPECT(inw(CONFIG_PORT + 6) == 0x0600);
	EXPECT(mmio_read32(ECAM + (SLOT << 15)) == 0x10421af4);
	return 0;
}

#else
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/blk.h"
#include "devmodel/virtio/pci.h"
#include "tests/micro/micro.h"

struct board {
	struct micro micro;
	struct irq_messages messages;
	struct irq_level line;
	struct virtio_pci_host host;
	struct pci_bus bus;
	struct virtio_pci pci;
	struct virtio_device *disk;
	uint64_t kicks_at;
};

static void send(struct irq_messages *messages, uint64_t address, uint32_t data)
{
	vm_signal_msi(&CONTAINER_OF(messages, struct board, messages)->micro.vm, address, data);
}

static void set_line(struct irq_level *line, bool high)
{
	vm_irq_level(&CONTAINER_OF(line, struct board, line)->micro.vm, 17, high);
}

static void kicks_at(struct virtio_pci_host *host, struct virtio_pci *pci, uint64_t address)
{
	struct board *board = CONTAINER_OF(host, struct board, host);
	int fd = pci->device->kicks[0].source.fd;
	struct error err;

	if (board->kicks_at)
		cr_assert_eq(vm_ioeventfd_any(&board->micro.vm, fd, board->kicks_at, false, &err), 0);
	if (address)
		cr_assert_eq(vm_ioeventfd_any(&board->micro.vm, fd, address, true, &err), 0);
	board->kicks_at = address;
}

/* A disk whose every sector is filled with its number. */
static struct virtio_device *disk_create(struct micro *micro)
{
	struct virtio_blk_options options = {.name = "disk", .size = SECTORS * SECTOR};
	uint8_t bytes[SECTOR];
	struct error err;

	options.fd = memfd_create("disk", MFD_CLOEXEC);
	for (unsigned i = 0; i < SECTORS; i++) {
		memset(bytes, (int)i, sizeof(bytes));
		cr_assert_eq(write(options.fd, bytes, sizeof(bytes)), sizeof(bytes));
	}
	return virtio_blk_create(&options, &micro->memory, &micro->loop, &err);
}

static void run(const char *guest)
{
	static struct board board;
	struct error err;

	board = (struct board){.messages.send = send, .line.set = set_line};
	board.host = (struct virtio_pci_host){&board.messages, kicks_at};
	micro_create(&board.micro, 1);
	board.disk = disk_create(&board.micro);
	virtio_pci_init(&board.pci, board.disk, &board.host, &board.line);
	pci_bus_init(&board.bus, BARS);
	cr_assert_eq(pci_bus_add(&board.bus, SLOT, &board.pci.function, &err), 0);
	micro_mmio_device(&board.micro, ECAM, PCI_ECAM_SIZE, &pci_ecam_ops, &board.bus);
	micro_mmio_device(&board.micro, BARS, PCI_WINDOW_SIZE, &pci_window_ops, &board.bus);
	micro_port_device(&board.micro, PCI_CONFIG_PORT, PCI_CONFIG_PORTS, &pci_ports_ops, &board.bus);
	micro_expect(&board.micro, guest, 0);
	pci_bus_remove(&board.bus, SLOT);
	virtio_pci_close(&board.pci);
	pci_bus_close(&board.bus);
	virtio_device_destroy(board.disk);
	micro_destroy(&board.micro);
}

MICRO_TEST(virtio_pci, a_disk_is_found_and_read_with_messages)
{
	run("reads_with_messages");
}

MICRO_TEST(virtio_pci, a_disk_is_read_with_an_interrupt_line)
{
	run("reads_with_a_line");
}

MICRO_TEST(virtio_pci, a_disk_can_be_moved_while_it_runs)
{
	run("moves_the_disk");
}

MICRO_TEST(virtio_pci, configuration_space_is_reached_by_the_old_ports)
{
	run("finds_by_ports");
}
#endif
