/* An image that comes by standard input. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/storage/import.h"
#include "vmm/storage/overlay.h"

#define CHUNK     65536 /* what is all zeros and so long becomes a hole */
#define STEP_TEXT "receiving"
#define ARRIVED   "arrived" /* its name in the draft, when it is not the image itself */

static bool is_zero(const char *bytes, size_t length)
{
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* As many bytes as fit, fewer only at the end. Or a negative errno. */
static ssize_t read_chunk(char bytes[CHUNK], uint64_t most)
{
	size_t wanted = (size_t)MIN(most, (uint64_t)CHUNK), used = 0;

	while (used < wanted) {
		ssize_t got = read(STDIN_FILENO, bytes + used, wanted - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

static int write_chunk(int fd, const char *bytes, size_t length, uint64_t at)
{
	while (length > 0) {
		ssize_t wrote = pwrite(fd, bytes, length, (off_t)at);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return -errno;
		bytes += wrote;
		length -= (size_t)wrote;
		at += (uint64_t)wrote;
	}
	return 0;
}

static void report(const struct import *import, uint64_t done)
{
	if (import->length)
		progress_report_bytes(import->progress, STEP_TEXT, done, import->length);
	else
		progress_report(import->progress, STEP_TEXT, PROGRESS_UNKNOWN);
}

/* All of it; a connection that broke leaves fewer bytes than were promised. */
static int receive(const struct import_job *job, struct error *err)
{
	const struct import *import = job->import;
	uint64_t most = import->length ? import->length : POOL_SIZE_MAX;
	AUTO_FREE char *bytes = malloc(CHUNK);
	uint64_t done = 0;
	ssize_t got = bytes ? 0 : -ENOMEM;
	int code = 0;

	while (bytes && code == 0 && (got = read_chunk(bytes, most - done)) > 0) {
		if (!is_zero(bytes, (size_t)got))
			code = write_chunk(job->source, bytes, (size_t)got, done);
		done += (uint64_t)got;
		report(import, done);
	}
	if (got < 0)
		return error_set(err, (int)got, "%s: cannot read: %s", job->about, strerror((int)-got));
	if (code == 0 && ftruncate(job->source, (off_t)done) < 0)
		code = -errno;
	if (code < 0)
		return error_set(err, code, "%s: cannot write it: %s", job->about, strerror(-code));
	if (import->length && done < import->length)
		return error_set(err, -EPIPE, "%s: ended after %llu of %llu bytes", job->about,
				 (unsigned long long)done, (unsigned long long)import->length);
	return 0;
}

/* What is promised and cannot fit is not begun. */
static int check_room(const struct pool *pool, const struct import *import, struct error *err)
{
	struct statvfs status;

	if (fstatvfs(pool->fd, &status) < 0 || import->length / status.f_frsize < status.f_bavail)
		return 0;
	return error_set(err, -ENOSPC, "disk %s: the pool has no room for %llu bytes", import->name,
			 (unsigned long long)import->length);
}

/* A raw image is in its place already; anything else makes way for the image that is made of it. */
static int make(struct import_job *job, struct error *err)
{
	char path[PATH_MAX];
	enum import_format format;
	uint64_t size;
	int code = import_find_format(job, &format, err);

	if (code < 0)
		return code;
	if (format == IMPORT_RAW) {
		if (job->import->tag)
			return error_set(err, -EINVAL, "%s: --tag is for OCI image layouts", job->about);
		code = import_raw_size(job, &size, err);
		return code == 0 ? import_apply_size(job, err) : code;
	}
	/* Programs read it as users of their own; nobody else gets into the draft's folder. */
	if (fchmod(job->source, 0644) < 0 ||
	    renameat(job->draft->folder, DRAFT_IMAGE, job->draft->folder, ARRIVED) < 0)
		return error_set(err, -errno, "%s: cannot make way for the image: %m", job->about);
	snprintf(path, sizeof(path), "%s/%s/" ARRIVED, job->draft->pool->dir, job->draft->name);
	job->path = path;
	return import_make(job, format, err);
}

int import_stream(const struct pool *pool, const struct import *import, struct error *err)
{
	AUTO_FREE char *about = NULL;
	AUTO_CLOSE int image = -1;
	struct import_job job;
	struct draft draft;
	int code = check_room(pool, import, err);

	if (code < 0)
		return code;
	if (asprintf(&about, "disk %s: standard input", import->name) < 0)
		return error_set(err, -ENOMEM, "disk %s: out of memory", import->name);
	if ((code = draft_begin(pool, &draft, err)) < 0)
		return code;
	code = draft_image(&draft, 0, &image, err);
	job = (struct import_job){.import = import, .draft = &draft, .source = image, .about = about};
	if (code == 0)
		code = receive(&job, err);
	if (code == 0)
		code = make(&job, err);
	overlay_forget(pool, import->name);
	if (code == 0)
		return draft_finish(&draft, import->name, false, err);
	draft_drop(&draft);
	return code;
}
