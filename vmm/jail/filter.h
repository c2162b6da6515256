/*
 * The system calls that a thread of a guest process may still make once it has started (seccomp(2)): one list
 * a kind of thread, with arguments, in filter_make.c. Any other call ends the process with SIGSYS.
 *
 * A filter is for the calling thread alone and for good. Wants no_new_privs. Builds with sanitizers, whose
 * own threads and reports need many more calls, have no filters: filter_install then does nothing, and
 * filter_works says so.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"

enum filter_kind {
	FILTER_MAIN, /* the guest process' first thread, once the machine runs */
	FILTER_VCPU,
	FILTER_DISK,
	FILTER_DISPLAY,
};

/* Stands for the process' own id in the filters as they are built. */
#define FILTER_PID 0x52415354
/* SIGRTMIN, which is no constant; vcpu_kick (hypervisor/kvm/vcpu.h) sends it. */
#define FILTER_SIGNAL_KICK 34

bool filter_works(void);
int filter_install(enum filter_kind kind, struct error *err);
