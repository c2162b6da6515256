/* Keys of systemd.socket(5) that rinit honours; rinit.unit(5) lists them. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/util.h"
#include "rinit/socket.h"

static int read_interval(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return parse_timespan(value, unit_member(reader, key));
}

/* The key's place is the kind. An empty value empties the whole list (systemd.socket(5)). */
static int listen_add(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct string_list *list = &reader->config->socket.listen;
	enum listen_kind kind = (enum listen_kind)key->at;
	struct sockaddr_storage address;
	unsigned int length;
	int protocol, rc;
	char item[INI_VALUE_MAX + 1];

	if (kind == LISTEN_NETLINK)
		rc = socket_netlink_parse(value, &address, &length, &protocol);
	else if (kind >= LISTEN_FIFO)
		rc = *value == '/' ? 0 : -EINVAL;
	else
		rc = socket_address_parse(value, &address, &length);
	if (*value && rc)
		return rc;
	snprintf(item, sizeof(item), "%c%s", '0' + (int)kind, value);
	if (*value)
		return string_list_add(list, item);
	string_list_clear(list);
	return 0;
}

static int read_service(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	size_t length = strlen(value);

	return length > 8 && length < UNIT_NAME_MAX && !strcmp(value + length - 8, ".service")
		       ? string_set(unit_member(reader, key), value)
		       : -EINVAL;
}

#define AT(name) offsetof(struct unit_config, socket.name)

static const struct unit_key keys[] = {
	{"Socket", "ListenStream", listen_add, LISTEN_STREAM, NULL},
	{"Socket", "ListenDatagram", listen_add, LISTEN_DATAGRAM, NULL},
	{"Socket", "ListenSequentialPacket", listen_add, LISTEN_PACKET, NULL},
	{"Socket", "ListenNetlink", listen_add, LISTEN_NETLINK, NULL},
	{"Socket", "ListenFIFO", listen_add, LISTEN_FIFO, NULL},
	{"Socket", "ListenSpecial", listen_add, LISTEN_SPECIAL, NULL},
	{"Socket", "Accept", read_flag, AT(accept), NULL},
	{"Socket", "MaxConnections", read_count, AT(max_connections), NULL},
	{"Socket", "MaxConnectionsPerSource", read_count, AT(max_connections_per_source), NULL},
	{"Socket", "Writable", read_flag, AT(writable), NULL},
	{"Socket", "Symlinks", read_words, AT(symlinks), NULL},
	{"Socket", "TriggerLimitBurst", read_count, AT(trigger_burst), NULL},
	{"Socket", "TriggerLimitIntervalSec", read_interval, AT(trigger_ms), NULL},
	{"Socket", "Service", read_service, AT(service), NULL},
	{"Socket", "SocketMode", read_mode, AT(mode), NULL},
	{"Socket", "DirectoryMode", read_mode, AT(directory_mode), NULL},
	{"Socket", "SocketUser", read_string, AT(user), NULL},
	{"Socket", "SocketGroup", read_string, AT(group), NULL},
	{"Socket", "Backlog", read_count, AT(backlog), NULL},
	{"Socket", "RemoveOnStop", read_flag, AT(remove_on_stop), NULL},
	{"Socket", "FileDescriptorName", read_string, AT(name), NULL},
};

/* ---- what is one setsockopt(2) ---- */

enum option_value { OPTION_FLAG, OPTION_NUMBER, OPTION_SECONDS, OPTION_SIZE, OPTION_ONLY_6, OPTION_STAMP };

