/*
 * The partition table of a disk, GPT or MBR, as sfdisk(8) reads it.
 *
 * The table is hostile, and so is what sfdisk says of it: every partition that is handed out lies on the
 * disk.
 */
#pragma once

#include <stdint.h>

#include "common/error.h"

#define PARTITIONS_MAX 128
#define PARTUUID_TEXT  40

struct partition {
	unsigned number; /* from 1 */
	uint64_t start;  /* bytes */
	uint64_t size;
	char uuid[PARTUUID_TEXT]; /* as the kernel's root=PARTUUID= wants it; "" when it has none */
};

/* disk_size in bytes; about begins errors; deadline_ms: program.h, 0: none. */
int partitions_read(const char *about, int disk, uint64_t disk_size, uint64_t deadline_ms,
		    struct partition list[PARTITIONS_MAX], unsigned *count, struct error *err);
/* What sfdisk --json printed. */
int partitions_parse(const char *about, const char *json, uint64_t disk_size,
		     struct partition list[PARTITIONS_MAX], unsigned *count, struct error *err);
