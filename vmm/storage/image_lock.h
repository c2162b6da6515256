/*
 * The lock on a disk's file, of whoever uses it (fcntl(2), open file description locks): it belongs to the
 * open file, and goes with its descriptor.
 *
 * A process that is killed with writes under way leaves its lock a little after its end: the kernel lets go
 * of the file when the last of them has ended, and not before, which is as it should be. So a lock that is
 * another's is tried for again for as long as the caller has patience before it is said to be taken:
 * IMAGE_LOCK_PATIENCE_MS, unless there is something else to do meanwhile.
 */
#pragma once

#include <stdbool.h>

#define IMAGE_LOCK_PATIENCE_MS 250

/* reading: beside other readers. -EBUSY: it is another's; or any other negative errno. */
int image_lock(int fd, bool reading, unsigned patience_ms);
