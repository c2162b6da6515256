/*
 * A guest of a few instructions with drivers for the balloon (virtio 1.2, 5.5) and one memory device (5.15),
 * for tests of memory that moves while guests run. Freestanding; one vCPU, no interrupts: it looks at the
 * devices again and again.
 *
 * What it does is in the first letter of its command line:
 *
 *      g   gives what it is asked for, and takes it again when it may
 *      r   refuses: has a driver, and gives nothing
 *      l   lies: says that it has given, and gives nothing
 *      t   gives, says so, and uses it all the same ("takes")
 *      u   as g, and uses the block behind the last one that is plugged ("unplugged"); when that holds what
 * is written there, it powers off
 */
#include <linux/virtio_balloon.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mem.h>
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
#define BLOCK      (2UL << 20)
#define HIGH       0x100000000UL /* a GiB from there is mapped for the memory device */
#define CMDLINE    0x228         /* in struct boot_params: hdr.cmd_line_ptr, and ... */
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

struct device {
	uint64_t slot; /* 0: none */
	volatile struct ring *rings;
};

static volatile struct ring balloon_rings[3], memory_rings[1];
static struct device balloon = {.rings = balloon_rings}, memory = {.rings = memory_rings};
static volatile struct virtio_mem_req request;
static volatile struct virtio_mem_resp response;
static volatile uint64_t high_pages[512] __attribute__((aligned(PAGE)));
static uint32_t numbers[BATCH];
static volatile struct virtio_balloon_stat stat;
static uint64_t memory_end;
static uint64_t plugged; /* bytes, from the region's start */
static uint32_t actual;  /* pages that were given, as the device is told */

static uint32_t get(const struct device *device, uint64_t offset)
{
	return *(volatile uint32_t *)(device->slot + offset);
}

static void set(const struct device *device, uint64_t offset, uint32_t value)
{
	*(volatile uint32_t *)(device->slot + offset) = value;
}

static void set_actual(uint32_t pages)
{
	actual = pages;
	set(&balloon, VIRTIO_MMIO_CONFIG + offsetof(struct virtio_balloon_config, actual), pages);
}

static void queue_start(const struct device *device, unsigned queue)
{
	volatile struct ring *ring = &device->rings[queue];

	set(device, VIRTIO_MMIO_QUEUE_SEL, queue);
	set(device, VIRTIO_MMIO_QUEUE_NUM, RING);
	set(device, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)(uint64_t)ring->descriptors);
	set(device, VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)(uint64_t)&ring->available);
	set(device, VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)(uint64_t)&ring->used);
	set(device, VIRTIO_MMIO_QUEUE_READY, 1);
}

