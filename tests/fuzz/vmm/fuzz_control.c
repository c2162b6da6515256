/*
 * Requests to the manager, one a line: each is answered, once unless it waits, with a result or one sentence.
 *
 * The manager has two guests whose kernel is not there, so that no start gets as far as a process, and
 * folders that are the process's own. As many tasks run as may, so that none begins: theirs would be
 * processes. A request that would read other files of this host than those is left out.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager_folder.h"
#include "vmm/config/settings.h"
#include "vmm/manager/operations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop loop;
static struct settings settings;
static struct manager manager;
static struct operations operations;
static unsigned answers;

/* --- Who asks --- */

static void peer_done(struct call *call, cJSON *result)
{
	(void)call;
	cJSON_Delete(result);
	answers++;
}

static void peer_failed(struct call *call, enum exit_code code, const char *text, cJSON *details)
{
	(void)call;
	if (code == EXIT_DONE || !*text)
		abort();
	cJSON_Delete(details);
	answers++;
}

static void peer_progress(struct call *call, const char *text)
{
	(void)call;
	if (!*text)
		abort();
}

static void peer_item(struct call *call, cJSON *json)
{
	(void)call;
	cJSON_Delete(json);
}

static int peer_stream(struct call *call)
{
	(void)call;
	return -1;
}

static void peer_handed_over(struct call *call)
{
	(void)call;
	abort(); /* it has no stream */
}

static const struct call_peer peer = {peer_done, peer_failed, peer_progress,
				      peer_item, peer_stream, peer_handed_over};

/* --- The manager --- */

static void down(void *owner, bool poweroff)
{
	(void)owner;
	(void)poweroff;
}

static void task_ignores(struct task_owner *owner)
{
	(void)owner;
}

static struct task_owner task_owner = {.cancel = task_ignores, .abandon = task_ignores};

static void open_manager(void)
{
	struct error err = {0};
	struct task *task;
	const char *path = manager_folder_make("");

	manager_folder_write("guests/db.json",
			     "{\"name\":\"db\",\"role\":\"guest\",\"kernel\":{\"path\":\"none\"},"
			     "\"depends_on\":[\"web\"],\"autostart\":false}");
	if (settings_read(path, &settings, &err) < 0 || loop_init(&loop) < 0 ||
	    manager_open(&manager, &settings, "server", &loop, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	operations_init(&operations, &manager, down, NULL);
	while (tasks_check_room(&manager.tasks, NULL) == 0) {
		if (task_begin(&manager.tasks, "fuzz", "", &task_owner, &task, &err) < 0)
			abort();
	}
}

/* --- Requests --- */

static bool has_text(const cJSON *json, const char *text)
{
	const cJSON *item;

	if (cJSON_IsString(json) && strstr(json->valuestring, text))
		return true;
	cJSON_ArrayForEach(item, json)
	{
		if (has_text(item, text))
			return true;
	}
	return false;
}

/* What changes other things of this host than the folder, or whose guest might really start. */
static bool is_harmless(const cJSON *request)
{
	const char *op = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "op"));

	return !op || (!has_text(request, "/") && strncmp(op, "network-", 8) != 0 &&
		       !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "poweroff")));
}

static void ask(const char *line, size_t len)
{
	cJSON *request = cJSON_ParseWithLength(line, len);
	struct call call;

	if (cJSON_IsObject(request) && is_harmless(request)) {
		if (call_init(&call, &operations, &peer) < 0)
			abort();
		answers = 0;
		call_begin(&call, request);
		if (answers > 1 || (answers == 0 && call.wait == CALL_ANSWERED))
			abort();
		call_close(&call);
		manager.going_down = false;
		operations.down_told = operations.keep_guests = operations.poweroff = false;
	}
	cJSON_Delete(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool opened;
	const char *text = (const char *)data;
	const char *end = text + size;

	if (!opened) {
		open_manager();
		opened = true;
	}
	while (text < end) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		size_t len = line_end ? (size_t)(line_end - text) : (size_t)(end - text);

		ask(text, len);
		text += len + 1;
	}
	while (manager.guest_count > 2) {
		struct error err;

		if (manager_undefine(manager.guests[manager.guest_count - 1], &err) < 0)
			break;
	}
	return 0;
}
