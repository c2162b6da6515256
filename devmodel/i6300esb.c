#include "devmodel/i6300esb.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/util.h"

#define TIMER_MASK     0xfffffU
#define STATUS_STAGE_1 1U

/* The PCI clock of 33.3 MHz drives a counter of 35 bits, whose upper 20 or middle 20 the timers preload. */
#define CLOCK_NS   30
#define SLOW_SHIFT 15
#define FAST_SHIFT 5

enum stage {
	STAGE_OFF, /* not enabled, or expired */
	STAGE_1,
	STAGE_2,
};

struct i6300esb {
	struct pci_function function; /* the bus' lock */
	struct i6300esb_host *host;
	struct loop *loop;
	struct loop_timer timer;

	pthread_mutex_t lock; /* for all below */
	uint32_t preload[2];
	uint8_t config, control;
	uint8_t unlocked; /* how many steps of the sequence were written */
	bool stage_1_over, expired;
	enum stage stage;
	bool held;
	uint64_t deadline_ns; /* of the stage: monotonic; while held: what is left of it */
};

static const struct pci_identity identity = {
	.vendor = 0x8086, .device = 0x25ab, .class = 0x088000, /* a system peripheral as no other */
};

/* --- Time; the lock is held --- */

static uint64_t stage_ns(const struct i6300esb *watchdog)
{
	uint64_t ticks = MAX(watchdog->preload[watchdog->stage == STAGE_2], 1U);

	return ticks * CLOCK_NS << (watchdog->config & I6300ESB_CONFIG_FAST ? FAST_SHIFT : SLOW_SHIFT);
}

static void stage_begin(struct i6300esb *watchdog, enum stage stage)
{
	watchdog->stage = stage;
	if (stage == STAGE_OFF) {
		loop_timer_clear(&watchdog->timer);
		return;
	}
	watchdog->deadline_ns = stage_ns(watchdog);
	if (watchdog->held)
		return;
	/* The deadline first: a timer that ends before it would count for nothing. */
	watchdog->deadline_ns += monotonic_ns();
	loop_timer_set(&watchdog->timer, stage_ns(watchdog), 0);
}

/* True: the host is to act. */
static bool stage_over(struct i6300esb *watchdog)
{
	if (watchdog->stage == STAGE_1) {
		watchdog->stage_1_over = true;
		stage_begin(watchdog, STAGE_2);
		return false;
	}
	watchdog->expired = true;
	stage_begin(watchdog, STAGE_OFF);
	return !(watchdog->config & I6300ESB_CONFIG_NO_OUTPUT);
}

static void timer_expired(struct loop_timer *timer)
{
	struct i6300esb *watchdog = CONTAINER_OF(timer, struct i6300esb, timer);
	bool act = false;

	pthread_mutex_lock(&watchdog->lock);
	/* A reload may have come just now: the timer is then set anew already. */
	if (watchdog->stage != STAGE_OFF && !watchdog->held && monotonic_ns() >= watchdog->deadline_ns)
		act = stage_over(watchdog);
	pthread_mutex_unlock(&watchdog->lock);
	if (act)
		watchdog->host->expired(watchdog->host);
}

void i6300esb_hold(struct i6300esb *watchdog, bool held)
{
	uint64_t now = monotonic_ns();

	pthread_mutex_lock(&watchdog->lock);
	if (held != watchdog->held && watchdog->stage != STAGE_OFF) {
		if (held) {
			loop_timer_clear(&watchdog->timer);
			watchdog->deadline_ns -= MIN(now, watchdog->deadline_ns);
		} else {
			loop_timer_set(&watchdog->timer, watchdog->deadline_ns, 0);
			watchdog->deadline_ns += now;
		}
	}
	watchdog->held = held;
	pthread_mutex_unlock(&watchdog->lock);
}

/* --- Registers --- */

static uint32_t register_get(const struct i6300esb *watchdog, uint64_t offset)
{
	switch (offset) {
	case I6300ESB_TIMER_1:
	case I6300ESB_TIMER_2:
		return watchdog->preload[offset == I6300ESB_TIMER_2];
	case I6300ESB_STATUS:
		return watchdog->stage_1_over ? STATUS_STAGE_1 : 0;
	default:
		return watchdog->expired ? I6300ESB_RELOAD_EXPIRED : 0;
	}
}

static void reload_set(struct i6300esb *watchdog, uint32_t value)
{
	if (value & I6300ESB_RELOAD_EXPIRED)
		watchdog->expired = false;
	if (value & I6300ESB_RELOAD_RELOAD && watchdog->control & I6300ESB_LOCK_ENABLE)
		stage_begin(watchdog, STAGE_1);
}

