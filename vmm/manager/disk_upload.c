#include "vmm/manager/disk_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/manager/task_process.h"
#include "vmm/storage/import.h"

#define OPTION_MAX 320

static int wrong(struct error *err, const char *name, const char *why)
{
	snprintf(err->pointer, sizeof(err->pointer), "/%s", name);
	return error_set(err, -EINVAL, "%s: %s", name, why);
}

static bool is_word(const char *text, const char *const *words)
{
	while (*words && strcmp(*words, text) != 0)
		words++;
	return *words != NULL;
}

/* What cannot fit need not come. */
static int check_room(const struct settings *settings, const struct disk_upload *upload, struct error *err)
{
	struct statvfs status;

	if (pool_measure(settings, &status) < 0 || upload->length / status.f_frsize < status.f_bavail)
		return 0;
	return error_set(err, -ENOSPC, "disk %s: the pool has no room for %llu bytes", upload->disk,
			 (unsigned long long)upload->length);
}

static int check(const struct settings *settings, const struct disk_upload *upload, struct error *err)
{
	struct pool pool;
	int code;

	if (upload->format && (!is_word(upload->format, import_format_words) ||
			       strcmp(upload->format, import_format_words[IMPORT_DIRECTORY]) == 0))
		return wrong(err, "format", "must be auto, raw, qcow2, tar or oci");
	if (upload->tag && (!*upload->tag || strlen(upload->tag) > OPTION_MAX - sizeof("--tag=")))
		return wrong(err, "tag", "is empty, or too long");
	if (upload->size && upload->size % 512)
		return wrong(err, "size", "must be a multiple of 512");
	code = pool_open(settings, false, &pool, err);
	if (code < 0)
		return code;
	code = pool_name_check(&pool, upload->disk, err);
	pool_close(&pool);
	if (code == 0 && upload->size)
		code = pool_size_check(upload->size, err);
	return code == 0 ? check_room(settings, upload, err) : code;
}

static int begin(struct manager *manager, const struct disk_upload *upload, int input, struct task **task,
		 struct error *err)
{
	char length[OPTION_MAX], format[OPTION_MAX], size[OPTION_MAX], tag[OPTION_MAX];
	const char *arguments[TASK_ARGUMENTS_MAX] = {"disk", "import", "--json-lines", length};
	unsigned count = 4;

	snprintf(length, sizeof(length), "--length=%llu", (unsigned long long)upload->length);
	snprintf(format, sizeof(format), "--format=%s", upload->format ? upload->format : "");
	snprintf(size, sizeof(size), "--size=%llu", (unsigned long long)upload->size);
	snprintf(tag, sizeof(tag), "--tag=%s", upload->tag ? upload->tag : "");
	if (upload->format)
		arguments[count++] = format;
	if (upload->size)
		arguments[count++] = size;
	if (upload->tag)
		arguments[count++] = tag;
	arguments[count++] = "--";
	arguments[count++] = upload->disk;
	arguments[count] = "-";
	return task_process_begin_with(manager->task_processes, "disk-import", upload->disk, arguments, input,
				       task, err);
}

int disk_upload_begin(struct manager *manager, const struct disk_upload *upload, struct task **task,
		      struct error *err)
{
	AUTO_CLOSE int theirs = -1;
	AUTO_CLOSE int ours = -1;
	int code = check(manager->settings, upload, err);
	int ends[2];

	if (code < 0)
		return code;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "disk %s: cannot make a socket: %m", upload->disk);
	ours = ends[0];
	theirs = ends[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return error_set(err, -errno, "disk %s: cannot make a socket: %m", upload->disk);
	code = begin(manager, upload, theirs, task, err);
	return code < 0 ? code : TAKE_FD(ours);
}
