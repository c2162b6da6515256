/* What all devices have in common (devmodel/virtio/device.h): queues that are served side by side, each under
 * its own lock and on its own loop, and what happens to the device meanwhile. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "tests/unit/virtio/driver.h"

#define QUEUES 3

static struct driver driver;

static struct fake {
	struct virtio_device device;
	struct loop loops[QUEUES];
	pthread_t threads[QUEUES];
	pthread_t served_by[QUEUES];
	sem_t entered[QUEUES];
	sem_t go_on[QUEUES]; /* a queue's work takes until this is posted, when it is to wait */
	_Atomic bool waits[QUEUES];
	_Atomic bool breaks;
	bool stuck;
	bool hands_over;
	unsigned resets;
	unsigned busy_at_reset;
	_Atomic unsigned busy;
} fake;

static void fake_notify(struct virtio_device *device, unsigned queue)
{
	fake.busy++;
	fake.served_by[queue] = pthread_self();
	sem_post(&fake.entered[queue]);
	if (fake.waits[queue])
		sem_wait(&fake.go_on[queue]);
	if (fake.breaks)
		virtio_device_broken(device, "the test wants it so");
	fake.busy--;
}

static void fake_reset(struct virtio_device *device)
{
	(void)device;
	fake.resets++;
	fake.busy_at_reset += fake.busy;
}

/* As a device does that hands its queues to the kernel, which wants no kicks for now. */
static int fake_activate(struct virtio_device *device)
{
	if (fake.hands_over)
		virtq_disable_notify(&device->queues[0]);
	return 0;
}

static bool fake_stuck(struct virtio_device *device)
{
	(void)device;
	return fake.stuck;
}

static void fake_destroy(struct virtio_device *device)
{
	virtio_device_close(device);
}

static const struct virtio_device_ops fake_ops = {
	.notify = fake_notify,
	.activate = fake_activate,
	.reset = fake_reset,
	.busy = fake_stuck,
	.destroy = fake_destroy,
};

static void setup(void)
{
	driver_init(&driver);
	fake = (struct fake){.device = {.ops = &fake_ops,
					.id = VIRTIO_ID_BLOCK,
					.name = "fake",
					.queue_count = QUEUES,
					.in_order = true}};
	for (unsigned i = 0; i < QUEUES; i++) {
		sem_init(&fake.entered[i], 0, 0);
		sem_init(&fake.go_on[i], 0, 0);
		cr_assert_eq(loop_init(&fake.loops[i]), 0);
	}
}

static void *loop_thread(void *loop)
{
	loop_run(loop);
	return NULL;
}

static void threads_start(void)
{
	for (unsigned i = 0; i < QUEUES; i++)
		cr_assert_eq(pthread_create(&fake.threads[i], NULL, loop_thread, &fake.loops[i]), 0);
}

/* Each queue on a loop with a thread of its own; one says so before the device is made, the others after. */
static void start(void)
{
	struct error err;

	cr_assert_eq(virtio_device_set_queue_loop(&fake.device, 1, &fake.loops[1]), 0);
	cr_assert_eq(virtio_device_init(&fake.device, &driver.memory, &driver.loop, &err), 0);
	cr_assert_eq(virtio_device_set_queue_loop(&fake.device, 0, &fake.loops[0]), 0);
	cr_assert_eq(virtio_device_set_queue_loop(&fake.device, 2, &fake.loops[2]), 0);
	driver_attach(&driver, &fake.device, 0);
	threads_start();
}

static void teardown(void)
{
	for (unsigned i = 0; i < QUEUES; i++) {
		if (fake.threads[i]) {
			loop_stop(&fake.loops[i]);
			pthread_join(fake.threads[i], NULL);
		}
	}
	driver_close(&driver);
	for (unsigned i = 0; i < QUEUES; i++)
		loop_close(&fake.loops[i]);
}

TestSuite(virtio_device, .init = setup, .fini = teardown, .timeout = 20);

Test(virtio_device, each_queue_is_served_by_its_loop)
{
	start();
	for (unsigned i = 0; i < QUEUES; i++) {
		virtio_device_kick(&fake.device, i);
		sem_wait(&fake.entered[i]);
		cr_assert(pthread_equal(fake.served_by[i], fake.threads[i]));
	}
}

Test(virtio_device, a_queue_is_served_while_another_one_works)
{
	start();
	fake.waits[0] = true;
	virtio_device_kick(&fake.device, 0);
	sem_wait(&fake.entered[0]);
	for (unsigned i = 0; i < 5; i++) {
		virtio_device_kick(&fake.device, 2);
		sem_wait(&fake.entered[2]);
	}
	sem_post(&fake.go_on[0]);
}

static void *reset_device(void *unused)
{
	(void)unused;
	driver_reset(&driver);
	return NULL;
}

Test(virtio_device, a_reset_waits_for_what_works)
{
	pthread_t vcpu;

	start();
	fake.waits[0] = fake.waits[2] = true;
	virtio_device_kick(&fake.device, 0);
	virtio_device_kick(&fake.device, 2);
	sem_wait(&fake.entered[0]);
	sem_wait(&fake.entered[2]);
	cr_assert_eq(pthread_create(&vcpu, NULL, reset_device, NULL), 0);
	usleep(20000);
	cr_assert_eq(fake.resets, 0);
	sem_post(&fake.go_on[2]);
	sem_post(&fake.go_on[0]);
	pthread_join(vcpu, NULL);
	cr_assert_eq(fake.resets, 1);
	cr_assert_eq(fake.busy_at_reset, 0);
	virtio_device_kick(&fake.device, 1);
	usleep(20000);
	cr_assert_neq(sem_trywait(&fake.entered[1]), 0, "it is served after the reset");
}

