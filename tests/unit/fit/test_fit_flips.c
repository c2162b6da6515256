/* Damage of every kind a disk or an attacker can do to a small signed image, exhaustively. */
#include "fixture.h"

TestSuite(fit_flips, .init = fixture_setup, .fini = fixture_teardown, .timeout = 110);

static bool same_content(const struct fit *fit)
{
	return fit->verified && fit->kernel.size == sizeof(KERNEL) &&
	       memcmp(fit->kernel.data, KERNEL, sizeof(KERNEL)) == 0 && fit->initrd.size == sizeof(INITRD) &&
	       memcmp(fit->initrd.data, INITRD, sizeof(INITRD)) == 0 && fit->cmdline &&
	       strcmp(fit->cmdline, CMDLINE) == 0 && strcmp(fit->description, "a small image") == 0;
}

Test(fit_flips, no_flipped_bit_gets_through)
{
	unsigned survived = 0;

	cr_assert_eq(image_open(), 0, "%s", fixture.err.text);
	cr_assert(same_content(&fixture.fit));
	for (size_t bit = 0; bit < 8 * fixture.size; bit++) {
		fixture.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (image_open() == 0) {
			cr_assert(same_content(&fixture.fit), "bit %zu of byte %zu", bit % 8, bit / 8);
			survived++;
		}
		fixture.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* what may change: unused header fields, hashed-nodes, the signer's name and time, and such */
	cr_assert_lt(survived, 8 * fixture.size / 3, "%u of %zu bits do not matter", survived,
		     8 * fixture.size);
}

Test(fit_flips, no_flipped_bit_gets_through_unsigned)
{
	for (size_t bit = 0; bit < 8 * fixture.size; bit++) {
		fixture.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (image_open_unsigned() == 0 && fixture.fit.kernel.size == sizeof(KERNEL))
			cr_assert_arr_eq(fixture.fit.kernel.data, KERNEL, sizeof(KERNEL),
					 "bit %zu of byte %zu", bit % 8, bit / 8);
		fixture.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

Test(fit_flips, no_byte_can_be_left_out_at_the_end)
{
	size_t whole = fixture.size;

	for (size_t size = 0; size < whole; size++) {
		uint8_t *cut = malloc(size ? size : 1); /* so that a sanitizer sees what is read beyond */

		memcpy(cut, fixture.data, size);
		cr_assert_lt(fit_open("cut.itb", cut, size, NULL, &fixture.key, 1, false, &fixture.fit,
				      &fixture.err),
			     0, "%zu of %zu bytes", size, whole);
		free(cut);
	}
}
