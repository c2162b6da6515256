/* Calls that are answered later, when what they wait for has happened. Part of operations.c. */
#pragma once

#include "vmm/manager/operations.h"

/* The call is answered when it happens, or as timed out after timeout_s (0: never). */
void call_wait(struct call *call, enum call_wait wait, struct managed_guest *guest, uint64_t timeout_s);
/* The call is answered when the task ends, with its result or refusal. */
void call_wait_task(struct call *call, const struct task *task);
void call_waited(struct call *call); /* it waits no longer */
