#include "vmm/net/vhost_net.h"

#include <errno.h>
#include <fcntl.h>

#define DEVICE "/dev/vhost-net"

static int refused(int code, struct error *err)
{
	if (code == -ENOENT || code == -ENODEV || code == -ENXIO)
		return error_set(err, code, DEVICE " is missing: load its driver with `modprobe vhost_net`");
	return error_set(err, code, DEVICE ": cannot open: %m");
}

int vhost_net_open(struct card_fds *fds, struct error *err)
{
	for (unsigned i = 0; i < card_fds_count(fds); i++) {
		fds->vhost[i] = open(DEVICE, O_RDWR | O_CLOEXEC);
		if (fds->vhost[i] < 0) {
			int code = -errno;

			for (unsigned j = 0; j < i; j++)
				cleanup_close(&fds->vhost[j]);
			memset(fds->vhost, 0xff, sizeof(fds->vhost));
			errno = -code;
			return refused(code, err);
		}
	}
	return 0;
}