static void register_set(struct i6300esb *watchdog, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case I6300ESB_TIMER_1:
	case I6300ESB_TIMER_2:
		watchdog->preload[offset == I6300ESB_TIMER_2] = value & TIMER_MASK;
		break;
	case I6300ESB_STATUS:
		watchdog->stage_1_over = watchdog->stage_1_over && !(value & STATUS_STAGE_1);
		break;
	default:
		reload_set(watchdog, value);
		break;
	}
}

/* True: the write was a step of the sequence, and no more. */
static bool unlock_step(struct i6300esb *watchdog, uint64_t offset, uint32_t value)
{
	static const uint8_t sequence[] = {I6300ESB_UNLOCK_1, I6300ESB_UNLOCK_2};

	if (watchdog->unlocked == ARRAY_SIZE(sequence))
		return false;
	if (offset == I6300ESB_RELOAD && value == sequence[watchdog->unlocked])
		watchdog->unlocked++;
	else
		watchdog->unlocked = offset == I6300ESB_RELOAD && value == I6300ESB_UNLOCK_1;
	return true;
}

/* Bytes of a register may be read one by one; a write begins where the register does. */
static void registers_read(struct pci_function *function, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct i6300esb *watchdog = CONTAINER_OF(function, struct i6300esb, function);
	uint32_t value;

	if (offset % 4 + len > sizeof(value))
		return;
	pthread_mutex_lock(&watchdog->lock);
	value = htole32(register_get(watchdog, offset & ~3ULL));
	pthread_mutex_unlock(&watchdog->lock);
	memcpy(data, (const uint8_t *)&value + offset % 4, len);
}

static void registers_write(struct pci_function *function, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct i6300esb *watchdog = CONTAINER_OF(function, struct i6300esb, function);
	uint32_t value = 0;

	if (offset % 4 || len > sizeof(value))
		return;
	memcpy(&value, data, len);
	value = le32toh(value);
	pthread_mutex_lock(&watchdog->lock);
	if (!unlock_step(watchdog, offset, value)) {
		watchdog->unlocked = 0;
		register_set(watchdog, offset, value);
	}
	pthread_mutex_unlock(&watchdog->lock);
}

static void control_set(struct i6300esb *watchdog, uint8_t value)
{
	bool enabled = watchdog->control & I6300ESB_LOCK_ENABLE;
	bool enable = value & I6300ESB_LOCK_ENABLE;

	watchdog->control = value;
	if (enable != enabled)
		stage_begin(watchdog, enable ? STAGE_1 : STAGE_OFF);
}

static void config_written(struct pci_function *function, unsigned offset, uint32_t len)
{
	struct i6300esb *watchdog = CONTAINER_OF(function, struct i6300esb, function);

	if (offset > I6300ESB_LOCK || offset + len <= I6300ESB_CONFIG)
		return;
	pthread_mutex_lock(&watchdog->lock);
	watchdog->config = function->config[I6300ESB_CONFIG];
	control_set(watchdog, function->config[I6300ESB_LOCK]);
	if (watchdog->control & I6300ESB_LOCK_LOCKED)
		function->writable[I6300ESB_LOCK] = 0;
	pthread_mutex_unlock(&watchdog->lock);
}

static const struct pci_function_ops ops = {
	.read = registers_read,
	.write = registers_write,
	.config_written = config_written,
};

/* --- Life --- */

struct pci_function *i6300esb_function(struct i6300esb *watchdog)
{
	return &watchdog->function;
}

struct i6300esb *i6300esb_create(struct loop *loop, struct i6300esb_host *host, struct error *err)
{
	struct i6300esb *watchdog = calloc(1, sizeof(*watchdog));
	int code = watchdog ? loop_timer_init(loop, &watchdog->timer, timer_expired) : -ENOMEM;

	if (code < 0) {
		error_set(err, code, "watchdog: cannot make its timer: %s", strerror(-code));
		free(watchdog);
		return NULL;
	}
	watchdog->host = host;
	watchdog->loop = loop;
	watchdog->preload[0] = watchdog->preload[1] = TIMER_MASK;
	pthread_mutex_init(&watchdog->lock, NULL);
	pci_function_init(&watchdog->function, "watchdog", &ops, &identity, I6300ESB_SIZE);
	watchdog->function.writable[I6300ESB_CONFIG] =
		I6300ESB_CONFIG_NO_OUTPUT | I6300ESB_CONFIG_FAST | I6300ESB_CONFIG_INTERRUPT;
	watchdog->function.writable[I6300ESB_LOCK] = I6300ESB_LOCK_ENABLE | I6300ESB_LOCK_LOCKED;
	return watchdog;
}

void i6300esb_destroy(struct i6300esb *watchdog)
{
	if (!watchdog)
		return;
	loop_timer_close(watchdog->loop, &watchdog->timer);
	pthread_mutex_destroy(&watchdog->lock);
	free(watchdog);
}
