#include "vmm/guest/display_start.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/child.h"
#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/display/start.h"
#include "vmm/guest/display_link.h"
#include "vmm/jail/ids.h"
#include "vmm/jail/jail.h"

#define BACKLOG   16
#define GROUP     "rastos"
#define MEMORY    MIB(64) /* beside copies of the pictures */
#define SECRET    4096    /* bytes that are read of a file with a password */
#define PROCESSES (2 + DISPLAY_VIEWERS_MAX)

/* Users of those that root starts, one a guest: above storage daemons' (disk_backend.c). */
#define IDS_FIRST 1940000000U

static int fail(const struct guest_definition *definition, int code, struct error *err)
{
	return error_prefix(err, code, "guest %s: graphics[0]", definition->name);
}

/* --- Where viewers connect --- */

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in ip4;
		struct sockaddr_in6 ip6;
	};
	socklen_t size;
};

static struct address address_make(const char *text, uint16_t port)
{
	struct address address = {.size = sizeof(address.ip4)};

	if (inet_pton(AF_INET, text, &address.ip4.sin_addr) == 1) {
		address.ip4.sin_family = AF_INET;
		address.ip4.sin_port = htons(port);
		return address;
	}
	inet_pton(AF_INET6, text, &address.ip6.sin6_addr);
	address.ip6.sin6_family = AF_INET6;
	address.ip6.sin6_port = htons(port);
	address.size = sizeof(address.ip6);
	return address;
}

/* A port that another one has left a moment ago is free. */
static int listen_tcp(const char *text, uint16_t port)
{
	const struct address address = address_make(text, port);
	AUTO_CLOSE int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, &address.any, address.size) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int open_tcp(const struct graphics_definition *graphics, uint16_t *port, struct error *err)
{
	const char *text = graphics->listen ? graphics->listen : GRAPHICS_LISTEN_DEFAULT;
	uint16_t wanted = *port ? *port : graphics->port;
	int fd = -EADDRINUSE;

	if (wanted) {
		*port = wanted;
		fd = listen_tcp(text, wanted);
	}
	for (unsigned i = GRAPHICS_PORT_FIRST; !wanted && i <= GRAPHICS_PORT_LAST && fd == -EADDRINUSE; i++) {
		*port = (uint16_t)i;
		fd = listen_tcp(text, *port);
	}
	if (fd >= 0)
		return fd;
	return error_set(err, fd, "cannot listen at %s port %u: %s", text, *port, strerror(-fd));
}

/* Its owner's alone, and the group's whose members may ask the manager anything. */
static void permit(const char *path)
{
	const struct group *group = geteuid() == 0 ? getgrnam(GROUP) : NULL;

	if (group && chown(path, 0, group->gr_gid) == 0)
		chmod(path, 0660);
}

static int open_unix(const char *path, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat status;
	mode_t before;
	int code;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode))
		return error_set(err, -EEXIST, "socket %s: another file is there; give another path", path);
	/* EAGAIN: it listens, and has enough to do. */
	if (fd >= 0 && (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN))
		return error_set(err, -EADDRINUSE,
				 "socket %s: another program listens there; give another path", path);
	unlink(path); /* a former one's */
	before = umask(0177);
	code = fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0
		       ? -errno
		       : 0;
	umask(before);
	if (code < 0)
		return error_set(err, code, "socket %s: cannot listen: %s", path, strerror(-code));
	permit(path);
	fcntl(fd, F_SETFL, 0);
	return TAKE_FD(fd);
}

void display_uri(const struct graphics_definition *graphics, uint16_t port, char uri[DISPLAY_URI_MAX])
{
	const char *listen = graphics->listen ? graphics->listen : GRAPHICS_LISTEN_DEFAULT;
	bool brackets = strchr(listen, ':') != NULL;

	if (graphics->socket)
		snprintf(uri, DISPLAY_URI_MAX, "vnc+unix://%s", graphics->socket);
	else
		snprintf(uri, DISPLAY_URI_MAX, "vnc://%s%s%s:%u", brackets ? "[" : "", listen,
			 brackets ? "]" : "", port);
}

