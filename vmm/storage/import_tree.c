/*
 * Trees of files: a folder, a tar archive, an OCI image. They are unpacked in the draft by tar and umoci, and
 * become an ext4 file system.
 *
 * GNU tar and umoci refuse or defuse what would lead out of their folder ("..", absolute names, links); the
 * user namespace keeps device nodes and foreign files from them in any case.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/storage/content.h"
#include "vmm/storage/filesystem.h"
#include "vmm/storage/import.h"
#include "vmm/storage/oci.h"
#include "vmm/storage/program.h"

#define TREE   "tree"   /* what tar unpacked */
#define LAYOUT "layout" /* an OCI layout with only the image that is wanted */
#define ROOT   "root"   /* what umoci unpacked */

static int make_filesystem(const struct import_job *job, const char *folder, bool many_owners,
			   struct error *err)
{
	struct filesystem_source source = {
		.about = job->about,
		.folder = folder,
		.label = job->import->name,
		.size = job->import->size,
		.many_owners = many_owners,
	};

	return filesystem_make(job->draft, &source, job->import->progress, err);
}

/* As root, files keep their owners; a user's own folder becomes one of root's files. */
int import_directory(const struct import_job *job, struct error *err)
{
	return make_filesystem(job, job->path, geteuid() == 0, err);
}

/* --- tar --- */

static const char *compression_option(enum content content)
{
	switch (content) {
	case CONTENT_GZIP:
		return "--gzip";
	case CONTENT_XZ:
		return "--xz";
	case CONTENT_ZSTD:
		return "--zstd";
	case CONTENT_BZIP2:
		return "--bzip2";
	default:
		return "--no-auto-compress";
	}
}

static int unpack_percent(const struct program *program)
{
	struct stat status;
	off_t at = lseek(program->input, 0, SEEK_CUR);

	if (at < 0 || fstat(program->input, &status) < 0 || status.st_size == 0)
		return PROGRESS_UNKNOWN;
	return (int)(at * 100 / status.st_size);
}

static int unpack_tar(const struct import_job *job, struct error *err)
{
	/* What belongs into /dev is made by the guest's kernel, and nodes cannot be made here. */
	const char *const argv[] = {
		"tar",
		"--extract",
		"--file=-",
		compression_option(content_probe(job->source, 0)),
		"--directory=" TREE,
		"--numeric-owner",
		"--same-owner",
		"--preserve-permissions",
		"--delay-directory-restore",
		"--anchored",
		"--exclude=dev/*",
		"--exclude=./dev/*",
		NULL,
	};
	struct program program = program_of(argv, "tar", job->about);

	if (mkdirat(job->draft->folder, TREE, 0755) < 0)
		return error_set(err, -errno, "%s: cannot make a folder: %m", job->about);
	program.input = job->source;
	program.folder = job->draft->folder;
	program.many_owners = true;
	program.file_max = job->import->size;
	program.progress = job->import->progress;
	program.step = "unpacking";
	program.percent = unpack_percent;
	return program_run(&program, err);
}

/* --- OCI --- */

static int write_text(int folder, const char *name, const char *text)
{
	AUTO_CLOSE int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -EIO;
}

/* A layout for umoci that names the image that was picked, and has the blobs of the other. */
static int make_layout(const struct import_job *job, const char *source,
		       const struct oci_descriptor *manifest)
{
	AUTO_CLOSE int folder = -1;
	char index[512], blobs[4096];
	int code;

	if (mkdirat(job->draft->folder, LAYOUT, 0700) < 0)
		return -errno;
	folder = openat(job->draft->folder, LAYOUT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	snprintf(
		index, sizeof(index),
		"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
		"\"digest\":\"%s\",\"size\":%llu,\"annotations\":{\"org.opencontainers.image.ref.name\":\"image\"}}]}",
		manifest->digest, (unsigned long long)manifest->size);
	if ((size_t)snprintf(blobs, sizeof(blobs), "%s/blobs", source) >= sizeof(blobs))
		return -ENAMETOOLONG;
	code = write_text(folder, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	if (code == 0)
		code = write_text(folder, "index.json", index);
	return code == 0 && symlinkat(blobs, folder, "blobs") < 0 ? -errno : code;
}

static int unpack_layers(const struct import_job *job, const char *readable, struct error *err)
{
	static const char *const argv[] = {"umoci", "raw", "unpack", "--image", LAYOUT ":image", ROOT, NULL};
	struct program program = program_of(argv, "umoci", job->about);

	program.folder = job->draft->folder;
	program.readable[0] = readable;
	program.many_owners = true;
	program.file_max = job->import->size;
	program.progress = job->import->progress;
	program.step = "unpacking the layers";
	return program_run(&program, err);
}

/* source: the layout's path, as umoci sees it from its own. */
static int import_layout(const struct import_job *job, int layout, const char *source, struct error *err)
{
	struct oci_descriptor manifest;
	int code = oci_layout_find(job->about, layout, job->import->tag, &manifest, err);

	if (code < 0)
		return code;
	code = make_layout(job, source, &manifest);
	if (code < 0)
		return error_set(err, code, "%s: cannot make a layout: %s", job->about, strerror(-code));
	code = unpack_layers(job, job->path, err);
	return code < 0 ? code : make_filesystem(job, ROOT, true, err);
}

int import_oci(const struct import_job *job, struct error *err)
{
	return import_layout(job, job->source, job->path, err);
}

/* tar is content with a few bytes that are no archive. */
static bool folder_empty(int folder)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	bool empty = true;

	while (dir && empty && (entry = readdir(dir)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir)
		closedir(dir);
	else
		cleanup_close(&copy);
	return empty;
}

int import_tar(const struct import_job *job, struct error *err)
{
	AUTO_CLOSE int tree = -1;
	int code = unpack_tar(job, err);

	if (code < 0)
		return code;
	tree = openat(job->draft->folder, TREE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree >= 0 && faccessat(tree, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return import_layout(job, tree, "../" TREE, err);
	if (job->import->format == IMPORT_OCI || job->import->tag)
		return error_set(err, -EINVAL, "%s: has no oci-layout: it is not an OCI image", job->about);
	if (tree < 0 || folder_empty(tree))
		return error_set(err, -EINVAL, "%s: is no archive, or has no files", job->about);
	return make_filesystem(job, TREE, true, err);
}
