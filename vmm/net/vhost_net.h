/*
 * /dev/vhost-net, with which the host's kernel moves a card's frames itself (devmodel/virtio/net_vhost.c).
 */
#pragma once

#include "common/error.h"
#include "vmm/net/card_fds.h"

/* One descriptor for each queue in fds. -errno and one sentence: none is open, and the card goes without. */
int vhost_net_open(struct card_fds *fds, struct error *err);
