/*
 * Who a service runs as: users and groups by /etc/passwd and /etc/group, read as files (passwd(5), group(5)).
 * A static libc has no name services, and PID 1 must not wait for one: users that only a directory server
 * knows need their number in User=.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "rinit/service_config.h"

#define CREDENTIAL_GROUPS_MAX 64

struct credentials {
	uid_t uid;
	gid_t gid;
	gid_t groups[CREDENTIAL_GROUPS_MAX];
	size_t group_count;
	char name[64], home[256], shell[128];
};

/*
 * Pure, over the two files' text. 0, or -ENOENT when the user or a group is not there; numbers need not be.
 */
int credentials_find(const char *passwd, const char *group, const struct service_config *config,
		     struct credentials *credentials);
/* Over the files themselves. */
int credentials_read(const struct service_config *config, struct credentials *credentials);
