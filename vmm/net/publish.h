/*
 * Which ports of the host lead to a guest, written as container tools write it:
 *
 *      8080:80                  TCP port 8080 of every address of the host -> the guest's port 80
 *      127.0.0.1:8080:80        of one address only; IPv6 in brackets: [::1]:8080:80
 *      5353:53/udp              UDP; /tcp may be said
 *      8000-8010:9000-9010      as many ports on both sides
 */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum publish_protocol {
	PUBLISH_TCP,
	PUBLISH_UDP,
};

struct publish {
	enum publish_protocol protocol;
	char address[INET6_ADDRSTRLEN]; /* "" is every address */
	uint16_t host_first;
	uint16_t guest_first;
	uint16_t count; /* of ports from each first one on; at least 1 */
};

/* One rule; -EINVAL says what is wrong with it. */
int publish_parse(const char *text, struct publish *publish, struct error *err);

/* Whether two of the rules want the same port of the host: -EEXIST names it. */
int publish_check(const struct publish *rules, unsigned count, struct error *err);

/* Whether the host's ports of a rule are free: the negative errno of binding one that is not, named with the
 * rule's text. In both families: passt is content when it can bind a port in one, and says nothing about the
 * other. */
int publish_check_free(const struct publish *rule, const char *text, struct error *err);

/* The rule as an argument of passt's --tcp-ports or --udp-ports. */
#define PUBLISH_SPEC_MAX (INET6_ADDRSTRLEN + 24)
void publish_spec(const struct publish *publish, char spec[PUBLISH_SPEC_MAX]);
