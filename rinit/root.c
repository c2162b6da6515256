#include "rinit/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/cmdline.h"
#include "rinit/device.h"
#include "rinit/log.h"
#include "rinit/spawn.h"
#include "rinit/tree.h"

#define NEW_ROOT     "/sysroot"
#define DEFAULT_INIT "/sbin/rinit"

int root_request_parse(struct root_request *request, const char *cmdline, struct error *err)
{
	const struct {
		const char *key;
		char *value;
		size_t size;
	} parts[] = {
		{"root", request->device, sizeof(request->device)},
		{"rootfstype", request->type, sizeof(request->type)},
		{"rastos.overlay", request->overlay, sizeof(request->overlay)},
		{"init", request->init, sizeof(request->init)},
	};

	*request = (struct root_request){.writable = cmdline_has(cmdline, "rw")};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!cmdline_get(cmdline, parts[i].key, parts[i].value, parts[i].size) &&
		    cmdline_has(cmdline, parts[i].key))
			return error_set(
				err, -EINVAL,
				"kernel parameter %s=: it has no value, or one of more than %zu bytes",
				parts[i].key, parts[i].size - 1);
	if (!*request->init)
		strcpy(request->init, DEFAULT_INIT);
	return *request->device != '\0';
}

const char *root_missing(const struct root_request *request)
{
	char path[ROOT_DEVICE_MAX];

	if (!device_find(request->device, path, sizeof(path)))
		return request->device;
	if (*request->overlay && !device_find(request->overlay, path, sizeof(path)))
		return request->overlay;
	return NULL;
}

static int mount_device(const char *spec, const char *type, const char *target, unsigned long flags,
			struct error *err)
{
	char path[ROOT_DEVICE_MAX];
	struct superblock superblock = {0};
	int rc;

	if (!device_find(spec, path, sizeof(path)))
		return error_set(err, -ENOENT, "%s: there is no such device", spec);
	if (!*type && !superblock_read(path, &superblock))
		return error_set(
			err, -EINVAL,
			"%s (%s): holds neither ext4 nor erofs; name its type with rootfstype=", spec, path);
	type = *type ? type : superblock.type;
	if (!mount(path, target, type, flags, NULL))
		return 0;
	rc = -errno;
	return error_set(err, rc, "%s (%s): cannot mount it as %s: %s", spec, path, type, strerror(-rc));
}

static int folder_make(const char *path, struct error *err)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		return error_set(err, -errno, "%s: cannot make the folder: %m", path);
	return 0;
}

static int overlay_mount(const struct root_request *request, struct error *err)
{
	static const char options[] =
		"lowerdir=" ROOT_READ_ONLY ",upperdir=" ROOT_WRITABLE "/upper,workdir=" ROOT_WRITABLE "/work";
	static const char *const folders[] = {ROOT_PARTS, ROOT_READ_ONLY, ROOT_WRITABLE};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders) && !rc; i++)
		rc = folder_make(folders[i], err);
	if (!rc)
		rc = mount_device(request->device, request->type, ROOT_READ_ONLY, MS_RDONLY, err);
	if (rc)
		return rc;
	rc = mount_device(request->overlay, "ext4", ROOT_WRITABLE, MS_NODEV, err);
	if (!rc)
		rc = folder_make(ROOT_WRITABLE "/upper", err);
	if (!rc)
		rc = folder_make(ROOT_WRITABLE "/work", err);
	if (!rc && mount("overlay", NEW_ROOT, "overlay", 0, options))
		rc = error_set(err, -errno, "cannot mount the overlay of %s over %s: %m", request->overlay,
			       request->device);
	if (!rc)
		return 0;
	umount(ROOT_WRITABLE); /* another try, after a module has been loaded, begins anew */
	umount(ROOT_READ_ONLY);
	return rc;
}

int root_mount(const struct root_request *request, struct error *err)
{
	int rc = folder_make(NEW_ROOT, err);

	if (rc)
		return rc;
	if (*request->overlay)
		return overlay_mount(request, err);
	return mount_device(request->device, request->type, NEW_ROOT, request->writable ? 0 : MS_RDONLY, err);
}

/* ---- switching ---- */

static void mounts_move(void)
{
	static const char *const moved[] = {"/dev", "/proc", "/sys", "/run", "/tmp"};

	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		char target[32];

		snprintf(target, sizeof(target), NEW_ROOT "%s", moved[i]);
		if (mount(moved[i], target, NULL, MS_MOVE, NULL))
			umount2(moved[i], MNT_DETACH); /* the new root has no place for it */
	}
}

/* The initramfs can't be unmounted; its files are memory until they are deleted. */
static void initramfs_free(int old_root)
{
	struct statfs system;
	struct stat status;

	if (old_root < 0)
		return;
	if (fstatfs(old_root, &system) || fstat(old_root, &status) ||
	    (system.f_type != RAMFS_MAGIC && system.f_type != TMPFS_MAGIC)) /* never anything of worth */
		close(old_root);
	else
		tree_delete(old_root, status.st_dev);
}

/* Looked for in the root to come, while there is still a way back. */
static bool init_is_there(int old_root, const char *init)
{
	bool there = !chroot(NEW_ROOT) && !access(init, X_OK);

	if (fchdir(old_root) || chroot("."))
		log_warning("/: cannot return to it: %m");
	return there;
}

int root_switch(const struct root_request *request, char *const *argv, struct error *err)
{
	int old_root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *arguments[32] = {(char *)request->init};
	static char *const environment[] = {"PATH=" SPAWN_PATH, "HOME=/", NULL};
	sigset_t none;

	if (old_root >= 0 && !init_is_there(old_root, request->init)) {
		close(old_root);
		return error_set(err, -ENOENT, "%s has no %s that can be executed", request->device,
				 request->init);
	}
	mounts_move();
	if (chdir(NEW_ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/")) {
		int rc = error_set(err, -errno, "cannot make %s the root: %m", request->device);

		if (old_root >= 0)
			close(old_root);
		return rc;
	}
	initramfs_free(old_root);
	for (size_t i = 1; argv[0] && argv[i] && i + 1 < ARRAY_SIZE(arguments); i++)
		arguments[i] = argv[i];
	log_flush(100);
	/* rinit blocks all signals, and whoever comes now inherits that. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(request->init, arguments, environment);
	return error_set(err, -errno, "cannot execute %s of %s: %m", request->init, request->device);
}
