/*
 * A guest's named ports for agents, as its definition has them: "channels" (docs/configuration.md). In a
 * Linux guest port NAME is /dev/virtio-ports/NAME; on the host it is a unix socket. Part of definition.h.
 */
#pragma once

#include "vmm/config/json.h"

#define CHANNEL_NAME_MAX 63
#define CHANNELS_MAX     8

struct channel_definition {
	char *name;
	char *path; /* of the socket; NULL: the manager's choice, channel-NAME.sock in the guest's folder */
};

struct channel_definitions {
	unsigned count;
	struct channel_definition channels[CHANNELS_MAX];
};

/* "channels"; paths are made absolute against folder. */
int channel_definitions_read(const struct json_place *root, const char *folder,
			     struct channel_definitions *definitions);
void channel_definitions_free(struct channel_definitions *definitions);
/* The index of the channel with this name, or -ENOENT. */
int channel_definitions_find(const struct channel_definitions *definitions, const char *name);
