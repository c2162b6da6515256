#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/swap.h>

#include "rinit/fstab.h"
#include "rinit/ini.h"
#include "rinit/mount_helper.h"
#include "rinit/mount_options.h"

static char seen[8192];

static void on_entry(void *context, const struct fstab_entry *entry)
{
	size_t used = strlen(seen);

	(void)context;
	snprintf(seen + used, sizeof(seen) - used, "%u %s|%s|%s|%s|%u\n", entry->line, entry->what,
		 entry->where, entry->type, entry->options, entry->pass);
}

static void on_fault(void *context, unsigned int line, const char *why)
{
	size_t used = strlen(seen);

	(void)context;
	snprintf(seen + used, sizeof(seen) - used, "%u %s\n", line, why);
}

static const char *parse_bytes(const char *text, size_t length)
{
	seen[0] = '\0';
	fstab_parse(text, length, &(struct fstab_reader){.entry = on_entry, .fault = on_fault});
	return seen;
}

static const char *parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

Test(fstab, reads_all_fields)
{
	cr_assert_str_eq(parse("/dev/vda1\t/  ext4 rw,noatime 1 2\n"), "1 /dev/vda1|/|ext4|rw,noatime|2\n");
	cr_assert_str_eq(parse("tmpfs /tmp tmpfs"), "1 tmpfs|/tmp|tmpfs|defaults|0\n");
	cr_assert_str_eq(parse("UUID=\"a-b\" /x auto nofail 0\r\n"), "1 UUID=a-b|/x|auto|nofail|0\n");
	cr_assert_str_eq(parse("/swap none swap pri=3 0 0"), "1 /swap|none|swap|pri=3|0\n");
	cr_assert_str_eq(parse("LABEL=s swap swap sw"), "1 LABEL=s|none|swap|sw|0\n");
}

Test(fstab, comments_and_empty_lines_are_nothing)
{
	cr_assert_str_eq(parse("# one\n\n   \t\n  # two\na /b c d 0 0 # three\n"), "5 a|/b|c|d|0\n");
	cr_assert_str_eq(parse(""), "");
}

Test(fstab, escapes_are_octal)
{
	cr_assert_str_eq(parse("/a\\040b /c\\011d\\134 x\\043y o"), "1 /a b|/c\td\\|x#y|o|0\n");
	cr_assert_str_eq(parse("/a\\04 /b\\000 c\\9 d\\"), "1 /a\\04|/b\\000|c\\9|d\\|0\n", "no escapes");
	cr_assert_str_eq(parse("/a\\777 /b c"), "1 /a\\777|/b|c|defaults|0\n", "more than a byte");
}

Test(fstab, mount_points_are_made_plain)
{
	cr_assert_str_eq(parse("a //b///c/./d/ e"), "1 a|/b/c/d|e|defaults|0\n");
	cr_assert_str_eq(parse("a /// e"), "1 a|/|e|defaults|0\n");
	cr_assert_str_eq(parse("a /..b/...c e"), "1 a|/..b/...c|e|defaults|0\n");
}

Test(fstab, bad_lines_are_told_with_their_number)
{
	cr_assert_str_eq(parse("a /b\na\n"),
			 "1 has fewer than three fields\n2 has fewer than three fields\n");
	cr_assert_str_eq(parse("a b c"), "1 has no absolute path, free of .., as its mount point\n");
	cr_assert_str_eq(parse("a none c"), "1 has no absolute path, free of .., as its mount point\n");
	cr_assert_str_eq(parse("a /b/.. c\na /../b c\n"),
			 "1 has no absolute path, free of .., as its mount point\n"
			 "2 has no absolute path, free of .., as its mount point\n");
	cr_assert_str_eq(parse("a /b c d 0 0 more"), "1 has more than six fields\n");
	cr_assert_str_eq(parse("a /b c d e f"), "1 has no number where dump and pass belong\n");
	cr_assert_str_eq(parse("a /b c d 0 -1"), "1 has no number where dump and pass belong\n");
	cr_assert_str_eq(parse("a /b c d 0 99999999999"), "1 has no number where dump and pass belong\n");
	cr_assert_str_eq(parse_bytes("a /b\0c d e", 10), "1 holds a zero byte\n");
}

Test(fstab, line_that_is_too_long_is_left_out)
{
	static char text[FSTAB_LINE_MAX + 64];

	memset(text, 'x', sizeof(text));
	memcpy(text + sizeof(text) - 12, "\na /b c d 0 0", 12);
	cr_assert_str_eq(parse_bytes(text, sizeof(text)), "1 is too long\n2 a|/b|c|d|0\n");
}

/* ---- options ---- */

static struct mount_options options;

static void on_unknown(void *context, const char *option)
{
	(void)context;
	strcat(strcat(seen, option), ";");
}

static int read_options(const char *text, const char *type)
{
	seen[0] = '\0';
	return mount_options_parse(&options, text, type, NULL, on_unknown);
}

