/* The word somebody probably meant. */
#include <criterion/criterion.h>

#include "vmm/config/nearest.h"

static const char *const words[] = {"list", "console", "shutdown", "start", NULL};

Test(nearest, one_wrong_letter_is_found)
{
	cr_assert_str_eq(nearest_word("consile", words), "console");
	cr_assert_str_eq(nearest_word("lst", words), "list");
}

Test(nearest, swapped_letters_are_one_mistake)
{
	cr_assert_str_eq(nearest_word("satrt", words), "start");
}

Test(nearest, nothing_alike_is_nothing)
{
	cr_assert_null(nearest_word("xyzzy", words));
	cr_assert_null(nearest_word("", words));
}

Test(nearest, very_long_word_is_nothing)
{
	cr_assert_null(nearest_word("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", words));
}
