/*
 * The network device (virtio 1.2, 5.1). A socket that keeps message boundaries stands for a TAP, a pair of
 * stream sockets for passt; offloads are tried on a real TAP, in a network namespace, where the system allows
 * one.
 */
#include "tests/unit/virtio/driver.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devmodel/virtio/net.h"

#define RECEIVE   0
#define TRANSMIT  1
#define HEADER    12
#define MERGE     (1ULL << VIRTIO_NET_F_MRG_RXBUF)
#define FRAME_MAX 65553
#define BATCH     VIRTIO_BATCH

static struct driver driver;
static struct error err;
static int peer = -1; /* the other end of the device's fd */

static struct virtio_net_options options = {
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

static void setup_tap(void)
{
	plug(VIRTIO_NET_TAP, SOCK_SEQPACKET);
}

static void setup_stream(void)
{
	plug(VIRTIO_NET_STREAM, SOCK_STREAM);
}

static void teardown(void)
{
	driver_close(&driver);
	if (peer >= 0)
		close(peer);
}

TestSuite(net_tap, .init = setup_tap, .fini = teardown);
TestSuite(net_stream, .init = setup_stream, .fini = teardown);

/* Bytes that differ from frame to frame and from place to place. */
static void fill(uint8_t *bytes, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251 + seed * 31);
}

static struct driver_buffer add_receive_buffer(uint32_t len)
{
	struct driver_buffer buffer = driver_in(&driver, len);

	driver_add(&driver, RECEIVE, &buffer, 1);
	return buffer;
}

/* The next packet in the receive queue is this one, in these buffers. */
static void expect_packet(const struct driver_buffer *buffers, unsigned count, const uint8_t *packet,
			  size_t len)
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

static void expect_no_packet(void)
{
	struct driver_used used;

	cr_assert_not(driver_collect(&driver, RECEIVE, &used));
}

static unsigned collect_all(unsigned queue)
{
	struct driver_used used;
	unsigned count = 0;

	while (driver_collect(&driver, queue, &used))
		count++;
	return count;
}

static uint16_t read_status(void)
{
	uint16_t status;

	virtio_device_config_read(driver.device, offsetof(struct virtio_net_config, status),
				  (uint8_t *)&status, sizeof(status));
	return status;
}

static void expect_link_down(void)
{
	cr_assert_eq(read_status(), 0);
	cr_assert_eq(driver.config_interrupts, 1);
	cr_assert_not(driver_sees_broken(&driver));
}

/* ---- What it says of itself ---- */

Test(net_tap, shows_mac_link_and_mtu)
{
	struct virtio_net_config config = {0};
	uint64_t features =
		1ULL << VIRTIO_NET_F_MAC | 1ULL << VIRTIO_NET_F_STATUS | 1ULL << VIRTIO_NET_F_MTU | MERGE;

	cr_assert_eq(driver.device->id, VIRTIO_ID_NET);
	cr_assert_eq(driver.device->offered & features, features);
	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	cr_assert_arr_eq(config.mac, options.mac, 6);
	cr_assert_eq(config.status, VIRTIO_NET_S_LINK_UP);
	cr_assert_eq(config.mtu, 1500);
	cr_assert_eq(config.speed, 0, "beyond its end");
}

Test(net, a_group_address_and_a_tiny_mtu_are_refused)
{
	struct virtio_net_options bad = options;
	int ends[2];

	driver_init(&driver);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	bad.fds[0] = ends[0];
	bad.mac[0] = 0x53;
	cr_assert_null(virtio_net_create(&bad, &driver.memory, &driver.loop, &err));
	cr_assert_str_eq(err.text, "network test: its MAC address is a group's");
	bad.mac[0] = 0x52;
	bad.mtu = 67;
	cr_assert_null(virtio_net_create(&bad, &driver.memory, &driver.loop, &err));
	cr_assert_str_eq(err.text, "network test: an MTU of 67 is less than 68");
	driver_close(&driver);
	close(ends[0]);
	close(ends[1]);
}

/* ---- TAP ---- */

static uint8_t packet[HEADER + FRAME_MAX + 1000];

