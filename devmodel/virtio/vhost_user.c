#include "devmodel/virtio/vhost_user.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/vhost_user_front.h"

#define SHARED_AT (UINT64_C(1) << 44) /* guest-physical: above all memory that a guest may have */
#define LOOK_MS   1

/* --- Requests and answers --- */

uint64_t vhost_user_features(struct vhost_user *front)
{
	uint64_t features;

	pthread_mutex_lock(&front->lock);
	features = front->features;
	pthread_mutex_unlock(&front->lock);
	return features;
}

void vhost_user_config(struct vhost_user *front, void *into)
{
	pthread_mutex_lock(&front->lock);
	memcpy(into, front->config, front->config_size);
	pthread_mutex_unlock(&front->lock);
}

int vhost_user_put(struct vhost_user *front, unsigned queue, const struct vhost_user_ask *ask)
{
	int code;

	pthread_mutex_lock(&front->lock);
	code = vhost_user_ring_put(&front->queues[queue].ring, ask);
	pthread_mutex_unlock(&front->lock);
	return code;
}

void vhost_user_wake(struct vhost_user *front, unsigned queue)
{
	uint64_t one = 1;

	if (write(front->queues[queue].call.fd, &one, sizeof(one)) < 0)
		return; /* full: it is about to be called */
}

void vhost_user_kick(struct vhost_user *front, unsigned queue)
{
	const struct vhost_user_queue *its = &front->queues[queue];
	uint64_t one = 1;
	bool told = false, lost;

	pthread_mutex_lock(&front->lock);
	if (front->serving && vhost_user_ring_wants_kick(&its->ring))
		told = write(its->kick, &one, sizeof(one)) > 0;
	lost = front->gone && its->ring.busy;
	pthread_mutex_unlock(&front->lock);
	(void)told; /* full: enough kicks are pending */
	if (lost)   /* nobody will call */
		vhost_user_wake(front, queue);
}

/* The lock is held. */
static bool queue_take(struct vhost_user_queue *queue, struct vhost_user_answer *answer)
{
	struct vhost_user *front = queue->front;
	int code = queue->broken ? 0 : vhost_user_ring_take(&queue->ring, answer);

	if (code == 1) {
		answer->back_end = front->number;
		return true;
	}
	if (code < 0) { /* the loop hears of it as of one that has hung up */
		log_limited(&front->log_limit, LOG_LEVEL_WARNING,
			    "%s: its back end answers what it was not asked", front->name);
		queue->broken = true;
		if (front->link.fd >= 0)
			shutdown(front->link.fd, SHUT_RDWR);
	}
	return front->gone && vhost_user_ring_take_lost(&queue->ring, answer);
}

bool vhost_user_take(struct vhost_user *front, unsigned queue, struct vhost_user_answer *answer)
{
	bool any;

	pthread_mutex_lock(&front->lock);
	any = queue_take(&front->queues[queue], answer);
	pthread_mutex_unlock(&front->lock);
	return any;
}

static void call_ready(struct loop_source *source, uint32_t events)
{
	struct vhost_user_queue *queue = CONTAINER_OF(source, struct vhost_user_queue, call);

	(void)events; /* watched edge triggered, and never read */
	queue->front->answered(queue->front->owner, queue->index);
}

/* --- What is to be forgotten --- */

static bool queue_works(const struct vhost_user_queue *queue)
{
	return queue->ring.busy && queue->front->link.fd >= 0 && !queue->broken;
}

/* Until it has answered all, or had its time; the lock is open meanwhile. */
static void drain_wait(struct vhost_user_queue *queue)
{
	struct vhost_user *front = queue->front;
	uint64_t until = monotonic_ms() + VHOST_USER_DRAIN_MS;
	struct vhost_user_answer answer;

	for (;;) {
		while (queue_take(queue, &answer))
			continue;
		if (!queue_works(queue) || !front->serving || monotonic_ms() > until)
			return;
		pthread_mutex_unlock(&front->lock);
		poll(NULL, 0, LOOK_MS);
		pthread_mutex_lock(&front->lock);
	}
}

/* A process' connections are closed after it has made its last system call: it touches nothing any more. */
static void drain_kill(struct vhost_user *front)
{
	struct pollfd end = {.fd = front->link.fd};
	uint64_t until = monotonic_ms() + VHOST_USER_DRAIN_MS, now;

	vhost_user_link_reject(front);
	while (!(end.revents & POLLHUP) && (now = monotonic_ms()) < until)
		poll(&end, 1, (int)(until - now));
	front->stuck = !(end.revents & POLLHUP);
	if (front->stuck)
		log_limited(&front->log_limit, LOG_LEVEL_ERROR, "%s: its back end does not end", front->name);
	front->serving = false;
	for (unsigned i = 0; i < front->queue_count; i++)
		front->queues[i].broken = true;
}

void vhost_user_drain(struct vhost_user *front, unsigned index)
{
	struct vhost_user_queue *queue = &front->queues[index];

	pthread_mutex_lock(&front->lock);
	drain_wait(queue);
	if (queue_works(queue))
		drain_kill(front);
	vhost_user_ring_forget(&queue->ring);
	pthread_mutex_unlock(&front->lock);
}

