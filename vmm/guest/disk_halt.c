#include "vmm/guest/disk_halt.h"

#include <stdio.h>
#include <string.h>

#include "common/util.h"

static void halt_expired(struct loop_timer *timer)
{
	struct disk_halt *halt = CONTAINER_OF(timer, struct disk_halt, timer);
	struct error why;

	pthread_mutex_lock(&halt->lock);
	why = halt->why;
	halt->why.text[0] = '\0';
	pthread_mutex_unlock(&halt->lock);
	if (why.text[0])
		halt->halted(halt->owner, why.text);
}

int disk_halt_make(struct disk_halt *halt, struct loop *loop, void (*halted)(void *owner, const char *why),
		   void *owner, struct error *err)
{
	int code;

	if (halt->made)
		return 0;
	halt->loop = loop;
	halt->halted = halted;
	halt->owner = owner;
	code = loop_timer_init(loop, &halt->timer, halt_expired);
	if (code < 0)
		return error_set(err, code, "cannot make the timer that tells of disks: %s", strerror(-code));
	pthread_mutex_init(&halt->lock, NULL);
	halt->made = true;
	return 0;
}

void disk_halt_close(struct disk_halt *halt)
{
	if (!halt->made)
		return;
	loop_timer_close(halt->loop, &halt->timer);
	pthread_mutex_destroy(&halt->lock);
	halt->made = false;
}

void disk_halt_tell(void *argument, const char *why)
{
	struct disk_halt *halt = argument;

	pthread_mutex_lock(&halt->lock);
	if (!halt->why.text[0])
		snprintf(halt->why.text, sizeof(halt->why.text), "%s", why);
	pthread_mutex_unlock(&halt->lock);
	loop_timer_set(&halt->timer, 0, 0);
}
