/* What debugfs lists of a hostile file system. */
#include <criterion/criterion.h>
#include <string.h>

#include "vmm/storage/ext_files.h"

struct listing {
	unsigned count;
	struct ext_entry entries[8];
};

static void note(void *owner, const struct ext_entry *entry)
{
	struct listing *listing = owner;

	cr_assert_lt(listing->count, 8);
	listing->entries[listing->count++] = *entry;
}

static struct listing parse(const char *text)
{
	struct listing listing = {0};
	char *copy = strdup(text);

	ext_list_parse(copy, note, &listing);
	free(copy);
	return listing;
}

Test(ext_files, files_folders_and_links)
{
	struct listing listing = parse("/2/040755/0/0/.//\n/13/100644/0/0/vmlinuz-6.1.0-9/14186432/\n"
				       "/14/040755/0/0/grub//\n/15/120777/0/0/vmlinuz/27/\n\n");

	cr_assert_eq(listing.count, 4);
	cr_assert(listing.entries[0].is_folder);
	cr_assert_str_eq(listing.entries[1].name, "vmlinuz-6.1.0-9");
	cr_assert(listing.entries[1].is_file);
	cr_assert_eq(listing.entries[1].size, 14186432);
	cr_assert_not(listing.entries[3].is_file);
	cr_assert_not(listing.entries[3].is_folder);
}

Test(ext_files, names_that_could_be_more_than_names_are_left_out)
{
	cr_assert_eq(parse("/13/100644/0/0/a b/1/\n/13/100644/0/0/a\"b/1/\n/13/100644/0/0/\033[2J/1/\n"
			   "/13/100644/0/0//1/\n")
			     .count,
		     0);
}

Test(ext_files, broken_lines_are_left_out)
{
	cr_assert_eq(parse("").count, 0);
	cr_assert_eq(parse("/13/100644\n////\nnonsense\n/").count, 0);
}
