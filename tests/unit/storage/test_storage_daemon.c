/*
 * Disks that qemu-storage-daemon serves: the real program, the process that keeps it, the front end and the
 * disk's device, without a VM and without a jail. Skipped where the program is not installed.
 */
#include "vmm/storage/storage_daemon.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/blk.h"
#include "tests/unit/virtio/driver.h"
#include "vmm/storage/storage_child.h"
#include "vmm/storage/storage_plan.h"

#define SECTOR  VIRTIO_BLK_SECTOR
#define SIZE    MIB(8)
#define FLUSH   (1ULL << VIRTIO_BLK_F_FLUSH)
#define ZEROES  (1ULL << VIRTIO_BLK_F_WRITE_ZEROES)
#define WAIT_MS 20000

static struct driver driver;
static struct error err;
static char folder[] = "/tmp/rastos-test-disk.XXXXXX";
static pid_t keeper;
static char image[128], overlay[128], base[128];

static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int run(const char *format, ...)
{
	char command[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	return system(command);
}

static void setup(void)
{
	if (run("command -v qemu-storage-daemon >/dev/null && command -v qemu-img >/dev/null"))
		cr_skip_test("qemu-storage-daemon or qemu-img is not installed");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(image, sizeof(image), "%s/image", folder);
	snprintf(overlay, sizeof(overlay), "%s/overlay", folder);
	snprintf(base, sizeof(base), "%s/base", folder);
	driver_init(&driver);
	keeper = 0;
}

static void teardown(void)
{
	driver_close(&driver);
	if (keeper > 0)
		waitpid(keeper, NULL, 0);
	run("rm -rf %s", folder);
}

TestSuite(storage_daemon, .init = setup, .fini = teardown, .timeout = 60);

/* The keeper as a process of its own, with the descriptors that it would be executed with. Returns our end.
 */
static int keep(cJSON *plan)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(plan);
	int memory = memfd_create("plan", 0);
	int ends[2];

	cJSON_Delete(plan);
	cr_assert_eq(write(memory, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	keeper = fork();
	if (keeper == 0) {
		int channel = fcntl(ends[1], F_DUPFD, 100);

		dup2(fcntl(memory, F_DUPFD, 100), STORAGE_PLAN_FD);
		dup2(channel, STORAGE_CHANNEL_FD);
		close_range(STORAGE_FILES_FD, ~0U, 0);
		_exit(storage_daemon_run(&err) < 0);
	}
	close(ends[1]);
	close(memory);
	return ends[0];
}

struct wanted {
	enum disk_format format;
	const char *behind; /* raw */
	bool transient, no_reconnect;
};

static int start(const struct wanted *wanted)
{
	struct disk_backing backing = {.path = base, .format = DISK_FORMAT_RAW};
	struct disk_definition disk = {
		.path = image,
		.discard = true,
		.source = {.format = wanted->format,
			   .transient = wanted->transient,
			   .backing = wanted->behind ? &backing : NULL,
			   .reconnect = !wanted->no_reconnect},
	};
	struct storage_file files[3] = {
		{.path = image, .fd = -1, .tree = -1, .writable = !wanted->transient}};
	struct storage_wants wants = {
		.about = "disk test", .disk = &disk, .files = files, .file_count = 1, .queues = 1};

	if (wanted->behind)
		files[wants.file_count++] = (struct storage_file){.path = base, .fd = -1, .tree = -1};
	if (wanted->transient)
		files[wants.file_count++] =
			(struct storage_file){.path = overlay, .fd = -1, .tree = -1, .writable = true};
	return keep(storage_plan_make(&wants));
}

static struct virtio_device *create(const struct wanted *wanted)
{
	struct virtio_blk_options options = {
		.name = "test",
		.fd = start(wanted),
		.backend = true,
		.reconnect = !wanted->no_reconnect,
		.discard = true,
	};
	struct virtio_device *device = virtio_blk_create(&options, &driver.memory, &driver.loop, &err);

	if (!device)
		close(options.fd);
	return device;
}

static void attach(const struct wanted *wanted)
{
	struct virtio_device *device = create(wanted);

	cr_assert_not_null(device, "%s", err.text);
	driver_attach(&driver, device, FLUSH | ZEROES);
}

/* Puts a request; where its status will be. */
static uint64_t put(uint32_t type, uint64_t sector, struct driver_buffer *data)
{
	struct virtio_blk_outhdr header = {.type = type, .sector = sector};
	struct driver_buffer buffers[3] = {driver_out(&driver, &header, sizeof(header))};
	unsigned count = 1;

	if (data)
		buffers[count++] = *data;
	buffers[count] = driver_in(&driver, 1);
	*(uint8_t *)driver_at(&driver, buffers[count].address, 1) = 0xff;
	driver_add(&driver, 0, buffers, count + 1);
	return buffers[count].address;
}

static uint8_t finish(uint64_t status)
{
	struct driver_used used;

	driver_kick(&driver, 0);
	driver_await(&driver, 0, &used);
	return *(uint8_t *)driver_at(&driver, status, 1);
}

static uint8_t request(uint32_t type, uint64_t sector, struct driver_buffer *data)
{
	return finish(put(type, sector, data));
}

static void write_sectors(uint64_t sector, uint8_t byte, uint32_t len)
{
	AUTO_FREE uint8_t *bytes = malloc(len);
	struct driver_buffer data;

	memset(bytes, byte, len);
	data = driver_out(&driver, bytes, len);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, sector, &data), VIRTIO_BLK_S_OK);
}

