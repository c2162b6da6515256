#include "vmm/storage/draft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/storage/program.h"

#define PREFIX   ".draft-"
#define ATTEMPTS 16

/* The draft's folder, opened and locked; -EAGAIN when a sweep has taken it for a dead one meanwhile. */
static int folder_lock(const struct pool *pool, const char *name, int flags)
{
	AUTO_CLOSE int fd = openat(pool->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || flock(fd, LOCK_EX | flags) < 0 || fstat(fd, &status) < 0)
		return -errno;
	return status.st_nlink ? TAKE_FD(fd) : -EAGAIN;
}

int draft_begin(const struct pool *pool, struct draft *draft, struct error *err)
{
	int code = -EAGAIN;

	*draft = (struct draft){.pool = pool, .folder = -1};
	for (unsigned i = 0; i < ATTEMPTS && (code == -EEXIST || code == -EAGAIN || code == -ENOENT); i++) {
		uint32_t number = 0;

		if (getrandom(&number, sizeof(number), 0) < 0)
			number = (uint32_t)getpid() + i;
		snprintf(draft->name, sizeof(draft->name), PREFIX "%08x", number);
		code = mkdirat(pool->fd, draft->name, 0700) < 0 ? -errno : folder_lock(pool, draft->name, 0);
	}
	if (code < 0)
		return error_set(err, code, "pool %s: cannot make a folder: %s", pool->dir, strerror(-code));
	draft->folder = code;
	return 0;
}

int draft_image(const struct draft *draft, uint64_t size, int *fd, struct error *err)
{
	AUTO_CLOSE int image =
		openat(draft->folder, DRAFT_IMAGE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (image < 0 || ftruncate(image, (off_t)size) < 0)
		return error_set(err, -errno, "pool %s: cannot make an image of %llu bytes: %m",
				 draft->pool->dir, (unsigned long long)size);
	*fd = TAKE_FD(image);
	return 0;
}

/* Whatever a program or an archive has put there, with whatever owners. */
static void empty(int folder)
{
	const char *const argv[] = {"find", ".", "-mindepth", "1", "-delete", NULL};
	struct program program = program_of(argv, "findutils", "pool");

	program.folder = folder;
	program.owners = geteuid() == 0 ? PROGRAM_OWNERS_REAL : PROGRAM_OWNERS_MANY;
	if (program_run(&program, NULL) < 0 && geteuid() != 0) {
		program.owners = PROGRAM_OWNER_ONE;
		program_run(&program, NULL);
	}
}

static void folder_remove(const struct pool *pool, const char *name, int folder)
{
	unlinkat(folder, DRAFT_IMAGE, 0);
	if (unlinkat(pool->fd, name, AT_REMOVEDIR) == 0 || errno != ENOTEMPTY)
		return;
	empty(folder);
	unlinkat(pool->fd, name, AT_REMOVEDIR);
}

void draft_drop(struct draft *draft)
{
	if (draft->folder < 0)
		return;
	folder_remove(draft->pool, draft->name, draft->folder);
	close(TAKE_FD(draft->folder));
}

static int finish(const struct draft *draft, const char *name, bool replace)
{
	AUTO_CLOSE int image = openat(draft->folder, DRAFT_IMAGE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	char file[DEFINITION_NAME_MAX + sizeof(".img")];

	snprintf(file, sizeof(file), "%s.img", name);
	/* It may be a program's. */
	if (image < 0 || fchown(image, geteuid(), getegid()) < 0 || fchmod(image, 0600) < 0 ||
	    fsync(image) < 0)
		return -errno;
	if (renameat2(draft->folder, DRAFT_IMAGE, draft->pool->fd, file, replace ? 0 : RENAME_NOREPLACE) < 0)
		return -errno;
	return fsync(draft->pool->fd) < 0 ? -errno : 0;
}

int draft_finish(struct draft *draft, const char *name, bool replace, struct error *err)
{
	int code = finish(draft, name, replace);

	draft_drop(draft);
	if (code == -EEXIST)
		return error_set(err, code, "disk %s: there is one of that name already", name);
	return code < 0 ? error_set(err, code, "disk %s: cannot write it: %s", name, strerror(-code)) : 0;
}

static DIR *pool_entries(const struct pool *pool)
{
	int copy = pool->fd < 0 ? -1 : openat(pool->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir)
		cleanup_close(&copy);
	return dir;
}

static bool is_draft(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX)) == 0;
}

bool drafts_any(const struct pool *pool)
{
	DIR *dir = pool_entries(pool);
	const struct dirent *entry;
	bool any = false;

	while (dir && !any && (entry = readdir(dir)))
		any = is_draft(entry->d_name);
	if (dir)
		closedir(dir);
	return any;
}

void drafts_sweep(const struct pool *pool)
{
	DIR *dir = pool_entries(pool);
	const struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		AUTO_CLOSE int folder = -1;

		if (!is_draft(entry->d_name))
			continue;
		folder = folder_lock(pool, entry->d_name, LOCK_NB);
		if (folder >= 0)
			folder_remove(pool, entry->d_name, folder);
	}
	closedir(dir);
}