bool vhost_user_stuck(struct vhost_user *front)
{
	bool stuck;

	pthread_mutex_lock(&front->lock);
	stuck = front->stuck;
	pthread_mutex_unlock(&front->lock);
	return stuck;
}

/* --- Life --- */

/* Of the guest's size at most, and nobody with whom it is shared can shrink it under our feet. */
static int shared_make(struct vhost_user *front, struct error *err)
{
	AUTO_CLOSE int fd = memfd_create("vhost-user", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t size = vhost_user_ring_bytes() * front->queue_count;
	const struct iovec last = {(char[]){0},
				   1}; /* a disk that comes later is made where no file may shrink */
	void *memory;

	if (fd < 0 || pwritev2(fd, &last, 1, (off_t)(size - 1), 0) != 1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return error_set(err, -errno, "%s: cannot make the memory of its queues: %m", front->name);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (memory == MAP_FAILED)
		return error_set(err, -errno, "%s: cannot map the memory of its queues: %m", front->name);
	front->shared = memory;
	front->shared_size = size;
	front->shared_fd = TAKE_FD(fd);
	return 0;
}

static int queue_make(struct vhost_user *front, unsigned index, struct error *err)
{
	struct vhost_user_queue *queue = &front->queues[index];
	uint64_t offset = index * vhost_user_ring_bytes();

	queue->front = front;
	queue->index = index;
	vhost_user_ring_init(&queue->ring, front->memory, front->shared + offset, SHARED_AT + offset);
	queue->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	queue->call = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.events = EPOLLIN | EPOLLET,
		.ready = call_ready,
	};
	if (queue->kick < 0 || queue->call.fd < 0)
		return error_set(err, -errno, "%s: cannot make the events of its queues: %m", front->name);
	return 0;
}

static int front_fill(struct vhost_user *front, const struct vhost_user_options *options)
{
	*front = (struct vhost_user){
		.wanted = options->features,
		.config_size = options->config_size,
		.reconnect = options->reconnect,
		.when_gone = options->when_gone ? options->when_gone
						: "what the guest asks of it fails from now on",
		.answered = options->answered,
		.changed = options->changed,
		.owner = options->owner,
		.shared_fd = -1,
		.channel.fd = -1,
		.backend.fd = -1,
		.backend_theirs = -1,
		.link.fd = -1,
		.patience.source.fd = -1,
		.queue_count = MIN(options->queues, (unsigned)VHOST_USER_QUEUES_MAX),
	};
	for (unsigned i = 0; i < VHOST_USER_QUEUES_MAX; i++)
		front->queues[i].kick = front->queues[i].call.fd = -1;
	pthread_mutex_init(&front->lock, NULL);
	front->name = strdup(options->name);
	return front->name ? 0 : -ENOMEM;
}

static int front_make(struct vhost_user *front, struct error *err)
{
	int code = vhost_user_link_prepare(front, err);

	if (code == 0)
		code = shared_make(front, err);
	for (unsigned i = 0; i < front->queue_count && code == 0; i++)
		code = queue_make(front, i, err);
	return code;
}

static void front_free(struct vhost_user *front)
{
	for (unsigned i = 0; i < front->queue_count; i++) {
		if (front->watched && front->queues[i].call.fd >= 0)
			loop_remove(front->loop, &front->queues[i].call);
		cleanup_close(&front->queues[i].call.fd);
		cleanup_close(&front->queues[i].kick);
	}
	if (front->shared)
		munmap(front->shared, front->shared_size);
	cleanup_close(&front->shared_fd);
	pthread_mutex_destroy(&front->lock);
	free(front->name);
	free(front);
}

int vhost_user_start(struct vhost_user *front, struct error *err)
{
	return vhost_user_link_watch(front, err);
}

struct vhost_user *vhost_user_open(const struct vhost_user_options *options,
				   const struct guest_memory *memory, struct loop *loop, struct error *err)
{
	struct vhost_user *front = calloc(1, sizeof(*front));
	int code = front ? front_fill(front, options) : -ENOMEM;

	if (code == 0 && (options->queues == 0 || options->queues > VHOST_USER_QUEUES_MAX ||
			  options->config_size > VHOST_USER_CONFIG_MAX || memory->fd < 0))
		code = -EINVAL;
	if (code < 0) {
		error_set(err, code, "%s: cannot have a back end: %s", options->name, strerror(-code));
		if (front)
			front_free(front);
		return NULL;
	}
	front->memory = memory;
	front->loop = loop;
	code = front_make(front, err);
	if (code == 0) {
		front->channel.fd =
			fcntl(options->channel, F_DUPFD_CLOEXEC, 0); /* the caller's stays his, if it fails */
		code = front->channel.fd < 0
			       ? error_set(err, -errno, "%s: cannot keep its channel: %m", front->name)
			       : vhost_user_link_open(front, err);
	}
	if (code == 0 && !options->waits)
		code = vhost_user_start(front, err);
	if (code == 0)
		return front;
	vhost_user_close(front);
	return NULL;
}

void vhost_user_close(struct vhost_user *front)
{
	if (!front)
		return;
	vhost_user_link_close(front);
	front_free(front);
}