static bool sectors_are(uint64_t sector, uint8_t byte, uint32_t len)
{
	struct driver_buffer data = driver_in(&driver, len);
	const uint8_t *bytes = driver_at(&driver, data.address, len);

	cr_assert_eq(request(VIRTIO_BLK_T_IN, sector, &data), VIRTIO_BLK_S_OK);
	for (uint32_t i = 0; i < len; i++)
		if (bytes[i] != byte)
			return false;
	return true;
}

/* Ends the device, and with it the keeper; the image is then whole. */
static void end(void)
{
	int status = -1;

	virtio_device_destroy(driver.device);
	driver.device = NULL;
	cr_assert_eq(waitpid(keeper, &status, 0), keeper);
	keeper = 0;
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static pid_t daemon_pid(void)
{
	char path[64];
	AUTO_FCLOSE FILE *file = NULL;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)keeper, (int)keeper);
	file = fopen(path, "re");
	return file && fscanf(file, "%d", &pid) == 1 ? pid : 0;
}

Test(storage_daemon, qcow2_keeps_what_was_written)
{
	const struct wanted wanted = {.format = DISK_FORMAT_QCOW2};

	cr_assert_eq(run("qemu-img create -q -f qcow2 %s 8M", image), 0);
	attach(&wanted);
	write_sectors(0, 0x5a, 8 * SECTOR);
	write_sectors(SIZE / SECTOR - 8, 0xa5, 8 * SECTOR);
	cr_assert_eq(request(VIRTIO_BLK_T_FLUSH, 0, NULL), VIRTIO_BLK_S_OK);
	cr_assert(sectors_are(0, 0x5a, 8 * SECTOR));
	cr_assert(sectors_are(8, 0, 8 * SECTOR));
	end();
	cr_assert_eq(run("qemu-img check -q %s", image), 0);
	cr_assert_eq(
		run("qemu-io -f qcow2 -c 'read -P 0x5a 0 4k' -c 'read -P 0xa5 8188k 4k' %s >%s/log || ! command -v "
		    "qemu-io >/dev/null",
		    image, folder),
		0);
}

Test(storage_daemon, requests_and_bytes_are_counted)
{
	const struct wanted wanted = {.format = DISK_FORMAT_QCOW2};
	struct virtio_counters sum;

	cr_assert_eq(run("qemu-img create -q -f qcow2 %s 8M", image), 0);
	attach(&wanted);
	write_sectors(8, 0x5a, 8 * SECTOR);
	cr_assert(sectors_are(8, 0x5a, 8 * SECTOR));
	virtio_device_count(driver.device, &sum);
	cr_assert_eq(sum.from_guest, 8 * SECTOR);
	cr_assert_eq(sum.to_guest, 8 * SECTOR);
	cr_assert_eq(sum.requests, 2);
	cr_assert_eq(sum.errors, 0);
	end();
}

Test(storage_daemon, a_program_that_is_missing_is_named)
{
	char *const argv[] = {(char[]){"no-such-daemon"}, NULL};
	struct storage_child child;

	cr_assert_eq(storage_child_start(&child, argv, STDERR_FILENO, false, &err), -ENOENT);
	cr_assert_str_eq(err.text, "no-such-daemon is not installed: apt-get install qemu-system-common");
}

