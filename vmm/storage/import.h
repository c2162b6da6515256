/*
 * Images made from what people have: raw and qcow2 disk images, folders that are a system's root, tar
 * archives of one, OCI image layouts (a folder, or a tar of it) as skopeo and podman save them, and Docker's
 * archives.
 *
 *      raw     import.c         copied, by reflink where that is possible; holes stay holes
 *      qcow2   import_qcow2.c   qemu-img; one that needs other files (a backing file) is refused
 *      the rest  import_tree.c  an ext4 file system with the files, made by mkfs.ext4
 *
 * What comes by standard input (import_stream.c) is put into the draft first, where one that is raw then
 * stays.
 *
 * Everything is hostile. Programs unpack it, with little privilege (program.h); a name gets its image when
 * all went well, otherwise nothing stays.
 */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "vmm/storage/draft.h"
#include "vmm/storage/pool.h"

enum import_format {
	IMPORT_AUTO, /* by what is there */
	IMPORT_RAW,
	IMPORT_QCOW2,
	IMPORT_DIRECTORY,
	IMPORT_TAR, /* with or without compression; a root, or an OCI layout */
	IMPORT_OCI, /* a folder */
};

/* "auto", "raw", ...; ends with NULL. Their places are the formats. */
extern const char *const import_format_words[];

struct import {
	const char *name;   /* of the image to be */
	const char *source; /* a path; "-": standard input */
	uint64_t length;    /* of what comes by standard input, to its last byte; 0: until its end */
	enum import_format format;
	uint64_t size;   /* of the disk: 0 for the source's, or twice what a tree holds */
	const char *tag; /* which image of an OCI layout; NULL: its only one */
	struct progress *progress;
};

int pool_import(const struct pool *pool, const struct import *import, struct error *err);

/* The formats: each makes the draft's image. source: the open file or folder; about: what errors begin with.
 */
struct import_job {
	const struct import *import;
	const struct draft *draft;
	int source;
	const char *path;  /* absolute */
	const char *about; /* "disk web: /tmp/web.tar" */
};

/* By the content when none was said. -EINVAL, -EISDIR, ...: it is not what was said, or nothing that is
 * known. */
int import_find_format(const struct import_job *job, enum import_format *format, struct error *err);
/* Makes the draft's image of it, as large as it is to be. */
int import_make(const struct import_job *job, enum import_format format, struct error *err);
/* A raw image has a disk's size. */
int import_raw_size(const struct import_job *job, uint64_t *size, struct error *err);
/* The draft's image gets the size that is wanted. */
int import_apply_size(const struct import_job *job, struct error *err);
/* The whole, from standard input. */
int import_stream(const struct pool *pool, const struct import *import, struct error *err);

int import_qcow2(const struct import_job *job, struct error *err);
int import_directory(const struct import_job *job, struct error *err);
int import_tar(const struct import_job *job, struct error *err);
int import_oci(const struct import_job *job, struct error *err);
