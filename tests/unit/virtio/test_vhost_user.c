/* The vhost-user front end against a back end of the test's own, which may be hostile. */
#include "devmodel/virtio/vhost_user.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/vhost_user_blk.h"
#include "devmodel/virtio/vhost_user_front.h"
#include "devmodel/virtio/vhost_user_message.h"
#include "tests/unit/virtio/driver.h"
#include "tests/unit/virtio/vhost_user_fake.h"

static struct driver driver;
static struct error err;
static struct fake fakes[4];
static int channel; /* our end: we look after the back ends */
static struct vhost_user *front;
static unsigned answered, changed;

static void setup(void)
{
	driver_init(&driver);
	memset(fakes, 0, sizeof(fakes));
	answered = changed = 0;
	front = NULL;
}

static void teardown(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(fakes); i++)
		fake_stop(&fakes[i]);
	shutdown(channel, SHUT_RDWR); /* nobody who closes need wait */
	vhost_user_close(front);
	driver_close(&driver);
	close(channel);
}

TestSuite(vhost_user, .init = setup, .fini = teardown, .timeout = 30);

/* --- The front end --- */

static void on_answered(void *owner, unsigned queue)
{
	(void)owner;
	(void)queue;
	answered++;
}

static void on_changed(void *owner)
{
	(void)owner;
	changed++;
}

static const struct vhost_user_options usual = {
	.name = "disk test",
	.queues = 1,
	.features = 1ULL << 9,
	.config_size = CONFIG_SIZE,
	.answered = on_answered,
	.changed = on_changed,
};

static struct vhost_user *try_open(bool reconnect)
{
	int ends[2];
	struct vhost_user_options options = usual;

	options.reconnect = reconnect;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	channel = ends[0];
	options.channel = ends[1];
	fake_launch(&fakes[0], channel, 1);
	if (!reconnect || fakes[0].at)
		shutdown(channel, SHUT_WR); /* there will be no other */
	front = vhost_user_open(&options, &driver.memory, &driver.loop, &err);
	close(ends[1]);
	return front;
}

static void run(void)
{
	for (unsigned i = 0; i < 20; i++)
		loop_step(&driver.loop, 10);
}

static void put(uint32_t number)
{
	static char owners[256];
	struct driver_buffer buffer = driver_in(&driver, 64);
	struct iovec in = {driver_at(&driver, buffer.address, 64), 64};
	struct vhost_user_ask ask = {
		.head = &number,
		.head_len = sizeof(number),
		.in = &in,
		.in_count = 1,
		.tail_len = 1,
		.owner = &owners[number],
	};

	cr_assert_eq(vhost_user_put(front, 0, &ask), 0);
	vhost_user_kick(front, 0);
}

static uint32_t rejected(void)
{
	uint32_t number = 0;

	recv(channel, &number, sizeof(number), MSG_DONTWAIT);
	return number;
}

static void open_good(void)
{
	memset(fakes[0].config, 7, CONFIG_SIZE);
	cr_assert_not_null(try_open(true), "%s", err.text);
}

Test(vhost_user, sets_up_and_serves)
{
	struct vhost_user_answer answer;
	uint8_t config[CONFIG_SIZE];
	uint32_t number;
	uint16_t slot;

	open_good();
	vhost_user_config(front, config);
	cr_assert_eq(config[3], 7);
	put(5);
	cr_assert(fake_take(&fakes[0], &slot, &number));
	cr_assert_eq(number, 5);
	cr_assert_not(vhost_user_take(front, 0, &answer));
	fake_give(&fakes[0], slot, 9);
	run();
	cr_assert_eq(answered, 1);
	cr_assert(vhost_user_take(front, 0, &answer));
	cr_assert_eq(answer.tail[0], 9);
	cr_assert_not(answer.lost);
}

Test(vhost_user, what_was_not_answered_is_asked_again_in_its_order)
{
	struct vhost_user_answer answer;
	uint16_t slots[4], slot;
	uint32_t number;

	open_good();
	for (uint32_t i = 1; i <= 4; i++)
		put(i);
	for (unsigned i = 0; i < 4; i++)
		cr_assert(fake_take(&fakes[0], &slots[i], &number));
	fake_give(&fakes[0], slots[2], 0); /* out of order */
	fake_stop(&fakes[0]);
	run();
	cr_assert(vhost_user_take(front, 0, &answer));
	cr_assert_not(vhost_user_take(front, 0, &answer));
	cr_assert_eq(rejected(), 1, "who looks after it is told");
	put(5);
	fake_launch(&fakes[1], channel, 2);
	run();
	for (uint32_t i = 1; i <= 5; i++) {
		if (i == 3)
			continue;
		cr_assert(fake_take(&fakes[1], &slot, &number));
		cr_assert_eq(number, i);
		fake_give(&fakes[1], slot, 0);
	}
	cr_assert_not(fake_take(&fakes[1], &slot, &number));
	for (unsigned i = 0; i < 4; i++)
		cr_assert(vhost_user_take(front, 0, &answer));
}

