#include "vmm/storage/oci.h"

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
#include "hypervisor/boot/fit_crypto.h"
#include "vmm/storage/copy.h"

#define DIGEST_PREFIX "sha256:"
#define SIZE_MAX_BLOB 9007199254740992.0 /* 2^53: what a number in JSON holds */
#define REF_NAME      "org.opencontainers.image.ref.name"
#define INDEX_TYPE    "application/vnd.oci.image.index.v1+json"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define TAGS_SHOWN    160

/* --- Reading JSON --- */

static const char *string_of(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) ? item->valuestring : NULL;
}

static bool digest_valid(const char *text)
{
	size_t len = strlen(DIGEST_PREFIX);

	if (!text || strlen(text) != OCI_DIGEST_TEXT - 1 || strncmp(text, DIGEST_PREFIX, len) != 0)
		return false;
	for (text += len; *text; text++) {
		if (!isdigit((unsigned char)*text) && !(*text >= 'a' && *text <= 'f'))
			return false;
	}
	return true;
}

static int read_descriptor(const char *about, const cJSON *json, struct oci_descriptor *descriptor,
			   struct error *err)
{
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(json, "size");
	const char *digest = string_of(json, "digest");
	const char *type = string_of(json, "mediaType");

	if (!digest_valid(digest))
		return error_set(err, -EINVAL, "%s: a digest in it is not sha256 and 64 digits", about);
	if (!cJSON_IsNumber(size) || size->valuedouble < 0 || size->valuedouble > SIZE_MAX_BLOB)
		return error_set(err, -EINVAL, "%s: the size of %s is not a number of bytes", about, digest);
	*descriptor = (struct oci_descriptor){
		.size = (uint64_t)size->valuedouble,
		.is_index = type && strcmp(type, INDEX_TYPE) == 0,
	};
	snprintf(descriptor->digest, sizeof(descriptor->digest), "%s", digest);
	return 0;
}

static int parse(const char *about, const char *text, const char *key, cJSON **json, const cJSON **array,
		 struct error *err)
{
	*json = cJSON_ParseWithOpts(text, NULL, true);
	if (!*json)
		return error_set(err, -EINVAL, "%s: is not valid JSON", about);
	*array = cJSON_GetObjectItemCaseSensitive(*json, key);
	if (!cJSON_IsArray(*array))
		return error_set(err, -EINVAL, "%s: has no list of %s", about, key);
	return 0;
}

/* --- Which image --- */

bool oci_tag_fits(const char *name, const char *tag)
{
	size_t name_len = strlen(name);
	size_t tag_len = strlen(tag);

	if (name_len < tag_len || strcmp(name + name_len - tag_len, tag) != 0)
		return false;
	return name_len == tag_len || strchr(":/", name[name_len - tag_len - 1]);
}

static bool tag_fits(const cJSON *entry, const char *tag)
{
	const char *name = string_of(cJSON_GetObjectItemCaseSensitive(entry, "annotations"), REF_NAME);

	return name && oci_tag_fits(name, tag);
}

/* An image that says it is for another processor or system is not meant. */
static bool platform_fits(const cJSON *entry)
{
	const cJSON *platform = cJSON_GetObjectItemCaseSensitive(entry, "platform");
	const char *system = string_of(platform, "os");
	const char *processor = string_of(platform, "architecture");

	return (!system || strcmp(system, "linux") == 0) && (!processor || strcmp(processor, "amd64") == 0);
}

static bool is_image(const cJSON *entry)
{
	const char *type = string_of(entry, "mediaType");

	return type && (strcmp(type, INDEX_TYPE) == 0 || strcmp(type, MANIFEST_TYPE) == 0);
}

static void add_tag(char tags[TAGS_SHOWN], const cJSON *entry)
{
	const char *name = string_of(cJSON_GetObjectItemCaseSensitive(entry, "annotations"), REF_NAME);
	size_t used = strlen(tags);

	snprintf(tags + used, TAGS_SHOWN - used, "%s%.64s", used ? ", " : "",
		 name ? name : "one without a tag");
	for (; *tags; tags++) {
		if (!isprint((unsigned char)*tags))
			*tags = '?';
	}
}

