/* What the driver is told of a disk: configuration space and features (virtio 1.2, 5.2.3 and 5.2.4). */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/blk_device.h"

#define BLK_SEG_MAX       (BLK_QUEUE_SIZE - 2) /* header and status take a descriptor each */
#define BLK_DISCARD_ALIGN 8 /* sectors: a page, below which file systems give nothing back */

void blk_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	struct blk *blk = CONTAINER_OF(device, struct blk, device);

	memcpy(data, (const uint8_t *)&blk->config + offset, len);
}

static uint8_t log2_of(unsigned power_of_two)
{
	return (uint8_t)__builtin_ctz(power_of_two);
}

static uint64_t fill_sizes(struct virtio_blk_config *config, const struct virtio_blk_options *options,
			   unsigned logical)
{
	uint64_t features = 0;

	config->capacity = htole64(options->size / VIRTIO_BLK_SECTOR);
	config->blk_size = htole32(logical);
	if (logical != VIRTIO_BLK_SECTOR)
		features |= 1ULL << VIRTIO_BLK_F_BLK_SIZE;
	if (options->physical_block > logical) {
		config->physical_block_exp = (uint8_t)(log2_of(options->physical_block) - log2_of(logical));
		features |= 1ULL << VIRTIO_BLK_F_TOPOLOGY;
	}
	return features;
}

static uint64_t fill_abilities(struct virtio_blk_config *config, const struct virtio_blk_options *options)
{
	uint64_t features = 1ULL << VIRTIO_BLK_F_SEG_MAX;

	config->seg_max = htole32(BLK_SEG_MAX);
	config->num_queues = htole16((uint16_t)MAX(options->queues, 1U));
	config->max_discard_sectors = htole32(BLK_DISCARD_SECTORS);
	config->max_discard_seg = htole32(BLK_RANGES_MAX);
	config->discard_sector_alignment = htole32(BLK_DISCARD_ALIGN);
	config->max_write_zeroes_sectors = htole32(BLK_ZERO_SECTORS);
	config->max_write_zeroes_seg = htole32(BLK_RANGES_MAX);
	config->write_zeroes_may_unmap = options->discard;
	if (options->queues > 1)
		features |= 1ULL << VIRTIO_BLK_F_MQ;
	if (options->read_only)
		features |= 1ULL << VIRTIO_BLK_F_RO;
	else
		features |= 1ULL << VIRTIO_BLK_F_WRITE_ZEROES | (uint64_t)options->discard
									<< VIRTIO_BLK_F_DISCARD;
	if (!options->write_through)
		features |= 1ULL << VIRTIO_BLK_F_FLUSH;
	return features;
}

static int check_size(const char *name, uint64_t size, unsigned logical, struct error *err)
{
	if (size % logical || size > INT64_MAX)
		return error_set(err, -EINVAL, "disk %s: its size, %llu bytes, is not a multiple of %u", name,
				 (unsigned long long)size, logical);
	return 0;
}

/* The file's own blocks are the least. */
int blk_describe(struct blk *blk, const struct virtio_blk_options *options, struct error *err)
{
	unsigned least = MAX(blk->align, (unsigned)VIRTIO_BLK_SECTOR);
	unsigned logical = options->logical_block ? options->logical_block : least;
	int code;

	if (logical < least)
		return error_set(err, -EINVAL,
				 "disk %s: without the page cache its blocks have %u bytes, not %u",
				 options->name, least, logical);
	code = check_size(options->name, options->size, logical, err);
	if (code < 0)
		return code;
	if (options->id)
		memcpy(blk->id, options->id, strnlen(options->id, sizeof(blk->id)));
	blk->sectors = options->size / VIRTIO_BLK_SECTOR;
	blk->device.id = VIRTIO_ID_BLOCK;
	blk->device.config_size = sizeof(blk->config);
	blk->device.offered =
		fill_sizes(&blk->config, options, logical) | fill_abilities(&blk->config, options);
	return 0;
}

int virtio_blk_resize(struct virtio_device *device, uint64_t size, struct error *err)
{
	struct blk *blk = CONTAINER_OF(device, struct blk, device);
	const char *name = blk->name + strlen(BLK_NAME_PREFIX);
	uint64_t sectors = size / VIRTIO_BLK_SECTOR;
	int code;

	pthread_mutex_lock(&device->lock);
	code = check_size(name, size, le32toh(blk->config.blk_size), err);
	if (code == 0 && sectors < blk->sectors)
		code = error_set(err, -EINVAL,
				 "disk %s: has %llu bytes and is in use: it can grow, but not shrink", name,
				 (unsigned long long)blk->sectors * VIRTIO_BLK_SECTOR);
	if (code == 0 && sectors > blk->sectors) {
		atomic_store(&blk->sectors, sectors);
		atomic_store(&blk->told_shorter, false);
		blk->config.capacity = htole64(sectors);
		virtio_config_changed(device);
	}
	pthread_mutex_unlock(&device->lock);
	return code;
}
