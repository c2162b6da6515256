/*
 * Trees of files: a folder, a tar archive, an OCI image. They are unpacked in the draft by tar and umoci, and
 * become an ext4 file system.
 *
 * GNU tar and umoci refuse or defuse what would lead out of their folder ("..", absolute names, links); their
 * sandbox (program.h) has no device nodes and no foreign files in any case.
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
#include "vmm/storage/docker_archive.h"
#include "vmm/storage/filesystem.h"
#include "vmm/storage/import.h"
#include "vmm/storage/oci.h"
#include "vmm/storage/program.h"

#define TREE      "tree"      /* what tar unpacked */
#define LAYOUT    "layout"    /* an OCI layout with only the image that is wanted */
#define ROOT      "root"      /* what umoci unpacked */
#define CONVERTED "converted" /* an OCI layout that skopeo made */

static int make_filesystem(const struct import_job *job, int folder, const char *name,
			   enum program_owners owners, struct error *err)
{
	struct filesystem_source source = {
		.about = job->about,
		.folder = folder,
		.name = name,
		.label = job->import->name,
		.size = job->import->size,
		.owners = owners,
	};

	return filesystem_make(job->draft, &source, job->import->progress, err);
}

/* As root, files keep their owners; a user's own folder becomes one of root's files. */
int import_directory(const struct import_job *job, struct error *err)
{
	return make_filesystem(job, job->source, NULL, PROGRAM_OWNERS_REAL, err);
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

/* Of the archive, packed as it is. */
static bool unpacked_bytes(const struct program *program, uint64_t *done, uint64_t *total)
{
	struct stat status;
	off_t at = lseek(program->input, 0, SEEK_CUR);

	if (at < 0 || fstat(program->input, &status) < 0 || status.st_size <= 0)
		return false;
	*done = (uint64_t)at;
	*total = (uint64_t)status.st_size;
	return true;
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
	program.owners = PROGRAM_OWNERS_MANY;
	program.file_max = job->import->size;
	program.progress = job->import->progress;
	program.step = "unpacking";
	program.bytes = unpacked_bytes;
	return program_run(&program, err);
}

/* --- OCI --- */

static int write_text(int folder, const char *name, const char *text)
{
	AUTO_CLOSE int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -EIO;
}

/* A folder that a program may read, whose user it is. */
static int open_new_folder(int folder, const char *name)
{
	int fd;

	if (mkdirat(folder, name, 0755) < 0 || fchmodat(folder, name, 0755, 0) < 0)
		return -errno;
	fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_index(int folder, const struct oci_descriptor *manifest)
{
	char index[512];
	int code = write_text(folder, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");

	snprintf(
		index, sizeof(index),
		"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
		"\"digest\":\"%s\",\"size\":%llu,\"annotations\":{\"org.opencontainers.image.ref.name\":\"image\"}}]}",
		manifest->digest, (unsigned long long)manifest->size);
	return code < 0 ? code : write_text(folder, "index.json", index);
}

/* A layout for umoci that has only the image that was picked, whoever owns the other and may write to it. */
static int make_layout(const struct import_job *job, int source, const struct oci_descriptor *manifest,
		       struct error *err)
{
	AUTO_CLOSE int folder = open_new_folder(job->draft->folder, LAYOUT);
	AUTO_CLOSE int blobs = folder < 0 ? folder : open_new_folder(folder, "blobs");
	AUTO_CLOSE int sha256 = blobs < 0 ? blobs : open_new_folder(blobs, "sha256");
	int code = sha256 < 0 ? sha256 : write_index(folder, manifest);

	if (code < 0)
		return error_set(err, code, "%s: cannot make a layout: %s", job->about, strerror(-code));
	return oci_layout_copy(job->about, source, manifest, sha256, job->import->progress, err);
}

static int unpack_layers(const struct import_job *job, struct error *err)
{
	static const char *const argv[] = {"umoci", "raw", "unpack", "--image", LAYOUT ":image", ROOT, NULL};
	struct program program = program_of(argv, "umoci", job->about);

	program.folder = job->draft->folder;
	program.owners = PROGRAM_OWNERS_MANY;
	program.file_max = job->import->size;
	program.progress = job->import->progress;
	program.step = "unpacking the layers";
	return program_run(&program, err);
}

static int import_layout(const struct import_job *job, int layout, const char *tag, struct error *err)
{
	struct oci_descriptor manifest;
	int code = oci_layout_find(job->about, layout, tag, &manifest, err);

	if (code == 0)
		code = make_layout(job, layout, &manifest, err);
	if (code == 0)
		code = unpack_layers(job, err);
	return code < 0 ? code : make_filesystem(job, -1, ROOT, PROGRAM_OWNERS_MANY, err);
}

int import_oci(const struct import_job *job, struct error *err)
{
	return import_layout(job, job->source, job->import->tag, err);
}

static int import_docker_archive(const struct import_job *job, int tree, struct error *err)
{
	AUTO_CLOSE int layout = -1;
	int code = docker_archive_convert(job, tree, CONVERTED, err);

	if (code < 0)
		return code;
	layout = openat(job->draft->folder, CONVERTED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (layout < 0)
		return error_set(err, -errno, "%s: skopeo made no layout: %m", job->about);
	return import_layout(job, layout, NULL, err);
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
		return import_layout(job, tree, job->import->tag, err);
	if (tree >= 0 && docker_archive_is(tree))
		return import_docker_archive(job, tree, err);
	if (job->import->format == IMPORT_OCI || job->import->tag)
		return error_set(err, -EINVAL, "%s: has no oci-layout: it is not an OCI image", job->about);
	if (tree < 0 || folder_empty(tree))
		return error_set(err, -EINVAL, "%s: is no archive, or has no files", job->about);
	return make_filesystem(job, -1, TREE, PROGRAM_OWNERS_MANY, err);
}
