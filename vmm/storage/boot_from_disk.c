#include "vmm/storage/boot_from_disk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/storage/content.h"
#include "vmm/storage/ext_files.h"
#include "vmm/storage/partitions.h"
#include "vmm/storage/program.h"

#define KERNEL_MAX   MIB(256)
#define INITRD_MAX   GIB(1)
#define VERSIONS_MAX 32
#define SECONDS_MAX  10 /* for all together: a manager waits meanwhile */
#define SEEN_MAX     128

/* How distributions name the two, before and behind the version. */
static const char *const kernel_names[] = {"vmlinuz-", "vmlinux-", NULL};
static const struct {
	const char *before, *behind;
} initrd_names[] = {
	{"initrd.img-", ""},    /* Debian, Ubuntu */
	{"initramfs-", ".img"}, /* Fedora, Arch */
	{"initrd-", ""},        /* openSUSE */
	{"initramfs-", ""},     /* Alpine */
};

struct file {
	char name[EXT_NAME_MAX];
	uint64_t size;
};

/* What is in a folder that may be /boot. */
struct boot_folder {
	const char *path; /* "/boot/" or "/" */
	unsigned count;
	struct file files[VERSIONS_MAX * 4];
	bool has_boot, has_etc;
};

/* The kernel that is taken. */
struct choice {
	const struct partition *partition;
	const char *folder;
	struct file kernel;
	struct file initrd; /* name "" when there is none */
};

/* --- In one file system --- */

static void note_entry(void *owner, const struct ext_entry *entry)
{
	struct boot_folder *folder = owner;

	if (entry->is_folder) {
		folder->has_boot = folder->has_boot || strcmp(entry->name, "boot") == 0;
		folder->has_etc = folder->has_etc || strcmp(entry->name, "etc") == 0;
	}
	if (!entry->is_file || folder->count == ARRAY_SIZE(folder->files) ||
	    (strncmp(entry->name, "vmlinu", 6) != 0 && strncmp(entry->name, "init", 4) != 0))
		return;
	folder->files[folder->count].size = entry->size;
	snprintf(folder->files[folder->count++].name, EXT_NAME_MAX, "%s", entry->name);
}

/* The version in a kernel's name, or NULL when it is none. */
static const char *kernel_version(const char *name)
{
	for (unsigned i = 0; kernel_names[i]; i++) {
		if (strncmp(name, kernel_names[i], strlen(kernel_names[i])) == 0)
			return name + strlen(kernel_names[i]);
	}
	return NULL;
}

static const struct file *find_initrd(const struct boot_folder *folder, const char *version)
{
	char name[2 * EXT_NAME_MAX];

	for (unsigned i = 0; i < ARRAY_SIZE(initrd_names); i++) {
		snprintf(name, sizeof(name), "%s%s%s", initrd_names[i].before, version,
			 initrd_names[i].behind);
		for (unsigned j = 0; j < folder->count; j++) {
			if (strcmp(folder->files[j].name, name) == 0)
				return &folder->files[j];
		}
	}
	return NULL;
}

/* The newest kernel, one with an initrd before all without; false when there is none. */
static bool choose_kernel(const struct boot_folder *folder, struct choice *choice)
{
	const char *best = NULL;
	bool best_has_initrd = false;

	for (unsigned i = 0; i < folder->count; i++) {
		const char *version = kernel_version(folder->files[i].name);
		const struct file *initrd = version ? find_initrd(folder, version) : NULL;

		if (!version || (best && (best_has_initrd && !initrd)) ||
		    (best && best_has_initrd == (initrd != NULL) && strverscmp(version, best) <= 0))
			continue;
		best = version;
		best_has_initrd = initrd != NULL;
		choice->kernel = folder->files[i];
		choice->initrd = initrd ? *initrd : (struct file){.name = ""};
		choice->folder = folder->path;
	}
	return best;
}

/* --- On the disk --- */

struct search {
	const struct disk_boot_source *source;
	uint64_t deadline_ms;
	struct partition partitions[PARTITIONS_MAX];
	unsigned count;
	const struct partition *root; /* the first with an /etc */
	struct choice choice;         /* its partition is NULL until there is one */
	char seen[SEEN_MAX];          /* what the partitions are, for the sentence when nothing is found */
};

/* Looks at one file system: is it the root, and does it have a kernel? */
static int search_filesystem(struct search *search, const struct partition *partition, struct error *err)
{
	struct ext_filesystem filesystem = {search->source->about, search->source->disk, partition->start,
					    search->deadline_ms};
	struct boot_folder top = {.path = "/"};
	struct boot_folder boot = {.path = "/boot/"};
	bool is_root;
	int code = ext_list(&filesystem, "/", note_entry, &top, err);

	if (code == 0 && top.has_boot)
		code = ext_list(&filesystem, "/boot", note_entry, &boot, err);
	if (code < 0)
		return code;
	is_root = top.has_etc && !search->root;
	if (is_root)
		search->root = partition;
	/* The root's own /boot counts for more than a partition that looks like one. */
	if (search->choice.partition && !is_root)
		return 0;
	if (choose_kernel(&boot, &search->choice) ||
	    (!search->choice.partition && choose_kernel(&top, &search->choice)))
		search->choice.partition = partition;
	return 0;
}

