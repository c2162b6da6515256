/*
 * What a disk that another program serves (vmm/storage/storage_daemon.h) is made of, as its definition says
 * it: format, network, passphrase, the images behind it. Part of disk.h; the words are libvirt's.
 *
 *      {"path": "/srv/data.qcow2", "format": "qcow2", "backing": {"path": "/srv/base.raw"}}
 *      {"source": {"protocol": "nbd", "host": "store.example", "port": 10809, "name": "data"}}
 *
 * Files that an image names are never opened because it names them: only those of the definition are.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/config/json.h"

#define DISK_BACKING_MAX     3 /* images behind one another */
#define DISK_NBD_PORT        10809
#define DISK_RECONNECT_MAX_S 3600

enum disk_format {
	DISK_FORMAT_RAW,
	DISK_FORMAT_QCOW2,
	DISK_FORMAT_VMDK,
	DISK_FORMAT_VHDX,
	DISK_FORMAT_LUKS,
};

/* An image behind another, and the one behind that. */
struct disk_backing {
	char *path, *image; /* one of them */
	enum disk_format format;
	struct disk_backing *next; /* NULL: nothing is behind it */
};

/* An NBD server's export. */
struct disk_nbd {
	char *host;   /* NULL when it is ... */
	char *socket; /* ... a unix socket's path */
	uint16_t port;
	char *export; /* NULL: the server's default */
	char *name;   /* for messages: "nbd://host:port/export" */
};

struct disk_source {
	enum disk_format format;
	bool network; /* of nbd */
	struct disk_nbd nbd;
	struct disk_backing *backing;
	char *secret;         /* a file with the passphrase of LUKS */
	bool transient;       /* what is written is forgotten at the guest's end */
	bool reconnect;       /* a program that dies is started again and waited for */
	unsigned reconnect_s; /* from one start of it to the next, at least */
};

/* Reads what is not of the disk's file itself; paths are made absolute against folder. */
int disk_source_read(const struct json_place *place, const char *folder, struct disk_source *source);
void disk_source_free(struct disk_source *source);
/* As the key says it. */
const char *disk_format_word(enum disk_format format);
