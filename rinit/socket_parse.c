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
#include "rinit/address.h"
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

/* ---- the table ---- */

enum {
	LISTEN,
	FLAG,
	COUNT,
	INTERVAL,
	WORDS,
	SERVICE,
	MODE,
	STRING,
	OPTION,
	SECONDS,
	SIZE,
	SWITCH,
	ONLY_6,
	STAMP
};

#define AT(name)           offsetof(struct unit_config, socket.name)
#define SET(level, option) ((level) << 8 | (option)) /* setsockopt(2)'s; of the first keys: a member */

static const struct {
	const char *key;
	uint8_t reader;
	uint16_t at;
} keys[] = {
	{"ListenStream", LISTEN, LISTEN_STREAM},
	{"ListenDatagram", LISTEN, LISTEN_DATAGRAM},
	{"ListenSequentialPacket", LISTEN, LISTEN_PACKET},
	{"ListenNetlink", LISTEN, LISTEN_NETLINK},
	{"ListenFIFO", LISTEN, LISTEN_FIFO},
	{"ListenSpecial", LISTEN, LISTEN_SPECIAL},
	{"Accept", FLAG, AT(accept)},
	{"MaxConnections", COUNT, AT(max_connections)},
	{"MaxConnectionsPerSource", COUNT, AT(max_connections_per_source)},
	{"Writable", FLAG, AT(writable)},
	{"Symlinks", WORDS, AT(symlinks)},
	{"TriggerLimitBurst", COUNT, AT(trigger_burst)},
	{"TriggerLimitIntervalSec", INTERVAL, AT(trigger_ms)},
	{"Service", SERVICE, AT(service)},
	{"SocketMode", MODE, AT(mode)},
	{"DirectoryMode", MODE, AT(directory_mode)},
	{"SocketUser", STRING, AT(user)},
	{"SocketGroup", STRING, AT(group)},
	{"Backlog", COUNT, AT(backlog)},
	{"RemoveOnStop", FLAG, AT(remove_on_stop)},
	{"FileDescriptorName", STRING, AT(name)},
	/* Of two rows with one key both are set. */
	{"KeepAlive", SWITCH, SET(SOL_SOCKET, SO_KEEPALIVE)},
	{"KeepAliveTimeSec", SECONDS, SET(IPPROTO_TCP, TCP_KEEPIDLE)},
	{"KeepAliveIntervalSec", SECONDS, SET(IPPROTO_TCP, TCP_KEEPINTVL)},
	{"KeepAliveProbes", OPTION, SET(IPPROTO_TCP, TCP_KEEPCNT)},
	{"NoDelay", SWITCH, SET(IPPROTO_TCP, TCP_NODELAY)},
	{"DeferAcceptSec", SECONDS, SET(IPPROTO_TCP, TCP_DEFER_ACCEPT)},
	{"ReusePort", SWITCH, SET(SOL_SOCKET, SO_REUSEPORT)},
	{"FreeBind", SWITCH, SET(IPPROTO_IP, IP_FREEBIND)},
	{"Transparent", SWITCH, SET(IPPROTO_IP, IP_TRANSPARENT)},
	{"IPTTL", OPTION, SET(IPPROTO_IP, IP_TTL)},
	{"IPTTL", OPTION, SET(IPPROTO_IPV6, IPV6_UNICAST_HOPS)},
	{"BindIPv6Only", ONLY_6, SET(IPPROTO_IPV6, IPV6_V6ONLY)},
	{"Broadcast", SWITCH, SET(SOL_SOCKET, SO_BROADCAST)},
	{"Mark", OPTION, SET(SOL_SOCKET, SO_MARK)},
	{"Priority", OPTION, SET(SOL_SOCKET, SO_PRIORITY)},
	{"ReceiveBuffer", SIZE, SET(SOL_SOCKET, SO_RCVBUFFORCE)},
	{"SendBuffer", SIZE, SET(SOL_SOCKET, SO_SNDBUFFORCE)},
	{"PassCredentials", SWITCH, SET(SOL_SOCKET, SO_PASSCRED)},
	{"PassSecurity", SWITCH, SET(SOL_SOCKET, SO_PASSSEC)},
	{"PassPacketInfo", SWITCH, SET(IPPROTO_IP, IP_PKTINFO)},
	{"PassPacketInfo", SWITCH, SET(IPPROTO_IPV6, IPV6_RECVPKTINFO)},
	{"Timestamping", STAMP, SET(SOL_SOCKET, SO_TIMESTAMP)},
};

/* The number that is set; negative: nothing. */
static int option_number(uint8_t kind, const char *value, long *number)
{
	static const char words[][10] = {"default", "both", "ipv6-only", "off", "us", "ns"};
	uint64_t amount = 0;
	bool on;
	int rc;

	switch (kind) {
	case SWITCH:
		rc = parse_bool(value, &on);
		*number = on;
		return rc;
	case OPTION:
		return parse_integer(value, 0, INT32_MAX, number);
	case SECONDS:
		rc = parse_timespan(value, &amount);
		amount /= 1000;
		break;
	case SIZE:
		rc = parse_size(value, strlen(value), &amount);
		break;
	default:
		for (int i = 0; i < 3; i++)
			if (!strcmp(value, words[i + (kind == STAMP ? 3 : 0)])) {
				*number = i - (kind == ONLY_6);
				return 0;
			}
		return -EINVAL;
	}
	*number = (long)amount;
	return rc || amount > INT32_MAX ? -EINVAL : 0;
}

static int option_add(struct socket_config *config, int level, int name, int value)
{
	struct socket_option *more = realloc(config->options, (config->option_count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	config->options = more;
	more[config->option_count++] = (struct socket_option){level, name, value};
	return 0;
}

/* Of two lines with the same key the later one is set later. */
static int read_option(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys) && !rc; i++) {
		int level = keys[i].at >> 8, name = keys[i].at & 0xff;
		long number = 0;

		if (strcmp(keys[i].key, key->key) != 0)
			continue;
		rc = option_number(keys[i].reader, value, &number);
		if (keys[i].reader == STAMP && number == 2) { /* "ns" is an option of its own */
			name = SO_TIMESTAMPNS;
			number = 1;
		}
		if (!rc && number >= 0)
			rc = option_add(&reader->config->socket, level, name, (int)number);
	}
	return rc;
}

const struct unit_key *socket_key_find(struct unit_reader *reader, const struct ini_entry *entry)
{
	static int (*const readers[])(struct unit_reader *, const struct unit_key *, const char *) = {
		[LISTEN] = listen_add,      [FLAG] = read_flag,     [COUNT] = read_count,
		[INTERVAL] = read_interval, [WORDS] = read_words,   [SERVICE] = read_service,
		[MODE] = read_mode,         [STRING] = read_string, [OPTION] = read_option,
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].key, entry->key)) {
			uint8_t kind = keys[i].reader < OPTION ? keys[i].reader : OPTION;

			reader->found =
				(struct unit_key){"Socket", keys[i].key, readers[kind], keys[i].at, NULL};
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
	if (!strncmp(text, "vsock:", 6))
		return vsock_parse(text + 6, address, length);
	return parse_internet(text, address, length);
}
