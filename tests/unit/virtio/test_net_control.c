/*
 * The network device's control queue (virtio 1.2, 5.1.6.5) and what it changes: which frames arrive, the
 * address, announcements.
 */
#include "tests/unit/virtio/net_rig.h"

#include <criterion/criterion.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>

#define CONTROL 2
#define BIT(f)  (1ULL << VIRTIO_NET_F_##f)
#define ALL                                                                                                  \
	(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) | BIT(CTRL_MAC_ADDR) | BIT(GUEST_ANNOUNCE) |       \
	 BIT(STATUS))

static const uint8_t own[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const uint8_t other[6] = {0x52, 0x54, 0, 0, 0, 0x99};
static const uint8_t group[6] = {0x01, 0, 0x5e, 0, 0, 1};
static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};

static void plug(uint64_t features)
{
	net_setup_tap();
	driver_start(&driver, features);
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE / 2; i++) {
		struct driver_buffer buffer = driver_in(&driver, 2000);

		driver_add(&driver, RECEIVE, &buffer, 1);
	}
	driver_kick(&driver, RECEIVE);
}

TestSuite(net_control, .fini = net_teardown);

static uint8_t command(uint8_t class, uint8_t number, const void *data, uint32_t len)
{
	return command_on(CONTROL, class, number, data, len);
}

static void set_mode(uint8_t mode, uint8_t on)
{
	cr_assert_eq(command(VIRTIO_NET_CTRL_RX, mode, &on, 1), VIRTIO_NET_OK, "mode %u", mode);
}

/* Whether a frame for this address reaches the driver; tag: behind the addresses, 4 bytes. */
static bool arrives_tagged(const uint8_t to[6], const uint8_t *tag)
{
	uint8_t packet[HEADER + 60] = {0};
	struct driver_used used;

	memcpy(packet + HEADER, to, 6);
	if (tag)
		memcpy(packet + HEADER + 12, tag, 4);
	cr_assert_eq(send(peer, packet, sizeof(packet), 0), (ssize_t)sizeof(packet));
	driver_run(&driver);
	if (!driver_collect(&driver, RECEIVE, &used))
		return false;
	cr_assert_eq(used.written, sizeof(packet));
	return true;
}

static bool arrives(const uint8_t to[6])
{
	return arrives_tagged(to, NULL);
}

/* ---- Receive mode ---- */

Test(net_control, all_frames_arrive_until_the_driver_filters)
{
	plug(ALL);
	cr_assert(arrives(own) && arrives(other) && arrives(group) && arrives(everybody));
	set_mode(VIRTIO_NET_CTRL_RX_PROMISC, 0);
	cr_assert(arrives(own) && arrives(everybody));
	cr_assert_not(arrives(other));
	cr_assert_not(arrives(group));
	set_mode(VIRTIO_NET_CTRL_RX_PROMISC, 1);
	cr_assert(arrives(other));
}

Test(net_control, modes_for_all_of_a_kind_and_for_none)
{
	plug(ALL);
	set_mode(VIRTIO_NET_CTRL_RX_PROMISC, 0);
	set_mode(VIRTIO_NET_CTRL_RX_ALLMULTI, 1);
	cr_assert(arrives(group));
	set_mode(VIRTIO_NET_CTRL_RX_NOMULTI, 1);
	cr_assert_not(arrives(group));
	set_mode(VIRTIO_NET_CTRL_RX_ALLUNI, 1);
	cr_assert(arrives(other));
	set_mode(VIRTIO_NET_CTRL_RX_NOUNI, 1);
	cr_assert_not(arrives(own));
	cr_assert(arrives(everybody));
	set_mode(VIRTIO_NET_CTRL_RX_NOBCAST, 1);
	cr_assert_not(arrives(everybody));
}

static uint32_t make_tables(uint8_t *out, const uint8_t unicast[6], unsigned count,
			    const uint8_t multicast[6])
{
	uint8_t *at = out;
	uint32_t one = 1;

	memcpy(at, &count, 4);
	at += 4;
	for (unsigned i = 0; i < count; i++) {
		memcpy(at, unicast, 6);
		at += 6;
	}
	memcpy(at, &one, 4);
	memcpy(at + 4, multicast, 6);
	return (uint32_t)(at + 10 - out);
}

Test(net_control, tables_of_addresses_are_received_too)
{
	uint8_t tables[1024];

	plug(ALL);
	set_mode(VIRTIO_NET_CTRL_RX_PROMISC, 0);
	cr_assert_eq(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables,
			     make_tables(tables, other, 1, group)),
		     VIRTIO_NET_OK);
	cr_assert(arrives(other) && arrives(group) && arrives(own));
	/* The next tables replace them; more than there is room for are as good as all. */
	cr_assert_eq(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables,
			     make_tables(tables, own, 0, everybody)),
		     VIRTIO_NET_OK);
	cr_assert_not(arrives(other) || arrives(group));
	cr_assert_eq(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables,
			     make_tables(tables, own, 100, everybody)),
		     VIRTIO_NET_OK);
	cr_assert(arrives(other));
	cr_assert_not(arrives(group));
}

Test(net_control, tables_that_lie_change_nothing)
{
	uint8_t tables[64];
	uint32_t len = make_tables(tables, other, 1, group);
	static const uint32_t counts[] = {2, 3, 1000, 0x10000000, UINT32_MAX};

	plug(ALL);
	set_mode(VIRTIO_NET_CTRL_RX_PROMISC, 0);
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		memcpy(tables, &counts[i], 4);
		cr_assert_eq(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, len),
			     VIRTIO_NET_ERR, "%u", counts[i]);
	}
	len = make_tables(tables, other, 1, group);
	for (uint32_t part = 0; part < len; part++)
		cr_assert_eq(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, part),
			     VIRTIO_NET_ERR, "%u bytes", part);
	cr_assert_eq(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, len + 1),
		     VIRTIO_NET_ERR);
	cr_assert_not(arrives(other) || arrives(group));
	cr_assert_not(driver_sees_broken(&driver));
}

