#include "vmm/guest/disk_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/guest/daemon_start.h"
#include "vmm/guest/disk_open.h"
#include "vmm/storage/source_view.h"
#include "vmm/storage/storage_plan.h"

#define LOOK_MS    10
#define SECRET_MAX 4096
#define ABOUT      "disk" /* its name for who looks at processes */
#define PROCESSES  80     /* qemu-storage-daemon has up to 64 threads for what blocks */
#define MEMORY     MIB(192)
/* Of virtiofsd, which has each file open that the guest remembers. */
#define FILESYSTEM_PROCESSES 8
#define FILESYSTEM_MEMORY    MIB(64)

/* Users of daemons that root starts: above those of programs (sandbox_ids.c), one a guest. */
#define IDS_FIRST 1930000000U
#define IDS_LAST  (IDS_FIRST + GUEST_IDS_MAX)

/* What a start opens; all of it is closed when the daemon has it. */
struct start {
	const struct disk_definition *disk;
	const struct settings *settings;
	const struct disk_backend_place *place;
	struct storage_file files[STORAGE_FILES_MAX];
	char *paths[STORAGE_FILES_MAX];
	unsigned count;
	char secret[SECRET_MAX + 1];
	uid_t uid;
	gid_t gid;
};

static void start_free(struct start *start)
{
	for (unsigned i = 0; i < start->count; i++) {
		cleanup_close(&start->files[i].fd);
		cleanup_close(&start->files[i].tree);
		free(start->paths[i]);
	}
	explicit_bzero(start->secret, sizeof(start->secret));
}

static int out_of_memory(const struct start *start, struct error *err)
{
	return error_set(err, -ENOMEM, "disk %s: out of memory", disk_definition_name(start->disk));
}

/* --- Files --- */

static int file_add(struct start *start, const char *path, int fd, bool writable, struct error *err)
{
	struct storage_file *file = &start->files[start->count];
	struct stat status;

	*file = (struct storage_file){.fd = fd, .tree = -1, .writable = writable};
	start->paths[start->count] = path ? strdup(path) : NULL;
	file->path = start->paths[start->count++];
	if (!file->path)
		return out_of_memory(start, err);
	file->device = fd >= 0 && fstat(fd, &status) == 0 && S_ISBLK(status.st_mode);
	return 0;
}

static int image_add(struct start *start, const char *path, const char *image, bool writable,
		     struct error *err)
{
	AUTO_FREE char *pool_path = NULL;
	struct disk_source_file source = {.path = path, .image = image, .read_only = !writable};
	int fd = disk_open_file(&source, start->settings, err);

	if (fd < 0)
		return fd;
	if (image && asprintf(&pool_path, "%s/%s.img", start->settings->pool_dir, image) < 0)
		pool_path = NULL;
	return file_add(start, image ? pool_path : path, fd, writable, err);
}

static int images_open(struct start *start, struct error *err)
{
	const struct disk_definition *disk = start->disk;
	int code =
		image_add(start, disk->path, disk->image, !disk->read_only && !disk->source.transient, err);

	for (const struct disk_backing *backing = disk->source.backing; backing && code == 0;
	     backing = backing->next)
		code = image_add(start, backing->path, backing->image, false, err);
	return code;
}

