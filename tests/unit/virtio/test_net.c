/* The network card (virtio 1.2, 5.1), over a socket that stands for a TAP. */
#include "tests/unit/virtio/net_rig.h"

#include <criterion/criterion.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(net_tap, .init = net_setup_tap, .fini = net_teardown);

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
