#include "devmodel/virtio/iov.h"

#include <stdint.h>
#include <string.h>

#include "common/util.h"

size_t iov_length(const struct iovec *iov, unsigned count)
{
	size_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += iov[i].iov_len;
	return sum;
}

unsigned iov_slice(const struct iovec *iov, unsigned count, size_t offset, size_t len, struct iovec *into)
{
	unsigned filled = 0;

	for (unsigned i = 0; i < count && len; i++) {
		size_t size;

		if (offset >= iov[i].iov_len) {
			offset -= iov[i].iov_len;
			continue;
		}
		size = MIN(iov[i].iov_len - offset, len);
		into[filled++] =
			(struct iovec){.iov_base = (uint8_t *)iov[i].iov_base + offset, .iov_len = size};
		len -= size;
		offset = 0;
	}
	return filled;
}

size_t iov_scatter(const struct iovec *iov, unsigned count, size_t offset, const void *from, size_t len)
{
	const uint8_t *bytes = from;
	size_t done = 0;

	for (unsigned i = 0; i < count && done < len; i++) {
		struct iovec part;

		if (!iov_slice(&iov[i], 1, offset, len - done, &part)) {
			offset -= iov[i].iov_len;
			continue;
		}
		memcpy(part.iov_base, bytes + done, part.iov_len);
		done += part.iov_len;
		offset = 0;
	}
	return done;
}

size_t iov_gather(const struct iovec *iov, unsigned count, size_t offset, void *into, size_t len)
{
	uint8_t *bytes = into;
	size_t done = 0;

	for (unsigned i = 0; i < count && done < len; i++) {
		struct iovec part;

		if (!iov_slice(&iov[i], 1, offset, len - done, &part)) {
			offset -= iov[i].iov_len;
			continue;
		}
		memcpy(bytes + done, part.iov_base, part.iov_len);
		done += part.iov_len;
		offset = 0;
	}
	return done;
}
