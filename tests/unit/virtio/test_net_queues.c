/* The network card over a TAP of the kernel with several queues, and its offloads, as the control queue
 * changes them. */
#include "tests/unit/virtio/net_rig.h"

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
#include <unistd.h>

#define BIT(f) (1ULL << VIRTIO_NET_F_##f)
#define ALL                                                                                                  \
	(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) | BIT(CTRL_MAC_ADDR) | BIT(GUEST_ANNOUNCE) |       \
	 BIT(STATUS))

TestSuite(net_queues, .fini = net_teardown);

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

Test(net_queues, pairs_are_used_as_the_driver_says)
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
	cr_assert_eq(read_status(), VIRTIO_NET_S_LINK_UP, "a detached queue is no lost link");
	for (count = 0; count < 6; count = (uint16_t)(count + 4))
		cr_assert_eq(command_on(6, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &count, 2),
			     VIRTIO_NET_ERR, "%u pairs", count);
}

Test(net_queues, a_pair_with_a_loop_of_its_own_is_served_there)
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

Test(net_queues, a_driver_that_knows_one_pair_has_its_control_queue_behind_it)
{
	uint16_t count = 2;

	open_taps(3);
	driver_start(&driver, ALL);
	cr_assert(attached(0) && !attached(1));
	cr_assert_eq(command_on(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "\0", 1), VIRTIO_NET_OK);
	cr_assert_eq(command_on(2, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &count, 2),
		     VIRTIO_NET_ERR);
}

/* Its rings are the kernel's to stop then, of which only one may do it. */
Test(net_queues, with_vhost_pairs_do_not_change_while_a_queue_of_theirs_is_reset)
{
	uint16_t count = 2;

	options.has_vhost = true; /* it is of no use, and the card goes without; but it might have been */
	for (unsigned i = 0; i < 2; i++)
		options.vhost[i] = open("/dev/null", O_RDWR);
	open_taps(2);
	driver_start(&driver, BIT(CTRL_VQ) | BIT(MQ));
	virtio_queue_lock(driver.device, 3); /* as a vCPU that resets it */
	cr_assert_eq(command_on(4, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &count, 2),
		     VIRTIO_NET_ERR);
	virtio_queue_unlock(driver.device, 3);
	cr_assert_not(attached(1));
	cr_assert_eq(command_on(4, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &count, 2),
		     VIRTIO_NET_OK);
	driver_run(&driver);
	cr_assert(attached(1));
}

Test(net_queues, a_reset_leaves_one_pair)
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

Test(net_queues, a_tap_that_goes_takes_all_pairs_along)
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
	cr_assert_eq(read_status(), 0);
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

Test(net_queues, offloads_change_while_the_driver_runs)
{
	uint64_t all = BIT(GUEST_CSUM) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6);
	uint64_t some = BIT(GUEST_CSUM) | BIT(GUEST_TSO6);
	uint64_t none = 0, bad = BIT(GUEST_TSO4), alien = all | BIT(CSUM);

	open_taps(1);
	driver_start(&driver, ALL | BIT(CTRL_GUEST_OFFLOADS) | all);
	if (system("command -v ethtool >/dev/null") == 0)
		cr_assert_eq(offloads_now(), 7);
	cr_assert_eq(
		command_on(2, VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &some, 8),
		VIRTIO_NET_OK);
	if (system("command -v ethtool >/dev/null") == 0)
		cr_assert_eq(offloads_now(), 5);
	cr_assert_eq(
		command_on(2, VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &none, 8),
		VIRTIO_NET_OK);
	cr_assert_eq(
		command_on(2, VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &bad, 8),
		VIRTIO_NET_ERR, "segments without checksums");
	cr_assert_eq(
		command_on(2, VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &alien, 8),
		VIRTIO_NET_ERR, "not agreed");
	cr_assert_eq(
		command_on(2, VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &all, 7),
		VIRTIO_NET_ERR);
	cr_assert_not(driver_sees_broken(&driver));
}

Test(net_queues, offloads_that_are_left_out_take_along_what_needs_them)
{
	uint64_t host = BIT(CSUM) | BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_ECN) | BIT(HOST_UFO);
	uint64_t guest =
		BIT(GUEST_CSUM) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6) | BIT(GUEST_ECN) | BIT(GUEST_UFO);

	options.without = BIT(CSUM) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6);
	open_taps(1);
	cr_assert_eq(driver.device->offered & host, 0);
	cr_assert_eq(driver.device->offered & guest, BIT(GUEST_CSUM) | BIT(GUEST_UFO));
	net_teardown();
	options.without = guest | BIT(MRG_RXBUF);
	open_taps(1);
	cr_assert_eq(driver.device->offered & host, host);
	cr_assert_eq(driver.device->offered & (guest | BIT(MRG_RXBUF) | BIT(CTRL_GUEST_OFFLOADS)), 0);
}
