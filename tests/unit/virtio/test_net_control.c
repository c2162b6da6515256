/*
 * The network device's control queue (virtio 1.2, 5.1.6.5) and what it changes: which frames arrive, the
 * address, offloads, the use of several queues, announcements. A socket that keeps message boundaries stands
 * for a TAP where the kernel's own is not needed.
 */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devmodel/virtio/net.h"

#define RECEIVE  0
#define TRANSMIT 1
#define CONTROL  2
#define HEADER   12
#define BIT(f)   (1ULL << VIRTIO_NET_F_##f)
#define ALL                                                                                                  \
	(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) | BIT(CTRL_MAC_ADDR) | BIT(GUEST_ANNOUNCE) |       \
	 BIT(STATUS))

static struct driver driver;
static struct error err;
static int peer = -1;

static const uint8_t own[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const uint8_t other[6] = {0x52, 0x54, 0, 0, 0, 0x99};
static const uint8_t group[6] = {0x01, 0, 0x5e, 0, 0, 1};
static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};

static struct virtio_net_options options = {
	.name = "test",
	.backend = VIRTIO_NET_TAP,
	.fd_count = 1,
	.mac = {0x52, 0x54, 0, 0x12, 0x34, 0x56},
};

static void plug(uint64_t features)
{
	int ends[2];

	driver_init(&driver);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	peer = ends[1];
	options.fds[0] = ends[0];
	driver_plug(&driver, virtio_net_create(&options, &driver.memory, &driver.loop, &err));
	driver_start(&driver, features);
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE / 2; i++) {
		struct driver_buffer buffer = driver_in(&driver, 2000);

		driver_add(&driver, RECEIVE, &buffer, 1);
	}
	driver_kick(&driver, RECEIVE);
}

static void unplug(void)
{
	driver_close(&driver);
	if (peer >= 0)
		close(peer);
	peer = -1;
}

TestSuite(net_control, .fini = unplug);

/* The device's answer to a command with these bytes as its data. */
static uint8_t command_on(unsigned queue, uint8_t class, uint8_t number, const void *data, uint32_t len)
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

static void read_config(struct virtio_net_config *config)
{
	memset(config, 0, sizeof(*config));
	virtio_device_config_read(driver.device, 0, (uint8_t *)config, sizeof(*config));
}

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

static uint16_t status(void)
{
	struct virtio_net_config config;

	read_config(&config);
	return config.status;
}