static void tap_gives(size_t len, unsigned seed)
{
	fill(packet, len, seed);
	cr_assert_eq(send(peer, packet, len, 0), (ssize_t)len);
	driver_run(&driver);
}

Test(net_tap, a_packet_arrives_with_its_header)
{
	struct driver_buffer buffer;

	driver_start(&driver, 0);
	buffer = add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	tap_gives(200, 1);
	cr_assert_arr_eq(driver_at(&driver, buffer.address, 10), packet, 10);
	expect_packet(&buffer, 1, packet, 200);
	cr_assert_eq(driver.interrupts[RECEIVE], 1);
}

Test(net_tap, buffers_offered_before_the_driver_is_ready_are_used)
{
	struct driver_buffer buffer;

	driver_start(&driver, 0);
	buffer = add_receive_buffer(2000);
	tap_gives(200, 1);
	expect_no_packet();
	driver_kick(&driver, RECEIVE);
	expect_packet(&buffer, 1, packet, 200);
}

Test(net_tap, a_packet_goes_out_as_one_message_with_its_header)
{
	struct driver_buffer buffers[2];
	uint8_t got[400];
	struct driver_used used;

	driver_start(&driver, 0);
	fill(packet, 300, 2);
	buffers[0] = driver_out(&driver, packet, HEADER);
	buffers[1] = driver_out(&driver, packet + HEADER, 300 - HEADER);
	driver_add(&driver, TRANSMIT, buffers, 2);
	driver_kick(&driver, TRANSMIT);
	cr_assert_eq(recv(peer, got, sizeof(got), 0), 300);
	cr_assert_arr_eq(got, packet, 300);
	cr_assert(driver_collect(&driver, TRANSMIT, &used));
	cr_assert_eq(used.written, 0);
	cr_assert_eq(driver.interrupts[TRANSMIT], 1);
}

Test(net_tap, a_long_packet_is_merged_from_buffers_and_the_others_stay)
{
	struct driver_buffer buffers[8];

	driver_start(&driver, MERGE);
	for (unsigned i = 0; i < 8; i++)
		buffers[i] = add_receive_buffer(1000);
	driver_kick(&driver, RECEIVE);
	tap_gives(2500, 3);
	expect_packet(buffers, 3, packet, 2500);
	/* now three buffers are taken for a start, and this one needs one */
	tap_gives(100, 4);
	expect_packet(buffers + 3, 1, packet, 100);
	tap_gives(1000, 5);
	expect_packet(buffers + 4, 1, packet, 1000);
	tap_gives(1001, 6);
	expect_packet(buffers + 5, 2, packet, 1001);
	expect_no_packet();
}

Test(net_tap, the_longest_packet_fits_into_small_buffers)
{
	struct driver_buffer buffers[DRIVER_QUEUE_SIZE];

	driver_start(&driver, MERGE);
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++)
		buffers[i] = add_receive_buffer(4100);
	driver_kick(&driver, RECEIVE);
	tap_gives(HEADER + FRAME_MAX, 7);
	expect_packet(buffers, DRIVER_QUEUE_SIZE, packet, HEADER + FRAME_MAX);
}

Test(net_tap, a_packet_waits_for_enough_buffers)
{
	struct driver_buffer buffers[4];

	driver_needs_split();
	driver_start(&driver, MERGE | DRIVER_EVENT_INDEX);
	buffers[0] = add_receive_buffer(1000);
	buffers[1] = add_receive_buffer(1000);
	driver_kick(&driver, RECEIVE);
	tap_gives(3500, 8);
	expect_no_packet();
	/* it wants to be told of the very next buffer */
	cr_assert_eq(driver.queues[RECEIVE].used->ring[DRIVER_QUEUE_SIZE].id & 0xffff, 2);
	buffers[2] = add_receive_buffer(1000);
	driver_kick(&driver, RECEIVE);
	expect_no_packet();
	buffers[3] = add_receive_buffer(1000);
	driver_kick(&driver, RECEIVE);
	expect_packet(buffers, 4, packet, 3500);
}

