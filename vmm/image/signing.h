/*
 * Signs the configurations of a boot image the way U-Boot's mkimage does, so that either verifies the
 * other's.
 */
#pragma once

#include "vmm/image/keys.h"
#include "vmm/image/make.h"

struct signing_key {
	const char *path; /* of the private key, PEM */
	char name[KEY_NAME_SIZE];
};

/* name: NULL to take it from the file's name. */
int signing_key_set(struct signing_key *key, const char *path, const char *name, struct error *err);

/*
 * Signs every configuration in the image [data, data + size), which starts at a multiple of eight, and makes
 * that the only signature. What is to be signed is checked first: structure and hashes. Data outside the tree
 * stays where it is in `data`; the caller frees file->tree.
 */
int image_sign_configurations(const char *name, const uint8_t *data, size_t size,
			      const struct signing_key *key, uint32_t timestamp, struct image_file *file,
			      struct error *err);