Test(net_control, an_announcement_is_asked_for_until_it_is_answered)
{
	plug(ALL);
	virtio_net_announce(driver.device);
	cr_assert_eq(driver.config_interrupts, 1);
	cr_assert_eq(status(), VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
	cr_assert_eq(command(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, "", 0), VIRTIO_NET_OK);
	cr_assert_eq(status(), VIRTIO_NET_S_LINK_UP);
	cr_assert_eq(driver.config_interrupts, 1);
	virtio_net_announce(driver.device);
	driver_reset(&driver);
	cr_assert_eq(status(), VIRTIO_NET_S_LINK_UP);
}

Test(net_control, nobody_is_asked_who_cannot_or_has_no_link)
{
	plug(ALL & ~BIT(GUEST_ANNOUNCE));
	virtio_net_announce(driver.device);
	cr_assert_eq(driver.config_interrupts, 0);
	cr_assert_eq(status(), VIRTIO_NET_S_LINK_UP);
	driver_reset(&driver);
	driver_start(&driver, ALL);
	virtio_net_set_link(driver.device, false);
	virtio_net_announce(driver.device);
	cr_assert_eq(status(), 0);
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

/* ---- A real TAP ---- */

static void open_taps(unsigned count)
{
	struct ifreq request = {.ifr_name = "tap0",
				.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE};
	int header = HEADER;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		cr_skip_test("no network namespace may be made here: %s", strerror(errno));
	for (unsigned i = 0; i < count; i++) {
		options.fds[i] = open("/dev/net/tun", O_RDWR);
		if (options.fds[i] < 0)
			cr_skip_test("/dev/net/tun cannot be used here: %s", strerror(errno));
		cr_assert_eq(ioctl(options.fds[i], TUNSETIFF, &request), 0);
		cr_assert_eq(ioctl(options.fds[i], TUNSETVNETHDRSZ, &header), 0);
	}
	options.fd_count = count;
	driver_init(&driver);
	driver_plug(&driver, virtio_net_create(&options, &driver.memory, &driver.loop, &err));
}

/* A frame goes out through the pair. */
static bool pair_sends(unsigned pair)
{
	static const uint8_t bytes[HEADER + 60];
	struct driver_buffer buffer = driver_out(&driver, bytes, sizeof(bytes));
	struct driver_used used;

	driver_add(&driver, 2 * pair + 1, &buffer, 1);
	driver_kick(&driver, 2 * pair + 1);
	return driver_collect(&driver, 2 * pair + 1, &used);
}

static bool attached(unsigned pair)
{
	struct ifreq request = {0};

	cr_assert_eq(ioctl(options.fds[pair], TUNGETIFF, &request), 0);
	return !(request.ifr_flags & IFF_DETACH_QUEUE);
}

Test(net_control, pairs_are_used_as_the_driver_says)
{
	struct virtio_net_config config;
	uint16_t count = 3;

	open_taps(3);
	read_config(&config);
	cr_assert_eq(config.max_virtqueue_pairs, 3);
	driver_start(&driver, BIT(CTRL_VQ) | BIT(MQ) | BIT(STATUS));
	cr_assert(attached(0) && !attached(1) && !attached(2));
	cr_assert(pair_sends(0));
	cr_assert_not(pair_sends(1), "it is not used yet");
	cr_assert_eq(command_on(6, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &count, 2),
		     VIRTIO_NET_OK);
	driver_run(&driver);
	cr_assert(attached(0) && attached(1) && attached(2));
	cr_assert(pair_sends(2));
	count = 1;
	cr_assert_eq(command_on(6, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &count, 2),
		     VIRTIO_NET_OK);
	driver_run(&driver);
	cr_assert(attached(0) && !attached(1) && !attached(2));
	cr_assert_eq(status(), VIRTIO_NET_S_LINK_UP, "a detached queue is no lost link");
	for (count = 0; count < 6; count = (uint16_t)(count + 4))
		cr_assert_eq(command_on(6, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &count, 2),
			     VIRTIO_NET_ERR, "%u pairs", count);
}

Test(net_control, a_pair_with_a_loop_of_its_own_is_served_there)
{
	static struct loop own;
	struct loop *loops[] = {&own};
	struct driver_used used;
	uint16_t count = 2;

	cr_assert_eq(loop_init(&own), 0);
	options.loops = loops;
	open_taps(2);
	driver_start(&driver, BIT(CTRL_VQ) | BIT(MQ));
	cr_assert_eq(command_on(4, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &count, 2),
		     VIRTIO_NET_OK);
	cr_assert(pair_sends(0));
	cr_assert_not(pair_sends(1), "by the other loop");
	cr_assert_eq(loop_step(&own, 0), 0);
	cr_assert(driver_collect(&driver, 3, &used));
	driver_close(&driver);
	loop_close(&own);
	driver_init(&driver);
}

Test(net_control, a_driver_that_knows_one_pair_has_its_control_queue_behind_it)
{
	uint16_t count = 2;

	open_taps(3);
	driver_start(&driver, ALL);
	cr_assert(attached(0) && !attached(1));
	set_mode(VIRTIO_NET_CTRL_RX_PROMISC, 0);
	cr_assert_eq(command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &count, 2), VIRTIO_NET_ERR);
}

Test(net_control, a_reset_leaves_one_pair)
{
	uint16_t count = 2;

	open_taps(2);
	driver_start(&driver, BIT(CTRL_VQ) | BIT(MQ));
	cr_assert_eq(command_on(4, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &count, 2),
		     VIRTIO_NET_OK);
	cr_assert(attached(1));
	driver_reset(&driver);
	driver_start(&driver, BIT(CTRL_VQ) | BIT(MQ));
	cr_assert_not(attached(1));
	cr_assert(pair_sends(0));
}

Test(net_control, a_tap_that_goes_takes_all_pairs_along)
{
	struct driver_buffer buffer;
	uint16_t count = 2;

	open_taps(2);
	driver_start(&driver, BIT(CTRL_VQ) | BIT(MQ) | BIT(STATUS));
	cr_assert_eq(command_on(4, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &count, 2),
		     VIRTIO_NET_OK);
	buffer = driver_in(&driver, 2000);
	driver_add(&driver, RECEIVE, &buffer, 1);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(system("ip link del tap0"), 0);
	driver_run(&driver);
	cr_assert_eq(status(), 0);
	cr_assert_eq(driver.config_interrupts, 1);
	cr_assert(pair_sends(0) && pair_sends(1), "frames are dropped");
}

static unsigned long offloads_now(void)
{
	char line[64] = "";
	FILE *file =
		popen("for f in tx-checksum-ip-generic tx-tcp-segmentation tx-tcp6-segmentation; do "
		      "ethtool -k tap0 2>/dev/null | sed -n \"s/^[ \t]*$f: \\([a-z]*\\).*/\\1/p\"; done | "
		      "tr '\\n' ' '",
		      "r");
	unsigned long bits = 0;
	char *word;

	cr_assert_not_null(fgets(line, sizeof(line), file), "ethtool is not there");
	pclose(file);
	word = strtok(line, " ");
	for (unsigned i = 0; word; i++, word = strtok(NULL, " "))
		bits |= (unsigned long)(strcmp(word, "on") == 0) << i;
	return bits;
}

Test(net_control, offloads_change_while_the_driver_runs)
{
	uint64_t all = BIT(GUEST_CSUM) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6);
	uint64_t some = BIT(GUEST_CSUM) | BIT(GUEST_TSO6);
	uint64_t none = 0, bad = BIT(GUEST_TSO4), alien = all | BIT(CSUM);

	open_taps(1);
	driver_start(&driver, ALL | BIT(CTRL_GUEST_OFFLOADS) | all);
	if (system("command -v ethtool >/dev/null") == 0)
		cr_assert_eq(offloads_now(), 7);
	cr_assert_eq(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &some, 8),
		     VIRTIO_NET_OK);
	if (system("command -v ethtool >/dev/null") == 0)
		cr_assert_eq(offloads_now(), 5);
	cr_assert_eq(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &none, 8),
		     VIRTIO_NET_OK);
	cr_assert_eq(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &bad, 8),
		     VIRTIO_NET_ERR, "segments without checksums");
	cr_assert_eq(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &alien, 8),
		     VIRTIO_NET_ERR, "not agreed");
	cr_assert_eq(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &all, 7),
		     VIRTIO_NET_ERR);
	cr_assert_not(driver_sees_broken(&driver));
}

Test(net_control, offloads_that_are_left_out_take_along_what_needs_them)
{
	uint64_t host = BIT(CSUM) | BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_ECN) | BIT(HOST_UFO);
	uint64_t guest =
		BIT(GUEST_CSUM) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6) | BIT(GUEST_ECN) | BIT(GUEST_UFO);

	options.without = BIT(CSUM) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6);
	open_taps(1);
	cr_assert_eq(driver.device->offered & host, 0);
	cr_assert_eq(driver.device->offered & guest, BIT(GUEST_CSUM) | BIT(GUEST_UFO));
	unplug();
	options.without = guest | BIT(MRG_RXBUF);
	open_taps(1);
	cr_assert_eq(driver.device->offered & host, host);
	cr_assert_eq(driver.device->offered & (guest | BIT(MRG_RXBUF) | BIT(CTRL_GUEST_OFFLOADS)), 0);
}
