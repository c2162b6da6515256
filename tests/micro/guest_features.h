/*
 * The guest's side of test_virtio_features.c: a driver that agrees to any set of features, and uses a device
 * in every way that these allow. What the specification lets a driver do without a feature works without it;
 * what it does not is not tried. Each device's use() returns 0, or the line of what was not as it should be.
 */
#pragma once

#include <linux/virtio_balloon.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <linux/virtio_net.h>
#include <linux/virtio_vsock.h>

#include "tests/micro/guest_device.h"

#define QUEUES      6
#define EVENT_IDX   (1ULL << VIRTIO_RING_F_EVENT_IDX)
#define FEATURE(of) (1ULL << VIRTIO_##of)

static struct device queues[QUEUES];
static uint64_t agreed;
static uint8_t round_number; /* so that what is written differs from one round to the next */

static bool has(uint64_t feature)
{
	return agreed & feature;
}

static bool queue_works(unsigned queue, const struct device_part *parts, unsigned count)
{
	return device_do(&queues[queue], parts, count);
}

/* Starts the device with these features and no others, and its queues but those that are left out. */
static uint32_t features_start(uint64_t features, unsigned count, unsigned without)
{
	agreed = features;
	EXPECT(device_negotiate(&queues[0], features));
	for (unsigned i = 0; i < count; i++) {
		queues[i].queue = (uint16_t)i;
		queues[i].is_packed = has(DEVICE_PACKED);
		queues[i].is_indirect = has(DEVICE_INDIRECT);
		if (without & 1U << i)
			continue;
		device_lay_out(&queues[i]);
		device_queue_enable(&queues[i]);
		EXPECT(device_queue_enabled(&queues[i]));
	}
	device_set_status(&queues[0], STATUS_RUNS);
	EXPECT(device_status(&queues[0]) == STATUS_RUNS);
	return 0;
}

/* A queue is reset and enabled again, where that was agreed to (2.6.1). */
static uint32_t queue_starts_again(unsigned queue)
{
	if (!has(DEVICE_RING_RESET))
		return 0;
	device_select(&queues[queue], queue);
	device_queue_reset(&queues[queue]);
	EXPECT(!device_queue_enabled(&queues[queue]));
	device_lay_out(&queues[queue]);
	device_queue_enable(&queues[queue]);
	EXPECT(device_queue_enabled(&queues[queue]));
	return 0;
}

/* --- Disk --- */

static uint8_t sector[512];

static bool disk_does(unsigned queue, uint32_t type, uint64_t number, void *data, uint32_t size)
{
	static struct virtio_blk_outhdr header;
	static volatile uint8_t status;
	bool reads = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	const struct device_part parts[] = {
		{&header, sizeof(header), false}, {data, size, reads}, {(void *)&status, 1, true}};
	const struct device_part bare[] = {{&header, sizeof(header), false}, {(void *)&status, 1, true}};

	header = (struct virtio_blk_outhdr){.type = type, .sector = number};
	status = 0xee;
	if (!(size ? queue_works(queue, parts, 3) : queue_works(queue, bare, 2)))
		return false;
	return status == VIRTIO_BLK_S_OK;
}

static bool sector_is(uint8_t byte)
{
	for (unsigned i = 0; i < sizeof(sector); i++)
		if (((volatile uint8_t *)sector)[i] != byte)
			return false;
	return true;
}

static void sector_fill(uint8_t byte)
{
	for (unsigned i = 0; i < sizeof(sector); i++)
		((volatile uint8_t *)sector)[i] = byte;
}

