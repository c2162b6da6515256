/* What a guest needs from the host: every refusal is one sentence, and nothing stays open after it. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "scratch.h"
#include "vmm/guest/opening.h"
#include "vmm/storage/pool.h"

static struct guest_definition *definition;
static struct guest_resources resources;
static struct settings settings;
static struct error err;

static void setup(void)
{
	scratch_make();
	cr_assert_eq(
		settings_read(
			scratch_file("vmm.json",
				     "{\"keys_dir\":\".\",\"runtime_dir\":\".\",\"state_dir\":\"state\"}"),
			&settings, &err),
		0);
	definition = definition_new("web");
	definition->kernel = strdup(scratch_file("vmlinux", "kernel"));
	definition->memory_mib = 16;
}

static void teardown(void)
{
	definition_free(definition);
	settings_free(&settings);
	scratch_remove();
}

TestSuite(resources, .init = setup, .fini = teardown);

/* Everything, however long it takes. */
static int open_all(const struct guest_definition *of, const struct settings *with,
		    struct guest_resources *into, struct error *why)
{
	const struct disk_backend_place place = {.cgroup_fd = -1, .id_slot = -1};
	struct guest_opening opening;
	int code;

	guest_opening_begin(&opening, of, with, NULL, &place, into);
	code = guest_opening_wait(&opening, why);
	guest_opening_end(&opening);
	return code;
}

static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void add_disk(const char *path, bool read_only)
{
	struct disk_definition *disk = &definition->disks[definition->disk_count++];

	disk->path = strdup(path);
	disk->read_only = read_only;
}

static void refused(const char *part)
{
	unsigned before = open_files();

	cr_assert_lt(open_all(definition, &settings, &resources, &err), 0);
	cr_assert(strstr(err.text, part), "%s", err.text);
	cr_assert_eq(open_files(), before, "descriptors were left open");
}

Test(resources, good_guest_opens)
{
	add_disk(scratch_file("disk", ""), false);
	cr_assert_eq(truncate(definition->disks[0].path, 1024), 0);
	cr_assert_eq(open_all(definition, &settings, &resources, &err), 0, "%s", err.text);
	cr_assert_null(resources.image.data, "the guest process maps it");
	cr_assert_eq(guest_resources_map(definition, &resources, &err), 0, "%s", err.text);
	cr_assert_eq(resources.image.size, 6);
	cr_assert_eq(resources.image.fd, -1);
	cr_assert_eq(resources.disks[0].size, 1024);
	guest_resources_close(&resources);
}

Test(resources, kernel_that_is_missing_is_named)
{
	unlink(definition->kernel);
	refused("/vmlinux: cannot open: No such file or directory");
}

Test(resources, kernel_that_is_empty_is_refused)
{
	scratch_file("vmlinux", "");
	refused("/vmlinux: is empty");
}

Test(resources, disk_that_is_missing_is_named)
{
	add_disk("/nonexistent/disk", false);
	refused("disk /nonexistent/disk: cannot open: No such file or directory");
}

Test(resources, disk_of_odd_size_is_refused)
{
	add_disk(scratch_file("disk", "odd"), false);
	refused("its size of 3 bytes is not a multiple of 512");
}

Test(resources, disk_that_is_a_folder_is_refused)
{
	add_disk(scratch, true);
	refused("is neither a regular file nor a block device");
}

Test(resources, disk_in_use_is_refused)
{
	struct guest_resources first;

	add_disk(scratch_file("disk", ""), false);
	cr_assert_eq(truncate(definition->disks[0].path, 512), 0);
	cr_assert_eq(open_all(definition, &settings, &first, &err), 0, "%s", err.text);
	refused("is in use by another guest or program");
	guest_resources_close(&first);
	cr_assert_eq(open_all(definition, &settings, &resources, &err), 0, "%s", err.text);
	guest_resources_close(&resources);
}

static void add_image(const char *name)
{
	definition->disks[definition->disk_count++].image = strdup(name);
}

static void make_image(const char *name)
{
	struct pool pool;

	cr_assert_eq(pool_open(&settings, true, &pool, &err), 0, "%s", err.text);
	cr_assert_eq(pool_create(&pool, name, 1024, &err), 0, "%s", err.text);
	pool_close(&pool);
}

