/*
 * A disk of the pool that guests run with grows under them: first the limits of their processes, then the
 * file, then each guest is told (vmm/guest/process.h, "device-resize"), whose driver sees the new size. The
 * file systems in it are the guests' own to grow. What is refused has changed nothing. Loop thread only.
 */
#pragma once

#include "vmm/manager/manager.h"

/* How many guests have it, which were told; 0: none that runs, and nothing was done. Or a negative errno:
 * -EINVAL: it would shrink, or not be whole blocks of one of them. */
int disk_grow(struct manager *manager, const char *image, uint64_t size, struct error *err);