Test(net_control, vlans_are_filtered_when_the_driver_says_so)
{
	const uint8_t tag7[] = {0x81, 0, 0x60, 7}, tag8[] = {0x81, 0, 0, 8};
	uint16_t seven = 7, none = 4096;

	plug(ALL | BIT(CTRL_VLAN));
	set_mode(VIRTIO_NET_CTRL_RX_PROMISC, 0);
	cr_assert_not(arrives_tagged(own, tag7));
	cr_assert(arrives(own));
	cr_assert_eq(command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &seven, 2), VIRTIO_NET_OK);
	cr_assert(arrives_tagged(own, tag7));
	cr_assert_not(arrives_tagged(own, tag8));
	cr_assert_eq(command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &none, 2), VIRTIO_NET_ERR);
	cr_assert_eq(command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, &seven, 2), VIRTIO_NET_OK);
	cr_assert_not(arrives_tagged(own, tag7));
}

/* ---- The address ---- */

Test(net_control, the_address_can_be_changed_until_a_reset)
{
	struct virtio_net_config config;

	plug(ALL);
	set_mode(VIRTIO_NET_CTRL_RX_PROMISC, 0);
	cr_assert_eq(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 6), VIRTIO_NET_OK);
	read_config(&config);
	cr_assert_arr_eq(config.mac, other, 6);
	cr_assert(arrives(other));
	cr_assert_not(arrives(own));
	cr_assert_eq(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, group, 6), VIRTIO_NET_ERR);
	cr_assert_eq(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, own, 5), VIRTIO_NET_ERR);
	driver_reset(&driver);
	read_config(&config);
	cr_assert_arr_eq(config.mac, own, 6);
}

/* ---- Announcement ---- */

Test(net_control, an_announcement_is_asked_for_until_it_is_answered)
{
	plug(ALL);
	virtio_net_announce(driver.device);
	cr_assert_eq(driver.config_interrupts, 1);
	cr_assert_eq(read_status(), VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
	cr_assert_eq(command(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, "", 0), VIRTIO_NET_OK);
	cr_assert_eq(read_status(), VIRTIO_NET_S_LINK_UP);
	cr_assert_eq(driver.config_interrupts, 1);
	virtio_net_announce(driver.device);
	driver_reset(&driver);
	cr_assert_eq(read_status(), VIRTIO_NET_S_LINK_UP);
}

Test(net_control, nobody_is_asked_who_cannot_or_has_no_link)
{
	plug(ALL & ~BIT(GUEST_ANNOUNCE));
	virtio_net_announce(driver.device);
	cr_assert_eq(driver.config_interrupts, 0);
	cr_assert_eq(read_status(), VIRTIO_NET_S_LINK_UP);
	driver_reset(&driver);
	driver_start(&driver, ALL);
	virtio_net_set_link(driver.device, false);
	virtio_net_announce(driver.device);
	cr_assert_eq(read_status(), 0);
}

/* ---- What is not to be had ---- */

Test(net_control, commands_of_features_that_were_not_agreed_are_refused)
{
	uint16_t two = 2;
	uint64_t none = 0;

	plug(BIT(CTRL_VQ));
	cr_assert_eq(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "\0", 1), VIRTIO_NET_ERR);
	cr_assert_eq(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLUNI, "\0", 1), VIRTIO_NET_ERR);
	cr_assert_eq(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, "\0\0\0\0\0\0\0", 8),
		     VIRTIO_NET_ERR);
	cr_assert_eq(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 6), VIRTIO_NET_ERR);
	cr_assert_eq(command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &two, 2), VIRTIO_NET_ERR);
	cr_assert_eq(command(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, "", 0), VIRTIO_NET_ERR);
	cr_assert_eq(command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &two, 2), VIRTIO_NET_ERR);
	cr_assert_eq(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &none, 8),
		     VIRTIO_NET_ERR);
	cr_assert(arrives(other));
}

Test(net_control, unknown_commands_and_wrong_data_are_refused)
{
	plug(ALL);
	for (unsigned class = 0; class < 256; class ++)
		cr_assert_eq(command((uint8_t) class, 200, "", 0), VIRTIO_NET_ERR, "class %u", class);
	cr_assert_eq(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "", 0), VIRTIO_NET_ERR);
	cr_assert_eq(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "\2", 1), VIRTIO_NET_ERR);
	cr_assert_eq(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "\0\0", 2), VIRTIO_NET_ERR);
	cr_assert(arrives(other));
	cr_assert_not(driver_sees_broken(&driver));
}

Test(net_control, a_command_with_no_place_for_its_answer_breaks_the_device)
{
	struct driver_buffer buffer;

	plug(ALL);
	buffer = driver_out(&driver, "\0\0\1", 3);
	driver_add(&driver, CONTROL, &buffer, 1);
	driver_kick(&driver, CONTROL);
	cr_assert(driver_sees_broken(&driver));
}

Test(net_control, a_command_of_one_byte_breaks_the_device)
{
	struct driver_buffer buffers[2];

	plug(ALL);
	buffers[0] = driver_out(&driver, "\0", 1);
	buffers[1] = driver_in(&driver, 1);
	driver_add(&driver, CONTROL, buffers, 2);
	driver_kick(&driver, CONTROL);
	cr_assert(driver_sees_broken(&driver));
}
