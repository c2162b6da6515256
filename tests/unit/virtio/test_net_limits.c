/* The network device's link, as virtio_net_set_link has it, and its limits. A socket that keeps message
 * boundaries stands for a TAP. */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/net.h"

#define RECEIVE  0
#define TRANSMIT 1
#define HEADER   12
#define FRAME    1000
#define MS       1000000ULL

static struct driver driver;
static struct error err;
static int peer = -1; /* the other end of the device's fd */
static struct virtio_net_options options;
static uint8_t packet[HEADER + FRAME];

static void setup(void)
{
	int ends[2];

	driver_init(&driver);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	peer = ends[1];
	options = (struct virtio_net_options){.name = "test", .mac = {0x52}, .fd_count = 1, .fds = {ends[0]}};
	options.backend = VIRTIO_NET_TAP;
}

static void teardown(void)
{
	driver_close(&driver);
	close(peer);
}

TestSuite(net_link, .init = setup, .fini = teardown);
TestSuite(net_limits, .init = setup, .fini = teardown);

static void start(void)
{
	struct virtio_device *device = virtio_net_create(&options, &driver.memory, &driver.loop, &err);

	cr_assert_not_null(device, "%s", err.text);
	driver_attach(&driver, device, 1ULL << VIRTIO_NET_F_STATUS);
}

static uint16_t link_status(void)
{
	uint16_t status;

	virtio_device_config_read(driver.device, offsetof(struct virtio_net_config, status),
				  (uint8_t *)&status, sizeof(status));
	return status;
}

static void peer_sends(void)
{
	cr_assert_eq(send(peer, packet, sizeof(packet), 0), (ssize_t)sizeof(packet));
	driver_run(&driver);
}

static void guest_sends(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct driver_buffer frame = driver_out(&driver, packet, sizeof(packet));

		driver_add(&driver, TRANSMIT, &frame, 1);
	}
	driver_kick(&driver, TRANSMIT);
}

static void guest_receives(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct driver_buffer room = driver_in(&driver, 2000);

		driver_add(&driver, RECEIVE, &room, 1);
	}
	driver_kick(&driver, RECEIVE);
}

static bool peer_hears(void)
{
	return recv(peer, packet, sizeof(packet), MSG_DONTWAIT) > 0;
}

static unsigned collect_all(unsigned queue)
{
	struct driver_used used;
	unsigned count = 0;

	while (driver_collect(&driver, queue, &used))
		count++;
	return count;
}

Test(net_link, down_from_the_start)
{
	options.link_down = true;
	start();
	guest_receives(2);
	cr_assert_eq(link_status(), 0);
	guest_sends(1);
	cr_assert_eq(collect_all(TRANSMIT), 1, "a frame is not given back");
	cr_assert_not(peer_hears());
	peer_sends();
	cr_assert_eq(collect_all(RECEIVE), 0);
}

Test(net_link, goes_down_and_up_and_tells_the_driver)
{
	start();
	guest_receives(4);
	cr_assert_eq(link_status(), VIRTIO_NET_S_LINK_UP);
	virtio_net_set_link(driver.device, false);
	driver_run(&driver);
	cr_assert_eq(link_status(), 0);
	cr_assert_eq(driver.config_interrupts, 1);
	peer_sends();
	guest_sends(1);
	cr_assert_eq(collect_all(RECEIVE), 0);
	cr_assert_not(peer_hears());

	virtio_net_set_link(driver.device, true);
	driver_run(&driver);
	cr_assert_eq(link_status(), VIRTIO_NET_S_LINK_UP);
	cr_assert_eq(driver.config_interrupts, 2);
	cr_assert_eq(collect_all(RECEIVE), 0, "what came while it was down is dropped");
	peer_sends();
	cr_assert_eq(collect_all(RECEIVE), 1);
	guest_sends(1);
	cr_assert(peer_hears());
}

Test(net_link, set_to_what_it_is_tells_nobody)
{
	start();
	virtio_net_set_link(driver.device, true);
	driver_run(&driver);
	cr_assert_eq(driver.config_interrupts, 0);
}

Test(net_link, a_peer_that_went_while_it_was_down_is_not_there_when_it_is_up)
{
	start();
	virtio_net_set_link(driver.device, false);
	shutdown(peer, SHUT_RDWR);
	driver_run(&driver);
	virtio_net_set_link(driver.device, true);
	driver_run(&driver);
	cr_assert_eq(link_status(), 0);
	guest_sends(1);
	cr_assert_eq(collect_all(TRANSMIT), 1);
}

/* What may not be sooner is looked at: a busy machine may always be later. */

static void expect_one_each(unsigned queue, uint64_t begin, unsigned count, uint64_t apart)
{
	unsigned done = collect_all(queue);

	cr_assert_leq(done, 2, "%u at once", done);
	while (done < count) {
		cr_assert_lt(monotonic_ns() - begin, 10000 * MS, "frame %u never comes", done);
		cr_assert_eq(loop_step(&driver.loop, 100), 0);
		done += collect_all(queue);
		if (done >= 2)
			cr_assert_geq(monotonic_ns() - begin, (done - 2) * apart, "frame %u", done);
	}
}

Test(net_limits, the_guests_frames_wait_in_their_queue)
{
	uint64_t begin;

	options.from_guest = (struct rate){.rate = 20 * FRAME, .burst = 1};
	start();
	begin = monotonic_ns();
	guest_sends(5);
	expect_one_each(TRANSMIT, begin, 5, 49 * MS);
	for (unsigned i = 0; i < 5; i++)
		cr_assert(peer_hears(), "frame %u is lost", i);
}

Test(net_limits, the_peers_frames_wait_where_they_are)
{
	uint64_t begin;

	options.to_guest = (struct rate){.rate = 20 * FRAME, .burst = 1};
	start();
	guest_receives(8);
	begin = monotonic_ns();
	for (unsigned i = 0; i < 5; i++)
		peer_sends();
	expect_one_each(RECEIVE, begin, 5, 49 * MS);
}

Test(net_limits, one_direction_does_not_hold_up_the_other)
{
	options.to_guest = (struct rate){.rate = 1, .burst = 1};
	start();
	guest_receives(4);
	peer_sends();
	peer_sends();
	cr_assert_leq(collect_all(RECEIVE), 2);
	guest_sends(4);
	cr_assert_eq(collect_all(TRANSMIT), 4);
}

Test(net_limits, change_while_the_guest_runs)
{
	const struct rate none = {0}, slow = {.rate = 1000, .burst = FRAME};

	start();
	guest_sends(4);
	cr_assert_eq(collect_all(TRANSMIT), 4, "no limit at first");
	cr_assert_eq(virtio_net_set_rates(driver.device, &slow, &slow, &err), 0);
	guest_sends(4);
	cr_assert_lt(collect_all(TRANSMIT), 4, "a second for each beyond the first");
	guest_receives(4);
	for (unsigned i = 0; i < 4; i++)
		peer_sends();
	cr_assert_lt(collect_all(RECEIVE), 4);
	cr_assert_eq(virtio_net_set_rates(driver.device, &none, &slow, &err), 0);
	driver_run(&driver);
	cr_assert_geq(collect_all(RECEIVE), 2, "what waited comes at once");
	cr_assert_eq(virtio_net_set_rates(driver.device, &none, &none, &err), 0);
	driver_run(&driver);
	cr_assert_geq(collect_all(TRANSMIT), 2);
}
