#include "vmm/storage/pool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/config/nearest.h"
#include "vmm/storage/copy.h"
#include "vmm/storage/draft.h"
#include "vmm/storage/filesystem.h"
#include "vmm/storage/image_lock.h"
#include "vmm/storage/overlay.h"

#define SUFFIX    ".img"
#define FILE_MAX  (DEFINITION_NAME_MAX + sizeof(SUFFIX))
#define SECTOR    512
#define GROW_STEP 64 /* images; how an array grows */

/* --- The folder --- */

/* mkdir -p; what is there already is left as it is. */
static int make_folders(const char *path)
{
	AUTO_FREE char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int pool_open(const struct settings *settings, bool writing, struct pool *pool, struct error *err)
{
	int code = writing ? make_folders(settings->pool_dir) : 0;

	*pool = (struct pool){.dir = settings->pool_dir, .fd = -1};
	if (code < 0)
		return error_set(err, code, "pool %s: cannot make the folder: %s", pool->dir,
				 strerror(-code));
	pool->fd = open(pool->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pool->fd < 0 && (writing || errno != ENOENT))
		return error_set(err, -errno, "pool %s: cannot open: %m", pool->dir);
	if (writing)
		drafts_sweep(pool);
	return 0;
}

void pool_close(struct pool *pool)
{
	cleanup_close(&pool->fd);
	pool->fd = -1;
}

int pool_measure(const struct settings *settings, struct statvfs *status)
{
	AUTO_FREE char *path = strdup(settings->pool_dir);
	char *slash;

	if (!path)
		return -ENOMEM;
	while (statvfs(path, status) < 0) {
		slash = strrchr(path, '/');
		if (errno != ENOENT || !slash || slash == path)
			return -errno;
		*slash = '\0';
	}
	return 0;
}

/* --- Names and sizes --- */

/* NAME.img; false when name is none. */
static bool file_name(const char *name, char file[FILE_MAX])
{
	if (!definition_name_valid(name))
		return false;
	snprintf(file, FILE_MAX, "%s" SUFFIX, name);
	return true;
}

static int name_invalid(const char *name, struct error *err)
{
	return error_set(err, -EINVAL,
			 "disk %.80s: a name must be letters, digits, '-', '_' and '.', at most %d of them",
			 name, DEFINITION_NAME_MAX);
}

int pool_name_check(const struct pool *pool, const char *name, struct error *err)
{
	char file[FILE_MAX];

	if (!file_name(name, file))
		return name_invalid(name, err);
	if (pool->fd >= 0 && faccessat(pool->fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return error_set(err, -EEXIST, "disk %s: there is one of that name already", name);
	return 0;
}

int pool_size_check(uint64_t size, struct error *err)
{
	if (size == 0 || size % SECTOR)
		return error_set(err, -EINVAL, "a disk's size must be a multiple of %d bytes, and not 0",
				 SECTOR);
	if (size > POOL_SIZE_MAX)
		return error_set(err, -EINVAL, "a disk can have 64 TiB at most");
	return 0;
}

static int no_image(const struct pool *pool, const char *name, struct error *err)
{
	struct pool_image *images = NULL;
	const char **names = NULL;
	const char *nearest = NULL;
	size_t count = 0;

	if (pool_list(pool, &images, &count, NULL) == 0)
		names = calloc(count + 1, sizeof(*names));
	for (size_t i = 0; names && i < count; i++)
		names[i] = images[i].name;
	if (names)
		nearest = nearest_word(name, names);
	error_set(err, -ENOENT, "disk %s: is not in the pool %s%s%s%s", name, pool->dir,
		  nearest ? ", did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
	free(names);
	free(images);
	return -ENOENT;
}

/* --- Images --- */

/* An image's descriptor; no lock. */
static int open_image(const struct pool *pool, const char *name, int flags, struct error *err)
{
	AUTO_CLOSE int fd = -1;
	char file[FILE_MAX];
	struct stat status;

	if (!file_name(name, file))
		return name_invalid(name, err);
	fd = pool->fd < 0 ? -1
			  : openat(pool->fd, file, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (pool->fd < 0 || (fd < 0 && errno == ENOENT))
		return no_image(pool, name, err);
	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(err, -errno, "disk %s: cannot open: %m", name);
	if (!S_ISREG(status.st_mode))
		return error_set(err, -EINVAL, "disk %s: %s/%s is not a regular file", name, pool->dir, file);
	return TAKE_FD(fd);
}

static int lock_image(const struct pool *pool, const char *name, int fd, bool reading, struct error *err)
{
	struct stat status;
	int code = image_lock(fd, reading, pool->impatient ? 0 : IMAGE_LOCK_PATIENCE_MS);

	if (code == -EBUSY)
		return error_set(err, code, "disk %s: is in use by a guest or program; end that one first",
				 name);
	if (code < 0)
		return error_set(err, code, "disk %s: cannot lock: %s", name, strerror(-code));
	/* Who deletes or replaces an image holds its lock until that is done. */
	if (fstat(fd, &status) < 0 || status.st_nlink == 0)
		return error_set(err, -EBUSY, "disk %s: was deleted or replaced right now; try again", name);
	return 0;
}

/* What overlays show of it would change with it. */
static int check_not_behind(const struct pool *pool, const char *name, struct error *err)
{
	char by[DEFINITION_NAME_MAX + 1];

	return overlay_on(pool, name, by)
		       ? error_set(
				 err, -EBUSY,
				 "disk %s: is behind disk %s, which is an overlay on it; it may only be read",
				 name, by)
		       : 0;
}

/* Asked for twice: what is noted while it is locked counts, and whoever is refused hears of it before he
 * hears of a lock. */
static int lock_to_write(const struct pool *pool, const char *name, int image, bool shared, struct error *err)
{
	int code = check_not_behind(pool, name, err);

	if (code == 0)
		code = lock_image(pool, name, image, shared, err);
	return code == 0 ? check_not_behind(pool, name, err) : code;
}

int pool_image_open(const struct pool *pool, const char *name, bool read_only, int *fd, struct error *err)
{
	AUTO_CLOSE int image = open_image(pool, name, read_only ? O_RDONLY : O_RDWR, err);
	int code = MIN(image, 0);

	if (code == 0)
		code = read_only ? lock_image(pool, name, image, true, err)
				 : lock_to_write(pool, name, image, false, err);
	if (code == 0)
		*fd = TAKE_FD(image);
	return code;
}

int pool_image_share(const struct pool *pool, const char *name, int *fd, struct error *err)
{
	AUTO_CLOSE int image = open_image(pool, name, O_RDWR, err);
	int code = MIN(image, 0);

	if (code == 0)
		code = lock_to_write(pool, name, image, true, err);
	if (code == 0)
		*fd = TAKE_FD(image);
	return code;
}

/* Whether somebody holds a lock: who could write, could not lock now. */
static bool image_in_use(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int pool_find(const struct pool *pool, const char *name, struct pool_image *image, struct error *err)
{
	AUTO_CLOSE int fd = open_image(pool, name, O_RDONLY, err);
	struct stat status;

	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		return error_set(err, -errno, "disk %s: cannot stat: %m", name);
	*image = (struct pool_image){
		.size = (uint64_t)status.st_size,
		.allocated = (uint64_t)status.st_blocks * 512, /* whatever the block size; stat(2) */
		.modified = status.st_mtim.tv_sec,
		.content = content_probe(fd, 0),
		.in_use = image_in_use(fd),
	};
	snprintf(image->name, sizeof(image->name), "%s", name);
	if (overlay_backing(pool, name, image->backing))
		image->size = overlay_size(fd);
	return 0;
}

/* The name of the image in a file of the folder; false when it is none. */
static bool image_name(const char *file, char name[DEFINITION_NAME_MAX + 1])
{
	size_t len = strlen(file);

	if (len <= strlen(SUFFIX) || len >= FILE_MAX || strcmp(file + len - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	snprintf(name, DEFINITION_NAME_MAX + 1, "%.*s", (int)(len - strlen(SUFFIX)), file);
	return definition_name_valid(name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct pool_image *)a)->name, ((const struct pool_image *)b)->name);
}

static int append_image(const struct pool *pool, const char *name, struct pool_image **images, size_t *count)
{
	if (*count % GROW_STEP == 0) {
		struct pool_image *more = realloc(*images, (*count + GROW_STEP) * sizeof(**images));

		if (!more)
			return -ENOMEM;
		*images = more;
	}
	/* One that cannot be opened, or is gone meanwhile, is left out. */
	if (pool_find(pool, name, &(*images)[*count], NULL) == 0)
		++*count;
	return 0;
}

int pool_list(const struct pool *pool, struct pool_image **images, size_t *count, struct error *err)
{
	int copy = pool->fd < 0 ? -1 : openat(pool->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	char name[DEFINITION_NAME_MAX + 1];
	const struct dirent *entry;
	int code = 0;

	*images = NULL;
	*count = 0;
	if (pool->fd < 0)
		return 0;
	if (!dir) {
		code = -errno;
		cleanup_close(&copy);
		return error_set(err, code, "pool %s: cannot read: %s", pool->dir, strerror(-code));
	}
	while (code == 0 && (entry = readdir(dir))) {
		if (image_name(entry->d_name, name))
			code = append_image(pool, name, images, count);
	}
	closedir(dir);
	if (code < 0) {
		free(*images);
		*images = NULL;
		*count = 0;
		return error_set(err, code, "pool %s: out of memory", pool->dir);
	}
	if (*count)
		qsort(*images, *count, sizeof(**images), by_name);
	return 0;
}

/* --- What is done with them --- */

int pool_create(const struct pool *pool, const char *name, uint64_t size, struct error *err)
{
	AUTO_CLOSE int fd = -1;
	struct draft draft;
	int code = pool_name_check(pool, name, err);

	if (code == 0)
		code = pool_size_check(size, err);
	if (code < 0 || (code = draft_begin(pool, &draft, err)) < 0)
		return code;
	code = draft_image(&draft, size, &fd, err);
	overlay_forget(pool, name); /* of one that never came */
	if (code == 0)
		return draft_finish(&draft, name, false, err);
	draft_drop(&draft);
	return code;
}

/* A copy of an image as a draft's image, which may be larger. */
static int copy_image(const struct draft *draft, const char *name, int from, uint64_t size,
		      struct progress *progress, struct error *err)
{
	AUTO_CLOSE int to = -1;
	char about[DEFINITION_NAME_MAX + sizeof("disk ")];
	struct stat status;
	int code;

	snprintf(about, sizeof(about), "disk %s", name);
	if (fstat(from, &status) < 0)
		return error_set(err, -errno, "%s: cannot stat: %m", about);
	code = draft_image(draft, 0, &to, err);
	if (code == 0)
		code = copy_sparse(about, from, to, (uint64_t)status.st_size, progress, err);
	if (code == 0 && size > (uint64_t)status.st_size && ftruncate(to, (off_t)size) < 0)
		code = error_set(err, -errno, "%s: cannot grow the copy: %m", about);
	return code;
}

int pool_clone(const struct pool *pool, const char *name, const char *new_name, struct progress *progress,
	       struct error *err)
{
	char backing[DEFINITION_NAME_MAX + 1];
	AUTO_CLOSE int from = -1;
	struct draft draft;
	int code = pool_image_open(pool, name, true, &from, err);

	if (code == 0)
		code = pool_name_check(pool, new_name, err);
	if (code < 0 || (code = draft_begin(pool, &draft, err)) < 0)
		return code;
	code = copy_image(&draft, name, from, 0, progress, err);
	overlay_forget(pool, new_name);
	if (code == 0 && overlay_backing(pool, name, backing))
		code = overlay_note(&draft, new_name, backing, err);
	if (code == 0) {
		code = draft_finish(&draft, new_name, false, err);
		overlay_forget(pool, new_name);
		return code;
	}
	draft_drop(&draft);
	return code;
}

/* A file system, or an overlay, is changed in a copy, since nobody could mend it if that stopped half way.
 * The image's lock is held until the copy has its place. */
static int resize_copy(const struct pool *pool, const char *name, int fd, uint64_t size, bool overlay,
		       struct progress *progress, struct error *err)
{
	struct draft draft;
	int code = draft_begin(pool, &draft, err);

	if (code < 0)
		return code;
	code = copy_image(&draft, name, fd, overlay ? 0 : size, progress, err);
	if (code == 0)
		code = overlay ? overlay_grow(&draft, name, size, err)
			       : filesystem_grow(&draft, name, progress, err);
	if (code == 0)
		return draft_finish(&draft, name, true, err);
	draft_drop(&draft);
	return code;
}

/* 1: it has less than that; 0: it has as much already. */
static int check_growth(const char *name, int fd, bool overlay, uint64_t size, struct error *err)
{
	struct stat status;
	uint64_t has;

	if (fstat(fd, &status) < 0)
		return error_set(err, -errno, "disk %s: cannot stat: %m", name);
	has = overlay ? overlay_size(fd) : (uint64_t)status.st_size;
	if (size < has)
		return error_set(err, -EOPNOTSUPP,
				 "disk %s: has %llu bytes; to make it smaller would cut off what is there",
				 name, (unsigned long long)has);
	return size > has;
}

static int grow_file(const char *name, int fd, uint64_t size, struct error *err)
{
	if (ftruncate(fd, (off_t)size) < 0 || fsync(fd) < 0)
		return error_set(err, -errno, "disk %s: cannot grow: %m", name);
	return 0;
}

int pool_resize(const struct pool *pool, const char *name, uint64_t size, struct progress *progress,
		struct error *err)
{
	char backing[DEFINITION_NAME_MAX + 1];
	bool overlay = overlay_backing(pool, name, backing);
	AUTO_CLOSE int fd = -1;
	int code = pool_image_open(pool, name, false, &fd, err);

	if (code < 0 || (code = pool_size_check(size, err)) < 0)
		return code;
	code = check_growth(name, fd, overlay, size, err);
	if (code <= 0)
		return code;
	return overlay || content_probe(fd, 0) == CONTENT_EXT
		       ? resize_copy(pool, name, fd, size, overlay, progress, err)
		       : grow_file(name, fd, size, err);
}

int pool_grow_used(const struct pool *pool, const char *name, uint64_t size, struct error *err)
{
	char backing[DEFINITION_NAME_MAX + 1];
	AUTO_CLOSE int fd = open_image(pool, name, O_RDWR, err);
	int code = MIN(fd, 0);

	if (code == 0 && overlay_backing(pool, name, backing))
		return error_set(err, -EBUSY, "disk %s: is an overlay, which grows only while nobody uses it",
				 name);
	if (code == 0)
		code = check_growth(name, fd, false, size, err);
	return code <= 0 ? code : grow_file(name, fd, size, err);
}

int pool_delete(const struct pool *pool, const char *name, struct error *err)
{
	AUTO_CLOSE int fd = -1;
	char file[FILE_MAX];
	int code = pool_image_open(pool, name, false, &fd, err);

	if (code < 0)
		return code;
	file_name(name, file);
	if (unlinkat(pool->fd, file, 0) < 0 || fsync(pool->fd) < 0)
		return error_set(err, -errno, "disk %s: cannot delete: %m", name);
	overlay_forget(pool, name);
	return 0;
}
