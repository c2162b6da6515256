/*
 * Operations on the pool's disks (vmm/storage/pool.h). A disk is what pool_report.h prints, and beside it
 * "guests", the names of those whose definitions have it.
 *
 * Looking is done here; what changes something is the command `rastos-vmm disk` in a process of its own, a
 * task (task_process.h), under the same locks as anybody's. What can be refused beforehand is, with nothing
 * begun.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/manager/disk_grow.h"
#include "vmm/manager/request.h"
#include "vmm/manager/task_process.h"
#include "vmm/manager/wait.h"
#include "vmm/storage/import.h"
#include "vmm/storage/pool_report.h"

#define OPTION_MAX 320

/* What a changing operation was told. */
struct disk_request {
	char *disk, *source, *tag;
	uint64_t size;
	unsigned format;
};

static void disk_request_free(struct disk_request *disk)
{
	free(disk->disk);
	free(disk->source);
	free(disk->tag);
}

#define AUTO_DISK_REQUEST __attribute__((cleanup(disk_request_free)))

/* --- Looking --- */

static bool guest_has(const struct guest_definition *definition, const char *image)
{
	for (unsigned i = 0; i < definition->disk_count; i++) {
		if (definition->disks[i].image && strcmp(definition->disks[i].image, image) == 0)
			return true;
	}
	return false;
}

static cJSON *describe(const struct manager *manager, const struct pool *pool, const struct pool_image *image)
{
	cJSON *json = pool_image_to_json(pool, image);
	cJSON *guests = cJSON_AddArrayToObject(json, "guests");

	for (unsigned i = 0; i < manager->guest_count; i++) {
		const struct managed_guest *guest = manager->guests[i];

		if (guest_has(guest->definition, image->name) ||
		    (guest->fresh && guest_has(guest->fresh, image->name)))
			cJSON_AddItemToArray(guests, cJSON_CreateString(guest->definition->name));
	}
	return json;
}

static int list(const struct manager *manager, const struct pool *pool, cJSON **result, struct error *err)
{
	struct pool_image *images = NULL;
	size_t count = 0;
	int code = pool_list(pool, &images, &count, err);
	cJSON *array;

	if (code < 0)
		return code;
	*result = cJSON_CreateObject();
	array = cJSON_AddArrayToObject(*result, "disks");
	for (size_t i = 0; i < count; i++)
		cJSON_AddItemToArray(array, describe(manager, pool, &images[i]));
	free(images);
	return 0;
}

static void op_disk_list(struct call *call, const struct request *request)
{
	struct manager *manager = call->operations->manager;
	cJSON *result = NULL;
	struct pool pool;
	int code = pool_open(manager->settings, false, &pool, request->place.err);

	if (code == 0) {
		code = list(manager, &pool, &result, request->place.err);
		pool_close(&pool);
	}
	answer_with(call, code, request->place.err, result);
}

/* The member "disk". */
static int read_disk(const struct request *request, char **disk)
{
	int code = json_string(&request->place, "disk", disk);

	return code == 0 && !*disk ? json_error(&request->place, "disk", "is missing: which disk?") : code;
}

static int find(const struct settings *settings, const char *disk, struct pool *pool,
		struct pool_image *image, struct error *err)
{
	int code = pool_open(settings, false, pool, err);

	if (code < 0)
		return code;
	code = pool_find(pool, disk, image, err);
	pool_close(pool);
	return code;
}

static void op_disk_info(struct call *call, const struct request *request)
{
	struct manager *manager = call->operations->manager;
	AUTO_FREE char *disk = NULL;
	struct pool_image image;
	struct pool pool;
	int code = read_disk(request, &disk);

	if (code == 0)
		code = find(manager->settings, disk, &pool, &image, request->place.err);
	if (code < 0)
		refuse_request(call, code, request->place.err);
	else
		call->peer->done(call, describe(manager, &pool, &image));
}

static void op_pool_info(struct call *call, const struct request *request)
{
	const struct settings *settings = call->operations->manager->settings;
	struct error *err = request->place.err;
	struct pool_image *images = NULL;
	struct statvfs status;
	struct pool pool;
	size_t count = 0;
	cJSON *result;
	int code = pool_open(settings, false, &pool, err);

	if (code == 0) {
		code = pool_list(&pool, &images, &count, err);
		pool_close(&pool);
	}
	if (code == 0 && (code = pool_measure(settings, &status)) < 0)
		error_set(err, code, "pool %s: cannot tell its size: %s", settings->pool_dir,
			  strerror(-code));
	free(images);
	if (code < 0) {
		answer(call, code, err);
		return;
	}
	result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "folder", settings->pool_dir);
	cJSON_AddNumberToObject(result, "capacity", (double)status.f_blocks * (double)status.f_frsize);
	cJSON_AddNumberToObject(result, "free", (double)status.f_bavail * (double)status.f_frsize);
	cJSON_AddNumberToObject(result, "disks", (double)count);
	call->peer->done(call, result);
}