Test(storage_daemon, beyond_the_end_is_an_error)
{
	const struct wanted wanted = {.format = DISK_FORMAT_QCOW2};
	struct driver_buffer data = driver_in(&driver, SECTOR);

	cr_assert_eq(run("qemu-img create -q -f qcow2 %s 8M", image), 0);
	attach(&wanted);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, SIZE / SECTOR, &data), VIRTIO_BLK_S_IOERR);
}

Test(storage_daemon, zeroes_more_than_one_request_of_the_back_end)
{
	const struct wanted wanted = {.format = DISK_FORMAT_QCOW2};
	struct virtio_blk_discard_write_zeroes range = {.sector = 8, .num_sectors = 1 << 16};
	struct driver_buffer data;

	cr_assert_eq(run("qemu-img create -q -f qcow2 %s 64M", image), 0);
	attach(&wanted);
	write_sectors(0, 1, 16 * SECTOR);
	write_sectors((1 << 16) + 7, 2, 2 * SECTOR);
	data = driver_out(&driver, &range, sizeof(range));
	cr_assert_eq(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, &data), VIRTIO_BLK_S_OK);
	cr_assert(sectors_are(0, 1, 8 * SECTOR));
	cr_assert(sectors_are(8, 0, 8 * SECTOR));
	cr_assert(sectors_are((1 << 16) + 7, 0, SECTOR));
	cr_assert(sectors_are((1 << 16) + 8, 2, SECTOR));
}

Test(storage_daemon, a_daemon_that_is_killed_is_waited_for)
{
	const struct wanted wanted = {.format = DISK_FORMAT_QCOW2};
	pid_t first;

	cr_assert_eq(run("qemu-img create -q -f qcow2 %s 8M", image), 0);
	attach(&wanted);
	write_sectors(0, 1, SECTOR);
	for (unsigned round = 0; round < 3; round++) {
		first = daemon_pid();
		cr_assert_gt(first, 0);
		kill(first, SIGKILL);
		for (uint8_t i = 0; i < 16; i++) /* some before its death is known, some after */
			write_sectors(i, (uint8_t)(i + round), SECTOR);
		cr_assert_neq(daemon_pid(), first);
		for (uint8_t i = 0; i < 16; i++)
			cr_assert(sectors_are(i, (uint8_t)(i + round), SECTOR));
	}
	end();
	cr_assert_neq(run("qemu-img check -q %s >%s/log 2>&1; test $? -ne 0 -a $? -ne 3", image, folder), 0,
		      "leaks at most");
}

/* A format's tables are in the daemon's memory until a flush, which nobody asked for here. */
Test(storage_daemon, what_was_answered_outlives_the_daemon)
{
	const struct wanted wanted = {.format = DISK_FORMAT_QCOW2};

	cr_assert_eq(run("qemu-img create -q -f qcow2 %s 8M", image), 0);
	attach(&wanted);
	for (uint8_t i = 1; i < 8; i++)
		write_sectors(i * 1024U, i, SECTOR);
	kill(daemon_pid(), SIGKILL);
	for (uint8_t i = 1; i < 8; i++)
		cr_assert(sectors_are(i * 1024U, i, SECTOR), "%u is lost", i);
}

Test(storage_daemon, without_reconnect_its_death_is_an_error)
{
	const struct wanted wanted = {.format = DISK_FORMAT_QCOW2, .no_reconnect = true};
	struct driver_buffer data = driver_in(&driver, SECTOR);

	cr_assert_eq(run("qemu-img create -q -f qcow2 %s 8M", image), 0);
	attach(&wanted);
	write_sectors(0, 1, SECTOR);
	kill(daemon_pid(), SIGKILL);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, &data), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, &data), VIRTIO_BLK_S_IOERR);
	cr_assert_not(driver_sees_broken(&driver));
}

Test(storage_daemon, a_reset_forgets_what_runs)
{
	const struct wanted wanted = {.format = DISK_FORMAT_QCOW2};

	cr_assert_eq(run("qemu-img create -q -f qcow2 %s 8M", image), 0);
	attach(&wanted);
	for (unsigned i = 0; i < 4; i++) {
		struct driver_buffer data = driver_in(&driver, 8 * SECTOR);

		put(VIRTIO_BLK_T_IN, i, &data);
	}
	driver_kick(&driver, 0);
	driver_reset(&driver);
	driver_start(&driver, FLUSH);
	cr_assert(sectors_are(0, 0, SECTOR));
}

