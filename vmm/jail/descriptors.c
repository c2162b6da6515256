#include "vmm/jail/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
	int left = *(const int *)a, right = *(const int *)b;

	return (left > right) - (left < right);
}

int descriptors_keep(const int *keep, unsigned count, struct error *err)
{
	int sorted[DESCRIPTORS_MAX];
	unsigned next = STDERR_FILENO + 1;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (count > DESCRIPTORS_MAX)
		return error_set(err, -E2BIG, "jail: more than %d descriptors to keep", DESCRIPTORS_MAX);
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0)
		return error_set(err, -errno, "jail: /dev/null: cannot open: %m");
	memcpy(sorted, keep, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	for (unsigned i = 0; i < count; i++) {
		if (sorted[i] > (int)next && close_range(next, (unsigned)sorted[i] - 1, 0) < 0)
			return error_set(err, -errno, "jail: cannot close what is not the guest's: %m");
		if (sorted[i] >= (int)next)
			next = (unsigned)sorted[i] + 1;
	}
	if (close_range(next, ~0U, 0) < 0)
		return error_set(err, -errno, "jail: cannot close what is not the guest's: %m");
	return 0;
}
