#include "vmm/storage/import.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/storage/content.h"
#include "vmm/storage/copy.h"
#include "vmm/storage/overlay.h"

#define SECTOR 512

const char *const import_format_words[] = {"auto", "raw", "qcow2", "directory", "tar", "oci", NULL};

/* --- Which format --- */

static int find_file_format(const struct import_job *job, enum import_format *format, struct error *err)
{
	enum content content = content_probe(job->source, 0);

	if (content == CONTENT_QCOW2)
		*format = IMPORT_QCOW2;
	else if (content_is_archive(content))
		*format = IMPORT_TAR;
	else if (content_is_disk(content))
		*format = IMPORT_RAW;
	else if (content == CONTENT_VMDK || content == CONTENT_VDI || content == CONTENT_VHDX)
		return error_set(
			err, -EOPNOTSUPP,
			"%s: is a %s image, which is not supported; `qemu-img convert -O qcow2` makes one "
			"that is",
			job->about, content_name(content));
	else if (content == CONTENT_UNKNOWN || content == CONTENT_EMPTY)
		return error_set(
			err, -EINVAL,
			"%s: is no disk image or archive that is known; if it is a disk's bytes, say so "
			"with --format raw",
			job->about);
	else
		return error_set(err, -EINVAL, "%s: is no disk but %s: `rastos-vmm run` boots it as it is",
				 job->about, content_name(content));
	return 0;
}

int import_find_format(const struct import_job *job, enum import_format *format, struct error *err)
{
	struct stat status;
	bool is_folder, wants_folder;

	if (fstat(job->source, &status) < 0)
		return error_set(err, -errno, "%s: cannot stat: %m", job->about);
	is_folder = S_ISDIR(status.st_mode);
	*format = job->import->format;
	if (!is_folder && !S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
		return error_set(err, -EINVAL, "%s: is neither a file, a folder nor a block device",
				 job->about);
	if (*format == IMPORT_AUTO) {
		if (!is_folder)
			return find_file_format(job, format, err);
		*format = faccessat(job->source, "oci-layout", F_OK, 0) == 0 ? IMPORT_OCI : IMPORT_DIRECTORY;
		return 0;
	}
	if (*format == IMPORT_OCI && !is_folder)
		*format = IMPORT_TAR;
	wants_folder = *format == IMPORT_OCI || *format == IMPORT_DIRECTORY;
	if (wants_folder != is_folder)
		return error_set(err, is_folder ? -EISDIR : -ENOTDIR, "%s: is %sa folder, which %s must be",
				 job->about, is_folder ? "" : "not ",
				 is_folder ? "a file with that format cannot" : "one with that format");
	return 0;
}

/* --- Raw --- */

int import_raw_size(const struct import_job *job, uint64_t *size, struct error *err)
{
	struct stat status;

	if (fstat(job->source, &status) < 0)
		return error_set(err, -errno, "%s: cannot stat: %m", job->about);
	*size = (uint64_t)status.st_size;
	if (S_ISBLK(status.st_mode) && ioctl(job->source, BLKGETSIZE64, size) < 0)
		return error_set(err, -errno, "%s: cannot get its size: %m", job->about);
	if (*size == 0 || *size % SECTOR)
		return error_set(
			err, -EINVAL,
			"%s: its %llu bytes are not a multiple of %d, as a disk's are: it is cut off, or no "
			"disk",
			job->about, (unsigned long long)*size, SECTOR);
	return 0;
}

static int import_raw(const struct import_job *job, struct error *err)
{
	/* As a guest does that reads: who writes to it now must end first. */
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	AUTO_CLOSE int image = -1;
	uint64_t size;
	int code = import_raw_size(job, &size, err);

	if (code == 0 && fcntl(job->source, F_OFD_SETLK, &lock) < 0 && (errno == EAGAIN || errno == EACCES))
		code = error_set(err, -EBUSY, "%s: is in use by a guest or program; end that one first",
				 job->about);
	if (code == 0)
		code = draft_image(job->draft, 0, &image, err);
	if (code == 0)
		code = copy_sparse(job->about, job->source, image, size, job->import->progress, err);
	return code;
}

/* --- All --- */

/* A disk image keeps its size unless a larger one is wanted. */
int import_apply_size(const struct import_job *job, struct error *err)
{
	AUTO_CLOSE int image = openat(job->draft->folder, DRAFT_IMAGE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	uint64_t wanted = job->import->size;
	struct stat status;

	if (image < 0 || fstat(image, &status) < 0)
		return error_set(err, -errno, "%s: cannot open the new image: %m", job->about);
	if (!wanted || wanted == (uint64_t)status.st_size)
		return 0;
	if (wanted < (uint64_t)status.st_size)
		return error_set(err, -EINVAL, "%s: is a disk of %llu bytes, which do not fit into %llu",
				 job->about, (unsigned long long)status.st_size, (unsigned long long)wanted);
	return ftruncate(image, (off_t)wanted) < 0
		       ? error_set(err, -errno, "%s: cannot grow the new image: %m", job->about)
		       : 0;
}

static int import_as(const struct import_job *job, enum import_format format, struct error *err)
{
	if (job->import->tag && format != IMPORT_OCI && format != IMPORT_TAR)
		return error_set(err, -EINVAL, "%s: --tag is for OCI image layouts", job->about);
	switch (format) {
	case IMPORT_RAW:
		return import_raw(job, err);
	case IMPORT_QCOW2:
		return import_qcow2(job, err);
	case IMPORT_DIRECTORY:
		return import_directory(job, err);
	case IMPORT_TAR:
		return import_tar(job, err);
	default:
		return import_oci(job, err);
	}
}

int import_make(const struct import_job *job, enum import_format format, struct error *err)
{
	int code = import_as(job, format, err);

	return code == 0 ? import_apply_size(job, err) : code;
}

static int import_job(struct import_job *job, const struct pool *pool, struct error *err)
{
	enum import_format format;
	struct draft draft;
	int code = import_find_format(job, &format, err);

	if (code < 0 || (code = draft_begin(pool, &draft, err)) < 0)
		return code;
	job->draft = &draft;
	code = import_make(job, format, err);
	overlay_forget(pool, job->import->name);
	if (code == 0)
		return draft_finish(&draft, job->import->name, false, err);
	draft_drop(&draft);
	return code;
}

static int import_path(const struct pool *pool, const struct import *import, struct error *err)
{
	AUTO_CLOSE int source = open(import->source, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *about = NULL;
	struct import_job job;

	if (source < 0)
		return error_set(err, -errno, "disk %.80s: cannot open %s: %m", import->name, import->source);
	path = realpath(import->source, NULL);
	if (!path || asprintf(&about, "disk %s: %s", import->name, import->source) < 0)
		return error_set(err, path ? -ENOMEM : -errno, "disk %s: cannot resolve %s: %m", import->name,
				 import->source);
	job = (struct import_job){.import = import, .source = source, .path = path, .about = about};
	return import_job(&job, pool, err);
}

int pool_import(const struct pool *pool, const struct import *import, struct error *err)
{
	int code = pool_name_check(pool, import->name, err);

	if (code == 0 && import->size)
		code = pool_size_check(import->size, err);
	if (code < 0)
		return code;
	return strcmp(import->source, "-") == 0 ? import_stream(pool, import, err)
						: import_path(pool, import, err);
}