static const struct option {
	const char *key;
	unsigned char value; /* enum option_value */
	unsigned char level, name;
} options[] = {
	{"KeepAlive", OPTION_FLAG, SOL_SOCKET, SO_KEEPALIVE},
	{"KeepAliveTimeSec", OPTION_SECONDS, IPPROTO_TCP, TCP_KEEPIDLE},
	{"KeepAliveIntervalSec", OPTION_SECONDS, IPPROTO_TCP, TCP_KEEPINTVL},
	{"KeepAliveProbes", OPTION_NUMBER, IPPROTO_TCP, TCP_KEEPCNT},
	{"NoDelay", OPTION_FLAG, IPPROTO_TCP, TCP_NODELAY},
	{"DeferAcceptSec", OPTION_SECONDS, IPPROTO_TCP, TCP_DEFER_ACCEPT},
	{"ReusePort", OPTION_FLAG, SOL_SOCKET, SO_REUSEPORT},
	{"FreeBind", OPTION_FLAG, IPPROTO_IP, IP_FREEBIND},
	{"Transparent", OPTION_FLAG, IPPROTO_IP, IP_TRANSPARENT},
	{"IPTTL", OPTION_NUMBER, IPPROTO_IP, IP_TTL},
	{"IPTTL", OPTION_NUMBER, IPPROTO_IPV6, IPV6_UNICAST_HOPS},
	{"BindIPv6Only", OPTION_ONLY_6, IPPROTO_IPV6, IPV6_V6ONLY},
	{"Broadcast", OPTION_FLAG, SOL_SOCKET, SO_BROADCAST},
	{"Mark", OPTION_NUMBER, SOL_SOCKET, SO_MARK},
	{"Priority", OPTION_NUMBER, SOL_SOCKET, SO_PRIORITY},
	{"ReceiveBuffer", OPTION_SIZE, SOL_SOCKET, SO_RCVBUFFORCE},
	{"SendBuffer", OPTION_SIZE, SOL_SOCKET, SO_SNDBUFFORCE},
	{"PassCredentials", OPTION_FLAG, SOL_SOCKET, SO_PASSCRED},
	{"PassSecurity", OPTION_FLAG, SOL_SOCKET, SO_PASSSEC},
	{"PassPacketInfo", OPTION_FLAG, IPPROTO_IP, IP_PKTINFO},
	{"PassPacketInfo", OPTION_FLAG, IPPROTO_IPV6, IPV6_RECVPKTINFO},
	{"Timestamping", OPTION_STAMP, SOL_SOCKET, SO_TIMESTAMP},
};

/* The number of the value; negative: there is nothing to set. */
static int option_value(const struct option *option, const char *value, long *number, int *name)
{
	static const char *const words[][3] = {{"default", "both", "ipv6-only"}, {"off", "us", "ns"}};
	bool stamp = option->value == OPTION_STAMP, flag;
	uint64_t amount;
	int rc;

	switch ((enum option_value)option->value) {
	case OPTION_FLAG:
		rc = parse_bool(value, &flag);
		*number = flag;
		return rc;
	case OPTION_NUMBER:
		return parse_integer(value, 0, INT32_MAX, number);
	case OPTION_SECONDS:
		rc = parse_timespan(value, &amount);
		amount /= 1000;
		break;
	case OPTION_SIZE:
		rc = parse_size(value, strlen(value), &amount);
		break;
	default:
		for (int i = 0; i < 3; i++)
			if (!strcmp(value, words[stamp][i])) {
				*number = stamp ? i > 0 : i - 1;
				*name = stamp && i == 2 ? SO_TIMESTAMPNS : *name;
				return 0;
			}
		return -EINVAL;
	}
	*number = (long)amount;
	return rc || amount > INT32_MAX ? -EINVAL : 0;
}

/* Of two lines with the same key the later one is set later. */
static int read_option(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct socket_config *config = &reader->config->socket;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct socket_option *more;
		int name = options[i].name;
		long number;

		if (strcmp(options[i].key, key->key) != 0)
			continue;
		if (option_value(&options[i], value, &number, &name))
			return -EINVAL;
		if (number < 0)
			continue;
		more = realloc(config->options, (config->option_count + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		config->options = more;
		more[config->option_count++] = (struct socket_option){options[i].level, name, (int)number};
	}
	return 0;
}

const struct unit_key *socket_key_find(struct unit_reader *reader, const struct ini_entry *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].key, entry->key))
			return &keys[i];
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].key, entry->key)) {
			reader->found = (struct unit_key){"Socket", options[i].key, read_option, 0, NULL};
			return &reader->found;
		}
	return NULL;
}