/* Opens the guest's one disk twice: shared both times, then once as one's own. */
static void expect_shared_among_friends(void)
{
	struct guest_resources first;

	definition->disks[0].shareable = true;
	cr_assert_eq(open_all(definition, &settings, &first, &err), 0, "%s", err.text);
	cr_assert_eq(open_all(definition, &settings, &resources, &err), 0, "%s", err.text);
	cr_assert_eq(pwrite(resources.disks[0].fd, "x", 1, 0), 1, "it is shared to be written");
	guest_resources_close(&resources);
	definition->disks[0].shareable = false;
	refused("is in use");
	definition->disks[0].read_only = true;
	cr_assert_eq(open_all(definition, &settings, &resources, &err), 0, "%s", err.text);
	guest_resources_close(&resources);
	guest_resources_close(&first);
}

Test(resources, a_shared_disk_is_shared_with_who_shares_it)
{
	add_disk(scratch_file("disk", ""), false);
	cr_assert_eq(truncate(definition->disks[0].path, 512), 0);
	expect_shared_among_friends();
}

Test(resources, a_shared_image_is_shared_with_who_shares_it)
{
	make_image("data");
	add_image("data");
	expect_shared_among_friends();
}

Test(resources, a_disk_without_the_page_cache_is_opened_so_or_refused)
{
	add_disk(scratch_file("disk", ""), false);
	cr_assert_eq(truncate(definition->disks[0].path, 4096), 0);
	definition->disks[0].cache = DISK_CACHE_NONE;
	if (open_all(definition, &settings, &resources, &err) < 0) {
		refused("its file system cannot do without the page cache");
		return;
	}
	cr_assert(fcntl(resources.disks[0].fd, F_GETFL) & O_DIRECT);
	guest_resources_close(&resources);
}

Test(resources, image_of_the_pool_is_locked)
{
	struct pool pool;

	make_image("data");
	add_image("data");
	cr_assert_eq(open_all(definition, &settings, &resources, &err), 0, "%s", err.text);
	cr_assert_eq(resources.disks[0].size, 1024);
	cr_assert_eq(pool_open(&settings, true, &pool, &err), 0);
	cr_assert_eq(pool_delete(&pool, "data", &err), -EBUSY);
	cr_assert_str_eq(err.text, "disk data: is in use by a guest or program; end that one first");
	guest_resources_close(&resources);
	cr_assert_eq(pool_delete(&pool, "data", &err), 0, "%s", err.text);
	pool_close(&pool);
	refused("disk data: is not in the pool");
}

Test(resources, unknown_image_names_the_nearest)
{
	make_image("debian");
	add_image("debina");
	refused("did you mean debian?");
}

Test(resources, empty_disk_has_no_kernel)
{
	free(definition->kernel);
	definition->kernel = NULL;
	definition->kernel_disk = 0;
	make_image("data");
	add_image("data");
	refused("disk data: to boot from it, it must have a partition table or be ext4; it is empty");
}

Test(resources, disk_is_shared_when_all_only_read)
{
	struct guest_resources first;

	add_disk(scratch_file("disk", ""), true);
	cr_assert_eq(truncate(definition->disks[0].path, 512), 0);
	cr_assert_eq(open_all(definition, &settings, &first, &err), 0, "%s", err.text);
	cr_assert_eq(open_all(definition, &settings, &resources, &err), 0, "%s", err.text);
	guest_resources_close(&first);
	guest_resources_close(&resources);
}

Test(resources, more_memory_than_there_is_is_refused)
{
	definition->memory_mib = DEFINITION_MEMORY_MAX;
	refused("guest web: wants 16777216 MiB of memory, this host has");
}

Test(resources, tap_that_is_missing_is_named)
{
	definition->network_count = 1;
	definition->networks[0].type = NETWORK_TAP;
	definition->networks[0].device = strdup("nosuchtap0");
	refused("nosuchtap0");
}

Test(resources, vsock_path_that_is_too_long_is_refused)
{
	definition->vsock_path = malloc(200);
	memset(definition->vsock_path, 'a', 199);
	definition->vsock_path[199] = '\0';
	refused("is too long for a unix socket");
}

Test(resources, vsock_path_of_a_running_guest_is_refused)
{
	struct guest_resources first;

	definition->vsock_path = strdup(scratch_file("vsock.sock", ""));
	unlink(definition->vsock_path);
	cr_assert_eq(open_all(definition, &settings, &first, &err), 0, "%s", err.text);
	refused("another guest listens there");
	guest_resources_close(&first);
	cr_assert_eq(open_all(definition, &settings, &resources, &err), 0, "%s", err.text);
	guest_resources_close(&resources);
}
