/*
 * Does what lines of tmpfiles.d say. Folders on the way may belong to users, who may put links there: each
 * step is taken by openat without following, and only links that root owns are followed, by hand.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "rinit/accounts.h"
#include "rinit/conf_files.h"
#include "rinit/file.h"
#include "rinit/tmpfiles.h"
#include "rinit/tree.h"
#include "rinit/unit.h"

#define LINKS_MAX   40
#define DEPTH_MAX   64
#define FACTORY     "/usr/share/factory"
#define NO_ID       ((unsigned int)-1)
#define LOOK        (O_PATH | O_NOFOLLOW | O_CLOEXEC)
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct pass {
	const char *path; /* of the file that is read */
	bool removing;    /* the first pass removes, the second makes */
	struct string_list made;
	unsigned int not_done;
};

static void tell(const struct pass *pass, const struct tmpfiles_line *line, const char *path,
		 const char *what)
{
	if (!line->ignore_failure)
		fprintf(stderr, "<4>%s:%u: %s: %s\n", pass->path, line->line, path, what);
}

/* ---- the way to a place ---- */

/* rest becomes the link's target with what of rest comes after it. */
static int link_splice(int link, const char *after, char *rest)
{
	char target[PATH_MAX], whole[PATH_MAX];
	ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);

	if (length < 0)
		return -errno;
	target[length] = '\0';
	if ((size_t)snprintf(whole, sizeof(whole), "%s/%s", target, after) >= sizeof(whole))
		return -ENAMETOOLONG;
	strcpy(rest, whole);
	return 0;
}

/* One step down; a missing folder is made if so wished. The descriptor or negative errno. */
static int step(int folder, const char *name, bool make, struct stat *status)
{
	int fd = openat(folder, name, LOOK);

	if (fd < 0 && errno == ENOENT && make && !mkdirat(folder, name, 0755))
		fd = openat(folder, name, LOOK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, status)) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* Opens the folder that path's last part lies in; name (NAME_MAX + 1) gets that part. */
static int place_open(const char *path, bool make, char *name)
{
	char rest[PATH_MAX];
	AUTO_CLOSE int folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *at = rest;

	snprintf(rest, sizeof(rest), "%s", path);
	for (int links = 0; folder >= 0;) {
		AUTO_CLOSE int next = -1;
		struct stat status;
		size_t length;
		char *after;
		int rc;

		at += strspn(at, "/");
		length = strcspn(at, "/");
		after = at + length + strspn(at + length, "/");
		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		snprintf(name, NAME_MAX + 1, "%.*s", (int)length, at);
		if (!*after)
			return TAKE_FD(folder);
		next = step(folder, name, make, &status);
		if (next < 0)
			return next;
		if (S_ISLNK(status.st_mode)) {
			if (status.st_uid || ++links > LINKS_MAX)
				return -ELOOP;
			rc = link_splice(next, after, rest);
			if (rc)
				return rc;
			at = rest;
			if (*rest != '/')
				continue;
			close(TAKE_FD(next));
			next = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		} else {
			at = after;
		}
		close(folder);
		folder = TAKE_FD(next);
	}
	return -errno;
}

/* ---- owner and mode ---- */

static bool ids_find(const struct pass *pass, const struct tmpfiles_line *line, bool fresh,
		     unsigned int *user, unsigned int *group)
{
	*user = fresh ? 0 : NO_ID;
	*group = fresh ? 0 : NO_ID;
	if (*line->user && (fresh || !line->user_new) && !account_id(PASSWD_FILE, line->user, user)) {
		tell(pass, line, line->user, "there is no such user");
		return false;
	}
	if (*line->group && (fresh || !line->group_new) && !account_id(GROUP_FILE, line->group, group)) {
		tell(pass, line, line->group, "there is no such group");
		return false;
	}
	return true;
}

/* ~: what nobody may do now, nobody may do afterwards. */
static mode_t mode_masked(mode_t mode, mode_t now)
{
	if (!(now & 0111))
		mode &= ~(mode_t)0111;
	if (!(now & 0222))
		mode &= ~(mode_t)0222;
	if (!(now & 0444))
		mode &= ~(mode_t)0444;
	return S_ISDIR(now) ? mode : mode & 0777;
}

