#include "rinit/initrd.h"

#include <errno.h>
#include <stdio.h>

#include "common/util.h"
#include "rinit/device.h"
#include "rinit/log.h"

#define WAIT_TELL_MS  2000  /* then it says what it waits for */
#define WAIT_LIMIT_MS 30000 /* then it gives up */

static void give_up(struct initrd *initrd, const char *sentence)
{
	loop_timer_clear(initrd->loop, &initrd->timer);
	initrd->failed(initrd, sentence);
}

static void waited(struct loop_timer *timer)
{
	struct initrd *initrd = CONTAINER_OF(timer, struct initrd, timer);
	const char *missing = root_missing(&initrd->request);
	const char *what = missing ? missing : initrd->request.device;
	char devices[256], sentence[640];

	if (!initrd->told) {
		log_notice("waiting for %s", what);
		initrd->told = true;
		loop_timer_set(initrd->loop, timer, WAIT_LIMIT_MS - WAIT_TELL_MS);
		return;
	}
	device_list(devices, sizeof(devices));
	snprintf(sentence, sizeof(sentence),
		 "no root file system: %s did not appear within %d s (block devices: %s)", what,
		 WAIT_LIMIT_MS / 1000, devices);
	give_up(initrd, sentence);
}

void initrd_try(struct initrd *initrd)
{
	struct error err;
	char sentence[640];
	int rc;

	if (root_missing(&initrd->request))
		return;
	rc = root_mount(&initrd->request, &err);
	if (rc == -ENODEV && modules_busy(initrd->modules))
		return; /* the file system's module is on its way */
	if (!rc)
		root_switch(&initrd->request, initrd->argv, &err);
	snprintf(sentence, sizeof(sentence), "no root file system: %s", err.text);
	give_up(initrd, sentence);
}

void initrd_start(struct initrd *initrd)
{
	initrd->timer.expired = waited;
	loop_timer_set(initrd->loop, &initrd->timer, WAIT_TELL_MS);
	if (*initrd->request.overlay)
		modules_want(initrd->modules, "overlay");
	if (*initrd->request.type)
		modules_want(initrd->modules, initrd->request.type);
	initrd_try(initrd);
}