Test(vhost_user, without_reconnect_requests_are_lost)
{
	struct vhost_user_answer answer;

	cr_assert_not_null(try_open(false), "%s", err.text);
	put(1);
	fake_stop(&fakes[0]);
	run();
	cr_assert(vhost_user_take(front, 0, &answer));
	cr_assert(answer.lost);
	put(2);
	answered = 0;
	run();
	cr_assert_gt(answered, 0, "nobody else would say that there is an answer");
	cr_assert(vhost_user_take(front, 0, &answer));
	cr_assert(answer.lost);
}

Test(vhost_user, a_wrong_answer_is_the_end_of_it)
{
	struct vhost_user_answer answer;
	struct vring_used *used;
	uint32_t number;
	uint16_t slot;

	for (unsigned kind = 0; kind < 3; kind++) {
		struct fake *fake = &fakes[kind];

		if (kind == 0) {
			open_good();
			put(1);
		} else {
			fake_launch(fake, channel, kind + 1);
			run();
		}
		cr_assert(fake_take(fake, &slot, &number));
		cr_assert_eq(number, 1);
		used = fake_at_user(fake, fake->addresses.used);
		used->ring[0].id = kind == 0 ? VHOST_USER_RING_SIZE : kind == 1 ? (slot + 1U) : slot;
		__atomic_store_n(&used->idx, kind == 2 ? 2 : 1, __ATOMIC_RELEASE);
		cr_assert_not(vhost_user_take(front, 0, &answer));
		run();
		cr_assert_eq(rejected(), kind + 1);
		fake_stop(fake);
	}
	fake_launch(&fakes[3], channel, 4);
	run();
	cr_assert(fake_take(&fakes[3], &slot, &number), "it waits for the next");
	fake_give(&fakes[3], slot, 0);
	cr_assert(vhost_user_take(front, 0, &answer));
}

Test(vhost_user, configuration_that_changes_is_fetched)
{
	struct vhost_user_message message = {
		.header = {VHOST_USER_BACKEND_CONFIG_CHANGE, VHOST_USER_NEED_REPLY, 0}};
	struct vhost_user_message unknown = {.header = {99, VHOST_USER_NEED_REPLY, 0}};
	struct vhost_user_message reply;
	uint8_t config[CONFIG_SIZE];

	open_good();
	fakes[0].config[0] = 1;
	cr_assert_eq(vhost_user_send(fakes[0].requests, &message, NULL, 0), 0);
	cr_assert_eq(vhost_user_send(fakes[0].requests, &unknown, NULL, 0), 0);
	run();
	cr_assert_eq(changed, 1);
	vhost_user_config(front, config);
	cr_assert_eq(config[0], 1);
	cr_assert_eq(recv(fakes[0].requests, &reply, 20, 0), 20);
	cr_assert_eq(reply.payload.number, 0);
	cr_assert_eq(recv(fakes[0].requests, &reply, 20, 0), 20);
	cr_assert_neq(reply.payload.number, 0);
}

