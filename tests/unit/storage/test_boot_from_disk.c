/* The kernel in a disk's /boot: which one is taken, and what hostile disks are told. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../vmm/scratch.h"
#include "common/util.h"
#include "namespaces.h"
#include "vmm/storage/boot_from_disk.h"

#define UUID "5261734f-5352-4f4f-5453-53544f434b01"

static struct disk_boot boot;
static struct error err;

static void setup(void)
{
	if (!namespaces_work())
		cr_skip_test("no user namespaces here");
	setenv("PATH", "/usr/bin:/bin:/usr/sbin:/sbin", 1);
	if (system("command -v mkfs.ext4 sfdisk debugfs >/dev/null"))
		cr_skip_test("e2fsprogs or fdisk is not installed");
	scratch_make();
}

TestSuite(boot_from_disk, .init = setup, .fini = scratch_remove, .timeout = 60);

/* A shell in the scratch folder makes the disks. */
static void run(const char *script)
{
	char command[2048];

	snprintf(command, sizeof(command), "cd %s && { %s\n}", scratch, script);
	cr_assert_eq(system(command), 0, "%s", script);
}

static int find(void)
{
	char path[128];
	struct stat status;
	struct disk_boot_source source = {.about = "disk web", .console = "ttyS0"};
	int code;

	snprintf(path, sizeof(path), "%s/disk", scratch);
	source.disk = open(path, O_RDWR | O_CLOEXEC);
	cr_assert_geq(source.disk, 0);
	fstat(source.disk, &status);
	source.size = (uint64_t)status.st_size;
	err.text[0] = '\0';
	code = boot_from_disk(&source, &boot, &err);
	close(source.disk);
	return code;
}

static void content_is(int fd, const char *wanted)
{
	char text[64] = "";

	cr_assert_geq(pread(fd, text, sizeof(text) - 1, 0), 0);
	cr_assert_str_eq(text, wanted);
}

#define ROOT      "mkdir -p root/boot root/etc; "
#define BARE      "truncate -s 8M disk; mkfs.ext4 -q -F -U " UUID " -d root disk; "
#define TABLE     "truncate -s 40M disk; "
#define AT(start) "mkfs.ext4 -q -F -E offset=$((" start "<<20)) "

Test(boot_from_disk, bare_file_system)
{
	run(ROOT "echo kernel >root/boot/vmlinuz-6.1; echo initrd >root/boot/initrd.img-6.1; " BARE);
	cr_assert_eq(find(), 0, "%s", err.text);
	cr_assert_str_eq(boot.kernel, "disk web: /boot/vmlinuz-6.1");
	cr_assert_str_eq(boot.cmdline, "root=UUID=" UUID " ro console=ttyS0");
	content_is(boot.kernel_fd, "kernel\n");
	content_is(boot.initrd_fd, "initrd\n");
}

Test(boot_from_disk, newest_with_an_initrd_is_taken)
{
	run(ROOT "for v in 5.10.0-9 5.10.0-20 6.1.0-3; do echo k$v >root/boot/vmlinuz-$v; done; "
		 "for v in 5.10.0-9 5.10.0-20; do echo i >root/boot/initramfs-$v.img; done; " BARE);
	cr_assert_eq(find(), 0, "%s", err.text);
	content_is(boot.kernel_fd, "k5.10.0-20\n");
}

Test(boot_from_disk, without_an_initrd_the_device_is_named)
{
	run(ROOT "echo kernel >root/boot/vmlinuz-6.1; " BARE);
	cr_assert_eq(find(), 0, "%s", err.text);
	cr_assert_str_eq(boot.cmdline, "root=/dev/vda ro console=ttyS0");
	cr_assert_eq(boot.initrd_fd, -1);
}

Test(boot_from_disk, gpt_with_a_partition_for_boot)
{
	run("mkdir -p boot root/etc root/boot; echo kernel >boot/vmlinuz-6.1; echo i >boot/initrd.img-6.1; " TABLE
	    "printf 'label: gpt\\nstart=1MiB, size=8MiB, type=linux\\nstart=16MiB, size=16MiB, type=linux\\n' | "
	    "sfdisk -q disk; " AT("1") "-d boot disk 8M; " AT("16") "-U " UUID " -d root disk 16M");
	cr_assert_eq(find(), 0, "%s", err.text);
	cr_assert_str_eq(boot.kernel, "disk web: /vmlinuz-6.1");
	cr_assert_str_eq(boot.cmdline, "root=UUID=" UUID " ro console=ttyS0");
}

