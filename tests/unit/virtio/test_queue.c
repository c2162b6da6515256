/* Split queues, the device's side (virtio 1.2, 2.7): what a correct driver gets, and what a hostile one gets.
 */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct driver driver;
static struct virtq queue;
static struct virtq_chain chain;

static void setup(void)
{
	driver_init(&driver);
	queue = (struct virtq){.size_max = VIRTQ_SIZE_MAX};
	driver_layout(&driver, &queue, 0, DRIVER_QUEUE_SIZE);
}

static void teardown(void)
{
	driver_close(&driver);
}

TestSuite(queue, .init = setup, .fini = teardown);

static void enable(bool event_index, bool indirect)
{
	cr_assert_eq(virtq_enable(&queue, &driver.memory, event_index, indirect), 0);
}

Test(queue, pop_returns_nothing_when_the_ring_is_empty)
{
	enable(false, false);
	cr_assert_eq(virtq_pop(&queue, &chain), 0);
}
