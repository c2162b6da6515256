#include "vmm/manager/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/definition.h"
#include "vmm/config/file.h"
#include "vmm/config/json.h"
#include "vmm/config/json_memory.h"

#define RECORD_NAME  "state.json"
#define RECORD_MAX   (2 * DEFINITION_FILE_MAX)
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX  64
#define RESTARTS_MAX 1000000
#define ID_SLOTS_MAX 65536

static const char *const goal_words[] = {"off", "run", "reboot", NULL};

/* Without memory, which may be missing: a record that does not say its boot would count as an older one's. */
static void read_boot_id(char id[BOOT_ID_MAX])
{
	AUTO_CLOSE int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, id, BOOT_ID_MAX - 1);

	id[MAX(got, 0)] = '\0';
	id[strcspn(id, "\n")] = '\0';
}

int record_write(const char *folder, const struct guest_record *record, struct error *err)
{
	AUTO_FREE char *path = file_path_join(folder, RECORD_NAME);
	AUTO_FREE char *text = NULL;
	char boot_id[BOOT_ID_MAX];
	cJSON *json;

	json_memory_missed();
	json = cJSON_CreateObject();
	read_boot_id(boot_id);
	cJSON_AddStringToObject(json, "boot_id", boot_id);
	cJSON_AddStringToObject(json, "goal", goal_words[record->goal]);
	cJSON_AddNumberToObject(json, "pid", record->process.pid);
	cJSON_AddNumberToObject(json, "start_time", (double)record->process.start_time);
	cJSON_AddNumberToObject(json, "started_ns", (double)record->started_ns);
	cJSON_AddNumberToObject(json, "restarts", record->restarts);
	if (record->id_slot >= 0)
		cJSON_AddNumberToObject(json, "id_slot", record->id_slot);
	if (record->cgroup)
		cJSON_AddStringToObject(json, "cgroup", record->cgroup);
	if (record->display_port)
		cJSON_AddNumberToObject(json, "display_port", record->display_port);
	if (record->definition)
		cJSON_AddItemReferenceToObject(json, "definition", record->definition);
	if (record->numbers)
		cJSON_AddItemReferenceToObject(json, "numbers", record->numbers);
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (!path || !text || json_memory_missed())
		return error_set(err, -ENOMEM, "guest state in %s: out of memory", folder);
	return file_write_text("guest state", path, text, 0600, err);
}

int record_parse(const char *path, const char *text, const char *boot, struct guest_record *record,
		 struct error *err)
{
	uint64_t pid = 0, start_time = 0, started_ns = 0, restarts = 0, id_slot = ID_SLOTS_MAX,
		 port = 0;
	AUTO_FREE char *boot_id = NULL;
	AUTO_FREE char *cgroup = NULL;
	struct json_place place;
	unsigned goal = GOAL_OFF;
	cJSON *json = NULL;
	int code = json_parse(path, text, &json, &place, err);

	if (code < 0 || (code = json_string(&place, "boot_id", &boot_id)) < 0 ||
	    (code = json_word(&place, "goal", goal_words, &goal)) < 0 ||
	    (code = json_uint(&place, "pid", 0, INT_MAX, &pid)) < 0 ||
	    (code = json_uint(&place, "start_time", 0, 1ULL << 53, &start_time)) < 0 ||
	    (code = json_uint(&place, "started_ns", 0, 1ULL << 62, &started_ns)) < 0 ||
	    (code = json_uint(&place, "restarts", 0, RESTARTS_MAX, &restarts)) < 0 ||
	    (code = json_uint(&place, "id_slot", 0, ID_SLOTS_MAX, &id_slot)) < 0 ||
	    (code = json_uint(&place, "display_port", 0, UINT16_MAX, &port)) < 0 ||
	    (code = json_string(&place, "cgroup", &cgroup)) < 0)
		goto out;
	if (!boot_id || strcmp(boot_id, boot) != 0) {
		code = error_set(err, -ENOENT, "%s: is of an earlier boot of this host", path);
		goto out;
	}
	*record = (struct guest_record){
		.goal = (enum guest_goal)goal,
		.process = {.pid = (pid_t)pid, .start_time = start_time},
		.started_ns = started_ns,
		.restarts = (unsigned)restarts,
		.id_slot = id_slot == ID_SLOTS_MAX ? -1 : (int)id_slot,
		.cgroup = TAKE_PTR(cgroup),
		.display_port = (uint16_t)port,
		.definition = cJSON_DetachItemFromObjectCaseSensitive(json, "definition"),
		.numbers = cJSON_DetachItemFromObjectCaseSensitive(json, "numbers"),
	};
out:
	cJSON_Delete(json);
	return code;
}

int record_read(const char *folder, struct guest_record *record, struct error *err)
{
	AUTO_FREE char *path = file_path_join(folder, RECORD_NAME);
	AUTO_FREE char *text = NULL;
	char boot[BOOT_ID_MAX];
	int code = path ? file_read_text("guest state", path, RECORD_MAX, &text, err)
			: error_set(err, -ENOMEM, "guest state in %s: out of memory", folder);

	if (code < 0)
		return code;
	read_boot_id(boot);
	return record_parse(path, text, boot, record, err);
}

void record_remove(const char *folder)
{
	char path[PATH_MAX]; /* what is over is over, with memory or without */

	if ((size_t)snprintf(path, sizeof(path), "%s/" RECORD_NAME, folder) < sizeof(path))
		unlink(path);
}
