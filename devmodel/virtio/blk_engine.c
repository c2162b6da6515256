#include "devmodel/virtio/blk_engine.h"

#include <errno.h>
#include <time.h>

#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/blk.h"

#define LOOK_AGAIN_NS 1000000

/* The kernel, or another thread, is given time; the lock is open meanwhile. */
static void engine_pause(struct blk_engine *engine)
{
	uint64_t until = monotonic_ns() + LOOK_AGAIN_NS;
	struct timespec time = {
		.tv_sec = (time_t)(until / 1000000000),
		.tv_nsec = (long)(until % 1000000000),
	};

	pthread_cond_timedwait(&engine->taken, &engine->lock, &time);
}

/* On the loop's thread. */
static void engine_submit(struct blk_engine *engine)
{
	while (blk_ring_submit(&engine->ring) < 0) { /* out of memory, for now */
		pthread_mutex_lock(&engine->lock);
		engine_pause(engine);
		pthread_mutex_unlock(&engine->lock);
	}
}

static void job_ended(struct blk_engine *engine, struct blk_job *job, int result)
{
	engine->running--;
	if (engine->draining)
		return;
	job->result = result;
	job->next = NULL;
	*engine->last = job;
	engine->last = &job->next;
}

/* What is left of a job that moved a part. Nothing more is begun while the queue is drained, which another
 * thread may do. */
static void job_goes_on(struct blk_engine *engine, struct blk_job *job)
{
	if (engine->draining)
		job_ended(engine, job, -ECANCELED);
	else
		blk_ring_put(&engine->ring, job, engine->file.fd);
}

static void job_came_back(struct blk_engine *engine, struct blk_job *job, int result)
{
	if (result == -EINTR)
		job_goes_on(engine, job);
	else if (result == -EAGAIN) /* the kernel has no thread for it */
		job_ended(engine, job, engine->draining ? -ECANCELED : blk_file_do(&engine->file, job));
	else if (result < 0 || !job->data)
		job_ended(engine, job, MIN(result, 0));
	else if (result == 0 && job->data->len)
		job_ended(engine, job, -ENODATA);
	else {
		job->offset += (unsigned)result;
		blk_slice_skip(job->data, (size_t)result);
		if (job->data->len)
			job_goes_on(engine, job);
		else
			job_ended(engine, job, 0);
	}
}

/* With the lock. */
static void engine_collect(struct blk_engine *engine)
{
	struct blk_job *job;
	int result;

	while ((job = blk_ring_take(&engine->ring, &result)))
		job_came_back(engine, job, result);
}

static void ring_ready(struct loop_source *source, uint32_t events)
{
	struct blk_engine *engine = CONTAINER_OF(source, struct blk_engine, source);
	bool any;

	(void)events;
	pthread_mutex_lock(&engine->lock);
	engine_collect(engine);
	any = engine->first;
	pthread_cond_signal(&engine->taken);
	pthread_mutex_unlock(&engine->lock);
	engine_submit(engine);
	if (any)
		engine->ended(engine);
}

static int ring_init(struct blk_engine *engine, unsigned jobs, struct blk_ring_store *store)
{
	int code = store ? blk_ring_store_take(store, &engine->ring)
			 : blk_ring_open(&engine->ring, jobs, VIRTIO_BLK_WORKERS);

	if (code < 0)
		return code;
	engine->source = (struct loop_source){
		.fd = blk_ring_fd(&engine->ring),
		.events = EPOLLIN | EPOLLET,
		.ready = ring_ready,
	};
	code = loop_add(engine->loop, &engine->source);
	if (code < 0)
		blk_ring_close(&engine->ring);
	return code;
}

int blk_engine_init(struct blk_engine *engine, const struct blk_file *file, unsigned jobs,
		    struct blk_ring_store *store, struct loop *loop, void (*ended)(struct blk_engine *engine))
{
	pthread_condattr_t clock;
	int code;

