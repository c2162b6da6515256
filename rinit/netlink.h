/*
 * Netlink requests (netlink(7)): a message is begun, attributes are put, it is sent and acknowledged. Bounded
 * and without allocation. Used for routes and addresses (rtnetlink(7)) and for generic netlink.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>

struct netlink_message {
	struct nlmsghdr header;
	char payload[1008];
};

/* A blocking socket; groups: the multicast groups to listen to (RTMGRP_...). The descriptor or a negative
 * errno. */
int netlink_open(int protocol, uint32_t groups);

/* fixed: the header that the message type has after the netlink header. */
void netlink_begin(struct netlink_message *message, uint16_t type, uint16_t flags, const void *fixed,
		   size_t size);
/* What does not fit makes netlink_talk fail with -EMSGSIZE. */
void netlink_put(struct netlink_message *message, uint16_t type, const void *data, size_t size);

/* Sends it and waits for the kernel's acknowledgement: 0 or the negative errno that the kernel says. */
int netlink_talk(int fd, struct netlink_message *message);
/* Sends it, with no answer waited for. */
int netlink_send(int fd, struct netlink_message *message);

/* An attribute's data, NULL when it isn't there or is shorter than size. attributes need not be aligned or
 * valid. */
const void *netlink_find(const void *attributes, size_t length, uint16_t type, size_t size, size_t *found);
