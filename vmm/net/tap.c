#include "vmm/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"

#define TUN_DEVICE "/dev/net/tun"

/* As the kernel has it (dev_valid_name), and no '%', which TUNSETIFF would take for a pattern. */
static bool tap_name_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < IFNAMSIZ && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strcspn(name, "/:% \t\n\v\f\r") == len;
}

static int tap_open_device(struct error *err)
{
	int fd = open(TUN_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return error_set(err, -errno,
				 TUN_DEVICE " is missing: load the kernel's driver with `modprobe tun`");
	return error_set(err, -errno, TUN_DEVICE ": cannot open: %m");
}

static int tap_refused(const char *name, bool existed, unsigned queues, int code, struct error *err)
{
	switch (code) {
	case -EBUSY:
		return error_set(err, code, "TAP %s: in use by another program", name);
	case -EPERM:
		if (!existed)
			return error_set(err, code, "TAP %s: only an administrator may create it", name);
		return error_set(err, code,
				 "TAP %s: it belongs to another user; make it yours with "
				 "`ip tuntap del dev %s mode tap; ip tuntap add dev %s mode tap user USER`",
				 name, name, name);
	case -EINVAL:
		if (queues > 1)
			return error_set(err, code,
					 "TAP %s: this interface is not a TAP with %u queues; make it with "
					 "`ip tuntap add dev %s mode tap multi_queue user USER`",
					 name, queues, name);
		return error_set(err, code, "TAP %s: this interface is not a TAP; see `ip -d link show %s`",
				 name, name);
	case -E2BIG:
		return error_set(err, code, "TAP %s: has all queues that it takes in use", name);
	default:
		return error_set(err, code, "TAP %s: cannot attach: %s", name, strerror(-code));
	}
}

int tap_configure(int fd, const char *name, bool multi_queue)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int header = sizeof(struct virtio_net_hdr_v1);

	if (multi_queue)
		request.ifr_flags |= IFF_MULTI_QUEUE;
	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &header) < 0)
		return -errno;
	return 0;
}

/* One that was made for several queues has to be opened as such, also for one. */
static int tap_attach(int fd, const char *name, bool existed, unsigned queues, struct error *err)
{
	int code = tap_configure(fd, name, queues > 1);

	if (code == -EINVAL && queues == 1 && existed)
		code = tap_configure(fd, name, true);
	return code < 0 ? tap_refused(name, existed, queues, code, err) : 0;
}

static int tap_bring_up(const char *name, struct error *err)
{
	AUTO_CLOSE int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	memcpy(request.ifr_name, name, strlen(name));
	if (control < 0 || ioctl(control, SIOCGIFFLAGS, &request) < 0)
		return error_set(err, -errno, "TAP %s: cannot read its flags: %m", name);
	request.ifr_flags |= IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, &request) < 0)
		return error_set(err, -errno, "TAP %s: cannot bring it up: %m", name);
	return 0;
}

static int tap_open_queues(const char *name, bool existed, unsigned queues, struct card_fds *fds,
			   struct error *err)
{
	int code = 0;

	for (unsigned i = 0; i < queues && code == 0; i++) {
		code = fds->queues[i] = tap_open_device(err);
		if (code >= 0)
			code = tap_attach(fds->queues[i], name, existed || i > 0, queues, err);
	}
	return code;
}

int tap_open(const char *name, bool create, unsigned queues, struct card_fds *fds, struct error *err)
{
	bool exists;
	int code;

	card_fds_init(fds);
	if (!tap_name_valid(name))
		return error_set(err, -EINVAL,
				 "TAP \"%s\": not a name of an interface (1 to %d characters, no '/')", name,
				 IFNAMSIZ - 1);
	exists = if_nametoindex(name) != 0;
	if (!exists && !create)
		return error_set(
			err, -ENODEV,
			"TAP %s: no such interface: make it with `ip tuntap add dev %s mode tap%s user USER`",
			name, name, queues > 1 ? " multi_queue" : "");
	code = tap_open_queues(name, exists, queues, fds, err);
	if (code == 0 && !exists)
		code = tap_bring_up(name, err);
	if (code < 0)
		card_fds_close(fds);
	return code;
}
