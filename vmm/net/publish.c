#include "vmm/net/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/util.h"

#define PORT_MAX     65535
#define RULE_LEN_MAX 128

struct port_range {
	uint16_t first;
	uint16_t count;
};

/* A port number at *text, which is moved behind it. */
static bool take_port(const char **text, uint32_t *port)
{
	const char *at = *text;

	for (*port = 0; *at >= '0' && *at <= '9' && *port <= PORT_MAX; at++)
		*port = *port * 10 + (uint32_t)(*at - '0');
	if (at == *text || *port == 0 || *port > PORT_MAX)
		return false;
	*text = at;
	return true;
}

/* "80" or "80-90", and nothing behind it. */
static bool parse_range(const char *text, struct port_range *range)
{
	uint32_t first;
	uint32_t last;

	if (!take_port(&text, &first))
		return false;
	last = first;
	if (*text == '-') {
		text++;
		if (!take_port(&text, &last) || last < first)
			return false;
	}
	*range = (struct port_range){.first = (uint16_t)first, .count = (uint16_t)(last - first + 1)};
	return *text == '\0';
}

/* Cuts "/tcp" or "/udp" off. */
static bool cut_protocol(char *text, enum publish_protocol *protocol)
{
	char *slash = strchr(text, '/');

	*protocol = PUBLISH_TCP;
	if (!slash)
		return true;
	*slash = '\0';
	if (strcmp(slash + 1, "udp") == 0)
		*protocol = PUBLISH_UDP;
	return *protocol == PUBLISH_UDP || strcmp(slash + 1, "tcp") == 0;
}

/* The address in its one canonical form, so that equal ones look equal. */
static bool parse_address(const char *text, char address[INET6_ADDRSTRLEN])
{
	size_t len = strlen(text);
	char bare[INET6_ADDRSTRLEN];
	struct in6_addr binary;
	int family = AF_INET;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		family = AF_INET6;
		text++;
		len -= 2;
	}
	if (len >= sizeof(bare))
		return false;
	memcpy(bare, text, len);
	bare[len] = '\0';
	return inet_pton(family, bare, &binary) == 1 && inet_ntop(family, &binary, address, INET6_ADDRSTRLEN);
}

/* passt listens on every address of both families when none is named. */
static void forget_any_address(char address[INET6_ADDRSTRLEN])
{
	if (strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0)
		address[0] = '\0';
}

static int refuse(const char *text, const char *why, struct error *err)
{
	return error_set(err, -EINVAL, "publish \"%s\": %s", text, why);
}

int publish_parse(const char *text, struct publish *publish, struct error *err)
{
	char copy[RULE_LEN_MAX];
	struct port_range host;
	struct port_range guest;
	char *guest_text;
	char *host_text;

	*publish = (struct publish){0};
	if (strlen(text) >= sizeof(copy))
		return refuse(text, "too long for a rule such as \"8080:80\"", err);
	strcpy(copy, text);
	if (!cut_protocol(copy, &publish->protocol))
		return refuse(text, "the protocol behind '/' must be tcp or udp", err);
	guest_text = strrchr(copy, ':');
	if (!guest_text)
		return refuse(text, "say the host's port and the guest's, such as \"8080:80\"", err);
	*guest_text++ = '\0';
	host_text = strrchr(copy, ':');
	if (host_text) {
		*host_text++ = '\0';
		if (!parse_address(copy, publish->address))
			return refuse(text,
				      "the address must be an IPv4 address or an IPv6 address in brackets",
				      err);
		forget_any_address(publish->address);
	} else {
		host_text = copy;
	}
	if (!parse_range(host_text, &host) || !parse_range(guest_text, &guest))
		return refuse(text, "ports are numbers from 1 to 65535, or ranges such as 8000-8010", err);
	if (host.count != guest.count)
		return refuse(text, "both ranges must have the same number of ports", err);
	publish->host_first = host.first;
	publish->guest_first = guest.first;
	publish->count = host.count;
	return 0;
}

static bool addresses_collide(const struct publish *a, const struct publish *b)
{
	return !a->address[0] || !b->address[0] || strcmp(a->address, b->address) == 0;
}

/* The first host port that both want, or 0. */
static int port_in_both(const struct publish *a, const struct publish *b)
{
	int first = MAX(a->host_first, b->host_first);

	if (a->protocol != b->protocol || !addresses_collide(a, b))
		return 0;
	return first < MIN(a->host_first + a->count, b->host_first + b->count) ? first : 0;
}

int publish_check(const struct publish *rules, unsigned count, struct error *err)
{
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < i; j++) {
			int port = port_in_both(&rules[j], &rules[i]);

			if (port)
				return error_set(err, -EEXIST,
						 "publish: two rules want the host's %s port %d",
						 rules[i].protocol == PUBLISH_UDP ? "UDP" : "TCP", port);
		}
	}
	return 0;
}

/* Whether a port of the host is free: 0, or the negative errno of binding it. */
static int port_probe(const struct publish *rule, uint16_t port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
	socklen_t size = sizeof(address.v6);
	AUTO_CLOSE int fd = -1;
	int one = 1;

	if (inet_pton(AF_INET6, rule->address, &address.v6.sin6_addr) != 1) {
		address.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		size = sizeof(address.v4);
		if (rule->address[0] && inet_pton(AF_INET, rule->address, &address.v4.sin_addr) != 1)
			return -EINVAL;
	}
	fd = socket(address.any.sa_family,
		    (rule->protocol == PUBLISH_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (rule->protocol == PUBLISH_TCP && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	return bind(fd, &address.any, size) < 0 ? -errno : 0;
}

int publish_check_free(const struct publish *rule, const char *text, struct error *err)
{
	for (unsigned i = 0; i < rule->count; i++) {
		unsigned port = rule->host_first + i;
		int code = port_probe(rule, (uint16_t)port);

		if (code == -EACCES)
			return error_set(err, code,
					 "publish \"%s\": only an administrator may bind port %u; choose one "
					 "above 1023",
					 text, port);
		if (code < 0)
			return error_set(err, code, "publish \"%s\": cannot bind port %u of the host: %s",
					 text, port, strerror(-code));
	}
	return 0;
}

void publish_spec(const struct publish *publish, char spec[PUBLISH_SPEC_MAX])
{
	const char *slash = publish->address[0] ? "/" : "";
	unsigned more = publish->count - 1U;

	if (more)
		snprintf(spec, PUBLISH_SPEC_MAX, "%s%s%u-%u:%u-%u", publish->address, slash,
			 publish->host_first, publish->host_first + more, publish->guest_first,
			 publish->guest_first + more);
	else
		snprintf(spec, PUBLISH_SPEC_MAX, "%s%s%u:%u", publish->address, slash, publish->host_first,
			 publish->guest_first);
}