/* answer: NULL, or what the device writes. */
static void submit(const struct device *device, unsigned queue, const volatile void *data, uint32_t size,
		   volatile void *answer, uint32_t answer_size)
{
	volatile struct ring *ring = &device->rings[queue];

	ring->descriptors[0] = (struct vring_desc){
		.addr = (uint64_t)data, .len = size, .flags = answer ? VRING_DESC_F_NEXT : 0, .next = 1};
	ring->descriptors[1] = (struct vring_desc){
		.addr = (uint64_t)answer, .len = answer_size, .flags = VRING_DESC_F_WRITE};
	ring->available.ring[ring->available.index % RING] = 0;
	__sync_synchronize();
	ring->available.index++;
	set(device, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

static void wait_for(const struct device *device, unsigned queue)
{
	while (device->rings[queue].used.index != device->rings[queue].available.index)
		__builtin_ia32_pause();
}

static void find_devices(void)
{
	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		struct device device = {.slot = SLOTS + i * PAGE};

		if (get(&device, VIRTIO_MMIO_MAGIC_VALUE) != MAGIC)
			continue;
		if (get(&device, VIRTIO_MMIO_DEVICE_ID) == VIRTIO_ID_BALLOON)
			balloon.slot = device.slot;
		if (get(&device, VIRTIO_MMIO_DEVICE_ID) == VIRTIO_ID_MEM)
			memory.slot = device.slot;
	}
}

static void start(const struct device *device, uint32_t features, unsigned queues)
{
	set(device, VIRTIO_MMIO_STATUS, 0);
	set(device, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	set(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(device, VIRTIO_MMIO_DRIVER_FEATURES, features);
	set(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(device, VIRTIO_MMIO_DRIVER_FEATURES, 1U << (VIRTIO_F_VERSION_1 - 32));
	set(device, VIRTIO_MMIO_STATUS, get(device, VIRTIO_MMIO_STATUS) | VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned i = 0; i < queues; i++)
		queue_start(device, i);
	set(device, VIRTIO_MMIO_STATUS, get(device, VIRTIO_MMIO_STATUS) | VIRTIO_CONFIG_S_DRIVER_OK);
}

static void start_devices(void)
{
	if (balloon.slot) {
		start(&balloon, 1U << VIRTIO_BALLOON_F_STATS_VQ, 3);
		submit(&balloon, 2, &stat, sizeof(stat), NULL, 0); /* as Linux: the device keeps the buffer */
	}
	if (memory.slot)
		start(&memory, 1U << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE, 1);
}

/* Pages [from, to), counted from the memory's end. */
static void move_pages(unsigned queue, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		numbers[i - from] = (uint32_t)((memory_end >> VIRTIO_BALLOON_PFN_SHIFT) - 1 - i);
	submit(&balloon, queue, numbers, (to - from) * (uint32_t)sizeof(numbers[0]), NULL, 0);
	wait_for(&balloon, queue);
}

static void touch(uint64_t start, uint64_t end)
{
	for (uint64_t page = start; page < end; page += PAGE)
		*(volatile uint64_t *)page = page;
}

static void follow_balloon(char what)
{
	uint32_t wanted =
		get(&balloon, VIRTIO_MMIO_CONFIG + offsetof(struct virtio_balloon_config, num_pages));
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

static uint64_t get_long(uint64_t offset)
{
	return get(&memory, VIRTIO_MMIO_CONFIG + offset) |
	       (uint64_t)get(&memory, VIRTIO_MMIO_CONFIG + offset + 4) << 32;
}

static bool ask(uint16_t type, uint64_t address)
{
	request = (struct virtio_mem_req){.type = type, .u.plug = {.addr = address, .nb_blocks = 1}};
	submit(&memory, 0, &request, sizeof(request), &response, sizeof(response));
	wait_for(&memory, 0);
	return response.type == VIRTIO_MEM_RESP_ACK;
}

static bool holds(uint64_t address)
{
	*(volatile uint64_t *)address = 0x5a5a;
	return *(volatile uint64_t *)address == 0x5a5a;
}

static void power_off(void)
{
	__asm__ volatile("outb %0, %1" : : "a"((uint8_t)0x34), "d"((uint16_t)0x600)); /* S5 */
}

/* A block at a time, from the region's start. */
static void follow_memory(char what)
{
	uint64_t base = get_long(offsetof(struct virtio_mem_config, addr));
	uint64_t wanted = get_long(offsetof(struct virtio_mem_config, requested_size));

	if (wanted > plugged && ask(VIRTIO_MEM_REQ_PLUG, base + plugged)) {
		touch(base + plugged, base + plugged + BLOCK);
		plugged += BLOCK;
		if (what == 'u' && wanted == plugged && holds(base + plugged))
			power_off();
	} else if (wanted < plugged && what != 'r' && ask(VIRTIO_MEM_REQ_UNPLUG, base + plugged - BLOCK)) {
		plugged -= BLOCK;
	}
}

/* The boot's page tables end at 4 GiB. */
static void map_high(void)
{
	uint64_t top;

	__asm__("mov %%cr3, %0" : "=r"(top));
	for (unsigned i = 0; i < 512; i++)
		high_pages[i] = (HIGH + i * BLOCK) | 0x83; /* present, writable, large */
	((volatile uint64_t *)(*(uint64_t *)(top & ~0xfffUL) & ~0xfffUL))[4] = (uint64_t)high_pages | 3;
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
	const char *cmdline = (const char *)(uint64_t) * (const uint32_t *)(params + CMDLINE);

	memory_find(params);
	touch(POOL, memory_end);
	find_devices();
	map_high();
	start_devices();
	for (;;) {
		if (balloon.slot)
			follow_balloon(cmdline[0]);
		if (memory.slot)
			follow_memory(cmdline[0]);
	}
}
