#include "vmm/storage/docker_archive.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/storage/content.h"
#include "vmm/storage/oci.h"
#include "vmm/storage/program.h"

#define MANIFEST   "manifest.json"
#define TAGS_SHOWN 160

/* NULL: there is none that is a file of a size that can be. */
static char *manifest_read(int folder)
{
	AUTO_CLOSE int fd =
		openat(folder, MANIFEST, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > OCI_JSON_MAX)
		return NULL;
	text = calloc(1, (size_t)status.st_size + 1);
	if (!text || pread(fd, text, (size_t)status.st_size, 0) != status.st_size)
		return NULL;
	return TAKE_PTR(text);
}

/* A list of images, each with a list of layers; NULL: it is something else. */
static cJSON *manifest_parse(const char *text)
{
	cJSON *list = cJSON_ParseWithOpts(text, NULL, true);
	bool is_one = cJSON_IsArray(list) && cJSON_GetArraySize(list) > 0;
	const cJSON *image;

	cJSON_ArrayForEach(image, list)
	{
		is_one = is_one && cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(image, "Layers")) &&
			 cJSON_IsString(cJSON_GetObjectItemCaseSensitive(image, "Config"));
	}
	if (is_one)
		return list;
	cJSON_Delete(list);
	return NULL;
}

bool docker_archive_is(int folder)
{
	AUTO_FREE char *text = manifest_read(folder);
	cJSON *list = text ? manifest_parse(text) : NULL;
	bool is_one = list;

	cJSON_Delete(list);
	return is_one;
}

/* Adds the image's names to those that are shown; whether one of them is meant. */
static bool image_fits(const cJSON *image, const char *tag, char shown[TAGS_SHOWN])
{
	const cJSON *names = cJSON_GetObjectItemCaseSensitive(image, "RepoTags");
	bool fits = !tag;
	const cJSON *name;

	cJSON_ArrayForEach(name, names)
	{
		size_t used = strlen(shown);

		if (!cJSON_IsString(name))
			continue;
		fits = fits || oci_tag_fits(name->valuestring, tag);
		snprintf(shown + used, TAGS_SHOWN - used, "%s%.64s", used ? ", " : "", name->valuestring);
		for (char *at = shown + used; *at; at++) {
			if (!isprint((unsigned char)*at))
				*at = '?';
		}
	}
	return fits;
}

int docker_archive_pick(const char *about, const char *text, const char *tag, unsigned *place,
			struct error *err)
{
	cJSON *list = manifest_parse(text);
	char shown[TAGS_SHOWN] = "";
	unsigned at = 0, found = 0;
	const cJSON *image;

	if (!list)
		return error_set(err, -EINVAL, "%s: its " MANIFEST " names no images", about);
	cJSON_ArrayForEach(image, list)
	{
		if (image_fits(image, tag, shown)) {
			*place = at;
			found++;
		}
		at++;
	}
	cJSON_Delete(list);
	if (found == 1)
		return 0;
	if (found > 1)
		return error_set(err, -EINVAL, "%s: has several images, say with --tag which one: %s", about,
				 *shown ? shown : "they have no tags");
	return error_set(err, -ENOENT, "%s: has no image with the tag %.64s; there are %s", about, tag,
			 *shown ? shown : "only some without tags");
}

int docker_archive_convert(const struct import_job *job, int folder, const char *name, struct error *err)
{
	AUTO_FREE char *text = manifest_read(folder);
	char from[64], to[64];
	const char *const argv[] = {
		"skopeo", "--insecure-policy", "--tmpdir", ".", "copy", "--quiet", from, to, NULL};
	struct program program = program_of(argv, "skopeo", job->about);
	unsigned place = 0;
	int code = text ? docker_archive_pick(job->about, text, job->import->tag, &place, err)
			: error_set(err, -EIO, "%s: cannot read its " MANIFEST, job->about);

	if (code < 0)
		return code;
	if (content_probe(job->source, 0) != CONTENT_TAR)
		return error_set(
			err, -EOPNOTSUPP,
			"%s: is a compressed Docker archive, which skopeo does not read: decompress it first",
			job->about);
	snprintf(from, sizeof(from), "docker-archive:" PROGRAM_SOURCE ":@%u", place);
	snprintf(to, sizeof(to), "oci:%s:image", name);
	program.source = job->source;
	program.folder = job->draft->folder;
	program.owners = PROGRAM_OWNERS_MANY;
	program.file_max = job->import->size;
	program.progress = job->import->progress;
	program.step = "reading the image";
	return program_run(&program, err);
}