static uint32_t disk_gives_back(void)
{
	static struct virtio_blk_discard_write_zeroes range;

	range = (struct virtio_blk_discard_write_zeroes){.sector = 2, .num_sectors = 1};
	if (has(FEATURE(BLK_F_WRITE_ZEROES))) {
		EXPECT(disk_does(0, VIRTIO_BLK_T_WRITE_ZEROES, 0, &range, sizeof(range)));
		EXPECT(disk_does(0, VIRTIO_BLK_T_IN, 2, sector, sizeof(sector)));
		EXPECT(sector_is(0));
	}
	range = (struct virtio_blk_discard_write_zeroes){.sector = 8, .num_sectors = 8};
	if (has(FEATURE(BLK_F_DISCARD)))
		EXPECT(disk_does(0, VIRTIO_BLK_T_DISCARD, 0, &range, sizeof(range)));
	return 0;
}

static uint32_t disk_use(uint64_t features)
{
	uint8_t byte = (uint8_t)(round_number | 0x80);
	unsigned other = features & FEATURE(BLK_F_MQ) ? 1 : 0;
	uint32_t line = features_start(features, 2, other ? 0 : 1U << 1);

	for (unsigned pass = 0; pass < 2 && line == 0; pass++) {
		sector_fill(byte);
		EXPECT(disk_does(0, VIRTIO_BLK_T_OUT, 2, sector, sizeof(sector)));
		if (has(FEATURE(BLK_F_FLUSH)))
			EXPECT(disk_does(0, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
		sector_fill(0x11);
		EXPECT(disk_does(other, VIRTIO_BLK_T_IN, 2, sector, sizeof(sector)));
		EXPECT(sector_is(byte));
		EXPECT(disk_does(other, VIRTIO_BLK_T_GET_ID, 0, sector, VIRTIO_BLK_ID_BYTES));
		line = disk_gives_back();
		if (line == 0)
			line = queue_starts_again(0);
	}
	return line;
}

/* --- Network card: whoever is at the other end of the wire sends each byte back one higher --- */

#define NET_CONTROL 2
#define NET_FRAME   60

static struct packet {
	struct virtio_net_hdr_v1 header;
	uint8_t frame[1514];
} __attribute__((packed)) sent, received;

static const uint8_t net_address[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

static bool net_command(uint8_t class, uint8_t number, const void *data, uint32_t len)
{
	static uint8_t bytes[2 + 8];
	static volatile uint8_t ack;
	const struct device_part parts[] = {{bytes, 2 + len, false}, {(void *)&ack, 1, true}};

	bytes[0] = class;
	bytes[1] = number;
	for (uint32_t i = 0; i < len; i++)
		bytes[2 + i] = ((const uint8_t *)data)[i];
	ack = 0xaa;
	return queue_works(NET_CONTROL, parts, 2) && ack == VIRTIO_NET_OK;
}

static uint32_t net_asks(void)
{
	static const uint16_t vlan = 5;
	static const uint8_t off, on = 1;

	if (has(FEATURE(NET_F_CTRL_MAC_ADDR)))
		EXPECT(net_command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, net_address, 6));
	if (has(FEATURE(NET_F_CTRL_RX))) {
		EXPECT(net_command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &off, 1));
		EXPECT(net_command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, &on, 1));
	}
	if (has(FEATURE(NET_F_CTRL_RX_EXTRA)))
		EXPECT(net_command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOBCAST, &off, 1));
	if (has(FEATURE(NET_F_CTRL_VLAN)))
		EXPECT(net_command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &vlan, sizeof(vlan)));
	return 0;
}

static uint32_t net_echoes(void)
{
	const struct device_part in = {&received, sizeof(received), true};
	const struct device_part out = {&sent, sizeof(sent.header) + NET_FRAME, false};
	uint16_t first = device_submit(&queues[0], &in, 1);

	for (unsigned i = 0; i < NET_FRAME; i++)
		sent.frame[i] = (uint8_t)(i < 6 ? net_address[i] - 1U : i + round_number);
	EXPECT(queue_works(1, &out, 1));
	EXPECT(device_await(&queues[0], first));
	EXPECT(device_written(&queues[0], first) == sizeof(received.header) + NET_FRAME);
	for (unsigned i = 0; i < NET_FRAME; i++)
		EXPECT(((volatile struct packet *)&received)->frame[i] == (uint8_t)(sent.frame[i] + 1));
	if (has(FEATURE(NET_F_MRG_RXBUF)))
		EXPECT(((volatile struct packet *)&received)->header.num_buffers == 1);
	return 0;
}

