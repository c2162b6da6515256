/*
 * A task that is a call which waits: an operation on a guest with "task":true. The one who asked is answered
 * at once with the task, or with the call's own answer when that came at once too. Cancelling it ends the
 * waiting; what the operation did stays done. Loop thread only.
 */
#pragma once

#include "vmm/manager/request.h"

/* Carries the request out for call, which is answered. */
void task_call_begin(struct call *call, const struct operation *operation, const struct request *request);
