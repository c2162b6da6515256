/* TAP interfaces, in a network namespace that each test makes for itself; skipped where that is not allowed.
 */
#include "vmm/net/tap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The only queue's descriptor. */
static int open_one(const char *name, bool create, struct error *err)
{
	struct card_fds fds;
	int code = tap_open(name, create, 1, &fds, err);

	return code < 0 ? code : fds.queues[0];
}

static void enter_namespace(void)
{
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		cr_skip_test("no network namespace may be made here: %s", strerror(errno));
	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		cr_skip_test("/dev/net/tun cannot be used here: %s", strerror(errno));
}

static int attach(const char *name, int flags)
{
	struct ifreq request = {.ifr_flags = (short)(flags | IFF_NO_PI)};
	int fd = open("/dev/net/tun", O_RDWR);

	strcpy(request.ifr_name, name);
	cr_assert_geq(fd, 0);
	cr_assert_eq(ioctl(fd, TUNSETIFF, &request), 0, "%s", strerror(errno));
	return fd;
}

/* As `ip tuntap add dev NAME mode MODE` makes it. */
static void make_persistent(const char *name, int flags)
{
	int fd = attach(name, flags);

	cr_assert_eq(ioctl(fd, TUNSETPERSIST, 1), 0);
	close(fd);
}

static void remove_persistent(const char *name, int flags)
{
	int fd = attach(name, flags);

	cr_assert_eq(ioctl(fd, TUNSETPERSIST, 0), 0);
	close(fd);
}

Test(tap, missing_is_refused_with_the_command_that_makes_it)
{
	struct error err = {0};

	enter_namespace();
	cr_assert_eq(open_one("tap7", false, &err), -ENODEV);
	cr_assert_str_eq(err.text, "TAP tap7: no such interface: make it with "
				   "`ip tuntap add dev tap7 mode tap user USER`");
	cr_assert_eq(if_nametoindex("tap7"), 0, "the refusal made it");
}

Test(tap, existing_opens_with_a_header_of_twelve_bytes_and_stays)
{
	struct error err = {0};
	struct ifreq request;
	int header = 0;
	int fd;

	enter_namespace();
	make_persistent("tap7", IFF_TAP);
	fd = open_one("tap7", false, &err);
	cr_assert_geq(fd, 0, "%s", err.text);
	cr_assert_eq(ioctl(fd, TUNGETVNETHDRSZ, &header), 0);
	cr_assert_eq(header, 12);
	cr_assert_eq(ioctl(fd, TUNGETIFF, &request), 0);
	cr_assert_eq(request.ifr_flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR),
		     IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	cr_assert_neq(if_nametoindex("tap7"), 0);
	remove_persistent("tap7", IFF_TAP);
}

Test(tap, create_makes_one_that_is_up_and_vanishes_with_its_descriptor)
{
	struct error err = {0};
	struct ifreq request = {.ifr_name = "tap8"};
	int control;
	int fd;

	enter_namespace();
	fd = open_one("tap8", true, &err);
	cr_assert_geq(fd, 0, "%s", err.text);
	control = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(ioctl(control, SIOCGIFFLAGS, &request), 0);
	cr_assert(request.ifr_flags & IFF_UP);
	close(control);
	close(fd);
	cr_assert_eq(if_nametoindex("tap8"), 0);
}

Test(tap, one_in_use_is_refused)
{
	struct error err = {0};
	int fd;

	enter_namespace();
	fd = open_one("tap9", true, &err);
	cr_assert_geq(fd, 0, "%s", err.text);
	cr_assert_eq(open_one("tap9", false, &err), -EBUSY);
	cr_assert_str_eq(err.text, "TAP tap9: in use by another program");
	close(fd);
}

Test(tap, an_interface_of_another_kind_is_refused)
{
	struct error err = {0};

	enter_namespace();
	cr_assert_eq(open_one("lo", false, &err), -EINVAL);
	cr_assert_not_null(strstr(err.text, "TAP lo: this interface is not a TAP"), "%s", err.text);
	make_persistent("tun7", IFF_TUN);
	cr_assert_eq(open_one("tun7", false, &err), -EINVAL);
	remove_persistent("tun7", IFF_TUN);
}

Test(tap, names_that_no_interface_can_have_are_refused)
{
	static const char *const names[] = {"", "sixteen-letters-", "a/b", "tap%d", "tap 0", "..", "a:b"};
	struct error err = {0};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_assert_eq(open_one(names[i], true, &err), -EINVAL, "\"%s\" is accepted", names[i]);
}

Test(tap, several_queues_are_opened_and_an_existing_one_must_have_them)
{
	struct error err = {0};
	struct card_fds fds;

	enter_namespace();
	cr_assert_eq(tap_open("tap6", true, 4, &fds, &err), 0, "%s", err.text);
	cr_assert_eq(card_fds_count(&fds), 4);
	card_fds_close(&fds);
	cr_assert_eq(if_nametoindex("tap6"), 0, "it vanishes with the last of them");
	make_persistent("tap6", IFF_TAP);
	cr_assert_eq(tap_open("tap6", false, 2, &fds, &err), -EINVAL);
	cr_assert_str_eq(err.text, "TAP tap6: this interface is not a TAP with 2 queues; make it with "
				   "`ip tuntap add dev tap6 mode tap multi_queue user USER`");
	cr_assert_eq(card_fds_count(&fds), 0);
	remove_persistent("tap6", IFF_TAP);
}

Test(tap, one_queue_of_a_tap_that_has_several_is_enough)
{
	struct error err = {0};
	int fd;

	enter_namespace();
	make_persistent("tap5", IFF_TAP | IFF_MULTI_QUEUE);
	fd = open_one("tap5", false, &err);
	cr_assert_geq(fd, 0, "%s", err.text);
	close(fd);
	remove_persistent("tap5", IFF_TAP | IFF_MULTI_QUEUE);
}
