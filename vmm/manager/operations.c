#include "vmm/manager/operations.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "vmm/config/json.h"
#include "vmm/config/json_memory.h"
#include "vmm/config/nearest.h"
#include "vmm/manager/exec_operation.h"
#include "vmm/manager/request.h"
#include "vmm/manager/task_call.h"
#include "vmm/manager/wait.h"

#define OPERATIONS_MAX 64

static const struct operation *const tables[] = {
	guest_operations, host_operations, network_operations, device_operations, stream_operations,
	disk_operations,  exec_operations, task_operations,    image_operations,
};

static const struct operation *find_operation(const struct json_place *place, struct error *err)
{
	const char *names[OPERATIONS_MAX + 1] = {NULL};
	const cJSON *op = cJSON_GetObjectItemCaseSensitive(place->object, "op");
	const char *word = cJSON_IsString(op) ? op->valuestring : "";
	const char *nearest;
	unsigned count = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++) {
		for (const struct operation *operation = tables[i]; operation->name; operation++) {
			if (strcmp(word, operation->name) == 0)
				return operation;
			if (count < OPERATIONS_MAX)
				names[count++] = operation->name;
		}
	}
	nearest = nearest_word(word, names);
	error_set(err, -EINVAL,
		  nearest ? "%.64s is not an operation, did you mean %s?" : "%.64s is not an operation",
		  *word ? word : "this", nearest);
	return NULL;
}

void call_begin(struct call *call, const cJSON *json)
{
	struct error err = {0};
	struct request request = {.place = {.source = "request", .object = json, .err = &err}};
	const struct operation *operation = find_operation(&request.place, &err);
	int code;

	call->operations->requests++;
	call_waited(call);    /* a client that asks anew no longer waits */
	json_memory_missed(); /* of what this answer is not made of */
	call->error = 0;
	call->pointer[0] = '\0';
	if (!operation) {
		refuse(call, -EINVAL, EXIT_USAGE, &err);
		return;
	}
	code = request_read(call->operations->manager, operation, &request, &err);
	if (code < 0)
		refuse(call, code, code == -ENODATA ? EXIT_NO_GUEST : EXIT_USAGE, &err);
	else if (request.task && operation->task == TASK_OF_A_WAIT)
		task_call_begin(call, operation, &request);
	else
		operation->run(call, &request);
}