Test(net_tap, without_merging_a_packet_too_long_is_dropped)
{
	struct driver_buffer buffer;

	driver_start(&driver, 0);
	buffer = add_receive_buffer(1000);
	driver_kick(&driver, RECEIVE);
	tap_gives(1001, 9);
	expect_no_packet();
	tap_gives(1000, 10);
	expect_packet(&buffer, 1, packet, 1000);
}

Test(net_tap, a_packet_that_never_fits_is_dropped)
{
	driver_start(&driver, MERGE);
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++)
		add_receive_buffer(100);
	driver_kick(&driver, RECEIVE);
	tap_gives(DRIVER_QUEUE_SIZE * 100 + 1, 11);
	expect_no_packet();
	tap_gives(DRIVER_QUEUE_SIZE * 100, 12);
	cr_assert_eq(collect_all(RECEIVE), DRIVER_QUEUE_SIZE);
}

Test(net_tap, is_not_read_while_the_guest_has_no_buffers)
{
	struct driver_buffer buffers[2];
	uint8_t first[100];

	driver_start(&driver, 0);
	driver_kick(&driver, RECEIVE);
	tap_gives(100, 13);
	memcpy(first, packet, 100);
	tap_gives(100, 14);
	expect_no_packet();
	buffers[0] = add_receive_buffer(1000);
	buffers[1] = add_receive_buffer(1000);
	driver_kick(&driver, RECEIVE);
	expect_packet(&buffers[0], 1, first, 100);
	expect_packet(&buffers[1], 1, packet, 100);
}

Test(net_tap, runts_and_giants_of_the_guest_are_dropped_and_given_back)
{
	struct driver_buffer runt;
	struct driver_buffer giant;
	uint8_t got[100];

	driver_start(&driver, 0);
	runt = driver_out(&driver, packet, HEADER + 13);
	giant = driver_out(&driver, packet, HEADER + FRAME_MAX + 1);
	driver_add(&driver, TRANSMIT, &runt, 1);
	driver_add(&driver, TRANSMIT, &giant, 1);
	driver_kick(&driver, TRANSMIT);
	cr_assert_eq(collect_all(TRANSMIT), 2);
	cr_assert_eq(recv(peer, got, sizeof(got), 0), -1);
	cr_assert_not(driver_sees_broken(&driver));
}

static void add_transmit(const uint8_t *bytes, size_t len)
{
	struct driver_buffer buffer = driver_out(&driver, bytes, (uint32_t)len);

	driver_add(&driver, TRANSMIT, &buffer, 1);
}

static void add_transmit_filled(size_t len, unsigned seed)
{
	fill(packet, len, seed);
	add_transmit(packet, len);
}

Test(net_tap, frames_stay_in_the_queue_while_it_takes_none)
{
	static uint8_t got[40000];
	unsigned sent = 0;

	driver_start(&driver, 0);
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++)
		add_transmit_filled(30000, i);
	driver_kick(&driver, TRANSMIT);
	cr_assert_lt(sent = collect_all(TRANSMIT), DRIVER_QUEUE_SIZE, "the socket is too deep for this test");
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++) {
		cr_assert_eq(recv(peer, got, sizeof(got), 0), 30000, "frame %u", i);
		fill(packet, 30000, i);
		cr_assert_arr_eq(got, packet, 30000);
		driver_run(&driver);
		sent += collect_all(TRANSMIT);
	}
	cr_assert_eq(sent, DRIVER_QUEUE_SIZE);
}

Test(net_tap, a_flood_is_taken_in_batches_with_one_interrupt_each)
{
	unsigned before;

	driver_start(&driver, 0);
	driver_kick(&driver, RECEIVE);
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++) {
		fill(packet, 100, i);
		cr_assert_eq(send(peer, packet, 100, 0), 100);
		add_receive_buffer(200);
	}
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(collect_all(RECEIVE), DRIVER_QUEUE_SIZE);
	cr_assert_eq(driver.interrupts[RECEIVE], 1);

	before = driver.interrupts[TRANSMIT];
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++)
		add_transmit_filled(100, i);
	driver_kick(&driver, TRANSMIT);
	cr_assert_eq(collect_all(TRANSMIT), DRIVER_QUEUE_SIZE);
	cr_assert_eq(driver.interrupts[TRANSMIT], before + 1);
}

