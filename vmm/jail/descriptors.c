#include "vmm/jail/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PLACES_MAX 256

int descriptors_place(const int *keep, unsigned count, int *private, unsigned private_count)
{
	unsigned places = count + private_count;
	int lifted[PLACES_MAX];

	if (places > PLACES_MAX)
		return -E2BIG;
	/* Above all places first, so that none is overwritten before it is taken. */
	for (unsigned i = 0; i < places; i++) {
		lifted[i] = fcntl(i < count ? keep[i] : private[i - count], F_DUPFD_CLOEXEC, (int)places);
		if (lifted[i] < 0)
			return -errno;
	}
	for (unsigned i = 0; i < places; i++) {
		if (dup3(lifted[i], (int)i, i < count ? 0 : O_CLOEXEC) < 0)
			return -errno;
		if (i >= count)
		private[i - count] = (int)i;
	}
	return close_range(places, ~0U, 0) < 0 ? -errno : 0;
}
