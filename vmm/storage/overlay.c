#include "vmm/storage/overlay.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/storage/program.h"

#define SUFFIX      ".backing"
#define NOTE_MAX    (DEFINITION_NAME_MAX + sizeof(SUFFIX))
#define MAGIC       "QFI\xfb"
#define SIZE_OFFSET 24 /* QEMU docs/interop/qcow2.txt */
#define SECTOR      512

/* --- What is noted --- */

static void note_name(const char *name, char file[NOTE_MAX])
{
	snprintf(file, NOTE_MAX, "%.*s" SUFFIX, DEFINITION_NAME_MAX, name);
}

static bool image_there(const struct pool *pool, const char *name)
{
	char file[DEFINITION_NAME_MAX + sizeof(".img")];

	snprintf(file, sizeof(file), "%.*s.img", DEFINITION_NAME_MAX, name);
	return faccessat(pool->fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool overlay_backing(const struct pool *pool, const char *name, char backing[DEFINITION_NAME_MAX + 1])
{
	char file[NOTE_MAX], text[DEFINITION_NAME_MAX + 2] = "";
	AUTO_CLOSE int fd = -1;

	if (pool->fd < 0 || !definition_name_valid(name))
		return false;
	note_name(name, file);
	fd = openat(pool->fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || !image_there(pool, name))
		return false;
	text[strcspn(text, "\n")] = '\0';
	if (!definition_name_valid(text))
		return false;
	snprintf(backing, DEFINITION_NAME_MAX + 1, "%s", text);
	return true;
}

bool overlay_on(const struct pool *pool, const char *name, char by[DEFINITION_NAME_MAX + 1])
{
	int copy = pool->fd < 0 ? -1 : openat(pool->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	bool found = false;

	if (!dir)
		cleanup_close(&copy);
	while (dir && !found && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);
		char backing[DEFINITION_NAME_MAX + 1];

		if (len <= strlen(SUFFIX) || len >= NOTE_MAX ||
		    strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		snprintf(by, DEFINITION_NAME_MAX + 1, "%.*s", (int)(len - strlen(SUFFIX)), entry->d_name);
		found = overlay_backing(pool, by, backing) && strcmp(backing, name) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* One that was left by an image that never came, or has gone, makes way. */
int overlay_note(const struct draft *draft, const char *new_name, const char *backing, struct error *err)
{
	AUTO_CLOSE int fd =
		openat(draft->folder, "backing", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	char file[NOTE_MAX];

	note_name(new_name, file);
	if (image_there(draft->pool, new_name))
		return error_set(err, -EEXIST, "disk %s: there is one of that name already", new_name);
	if (fd < 0 || dprintf(fd, "%s\n", backing) < 0 || fsync(fd) < 0 ||
	    renameat(draft->folder, "backing", draft->pool->fd, file) < 0)
		return error_set(err, -errno, "disk %s: cannot note what is behind it: %m", new_name);
	return 0;
}

void overlay_forget(const struct pool *pool, const char *name)
{
	char file[NOTE_MAX];

	note_name(name, file);
	if (!image_there(pool, name))
		unlinkat(pool->fd, file, 0);
}

/* --- Images --- */

uint64_t overlay_size(int fd)
{
	char magic[sizeof(MAGIC) - 1];
	uint64_t size;

	if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) || memcmp(magic, MAGIC, sizeof(magic)) != 0 ||
	    pread(fd, &size, sizeof(size), SIZE_OFFSET) != sizeof(size))
		return 0;
	return be64toh(size);
}

static int image_make(const struct draft *draft, const char *name, bool on_overlay, uint64_t size,
		      struct error *err)
{
	char about[DEFINITION_NAME_MAX + sizeof("disk ")], behind[DEFINITION_NAME_MAX + sizeof(".img")],
		bytes[24];
	/* -u: what is behind it is not looked at, and need not be there for qemu-img. */
	const char *const argv[] = {"qemu-img",  "create", "-q",   "-u", "-f",
				    "qcow2",     "-b",     behind, "-F", on_overlay ? "qcow2" : "raw",
				    DRAFT_IMAGE, bytes,    NULL};
	struct program program;

	snprintf(about, sizeof(about), "disk %s", name);
	snprintf(behind, sizeof(behind), "%s.img", name);
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)size);
	program = program_of(argv, "qemu-utils", about);
	program.folder = draft->folder;
	return program_run(&program, err);
}

int overlay_grow(const struct draft *draft, const char *name, uint64_t size, struct error *err)
{
	/* What is behind it is not opened: it is not in the draft's folder. */
	static const char image[] =
		"json:{\"driver\":\"qcow2\",\"backing\":null,\"file\":{\"driver\":\"file\","
		"\"filename\":\"" DRAFT_IMAGE "\"}}";
	char about[DEFINITION_NAME_MAX + sizeof("disk ")], bytes[24];
	const char *const argv[] = {"qemu-img", "resize", "-q", image, bytes, NULL};
	struct program program;

	snprintf(about, sizeof(about), "disk %s", name);
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)size);
	program = program_of(argv, "qemu-utils", about);
	program.folder = draft->folder;
	return program_run(&program, err);
}

