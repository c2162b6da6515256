#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <stdio.h>

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

Test(socket, vsock_is_of_one_cid_or_of_any)
{
	const struct sockaddr_vm *vsock = (struct sockaddr_vm *)&address;

	cr_assert_eq(socket_address_parse("vsock::9998", &address, &length), 0);
	cr_assert_eq(vsock->svm_family, AF_VSOCK);
	cr_assert_eq(vsock->svm_cid, VMADDR_CID_ANY);
	cr_assert_eq(vsock->svm_port, 9998);
	cr_assert_eq(length, sizeof(*vsock));
	cr_assert_eq(socket_address_parse("vsock:3:4294967295", &address, &length), 0);
	cr_assert_eq(vsock->svm_cid, 3);
	cr_assert_eq(vsock->svm_port, UINT32_MAX);
}

Test(socket, bad_addresses_are_refused)
{
	static const char *const bad[] = {"",
					  "x",
					  "0",
					  "65536",
					  "-1",
					  "1x",
					  ":80",
					  "[]:80",
					  "[::1]",
					  "[::1:80",
					  "::1]:80",
					  "1.2.3:80",
					  "1.2.3.4:",
					  "1.2.3.4:0",
					  "[1.2.3.4]:80",
					  "[:80",
					  "vsock:",
					  "vsock:1",
					  "vsock::",
					  "vsock:::1",
					  "vsock:x:1",
					  "vsock:-1:1",
					  "vsock::1x",
					  "vsock:: 1",
					  "vsock:4294967296:1",
					  "vsock::4294967296"};
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

Test(socket, netlink_families_have_groups)
{
	const struct sockaddr_nl *netlink = (struct sockaddr_nl *)&address;
	static const char *const bad[] = {"",          "-",        "what 1",           "route x",
					  "kobject 1", "route -1", "route 99999999999"};
	int protocol;

	cr_assert_eq(socket_netlink_parse("kobject-uevent 1", &address, &length, &protocol), 0);
	cr_assert_eq(protocol, NETLINK_KOBJECT_UEVENT);
	cr_assert_eq(netlink->nl_family, AF_NETLINK);
	cr_assert_eq(netlink->nl_groups, 1);
	cr_assert_eq(length, sizeof(*netlink));
	cr_assert_eq(socket_netlink_parse("route", &address, &length, &protocol), 0);
	cr_assert_eq(protocol, NETLINK_ROUTE);
	cr_assert_eq(socket_netlink_parse("crypto  4", &address, &length, &protocol), 0);
	cr_assert_eq(protocol, NETLINK_CRYPTO);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(socket_netlink_parse(bad[i], &address, &length, &protocol), -EINVAL, "%s",
			     bad[i]);
}

/* ---- who comes ---- */

static struct unit_connection connection;
static char peer[64];

Test(socket, peers_of_the_internet_are_address_and_port)
{
	static const struct {
		const char *listen, *address, *peer;
	} cases[] = {
		{"192.0.2.1:4711", "192.0.2.1", "192.0.2.1:4711"},
		{"[2001:db8::7]:1", "2001:db8::7", "2001:db8::7:1"},
		{"[::ffff:192.0.2.1]:65535", "192.0.2.1", "192.0.2.1:65535"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(socket_address_parse(cases[i].listen, &address, &length), 0);
		socket_peer(&address, &(struct ucred){0}, &connection, peer, sizeof(peer));
		cr_assert_str_eq(connection.address, cases[i].address);
		cr_assert_str_eq(peer, cases[i].peer);
		cr_assert_neq(connection.port, 0);
	}
}

Test(socket, addresses_are_written_as_libc_does)
{
	static const char *const addresses[] = {"::",
						"::1",
						"1::",
						"1:0:0:2::3",
						"1:2:3:4:5:6:7:8",
						"1::2:0:0:3:4",
						"2001:db8::a:0:b",
						"fe80::1:2:3:4",
						"0:1:2:3:4:5:6:7",
						"1:2:3:4:5:6:7:0"};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(1)};
		char expected[INET6_ADDRSTRLEN];

		cr_assert_eq(inet_pton(AF_INET6, addresses[i], &six.sin6_addr), 1);
		inet_ntop(AF_INET6, &six.sin6_addr, expected, sizeof(expected));
		memcpy(&address, &six, sizeof(six));
		socket_peer(&address, &(struct ucred){0}, &connection, peer, sizeof(peer));
		cr_assert_str_eq(connection.address, expected);
	}
}

Test(socket, peers_of_the_machine_are_process_and_user)
{
	cr_assert_eq(socket_address_parse("/run/x", &address, &length), 0);
	socket_peer(&address, &(struct ucred){.pid = 17, .uid = 1000}, &connection, peer, sizeof(peer));
	cr_assert_str_eq(peer, "17-1000");
	cr_assert_str_eq(connection.address, "1000");
	cr_assert_eq(connection.port, 0);
}

