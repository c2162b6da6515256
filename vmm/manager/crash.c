#include "vmm/manager/crash.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/config/file.h"
#include "vmm/config/json_memory.h"
#include "vmm/guest/process.h"
#include "vmm/manager/guest.h"
#include "vmm/manager/manager.h"

#define FOLDER     "crashes"
#define REPORT_MAX (2 * DEFINITION_FILE_MAX)

static char *crash_folder(const struct settings *settings)
{
	return file_path_join(settings->state_dir, FOLDER);
}

/* Whether a file is a report of this guest: NAME-20260131T120000Z.json, and no more dashes behind the name.
 */
static bool is_report(const char *file, const char *guest)
{
	size_t len = strlen(file);
	const char *dash = strrchr(file, '-');

	if (file[0] == '.' || !dash || len < 5 || strcmp(file + len - 5, ".json") != 0)
		return false;
	return !guest || (strlen(guest) == (size_t)(dash - file) && strncmp(file, guest, strlen(guest)) == 0);
}

static int keep_visible(const struct dirent *entry)
{
	return is_report(entry->d_name, NULL);
}

/* By the time in the name, the newest first. */
static int newest_first(const struct dirent **a, const struct dirent **b)
{
	return strcmp(strrchr((*b)->d_name, '-'), strrchr((*a)->d_name, '-'));
}

static void remove_old(const char *folder, const char *guest)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, keep_visible, newest_first);
	unsigned kept = 0;

	for (int i = 0; i < count; i++) {
		if (is_report(entries[i]->d_name, guest) && ++kept > CRASH_REPORTS_MAX) {
			AUTO_FREE char *path = file_path_join(folder, entries[i]->d_name);

			if (path)
				unlink(path);
		}
		free(entries[i]);
	}
	free(entries);
}

static cJSON *crash_json(const struct managed_guest *guest, const char *registers, const struct tm *utc)
{
	cJSON *json = cJSON_CreateObject();
	char text[32];

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", utc);
	cJSON_AddStringToObject(json, "guest", guest->definition->name);
	cJSON_AddStringToObject(json, "time", text);
	cJSON_AddStringToObject(json, "end", machine_end_name(guest->end));
	cJSON_AddStringToObject(json, "why", guest->why);
	cJSON_AddStringToObject(json, "registers", registers);
	cJSON_AddStringToObject(json, "console", guest->console_tail ? guest->console_tail : "");
	cJSON_AddItemToObject(json, "report", boot_report_to_json(&guest->report));
	cJSON_AddItemReferenceToObject(json, "definition", guest->definition->json);
	return json;
}

void crash_reports_sweep(const struct settings *settings)
{
	AUTO_FREE char *folder = crash_folder(settings);

	if (folder)
		file_sweep(folder);
}

void crash_report_write(const struct managed_guest *guest, const char *registers)
{
	const struct settings *settings = guest->manager->settings;
	AUTO_FREE char *folder = crash_folder(settings);
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *text = NULL;
	time_t now = time(NULL);
	struct error err;
	struct tm utc;
	char when[32];
	cJSON *json;

	gmtime_r(&now, &utc);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &utc);
	json_memory_missed();
	json = crash_json(guest, registers, &utc);
	text = cJSON_Print(json);
	cJSON_Delete(json);
	if (json_memory_missed() || !folder || !text ||
	    asprintf(&path, "%s/%s-%s.json", folder, guest->definition->name, when) < 0) {
		log_error("guest %s: no memory for its crash report", guest->definition->name);
		return;
	}
	if (file_make_folder("crash reports", folder, 0700, &err) < 0 ||
	    file_write_text("crash report", path, text, 0600, &err) < 0)
		log_error("guest %s: %s", guest->definition->name, err.text);
	else
		log_info("guest %s: crash report %s", guest->definition->name, path);
	remove_old(folder, guest->definition->name);
}

/* One that cannot be read is left out; -ENOMEM when only memory is missing. */
static int add_report(cJSON *reports, const char *folder, const char *file)
{
	AUTO_FREE char *path = file_path_join(folder, file);
	AUTO_FREE char *text = NULL;
	struct error ignored;
	int code = path ? file_read_text("crash report", path, REPORT_MAX, &text, &ignored) : -ENOMEM;

	if (code == 0)
		cJSON_AddItemToArray(reports, cJSON_Parse(text));
	return code == -ENOMEM ? code : 0;
}

int crash_reports_read(const struct settings *settings, const char *name, cJSON **reports, struct error *err)
{
	AUTO_FREE char *folder = crash_folder(settings);
	struct dirent **entries = NULL;
	int count = folder ? scandir(folder, &entries, keep_visible, newest_first) : -1;
	int code = count < 0 && errno != ENOENT ? -errno : 0;

	json_memory_missed();
	*reports = cJSON_CreateArray();
	for (int i = 0; i < count; i++) {
		if (code == 0 && is_report(entries[i]->d_name, name))
			code = add_report(*reports, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (code == 0 && json_memory_missed())
		code = -ENOMEM;
	if (code < 0) {
		cJSON_Delete(TAKE_PTR(*reports));
		return error_set(err, code, "crash reports %s: cannot read: %s", folder ? folder : "",
				 strerror(-code));
	}
	return 0;
}
