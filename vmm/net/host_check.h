/*
 * Whether a network can be made on this host: its bridge's name is free, no other manager has networks here,
 * and nothing that the host reaches already has addresses of its subnet.
 */
#pragma once

#include "vmm/config/virtual_network.h"

/* mark: of our bridges (bridge.h). -EEXIST, -EBUSY or -EADDRINUSE, and a sentence that names both sides. A
 * network that uses a bridge of the host is always content. */
int network_check_host(const struct virtual_network *network, const char *mark, struct error *err);