/* --- Changing --- */

/* Begins the task; the call is answered by it, or waits for its end. */
static void begin(struct call *call, const struct request *request, const char *kind, const char *target,
		  const char *const *arguments)
{
	struct manager *manager = call->operations->manager;
	struct task *task = NULL;
	int code = task_process_begin(manager->task_processes, kind, target, arguments, &task,
				      request->place.err);

	if (code < 0)
		answer(call, code, request->place.err);
	else if (request->task)
		call->peer->done(call, task_to_json(task));
	else
		call_wait_task(call, task);
}

/* The name is free and the size is one; size 0: none was given. */
static int check_new(const struct settings *settings, const struct disk_request *disk, struct error *err)
{
	struct pool pool;
	int code = pool_open(settings, false, &pool, err);

	if (code < 0)
		return code;
	code = pool_name_check(&pool, disk->disk, err);
	pool_close(&pool);
	return code == 0 && disk->size ? pool_size_check(disk->size, err) : code;
}

static int check_there(const struct settings *settings, const char *name, bool unused, struct error *err)
{
	struct pool_image image;
	struct pool pool;
	int code = find(settings, name, &pool, &image, err);

	if (code == 0 && unused && image.in_use)
		return error_set(err, -EBUSY, "disk %s: is in use by a guest or program; end that one first",
				 name);
	return code;
}

/* All that any of these operations has. */
static int read_members(const struct request *request, struct disk_request *disk)
{
	const struct json_place *place = &request->place;
	int code = read_disk(request, &disk->disk);

	if (code == 0)
		code = json_string(place, "source", &disk->source);
	if (code == 0)
		code = json_string(place, "tag", &disk->tag);
	if (code == 0)
		code = json_word(place, "format", import_format_words, &disk->format);
	if (code < 0 || (code = json_uint(place, "size", 1, POOL_SIZE_MAX, &disk->size)) < 0)
		return code;
	return disk->size % 512 == 0 ? 0 : json_error(place, "size", "must be a multiple of 512");
}

static int demand(const struct request *request, bool given, const char *key, const char *what)
{
	return given ? 0 : json_error(&request->place, key, "is missing: %s", what);
}

static void op_disk_create(struct call *call, const struct request *request)
{
	AUTO_DISK_REQUEST struct disk_request disk = {0};
	char size[24];
	const char *arguments[] = {"disk", "create", "--json-lines", "--", NULL, size, NULL};
	int code = read_members(request, &disk);

	if (code == 0)
		code = demand(request, disk.size, "size", "how many bytes?");
	if (code == 0)
		code = check_new(call->operations->manager->settings, &disk, request->place.err);
	if (code < 0) {
		refuse_request(call, code, request->place.err);
		return;
	}
	snprintf(size, sizeof(size), "%llu", (unsigned long long)disk.size);
	arguments[4] = disk.disk;
	begin(call, request, "disk-create", disk.disk, arguments);
}

/* Whether it is there, its task finds out: a file on a server that is gone would hold us up. */
static int check_source(const struct request *request, const char *source)
{
	if (!source)
		return demand(request, false, "source", "a file or folder of the host");
	if (*source != '/')
		return json_error(&request->place, "source", "must be an absolute path of the host");
	return 0;
}

static void op_disk_import(struct call *call, const struct request *request)
{
	AUTO_DISK_REQUEST struct disk_request disk = {0};
	char format[OPTION_MAX], size[OPTION_MAX], tag[OPTION_MAX];
	const char *arguments[TASK_ARGUMENTS_MAX] = {"disk", "import", "--json-lines", format};
	unsigned count = 4;
	int code = read_members(request, &disk);

	if (code == 0)
		code = check_source(request, disk.source);
	if (code == 0)
		code = check_new(call->operations->manager->settings, &disk, request->place.err);
	if (code == 0 && disk.tag && strlen(disk.tag) > OPTION_MAX - sizeof("--tag="))
		code = json_error(&request->place, "tag", "is too long");
	if (code < 0) {
		refuse_request(call, code, request->place.err);
		return;
	}
	snprintf(format, sizeof(format), "--format=%s", import_format_words[disk.format]);
	snprintf(size, sizeof(size), "--size=%llu", (unsigned long long)disk.size);
	snprintf(tag, sizeof(tag), "--tag=%s", disk.tag ? disk.tag : "");
	if (disk.size)
		arguments[count++] = size;
	if (disk.tag)
		arguments[count++] = tag;
	arguments[count++] = "--";
	arguments[count++] = disk.disk;
	arguments[count] = disk.source;
	begin(call, request, "disk-import", disk.disk, arguments);
}

