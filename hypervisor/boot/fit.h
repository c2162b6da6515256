/*
 * Signed boot images: a FIT (flattened image tree, U-Boot doc/usage/fit/) as mkimage makes it, verified the strict way.
 *
 * One configuration names a kernel, optionally a ramdisk and a command line; every image has a sha256 (or stronger)
 * hash; a signature-1 node (sha256 with rsa2048 or rsa4096, PKCS#1 v1.5) covers the configuration, the images' nodes
 * and their hash nodes. hashed-nodes is never trusted: the list is rebuilt. Only data that the signature covers through
 * a hash is handed out.
 *
 * The image is read into memory of ours or mapped privately from a descriptor the caller keeps; nothing is used that was
 * not checked, and all pointers in struct fit point into [data, data + size).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct fit_part {
	const uint8_t *data; /* NULL: absent */
	size_t size;
	const char *node; /* unit name under /images */
};

struct fit {
	const char *description;
	const char *configuration; /* the one chosen */
	struct fit_part kernel;
	struct fit_part initrd;
	const char *cmdline; /* NUL-terminated inside the image; NULL: absent */
	bool verified;       /* signature and hashes hold */
	char signer[64];     /* key-name-hint that verified */
};

/* A public key to verify with. */
struct fit_key {
	const char *name; /* key-name-hint; for messages */
	const char *path; /* PEM: certificate or public key */
};

/* Whether data starts like a FIT (device-tree magic); no promise beyond. */
bool fit_probe(const uint8_t *data, size_t size);

/*
 * Parses, and verifies unless allow_unsigned. Hashes are checked in any case: allow_unsigned forgives a missing or
 * unknown signature, never a flipped bit. configuration: NULL for the default one.
 * -EINVAL: not a well-formed FIT; -EBADMSG: a hash does not match; -EKEYREJECTED: not signed by any of the keys.
 * name is the file's, for the error.
 */
int fit_open(const char *name, const uint8_t *data, size_t size, const char *configuration, const struct fit_key *keys,
	     unsigned key_count, bool allow_unsigned, struct fit *fit, struct error *err);
