/* The network card over a TAP of the kernel, in a network namespace, where the system allows one. */
#include "tests/unit/virtio/net_rig.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
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