static void op_disk_clone(struct call *call, const struct request *request)
{
	const struct settings *settings = call->operations->manager->settings;
	AUTO_DISK_REQUEST struct disk_request disk = {0};
	const char *arguments[] = {"disk", "clone", "--json-lines", "--", NULL, NULL, NULL, NULL};
	unsigned count = 3;
	bool overlay = false;
	int code = read_members(request, &disk);

	if (code == 0)
		code = json_bool(&request->place, "overlay", &overlay);
	if (code == 0)
		code = demand(request, disk.source, "source", "of which disk?");
	if (code == 0)
		code = check_new(settings, &disk, request->place.err);
	if (code == 0)
		code = check_there(settings, disk.source, false, request->place.err);
	if (code < 0) {
		refuse_request(call, code, request->place.err);
		return;
	}
	if (overlay)
		arguments[count++] = "--overlay";
	arguments[count++] = "--";
	arguments[count++] = disk.source;
	arguments[count] = disk.disk;
	begin(call, request, "disk-clone", disk.disk, arguments);
}

/* Nobody can cancel what is done at once. */
static void cancel_nothing(struct task_owner *owner)
{
	(void)owner;
}

/* Guests that run with it see it grow, and it is done. 1: so it was, and the call is answered. */
static int grow_used(struct call *call, const struct request *request, const struct disk_request *disk)
{
	struct task_owner owner = {cancel_nothing, cancel_nothing}; /* until it is done, below */
	struct manager *manager = call->operations->manager;
	struct error *err = request->place.err;
	struct pool_image image;
	struct task *task;
	struct pool pool;
	int code = tasks_check_room(&manager->tasks, err);

	if (code == 0)
		code = disk_grow(manager, disk->disk, disk->size, err);
	if (code <= 0)
		return code;
	code = find(manager->settings, disk->disk, &pool, &image, err);
	if (code == 0 && request->task)
		code = task_begin(&manager->tasks, "disk-resize", disk->disk, &owner, &task, err);
	if (code < 0)
		return code;
	if (request->task) {
		task_done(&manager->tasks, task, describe(manager, &pool, &image));
		call->peer->done(call, task_to_json(task));
	} else {
		call->peer->done(call, describe(manager, &pool, &image));
	}
	return 1;
}

static void op_disk_resize(struct call *call, const struct request *request)
{
	const struct settings *settings = call->operations->manager->settings;
	AUTO_DISK_REQUEST struct disk_request disk = {0};
	char size[24];
	const char *arguments[] = {"disk", "resize", "--json-lines", "--", NULL, size, NULL};
	int code = read_members(request, &disk);

	if (code == 0)
		code = demand(request, disk.size, "size", "how many bytes?");
	if (code == 0)
		code = pool_size_check(disk.size, request->place.err);
	if (code == 0)
		code = grow_used(call, request, &disk);
	if (code > 0)
		return;
	if (code == 0)
		code = check_there(settings, disk.disk, true, request->place.err);
	if (code < 0) {
		refuse_request(call, code, request->place.err);
		return;
	}
	snprintf(size, sizeof(size), "%llu", (unsigned long long)disk.size);
	arguments[4] = disk.disk;
	begin(call, request, "disk-resize", disk.disk, arguments);
}

static void op_disk_delete(struct call *call, const struct request *request)
{
	AUTO_DISK_REQUEST struct disk_request disk = {0};
	const char *arguments[] = {"disk", "delete", "--json-lines", "--", NULL, NULL};
	int code = read_members(request, &disk);

	if (code == 0)
		code = check_there(call->operations->manager->settings, disk.disk, true, request->place.err);
	if (code < 0) {
		refuse_request(call, code, request->place.err);
		return;
	}
	arguments[4] = disk.disk;
	begin(call, request, "disk-delete", disk.disk, arguments);
}

const struct operation disk_operations[] = {
	{"pool-info", .run = op_pool_info},
	{"disk-list", .run = op_disk_list},
	{"disk-info", .members = {"disk"}, .run = op_disk_info},
	{"disk-create", .members = {"disk", "size"}, .task = TASK_BY_ITSELF, .run = op_disk_create},
	{"disk-import", .members = {"disk", "source", "format", "size", "tag"}, .task = TASK_BY_ITSELF,
	 .run = op_disk_import},
	{"disk-clone", .members = {"disk", "source", "overlay"}, .task = TASK_BY_ITSELF,
	 .run = op_disk_clone},
	{"disk-resize", .members = {"disk", "size"}, .task = TASK_BY_ITSELF, .run = op_disk_resize},
	{"disk-delete", .members = {"disk"}, .task = TASK_BY_ITSELF, .run = op_disk_delete},
	{0},
};