Test(socket, peers_of_vsock_are_port_and_cid)
{
	cr_assert_eq(socket_address_parse("vsock:2:1024", &address, &length), 0);
	socket_peer(&address, &(struct ucred){0}, &connection, peer, sizeof(peer));
	cr_assert_str_eq(peer, "1024-2");
	cr_assert_str_eq(connection.address, "2");
	cr_assert_eq(connection.port, 0);
}

Test(socket, instances_have_names_that_fit)
{
	char name[UNIT_NAME_MAX], socket[UNIT_NAME_MAX];

	socket_instance_name("ssh.socket", 7, "192.0.2.1:22", name);
	cr_assert_str_eq(name, "ssh@7-192.0.2.1:22.service");
	snprintf(socket, sizeof(socket), "%0110d.socket", 0);
	socket_instance_name(socket, 4294967295U, "192.0.2.1:22", name);
	cr_assert_eq(strlen(name), UNIT_NAME_MAX - 1);
	cr_assert_str_eq(name + UNIT_NAME_MAX - 20, "@4294967295.service");
}

/* ---- [Socket] ---- */

static char warnings_seen[2048];
static struct unit_config config;
static struct error err;

static void on_warning(void *context, const char *sentence)
{
	size_t used = strlen(warnings_seen);

	(void)context;
	snprintf(warnings_seen + used, sizeof(warnings_seen) - used, "%s\n", sentence);
}

static int parse(const char *lines)
{
	static const struct unit_warnings warnings = {.warn = on_warning};
	char text[2048];

	unit_config_init(&config, "x.socket");
	warnings_seen[0] = '\0';
	snprintf(text, sizeof(text), "[Socket]\n%s", lines);
	return unit_parse(&config, "/x.socket", text, strlen(text), &warnings, &err);
}

Test(socket, listens_are_kept_in_their_order_and_emptied_together)
{
	cr_assert_eq(parse("ListenFIFO=/f\nListenStream=1\nListenNetlink=route 1\n"), 0);
	cr_assert_str_eq(warnings_seen, "");
	cr_assert_eq(config.socket.listen.count, 3);
	cr_assert_str_eq(config.socket.listen.items[0] + 1, "/f");
	cr_assert_eq(*config.socket.listen.items[1], '0' + LISTEN_STREAM);
	cr_assert_eq(parse("ListenFIFO=/f\nListenStream=\n"), -EINVAL);
	cr_assert_eq(parse("ListenFIFO=x\nListenSpecial=y\nListenStream=z\nListenNetlink=1\n"), -EINVAL);
	cr_assert_not_null(strstr(warnings_seen, ":5: ListenNetlink=1 is not valid and has no effect"));
}

Test(socket, options_are_numbers_for_the_kernel)
{
	cr_assert_eq(parse("ListenStream=1\nKeepAlive=yes\nKeepAliveTimeSec=2min\nReceiveBuffer=8M\n"
			   "BindIPv6Only=both\nBindIPv6Only=default\nTimestamping=ns\nIPTTL=3\n"),
		     0);
	cr_assert_str_eq(warnings_seen, "");
	cr_assert_eq(config.socket.option_count, 7); /* IPTTL is one for each version */
	cr_assert_eq(config.socket.options[0].value, 1);
	cr_assert_eq(config.socket.options[1].value, 120);
	cr_assert_eq(config.socket.options[2].value, 8 << 20);
	cr_assert_eq(config.socket.options[3].value, 0);
	cr_assert_eq(config.socket.options[4].name, SO_TIMESTAMPNS);
	cr_assert_eq(config.socket.options[4].value, 1);
	unit_config_clear(&config);
}

Test(socket, bad_options_are_named)
{
	static const char *const bad[] = {"KeepAlive=perhaps", "KeepAliveTimeSec=soon", "ReceiveBuffer=3G",
					  "BindIPv6Only=yes",  "Timestamping=ms",       "IPTTL=-1",
					  "MaxConnections=x",  "TriggerLimitBurst=-1",  "Backlog=99999999",
					  "Accept=x"};
	char lines[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(lines, sizeof(lines), "ListenStream=1\n%s\n", bad[i]);
		cr_assert_eq(parse(lines), 0);
		cr_assert_not_null(strstr(warnings_seen, "/x.socket:3: "), "%s", bad[i]);
		cr_assert_eq(config.socket.option_count, 0);
	}
}

Test(socket, accept_goes_with_connections_alone)
{
	cr_assert_eq(parse("ListenStream=1\nListenSequentialPacket=/x\nAccept=yes\n"), 0);
	cr_assert_eq(config.socket.max_connections, 64);
	cr_assert_eq(parse("ListenStream=1\nListenDatagram=1\nAccept=yes\n"), -EINVAL);
	cr_assert_str_eq(err.text, "/x.socket: Accept=yes: 1 has no connections to accept");
	cr_assert_eq(parse("ListenStream=1\nService=a.service\nAccept=yes\n"), -EINVAL);
}
