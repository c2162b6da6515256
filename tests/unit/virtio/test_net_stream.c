/* The network card over a stream socket, as passt has it. */
#include "tests/unit/virtio/net_rig.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(net_stream, .init = net_setup_stream, .fini = net_teardown);

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
	net_setup_stream();
	driver_start(&driver, MERGE);
	add_receive_buffer(2000);
	driver_kick(&driver, RECEIVE);
	len = htonl(len);
	cr_assert_eq(send(peer, &len, sizeof(len), 0), (ssize_t)sizeof(len));
	driver_run(&driver);
	expect_link_down();
	net_teardown();
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
