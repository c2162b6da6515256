#include "vmm/manager/local_socket.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"

#define BACKLOG 1024 /* a burst of clients that do not wait for their turn: connect(2), EAGAIN */

struct local_group local_group_find(void)
{
	const struct group *group = getgrnam(LOCAL_SOCKET_GROUP);

	return (struct local_group){.known = group, .gid = group ? group->gr_gid : 0};
}

static void permit(const char *path, const struct local_group *group, bool everyone)
{
	if (everyone)
		chmod(path, 0666);
	else if (geteuid() == 0 && group->known && chown(path, 0, group->gid) == 0)
		chmod(path, 0660);
	else
		chmod(path, 0600);
}

int local_socket_listen(const char *what, const char *path, const struct local_group *group, bool everyone,
			struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = -1;
	mode_t before;
	int code;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "%s %s: the path is longer than %zu bytes", what, path,
				 sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(path);         /* left by a manager that was killed: the lock says that none runs */
	before = umask(0177); /* nobody else's, until permit says whose */
	code = fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(before);
	if (code < 0)
		return error_set(err, code, "%s %s: cannot make it: %s", what, path, strerror(-code));
	permit(path, group, everyone);
	if (listen(fd, BACKLOG) < 0)
		return error_set(err, -errno, "%s %s: cannot listen: %m", what, path);
	return TAKE_FD(fd);
}