/* Beside the image, for it may grow as large. */
static int overlay_path(const struct start *start, char *path, size_t size)
{
	const char *beside = start->disk->image ? NULL : start->disk->path;
	const char *slash = beside ? strrchr(beside, '/') : NULL;
	int len;

	if (start->disk->image)
		len = snprintf(path, size, "%s/.transient.XXXXXX", start->settings->pool_dir);
	else if (slash && strncmp(beside, "/dev/", 5) != 0)
		len = snprintf(path, size, "%.*s/.transient.XXXXXX", (int)(slash - beside), beside);
	else
		len = snprintf(path, size, "/var/tmp/.rastos-transient.XXXXXX");
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

static int overlay_open(struct start *start, struct error *err)
{
	char path[PATH_MAX];
	int fd = overlay_path(start, path, sizeof(path));
	int code;

	if (fd == 0)
		fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return error_set(err, fd == -1 ? -errno : fd,
				 "disk %s: cannot make a file for what is to be forgotten: %m",
				 disk_definition_name(start->disk));
	code = file_add(start, path, fd, true, err);
	start->files[start->count - 1].unlink = true;
	return code;
}

static int secret_open(struct start *start, struct error *err)
{
	const char *path = start->disk->source.secret;
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t got = fd < 0 ? -1 : read(fd, start->secret, SECRET_MAX);

	if (got < 0)
		return error_set(err, -errno, "disk %s: secret %s: cannot read: %m",
				 disk_definition_name(start->disk), path);
	start->secret[got] = '\0';
	start->secret[strcspn(start->secret, "\r\n")] = '\0';
	if (!start->secret[0])
		return error_set(err, -EINVAL, "disk %s: secret %s: has no passphrase in its first line",
				 disk_definition_name(start->disk), path);
	if (!start->place->jail)
		return error_set(err, -EOPNOTSUPP, "disk %s: \"luks\" needs \"jail\": true in vmm.json",
				 disk_definition_name(start->disk));
	return 0;
}

static int files_open(struct start *start, struct error *err)
{
	const struct disk_source *source = &start->disk->source;
	int code = 0;

	if (!source->network)
		code = images_open(start, err);
	else if (source->nbd.socket)
		code = file_add(start, source->nbd.socket, -1, true, err);
	if (code == 0 && source->transient)
		code = overlay_open(start, err);
	if (code == 0 && source->secret)
		code = secret_open(start, err);
	return code;
}

/* --- Who may open them --- */

/* Root's daemons are users that nobody else is: files are given to them in a view of their own, where the
 * file system can do that; else the daemon is whoever has the disk's file. */
static void choose_user(struct start *start)
{
	const struct storage_file *first = &start->files[0];
	struct stat status;
	int slot = start->place->id_slot;

	start->uid = start->gid =
		geteuid() == 0 ? (uid_t)(IDS_FIRST + (slot < 0 ? GUEST_IDS_MAX : (unsigned)slot)) : geteuid();
	if (geteuid() != 0) {
		start->gid = getegid();
		return;
	}
	if (start->count == 0 || first->unlink ||
	    (first->fd >= 0 ? fstat(first->fd, &status) : stat(first->path, &status)) < 0)
		return;
	if (status.st_uid == 0 && first->fd >= 0) {
		start->files[0].tree = source_view_make(first->fd, start->uid, 1, !first->writable);
		if (start->files[0].tree >= 0)
			return;
	}
	start->uid = status.st_uid;
	start->gid = status.st_gid;
}

static int tree_make(struct start *start, struct storage_file *file, struct error *err)
{
	struct stat status;

	if (file->unlink && fchown(file->fd, start->uid, start->gid) < 0)
		return error_set(err, -errno, "disk %s: %s: cannot give it to its daemon: %m",
				 disk_definition_name(start->disk), file->path);
	if (file->fd >= 0 && fstat(file->fd, &status) == 0 && status.st_uid == 0 && start->uid != 0)
		file->tree = source_view_make(file->fd, start->uid, 1, !file->writable);
	if (file->tree < 0)
		file->tree = source_tree_open(file->path, file->fd);
	if (file->tree < 0)
		return error_set(err, file->tree, "disk %s: %s: cannot be handed to its daemon: %s",
				 disk_definition_name(start->disk), file->path, strerror(-file->tree));
	return 0;
}

/* Root makes the mounts here, where it may; another user's are made by the daemon's process. */
static int files_give(struct start *start, struct error *err)
{
	int code = 0;

	choose_user(start);
	for (unsigned i = 0; i < start->count && code == 0 && geteuid() == 0 && start->place->jail; i++) {
		if (start->files[i].tree < 0)
			code = tree_make(start, &start->files[i], err);
	}
	return code;
}

/* --- The process --- */

static int start_process(struct start *start, struct disk_backend *backend, struct error *err)
{
	const struct storage_wants wants = {
		.about = ABOUT,
		.disk = start->disk,
		.files = start->files,
		.file_count = start->count,
		.secret = start->secret[0] ? start->secret : NULL,
		.jail = start->place->jail,
		.queues = start->disk->queues ? start->disk->queues : 1,
	};
	AUTO_FREE char *name = NULL;
	struct daemon_start its = {
		.jail =
			{
				.name = ABOUT,
				.on = start->place->jail,
				.network = start->disk->source.network && start->disk->source.nbd.host,
				.uid = start->uid,
				.gid = start->gid,
				.cgroup_fd = start->place->cgroup_fd,
			},
		.files = start->files,
		.file_count = start->count,
	};
	int channel;

	if (asprintf(&name, "disk %s", disk_definition_name(start->disk)) < 0) {
		name = NULL;
		return out_of_memory(start, err);
	}
	its.name = name;
	its.plan = storage_plan_make(&wants);
	channel = daemon_start(backend, &its, err);
	cJSON_Delete(its.plan);
	return channel;
}

int disk_backend_begin(struct disk_backend *backend, const struct disk_definition *disk,
		       const struct settings *settings, const struct disk_backend_place *place,
		       struct error *err)
{
	struct start start = {.disk = disk, .settings = settings, .place = place};
	const struct storage_file *last;
	int code;

	*backend = (struct disk_backend){0};
	code = files_open(&start, err);
	if (code == 0)
		code = files_give(&start, err);
	if (code == 0)
		code = start_process(&start, backend, err);
	/* Not yet: what has no name cannot be mounted. Without a jail it is opened by its name, again and
	 * again, and its process takes it (storage_root.c). */
	last = start.count ? &start.files[start.count - 1] : NULL;
	if (last && last->unlink && code < 0)
		unlink(last->path);
	else if (last && last->unlink && place->jail)
		backend->overlay = TAKE_PTR(start.paths[start.count - 1]);
	start_free(&start);
	return code;
}

static void overlay_forget(struct disk_backend *backend)
{
	AUTO_FREE char *path = TAKE_PTR(backend->overlay);

	if (path)
		unlink(path);
}

/* Its first word: a connection, which is left for the guest, or why there is none. */
int disk_backend_heard(struct disk_backend *backend, int channel, const char *name, struct error *err)
{
	char text[256] = "";
	ssize_t got = recv(channel, text, sizeof(text) - 1, MSG_PEEK | MSG_DONTWAIT);
	int code = -EIO;

	if (got == sizeof(uint32_t))
		code = 0;
	else if (got < 0 && errno == EAGAIN && monotonic_ms() < backend->until_ms)
		return -EAGAIN;
	overlay_forget(backend);
	if (code == 0)
		return 0;
	if (got < 0 && errno == EAGAIN)
		code = error_set(err, -ETIMEDOUT, "%s: its daemon does not start", name);
	else
		error_set(err, code, "%s: %s", name, got > 0 ? text : "its daemon has ended without a word");
	return code;
}

bool disk_backend_ended(struct disk_backend *backend)
{
	siginfo_t info = {0};

	if (backend->pid <= 0 || waitid(P_PID, (id_t)backend->pid, &info, WEXITED | WNOHANG) < 0 ||
	    !info.si_pid)
		return false;
	backend->pid = 0;
	overlay_forget(backend);
	return true;
}

void disk_backend_hurry(const struct disk_backend *backend)
{
	/* And with it all that it has started: it is the first of its namespace. */
	if (backend->pid > 0 && monotonic_ms() >= backend->until_ms)
		kill(backend->pid, SIGKILL);
}

void disk_backend_kill(struct disk_backend *backend)
{
	if (backend->pid <= 0)
		return;
	kill(backend->pid, SIGKILL);
	while (waitpid(backend->pid, NULL, 0) < 0 && errno == EINTR)
		;
	backend->pid = 0;
	overlay_forget(backend);
}

void disk_backend_stop(struct disk_backend *backend)
{
	if (!disk_backend_ended(backend))
		backend->until_ms = monotonic_ms() + DISK_BACKEND_LEAVE_MS;
	while (backend->pid > 0 && monotonic_ms() < backend->until_ms && !disk_backend_ended(backend))
		poll(NULL, 0, LOOK_MS);
	disk_backend_kill(backend);
}

static unsigned count_of(const struct guest_definition *definition)
{
	unsigned count = 0;

	for (unsigned i = 0; i < definition->disk_count; i++)
		count += disk_definition_has_backend(&definition->disks[i]);
	return count;
}

uint64_t disk_backend_memory(const struct guest_definition *definition)
{
	return count_of(definition) * MEMORY + definition->filesystems.count * FILESYSTEM_MEMORY;
}

unsigned disk_backend_processes(const struct guest_definition *definition)
{
	unsigned count = count_of(definition) * PROCESSES;

	for (unsigned i = 0; i < definition->filesystems.count; i++)
		count += FILESYSTEM_PROCESSES + definition->filesystems.list[i].thread_pool;
	return count;
}
