/*
 * Scatter lists: what a virtqueue chain, readv(2) and sendmsg(2) share. Offsets and lengths are bytes.
 *
 * The elements may point into guest memory: contents change under our hands, the list itself does not.
 */
#pragma once

#include <stddef.h>
#include <sys/uio.h>

/* Bytes of a list. */
size_t iov_length(const struct iovec *iov, unsigned count);

/*
 * The part [offset, offset + len) of a list as a list of its own, as far as there is such a part. `into` has
 * room for count elements; returns how many were filled.
 */
unsigned iov_slice(const struct iovec *iov, unsigned count, size_t offset, size_t len, struct iovec *into);

/* Copy between a flat buffer and a list from offset on; return the bytes copied. */
size_t iov_scatter(const struct iovec *iov, unsigned count, size_t offset, const void *from, size_t len);
size_t iov_gather(const struct iovec *iov, unsigned count, size_t offset, void *into, size_t len);
