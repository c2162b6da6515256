/*
 * What a TAP has carried, as the host's kernel counts it (Linux
 * Documentation/ABI/testing/sysfs-class-net-statistics): of a card whose frames vhost-net moves nobody else
 * knows. Numbers of the interface's whole life, which may be older than the guest: the caller keeps where it
 * began.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct card_statistics {
	uint64_t to_guest, from_guest; /* bytes */
	uint64_t frames;               /* both ways */
};

/* The name of a TAP's (or macvtap's) interface; "": it is none. */
void card_interface(int fd, char name[IFNAMSIZ]);
/* root: where the host's file system is, "/". False: there is no such interface (any more). */
bool card_statistics_read(const char *root, const char *interface, struct card_statistics *statistics);
