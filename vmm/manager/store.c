#include "vmm/manager/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/config/file.h"

static int keep_json(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".json") == 0;
}

void store_free(struct stored_definition *items, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		definition_free(items[i].definition);
		free(items[i].file);
	}
	free(items);
}

static int read_one(const struct settings *settings, const char *name, struct stored_definition *item,
		    struct error *err)
{
	item->file = file_path_join(settings->guests_dir, name);
	return item->file ? definition_read(item->file, &item->definition, err)
			  : error_set(err, -ENOMEM, "guests folder %s: out of memory", settings->guests_dir);
}

/* Two files may not define one guest: which of them would count? */
static int refuse_twins(const struct stored_definition *items, unsigned count, struct error *err)
{
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(items[i].definition->name, items[j].definition->name) == 0)
				return error_set(err, -EEXIST, "%s and %s: both define guest %s",
						 items[j].file, items[i].file, items[i].definition->name);
		}
	}
	return 0;
}

int store_read(const struct settings *settings, struct stored_definition **result, unsigned *count,
	       struct error *err)
{
	struct dirent **entries = NULL;
	int found = scandir(settings->guests_dir, &entries, keep_json, alphasort);
	struct stored_definition *items = NULL;
	int code = 0;

	*result = NULL;
	*count = 0;
	if (found < 0)
		return errno == ENOENT ? 0
				       : error_set(err, -errno, "guests folder %s: cannot read: %m",
						   settings->guests_dir);
	items = calloc((size_t)found + 1, sizeof(*items));
	if (!items)
		code = error_set(err, -ENOMEM, "guests folder %s: out of memory", settings->guests_dir);
	for (int i = 0; i < found; i++) {
		if (code == 0)
			code = read_one(settings, entries[i]->d_name, &items[i], err);
		free(entries[i]);
	}
	free(entries);
	if (code == 0)
		code = refuse_twins(items, (unsigned)found, err);
	if (code < 0) {
		store_free(items, items ? (unsigned)found : 0);
		return code;
	}
	*result = items;
	*count = (unsigned)found;
	return 0;
}

int store_write(const struct settings *settings, const struct guest_definition *definition, char **file,
		struct error *err)
{
	AUTO_FREE char *text = cJSON_Print(definition->json);
	AUTO_FREE char *path = NULL;
	int code;

	if (!text || (!*file && asprintf(&path, "%s/%s.json", settings->guests_dir, definition->name) < 0))
		return error_set(err, -ENOMEM, "guest %s: out of memory", definition->name);
	code = *file ? 0 : file_make_folder("guests folder", settings->guests_dir, 0755, err);
	if (code == 0 && !*file && access(path, F_OK) == 0)
		return error_set(err, -EEXIST,
				 "guest %s: %s holds another guest's definition; rename that file first",
				 definition->name, path);
	if (code == 0)
		code = file_write_text("guest definition", *file ? *file : path, text, 0644, err);
	if (code == 0 && !*file)
		*file = TAKE_PTR(path);
	return code;
}

int store_remove(const char *file, struct error *err)
{
	return file && unlink(file) < 0 && errno != ENOENT
		       ? error_set(err, -errno, "guest definition %s: cannot remove: %m", file)
		       : 0;
}
