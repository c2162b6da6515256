/*
 * Signed boot images: a FIT (flattened image tree, U-Boot doc/usage/fit/) as mkimage makes it, verified the
 * strict way.
 *
 *     images {
 *         kernel-1 { type = "kernel_noload"; arch = "x86_64"; compression = "none"; data; hash-1; };
 *         ramdisk-1 { type = "ramdisk"; compression = "none"; data; hash-1; };
 *         cmdline-1 { type = "script"; compression = "none"; data = "console=ttyS0"; hash-1; };
 *     };
 *     configurations {
 *         default = "conf-1";
 *         conf-1 {
 *             kernel = "kernel-1"; ramdisk = "ramdisk-1"; cmdline = "cmdline-1";
 *             signature-1 { algo = "sha256,rsa2048"; key-name-hint = "NAME";
 *                           sign-images = "kernel", "ramdisk", "cmdline"; };
 *         };
 *     };
 *
 * Only the kernel is required. `cmdline` is ours: the kernel's command line, as one NUL-terminated text.
 * Every image has a sha256 (or sha384, sha512) hash; a signature (one of those with rsa2048, rsa3072 or
 * rsa4096, PKCS#1 v1.5) covers the configuration, the nodes of all images it names and their hash nodes.
 * hashed-nodes is never trusted: the list is rebuilt (fit_signed.h). Only data that the signature covers
 * through a hash is handed out. Which of a file's signed configurations is the default one is not signed:
 * whoever can write the file can choose among them.
 *
 * Data may lie inside the tree or behind it (mkimage -E, -p). Compression is "none": kernel and initrd bring
 * their own, which their loaders undo after they were verified.
 *
 * The image is read into memory of ours or mapped privately from a descriptor the caller keeps; nothing is
 * used that was not checked, and all pointers in struct fit point into [data, data + size), which starts at a
 * multiple of eight. No state is kept; any thread. libcrypto is loaded by the first fit_open.
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
	char signer[64];     /* name of the key that verified */
};

/* A public key to verify with. */
struct fit_key {
	const char *name; /* key-name-hint; for messages */
	const char *path; /* PEM: certificate or public key; for messages when there is text */
	const char
		*text; /* what is in the file, NUL-terminated; NULL: the file is read when the key is tried */
};

/*
 * Parses, and verifies unless allow_unsigned. Hashes are checked in any case: allow_unsigned forgives a
 * missing or unknown signature, never a flipped bit. configuration: NULL for the default one. -EINVAL: not a
 * well-formed FIT; -EBADMSG: a hash does not match; -EKEYREJECTED: not signed by any of the keys. name is the
 * file's, for the error.
 */
int fit_open(const char *name, const uint8_t *data, size_t size, const char *configuration,
	     const struct fit_key *keys, unsigned key_count, bool allow_unsigned, struct fit *fit,
	     struct error *err);

/*
 * The same in a child process that ends with it, so that neither libcrypto's private memory (about 600 KiB)
 * nor its 2 MiB of code stay with a guest. data must be memory that a child inherits unchanged. The caller
 * has no other threads yet. -EIO: the child died. confine (may be NULL) is called in the child with libcrypto
 * loaded and before anything of the image is looked at: it may give up all rights that memory does not need.
 */
int fit_open_apart(const char *name, const uint8_t *data, size_t size, const char *configuration,
		   const struct fit_key *keys, unsigned key_count, bool allow_unsigned,
		   int (*confine)(struct error *err), struct fit *fit, struct error *err);
