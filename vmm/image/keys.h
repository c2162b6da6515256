/*
 * The public keys that boot images are verified with: files that were named, or a folder's *.pem. A key's
 * name, which signatures carry as key-name-hint, is its file's name without folder and ending.
 */
#pragma once

#include <stddef.h>

#include "hypervisor/boot/fit.h"

#define KEYS_FOLDER   "/etc/rastos/keys"
#define KEYS_MAX      64
#define KEY_NAME_SIZE 64

struct keys { /* zero it */
	unsigned count;
	struct fit_key keys[KEYS_MAX]; /* their strings belong to this struct */
};

/* "/a/b/dev.pem" -> "dev". -EINVAL when nothing is left, or more than a signature can carry. */
int key_name_from_path(char name[KEY_NAME_SIZE], const char *path, struct error *err);

int keys_add_file(struct keys *keys, const char *path, struct error *err);
/* Every NAME.pem in the folder, by name; a folder that is not there holds none. */
int keys_add_folder(struct keys *keys, const char *folder, struct error *err);
void keys_free(struct keys *keys);
