/* Calls that are answered later, when what they wait for has happened. Part of operations.c. */
#pragma once

#include "vmm/manager/operations.h"

/* The call is answered when it happens, or as timed out after timeout_s (0: never). */
void call_wait(struct call *call, enum call_wait wait, struct managed_guest *guest, uint64_t timeout_s);
/* Of device_operations.c: answers with the devices and what is known of them; answers when the change has
 * ended. */
void device_call_counted(struct call *call);
bool device_call_look(struct call *call);
/* Of guest_operations.c: answers when its vCPUs are as many as was asked, or not. */
bool vcpus_call_look(struct call *call);
/* The call is answered when the task ends, with its result or refusal. */
void call_wait_task(struct call *call, const struct task *task);
void call_waited(struct call *call); /* it waits no longer */
