/*
 * A channel of a guest's (devmodel/virtio/channels.h) on the host's side: a listening unix socket, and the
 * one program that talks through it at a time; others wait until that one is gone.
 *
 *      device --output--> program     one that does not read is waited for by the guest's program
 *      device <--input--- program     waits until a program of the guest has the port open, and reads
 *
 * While no program is there, what the guest sends is dropped. One that leaves has what it sent delivered, as
 * long as the guest reads and no other program comes.
 *
 * Loop thread only, except what the device calls.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "common/loop.h"
#include "devmodel/virtio/channels.h"

struct channel;

/* listen_fd: taken over on success; -1: programs come by channel_add_client only. */
struct channel *channel_create(const char *name, int listen_fd, struct loop *loop, struct error *err);
void channel_destroy(struct channel *channel); /* NULL is allowed */

/* What virtio_channels_create wants to know of it. */
struct virtio_channel channel_describe(struct channel *channel);
/* Its device, and which of the device's channels it is; NULL before the device goes. Programs are taken from
 * here on. */
void channel_connect(struct channel *channel, struct virtio_device *device, unsigned index);
/* A program's stream socket; taken over on success. -EBUSY: another one is there. */
int channel_add_client(struct channel *channel, int fd, struct error *err);

const char *channel_name(const struct channel *channel);
/* Whether a program of the guest has the port open. Any thread. */
bool channel_guest_open(const struct channel *channel);
/* `changed` is called, on the loop's thread, after that may have changed. */
void channel_watch(struct channel *channel, void (*changed)(void *owner), void *owner);
