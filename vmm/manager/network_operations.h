/*
 * What can be asked of the manager about networks (vmm/net/networks.h): the operations whose names begin with
 * "network-" in operations.h.
 */
#pragma once

#include "vmm/config/json.h"
#include "vmm/net/networks.h"

/* Carries out the request, whose "op" is one of them; its members were checked. *result is the caller's. */
int network_operation(struct networks *networks, const struct json_place *request, cJSON **result);