Test(virtio_device, a_reset_that_cannot_be_ended_goes_on_until_it_is)
{
	start();
	fake.stuck = true;
	virtio_device_set_status(&fake.device, 0);
	cr_assert_eq(virtio_device_status(&fake.device), VIRTIO_CONFIG_S_NEEDS_RESET);
	virtio_device_set_status(&fake.device, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	cr_assert_eq(virtio_device_status(&fake.device), VIRTIO_CONFIG_S_NEEDS_RESET,
		     "no step before its end");
	fake.stuck = false;
	cr_assert_eq(virtio_device_status(&fake.device), 0);
	virtio_device_set_status(&fake.device, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	cr_assert_eq(virtio_device_status(&fake.device), VIRTIO_CONFIG_S_ACKNOWLEDGE);
}

Test(virtio_device, registers_are_read_while_a_queue_works)
{
	start();
	fake.waits[0] = true;
	virtio_device_kick(&fake.device, 0);
	sem_wait(&fake.entered[0]);
	cr_assert_eq(pthread_mutex_trylock(&fake.device.lock), 0);
	pthread_mutex_unlock(&fake.device.lock);
	sem_post(&fake.go_on[0]);
}

Test(virtio_device, two_queues_that_break_it_are_one_fault)
{
	struct virtio_counters counters;

	start();
	fake.breaks = fake.waits[0] = fake.waits[1] = true;
	virtio_device_kick(&fake.device, 0);
	virtio_device_kick(&fake.device, 1);
	sem_wait(&fake.entered[0]);
	sem_wait(&fake.entered[1]);
	sem_post(&fake.go_on[0]);
	sem_post(&fake.go_on[1]);
	virtio_device_lock(&fake.device);
	virtio_device_unlock(&fake.device);
	virtio_device_count(&fake.device, &counters);
	cr_assert_eq(counters.errors, 1);
	cr_assert(driver_sees_broken(&driver));
	cr_assert_eq(driver.config_interrupts, 1);
}

Test(virtio_device, counters_are_the_sum_of_all_queues)
{
	struct virtio_counters counters;

	start();
	for (unsigned i = 0; i < QUEUES; i++) {
		virtio_queue_lock(&fake.device, i);
		counter_add(&virtio_queue_counters(&fake.device, i)->to_guest, 10U << i);
		virtio_queue_unlock(&fake.device, i);
		virtio_device_kick(&fake.device, i);
		sem_wait(&fake.entered[i]);
	}
	virtio_device_lock(&fake.device);
	virtio_device_unlock(&fake.device);
	virtio_device_count(&fake.device, &counters);
	cr_assert_eq(counters.to_guest, 70);
	cr_assert_eq(counters.notifications, QUEUES);
	cr_assert_eq(counters.requests, 0);
}

Test(virtio_device, one_that_serves_in_order_says_so)
{
	struct error err;

	fake.device.in_order = false;
	cr_assert_eq(virtio_device_init(&fake.device, &driver.memory, &driver.loop, &err), 0);
	cr_assert_eq(fake.device.offered & 1ULL << VIRTIO_F_IN_ORDER, 0);
	virtio_device_close(&fake.device);
	fake.device = (struct virtio_device){
		.ops = &fake_ops, .name = "fake", .queue_count = QUEUES, .in_order = true};
	cr_assert_eq(virtio_device_init(&fake.device, &driver.memory, &driver.loop, &err), 0);
	cr_assert_neq(fake.device.offered & 1ULL << VIRTIO_F_IN_ORDER, 0);
	driver_plug(&driver, &fake.device);
}

/* A queue that starts again while the others work: its own lock is all that it takes. */
Test(virtio_device, a_queue_is_reset_while_another_one_works)
{
	struct error err;

	cr_assert_eq(virtio_device_init(&fake.device, &driver.memory, &fake.loops[0], &err), 0);
	cr_assert_eq(virtio_device_set_queue_loop(&fake.device, 2, &fake.loops[2]), 0);
	driver_attach(&driver, &fake.device, DRIVER_RING_RESET);
	threads_start();
	fake.waits[0] = true;
	virtio_device_kick(&fake.device, 0);
	sem_wait(&fake.entered[0]);
	driver_restart_queue(&driver, 2);
	virtio_device_kick(&fake.device, 2);
	sem_wait(&fake.entered[2]);
	cr_assert_eq(fake.resets, 0);
	sem_post(&fake.go_on[0]);
}

Test(virtio_device, who_serves_a_queue_from_its_activation_on_says_when_it_is_kicked)
{
	struct error err;

	fake.hands_over = true;
	cr_assert_eq(virtio_device_init(&fake.device, &driver.memory, &driver.loop, &err), 0);
	driver_attach(&driver, &fake.device, 0);
	cr_assert_eq(driver.queues[0].used->flags, VRING_USED_F_NO_NOTIFY, "that was overwritten");
	cr_assert_eq(driver.queues[1].used->flags, 0);
}