static int search_partition(struct search *search, const struct partition *partition, struct error *err)
{
	enum content content = content_probe(search->source->disk, partition->start);
	size_t used = strlen(search->seen);

	snprintf(search->seen + used, sizeof(search->seen) - used, "%s%s", used ? ", " : "",
		 content_name(content));
	return content == CONTENT_EXT ? search_filesystem(search, partition, err) : 0;
}

/* The partitions, or the disk as one. */
static int find_partitions(struct search *search, struct error *err)
{
	const struct disk_boot_source *source = search->source;
	enum content content = content_probe(source->disk, 0);

	switch (content) {
	case CONTENT_EXT:
		search->partitions[0] = (struct partition){.size = source->size};
		search->count = 1;
		return 0;
	case CONTENT_GPT:
	case CONTENT_MBR:
		return partitions_read(source->about, source->disk, source->size, search->deadline_ms,
				       search->partitions, &search->count, err);
	case CONTENT_QCOW2:
		return error_set(
			err, -EOPNOTSUPP,
			"%s: is a qcow2 image; `rastos-vmm disk import NAME FILE` makes a disk of it that "
			"boots",
			source->about);
	default:
		return error_set(err, -EOPNOTSUPP,
				 "%s: to boot from it, it must have a partition table or be ext4; it is %s",
				 source->about, content_name(content));
	}
}

static int search_disk(struct search *search, struct error *err)
{
	const char *about = search->source->about;
	int code = find_partitions(search, err);

	for (unsigned i = 0; i < search->count && code == 0; i++)
		code = search_partition(search, &search->partitions[i], err);
	if (code < 0)
		return code;
	if (!search->choice.partition)
		return error_set(err, -ENOENT,
				 "%s: has no kernel in the /boot of an ext4 file system (on it: %s)", about,
				 search->seen[0] ? search->seen : "no partitions");
	if (!search->root)
		return error_set(err, -ENOENT,
				 "%s: has a kernel, but no ext4 file system with a system's root (on it: %s)",
				 about, search->seen);
	return 0;
}

/* --- What is booted --- */

/* root=: by what does not change when disks come in another order. */
static void root_argument(const struct search *search, char *text, size_t size)
{
	const struct partition *root = search->root;
	char uuid[CONTENT_UUID_TEXT];
	char letter = (char)('a' + search->source->index);

	if (search->choice.initrd.name[0] && content_ext_uuid(search->source->disk, root->start, uuid))
		snprintf(text, size, "root=UUID=%s", uuid);
	else if (root->uuid[0])
		snprintf(text, size, "root=PARTUUID=%s", root->uuid);
	else if (root->number)
		snprintf(text, size, "root=/dev/vd%c%u", letter, root->number);
	else
		snprintf(text, size, "root=/dev/vd%c", letter);
}

static int read_file(const struct search *search, const struct file *file, uint64_t max, struct error *err)
{
	const struct choice *choice = &search->choice;
	struct ext_filesystem filesystem = {search->source->about, search->source->disk,
					    choice->partition->start, search->deadline_ms};
	char path[2 * EXT_NAME_MAX];

	snprintf(path, sizeof(path), "%s%s", choice->folder, file->name);
	if (file->size == 0 || file->size > max)
		return error_set(err, -EFBIG, "%s: %s has %llu bytes; from 1 byte to %llu MiB are possible",
				 search->source->about, path, (unsigned long long)file->size,
				 (unsigned long long)(max >> 20));
	return ext_read(&filesystem, path, file->size, err);
}

static int take_files(const struct search *search, struct disk_boot *boot, struct error *err)
{
	const struct choice *choice = &search->choice;
	char root[80];

	boot->kernel_fd = read_file(search, &choice->kernel, KERNEL_MAX, err);
	if (boot->kernel_fd < 0)
		return boot->kernel_fd;
	if (choice->initrd.name[0]) {
		boot->initrd_fd = read_file(search, &choice->initrd, INITRD_MAX, err);
		if (boot->initrd_fd < 0) {
			close(TAKE_FD(boot->kernel_fd));
			return boot->initrd_fd;
		}
	}
	root_argument(search, root, sizeof(root));
	snprintf(boot->kernel, sizeof(boot->kernel), "%s: %s%s", search->source->about, choice->folder,
		 choice->kernel.name);
	snprintf(boot->cmdline, sizeof(boot->cmdline), "%s ro console=%s", root, search->source->console);
	return 0;
}

int boot_from_disk(const struct disk_boot_source *source, struct disk_boot *boot, struct error *err)
{
	struct search search = {
		.source = source,
		.deadline_ms = monotonic_ms() + SECONDS_MAX * UINT64_C(1000),
	};
	int code;

	*boot = (struct disk_boot){.kernel_fd = -1, .initrd_fd = -1};
	code = search_disk(&search, err);
	if (code == 0)
		code = take_files(&search, boot, err);
	if (code == -ETIMEDOUT)
		return error_set(
			err, code,
			"%s: its kernel was not found and read within %d s: the disk is damaged or slow",
			source->about, SECONDS_MAX);
	return code;
}