static int none_picked(const char *about, const char *tag, unsigned found, const char *tags,
		       struct error *err)
{
	if (found > 1)
		return error_set(err, -EINVAL, "%s: has several images, say with --tag which one: %s", about,
				 tags);
	if (tag && *tags)
		return error_set(err, -ENOENT, "%s: has no image with the tag %.64s; there are %s", about,
				 tag, tags);
	return error_set(err, -ENOENT, "%s: has no image for Linux on amd64", about);
}

int oci_index_pick(const char *about, const char *text, const char *tag, struct oci_descriptor *image,
		   struct error *err)
{
	const cJSON *array, *entry, *picked = NULL;
	char fitting[TAGS_SHOWN] = "", all[TAGS_SHOWN] = "";
	unsigned found = 0;
	cJSON *json = NULL;
	int code = parse(about, text, "manifests", &json, &array, err);

	if (code == 0) {
		cJSON_ArrayForEach(entry, array)
		{
			if (!is_image(entry) || !platform_fits(entry))
				continue;
			add_tag(all, entry);
			if (tag && !tag_fits(entry, tag))
				continue;
			add_tag(fitting, entry);
			picked = entry;
			found++;
		}
		code = found == 1 ? read_descriptor(about, picked, image, err)
				  : none_picked(about, tag, found, found ? fitting : all, err);
	}
	cJSON_Delete(json);
	return code;
}

int oci_manifest_blobs(const char *about, const char *text, oci_blob_check *check, void *owner,
		       struct error *err)
{
	const cJSON *layers, *layer;
	struct oci_descriptor blob;
	cJSON *json = NULL;
	int code = parse(about, text, "layers", &json, &layers, err);

	if (code == 0 && cJSON_GetArraySize(layers) > OCI_LAYERS_MAX)
		code = error_set(err, -E2BIG, "%s: has more than %d layers", about, OCI_LAYERS_MAX);
	if (code == 0)
		code = read_descriptor(about, cJSON_GetObjectItemCaseSensitive(json, "config"), &blob, err);
	if (code == 0)
		code = check(owner, &blob, err);
	if (code == 0) {
		cJSON_ArrayForEach(layer, layers)
		{
			code = read_descriptor(about, layer, &blob, err);
			if (code == 0)
				code = check(owner, &blob, err);
			if (code < 0)
				break;
		}
	}
	cJSON_Delete(json);
	return code;
}

/* --- The layout's files --- */

/* Opens a regular file below folder. */
static int open_file(const char *about, int folder, const char *path, uint64_t *size, struct error *err)
{
	AUTO_CLOSE int fd = openat(folder, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, -ENOENT, "%s: %s is missing", about, path);
	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(err, -errno, "%s: cannot open %s: %m", about, path);
	if (!S_ISREG(status.st_mode))
		return error_set(err, -EINVAL, "%s: %s is not a regular file", about, path);
	*size = (uint64_t)status.st_size;
	return TAKE_FD(fd);
}

static int open_blob(const char *about, int folder, const struct oci_descriptor *blob, struct error *err)
{
	AUTO_CLOSE int fd = -1;
	char path[OCI_DIGEST_TEXT + sizeof("blobs/")];
	uint64_t size;

	snprintf(path, sizeof(path), "blobs/sha256/%s", blob->digest + strlen(DIGEST_PREFIX));
	fd = open_file(about, folder, path, &size, err);
	if (fd >= 0 && size != blob->size)
		return error_set(err, -EBADMSG, "%s: %s has %llu bytes, not %llu: it is damaged", about, path,
				 (unsigned long long)size, (unsigned long long)blob->size);
	return TAKE_FD(fd);
}

static int read_text(const char *about, int fd, uint64_t size, char **text, struct error *err)
{
	AUTO_FREE char *buffer = NULL;

	if (size > OCI_JSON_MAX)
		return error_set(err, -EFBIG, "%s: an index or manifest is larger than 4 MiB", about);
	buffer = malloc(size + 1);
	if (!buffer)
		return error_set(err, -ENOMEM, "%s: out of memory", about);
	if (pread(fd, buffer, size, 0) != (ssize_t)size)
		return error_set(err, -EIO, "%s: cannot read an index or manifest", about);
	buffer[size] = '\0';
	*text = TAKE_PTR(buffer);
	return 0;
}

