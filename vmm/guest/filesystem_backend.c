#include "vmm/guest/filesystem_backend.h"

#include <stdio.h>
#include <sys/resource.h>

#include "vmm/guest/daemon_start.h"
#include "vmm/guest/filesystem_source.h"
#include "vmm/storage/filesystem_plan.h"

#define ABOUT     "filesystem" /* its name for who looks at processes */
#define FILES_MAX 1000000      /* that a guest may have the daemon hold open */

static int start(struct disk_backend *backend, const struct filesystem_definition *filesystem,
		 const struct filesystem_source *source, const struct disk_backend_place *place,
		 struct error *err)
{
	const struct rlimit files = {FILES_MAX, FILES_MAX};
	const struct storage_file file = {.path = filesystem->path, .fd = source->fd, .tree = source->tree};
	char name[sizeof(ABOUT) + 1 + FILESYSTEM_TAG_MAX];
	struct daemon_start its = {
		.name = name,
		.jail =
			{
				.name = ABOUT,
				.on = true,
				.uid = source->uid,
				.gid = source->gid,
				.ids = source->ids,
				.cgroup_fd = place->cgroup_fd,
			},
		.plan = filesystem_plan_make(filesystem, ABOUT, source->tree >= 0),
		.files = &file,
		.file_count = 1,
	};
	int channel;

	snprintf(name, sizeof(name), ABOUT " %s", filesystem->tag);
	channel = daemon_start(backend, &its, err);
	cJSON_Delete(its.plan);
	/* It cannot raise that itself. Who is not root has what he has. */
	if (channel >= 0)
		prlimit(backend->pid, RLIMIT_NOFILE, &files, NULL);
	return channel;
}

int filesystem_backend_begin(struct disk_backend *backend, const struct filesystem_definition *filesystem,
			     const struct settings *settings, const struct disk_backend_place *place,
			     struct error *err)
{
	struct filesystem_source source;
	int code = filesystem_source_open(filesystem, settings, &source, err);

	*backend = (struct disk_backend){0};
	if (code < 0)
		return code;
	code = start(backend, filesystem, &source, place, err);
	filesystem_source_close(&source);
	return code;
}