	*engine = (struct blk_engine){
		.file = *file, .has_ring = jobs, .loop = loop, .ended = ended, .last = &engine->first};
	code = jobs ? ring_init(engine, jobs, store) : 0;
	if (code < 0)
		return code;
	pthread_mutex_init(&engine->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&engine->taken, &clock);
	pthread_condattr_destroy(&clock);
	return 0;
}

void blk_engine_init_backend(struct blk_engine *engine, const struct vhost_user_blk *backend, unsigned queue)
{
	*engine = (struct blk_engine){
		.file.fd = -1, .backend = backend, .queue = queue, .last = &engine->first};
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->taken, NULL);
}

void blk_engine_close(struct blk_engine *engine)
{
	blk_engine_drain(engine);
	if (engine->has_ring) {
		loop_remove(engine->loop, &engine->source);
		blk_ring_close(&engine->ring);
	}
	blk_file_close(&engine->file);
	pthread_cond_destroy(&engine->taken);
	pthread_mutex_destroy(&engine->lock);
}

/* Into the page cache: the kernel only waits there when it has too much that is not written yet. */
static bool is_copied(const struct blk_engine *engine, const struct blk_job *job)
{
	return job->work == BLK_WORK_WRITE && !job->safe && !engine->file.align;
}

int blk_engine_try(struct blk_engine *engine, struct blk_job *job)
{
	if (engine->backend)
		return vhost_user_blk_try(engine->backend, job);
	if (!engine->has_ring || job->work == BLK_WORK_ZEROS || is_copied(engine, job) ||
	    !blk_file_takes(&engine->file, job))
		return blk_file_do(&engine->file, job);
	if (job->work == BLK_WORK_READ && !engine->file.align) {
		int code = blk_file_try(&engine->file, job);

		return code == -EAGAIN ? -EINPROGRESS : code;
	}
	return job->data && job->data->len == 0 ? 0 : -EINPROGRESS;
}

/* One that could not be put has ended; it is taken with the next answer. */
static void backend_start(struct blk_engine *engine, struct blk_job *job)
{
	int code = vhost_user_blk_put(engine->backend, engine->queue, job);

	if (code == 0)
		return;
	job->result = code;
	job->next = NULL;
	*engine->last = job;
	engine->last = &job->next;
	vhost_user_wake(engine->backend->front, engine->queue);
}

/* All that it has answered. */
static void backend_collect(struct blk_engine *engine)
{
	struct blk_job *job;

	while ((job = vhost_user_blk_take(engine->backend, engine->queue))) {
		job->next = NULL;
		*engine->last = job;
		engine->last = &job->next;
	}
}

void blk_engine_start(struct blk_engine *engine, struct blk_job *job)
{
	if (engine->backend) {
		backend_start(engine, job);
		return;
	}
	engine->running++;
	blk_ring_put(&engine->ring, job, engine->file.fd);
}

void blk_engine_submit(struct blk_engine *engine)
{
	if (engine->backend)
		vhost_user_kick(engine->backend->front, engine->queue);
	if (engine->has_ring)
		engine_submit(engine);
}

struct blk_job *blk_engine_take(struct blk_engine *engine)
{
	struct blk_job *job;

	if (engine->backend)
		backend_collect(engine);
	pthread_mutex_lock(&engine->lock);
	job = engine->first;
	engine->first = NULL;
	engine->last = &engine->first;
	pthread_mutex_unlock(&engine->lock);
	return job;
}

void blk_engine_drain(struct blk_engine *engine)
{
	if (engine->backend) {
		vhost_user_drain(engine->backend->front, engine->queue);
		engine->first = NULL;
		engine->last = &engine->first;
	}
	if (!engine->has_ring)
		return;
	pthread_mutex_lock(&engine->lock);
	engine->draining = true;
	for (engine_collect(engine); engine->running; engine_collect(engine))
		engine_pause(engine);
	engine->first = NULL;
	engine->last = &engine->first;
	engine->draining = false;
	pthread_mutex_unlock(&engine->lock);
}
