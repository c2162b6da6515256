#include <criterion/criterion.h>

#include "rinit/root.h"

static struct root_request request;
static struct error err;

Test(root, request_is_read_from_the_command_line)
{
	cr_assert_eq(root_request_parse(
			     &request, "root=LABEL=r rootfstype=erofs rastos.overlay=/dev/vdb init=/bin/i rw",
			     &err),
		     1);
	cr_assert_str_eq(request.device, "LABEL=r");
	cr_assert_str_eq(request.type, "erofs");
	cr_assert_str_eq(request.overlay, "/dev/vdb");
	cr_assert_str_eq(request.init, "/bin/i");
	cr_assert(request.writable);
}

Test(root, without_root_there_is_no_request)
{
	cr_assert_eq(root_request_parse(&request, "console=ttyS0 quiet", &err), 0);
}

Test(root, defaults)
{
	cr_assert_eq(root_request_parse(&request, "root=/dev/vda ro", &err), 1);
	cr_assert_str_eq(request.init, "/sbin/rinit");
	cr_assert_not(request.writable);
	cr_assert_str_eq(request.overlay, "");
}

Test(root, value_that_is_missing_or_too_long_is_an_error)
{
	char line[512] = "root=";

	cr_assert_lt(root_request_parse(&request, "root", &err), 0);
	for (int i = 5; i < 400; i++)
		line[i] = 'x';
	cr_assert_lt(root_request_parse(&request, line, &err), 0);
	cr_assert_str_eq(err.text, "kernel parameter root=: it has no value, or one of more than 255 bytes");
}

Test(root, missing_device_is_named)
{
	cr_assert_eq(root_request_parse(&request, "root=LABEL=no-such-label", &err), 1);
	cr_assert_str_eq(root_missing(&request), "LABEL=no-such-label");
}
