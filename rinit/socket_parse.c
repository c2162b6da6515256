/* Keys of systemd.socket(5) that rinit honours; rinit.unit(5) lists them. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/util.h"
#include "rinit/socket.h"

static int read_mode(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	unsigned int *mode = unit_member(reader, key);
	char *end;
	unsigned long number = strtoul(value, &end, 8);

	if (end == value || *end || number > 07777)
		return -EINVAL;
	*mode = (unsigned int)number;
	return 0;
}

static int read_backlog(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	int *backlog = unit_member(reader, key);
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (end == value || *end || number > UINT16_MAX)
		return -EINVAL;
	*backlog = (int)number;
	return 0;
}

static int listen_add(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct sockaddr_storage address;
	unsigned int length;
	bool fifo = !strcmp(key->key, "ListenFIFO");

	if (*value && (fifo ? *value != '/' : socket_address_parse(value, &address, &length) != 0))
		return -EINVAL;
	return read_one(reader, key, value);
}

/* One process for all connections is what rinit starts. */
static int read_accept(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	bool accept;

	(void)reader;
	(void)key;
	return parse_bool(value, &accept) || accept ? -EINVAL : 0;
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
	{"Socket", "ListenStream", listen_add, AT(stream), NULL},
	{"Socket", "ListenDatagram", listen_add, AT(datagram), NULL},
	{"Socket", "ListenSequentialPacket", listen_add, AT(packet), NULL},
	{"Socket", "ListenFIFO", listen_add, AT(fifo), NULL},
	{"Socket", "Service", read_service, AT(service), NULL},
	{"Socket", "SocketMode", read_mode, AT(mode), NULL},
	{"Socket", "DirectoryMode", read_mode, AT(directory_mode), NULL},
	{"Socket", "SocketUser", read_string, AT(user), NULL},
	{"Socket", "SocketGroup", read_string, AT(group), NULL},
	{"Socket", "Backlog", read_backlog, AT(backlog), NULL},
	{"Socket", "PassCredentials", read_flag, AT(pass_credentials), NULL},
	{"Socket", "RemoveOnStop", read_flag, AT(remove_on_stop), NULL},
	{"Socket", "FileDescriptorName", read_string, AT(name), NULL},
	{"Socket", "Accept", read_accept, 0, NULL},
};

const struct unit_key *socket_key_find(const struct ini_entry *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, entry->section) && !strcmp(keys[i].key, entry->key))
			return &keys[i];
	return NULL;
}

int socket_check(const struct unit_config *config, const char *path, struct error *err)
{
	const struct socket_config *socket = &config->socket;

	if (socket->stream.count + socket->datagram.count + socket->packet.count + socket->fifo.count)
		return 0;
	return error_set(err, -EINVAL, "%s: no usable Listen...= in [Socket]: nothing to listen on", path);
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
