#include "hypervisor/boot/cmdline.h"

#include <errno.h>

#include "tests/unit/boot/guest_ram.h"

static void assert_joined(const char *first, const char *second, const char *whole)
{
	struct cmdline line;
	struct error err;

	cmdline_init(&line);
	cr_assert_eq(cmdline_append(&line, first, &err), 0);
	cr_assert_eq(cmdline_append(&line, second, &err), 0);
	cr_assert_str_eq(line.text, whole);
	cr_assert_eq(line.length, strlen(whole));
}

Test(cmdline, parts_are_joined_by_a_blank)
{
	assert_joined("quiet", "console=ttyS0", "quiet console=ttyS0");
	assert_joined("quiet ", "console=ttyS0", "quiet console=ttyS0");
	assert_joined("quiet\n", "ro", "quiet\nro");
}

Test(cmdline, nothing_adds_nothing)
{
	assert_joined("", NULL, "");
	assert_joined("quiet", "", "quiet");
	assert_joined(NULL, "quiet", "quiet");
}

Test(cmdline, parameters_go_before_inits_arguments)
{
	assert_joined("quiet -- single", "ro", "quiet ro -- single");
	assert_joined("--", "ro", "ro --");
	assert_joined("a --\tx", "ro b", "a ro b --\tx");
}

Test(cmdline, dashes_inside_words_and_quotes_are_no_separator)
{
	assert_joined("a--b --c", "ro", "a--b --c ro");
	assert_joined("x=\"a -- b\"", "ro", "x=\"a -- b\" ro");
}

Test(cmdline, overflow_is_refused_and_changes_nothing)
{
	char big[CMDLINE_CAPACITY];
	struct cmdline line;
	struct error err;

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	cmdline_init(&line);
	cr_assert_eq(cmdline_append(&line, big, &err), 0);
	cr_assert_eq(line.length, CMDLINE_CAPACITY - 1);
	assert_refused(cmdline_append(&line, "y", &err), -E2BIG, err,
		       "command line: 1 bytes do not fit after 4095, 4095 are allowed");
	cr_assert_str_eq(line.text, big);
	cr_assert_eq(line.length, CMDLINE_CAPACITY - 1);
}

Test(cmdline, blanks_count_against_the_capacity)
{
	char big[CMDLINE_CAPACITY - 4];
	struct cmdline line;

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	cmdline_init(&line);
	cr_assert_eq(cmdline_append(&line, big, NULL), 0);
	cr_assert_eq(cmdline_append(&line, "four", NULL), -E2BIG);
	cr_assert_eq(cmdline_append(&line, "abc", NULL), 0);
	cr_assert_eq(line.length, CMDLINE_CAPACITY - 1);
	cr_assert_eq(strlen(line.text), line.length);
}

Test(cmdline, load_writes_text_and_its_end)
{
	struct guest_memory memory = guest_ram_create(MIB(2));
	char *place = guest_memory_at(&memory, LAYOUT_CMDLINE, 64);

	memset(place, 0xff, 64);
	cr_assert_eq(cmdline_load(&memory, "vmlinux", "ro quiet", 8, NULL), 0);
	cr_assert_str_eq(place, "ro quiet");
	guest_ram_destroy(&memory);
}

Test(cmdline, load_refuses_more_than_the_kernel_takes)
{
	struct guest_memory memory = guest_ram_create(MIB(2));
	struct error err;

	assert_refused(
		cmdline_load(&memory, "vmlinux", "ro quiet", 7, &err), -E2BIG, err,
		"kernel vmlinux: the command line has 8 bytes, this kernel takes at most 7; shorten it");
	guest_ram_destroy(&memory);
}

Test(cmdline, load_stays_in_its_room_whatever_the_kernel_takes)
{
	struct guest_memory memory = guest_ram_create(MIB(2));
	char *text = malloc(LAYOUT_CMDLINE_MAX + 1);

	memset(text, 'x', LAYOUT_CMDLINE_MAX);
	text[LAYOUT_CMDLINE_MAX] = '\0';
	cr_assert_eq(cmdline_load(&memory, "vmlinux", text, UINT32_MAX, NULL), -E2BIG);
	text[LAYOUT_CMDLINE_MAX - 1] = '\0';
	cr_assert_eq(cmdline_load(&memory, "vmlinux", text, UINT32_MAX, NULL), 0);
	free(text);
	guest_ram_destroy(&memory);
}

Test(cmdline, load_without_memory_there_is_refused)
{
	struct guest_memory memory = guest_ram_create(KIB(64));
	struct error err;

	assert_refused(cmdline_load(&memory, "vmlinux", "ro", 2047, &err), -ENOMEM, err,
		       "kernel vmlinux: guest memory is too small for the command line");
	guest_ram_destroy(&memory);
}
