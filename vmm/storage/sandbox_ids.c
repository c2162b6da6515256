/* Whose program it is: the ids of its user namespace (sandbox.h). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/storage/sandbox.h"
#include "vmm/storage/source_view.h"

/* Ids for programs that root runs: above those of guests (settings.h: guest_ids), nobody's outside of the
 * pool's drafts. As many as files of archives may have; the namespace must not have all that there are, which
 * programs (umoci) take for the first namespace, where they may make device nodes. */
#define IDS_FIRST 1910000000U
#define IDS_COUNT (1U << 24)
#define IDS_ALL   4294967293U
#define NOBODY    65534U

extern char **environ;

static int write_file(pid_t child, const char *name, const char *text)
{
	char path[64];
	AUTO_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)child, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

/* The user's first range in /etc/subuid or /etc/subgid: NAME:START:COUNT (subuid(5)). */
static bool find_range(const char *path, unsigned long *start, unsigned long *count)
{
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	const struct passwd *user = getpwuid(geteuid());
	char line[256];
	char name[64];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[^:]:%lu:%lu", name, start, count) != 3 || *count == 0)
			continue;
		if ((user && strcmp(user->pw_name, name) == 0) ||
		    (name[0] >= '0' && name[0] <= '9' && strtoul(name, NULL, 10) == geteuid()))
			return true;
	}
	return false;
}

/* Runs a program that may do what we may not; 0 when it did. */
static int run_helper(const char *const *argv)
{
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;
	int code = posix_spawn_file_actions_init(&actions);

	if (code)
		return -code;
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	code = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code)
		return -code;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? 0 : -EPERM;
}

/* newuidmap(1) and newgidmap(1) map the range that an administrator has granted, behind the user's own id. */
static int map_granted(pid_t child, const char *tool, const char *granted, unsigned own)
{
	char process[16], id[16], first[24], size[24];
	const char *argv[] = {tool, process, "0", id, "1", "1", first, size, NULL};
	unsigned long start, count;

	if (!find_range(granted, &start, &count))
		return -EPERM;
	snprintf(process, sizeof(process), "%d", (int)child);
	snprintf(id, sizeof(id), "%u", own);
	snprintf(first, sizeof(first), "%lu", start);
	snprintf(size, sizeof(size), "%lu", count);
	return run_helper(argv);
}

static int map_as_user(pid_t child, bool many)
{
	char map[32];
	int code;

	if (many) {
		code = map_granted(child, "newuidmap", "/etc/subuid", geteuid());
		return code < 0 ? code : map_granted(child, "newgidmap", "/etc/subgid", getegid());
	}
	code = write_file(child, "setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
	if (code == 0)
		code = write_file(child, "uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)getegid());
	return code < 0 ? code : write_file(child, "gid_map", map);
}

/* One id that may just read the file, which a program opens again by its name: nobody where that is enough.
 */
static void ids_that_read(const struct stat *file, unsigned *user, unsigned *group)
{
	*user = NOBODY;
	*group = NOBODY;
	if (file->st_mode & S_IROTH)
		return;
	*group = file->st_gid;
	if (!(file->st_mode & S_IRGRP))
		*user = file->st_uid;
}

/* Who a program is that root runs. */
struct ids {
	unsigned user, group, count;
};

/* Whether it must have the host's own ids to read its source, if there is no view of that. */
static bool wants_root(const struct program *program)
{
	struct stat file;

	if (program->source < 0 || program->owners == PROGRAM_OWNERS_MANY)
		return false;
	return program->owners == PROGRAM_OWNERS_REAL ||
	       (fstat(program->source, &file) == 0 && file.st_uid == 0 &&
		!(file.st_mode & (S_IRGRP | S_IROTH)));
}

int sandbox_view(const struct program *program)
{
	if (geteuid() != 0 || !wants_root(program))
		return -1;
	return source_view_make(program->source, IDS_FIRST,
				program->owners == PROGRAM_OWNERS_REAL ? IDS_COUNT : 1, true);
}

static int ids_choose(const struct program *program, bool has_view, struct ids *ids)
{
	struct stat file;

	*ids = (struct ids){IDS_FIRST, IDS_FIRST, program->owners == PROGRAM_OWNER_ONE ? 1 : IDS_COUNT};
	if (has_view)
		return 0;
	if (program->owners == PROGRAM_OWNERS_REAL)
		*ids = (struct ids){0, 0, IDS_ALL};
	else if (program->source >= 0 && fstat(program->source, &file) < 0)
		return -errno;
	else if (program->source >= 0 && program->owners == PROGRAM_OWNER_ONE)
		ids_that_read(&file, &ids->user, &ids->group);
	return 0;
}

/* Root's files that are right in the folder, and the folder: what a program before this one has made is its.
 */
static int folder_give(int folder, const struct ids *ids)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	struct stat status;
	int code = 0;

	if (!dir) {
		cleanup_close(&copy);
		return -errno;
	}
	while (code == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, "..") == 0 ||
		    fstatat(copy, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if ((status.st_uid == 0 || strcmp(entry->d_name, ".") == 0) &&
		    fchownat(copy, entry->d_name, ids->user, ids->group, AT_SYMLINK_NOFOLLOW) < 0)
			code = -errno;
	}
	closedir(dir);
	return code;
}

static int map_as_root(pid_t child, const struct program *program, bool has_view)
{
	struct ids ids;
	char map[32];
	int code = ids_choose(program, has_view, &ids);

	if (code == 0 && program->folder >= 0)
		code = folder_give(program->folder, &ids);
	if (code < 0)
		return code;
	snprintf(map, sizeof(map), "0 %u %u", ids.user, ids.count);
	code = write_file(child, "uid_map", map);
	snprintf(map, sizeof(map), "0 %u %u", ids.group, ids.count);
	return code < 0 ? code : write_file(child, "gid_map", map);
}

int sandbox_map_ids(pid_t child, const struct program *program, bool has_view, struct error *err)
{
	bool root = geteuid() == 0;
	bool many = program->owners == PROGRAM_OWNERS_MANY;
	int code = root ? map_as_root(child, program, has_view) : map_as_user(child, many);

	if (code < 0 && many && !root)
		return error_set(
			err, code,
			"files of several owners need user ids: apt-get install uidmap, and a line in "
			"/etc/subuid and /etc/subgid (subuid(5))");
	return code < 0 ? error_set(err, code, "cannot map user ids for a program: %s", strerror(-code)) : 0;
}
