#include "vmm/storage/filesystem_plan.h"

#include <stdio.h>

#include "vmm/config/json_memory.h"

#define PLACE         "share"
#define RESTART_AFTER 1 /* seconds */

static void add_argument(cJSON *program, const char *argument)
{
	cJSON_AddItemToArray(program, cJSON_CreateString(argument));
}

static void add_option(cJSON *program, const char *option)
{
	add_argument(program, "-o");
	add_argument(program, option);
}

/* Its own root would be the same as ours, but for the directory that it is: so it enters that. */
static void add_program(const struct filesystem_definition *filesystem, cJSON *plan)
{
	cJSON *program = cJSON_AddArrayToObject(plan, "program");
	char text[64];

	add_argument(program, "virtiofsd");
	add_argument(program, "--fd=3"); /* STORAGE_CHILD_SOCKET */
	add_argument(program, "--rlimit-nofile=0");
	snprintf(text, sizeof(text), "--thread-pool-size=%u", filesystem->thread_pool);
	add_argument(program, text);
	add_option(program, "source=/" PLACE);
	add_option(program, "sandbox=chroot");
	add_option(program, "announce_submounts");
	add_option(program, "log_level=err");
	snprintf(text, sizeof(text), "cache=%s", filesystem_cache_word(filesystem->cache));
	add_option(program, text);
	add_option(program, filesystem->xattr ? "xattr" : "no_xattr");
	add_option(program, filesystem->posix_lock ? "posix_lock" : "no_posix_lock");
	add_option(program, filesystem->flock ? "flock" : "no_flock");
}

static void add_files(const struct filesystem_definition *filesystem, bool tree, cJSON *plan)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "place", PLACE);
	cJSON_AddStringToObject(item, "path", filesystem->path);
	cJSON_AddBoolToObject(item, "writable", !filesystem->read_only);
	cJSON_AddBoolToObject(item, "tree", tree);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(plan, "files"), item);
}

cJSON *filesystem_plan_make(const struct filesystem_definition *filesystem, const char *about, bool tree)
{
	cJSON *plan;

	json_memory_missed();
	plan = cJSON_CreateObject();
	cJSON_AddStringToObject(plan, "about", about);
	cJSON_AddTrueToObject(plan, "jail");
	cJSON_AddTrueToObject(plan, "owners");
	add_files(filesystem, tree, plan);
	add_program(filesystem, plan);
	cJSON_AddTrueToObject(plan, "reconnect"); /* for who mounts it anew */
	cJSON_AddNumberToObject(plan, "seconds", RESTART_AFTER);
	if (json_memory_missed()) {
		cJSON_Delete(plan);
		return NULL;
	}
	return plan;
}