/* A ring in the place of the fixture's that holds more than one batch, all of it buffers. */
static void enlarge_receive_queue(uint16_t size)
{
	struct virtq *queue = &driver.device->queues[RECEIVE];

	virtq_reset(queue);
	driver_layout(&driver, queue, RECEIVE, size);
	cr_assert_eq(virtq_enable(queue, &driver.memory, 0), 0);
	for (unsigned i = 0; i < size; i++)
		add_receive_buffer(200);
}

Test(net_tap, one_turn_of_the_loop_moves_one_batch_at_most)
{
	const uint16_t size = 64;

	driver_start(&driver, 0);
	enlarge_receive_queue(size);
	for (unsigned i = 0; i < size; i++)
		cr_assert_eq(send(peer, packet, 100, 0), 100);
	virtio_device_kick(driver.device, RECEIVE);
	cr_assert_eq(loop_step(&driver.loop, 0), 0);
	cr_assert_eq(collect_all(RECEIVE), BATCH);
	driver_run(&driver);
	cr_assert_eq(collect_all(RECEIVE), size - BATCH);
}

Test(net_tap, its_end_takes_the_link_down_and_frames_are_dropped)
{
	driver_start(&driver, 0);
	add_receive_buffer(1000);
	driver_kick(&driver, RECEIVE);
	close(peer);
	peer = -1;
	driver_run(&driver);
	expect_link_down();
	add_transmit_filled(100, 1);
	driver_kick(&driver, TRANSMIT);
	cr_assert_eq(collect_all(TRANSMIT), 1);
}

Test(net_tap, a_receive_buffer_smaller_than_the_header_breaks_the_device)
{
	driver_start(&driver, MERGE);
	add_receive_buffer(HEADER - 1);
	driver_kick(&driver, RECEIVE);
	tap_gives(100, 1);
	cr_assert(driver_sees_broken(&driver));
}

Test(net_tap, a_receive_buffer_that_is_not_writable_breaks_the_device)
{
	struct driver_buffer buffer;

	driver_start(&driver, 0);
	buffer = driver_out(&driver, packet, 1000);
	driver_add(&driver, RECEIVE, &buffer, 1);
	driver_kick(&driver, RECEIVE);
	tap_gives(100, 1);
	cr_assert(driver_sees_broken(&driver));
}

Test(net_tap, after_a_reset_packets_from_before_are_forgotten)
{
	struct driver_buffer buffer;

	driver_start(&driver, MERGE);
	add_receive_buffer(100);
	driver_kick(&driver, RECEIVE);
	tap_gives(500, 1); /* kept, for want of buffers */
	tap_gives(100, 2); /* still in the TAP */
	driver_reset(&driver);
	driver_run(&driver);
	tap_gives(100, 3);
	driver_start(&driver, 0);
	buffer = add_receive_buffer(1000);
	driver_kick(&driver, RECEIVE);
	expect_no_packet();
	tap_gives(300, 4);
	expect_packet(&buffer, 1, packet, 300);
}

/* ---- Stream ---- */

static uint8_t wire[4 + FRAME_MAX];

/* The bytes of one frame on the wire; also lays out in `packet` what the guest is to see. */
static size_t make_wire(size_t frame_len, unsigned seed)
{
	uint32_t len = htonl((uint32_t)frame_len);

	memset(packet, 0, HEADER);
	fill(packet + HEADER, frame_len, seed);
	memcpy(wire, &len, 4);
	memcpy(wire + 4, packet + HEADER, frame_len);
	return 4 + frame_len;
}

Test(net_stream, a_frame_arrives_with_an_empty_header)
{
	struct driver_buffer buffer;
	size_t len = make_wire(60, 1);

	driver_start(&driver, 0);
	buffer = add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(send(peer, wire, len, 0), (ssize_t)len);
	driver_run(&driver);
	cr_assert_eq(*(uint8_t *)driver_at(&driver, buffer.address, 1), 0);
	expect_packet(&buffer, 1, packet, HEADER + 60);
}

Test(net_stream, offers_no_offload)
{
	cr_assert_eq(driver.device->offered &
			     (1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_GUEST_CSUM |
			      1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO4),
		     0);
}

