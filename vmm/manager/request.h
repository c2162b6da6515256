/*
 * A request to the manager, read: what the files of operations share.
 *
 *      operations.c          finds the operation, reads the request
 *      guest_operations.c    guests and their life
 *      host_operations.c     plan, mode, events, down
 *      network_operations.c  networks
 *      disk_operations.c     the pool
 *      device_operations.c   guests' devices
 *      stream_operations.c   what joins a client to a guest
 *      image_operations.c    boot images
 *      task_operations.c     what takes long
 *      wait.c                answers that come later
 *
 * Each file has a table of its operations. The members that many have are read here, with those of the others
 * only checked to be known; these are read by the operation itself. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/config/json.h"
#include "vmm/manager/operations.h"

#define OPERATION_MEMBERS_MAX 10
#define WAIT_DEFAULT_S        60
#define LINES_ALL             (1ULL << 32)
#define PORT_MISSING          UINT64_MAX

/* The members of a request, read and checked. Valid while the operation runs. */
struct request {
	struct json_place place;
	struct managed_guest *guest; /* for operations on one */
	bool wait, force, poweroff, keep_guests, replace, follow, newest, task;
	uint64_t timeout_s, since, from, lines, port;
};

/* What "task":true makes of an operation. */
enum operation_task {
	TASK_NEVER,     /* it has no such member */
	TASK_OF_A_WAIT, /* its waiting is a task (task_call.h) */
	TASK_BY_ITSELF, /* it is one anyway */
};

struct operation {
	const char *name; /* NULL: a table's end */
	bool on_guest;
	bool guest_optional;
	const char *members[OPERATION_MEMBERS_MAX]; /* beside id, op and guest; ends with NULL */
	enum operation_task task;
	uint64_t timeout_s; /* when the request has none; 0: GUEST_DOWN_SECONDS */
	void (*run)(struct call *call, const struct request *request);
};

extern const struct operation device_operations[];
extern const struct operation disk_operations[];
extern const struct operation guest_operations[];
extern const struct operation host_operations[];
extern const struct operation image_operations[];
extern const struct operation network_operations[];
extern const struct operation stream_operations[];
extern const struct operation task_operations[];

/* request->place is set. A negative errno with the sentence: -ENODATA for a guest that is not there. */
int request_read(struct manager *manager, const struct operation *operation, struct request *request,
		 struct error *err);

/* Answers with no result, or, when code is negative, with the refusal that it stands for. */
void answer(struct call *call, int code, const struct error *err);
/* The same with a result, which is taken over when there is no error. */
void answer_with(struct call *call, int code, const struct error *err, cJSON *result);
/* A refusal that may be about a member of the request (-EINVAL), or something that is not there (-ENOENT). */
void refuse_request(struct call *call, int code, const struct error *err);
/* A refusal with another exit code than the errno has. */
void refuse(struct call *call, int code, enum exit_code exit_code, const struct error *err);