static void adjust(const struct pass *pass, const struct tmpfiles_line *line, const char *path, int fd,
		   bool fresh)
{
	unsigned int user, group;
	struct stat status;
	char self[32];
	mode_t mode;

	if (fstat(fd, &status) || !ids_find(pass, line, fresh, &user, &group))
		return;
	if (!fresh && !S_ISDIR(status.st_mode) && status.st_nlink > 1) {
		tell(pass, line, path, "has several names (hard links): left as it is");
		return;
	}
	if ((user != NO_ID || group != NO_ID) &&
	    fchownat(fd, "", user, group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		tell(pass, line, path, strerror(errno));
	if (S_ISLNK(status.st_mode) || (!fresh && (!line->has_mode || line->mode_new)))
		return;
	mode = line->has_mode ? line->mode : S_ISDIR(status.st_mode) ? 0755 : 0644;
	if (line->mode_mask && !fresh)
		mode = mode_masked(mode, status.st_mode);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd); /* fchmod(2) takes no O_PATH */
	if (chmod(self, mode))
		tell(pass, line, path, strerror(errno));
}

/* ---- making ---- */

/* Copies a file, a link or a tree; what is there stays. */
static int copy(const char *from, int folder, const char *name, int depth);

static int copy_file(const char *from, int folder, const char *name, mode_t mode)
{
	AUTO_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	AUTO_CLOSE int out = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 07777);
	char bytes[16384];
	ssize_t got = in < 0 || out < 0 ? -1 : 1;

	while (got > 0) {
		got = read(in, bytes, sizeof(bytes));
		if (got > 0 && write_all(out, bytes, (size_t)got))
			got = -1;
	}
	return got < 0 ? -errno : 0;
}

static int copy_folder(const char *from, int folder, const char *name, mode_t mode, int depth)
{
	AUTO_CLOSE int to = -1;
	const struct dirent *entry;
	DIR *entries;
	int rc = 0;

	if (mkdirat(folder, name, mode & 07777) && errno != EEXIST)
		return -errno;
	to = openat(folder, name, OPEN_FOLDER);
	entries = to < 0 || depth > DEPTH_MAX ? NULL : opendir(from);
	if (!entries)
		return -errno;
	while (!rc && (entry = readdir(entries))) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", from, entry->d_name);
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = copy(path, to, entry->d_name, depth + 1);
	}
	closedir(entries);
	return rc == -EEXIST ? 0 : rc;
}

static int copy(const char *from, int folder, const char *name, int depth)
{
	char target[PATH_MAX];
	struct stat status;
	ssize_t length;

	if (lstat(from, &status))
		return -errno;
	if (S_ISDIR(status.st_mode))
		return copy_folder(from, folder, name, status.st_mode, depth);
	if (S_ISREG(status.st_mode))
		return copy_file(from, folder, name, status.st_mode);
	length = S_ISLNK(status.st_mode) ? readlink(from, target, sizeof(target) - 1) : -1;
	if (length < 0)
		return 0; /* a device or a socket is nothing to copy */
	target[length] = '\0';
	return symlinkat(target, folder, name) ? -errno : 0;
}

/* What a link or a copy is of. */
static const char *origin(const struct tmpfiles_line *line, char *text, size_t size)
{
	if (*line->argument)
		return line->argument;
	snprintf(text, size, FACTORY "%s", line->path);
	return text;
}

static mode_t kind_wanted(const struct tmpfiles_line *line)
{
	switch (line->type) {
	case 'p':
		return S_IFIFO;
	case 'c':
		return S_IFCHR;
	case 'b':
		return S_IFBLK;
	case 'L':
		return S_IFLNK;
	case 'f':
	case 'F':
		return S_IFREG;
	case 'C':
		return 0; /* whatever it is a copy of */
	default:
		return S_IFDIR;
	}
}

static int node_make(const struct tmpfiles_line *line, int folder, const char *name)
{
	unsigned int major, minor;
	dev_t device = 0;

	if (line->type != 'p') {
		if (sscanf(line->argument, "%u:%u", &major, &minor) != 2)
			return -EINVAL;
		device = makedev(major, minor);
	}
	return mknodat(folder, name, kind_wanted(line) | 0600, device) ? -errno : 0;
}