Test(net_stream, a_frame_arrives_byte_by_byte)
{
	struct driver_buffer buffer;
	size_t len = make_wire(60, 2);

	driver_start(&driver, 0);
	buffer = add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	for (size_t i = 0; i < len; i++) {
		expect_no_packet();
		cr_assert_eq(send(peer, wire + i, 1, 0), 1);
		driver_run(&driver);
	}
	expect_packet(&buffer, 1, packet, HEADER + 60);
}

Test(net_stream, frames_arrive_in_one_piece_and_with_the_next_ones_beginning)
{
	struct driver_buffer buffers[3];
	uint8_t bytes[1000];
	size_t len = 0;

	driver_start(&driver, 0);
	for (unsigned i = 0; i < 3; i++) {
		size_t size = make_wire(100 + i, i);

		buffers[i] = add_receive_buffer(2000);
		memcpy(bytes + len, wire, size);
		len += size;
	}
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(send(peer, bytes, len - 50, 0), (ssize_t)len - 50);
	driver_run(&driver);
	make_wire(100, 0);
	expect_packet(&buffers[0], 1, packet, HEADER + 100);
	make_wire(101, 1);
	expect_packet(&buffers[1], 1, packet, HEADER + 101);
	expect_no_packet();
	cr_assert_eq(send(peer, bytes + len - 50, 50, 0), 50);
	driver_run(&driver);
	make_wire(102, 2);
	expect_packet(&buffers[2], 1, packet, HEADER + 102);
}

Test(net_stream, the_longest_frame_is_merged)
{
	struct driver_buffer buffers[DRIVER_QUEUE_SIZE];
	size_t len = make_wire(FRAME_MAX, 3);

	driver_start(&driver, MERGE);
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++)
		buffers[i] = add_receive_buffer(4100);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(send(peer, wire, len, 0), (ssize_t)len);
	driver_run(&driver);
	expect_packet(buffers, DRIVER_QUEUE_SIZE, packet, HEADER + FRAME_MAX);
}

Test(net_stream, a_frame_waits_for_a_buffer)
{
	struct driver_buffer buffer;
	size_t len = make_wire(60, 4);

	driver_start(&driver, 0);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(send(peer, wire, len, 0), (ssize_t)len);
	driver_run(&driver);
	buffer = add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	expect_packet(&buffer, 1, packet, HEADER + 60);
}

Test(net_stream, one_turn_of_the_loop_moves_one_batch_at_most)
{
	const uint16_t size = 64;
	size_t len = make_wire(60, 1);

	driver_start(&driver, 0);
	enlarge_receive_queue(size);
	for (unsigned i = 0; i < size; i++)
		cr_assert_eq(send(peer, wire, len, 0), (ssize_t)len);
	virtio_device_kick(driver.device, RECEIVE);
	cr_assert_eq(loop_step(&driver.loop, 0), 0);
	cr_assert_eq(collect_all(RECEIVE), BATCH);
	driver_run(&driver);
	cr_assert_eq(collect_all(RECEIVE), size - BATCH);
}

static void expect_refused(uint32_t len)
{
	setup_stream();
	driver_start(&driver, MERGE);
	add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	len = htonl(len);
	cr_assert_eq(send(peer, &len, sizeof(len), 0), (ssize_t)sizeof(len));
	driver_run(&driver);
	expect_link_down();
	teardown();
	peer = -1;
}

Test(net, a_peer_with_frames_of_impossible_length_loses_its_link)
{
	expect_refused(0);
	expect_refused(13);
	expect_refused(FRAME_MAX + 1);
	expect_refused(UINT32_MAX);
}

Test(net_stream, a_frame_goes_out_behind_its_length)
{
	struct driver_buffer buffers[3];
	uint8_t got[400];
	size_t len = make_wire(200, 5);

	driver_start(&driver, 0);
	/* the header and the frame cut where they like */
	buffers[0] = driver_out(&driver, packet, 5);
	buffers[1] = driver_out(&driver, packet + 5, 20);
	buffers[2] = driver_out(&driver, packet + 25, HEADER + 200 - 25);
	driver_add(&driver, TRANSMIT, buffers, 3);
	driver_kick(&driver, TRANSMIT);
	cr_assert_eq(recv(peer, got, sizeof(got), 0), (ssize_t)len);
	cr_assert_arr_eq(got, wire, len);
	cr_assert_eq(collect_all(TRANSMIT), 1);
}