Test(vhost_user, requests_that_are_none_are_the_end_of_it)
{
	uint8_t bytes[64];

	open_good();
	memset(bytes, 0xff, sizeof(bytes));
	cr_assert_eq(write(fakes[0].requests, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
	run();
	cr_assert_eq(rejected(), 1);
	fake_stop(&fakes[0]);
	fake_launch(&fakes[1], channel, 2);
	run();
	cr_assert_eq(rejected(), 0, "what the first has left is not the second's");
}

Test(vhost_user, messages_that_nobody_asked_for_are_the_end_of_it)
{
	struct vhost_user_message message = {
		.header = {VHOST_USER_GET_FEATURES, VHOST_USER_REPLY, sizeof(uint64_t)}};

	open_good();
	cr_assert_eq(vhost_user_send(fakes[0].connection, &message, NULL, 0), 0);
	run();
	cr_assert_eq(rejected(), 1);
}

static int64_t patience_left(void)
{
	struct itimerspec left;

	cr_assert_eq(timerfd_gettime(front->patience.source.fd, &left), 0);
	return left.it_value.tv_sec * 1000000000LL + left.it_value.tv_nsec;
}

Test(vhost_user, requests_of_its_own_give_it_no_more_time_to_answer)
{
	struct vhost_user_message message = {.header = {VHOST_USER_BACKEND_CONFIG_CHANGE, 0, 0}};
	int64_t left;

	open_good();
	fakes[0].silent = true;
	cr_assert_eq(vhost_user_send(fakes[0].requests, &message, NULL, 0), 0);
	run();
	left = patience_left();
	cr_assert_gt(left, 0);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(vhost_user_send(fakes[0].requests, &message, NULL, 0), 0);
		run();
		cr_assert_lt(patience_left(), left);
	}
	cr_assert_gt(patience_left(), 0);
}

/* A disk's front end; its jobs are then put and taken here. */
static struct vhost_user_blk open_disk(uint64_t more_features, uint32_t zeroes_max)
{
	struct virtio_blk_config config = {.capacity = 2048,
					   .blk_size = 512,
					   .max_write_zeroes_sectors = zeroes_max,
					   .max_write_zeroes_seg = 1};
	struct vhost_user_options options = usual;
	struct vhost_user_blk disk = {0};
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	channel = ends[0];
	options.channel = ends[1];
	options.reconnect = true;
	for (unsigned i = 0; i < ARRAY_SIZE(fakes); i++) {
		memcpy(fakes[i].config, &config, sizeof(config));
		fakes[i].more_features = more_features;
	}
	fake_launch(&fakes[0], channel, 1);
	cr_assert_eq(vhost_user_blk_open(&disk, &options, false, &driver.memory, &driver.loop, &err), 0, "%s",
		     err.text);
	front = disk.front;
	close(ends[1]);
	return disk;
}

Test(vhost_user, a_disk_that_zeroes_less_than_a_block_zeroes_nothing)
{
	struct vhost_user_blk disk = open_disk(1ULL << VIRTIO_BLK_F_WRITE_ZEROES, 7);
	const struct blk_job job = {.work = BLK_WORK_ALLOCATE, .len = 4096};

	cr_assert_eq(vhost_user_blk_try(&disk, &job), -EOPNOTSUPP, "it would be asked for nothing, for ever");
}

/* The back end takes the next request, which is of this type, and answers that all is well. */
static void serve(struct fake *fake, uint32_t type)
{
	uint32_t number;
	uint16_t slot;

	cr_assert(fake_take(fake, &slot, &number), "no request");
	cr_assert_eq(number, type);
	fake_give(fake, slot, VIRTIO_BLK_S_OK);
}

Test(vhost_user, what_a_back_end_wrote_that_died_before_it_flushed_is_written_again)
{
	struct vhost_user_blk disk = open_disk(0, 0);
	struct driver_buffer buffer = driver_in(&driver, 512);
	struct iovec part = {driver_at(&driver, buffer.address, 512), 512};
	struct blk_slice data = {&part, 1, 512};
	struct blk_job job = {.work = BLK_WORK_WRITE, .data = &data};

	cr_assert_eq(vhost_user_blk_put(&disk, 0, &job), 0);
	serve(&fakes[0], VIRTIO_BLK_T_OUT);
	cr_assert_null(vhost_user_blk_take(&disk, 0));
	fake_stop(&fakes[0]);
	run();
	fake_launch(&fakes[1], channel, 2);
	run();
	serve(&fakes[1], VIRTIO_BLK_T_FLUSH);
	cr_assert_null(vhost_user_blk_take(&disk, 0), "there was nothing that it could have flushed");
	serve(&fakes[1], VIRTIO_BLK_T_OUT);
	cr_assert_null(vhost_user_blk_take(&disk, 0));
	serve(&fakes[1], VIRTIO_BLK_T_FLUSH);
	cr_assert_eq(vhost_user_blk_take(&disk, 0), &job);
	cr_assert_eq(job.result, 0);
	cr_assert_eq(data.len, 0);
}

Test(vhost_user, what_a_back_end_zeroed_that_died_is_zeroed_again)
{
	struct vhost_user_blk disk = open_disk(1ULL << VIRTIO_BLK_F_WRITE_ZEROES, 8);
	struct blk_job job = {.work = BLK_WORK_ALLOCATE, .len = 2 * 4096};

	cr_assert_eq(vhost_user_blk_put(&disk, 0, &job), 0);
	serve(&fakes[0], VIRTIO_BLK_T_WRITE_ZEROES);
	cr_assert_null(vhost_user_blk_take(&disk, 0));
	fake_stop(&fakes[0]);
	run();
	fake_launch(&fakes[1], channel, 2);
	run();
	for (unsigned i = 0; i < 3; i++) { /* the second half, then both */
		serve(&fakes[1], VIRTIO_BLK_T_WRITE_ZEROES);
		cr_assert_null(vhost_user_blk_take(&disk, 0));
	}
	serve(&fakes[1], VIRTIO_BLK_T_FLUSH);
	cr_assert_eq(vhost_user_blk_take(&disk, 0), &job);
	cr_assert_eq(job.result, 0);
}

Test(vhost_user, more_queues_than_there_can_be_are_refused)
{
	struct vhost_user_options options = usual;

	options.queues = VHOST_USER_QUEUES_MAX + 1;
	cr_assert_null(vhost_user_open(&options, &driver.memory, &driver.loop, &err));
	cr_assert_eq(fcntl(STDIN_FILENO, F_GETFD) < 0, 0, "nothing of others was closed");
}

static void *end_when_told(void *argument)
{
	struct pollfd wait = {.fd = channel, .events = POLLIN};

	poll(&wait, 1, 10000);
	fake_stop(argument);
	return NULL;
}

Test(vhost_user, what_is_drained_is_waited_for_and_then_killed)
{
	struct vhost_user_answer answer;
	uint64_t began = monotonic_ms();
	pthread_t killer;

	open_good();
	put(1);
	cr_assert_eq(pthread_create(&killer, NULL, end_when_told, &fakes[0]), 0);
	vhost_user_drain(front, 0);
	pthread_join(killer, NULL);
	cr_assert_geq(monotonic_ms() - began, VHOST_USER_DRAIN_MS);
	cr_assert_lt(monotonic_ms() - began, 2 * VHOST_USER_DRAIN_MS + 1000);
	cr_assert_eq(rejected(), 1);
	run();
	cr_assert_not(vhost_user_take(front, 0, &answer), "it is forgotten");
	fake_launch(&fakes[1], channel, 2);
	run();
	cr_assert_eq(fakes[1].taken, 0);
}

Test(vhost_user, one_that_cannot_be_killed_is_stuck_until_it_hangs_up)
{
	struct vhost_user_answer answer;
	uint64_t began = monotonic_ms();

	open_good();
	put(1);
	vhost_user_drain(front, 0);
	cr_assert_lt(monotonic_ms() - began, 2 * VHOST_USER_DRAIN_MS + 500, "a vCPU waits");
	cr_assert(vhost_user_stuck(front));
	vhost_user_drain(front, 0);
	cr_assert(vhost_user_stuck(front), "asking again changes nothing");
	cr_assert_not(vhost_user_take(front, 0, &answer));
	fake_stop(&fakes[0]);
	run();
	cr_assert_not(vhost_user_stuck(front));
}

/* --- Set-up that goes wrong --- */

static void refused(enum vhost_user_message_type at, enum wrong wrong, uint64_t number)
{
	fakes[0] = (struct fake){.at = at, .wrong = wrong, .number = number};
	cr_assert_null(try_open(false), "message %d, kind %d", at, wrong);
	cr_assert(strncmp(err.text, "disk test: its back end ", 24) == 0, "%s", err.text);
	cr_assert_null(strchr(err.text, '\n'));
	fake_stop(&fakes[0]);
	close(channel);
}

Test(vhost_user, hostile_set_ups_are_refused)
{
	static const enum vhost_user_message_type all[] = {
		VHOST_USER_GET_FEATURES,   VHOST_USER_GET_PROTOCOL_FEATURES,
		VHOST_USER_GET_QUEUE_NUM,  VHOST_USER_SET_OWNER,
		VHOST_USER_GET_CONFIG,     VHOST_USER_SET_BACKEND_REQ_FD,
		VHOST_USER_SET_FEATURES,   VHOST_USER_SET_MEM_TABLE,
		VHOST_USER_SET_VRING_NUM,  VHOST_USER_SET_VRING_ADDR,
		VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_ENABLE,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		refused(all[i], WRONG_TYPE, 0);
		refused(all[i], WRONG_VERSION, 0);
		refused(all[i], WRONG_HUGE, 0);
		refused(all[i], WRONG_NOT_A_REPLY, 0);
		refused(all[i], WRONG_DESCRIPTOR, 0);
		refused(all[i], WRONG_HANGS_UP, 0);
	}
	refused(VHOST_USER_GET_FEATURES, WRONG_TWICE, 0);
	refused(VHOST_USER_GET_FEATURES, WRONG_NUMBER, 0);
	refused(VHOST_USER_GET_PROTOCOL_FEATURES, WRONG_NUMBER, 0);
	refused(VHOST_USER_GET_QUEUE_NUM, WRONG_NUMBER, 0);
	refused(VHOST_USER_SET_MEM_TABLE, WRONG_NUMBER, 1);
	refused(VHOST_USER_GET_CONFIG, WRONG_NUMBER, 1);
}
