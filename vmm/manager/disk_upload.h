/*
 * A disk of the pool whose bytes somebody sends: a task (task_process.h) that reads them while they come, the
 * command `rastos-vmm disk import NAME -`.
 *
 * When fewer come than were promised, the task fails and leaves nothing; so it is when the manager dies. Loop
 * thread only.
 */
#pragma once

#include "vmm/manager/manager.h"

struct disk_upload {
	const char *disk;
	const char *format; /* one of import_format_words; NULL: by what comes */
	const char *tag;    /* may be NULL */
	uint64_t length;    /* how many bytes come, 1 or more */
	uint64_t size;      /* that the disk is to have; 0: as it comes */
};

/* Begins the task. The descriptor that takes the bytes, the caller's and not blocking; or a negative errno:
 * -EINVAL (err's pointer says what of it), -EEXIST, -ENOSPC, -EBUSY. */
int disk_upload_begin(struct manager *manager, const struct disk_upload *upload, struct task **task,
		      struct error *err);
