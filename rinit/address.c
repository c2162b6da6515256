#include "rinit/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>

#include "rinit/netlink.h"

#define ADDRESS_TEXT_MAX 64
#define FLUSH_MAX        64 /* addresses of one interface */

static size_t family_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

int ip_parse(const char *text, bool prefix, struct ip_address *address)
{
	char host[ADDRESS_TEXT_MAX];
	size_t length = strcspn(text, "/");
	char *end;
	unsigned long bits;

	if (length >= sizeof(host) || (text[length] == '/') != prefix)
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	*address = (struct ip_address){.family = strchr(host, ':') ? AF_INET6 : AF_INET};
	if (inet_pton(address->family, host, address->bytes) != 1)
		return -EINVAL;
	address->prefix = (uint8_t)(family_size(address->family) * 8);
	if (!prefix)
		return 0;
	text += length + 1;
	bits = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || bits > address->prefix)
		return -EINVAL;
	address->prefix = (uint8_t)bits;
	return 0;
}

int netmask_parse(const char *text, uint8_t *prefix)
{
	struct in_addr mask;
	uint32_t bits;

	if (inet_pton(AF_INET, text, &mask) != 1)
		return -EINVAL;
	bits = ntohl(mask.s_addr);
	if (~bits & (~bits + 1)) /* its zeros must be one run at the end */
		return -EINVAL;
	*prefix = (uint8_t)__builtin_popcount(bits);
	return 0;
}

int link_set_up(int fd, int index)
{
	struct ifinfomsg link = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct netlink_message message;

	netlink_begin(&message, RTM_NEWLINK, 0, &link, sizeof(link));
	return netlink_talk(fd, &message);
}

int address_add(int fd, int index, const struct ip_address *address, uint32_t lifetime_s)
{
	struct ifaddrmsg head = {.ifa_family = (uint8_t)address->family,
				 .ifa_prefixlen = address->prefix,
				 .ifa_index = (uint32_t)index};
	struct ifa_cacheinfo lifetime = {.ifa_prefered = lifetime_s, .ifa_valid = lifetime_s};
	struct netlink_message message;

	netlink_begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
	netlink_put(&message, IFA_LOCAL, address->bytes, family_size(address->family));
	netlink_put(&message, IFA_ADDRESS, address->bytes, family_size(address->family));
	netlink_put(&message, IFA_CACHEINFO, &lifetime, sizeof(lifetime));
	if (address->family == AF_INET && address->prefix < 31) {
		uint32_t broadcast;

		memcpy(&broadcast, address->bytes, sizeof(broadcast));
		broadcast |= htonl(UINT32_MAX >> address->prefix);
		netlink_put(&message, IFA_BROADCAST, &broadcast, sizeof(broadcast));
	}
	return netlink_talk(fd, &message);
}

int route_add_default(int fd, int index, const struct ip_address *gateway)
{
	struct rtmsg route = {
		.rtm_family = (uint8_t)gateway->family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
		.rtm_flags =
			RTNH_F_ONLINK, /* clouds hand out gateways that are outside the address' own net */
	};
	uint32_t interface = (uint32_t)index;
	struct netlink_message message;

	netlink_begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &route, sizeof(route));
	netlink_put(&message, RTA_GATEWAY, gateway->bytes, family_size(gateway->family));
	netlink_put(&message, RTA_OIF, &interface, sizeof(interface));
	return netlink_talk(fd, &message);
}

static int address_remove(int fd, const struct ifaddrmsg *head, const uint8_t *bytes)
{
	struct netlink_message message;

	netlink_begin(&message, RTM_DELADDR, 0, head, sizeof(*head));
	netlink_put(&message, IFA_LOCAL, bytes, family_size(head->ifa_family));
	return netlink_talk(fd, &message);
}

struct leased {
	struct ifaddrmsg head;
	uint8_t bytes[16];
};

/* Takes what fits out of one RTM_NEWADDR. */
static size_t leased_collect(const struct nlmsghdr *message, int index, struct leased *leased)
{
	const struct ifaddrmsg *head = (const struct ifaddrmsg *)(message + 1);
	size_t length = message->nlmsg_len - sizeof(*message) - sizeof(*head);
	const void *local;

	if (message->nlmsg_len < sizeof(*message) + sizeof(*head) || message->nlmsg_type != RTM_NEWADDR ||
	    head->ifa_index != (uint32_t)index || head->ifa_flags & IFA_F_PERMANENT)
		return 0;
	local = netlink_find(head + 1, length, IFA_LOCAL, family_size(head->ifa_family), NULL);
	if (!local)
		return 0;
	leased->head = *head;
	memcpy(leased->bytes, local, family_size(head->ifa_family));
	return 1;
}

int addresses_flush_leased(int fd, int index, int family)
{
	struct ifaddrmsg wanted = {.ifa_family = (uint8_t)family};
	struct leased found[FLUSH_MAX];
	struct netlink_message message;
	char answer[16384] __attribute__((aligned(8)));
	size_t count = 0;
	bool more = true;
	int rc;

	netlink_begin(&message, RTM_GETADDR, NLM_F_DUMP, &wanted, sizeof(wanted));
	rc = netlink_send(fd, &message);
	while (!rc && more) {
		ssize_t length = recv(fd, answer, sizeof(answer), 0);
		const struct nlmsghdr *part = (const struct nlmsghdr *)answer;

		if (length < 0)
			return -errno;
		for (; NLMSG_OK(part, (uint32_t)length); part = NLMSG_NEXT(part, length)) {
			if (part->nlmsg_type == NLMSG_DONE || part->nlmsg_type == NLMSG_ERROR)
				more = false;
			else if (count < FLUSH_MAX)
				count += leased_collect(part, index, &found[count]);
		}
	}
	for (size_t i = 0; i < count && !rc; i++)
		rc = address_remove(fd, &found[i].head, found[i].bytes);
	return rc;
}

static int parse_u32(const char **at, char end, uint32_t *value)
{
	char *stop;
	unsigned long number;

	if (**at < '0' || **at > '9')
		return -EINVAL;
	errno = 0;
	number = strtoul(*at, &stop, 10);
	if (errno || number > UINT32_MAX || *stop != end)
		return -EINVAL;
	*value = (uint32_t)number;
	*at = stop + (end != '\0');
	return 0;
}

int vsock_parse(const char *text, struct sockaddr_storage *storage, unsigned int *length)
{
	struct sockaddr_vm *address = (struct sockaddr_vm *)storage;
	uint32_t cid = VMADDR_CID_ANY, port;

	if (*text == ':')
		text++;
	else if (parse_u32(&text, ':', &cid))
		return -EINVAL;
	if (parse_u32(&text, '\0', &port))
		return -EINVAL;
	*address = (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
	*length = sizeof(*address);
	return 0;
}
