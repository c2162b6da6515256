#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "rinit/socket.h"

static struct sockaddr_storage address;
static unsigned int length;

Test(socket, path_is_a_unix_address)
{
	const struct sockaddr_un *un = (struct sockaddr_un *)&address;

	cr_assert_eq(socket_address_parse("/run/x", &address, &length), 0);
	cr_assert_eq(un->sun_family, AF_UNIX);
	cr_assert_str_eq(un->sun_path, "/run/x");
	cr_assert_eq(length, offsetof(struct sockaddr_un, sun_path) + 7);
}

Test(socket, at_sign_is_an_abstract_name)
{
	const struct sockaddr_un *un = (struct sockaddr_un *)&address;

	cr_assert_eq(socket_address_parse("@abc", &address, &length), 0);
	cr_assert_eq(memcmp(un->sun_path, "\0abc", 4), 0);
	cr_assert_eq(length, offsetof(struct sockaddr_un, sun_path) + 4);
}

Test(socket, port_alone_is_every_address)
{
	const struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;

	cr_assert_eq(socket_address_parse("22", &address, &length), 0);
	cr_assert_eq(six->sin6_family, AF_INET6);
	cr_assert_eq(ntohs(six->sin6_port), 22);
	cr_assert_eq(memcmp(&six->sin6_addr, &in6addr_any, sizeof(in6addr_any)), 0);
}

Test(socket, addresses_of_both_kinds)
{
	const struct sockaddr_in *four = (struct sockaddr_in *)&address;
	const struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;

	cr_assert_eq(socket_address_parse("127.0.0.1:80", &address, &length), 0);
	cr_assert_eq(four->sin_family, AF_INET);
	cr_assert_eq(ntohl(four->sin_addr.s_addr), INADDR_LOOPBACK);
	cr_assert_eq(ntohs(four->sin_port), 80);
	cr_assert_eq(socket_address_parse("[::1]:65535", &address, &length), 0);
	cr_assert_eq(six->sin6_family, AF_INET6);
	cr_assert_eq(ntohs(six->sin6_port), 65535);
}

Test(socket, bad_addresses_are_refused)
{
	static const char *const bad[] = {
		"",      "x",       "0",       "65536",    "-1",       "1x",        ":80",          "[]:80",
		"[::1]", "[::1:80", "::1]:80", "1.2.3:80", "1.2.3.4:", "1.2.3.4:0", "[1.2.3.4]:80", "[:80"};
	char path[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(socket_address_parse(bad[i], &address, &length), -EINVAL, "%s", bad[i]);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	cr_assert_eq(socket_address_parse(path, &address, &length), -EINVAL);
}

Test(socket, service_is_of_the_same_name_or_named)
{
	struct unit_config config;
	char name[UNIT_NAME_MAX];

	unit_config_init(&config, "dbus.socket");
	cr_assert_eq(config.kind, UNIT_SOCKET);
	socket_service(&config, name);
	cr_assert_str_eq(name, "dbus.service");
	string_set(&config.socket.service, "bus.service");
	socket_service(&config, name);
	cr_assert_str_eq(name, "bus.service");
	unit_config_clear(&config);
}
