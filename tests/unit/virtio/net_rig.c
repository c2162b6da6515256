#include "tests/unit/virtio/net_rig.h"

#include <criterion/criterion.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct driver driver;
struct error err;
int peer = -1; /* the other end of the device's fd */

struct virtio_net_options options = {
	.fd_count = 1,
	.name = "test",
	.mac = {0x52, 0x54, 0, 0x12, 0x34, 0x56},
	.mtu = 1500,
};

static void plug(enum virtio_net_backend backend, int type)
{
	int ends[2];

	driver_init(&driver);
	cr_assert_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	peer = ends[1];
	options.backend = backend;
	options.fds[0] = ends[0];
	driver_plug(&driver, virtio_net_create(&options, &driver.memory, &driver.loop, &err));
}

void net_setup_tap(void)
{
	plug(VIRTIO_NET_TAP, SOCK_SEQPACKET);
}

void net_setup_stream(void)
{
	plug(VIRTIO_NET_STREAM, SOCK_STREAM);
}

void net_teardown(void)
{
	driver_close(&driver);
	if (peer >= 0)
		close(peer);
}

/* Bytes that differ from frame to frame and from place to place. */
void fill(uint8_t *bytes, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251 + seed * 31);
}

struct driver_buffer add_receive_buffer(uint32_t len)
{
	struct driver_buffer buffer = driver_in(&driver, len);

	driver_add(&driver, RECEIVE, &buffer, 1);
	return buffer;
}

/* The next packet in the receive queue is this one, in these buffers. */
void expect_packet(const struct driver_buffer *buffers, unsigned count, const uint8_t *packet, size_t len)
{
	const struct virtio_net_hdr_v1 *header = driver_at(&driver, buffers[0].address, HEADER);
	size_t at = 0;

	cr_assert_eq(header->num_buffers, count, "%u buffers", header->num_buffers);
	for (unsigned i = 0; i < count; i++) {
		struct driver_used used;
		uint8_t *bytes = driver_at(&driver, buffers[i].address, buffers[i].len);
		size_t skip = i == 0 ? HEADER : 0;

		cr_assert(driver_collect(&driver, RECEIVE, &used), "buffer %u is not used", i);
		cr_assert_leq(at + used.written, len);
		cr_assert_eq(memcmp(bytes + skip, packet + at + skip, used.written - skip), 0, "buffer %u",
			     i);
		at += used.written;
	}
	cr_assert_eq(at, len);
}

void expect_no_packet(void)
{
	struct driver_used used;

	cr_assert_not(driver_collect(&driver, RECEIVE, &used));
}

unsigned collect_all(unsigned queue)
{
	struct driver_used used;
	unsigned count = 0;

	while (driver_collect(&driver, queue, &used))
		count++;
	return count;
}

uint16_t read_status(void)
{
	uint16_t status;

	virtio_device_config_read(driver.device, offsetof(struct virtio_net_config, status),
				  (uint8_t *)&status, sizeof(status));
	return status;
}

void expect_link_down(void)
{
	cr_assert_eq(read_status(), 0);
	cr_assert_eq(driver.config_interrupts, 1);
	cr_assert_not(driver_sees_broken(&driver));
}

uint8_t packet[HEADER + FRAME_MAX + 1000];

void tap_gives(size_t len, unsigned seed)
{
	fill(packet, len, seed);
	cr_assert_eq(send(peer, packet, len, 0), (ssize_t)len);
	driver_run(&driver);
}

void add_transmit(const uint8_t *bytes, size_t len)
{
	struct driver_buffer buffer = driver_out(&driver, bytes, (uint32_t)len);

	driver_add(&driver, TRANSMIT, &buffer, 1);
}

void add_transmit_filled(size_t len, unsigned seed)
{
	fill(packet, len, seed);
	add_transmit(packet, len);
}

void enlarge_receive_queue(uint16_t size)
{
	struct virtq *queue = &driver.device->queues[RECEIVE];

	virtq_reset(queue);
	driver_layout(&driver, queue, RECEIVE, size);
	cr_assert_eq(virtq_enable(queue, &driver.memory, 0), 0);
	for (unsigned i = 0; i < size; i++)
		add_receive_buffer(200);
}

/* The device's answer to a command with these bytes as its data. */
uint8_t command_on(unsigned queue, uint8_t class, uint8_t number, const void *data, uint32_t len)
{
	uint8_t bytes[2 + 2048] = {class, number};
	struct driver_buffer buffers[2];
	struct driver_used used;
	uint8_t *ack;

	memcpy(bytes + 2, data, len);
	buffers[0] = driver_out(&driver, bytes, 2 + len);
	buffers[1] = driver_in(&driver, 1);
	ack = driver_at(&driver, buffers[1].address, 1);
	*ack = 0xaa;
	driver_add(&driver, queue, buffers, 2);
	driver_kick(&driver, queue);
	cr_assert(driver_collect(&driver, queue, &used), "class %u command %u: no answer", class, number);
	cr_assert_eq(used.written, 1);
	return *ack;
}

void read_config(struct virtio_net_config *config)
{
	memset(config, 0, sizeof(*config));
	virtio_device_config_read(driver.device, 0, (uint8_t *)config, sizeof(*config));
}
