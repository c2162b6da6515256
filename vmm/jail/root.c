#include "vmm/jail/root.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

#define PLACE      "/proc" /* a directory that every host has; nothing is written there */
#define NAMESPACES "/proc/sys/user/max_user_namespaces"

/* A process that may make another user namespace has all capabilities in there. The limit belongs to the user
 * namespace that writes it (user_namespaces(7)); the host's own stays. */
static int namespaces_forbid(struct error *err)
{
	AUTO_CLOSE int fd = open(NAMESPACES, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		return error_set(err, -errno, "jail: cannot forbid namespaces: %s: %m", NAMESPACES);
	return 0;
}

/*
 * The directory we are in becomes the root, what was the root goes. A host that lives in its initramfs cannot
 * have that root pivoted away (pivot_root(2)); there the new root covers the old one. Who walks up from it
 * arrives at itself, and nobody is left who may uncover it.
 */
int root_change(void)
{
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH) < 0)
			return -errno;
	} else if (errno != EINVAL || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0) {
		return -errno;
	}
	return chdir("/") < 0 ? -errno : 0;
}

int root_empty(struct error *err)
{
	int code = namespaces_forbid(err);

	if (code < 0)
		return code;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_set(
			err, -errno, "jail: cannot part from the host's mounts: %m%s",
			errno == EACCES || errno == EPERM
				? "; this host restricts user namespaces (AppArmor: "
				  "kernel.apparmor_restrict_unprivileged_userns=0 lifts that), or run as root"
				: "");
	if (mount("jail", PLACE, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=4k,nr_inodes=2,mode=0555") < 0)
		return error_set(err, -errno, "jail: cannot mount the empty root: %m");
	if (chdir(PLACE) < 0)
		return error_set(err, -errno, "jail: cannot enter the empty root: %m");
	code = root_change();
	return code < 0 ? error_set(err, code, "jail: cannot leave the host's root: %s", strerror(-code)) : 0;
}