Test(net_stream, frames_are_whole_though_the_peer_reads_in_bits)
{
	static uint8_t want[DRIVER_QUEUE_SIZE * (4 + 40000)];
	static uint8_t got[sizeof(want)];
	int small = 8192;
	size_t want_len = 0;
	size_t got_len = 0;
	unsigned done = 0;

	cr_assert_eq(setsockopt(options.fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	driver_start(&driver, 0);
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++) {
		size_t len = make_wire(40000 - i * 1001, i);

		memcpy(want + want_len, wire, len);
		want_len += len;
		add_transmit(packet, HEADER + len - 4);
	}
	driver_kick(&driver, TRANSMIT);
	while (got_len < want_len) {
		ssize_t size = recv(peer, got + got_len, 3001, 0);

		cr_assert_gt(size, 0, "stuck after %zu of %zu bytes", got_len, want_len);
		got_len += (size_t)size;
		driver_run(&driver);
		done += collect_all(TRANSMIT);
	}
	cr_assert_eq(got_len, want_len);
	cr_assert_eq(memcmp(got, want, want_len), 0);
	cr_assert_eq(done, DRIVER_QUEUE_SIZE);
	cr_assert_eq(recv(peer, got, 1, 0), -1);
}

Test(net_stream, when_the_peer_closes_the_link_goes_down_and_frames_are_dropped)
{
	driver_start(&driver, 0);
	add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	close(peer);
	peer = -1;
	driver_run(&driver);
	expect_link_down();
	add_transmit_filled(100, 1);
	driver_kick(&driver, TRANSMIT);
	cr_assert_eq(collect_all(TRANSMIT), 1);
}

Test(net_stream, frames_sent_before_the_peer_closed_still_arrive)
{
	struct driver_buffer buffer;
	size_t len = make_wire(60, 6);

	driver_start(&driver, 0);
	buffer = add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(send(peer, wire, len, 0), (ssize_t)len);
	close(peer);
	peer = -1;
	driver_run(&driver);
	expect_packet(&buffer, 1, packet, HEADER + 60);
	expect_link_down();
}

Test(net_stream, a_peer_that_closes_while_frames_wait_for_it_lets_them_go)
{
	driver_start(&driver, 0);
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++)
		add_transmit_filled(HEADER + 60000, i);
	driver_kick(&driver, TRANSMIT);
	close(peer);
	peer = -1;
	driver_run(&driver);
	cr_assert_eq(collect_all(TRANSMIT), DRIVER_QUEUE_SIZE);
	expect_link_down();
}

Test(net_stream, a_peer_that_closes_before_the_driver_starts_is_seen_by_it)
{
	close(peer);
	peer = -1;
	driver_run(&driver);
	driver_start(&driver, 0);
	cr_assert_eq(read_status(), 0);
	cr_assert_eq(driver.config_interrupts, 0);
}

Test(net_stream, a_frame_in_the_middle_survives_a_reset)
{
	struct driver_buffer buffer;
	size_t len = make_wire(60, 7);

	driver_start(&driver, 0);
	add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(send(peer, wire, 20, 0), 20);
	driver_run(&driver);
	driver_reset(&driver);
	cr_assert_eq(send(peer, wire + 20, len - 20, 0), (ssize_t)len - 20);
	driver_run(&driver);
	driver_start(&driver, 0);
	buffer = add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	expect_packet(&buffer, 1, packet, HEADER + 60);
}

/* ---- A real TAP ---- */

