/*
 * A partition's own names, which are in its disk's partition table (UEFI specification, "GUID Partition
 * Table"; an MBR's partitions are numbered under the disk's signature). Partitions are named as in
 * /sys/class/block.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARTITION_UUID_MAX  37
#define PARTITION_LABEL_MAX 128

/* False when name is no partition or has none. */
bool partition_label(const char *name, char *label, size_t size);
bool partition_uuid(const char *name, char uuid[PARTITION_UUID_MAX]);

/* Pure: an MBR's 512 bytes. True when a GPT follows. */
bool partition_mbr_is_protective(const uint8_t *mbr);
/* Pure: a GPT header's first 92 bytes; where the entry of partition number (from 1) is. False: it has none.
 */
bool partition_gpt_entry(const uint8_t *header, unsigned int number, uint64_t sector_size, uint64_t *at);
/* Pure: 16 bytes as a GPT has them, the first three groups turned round. */
void partition_guid_format(const uint8_t *guid, char uuid[PARTITION_UUID_MAX]);
