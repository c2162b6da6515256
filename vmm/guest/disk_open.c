#include "vmm/guest/disk_open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "devmodel/virtio/blk.h"
#include "vmm/storage/image_lock.h"
#include "vmm/storage/pool.h"

static int disk_lock(const struct disk_definition *definition, int fd, struct error *err)
{
	int code = image_lock(fd, definition->read_only || definition->shareable);

	if (code == -EBUSY)
		return error_set(err, code,
				 "disk %s: is in use by another guest or program; end that one first",
				 definition->path);
	return code < 0 ? error_set(err, code, "disk %s: cannot lock: %s", definition->path, strerror(-code))
			: 0;
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

static int open_pool_image(const struct disk_definition *definition, const struct settings *settings,
			   struct disk_resource *disk, struct error *err)
{
	struct pool pool;
	int code = pool_open(settings, false, &pool, err);

	if (code < 0)
		return code;
	if (definition->shareable && !definition->read_only)
		code = pool_image_share(&pool, definition->image, &disk->fd, err);
	else
		code = pool_image_open(&pool, definition->image, definition->read_only, &disk->fd, err);
	pool_close(&pool);
	return code < 0 ? code : disk_size(definition->image, disk->fd, &disk->size, err);
}

int disk_open(const struct disk_definition *definition, const struct settings *settings,
	      struct disk_resource *disk, struct error *err)
{
	const char *path = definition->path;
	int code;

	if (definition->image)
		return open_pool_image(definition, settings, disk, err);
	disk->fd =
		open(path, (definition->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (disk->fd < 0)
		return error_set(err, -errno, "disk %s: cannot open: %m", path);
	code = disk_size(path, disk->fd, &disk->size, err);
	return code < 0 ? code : disk_lock(definition, disk->fd, err);
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