static uint32_t net_use(uint64_t features)
{
	bool asks = features & FEATURE(NET_F_CTRL_VQ);
	uint32_t line = features_start(features, 3, asks ? 0 : 1U << NET_CONTROL);

	if (line == 0 && has(FEATURE(NET_F_MAC)))
		EXPECT(mmio_read8(device_config(&queues[0]) + 5) == net_address[5]);
	if (line == 0 && has(FEATURE(NET_F_STATUS)))
		EXPECT(mmio_read16(device_config(&queues[0]) + 6) & VIRTIO_NET_S_LINK_UP);
	if (line == 0 && has(FEATURE(NET_F_MTU)))
		EXPECT(mmio_read16(device_config(&queues[0]) + 10) == 1400);
	for (unsigned pass = 0; pass < 2 && line == 0; pass++) {
		line = asks ? net_asks() : 0;
		if (line == 0)
			line = net_echoes();
		if (line == 0)
			line = queue_starts_again(1);
	}
	return line;
}

/* --- Console: what is printed is typed --- */

static uint32_t console_use(uint64_t features)
{
	static char typed[16], printed[] = "ping";
	const struct device_part in = {typed, sizeof(typed), true};
	const struct device_part out = {printed, 4, false};
	uint32_t line = features_start(features, 2, 0);

	if (line == 0 && has(FEATURE(CONSOLE_F_SIZE)))
		EXPECT(mmio_read16(device_config(&queues[0])) == 80);
	for (unsigned pass = 0; pass < 2 && line == 0; pass++) {
		uint16_t first = device_submit(&queues[0], &in, 1);

		printed[0] = (char)('a' + round_number % 26);
		EXPECT(queue_works(1, &out, 1));
		EXPECT(device_await(&queues[0], first));
		EXPECT(device_written(&queues[0], first) == 4);
		EXPECT(((volatile char *)typed)[0] == printed[0] && ((volatile char *)typed)[3] == 'g');
		line = queue_starts_again(0);
	}
	return line;
}

/* --- Ports for agents --- */

static uint32_t channels_use(uint64_t features)
{
	static struct virtio_console_control said, told[4];
	const struct device_part out = {&said, sizeof(said), false};
	const struct device_part in = {told, sizeof(told), true};
	bool ports = features & FEATURE(CONSOLE_F_MULTIPORT);
	uint32_t line = features_start(features, ports ? 6 : 2, 0);

	if (line)
		return line;
	if (!ports) { /* port 0, which prints to nobody */
		EXPECT(queue_works(1, &out, 1));
		return queue_starts_again(1);
	}
	said = (struct virtio_console_control){.event = VIRTIO_CONSOLE_DEVICE_READY, .value = 1};
	EXPECT(queue_works(3, &out, 1));
	EXPECT(queue_works(2, &in, 1));
	EXPECT(((volatile struct virtio_console_control *)told)->event == VIRTIO_CONSOLE_PORT_ADD);
	EXPECT(((volatile struct virtio_console_control *)told)->id == 1);
	return queue_starts_again(3);
}

/* --- Sockets: the host refuses each connection --- */