Test(boot_from_disk, mbr)
{
	run(ROOT
	    "echo kernel >root/boot/vmlinuz-6.1; " TABLE
	    "printf 'label: dos\\nlabel-id: 0x12345678\\nstart=1MiB, size=16MiB, type=83\\n' | sfdisk -q disk; " AT(
		    "1") "-d root disk 16M");
	cr_assert_eq(find(), 0, "%s", err.text);
	cr_assert_str_eq(boot.cmdline, "root=PARTUUID=12345678-01 ro console=ttyS0");
}

Test(boot_from_disk, links_are_not_kernels)
{
	run(ROOT "ln -s /etc/passwd root/boot/vmlinuz-9; " BARE);
	cr_assert_eq(find(), -ENOENT);
	cr_assert_str_eq(err.text,
			 "disk web: has no kernel in the /boot of an ext4 file system (on it: ext4)");
}

Test(boot_from_disk, other_disks_are_named)
{
	run("truncate -s 1M disk; printf 'QFI\\373' | dd of=disk conv=notrunc status=none");
	cr_assert_eq(find(), -EOPNOTSUPP);
	cr_assert(strstr(err.text, "rastos-vmm disk import"), "%s", err.text);
	run("truncate -s 0 disk; truncate -s 1M disk; printf XFSB | dd of=disk conv=notrunc status=none");
	cr_assert_eq(find(), -EOPNOTSUPP);
	cr_assert(strstr(err.text, "it is XFS"), "%s", err.text);
	run("truncate -s 0 disk; truncate -s 1M disk");
	cr_assert_eq(find(), -EOPNOTSUPP);
}

Test(boot_from_disk, kernel_that_is_too_large)
{
	run(ROOT "truncate -s 300M root/boot/vmlinuz-6.1; truncate -s 8M disk; "
		 "mkfs.ext4 -q -F -d root disk");
	cr_assert_eq(find(), -EFBIG);
	cr_assert(strstr(err.text, "256 MiB"), "%s", err.text);
}

Test(boot_from_disk, cut_off_disk)
{
	run(ROOT "head -c 3000000 /dev/urandom >root/boot/vmlinuz-6.1; " TABLE
		 "printf 'label: dos\\nstart=1MiB, size=32MiB, type=83\\n' | sfdisk -q disk; " AT(
			 "1") "-d root disk 32M; truncate -s 3M disk");
	cr_assert_lt(find(), 0);
	cr_assert(strstr(err.text, "disk web: "), "%s", err.text);
}

/* No damage hangs it, or makes it say nothing. */
Test(boot_from_disk, damaged_file_systems)
{
	run(ROOT "echo kernel >root/boot/vmlinuz-6.1; " BARE "cp disk whole");
	for (unsigned seed = 1; seed <= 12; seed++) {
		char script[256];

		snprintf(
			script, sizeof(script),
			"cp whole disk; yes %u | dd of=disk bs=512 count=1 seek=%u conv=notrunc iflag=fullblock "
			"status=none",
			seed * 7919, seed * 4 + 3);
		run(script);
		if (find() == 0)
			close(boot.kernel_fd);
		else
			cr_assert(err.text[0]);
	}
}

/* In this test's mount namespace debugfs is the script of that name. */
static void debugfs_replace(void)
{
	static const char *const places[] = {"/usr/sbin/debugfs", "/sbin/debugfs"};
	char script[128];

	snprintf(script, sizeof(script), "%s/debugfs", scratch);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		cr_skip_test("no mount namespace here");
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		if (mount(script, places[i], NULL, MS_BIND, NULL) == 0)
			return;
	}
	cr_skip_test("debugfs is not where it is looked for");
}

/* Each program is quick enough, all together are not: a manager waits for them. */
Test(boot_from_disk, all_together_have_ten_seconds)
{
	time_t began;

	run(ROOT TABLE "printf 'label: dos\\nstart=1MiB, size=8MiB\\nsize=8MiB\\n' | sfdisk -q disk; " AT(
		"1") "-d root disk 8M; " AT("9") "-d root disk 8M; chmod 600 disk; "
						 "printf '#!/bin/sh\\nsleep 6\\n' >debugfs; chmod 755 debugfs");
	debugfs_replace();
	began = time(NULL);
	cr_assert_eq(find(), -ETIMEDOUT, "%s", err.text);
	cr_assert_str_eq(err.text, "disk web: its kernel was not found and read within 10 s: the disk is "
				   "damaged or slow");
	cr_assert_lt(time(NULL) - began, 14);
}
