/* What a former manager left: guests that run, and what it promised. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/config/file.h"
#include "vmm/manager/division.h"
#include "vmm/manager/manager.h"

/* The record that a former manager left for the guest, followed. */
static void take_over(struct managed_guest *guest)
{
	struct error err;

	guest->recorded = record_read(guest->folder, &guest->record, &err) == 0;
	if (guest->recorded)
		guest_adopt(guest);
}

static int keep_names(const struct dirent *entry)
{
	return definition_name_valid(entry->d_name);
}

/* A guest that runs although no definition is on the disk any more: the record has what it was started with.
 */
static void take_over_undefined(struct manager *manager, const char *name)
{
	AUTO_FREE char *folder = NULL;
	AUTO_FREE char *text = NULL;
	struct guest_definition *definition = NULL;
	struct guest_record record = {0};
	struct error err;

	if (asprintf(&folder, "%s/guests/%s", manager->settings->runtime_dir, name) < 0 ||
	    record_read(folder, &record, &err) < 0)
		return;
	text = record.definition ? cJSON_PrintUnformatted(record.definition) : NULL;
	cJSON_Delete(record.definition);
	cJSON_Delete(record.numbers);
	free(record.cgroup);
	if (record.process.pid == 0 || !text)
		return;
	if (definition_parse(folder, "/", text, &definition, &err) == 0 &&
	    manager_add(manager, definition, NULL, &err) == 0)
		return;
	log_error("%s", err.text);
	definition_free(definition);
}

void manager_take_over(struct manager *manager)
{
	AUTO_FREE char *folder = file_path_join(manager->settings->runtime_dir, "guests");
	struct dirent **entries = NULL;
	int count = folder ? scandir(folder, &entries, keep_names, alphasort) : 0;

	for (int i = 0; i < count; i++) {
		if (!manager_find(manager, entries[i]->d_name))
			take_over_undefined(manager, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	for (unsigned i = 0; i < manager->guest_count; i++)
		take_over(manager->guests[i]);
	if (!manager_all_off(manager))
		division_apply(manager); /* others may have ended, or been defined, since */
}
