/* A disk whose blocks another program has (vhost_user_blk.h). */
#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "devmodel/virtio/blk_device.h"

static void backend_answered(void *owner, unsigned queue)
{
	blk_queue_ended(owner, queue);
}

/* Its disk is larger now, as far as it says. */
static void backend_changed(void *owner)
{
	struct blk *blk = owner;
	struct vhost_user_blk_size size;
	struct error err;

	if (vhost_user_blk_size(&blk->backend, &size) < 0)
		log_limited(&blk->device.log_limit, LOG_LEVEL_WARNING,
			    "virtio %s: its back end tells a size that cannot be", blk->name);
	else if (virtio_blk_resize(&blk->device, size.bytes, &err) < 0)
		log_limited(&blk->device.log_limit, LOG_LEVEL_WARNING, "virtio %s: %s", blk->name, err.text);
}

int blk_backend_open(struct blk *blk, const struct virtio_blk_options *options, struct loop *loop,
		     const struct guest_memory *memory, uint64_t *size, struct error *err)
{
	AUTO_FREE char *name = NULL;
	struct vhost_user_blk_size its;
	struct vhost_user_options front = {
		.channel = options->fd,
		.queues = MAX(options->queues, 1U),
		.reconnect = options->reconnect,
		.waits = true, /* until there is a device */
		.answered = backend_answered,
		.changed = backend_changed,
		.owner = blk,
	};
	int code;

	if (asprintf(&name, "disk %s", options->name) < 0) {
		name = NULL;
		return error_set(err, -ENOMEM, "disk %s: out of memory", options->name);
	}
	front.name = name;
	code = vhost_user_blk_open(&blk->backend, &front, options->read_only, memory, loop, err);
	if (code == 0)
		code = vhost_user_blk_size(&blk->backend, &its);
	if (code < 0)
		return code;
	*size = its.bytes;
	blk->align = its.block;
	return 0;
}