/* 0, -EEXIST when something is there, or another negative errno. */
static int object_make(const struct tmpfiles_line *line, int folder, const char *name)
{
	char path[PATH_MAX + sizeof(FACTORY)];
	int fd;

	switch (kind_wanted(line)) {
	case S_IFLNK:
		return symlinkat(origin(line, path, sizeof(path)), folder, name) ? -errno : 0;
	case S_IFDIR:
		return mkdirat(folder, name, 0700) ? -errno : 0;
	case 0:
		return copy(origin(line, path, sizeof(path)), folder, name, 0);
	case S_IFREG:
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			close(fd);
		return fd < 0 ? -errno : 0;
	default:
		return node_make(line, folder, name);
	}
}

static bool is_as_wanted(const struct tmpfiles_line *line, int fd, const struct stat *status)
{
	mode_t kind = kind_wanted(line);
	char target[PATH_MAX], path[PATH_MAX + sizeof(FACTORY)];
	ssize_t length;

	if (!kind)
		return true;
	if ((status->st_mode & S_IFMT) != kind)
		return false;
	if (kind != S_IFLNK)
		return true;
	length = readlinkat(fd, "", target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	return !strcmp(target, origin(line, path, sizeof(path)));
}

static void content_write(const struct pass *pass, const struct tmpfiles_line *line, const char *path,
			  int folder, const char *name, int flags)
{
	AUTO_CLOSE int fd =
		openat(folder, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);

	if (fd < 0 || write_all(fd, line->argument, strlen(line->argument)))
		tell(pass, line, path, strerror(errno));
}

static void line_make(const struct pass *pass, const struct tmpfiles_line *line, const char *path)
{
	char name[NAME_MAX + 1];
	AUTO_CLOSE int folder = place_open(path, true, name);
	AUTO_CLOSE int fd = -1;
	struct stat status;
	bool fresh, again;
	int rc = folder < 0 ? folder : object_make(line, folder, name);

	fd = folder < 0 ? -1 : openat(folder, name, LOOK);
	if (rc == -EEXIST && fd >= 0 && !fstat(fd, &status) && !is_as_wanted(line, fd, &status)) {
		again = line->replace || (line->plus && kind_wanted(line) != S_IFDIR);
		if (!again && line->type == 'L')
			return; /* somebody put something of their own there */
		rc = again ? entry_delete(folder, name, status.st_dev) : -EEXIST;
		if (!rc)
			rc = object_make(line, folder, name);
		close(fd);
		fd = openat(folder, name, LOOK);
		if (rc) {
			tell(pass, line, path, rc == -EEXIST ? "there is something else" : strerror(-rc));
			return;
		}
	}
	if (line->type == 'C' && rc == -ENOENT)
		return; /* nothing to copy, which is fine (tmpfiles.d(5)) */
	fresh = !rc;
	if ((rc && rc != -EEXIST) || fd < 0) {
		tell(pass, line, path,
		     rc == -ELOOP ? "a link on the way belongs to somebody else than root"
				  : strerror(rc ? -rc : errno));
		return;
	}
	if (kind_wanted(line) == S_IFREG && (fresh || line->plus || line->type == 'F'))
		content_write(pass, line, path, folder, name, O_TRUNC);
	if (line->type != 'C' || line->has_mode || *line->user || *line->group)
		adjust(pass, line, path, fd, fresh && line->type != 'C');
}

/* ---- what is there already: patterns ---- */

static void tree_adjust(const struct pass *pass, const struct tmpfiles_line *line, const char *path, int fd,
			int depth)
{
	const struct dirent *entry;
	DIR *entries = NULL;
	int folder;

	adjust(pass, line, path, fd, false);
	if (line->type != 'Z' || depth > DEPTH_MAX)
		return;
	folder = openat(fd, ".", OPEN_FOLDER);
	if (folder >= 0)
		entries = fdopendir(folder);
	while (entries && (entry = readdir(entries))) {
		AUTO_CLOSE int next = -1;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		next = openat(folder, entry->d_name, LOOK);
		if (next >= 0)
			tree_adjust(pass, line, entry->d_name, next, depth + 1);
	}
	if (entries)
		closedir(entries);
}

static void match_remove(const struct pass *pass, const struct tmpfiles_line *line, const char *path,
			 int folder, const char *name, const struct stat *status)
{
	int rc = 0;

	if (line->type == 'D')
		tree_delete(openat(folder, name, OPEN_FOLDER), status->st_dev);
	else if (line->type == 'R')
		rc = entry_delete(folder, name, status->st_dev);
	else if (unlinkat(folder, name, S_ISDIR(status->st_mode) ? AT_REMOVEDIR : 0))
		rc = -errno;
	if (rc && rc != -ENOENT)
		tell(pass, line, path, strerror(-rc));
}

static void match_handle(const struct pass *pass, const struct tmpfiles_line *line, const char *path)
{
	char name[NAME_MAX + 1];
	AUTO_CLOSE int folder = place_open(path, false, name);
	AUTO_CLOSE int fd = folder < 0 ? -1 : openat(folder, name, LOOK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status))
		return; /* it went, or nobody may go there: nothing to do */
	if (pass->removing)
		match_remove(pass, line, path, folder, name, &status);
	else if (line->type == 'w')
		content_write(pass, line, path, folder, name, line->plus ? O_APPEND : O_TRUNC);
	else if (line->type != 'e' || S_ISDIR(status.st_mode))
		tree_adjust(pass, line, path, fd, 0);
}

