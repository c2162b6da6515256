#include "vmm/storage/storage_root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/jail/privileges.h"
#include "vmm/storage/sandbox_root.h"
#include "vmm/storage/source_view.h"
#include "vmm/storage/storage_daemon.h"
#include "vmm/storage/storage_plan.h"

static const char *text_of(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

	return text ? text : "";
}

static bool is_true(const cJSON *object, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* --- The socket --- */

static int socket_listen(struct storage_socket *its, const char *at)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", at);
	its->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (its->listener < 0 || bind(its->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(its->listener, 4) < 0)
		return -errno;
	return 0;
}

int storage_socket_connect(const struct storage_socket *its)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int left;

	while ((left = accept4(its->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(left);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", its->path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* --- The files --- */

/* What was opened may be /dev/null, for there was nothing to open. */
static int file_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) ? fd : -1;
}

/* The trees of all files: those that came are there, the others are made while the host's files have names.
 */
static int trees_take(const cJSON *files, int *trees, unsigned *count, struct error *err)
{
	const cJSON *file;

	*count = 0;
	cJSON_ArrayForEach(file, files)
	{
		unsigned index = *count;
		int fd = STORAGE_FILES_FD + 2 * (int)index;

		if (index == STORAGE_FILES_MAX)
			return error_set(err, -E2BIG, "there are too many files");
		trees[index] =
			is_true(file, "tree") ? fd + 1 : source_tree_open(text_of(file, "path"), file_of(fd));
		if (trees[index] < 0)
			return error_set(err, trees[index], "%s: cannot be handed over: %s",
					 text_of(file, "path"), strerror(-trees[index]));
		(*count)++;
	}
	return 0;
}

static int trees_mount(const cJSON *files, const int *trees, struct error *err)
{
	const cJSON *file;
	unsigned index = 0;
	int code;

	cJSON_ArrayForEach(file, files)
	{
		code = sandbox_root_mount(trees[index++], text_of(file, "place"), !is_true(file, "writable"));
		if (code < 0)
			return error_set(err, code, "%s: cannot be handed over: %s", text_of(file, "path"),
					 strerror(-code));
	}
	return 0;
}

static int secret_write(const cJSON *plan)
{
	const char *secret = text_of(plan, "secret");
	AUTO_CLOSE int fd = *secret ? open("key", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400) : -1;

	if (!*secret)
		return 0;
	return fd < 0 || write(fd, secret, strlen(secret)) != (ssize_t)strlen(secret) ? -errno : 0;
}

/* What the names of hosts are found by. */
static int share_names(const cJSON *plan)
{
	static const char *const paths[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
					    "/etc/host.conf"};
	int code = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(paths) && is_true(plan, "network") && code == 0; i++)
		code = sandbox_root_share(paths[i]);
	return code;
}

static int root_fill(const cJSON *plan, struct storage_socket *its, struct error *err)
{
	const cJSON *files = cJSON_GetObjectItemCaseSensitive(plan, "files");
	int trees[STORAGE_FILES_MAX];
	unsigned count;
	int code = trees_take(files, trees, &count, err);

	if (code < 0)
		return code;
	code = sandbox_root_begin();
	if (code < 0)
		return error_set(err, code, "cannot make its root: %s", strerror(-code));
	code = trees_mount(files, trees, err);
	if (code < 0)
		return code;
	code = secret_write(plan);
	if (code == 0)
		code = share_names(plan);
	if (code == 0)
		code = mkdir("run", 0700) < 0 ? -errno : socket_listen(its, "run/disk");
	snprintf(its->path, sizeof(its->path), "/run/disk");
	return code < 0 ? error_set(err, code, "cannot make its root: %s", strerror(-code)) : 0;
}

/* The last moment in which they have names. */
static void files_unlink(const cJSON *plan)
{
	const cJSON *file;

	cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(plan, "files"))
	{
		if (is_true(file, "unlink") && !is_true(file, "tree"))
			unlink(text_of(file, "path"));
	}
}

/* Without a jail its files are where they are, and the socket is in a folder that is this user's alone. */
static int no_root(struct storage_socket *its, struct error *err)
{
	char folder[] = "/tmp/rastos-disk.XXXXXX";
	int code;

	if (!mkdtemp(folder))
		return error_set(err, -errno, "cannot make a folder for its socket: %m");
	snprintf(its->path, sizeof(its->path), "%s/socket", folder);
	code = socket_listen(its, its->path);
	return code < 0 ? error_set(err, code, "cannot make its socket: %s", strerror(-code)) : 0;
}

int storage_root_enter(const cJSON *plan, struct storage_socket *its, struct error *err)
{
	int code;

	if (!is_true(plan, "jail"))
		return no_root(its, err);
	code = root_fill(plan, its, err);
	files_unlink(plan);
	if (code < 0)
		return code;
	code = sandbox_root_end();
	if (code < 0)
		return error_set(err, code, "cannot enter its root: %s", strerror(-code));
	return is_true(plan, "owners") ? privileges_keep_owners(err) : privileges_drop(err);
}

void storage_root_leave(const cJSON *plan, const struct storage_socket *its)
{
	char folder[sizeof(its->path)];
	char *end;

	if (is_true(plan, "jail") || !its->path[0])
		return;
	unlink(its->path);
	snprintf(folder, sizeof(folder), "%s", its->path);
	end = strrchr(folder, '/');
	if (end) {
		*end = '\0';
		rmdir(folder);
	}
	files_unlink(plan);
}