/* --- The password --- */

static int read_password(const char *path, char password[SECRET + 1], struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t got = fd < 0 ? -1 : read(fd, password, SECRET);

	if (got < 0)
		return error_set(err, -errno, "password_file %s: cannot read: %m", path);
	password[got] = '\0';
	password[strcspn(password, "\r\n")] = '\0';
	if (!password[0] || strlen(password) > DISPLAY_PASSWORD_MAX)
		return error_set(
			err, -EINVAL,
			"password_file %s: its first line must have 1 to %u bytes, which is all that VNC "
			"looks at",
			path, DISPLAY_PASSWORD_MAX);
	return 0;
}

static int password_memory(const char *path, struct error *err)
{
	char password[SECRET + 1] = "";
	int code = path ? read_password(path, password, err) : 0;
	AUTO_CLOSE int fd = memfd_create("password", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (code == 0 &&
	    (fd < 0 || dprintf(fd, "%s", password) < 0 ||
	     fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0))
		code = error_set(err, -errno, "cannot hand the password over: %m");
	explicit_bzero(password, sizeof(password));
	return code < 0 ? code : TAKE_FD(fd);
}

/* --- The process --- */

static pid_t spawn(const struct guest_definition *definition, const struct disk_backend_place *place,
		   const int *descriptors, struct error *err)
{
	const unsigned slot = place->id_slot < 0 ? GUEST_IDS_MAX : (unsigned)place->id_slot;
	const bool root = geteuid() == 0;
	const struct jail_config jail = {
		.name = definition->name,
		.on = place->jail,
		.uid = root ? IDS_FIRST + slot : geteuid(),
		.gid = root ? IDS_FIRST + slot : getegid(),
		.cgroup_fd = place->cgroup_fd,
	};
	char path[PATH_MAX];
	char *const argv[] = {(char[]){DISPLAY_PROGRAM}, definition->name,
			      place->jail ? (char[]){"--jail"} : NULL, NULL};
	const struct jail_program program = {
		.path = path, .argv = argv, .descriptors = descriptors, .count = DISPLAY_DESCRIPTORS};
	AUTO_CLOSE int pidfd = -1;
	pid_t pid;

	child_path_beside(DISPLAY_PROGRAM, path);
	pid = jail_spawn(&jail, &program, &pidfd, err);
	if (pid < 0)
		pidfd = -1; /* it is closed */
	return pid;
}

int display_start(struct disk_backend *backend, const struct guest_definition *definition,
		  const struct disk_backend_place *place, uint16_t *port, struct error *err)
{
	const struct graphics_definition *graphics = &definition->graphics;
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	AUTO_CLOSE int listener =
		graphics->socket ? open_unix(graphics->socket, err) : open_tcp(graphics, port, err);
	AUTO_CLOSE int password = listener < 0 ? listener : password_memory(graphics->password_file, err);
	AUTO_CLOSE int ours = -1;
	AUTO_CLOSE int theirs = -1;
	int ends[2];
	pid_t pid;

	if (password < 0)
		return fail(definition, password, err);
	if (null < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "guest %s: graphics[0]: cannot make the channel to it: %m",
				 definition->name);
	ours = ends[0];
	theirs = ends[1];
	pid = spawn(definition, place, (const int[]){null, null, STDERR_FILENO, password, theirs, listener},
		    err);
	if (pid < 0)
		return pid;
	backend->pid = pid;
	return TAKE_FD(ours);
}

void display_forget(const struct graphics_definition *graphics)
{
	struct stat status;

	if (graphics->socket && lstat(graphics->socket, &status) == 0 && S_ISSOCK(status.st_mode))
		unlink(graphics->socket);
}

uint64_t display_memory(const struct guest_definition *definition)
{
	return definition->graphics.present ? MEMORY + DISPLAY_VIEWERS_MAX * DISPLAY_SESSION_MEMORY +
						      KIB(definition->video.vram_kib)
					    : 0;
}

unsigned display_processes(const struct guest_definition *definition)
{
	return definition->graphics.present ? PROCESSES : 0;
}
