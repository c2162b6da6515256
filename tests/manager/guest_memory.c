/*
 * A guest of a few instructions with a driver for the balloon (virtio 1.2, 5.5), for tests of memory that moves
 * while guests run. Freestanding; one vCPU, no interrupts: it looks at the device again and again.
 *
 * What it does is in the first letter of its command line:
 *
 *      g   gives what it is asked for, and takes it again when it may
 *      r   refuses: has a driver, and gives nothing
 *      l   lies: says that it has given, and gives nothing
 *      t   gives, says so, and uses it all the same ("takes")
 */
#include <linux/virtio_balloon.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS      0xc0001000UL /* virtio-mmio, a page each (hypervisor/x86_64/layout.h) */
#define SLOT_COUNT 24
#define MAGIC      0x74726976
#define RING       8
#define PAGE       4096
#define POOL       (8UL << 20) /* pages from here on are given, the last one first; below is this program */
#define BATCH      256
#define CMDLINE    0x228 /* in struct boot_params: hdr.cmd_line_ptr, and ... */
#define E820_COUNT 0x1e8
#define E820_TABLE 0x2d0

struct ring {
	struct vring_desc descriptors[RING] __attribute__((aligned(16)));
	struct {
		uint16_t flags, index, ring[RING], used_event;
	} available;
	struct {
		uint16_t flags, index;
		struct vring_used_elem ring[RING];
		uint16_t available_event;
	} used __attribute__((aligned(4)));
};

struct e820_entry {
	uint64_t address, size;
	uint32_t type;
} __attribute__((packed));

static volatile struct ring rings[3];
static uint32_t numbers[BATCH];
static volatile struct virtio_balloon_stat stat;
static uint64_t slot, memory_end;
static uint32_t actual; /* pages that were given, as the device is told */

static uint32_t get(uint64_t offset)
{
	return *(volatile uint32_t *)(slot + offset);
}

static void set(uint64_t offset, uint32_t value)
{
	*(volatile uint32_t *)(slot + offset) = value;
}

static void set_actual(uint32_t pages)
{
	actual = pages;
	set(VIRTIO_MMIO_CONFIG + offsetof(struct virtio_balloon_config, actual), pages);
}

static void queue_start(unsigned queue)
{
	set(VIRTIO_MMIO_QUEUE_SEL, queue);
	set(VIRTIO_MMIO_QUEUE_NUM, RING);
	set(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)(uint64_t)rings[queue].descriptors);
	set(VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)(uint64_t)&rings[queue].available);
	set(VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)(uint64_t)&rings[queue].used);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
}

static void submit(unsigned queue, const volatile void *data, uint32_t size)
{
	volatile struct ring *ring = &rings[queue];

	ring->descriptors[0] = (struct vring_desc){.addr = (uint64_t)data, .len = size};
	ring->available.ring[ring->available.index % RING] = 0;
	__sync_synchronize();
	ring->available.index++;
	set(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

static void submit_and_wait(unsigned queue, const volatile void *data, uint32_t size)
{
	submit(queue, data, size);
	while (rings[queue].used.index != rings[queue].available.index)
		__builtin_ia32_pause();
}

static bool find_balloon(void)
{
	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		slot = SLOTS + i * PAGE;
		if (get(VIRTIO_MMIO_MAGIC_VALUE) == MAGIC && get(VIRTIO_MMIO_DEVICE_ID) == VIRTIO_ID_BALLOON)
			return true;
	}
	return false;
}

static void start(void)
{
	set(VIRTIO_MMIO_STATUS, 0);
	set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(VIRTIO_MMIO_DRIVER_FEATURES, 1U << VIRTIO_BALLOON_F_STATS_VQ);
	set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(VIRTIO_MMIO_DRIVER_FEATURES, 1U << (VIRTIO_F_VERSION_1 - 32));
	set(VIRTIO_MMIO_STATUS, get(VIRTIO_MMIO_STATUS) | VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned i = 0; i < 3; i++)
		queue_start(i);
	set(VIRTIO_MMIO_STATUS, get(VIRTIO_MMIO_STATUS) | VIRTIO_CONFIG_S_DRIVER_OK);
	submit(2, &stat, sizeof(stat)); /* as Linux: the device keeps the buffer */
}

/* Pages [from, to), counted from the memory's end. */
static void move_pages(unsigned queue, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		numbers[i - from] = (uint32_t)((memory_end >> VIRTIO_BALLOON_PFN_SHIFT) - 1 - i);
	submit_and_wait(queue, numbers, (to - from) * (uint32_t)sizeof(numbers[0]));
}

static void touch(uint64_t start, uint64_t end)
{
	for (uint64_t page = start; page < end; page += PAGE)
		*(volatile uint64_t *)page = page;
}

static void follow(char what)
{
	uint32_t wanted = get(VIRTIO_MMIO_CONFIG + offsetof(struct virtio_balloon_config, num_pages));
	uint32_t step = wanted > actual ? wanted - actual : actual - wanted;

	if (wanted == actual || what == 'r')
		return;
	step = step > BATCH ? BATCH : step;
	if (what == 'l') {
		set_actual(wanted);
	} else if (wanted > actual) {
		move_pages(0, actual, actual + step);
		set_actual(actual + step);
		if (what == 't')
			touch(memory_end - (uint64_t)actual * PAGE, memory_end);
	} else {
		move_pages(1, actual - step, actual);
		set_actual(actual - step);
		touch(memory_end - (uint64_t)(actual + step) * PAGE, memory_end - (uint64_t)actual * PAGE);
	}
}

static void memory_find(const uint8_t *params)
{
	const struct e820_entry *entry = (const void *)(params + E820_TABLE);

	for (unsigned i = 0; i < params[E820_COUNT]; i++) {
		if (entry[i].type == 1)
			memory_end = entry[i].address + entry[i].size;
	}
}

/* noreturn, and no stack that was checked: where the 64-bit boot protocol begins. */
__attribute__((section(".text.start"), noreturn, naked)) void _start(void)
{
	__asm__("and $-16, %rsp\n"
		"mov %rsi, %rdi\n"
		"call run\n"
		"1: hlt\n"
		"jmp 1b\n");
}

__attribute__((used)) void run(const uint8_t *params)
{
	const char *cmdline = (const char *)(uint64_t)*(const uint32_t *)(params + CMDLINE);

	memory_find(params);
	touch(POOL, memory_end);
	if (!find_balloon())
		return;
	start();
	for (;;)
		follow(cmdline[0]);
}