static void matches_handle(const struct pass *pass, const struct tmpfiles_line *line)
{
	glob_t found = {0};

	if (!glob(line->path, GLOB_NOSORT, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			match_handle(pass, line, found.gl_pathv[i]);
	globfree(&found);
}

/* ---- lines ---- */

static void line_handle(void *context, const struct tmpfiles_line *line)
{
	struct pass *pass = context;

	/* rinit knows no credentials, as when systemd is given none; and nobody here would remove nologin. */
	if (line->credential || !strcmp(line->path, "/run/nologin") || strchr("xX", line->type))
		return;
	if (strchr("tThHaA", line->type)) {
		pass->not_done += pass->removing;
	} else if (pass->removing) {
		if (strchr("rRD", line->type))
			matches_handle(pass, line);
	} else if (strchr("wezZ", line->type)) {
		matches_handle(pass, line);
	} else if (!strchr("rR", line->type) && !string_list_has(&pass->made, line->path)) {
		string_list_add(&pass->made, line->path); /* of two lines about one path the first counts */
		line_make(pass, line, line->path);
	}
}

static void fault(void *context, unsigned int line, const char *why)
{
	const struct pass *pass = context;

	if (pass->removing)
		fprintf(stderr, "<4>%s:%u: this line %s and has no effect\n", pass->path, line, why);
}

struct run {
	struct pass pass;
	struct tmpfiles_specifier specifiers[16];
};

static void file_handle(void *context, const char *path, const char *text, size_t length)
{
	struct run *run = context;

	run->pass.path = path;
	tmpfiles_parse(text, length,
		       &(struct tmpfiles_reader){.context = &run->pass,
						 .specifiers = run->specifiers,
						 .line = line_handle,
						 .fault = fault});
}

/* /proc's boot id is written with dashes. */
static void dashes_remove(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (*text != '-')
			*to++ = *text;
	*to = '\0';
}

int tmpfiles_main(int argc, char **argv)
{
	static struct utsname kernel;
	static char boot[64], machine[64];
	struct run run = {
		.pass.removing = true,
		.specifiers = {{'b', boot},
			       {'m', machine},
			       {'H', kernel.nodename},
			       {'v', kernel.release},
			       {'t', "/run"},
			       {'S', "/var/lib"},
			       {'C', "/var/cache"},
			       {'L', "/var/log"},
			       {'T', "/tmp"},
			       {'V', "/var/tmp"},
			       {'h', "/root"},
			       {'u', "root"},
			       {'g', "root"},
			       {'U', "0"},
			       {'G', "0"}},
	};

	(void)argc;
	(void)argv;
	uname(&kernel);
	file_read_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
	dashes_remove(boot);
	file_read_line("/etc/machine-id", machine, sizeof(machine));
	umask(0);
	conf_files_each(tmpfiles_folders, ".conf", file_handle, &run);
	run.pass.removing = false;
	conf_files_each(tmpfiles_folders, ".conf", file_handle, &run);
	if (run.pass.not_done)
		printf("%u lines of types t, h and a (attributes, ACLs) have no effect: not done\n",
		       run.pass.not_done);
	return 0;
}