static int open_real_tap(void)
{
	struct ifreq request = {.ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int header = HEADER;
	int fd;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		cr_skip_test("no network namespace may be made here: %s", strerror(errno));
	fd = open("/dev/net/tun", O_RDWR);
	if (fd < 0)
		cr_skip_test("/dev/net/tun cannot be used here: %s", strerror(errno));
	cr_assert_eq(ioctl(fd, TUNSETIFF, &request), 0);
	cr_assert_eq(ioctl(fd, TUNSETVNETHDRSZ, &header), 0);
	return fd;
}

Test(net, a_real_tap_offloads_what_the_driver_accepts)
{
	uint64_t guest = 1ULL << VIRTIO_NET_F_GUEST_CSUM | 1ULL << VIRTIO_NET_F_GUEST_TSO4;
	uint64_t host = 1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_HOST_TSO4;

	options.backend = VIRTIO_NET_TAP;
	options.fds[0] = open_real_tap();
	driver_init(&driver);
	driver_plug(&driver, virtio_net_create(&options, &driver.memory, &driver.loop, &err));
	cr_assert_eq(driver.device->offered & (guest | host), guest | host);
	driver_start(&driver, guest | host | MERGE);
	cr_assert_not(driver_sees_broken(&driver));
	/* segmentation without checksums is not to be had (5.1.3.1) */
	driver_reset(&driver);
	driver_start(&driver, 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	cr_assert(driver_sees_broken(&driver));
	driver_close(&driver);
}

static void bring_up(void)
{
	struct ifreq request = {.ifr_name = "tap0"};
	struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = inet_addr("192.0.2.1")};
	cr_assert_eq(ioctl(control, SIOCSIFADDR, &request), 0);
	request.ifr_flags = IFF_UP;
	cr_assert_eq(ioctl(control, SIOCSIFFLAGS, &request), 0);
	close(control);
}

/* The guest asks for 192.0.2.1. */
static const struct {
	uint8_t header[HEADER];
	struct ether_header ethernet;
	struct ether_arp arp;
} __attribute__((packed)) arp_request = {
	.ethernet = {.ether_dhost = {255, 255, 255, 255, 255, 255},
		     .ether_shost = {0x52, 0x54, 0, 0x12, 0x34, 0x56},
		     .ether_type = 0x0608},
	.arp = {.ea_hdr = {.ar_hrd = 0x0100, .ar_pro = 0x0008, .ar_hln = 6, .ar_pln = 4, .ar_op = 0x0100},
		.arp_sha = {0x52, 0x54, 0, 0x12, 0x34, 0x56},
		.arp_spa = {192, 0, 2, 2},
		.arp_tpa = {192, 0, 2, 1}},
};

Test(net, a_real_tap_carries_a_question_to_the_host_and_its_answer)
{
	const uint8_t reply[] = {0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 2};
	unsigned answers = 0;

	driver_needs_split();
	options.backend = VIRTIO_NET_TAP;
	options.fds[0] = open_real_tap();
	bring_up();
	driver_init(&driver);
	driver_plug(&driver, virtio_net_create(&options, &driver.memory, &driver.loop, &err));
	driver_start(&driver, MERGE);
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++)
		add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	add_transmit((const uint8_t *)&arp_request, sizeof(arp_request));
	driver_kick(&driver, TRANSMIT);
	cr_assert_eq(collect_all(TRANSMIT), 1);
	/* among what the kernel says by itself on a new interface */
	for (unsigned tries = 0; tries < 100 && !answers; tries++) {
		struct driver_used used;

		while (driver_collect(&driver, RECEIVE, &used)) {
			uint64_t at = driver.queues[RECEIVE].desc[used.head].addr;
			const uint8_t *bytes = driver_at(&driver, at, 2000);

			answers += memcmp(bytes + HEADER + 12, reply, sizeof(reply)) == 0;
		}
		usleep(10000);
		driver_run(&driver);
	}
	cr_assert_eq(answers, 1);
	driver_close(&driver);
}

Test(net, a_real_tap_that_is_deleted_takes_the_link_down)
{
	options.backend = VIRTIO_NET_TAP;
	options.fds[0] = open_real_tap();
	bring_up();
	driver_init(&driver);
	driver_plug(&driver, virtio_net_create(&options, &driver.memory, &driver.loop, &err));
	driver_start(&driver, MERGE);
	add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(system("ip link del tap0"), 0);
	driver_run(&driver);
	expect_link_down();
	driver_close(&driver);
}
