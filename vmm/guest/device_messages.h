/*
 * What the manager asks a guest process about devices that come and go (the messages are in
 * vmm/guest/process.h), carried out on the machine. The loop's thread. A refusal changes nothing and is one
 * sentence.
 */
#pragma once

#include <cjson/cJSON.h>

#include "common/error.h"
#include "vmm/guest/machine.h"

/* "device-add"; fd came with the message, or -1: taken over, closed on failure. */
int device_add(struct machine *machine, const cJSON *message, int fd, struct error *err);
/* "device-link", "device-resize", "device-limit" */
int device_set_link(struct machine *machine, const cJSON *message, struct error *err);
int device_resize(struct machine *machine, const cJSON *message, struct error *err);
int device_limit(struct machine *machine, const cJSON *message, struct error *err);
/* "device-remove" */
int device_remove(struct machine *machine, const cJSON *message, struct error *err);
/* The id that such a message is about; "" when it has none. */
const char *device_message_id(const cJSON *message);
/* "devices" of a state event. */
cJSON *device_list(const struct machine *machine);
