/*
 * A directory of the host that a guest shares, as its definition has it: one object of "filesystems"
 * (docs/filesystems.md). virtiofsd(1) serves it, whose words and libvirt's (format domain, "Filesystems")
 * these are. Part of definition.h.
 *
 * The guest mounts it by its tag: `mount -t virtiofs TAG DIRECTORY`. With `mount` it is told where, on its
 * kernel's command line, and rinit mounts it, as does systemd from version 254 on (systemd.mount-extra=).
 */
#pragma once

#include "vmm/config/json.h"
#include "vmm/config/virtio_driver.h"

#define FILESYSTEMS_MAX            8
#define FILESYSTEM_TAG_MAX         36 /* bytes; virtio 1.2, 5.11.4 */
#define FILESYSTEM_MOUNT_MAX       255
#define FILESYSTEM_QUEUE_MAX       256
#define FILESYSTEM_THREAD_POOL_MAX 32

/* What the guest keeps of what it has read, and how long: names and attributes, and data. */
enum filesystem_cache {
	FILESYSTEM_CACHE_AUTO, /* for a second; data while the file is open */
	FILESYSTEM_CACHE_ALWAYS,
	FILESYSTEM_CACHE_NONE,
};

struct filesystem_definition {
	char *path; /* the host's directory */
	char *tag;
	char *mount; /* where the guest mounts it; NULL: that is not ours to say */
	bool read_only;
	enum filesystem_cache cache;
	bool xattr, posix_lock, flock;
	unsigned thread_pool; /* threads that carry requests out; 0: one after the other */
	unsigned queue_size;  /* a power of two */
	struct virtio_driver driver;
};

struct filesystem_definitions {
	unsigned count;
	struct filesystem_definition list[FILESYSTEMS_MAX];
};

/* "filesystems"; paths are made absolute against folder. */
int filesystem_definitions_read(const struct json_place *root, const char *folder,
				struct filesystem_definitions *definitions);
void filesystem_definitions_free(struct filesystem_definitions *definitions);
/* virtiofsd's word for it. */
const char *filesystem_cache_word(enum filesystem_cache cache);
