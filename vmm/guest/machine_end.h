/*
 * How a guest's machine ended, and its names in JSON.
 */
#pragma once

#include <stdbool.h>

enum machine_end {
	MACHINE_RUNNING,
	MACHINE_POWERED_OFF, /* by the guest */
	MACHINE_RESET,       /* by the guest */
	MACHINE_CRASHED,     /* triple fault or panic */
	MACHINE_FAILED,      /* KVM or we cannot go on */
	MACHINE_KILLED,      /* machine_stop */
	MACHINE_WATCHDOG,    /* the guest let its watchdog expire, whose action is reset or poweroff */
	MACHINE_REFUSED,     /* never started: no trusted key vouches for its boot image, or it is damaged */
};

/* "powered-off", "reset", "crashed", "failed", "killed", "watchdog", "refused". */
const char *machine_end_name(enum machine_end end);
enum machine_end machine_end_parse(const char *name); /* MACHINE_FAILED when unknown */
/* Neither the guest nor anybody else wanted this end. */
bool machine_end_is_fault(enum machine_end end);
