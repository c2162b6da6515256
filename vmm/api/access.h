/*
 * What a peer may do: its role (route.h). On the unix socket it comes from the peer's user and groups as they were when
 * it connected (SO_PEERCRED, SO_PEERGROUPS; unix(7)): root and the manager's own user are admin.
 */
#pragma once

#include <stdint.h>

#include "vmm/api/route.h"

enum api_role access_of_socket(int fd, uint32_t *uid);
