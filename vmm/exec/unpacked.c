#include "vmm/exec/unpacked.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/exec/archive.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define SPECIAL_BITS (S_ISUID | S_ISGID | S_ISVTX)

int unpacked_make(const char *folder, struct unpacked *unpacked, struct error *err)
{
	AUTO_FREE char *path = NULL;

	*unpacked = (struct unpacked){0};
	if (asprintf(&path, "%s/.rastos-cp.XXXXXX", folder) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	if (!mkdtemp(path))
		return error_set(err, -errno, "folder %s: cannot write there: %m", folder);
	unpacked->path = TAKE_PTR(path);
	if (asprintf(&unpacked->files, "%s/files", unpacked->path) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	if (mkdir(unpacked->files, S_IRWXU) < 0)
		return error_set(err, -errno, "folder %s: cannot make it: %m", unpacked->files);
	return 0;
}

/* Calls each for everything below, a folder before and, with FTS_DP, behind what is in it. */
static int walk(const struct unpacked *unpacked, int (*each)(const FTSENT *entry, struct error *err),
		struct error *err)
{
	char *paths[] = {unpacked->path, NULL};
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_XDEV, NULL);
	FTSENT *entry;
	int code = 0;

	if (!tree)
		return error_set(err, -errno, "folder %s: cannot read: %m", unpacked->path);
	while (code == 0 && (entry = fts_read(tree)))
		code = each(entry, err);
	fts_close(tree);
	return code;
}

static int entry_remove(const FTSENT *entry, struct error *err)
{
	(void)err;
	if (entry->fts_info == FTS_D)
		chmod(entry->fts_accpath, S_IRWXU); /* or it could not be emptied */
	else if (entry->fts_info == FTS_DP)
		rmdir(entry->fts_accpath);
	else
		unlink(entry->fts_accpath);
	return 0;
}

void unpacked_remove(struct unpacked *unpacked)
{
	if (unpacked->path)
		walk(unpacked, entry_remove, NULL);
	free(TAKE_PTR(unpacked->path));
	free(TAKE_PTR(unpacked->files));
}

static int entry_check(const FTSENT *entry, struct error *err)
{
	mode_t mode = entry->fts_statp->st_mode;
	char name[128];

	/* Root's tar is not root (program.h). */
	if (entry->fts_info != FTS_DP && entry->fts_info != FTS_ERR && entry->fts_info != FTS_NS &&
	    lchown(entry->fts_accpath, geteuid(), getegid()) < 0) {
		printable_line(entry->fts_name, name, sizeof(name));
		return error_set(err, -errno, "%s: cannot take it over: %m", name);
	}
	if (entry->fts_info == FTS_DP || entry->fts_info == FTS_SL || entry->fts_info == FTS_SLNONE)
		return 0;
	printable_line(entry->fts_name, name, sizeof(name));
	if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS)
		return error_set(err, -EIO, "%s: cannot look at it: %s", name, strerror(entry->fts_errno));
	if (entry->fts_info != FTS_D && entry->fts_info != FTS_F)
		return error_set(err, -EPERM, "%s: is a device, a pipe or a socket, which are not copied",
				 name);
	/* Its owner can use a folder, whatever it was. */
	mode &= ~(mode_t)(S_IFMT | SPECIAL_BITS);
	if (entry->fts_info == FTS_D)
		mode |= S_IRWXU;
	if (mode != (entry->fts_statp->st_mode & ~(mode_t)S_IFMT) && chmod(entry->fts_accpath, mode) < 0)
		return error_set(err, -errno, "%s: cannot change its mode: %m", name);
	return 0;
}

int unpacked_check(const struct unpacked *unpacked, struct error *err)
{
	return walk(unpacked, entry_check, err);
}

/* ---- moving ---- */

/* A name in a folder; followed nowhere. */
struct place {
	int folder;
	const char *name;
};

enum what { NOTHING, FOLDER, OTHER };

static enum what what_is(struct place place)
{
	struct stat status;

	if (fstatat(place.folder, place.name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return NOTHING;
	return S_ISDIR(status.st_mode) ? FOLDER : OTHER;
}

static int move_entry(struct place from, struct place to, bool really, struct error *err);

/* Calls move_entry for all in from, which has become to. */
static int move_entries(int from, int to, bool really, struct error *err)
{
	int copy = fcntl(from, F_DUPFD_CLOEXEC, 0);
	DIR *folder = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	int code = 0;

	if (!folder) {
		cleanup_close(&copy);
		return error_set(err, -errno, "cannot read what was copied: %m");
	}
	rewinddir(folder);
	while (code == 0 && (entry = readdir(folder))) {
		struct place source = {from, entry->d_name}, target = {to, entry->d_name};

		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			code = move_entry(source, target, really, err);
	}
	closedir(folder);
	return code;
}

static int merge_folder(struct place from, struct place to, bool really, struct error *err)
{
	AUTO_CLOSE int source = openat(from.folder, from.name, FOLDER_FLAGS);
	AUTO_CLOSE int target = openat(to.folder, to.name, FOLDER_FLAGS);
	char name[128];

	if (source >= 0 && target >= 0)
		return move_entries(source, target, really, err);
	printable_line(to.name, name, sizeof(name));
	return error_set(err, -errno, "folder %s: cannot open: %m", name);
}

static int move_entry(struct place from, struct place to, bool really, struct error *err)
{
	enum what source = what_is(from), target = what_is(to);
	char name[128];

	if (source == FOLDER && target == FOLDER)
		return merge_folder(from, to, really, err);
	printable_line(to.name, name, sizeof(name));
	if (target != NOTHING && (source == FOLDER) != (target == FOLDER))
		return error_set(err, -EEXIST, "%s: a %s is in its place", name,
				 target == FOLDER ? "folder" : "file");
	if (really && renameat(from.folder, from.name, to.folder, to.name) < 0)
		return error_set(err, -errno, "%s: cannot put it there: %m", name);
	return 0;
}

static int folder_open(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? error_set(err, -errno, "folder %s: cannot open: %m", path) : fd;
}

int unpacked_move_all(const struct unpacked *unpacked, const char *folder, struct error *err)
{
	AUTO_CLOSE int from = folder_open(unpacked->files, err);
	AUTO_CLOSE int to = from < 0 ? -1 : folder_open(folder, err);
	int code;

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	code = move_entries(from, to, false, err);
	return code < 0 ? code : move_entries(from, to, true, err);
}

static bool is_only_entry(const char *path, const char *name)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	bool found = false, others = false;

	while (folder && (entry = readdir(folder))) {
		if (strcmp(entry->d_name, name) == 0)
			found = true;
		else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			others = true;
	}
	if (folder)
		closedir(folder);
	return found && !others;
}

int unpacked_move(const struct unpacked *unpacked, const char *entry, const char *folder, const char *target,
		  struct error *err)
{
	AUTO_CLOSE int from = folder_open(unpacked->files, err);
	AUTO_CLOSE int to = from < 0 ? -1 : folder_open(folder, err);
	struct place source = {from, entry}, place = {to, target};
	int code;

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	if (!is_only_entry(unpacked->files, entry))
		return error_set(err, -EBADMSG, "what came is not just %s, which was asked for", entry);
	code = move_entry(source, place, false, err);
	return code < 0 ? code : move_entry(source, place, true, err);
}
