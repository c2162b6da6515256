#include "vmm/storage/image_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/clock.h"

#define TRY_AGAIN_US 5000

int image_lock(int fd, bool reading, unsigned patience_ms)
{
	struct flock lock = {.l_type = reading ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
	uint64_t end = monotonic_ms() + patience_ms;

	while (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		if (monotonic_ms() >= end)
			return -EBUSY;
		usleep(TRY_AGAIN_US);
	}
	return 0;
}
