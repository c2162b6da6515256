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

static int tap_refused(const char *name, bool existed, int code, struct error *err)
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
		return error_set(
			err, code,
			"TAP %s: this interface is not a TAP with one queue; see `ip -d link show %s`", name,
			name);
	default:
		return error_set(err, code, "TAP %s: cannot attach: %s", name, strerror(-code));
	}
}

static int tap_attach(int fd, const char *name, bool existed, struct error *err)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int header = sizeof(struct virtio_net_hdr_v1);

	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return tap_refused(name, existed, -errno, err);
	if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0)
		return error_set(err, -errno, "TAP %s: cannot set the size of its virtio header: %m", name);
	return 0;
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

int tap_open(const char *name, bool create, struct error *err)
{
	AUTO_CLOSE int fd = -1;
	bool exists;
	int code;

	if (!tap_name_valid(name))
		return error_set(err, -EINVAL,
				 "TAP \"%s\": not a name of an interface (1 to %d characters, no '/')", name,
				 IFNAMSIZ - 1);
	exists = if_nametoindex(name) != 0;
	if (!exists && !create)
		return error_set(
			err, -ENODEV,
			"TAP %s: no such interface: make it with `ip tuntap add dev %s mode tap user USER`",
			name, name);
	fd = tap_open_device(err);
	if (fd < 0)
		return TAKE_FD(fd);
	code = tap_attach(fd, name, exists, err);
	if (code == 0 && !exists)
		code = tap_bring_up(name, err);
	return code < 0 ? code : TAKE_FD(fd);
}
