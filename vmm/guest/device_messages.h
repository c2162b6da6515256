/*
 * What the manager asks a guest process about devices that come and go (the messages are in
 * vmm/guest/process.h), carried out on the machine. The loop's thread. A refusal changes nothing and is one
 * sentence.
 */
#pragma once

#include <cjson/cJSON.h>

#include "common/error.h"
#include "vmm/guest/machine.h"

/* What came with a message. */
struct device_fds {
	int first; /* -1: nothing did */
	const int *more;
	unsigned more_count;
};

/* "device-add"; the descriptors are taken over, closed on failure. */
int device_add(struct machine *machine, const cJSON *message, const struct device_fds *fds,
	       struct error *err);
/* "device-link", "device-bandwidth", "device-resize", "device-limit", "device-remove" */
int device_set_link(struct machine *machine, const cJSON *message, struct error *err);
int device_set_bandwidth(struct machine *machine, const cJSON *message, struct error *err);
int device_resize(struct machine *machine, const cJSON *message, struct error *err);
int device_limit(struct machine *machine, const cJSON *message, struct error *err);
int device_remove(struct machine *machine, const cJSON *message, struct error *err);
/* The id that such a message is about; "" when it has none. */
const char *device_message_id(const cJSON *message);
/* "devices" of a state event. */
cJSON *device_list(const struct machine *machine);
