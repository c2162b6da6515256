/*
 * exec: a command in a guest, and what became of it.
 *
 *      {"end":"exited",         by itself, "signalled", or "failed": it never ran
 *       "status":0,             its exit status, or the signal's number; 126 cannot be run, 127 is not found
 *       "output":"...","error":"...",    the beginning of what it printed (vmm/exec/capture.h); what is no
 *                                       UTF-8, and each zero, is U+FFFD
 *       "encoding":"base64",            when the request says that: then both are base64 of its bytes, and so
 * is the request's input "truncated":false,              there was more "why":"..."}                    with
 * "failed"
 *
 * A command whose time is over is ended, and the refusal has that in its details as "result", without "end"
 * and "status". EXECS_MAX run at once. Part of wait.c. Loop thread only.
 */
#pragma once

#include "vmm/manager/request.h"

#define EXECS_MAX     16
#define EXEC_LIST_MAX 1024 /* words of the command, variables of the environment */

extern const struct operation exec_operations[];

/* The time of a call that waits for its command is over: it is refused. */
void exec_call_expired(struct call *call);
/* The call waits no longer: ends the command. */
void exec_call_close(struct call *call);