int overlay_create(const struct pool *pool, const char *name, const char *new_name, struct error *err)
{
	char backing[DEFINITION_NAME_MAX + 1], by[DEFINITION_NAME_MAX + 1];
	/* With its lock: nobody writes to it until it is known that nobody may. Those who share it may until
	 * then: the first overlay wants it for itself. */
	AUTO_CLOSE int fd = -1;
	struct draft draft;
	struct stat status;
	bool on_overlay;
	int code = pool_image_open(pool, name, overlay_on(pool, name, by), &fd, err);

	if (code == 0)
		code = pool_name_check(pool, new_name, err);
	if (code < 0)
		return code;
	on_overlay = overlay_backing(pool, name, backing);
	if (fstat(fd, &status) < 0)
		return error_set(err, -errno, "disk %s: cannot stat: %m", name);
	code = draft_begin(pool, &draft, err);
	if (code < 0)
		return code;
	code = image_make(&draft, name, on_overlay,
			  on_overlay ? overlay_size(fd) : (uint64_t)status.st_size / SECTOR * SECTOR, err);
	if (code == 0)
		code = overlay_note(&draft, new_name, name, err);
	if (code == 0) {
		code = draft_finish(&draft, new_name, false, err);
		overlay_forget(pool, new_name);
		return code;
	}
	draft_drop(&draft);
	return code;
}

/* --- Definitions --- */

/* The disk of this image, or what is behind another: with format and backing, as deep as it goes. */
static void complete_image(const struct pool *pool, cJSON *item, const char *image)
{
	char name[DEFINITION_NAME_MAX + 1], backing[DEFINITION_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%s", image);
	for (unsigned depth = 0; depth <= DISK_BACKING_MAX; depth++) {
		bool overlay = overlay_backing(pool, name, backing);

		if (depth || overlay)
			cJSON_AddStringToObject(item, "format", overlay ? "qcow2" : "raw");
		if (!overlay)
			return;
		item = cJSON_AddObjectToObject(item, "backing");
		cJSON_AddStringToObject(item, "image", backing);
		snprintf(name, sizeof(name), "%s", backing);
	}
}

void overlay_complete(const struct settings *settings, cJSON *definition)
{
	struct pool pool = {.fd = -1};
	cJSON *disk;

	cJSON_ArrayForEach(disk, cJSON_GetObjectItemCaseSensitive(definition, "disks"))
	{
		const char *image = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(disk, "image"));

		if (!image || !definition_name_valid(image) || cJSON_HasObjectItem(disk, "format") ||
		    cJSON_HasObjectItem(disk, "backing"))
			continue;
		if (pool.fd < 0 && pool_open(settings, false, &pool, NULL) < 0)
			return;
		complete_image(&pool, disk, image);
	}
	pool_close(&pool);
}
