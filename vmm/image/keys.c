#include "vmm/image/keys.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

int key_name_from_path(char name[KEY_NAME_SIZE], const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	const char *file = slash ? slash + 1 : path;
	const char *dot = strrchr(file, '.');
	size_t length = dot && dot != file ? (size_t)(dot - file) : strlen(file);

	if (length == 0 || length >= KEY_NAME_SIZE)
		return error_set(err, -EINVAL,
				 "key %s: its file's name is no name for a key (1 to %d letters)", path,
				 KEY_NAME_SIZE - 1);
	memcpy(name, file, length);
	name[length] = '\0';
	return 0;
}

int keys_add_file(struct keys *keys, const char *path, struct error *err)
{
	char name[KEY_NAME_SIZE];
	struct fit_key *key;
	int result = key_name_from_path(name, path, err);

	if (result)
		return result;
	if (keys->count == KEYS_MAX)
		return error_set(err, -E2BIG, "key %s: more than %d keys", path, KEYS_MAX);
	key = &keys->keys[keys->count];
	key->name = strdup(name);
	key->path = strdup(path);
	keys->count++; /* keys_free releases what there is of it */
	return key->name && key->path ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static int is_pem(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && strcmp(dot, ".pem") == 0;
}

int keys_add_folder(struct keys *keys, const char *folder, struct error *err)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_pem, alphasort);
	int result = 0;

	if (count < 0)
		return errno == ENOENT ? 0 : error_set(err, -errno, "keys %s: cannot read: %m", folder);
	for (int i = 0; i < count; i++) {
		AUTO_FREE char *path = NULL;

		if (!result && asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
			path = NULL;
		if (!result)
			result = path ? keys_add_file(keys, path, err)
				      : error_set(err, -ENOMEM, "out of memory");
		free(entries[i]);
	}
	free(entries);
	return result;
}

void keys_free(struct keys *keys)
{
	for (unsigned i = 0; i < keys->count; i++) {
		free((char *)keys->keys[i].name);
		free((char *)keys->keys[i].path);
	}
	keys->count = 0;
}
