/* Sizes of disks on the command line: 10G, 512M, 4096. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes, or with K, M, G or T (and an optional iB or B behind it) units of 1024; false when it is none or
 * does not fit. */
bool size_parse(const char *text, uint64_t *bytes);
/* "10 GiB", "1.5 GiB". */
void size_format(uint64_t bytes, char *text, size_t size);