Test(storage_daemon, transient_forgets)
{
	const struct wanted wanted = {.format = DISK_FORMAT_RAW, .transient = true};

	cr_assert_eq(run("truncate -s 8M %s && : >%s", image, overlay), 0);
	attach(&wanted);
	write_sectors(4, 7, SECTOR);
	cr_assert_eq(request(VIRTIO_BLK_T_FLUSH, 0, NULL), VIRTIO_BLK_S_OK);
	kill(daemon_pid(), SIGKILL); /* the overlay is kept for the next daemon */
	cr_assert(sectors_are(4, 7, SECTOR));
	end();
	cr_assert_eq(run("cmp -n 8388608 %s /dev/zero", image), 0);
}

Test(storage_daemon, what_is_behind_must_be_named)
{
	const struct wanted bare = {.format = DISK_FORMAT_QCOW2};
	const struct wanted named = {.format = DISK_FORMAT_QCOW2, .behind = base};

	cr_assert_eq(run("truncate -s 8M %s && printf hello | dd of=%s conv=notrunc status=none && "
			 "qemu-img create -q -f qcow2 -b %s -F raw %s",
			 base, base, base, image),
		     0);
	cr_assert_null(create(&bare));
	cr_assert(strstr(err.text, "disk test: its image wants another one behind it"), "%s", err.text);
	waitpid(keeper, NULL, 0);
	attach(&named);
	write_sectors(1, 3, SECTOR);
	end();
	cr_assert_eq(run("cmp -n 5 %s /dev/stdin <<-. \nhello\n.\n", base), 0);
}

/* Without a jail it could be any file of the host's. */
Test(storage_daemon, data_in_another_file_are_refused)
{
	const struct wanted bare = {.format = DISK_FORMAT_QCOW2};
	const struct wanted named = {.format = DISK_FORMAT_QCOW2, .behind = base};
	const struct wanted flat = {.format = DISK_FORMAT_VMDK};

	cr_assert_eq(run("truncate -s 8M %s && qemu-img create -q -f qcow2 -o data_file=%s/data %s 8M", base,
			 folder, image),
		     0);
	cr_assert_null(create(&bare));
	cr_assert(strstr(err.text, "disk test: its image has its data in another file"), "%s", err.text);
	waitpid(keeper, NULL, 0);
	cr_assert_eq(run("qemu-img create -q -f qcow2 -b %s -F raw -o data_file=%s/data %s 8M", base, folder,
			 image),
		     0);
	cr_assert_null(create(&named), "the one in front, too");
	cr_assert(strstr(err.text, "disk test: its image has its data in another file"), "%s", err.text);
	waitpid(keeper, NULL, 0);
	cr_assert_eq(run("qemu-img create -q -f vmdk -o subformat=monolithicFlat %s 8M", image), 0);
	cr_assert_null(create(&flat));
	cr_assert(strstr(err.text, "disk test: its image has its data in another file"), "%s", err.text);
}

Test(storage_daemon, an_image_of_another_format_is_one_sentence)
{
	const struct wanted wanted = {.format = DISK_FORMAT_VMDK};

	cr_assert_eq(run("truncate -s 8M %s", image), 0);
	cr_assert_null(create(&wanted));
	cr_assert(strncmp(err.text, "disk test: ", 11) == 0 && !strchr(err.text, '\n'), "%s", err.text);
	cr_assert(strstr(err.text, "not in VMDK format") || strstr(err.text, "VMDK"), "%s", err.text);
}

Test(storage_daemon, vmdk_and_vhdx)
{
	static const enum disk_format formats[] = {DISK_FORMAT_VMDK, DISK_FORMAT_VHDX};

	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct wanted wanted = {.format = formats[i]};

		cr_assert_eq(run("qemu-img create -q -f %s %s 8M", disk_format_word(formats[i]), image), 0);
		attach(&wanted);
		write_sectors(3, 9, SECTOR);
		cr_assert(sectors_are(3, 9, SECTOR));
		end();
		cr_assert_eq(run("qemu-img check -q -f %s %s", disk_format_word(formats[i]), image), 0);
	}
}
