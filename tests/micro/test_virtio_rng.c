/* virtio entropy, driven from the guest's side. */
#define RANDOM_SIZE 64

#ifdef MICRO_GUEST
#include <linux/virtio_ids.h>

#include "tests/micro/guest_virtio.h"

static uint8_t draws[2][RANDOM_SIZE];

GUEST(draws_twice)
{
	unsigned equal = 0;

	EXPECT(virtio_start(VIRTIO_ID_RNG, 0, 1));
	for (unsigned i = 0; i < 2; i++) {
		struct virtio_part part = {draws[i], RANDOM_SIZE, true};

		EXPECT(virtio_do(0, &part, 1) == RANDOM_SIZE);
	}
	while (!virtio_interrupts) /* it may be pending still, but it has to come */
		interrupt_wait();
	for (unsigned i = 0; i < RANDOM_SIZE; i++)
		equal += draws[0][i] == draws[1][i];
	EXPECT(equal < RANDOM_SIZE / 4);
	return 0;
}

#else
#include "devmodel/virtio/rng.h"
#include "tests/micro/micro.h"

MICRO_TEST(virtio_rng, draws_differ)
{
	struct virtio_device *rng;
	struct micro micro;
	struct error err;

	micro_create(&micro, 1);
	rng = virtio_rng_create(NULL, &micro.memory, &micro.loop, &err);
	cr_assert_not_null(rng, "%s", err.text);
	micro_virtio_device(&micro, rng);
	micro_expect(&micro, "draws_twice", 0);
	virtio_device_destroy(rng);
	micro_destroy(&micro);
}
#endif
