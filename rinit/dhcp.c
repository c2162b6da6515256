#include "rinit/dhcp.h"

#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "rinit/address.h"
#include "rinit/client.h"
#include "rinit/ini.h"
#include "rinit/log.h"
#include "rinit/netlink.h"
#include "rinit/resolver.h"

#define SERVERS_MAX 3 /* resolv.conf(5): more are not asked */

void dhcp_helper_link(void)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		return;
	self[length] = '\0';
	unlink(DHCP_HELPER_PATH);
	if (symlink(self, DHCP_HELPER_PATH))
		log_warning(DHCP_HELPER_PATH ": cannot make the link: %m");
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static int fail(const char *what, int rc)
{
	fprintf(stderr, "%s: %s: %s\n", variable("interface"), what, strerror(-rc));
	return 1;
}

static void resolver_update(void)
{
	const char *servers = *variable(DHCP_DNS_VARIABLE) ? variable(DHCP_DNS_VARIABLE) : variable("dns");
	const char *domain = *variable("domain") ? variable("domain") : NULL;
	char words[SERVERS_MAX][64];
	const char *list[SERVERS_MAX];
	struct ip_address address;
	size_t count = 0;

	while (count < SERVERS_MAX && word_split(&servers, words[count], sizeof(words[count])) > 0)
		if (!ip_parse(words[count], false, &address)) {
			list[count] = words[count];
			count++;
		}
	/* What a server says goes into a file: a name, nothing that could be another line. */
	if (domain &&
	    domain[strspn(domain, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")])
		domain = NULL;
	if (count)
		resolver_write(list, count, domain);
}

static int lease_apply(int fd, int index)
{
	struct ip_address address, gateway;
	const char *routers = variable("router");
	unsigned long lease = strtoul(variable("lease"), NULL, 10);
	char router[64];
	int rc;

	if (ip_parse(variable("ip"), false, &address) || netmask_parse(variable("subnet"), &address.prefix)) {
		fprintf(stderr, "%s: the lease has no usable address\n", variable("interface"));
		return 1;
	}
	resolver_update(); /* first: who sees the address may look up names at once */
	rc = address_add(fd, index, &address,
			 lease && lease < LEASE_FOREVER ? (uint32_t)lease : LEASE_FOREVER - 1);
	if (rc)
		return fail("cannot set the address", rc);
	if (word_split(&routers, router, sizeof(router)) > 0 && !ip_parse(router, false, &gateway)) {
		rc = route_add_default(fd, index, &gateway);
		if (rc)
			return fail("cannot set the default route", rc);
	}
	printf("address %s, router %s\n", variable("ip"), *variable("router") ? variable("router") : "none");
	return 0;
}

static int lease_announce(void)
{
	struct error err;
	AUTO_FREE char *text = NULL;

	if (!client_ask("online", variable("interface"), &text, &err))
		return 0;
	fprintf(stderr, "%s\n", text ? text : err.text);
	return 1;
}

int dhcp_main(int argc, char **argv)
{
	const char *event = argc > 1 ? argv[1] : "";
	AUTO_CLOSE int fd = netlink_open(NETLINK_ROUTE, 0);
	int index = (int)if_nametoindex(variable("interface"));
	int rc = 0;

	if (fd < 0 || !index) {
		fprintf(stderr, "dhcp: \"%s\" is no interface\n", variable("interface"));
		return 1;
	}
	if (!strcmp(event, "deconfig")) {
		link_set_up(fd, index);
		rc = addresses_flush_leased(fd, index, AF_INET);
		return rc ? fail("cannot remove the old address", rc) : 0;
	}
	if (!strcmp(event, "bound") || !strcmp(event, "renew"))
		rc = lease_apply(fd, index) || lease_announce();
	return rc; /* leasefail and nak: udhcpc goes on by itself */
}
