#include "vmm/guest/disk_open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "devmodel/virtio/blk.h"
#include "vmm/storage/image_lock.h"
#include "vmm/storage/overlay.h"
#include "vmm/storage/pool.h"

static int file_lock(const struct disk_source_file *file, int fd, struct error *err)
{
	int code = image_lock(fd, file->read_only || file->shareable, 0);

	if (code == -EBUSY)
		return error_set(err, code,
				 "disk %s: is in use by another guest or program; end that one first",
				 file->path);
	return code < 0 ? error_set(err, code, "disk %s: cannot lock: %s", file->path, strerror(-code)) : 0;
}

static int disk_size(const char *path, int fd, uint64_t *size, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_set(err, -errno, "disk %s: cannot stat: %m", path);
	if (S_ISREG(status.st_mode))
		*size = (uint64_t)status.st_size;
	else if (!S_ISBLK(status.st_mode))
		return error_set(err, -EINVAL, "disk %s: is neither a regular file nor a block device", path);
	else if (ioctl(fd, BLKGETSIZE64, size) < 0)
		return error_set(err, -errno, "disk %s: cannot get its size: %m", path);
	if (*size == 0 || *size % VIRTIO_BLK_SECTOR)
		return error_set(
			err, -EINVAL,
			"disk %s: its size of %llu bytes is not a multiple of %d; truncate -s %%%d rounds it up",
			path, (unsigned long long)*size, VIRTIO_BLK_SECTOR, VIRTIO_BLK_SECTOR);
	return 0;
}

static int open_pool_image(const struct disk_source_file *file, const struct settings *settings,
			   struct error *err)
{
	struct pool pool;
	int fd = -1;
	int code = pool_open(settings, false, &pool, err);

	if (code < 0)
		return code;
	pool.impatient = true;
	if (file->shareable && !file->read_only)
		code = pool_image_share(&pool, file->image, &fd, err);
	else
		code = pool_image_open(&pool, file->image, file->read_only, &fd, err);
	pool_close(&pool);
	return code < 0 ? code : fd;
}

static int open_path(const struct disk_source_file *file, struct error *err)
{
	AUTO_CLOSE int fd =
		open(file->path, (file->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	int code;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(err, -errno, "disk %s: cannot open: %m", file->path);
	if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
		return error_set(err, -EINVAL, "disk %s: is neither a regular file nor a block device",
				 file->path);
	code = file_lock(file, fd, err);
	return code < 0 ? code : TAKE_FD(fd);
}

int disk_open_file(const struct disk_source_file *file, const struct settings *settings, struct error *err)
{
	return file->image ? open_pool_image(file, settings, err) : open_path(file, err);
}

/* Its bytes are none that a guest could use. */
static int check_no_overlay(const struct disk_definition *definition, const struct settings *settings,
			    struct error *err)
{
	char backing[DEFINITION_NAME_MAX + 1];
	struct pool pool;
	bool overlay;

	if (!definition->image || pool_open(settings, false, &pool, NULL) < 0)
		return 0;
	overlay = overlay_backing(&pool, definition->image, backing);
	pool_close(&pool);
	return overlay ? error_set(
				 err, -EINVAL,
				 "disk %s: is an overlay on disk %s; its guest's definition must say so: "
				 "\"format\": \"qcow2\", and \"backing\" (`rastos-vmm define` fills that in)",
				 definition->image, backing)
		       : 0;
}

int disk_open(const struct disk_definition *definition, const struct settings *settings,
	      struct disk_resource *disk, struct error *err)
{
	const struct disk_source_file file = {
		.path = definition->path,
		.image = definition->image,
		.read_only = definition->read_only,
		.shareable = definition->shareable,
	};

	int code = check_no_overlay(definition, settings, err);

	disk->fd = code < 0 ? code : disk_open_file(&file, settings, err);
	if (disk->fd < 0) {
		code = disk->fd;
		disk->fd = -1;
		return code;
	}
	return disk_size(disk_definition_name(definition), disk->fd, &disk->size, err);
}

int disk_open_direct(const struct disk_definition *definition, struct disk_resource *disk, struct error *err)
{
	int flags = fcntl(disk->fd, F_GETFL);

	if (!disk_definition_direct(definition))
		return 0;
	if (flags >= 0 && fcntl(disk->fd, F_SETFL, flags | O_DIRECT) == 0)
		return 0;
	if (errno == EINVAL)
		return error_set(
			err, -EINVAL,
			"disk %s: its file system cannot do without the page cache (O_DIRECT), which cache "
			"\"none\" and \"directsync\" want; give it another cache",
			disk_definition_name(definition));
	return error_set(err, -errno, "disk %s: cannot turn off the page cache: %m",
			 disk_definition_name(definition));
}
