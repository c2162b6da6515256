#include "devmodel/virtio/throttle.h"

#include <string.h>

#include "common/util.h"

static void throttle_expired(struct loop_timer *timer)
{
	struct virtio_throttle *throttle = CONTAINER_OF(timer, struct virtio_throttle, timer);

	virtio_device_kick(throttle->device, throttle->queue);
}

int virtio_throttle_init(struct virtio_throttle *throttle, struct virtio_device *device, unsigned queue,
			 struct error *err)
{
	int code = loop_timer_init(device->kicks[queue].loop, &throttle->timer, throttle_expired);

	if (code < 0)
		return error_set(err, code, "virtio %s: cannot make the timer of its limits: %s",
				 device->name, strerror(-code));
	throttle->device = device;
	throttle->queue = queue;
	return 0;
}

void virtio_throttle_close(struct virtio_throttle *throttle)
{
	if (throttle->device)
		loop_timer_close(throttle->device->kicks[throttle->queue].loop, &throttle->timer);
	throttle->device = NULL;
}

bool virtio_throttle_waits(struct virtio_throttle *throttle, uint64_t ns)
{
	if (ns)
		loop_timer_set(&throttle->timer, ns, 0);
	return ns != 0;
}