static int check_digest(const char *about, const struct oci_descriptor *blob, const char *text,
			struct error *err)
{
	const struct crypto_digest *sha256 = crypto_digest_find("sha256", strlen("sha256"));
	uint8_t hash[CRYPTO_HASH_MAX];
	char digest[OCI_DIGEST_TEXT] = DIGEST_PREFIX;
	struct crypto *crypto;
	int code = crypto_open(&crypto, err);

	if (code < 0)
		return code;
	code = crypto_hash(crypto, sha256, text, blob->size, hash, err);
	crypto_close(crypto);
	if (code < 0)
		return code;
	for (size_t i = 0; i < sha256->size; i++)
		snprintf(digest + strlen(DIGEST_PREFIX) + 2 * i, 3, "%02x", hash[i]);
	if (strcmp(digest, blob->digest) != 0)
		return error_set(err, -EBADMSG, "%s: what is called %s has another digest: it is damaged",
				 about, blob->digest);
	return 0;
}

static int read_blob(const char *about, int folder, const struct oci_descriptor *blob, char **text,
		     struct error *err)
{
	AUTO_CLOSE int fd = open_blob(about, folder, blob, err);
	int code;

	if (fd < 0)
		return fd;
	code = read_text(about, fd, blob->size, text, err);
	return code < 0 ? code : check_digest(about, blob, *text, err);
}

struct layout {
	const char *about;
	int folder;
};

static int blob_is_there(void *owner, const struct oci_descriptor *blob, struct error *err)
{
	const struct layout *layout = owner;
	AUTO_CLOSE int fd = open_blob(layout->about, layout->folder, blob, err);

	return fd < 0 ? fd : 0;
}

int oci_layout_find(const char *about, int folder, const char *tag, struct oci_descriptor *manifest,
		    struct error *err)
{
	struct layout layout = {.about = about, .folder = folder};
	AUTO_FREE char *text = NULL;
	uint64_t size = 0;
	AUTO_CLOSE int fd = open_file(about, folder, "index.json", &size, err);
	int code = fd < 0 ? fd : read_text(about, fd, size, &text, err);

	if (code == 0)
		code = oci_index_pick(about, text, tag, manifest, err);
	for (unsigned depth = 0; code == 0; depth++) {
		free(TAKE_PTR(text));
		code = read_blob(about, folder, manifest, &text, err);
		if (code < 0 || !manifest->is_index)
			break;
		if (depth == OCI_DEPTH_MAX)
			return error_set(err, -ELOOP, "%s: its indices name one another more than %d times",
					 about, OCI_DEPTH_MAX);
		code = oci_index_pick(about, text, NULL, manifest, err);
	}
	return code < 0 ? code : oci_manifest_blobs(about, text, blob_is_there, &layout, err);
}

struct copying {
	struct layout from;
	int blobs;
	struct progress *progress;
};

/* Layers may be named twice. */
static int blob_copy(void *owner, const struct oci_descriptor *blob, struct error *err)
{
	const struct copying *copying = owner;
	AUTO_CLOSE int from = open_blob(copying->from.about, copying->from.folder, blob, err);
	AUTO_CLOSE int to = -1;

	if (from < 0)
		return from;
	to = openat(copying->blobs, blob->digest + strlen(DIGEST_PREFIX),
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (to < 0 && errno == EEXIST)
		return 0;
	if (to < 0 || fchmod(to, 0644) < 0)
		return error_set(err, -errno, "%s: cannot copy %s: %m", copying->from.about, blob->digest);
	return copy_sparse(copying->from.about, from, to, blob->size, copying->progress, err);
}

int oci_layout_copy(const char *about, int folder, const struct oci_descriptor *manifest, int blobs,
		    struct progress *progress, struct error *err)
{
	struct copying copying = {.from = {about, folder}, .blobs = blobs, .progress = progress};
	AUTO_FREE char *text = NULL;
	int code = read_blob(about, folder, manifest, &text, err);

	if (code == 0)
		code = blob_copy(&copying, manifest, err);
	return code < 0 ? code : oci_manifest_blobs(about, text, blob_copy, &copying, err);
}