Test(mount_options, flags_and_data_are_told_apart)
{
	cr_assert_eq(read_options("ro,nosuid,errors=remount-ro,nodev,noatime,commit=5", "ext4"), 0);
	cr_assert_eq(options.flags, (unsigned long)(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOATIME));
	cr_assert_str_eq(options.data, "errors=remount-ro,commit=5");
	cr_assert_str_eq(options.helper, "ro,nosuid,errors=remount-ro,nodev,noatime,commit=5");
	cr_assert_str_eq(seen, "");
}

Test(mount_options, the_last_of_two_counts)
{
	cr_assert_eq(read_options("ro,noexec,rw,exec,users,suid", "ext4"), 0);
	cr_assert_eq(options.flags, (unsigned long)(MS_NODEV | MS_NOEXEC));
}

Test(mount_options, defaults_are_nothing)
{
	cr_assert_eq(read_options("defaults,,auto,", "ext4"), 0);
	cr_assert_eq(options.flags, 0);
	cr_assert_str_eq(options.data, "");
	cr_assert_eq(options.device_timeout_ms, 90000);
	cr_assert_eq(options.mount_timeout_ms, 90000);
	cr_assert_eq(options.swap_priority, -1);
}

Test(mount_options, what_is_for_the_manager_is_not_for_the_kernel)
{
	cr_assert_eq(
		read_options("nofail,noauto,_netdev,x-systemd.device-timeout=5,x-systemd.mount-timeout=2min,"
			     "x-rinit.no-wait,x-gvfs-show,comment=mine,x-systemd.after=a.service",
			     "ext4"),
		0);
	cr_assert(options.nofail && options.noauto && options.network && options.no_wait);
	cr_assert_eq(options.device_timeout_ms, 5000);
	cr_assert_eq(options.mount_timeout_ms, 120000);
	cr_assert_str_eq(options.data, "");
	cr_assert_str_eq(seen, "");
	read_options("x-systemd.device-timeout=0", "ext4");
	cr_assert_eq(options.device_timeout_ms, TIMESPAN_INFINITY);
}

Test(mount_options, what_is_not_done_is_named)
{
	read_options("x-systemd.automount,x-systemd.device-timeout=soon,X-mount.subdir=a,X-mount.mkdir",
		     "ext4");
	cr_assert_str_eq(seen, "x-systemd.automount;x-systemd.device-timeout=soon;X-mount.subdir=a;");
	read_options("pri=2,discard=pages,compress", "swap");
	cr_assert_str_eq(seen, "compress;");
	cr_assert_eq(options.swap_priority, 2);
	cr_assert(options.swap_discard & SWAP_FLAG_DISCARD);
}

Test(mount_options, binds_and_propagation)
{
	read_options("rbind,ro,rslave", "none");
	cr_assert_eq(options.flags, (unsigned long)(MS_BIND | MS_REC | MS_RDONLY));
	cr_assert_eq(options.propagation, (unsigned long)(MS_SLAVE | MS_REC));
}

Test(mount_options, quotes_hold_commas)
{
	read_options("context=\"a:b:c1,c2\",ro", "ext4");
	cr_assert_str_eq(options.data, "context=\"a:b:c1,c2\"");
	cr_assert_eq(options.flags, (unsigned long)MS_RDONLY);
}

Test(mount_options, network_by_type)
{
	read_options("defaults", "nfs4");
	cr_assert(options.network);
	read_options("defaults", "9p");
	cr_assert_not(options.network);
}

Test(mount_options, too_many_are_an_error)
{
	static char text[3 * MOUNT_DATA_MAX];

	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "x,", 3);
	cr_assert_eq(read_options(text, "ext4"), -E2BIG);
}

Test(mount_options, single_words_are_found)
{
	cr_assert(fstab_option_has("ro,noauto", "noauto"));
	cr_assert_not(fstab_option_has("ro,noautomatic,noauto=1", "noauto"));
	cr_assert_not(fstab_option_has("", "noauto"));
}

Test(mount_helper, exit_status_of_fsck_is_understood)
{
	cr_assert_eq(fsck_verdict(0), FSCK_GO_ON);
	cr_assert_eq(fsck_verdict(1), FSCK_GO_ON);
	cr_assert_eq(fsck_verdict(2), FSCK_REBOOT);
	cr_assert_eq(fsck_verdict(3), FSCK_REBOOT);
	cr_assert_eq(fsck_verdict(4), FSCK_LEFT_ERRORS);
	cr_assert_eq(fsck_verdict(6), FSCK_LEFT_ERRORS);
	cr_assert_eq(fsck_verdict(8), FSCK_NOT_CHECKED);
	cr_assert_eq(fsck_verdict(16), FSCK_NOT_CHECKED);
	cr_assert_eq(fsck_verdict(127), FSCK_LEFT_ERRORS);
}
