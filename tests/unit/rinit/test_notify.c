#include <criterion/criterion.h>
#include <linux/vm_sockets.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "rinit/notify.h"

static struct notify_address address;

Test(rinit_notify, lines_are_found_whole)
{
	cr_assert(notify_has("READY=1", "READY=1"));
	cr_assert(notify_has("STATUS=x\nREADY=1\n", "READY=1"));
	cr_assert_not(notify_has("READY=10", "READY=1"));
	cr_assert_not(notify_has("XREADY=1", "READY=1"));
	cr_assert_not(notify_has("", "READY=1"));
}

Test(rinit_notify, values_are_cut_to_fit)
{
	char value[6] = "old";

	cr_assert(notify_value("A=1\nSTATUS=long text\nB=2", "STATUS", value, sizeof(value)));
	cr_assert_str_eq(value, "long ");
	cr_assert_not(notify_value("A=1", "STATUS", value, sizeof(value)));
	cr_assert_str_eq(value, "long ");
}

Test(rinit_notify, vsock_addresses)
{
	struct sockaddr_vm *vsock = (struct sockaddr_vm *)&address.address;

	cr_assert_eq(notify_address_parse("vsock:2:9999", &address), 0);
	cr_assert_eq(vsock->svm_family, AF_VSOCK);
	cr_assert_eq(vsock->svm_cid, 2);
	cr_assert_eq(vsock->svm_port, 9999);
}

Test(rinit_notify, unix_addresses)
{
	struct sockaddr_un *name = (struct sockaddr_un *)&address.address;

	cr_assert_eq(notify_address_parse("/run/x", &address), 0);
	cr_assert_str_eq(name->sun_path, "/run/x");
	cr_assert_eq(notify_address_parse("@abc", &address), 0);
	cr_assert_eq(name->sun_path[0], '\0');
	cr_assert_eq(address.length, sizeof(sa_family_t) + 4);
}

Test(rinit_notify, bad_addresses_are_refused)
{
	static const char *const bad[] = {"",          "x",          "/",
					  "vsock:",    "vsock:2",    "vsock:2:",
					  "vsock:a:1", "vsock:2:1x", "vsock:99999999999:1",
					  "vsock::1",  "vsock:-1:1"};
	char long_path[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_lt(notify_address_parse(bad[i], &address), 0, "%s", bad[i]);
	memset(long_path, '/', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	cr_assert_lt(notify_address_parse(long_path, &address), 0);
	cr_assert_eq(address.length, 0);
}

Test(rinit_notify, message_reaches_the_socket)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct loop loop;
	struct notify_host host;
	char text[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "rinit-test-%d", getpid());
	cr_assert_eq(bind(fd, (struct sockaddr *)&name,
			  offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name.sun_path + 1)),
		     0);
	name.sun_path[0] = '@';
	cr_assert_eq(notify_address_parse(name.sun_path, &address), 0);
	cr_assert_eq(loop_init(&loop), 0);
	notify_host_init(&host, &loop, &address);
	notify_host_send(&host, "READY=1\nSTATUS=Ready\n");
	loop_step(&loop, 1000);
	cr_assert_gt(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT), 0);
	cr_assert_str_eq(text, "READY=1\nSTATUS=Ready\n");
}