static uint32_t vsock_use(uint64_t features)
{
	static struct virtio_vsock_hdr request, answer;
	static uint8_t data[64];
	const struct device_part out = {&request, sizeof(request), false};
	const struct device_part in[] = {{&answer, sizeof(answer), true}, {data, sizeof(data), true}};
	uint32_t line = features_start(features, 3, 0);

	EXPECT(mmio_read32(device_config(&queues[0])) == 3);
	for (unsigned pass = 0; pass < 2 && line == 0; pass++) {
		uint16_t first = device_submit(&queues[0], in, 2);

		request = (struct virtio_vsock_hdr){
			.src_cid = 3,
			.dst_cid = 2,
			.src_port = 100U + round_number,
			.dst_port = 9,
			.type = VIRTIO_VSOCK_TYPE_STREAM,
			.op = VIRTIO_VSOCK_OP_REQUEST,
		};
		EXPECT(queue_works(1, &out, 1));
		EXPECT(device_await(&queues[0], first));
		EXPECT(((volatile struct virtio_vsock_hdr *)&answer)->op == VIRTIO_VSOCK_OP_RST);
		EXPECT(((volatile struct virtio_vsock_hdr *)&answer)->dst_port == request.src_port);
		line = queue_starts_again(1);
	}
	return line;
}

/* --- Entropy --- */

static uint32_t rng_use(uint64_t features)
{
	static uint8_t draw[64];
	const struct device_part in = {draw, sizeof(draw), true};
	uint32_t line = features_start(features, 1, 0);

	for (unsigned pass = 0; pass < 2 && line == 0; pass++) {
		unsigned zeros = 0;

		for (unsigned i = 0; i < sizeof(draw); i++)
			((volatile uint8_t *)draw)[i] = 0;
		EXPECT(queue_works(0, &in, 1));
		for (unsigned i = 0; i < sizeof(draw); i++)
			zeros += ((volatile uint8_t *)draw)[i] == 0;
		EXPECT(zeros < sizeof(draw) / 4);
		line = queue_starts_again(0);
	}
	return line;
}

/* --- Balloon --- */

#define PAGE            4096
#define BALLOON_STATS   2
#define BALLOON_REPORTS 4 /* 5.5.2 */

static uint8_t pages[2][PAGE] __attribute__((aligned(PAGE)));

static bool page_gone(unsigned page)
{
	return ((volatile uint8_t *)pages[page])[0] == 0 && ((volatile uint8_t *)pages[page])[PAGE - 1] == 0;
}

static uint32_t balloon_use(uint64_t features)
{
	static uint32_t number;
	static struct virtio_balloon_stat numbers[1];
	const struct device_part list = {&number, sizeof(number), false};
	const struct device_part stats = {numbers, sizeof(numbers), false};
	const struct device_part unused = {pages[1], PAGE, true};
	bool counts = features & FEATURE(BALLOON_F_STATS_VQ),
	     reports = features & FEATURE(BALLOON_F_REPORTING);
	uint32_t line = features_start(features, 5,
				       1U << 3 | (counts ? 0 : 1U << BALLOON_STATS) |
					       (reports ? 0 : 1U << BALLOON_REPORTS));

	for (unsigned pass = 0; pass < 2 && line == 0; pass++) {
		for (unsigned i = 0; i < 2; i++)
			((volatile uint8_t *)pages[i])[0] = ((volatile uint8_t *)pages[i])[PAGE - 1] = 0xa5;
		number = (uint32_t)((uint64_t)pages[0] >> VIRTIO_BALLOON_PFN_SHIFT);
		EXPECT(queue_works(0, &list, 1));
		EXPECT(page_gone(0) && !page_gone(1));
		EXPECT(queue_works(1, &list, 1));
		numbers[0] =
			(struct virtio_balloon_stat){.tag = VIRTIO_BALLOON_S_MEMTOT, .val = round_number};
		if (counts) /* which the device keeps */
			device_submit(&queues[BALLOON_STATS], &stats, 1);
		if (reports) {
			EXPECT(queue_works(BALLOON_REPORTS, &unused, 1));
			EXPECT(page_gone(1));
		}
		line = queue_starts_again(0);
		if (line == 0 && counts && has(DEVICE_RING_RESET))
			line = queue_starts_again(BALLOON_STATS);
		counts &= has(DEVICE_RING_RESET); /* a buffer that is kept is not put again */
	}
	return line;
}
