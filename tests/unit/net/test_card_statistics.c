/* What an interface has carried, from files as sysfs has them. */
#include "vmm/net/card_statistics.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/rastos-sysfs.XXXXXX";

static void put(const char *interface, const char *what, const char *text)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "mkdir -p %s/sys/class/net/%s/statistics && printf '%s' >%s/sys/class/net/%s/statistics/%s",
		 root, interface, text, root, interface, what);
	cr_assert_eq(system(command), 0);
}

static void setup(void)
{
	cr_assert_not_null(mkdtemp(root));
	put("vt0", "rx_bytes", "1000\n");
	put("vt0", "tx_bytes", "18446744073709551615\n");
	put("vt0", "rx_packets", "7\n");
	put("vt0", "tx_packets", "5\n");
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(card_statistics, .init = setup, .fini = teardown);

Test(card_statistics, what_the_interface_receives_the_guest_has_sent)
{
	struct card_statistics statistics;

	cr_assert(card_statistics_read(root, "vt0", &statistics));
	cr_assert_eq(statistics.from_guest, 1000);
	cr_assert_eq(statistics.to_guest, UINT64_MAX);
	cr_assert_eq(statistics.frames, 12);
}

Test(card_statistics, what_is_none_is_not_counted)
{
	struct card_statistics statistics;

	cr_assert_not(card_statistics_read(root, "", &statistics));
	cr_assert_not(card_statistics_read(root, "vt1", &statistics));
	cr_assert_not(card_statistics_read(root, "../net/vt0", &statistics));
	put("vt0", "tx_bytes", "many");
	cr_assert_not(card_statistics_read(root, "vt0", &statistics));
}

Test(card_statistics, a_descriptor_that_is_no_tap_has_no_interface)
{
	char name[IFNAMSIZ] = "x";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	card_interface(null, name);
	cr_assert_str_eq(name, "");
	card_interface(-1, name);
	cr_assert_str_eq(name, "");
	close(null);
}