int socket_check(const struct unit_config *config, const char *path, struct error *err)
{
	const struct socket_config *socket = &config->socket;

	if (!socket->listen.count)
		return error_set(err, -EINVAL, "%s: no usable Listen...= in [Socket]: nothing to listen on",
				 path);
	if (socket->accept && socket->service)
		return error_set(err, -EINVAL,
				 "%s: Service= does not go with Accept=yes, which has its template", path);
	for (size_t i = 0; socket->accept && i < socket->listen.count; i++)
		if (*socket->listen.items[i] != '0' + LISTEN_STREAM &&
		    *socket->listen.items[i] != '0' + LISTEN_PACKET)
			return error_set(err, -EINVAL, "%s: Accept=yes: %s has no connections to accept",
					 path, socket->listen.items[i] + 1);
	return 0;
}

/* The names of netlink(7) and systemd.socket(5), by their protocols' numbers; groups are a mask. */
int socket_netlink_parse(const char *text, struct sockaddr_storage *storage, unsigned int *length,
			 int *protocol)
{
	static const char families[] =
		"route\0-\0-\0firewall\0inet-diag\0nflog\0xfrm\0selinux\0iscsi\0audit\0"
		"fib-lookup\0connector\0netfilter\0ip6-fw\0dnrtmsg\0kobject-uevent\0generic\0"
		"-\0scsitransport\0ecryptfs\0rdma\0crypto\0";
	struct sockaddr_nl *address = (struct sockaddr_nl *)storage;
	size_t size = strcspn(text, " \t");
	const char *groups = text + size + strspn(text + size, " \t"), *family = families;
	long mask = 0;

	*protocol = 0;
	while (*family && (strlen(family) != size || strncmp(family, text, size) != 0)) {
		family += strlen(family) + 1;
		++*protocol;
	}
	if (!*family || *text == '-' || (*groups && parse_integer(groups, 0, UINT32_MAX, &mask)))
		return -EINVAL;
	*address = (struct sockaddr_nl){.nl_family = AF_NETLINK, .nl_groups = (uint32_t)mask};
	*length = sizeof(*address);
	return 0;
}

static int parse_port(const char *text, in_port_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !number || number > UINT16_MAX)
		return -EINVAL;
	*port = htons((uint16_t)number);
	return 0;
}

static int parse_unix(const char *text, struct sockaddr_un *address, unsigned int *length)
{
	size_t size = strlen(text);

	if (size >= sizeof(address->sun_path))
		return -EINVAL;
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, text, size);
	if (*text == '@')
		address->sun_path[0] = '\0';
	*length = (unsigned int)(offsetof(struct sockaddr_un, sun_path) + size + (*text == '/'));
	return 0;
}

/* "80", "1.2.3.4:80", "[::1]:80" */
static int parse_internet(const char *text, struct sockaddr_storage *storage, unsigned int *length)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)storage;
	struct sockaddr_in *four = (struct sockaddr_in *)storage;
	const char *colon = strrchr(text, ':');
	bool bracket = *text == '[';
	size_t size = colon ? (size_t)(colon - text) : 0;
	char host[INET6_ADDRSTRLEN];

	if (colon &&
	    (size <= 2U * bracket || size - 2U * bracket >= sizeof(host) || (bracket && colon[-1] != ']')))
		return -EINVAL;
	if (colon) {
		memcpy(host, text + bracket, size - 2U * bracket);
		host[size - 2U * bracket] = '\0';
	}
	if (colon && !bracket) {
		four->sin_family = AF_INET;
		*length = sizeof(*four);
		return inet_pton(AF_INET, host, &four->sin_addr) == 1 ? parse_port(colon + 1, &four->sin_port)
								      : -EINVAL;
	}
	six->sin6_family = AF_INET6;
	*length = sizeof(*six);
	if (colon && inet_pton(AF_INET6, host, &six->sin6_addr) != 1)
		return -EINVAL;
	return parse_port(colon ? colon + 1 : text, &six->sin6_port);
}

int socket_address_parse(const char *text, struct sockaddr_storage *address, unsigned int *length)
{
	memset(address, 0, sizeof(*address));
	if (*text == '/' || *text == '@')
		return parse_unix(text, (struct sockaddr_un *)address, length);
	return parse_internet(text, address, length);
}
