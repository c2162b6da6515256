/*
 * What a disk's storage daemon is to do (storage_daemon.h), as one JSON object that the program which starts
 * it writes, and its process reads:
 *
 *      {"about":"disk data",
 *       "jail":true,"network":false,            in a root of its own; with the host's network
 *       "files":[{"place":"disk0","path":"/srv/data.qcow2","writable":true,"unlink":false,"tree":false}],
 *       "secret":"...",                         a passphrase
 *       "probe":["{...}"],"leaves":["disk"],    block nodes to be looked at; those that must have nothing
 * behind them "overlay":"file1",                      this file is to be made one first, as large as node
 * "base"; or not there "serve":["{...}"],                      block nodes; "disk" is what the guest sees
 *       "writable":true,"queues":1,"reconnect":true,"seconds":1}
 *
 * Block nodes are QEMU's (docs/interop/qemu-storage-daemon-qmp-ref, BlockdevOptions). Each image is opened by
 * the place that its file has in the daemon's root, and what is behind it is said by a node of the
 * definition's, or by null: never by the image. Pure functions.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/error.h"
#include "vmm/config/disk.h"

#define STORAGE_FILES_MAX                                                                                    \
	(DISK_BACKING_MAX + 3) /* the disk's, those behind it, an overlay; or a server's socket */

/* One file that the daemon works on. */
struct storage_file {
	const char *path; /* the host's */
	int fd;           /* open, and locked; -1: its path is enough */
	int tree;         /* a mount of it that is nowhere yet; -1: to be made of the path */
	bool device;      /* a block device */
	bool writable;
	bool unlink; /* nobody is to find it once the daemon has it */
};

struct storage_wants {
	const char *about;
	const struct disk_definition *disk;
	const struct storage_file
		*files; /* the disk's; those behind it in their order; the overlay. Or the server's socket */
	unsigned file_count;
	const char *secret; /* NULL: none */
	bool jail;
	unsigned queues;
};

/* NULL: out of memory. The caller frees it. */
cJSON *storage_plan_make(const struct storage_wants *wants);
