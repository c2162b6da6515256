/* Images by U-Boot's mkimage, the other end of the format. */
#include "fixture.h"

TestSuite(fit_mkimage, .init = fixture_setup_keys, .fini = fixture_teardown);

static const char source[] =
	"/dts-v1/;\n"
	"/ { description = \"made by mkimage\"; #address-cells = <1>;\n"
	"images {\n"
	" kernel-1 { data = /incbin/(\"kernel\"); type = \"kernel\"; arch = \"x86_64\"; os = \"linux\";\n"
	"  compression = \"none\"; load = <0x100000>; entry = <0x100000>;\n"
	"  hash-1 { algo = \"sha256\"; }; hash-2 { algo = \"crc32\"; }; };\n"
	" ramdisk-1 { data = /incbin/(\"initrd\"); type = \"ramdisk\"; arch = \"x86_64\"; os = \"linux\";\n"
	"  compression = \"none\"; hash-1 { algo = \"sha512\"; }; };\n"
	" cmdline-1 { data = \"" CMDLINE "\"; type = \"script\"; compression = \"none\";\n"
	"  hash-1 { algo = \"sha384\"; }; };\n"
	"};\n"
	"configurations { default = \"conf-1\";\n"
	" conf-1 { kernel = \"kernel-1\"; ramdisk = \"ramdisk-1\"; cmdline = \"cmdline-1\";\n"
	"  signature-1 { algo = \"ALGORITHM\"; key-name-hint = \"dev\"; sign-images = IMAGES; }; };\n"
	" conf-2 { kernel = \"kernel-1\";\n"
	"  signature-1 { algo = \"ALGORITHM\"; key-name-hint = \"dev\"; sign-images = \"kernel\"; }; };\n"
	"}; };\n";

#define ALL_IMAGES "\"kernel\", \"ramdisk\", \"cmdline\""

/* Makes out.itb with these options and reads it. */
static void mkimage(const char *options, const char *algorithm, const char *images)
{
	require_mkimage();
	file_write("kernel", KERNEL, sizeof(KERNEL));
	file_write("initrd", INITRD, sizeof(INITRD));
	file_write("image.its", source, strlen(source));
	shell_do("sed -i 's/ALGORITHM/%s/; s/IMAGES/%s/' image.its", algorithm, images);
	shell_do("openssl req -batch -new -x509 -key dev.key -subj /CN=dev -out dev.crt 2>&1");
	shell_do("mkimage -f image.its -k . -r %s out.itb 2>&1", options);
	image_read("out.itb");
}

static void expect_verified(void)
{
	cr_assert_eq(image_open(), 0, "%s", fixture.err.text);
	cr_assert(fixture.fit.verified);
	cr_assert_str_eq(fixture.fit.signer, "dev");
	cr_assert_str_eq(fixture.fit.description, "made by mkimage");
	cr_assert_eq(fixture.fit.kernel.size, sizeof(KERNEL));
	cr_assert_arr_eq(fixture.fit.kernel.data, KERNEL, sizeof(KERNEL));
	cr_assert_arr_eq(fixture.fit.initrd.data, INITRD, sizeof(INITRD));
	cr_assert_str_eq(fixture.fit.cmdline, CMDLINE);
	cr_assert_eq(image_open_configuration("conf-2"), 0, "%s", fixture.err.text);
	cr_assert_null(fixture.fit.initrd.data);
}

Test(fit_mkimage, data_inside_the_tree_verifies)
{
	mkimage("", "sha256,rsa2048", ALL_IMAGES);
	expect_verified();
}

Test(fit_mkimage, data_behind_the_tree_verifies)
{
	mkimage("-E", "sha256,rsa2048", ALL_IMAGES);
	cr_assert_gt(fixture.size, fdt_totalsize(fixture.data));
	expect_verified();
}

Test(fit_mkimage, data_at_a_position_verifies)
{
	mkimage("-E -p 0x3000", "sha256,rsa2048", ALL_IMAGES);
	expect_verified();
}

Test(fit_mkimage, larger_keys_and_hashes_verify)
{
	shell_do(
		"openssl genrsa -out dev.key 4096 2>&1 && openssl rsa -in dev.key -pubout -out dev.pem 2>&1");
	mkimage("", "sha512,rsa4096", ALL_IMAGES);
	expect_verified();
}

Test(fit_mkimage, damaged_external_data_is_refused)
{
	mkimage("-E", "sha256,rsa2048", ALL_IMAGES);
	fixture.data[fdt_totalsize(fixture.data) + 7] ^= 1;
	expect_refused(-EBADMSG, "does not match");
}

Test(fit_mkimage, truncated_external_data_is_refused)
{
	mkimage("-E", "sha256,rsa2048", ALL_IMAGES);
	fixture.size = fdt_totalsize(fixture.data) + 40;
	expect_refused(-EINVAL, "truncated");
}

Test(fit_mkimage, signature_that_leaves_an_image_out_is_refused)
{
	mkimage("", "sha256,rsa2048", "\"kernel\", \"cmdline\"");
	expect_refused(-EKEYREJECTED, "does not cover the ramdisk");
}

Test(fit_mkimage, pss_padding_is_refused)
{
	require_mkimage();
	mkimage("", "sha256,rsa2048\"; padding = \"pss", ALL_IMAGES);
	expect_refused(-EKEYREJECTED, "is not supported");
}

static void read_signature(const char *configuration, uint8_t value[256])
{
	char path[64];
	int length = 0;
	const void *found;

	snprintf(path, sizeof(path), "/configurations/%s/signature-1", configuration);
	found = fdt_getprop(fixture.data, fdt_path_offset(fixture.data, path), "value", &length);
	cr_assert_eq(length, 256);
	memcpy(value, found, 256);
}

/* PKCS#1 v1.5 has no randomness: signing the same tree gives the same bytes, or we differ in what is signed.
 */
Test(fit_mkimage, our_signature_is_the_one_that_mkimage_makes)
{
	uint8_t theirs[2][256];
	uint8_t ours[2][256];

	mkimage("", "sha256,rsa2048", ALL_IMAGES);
	shell_do("mkimage -F -k . -r out.itb 2>&1"); /* again, now that the strings have all names */
	image_read("out.itb");
	read_signature("conf-1", theirs[0]);
	read_signature("conf-2", theirs[1]);
	image_sign_again();
	read_signature("conf-1", ours[0]);
	read_signature("conf-2", ours[1]);
	cr_assert_arr_eq(ours[0], theirs[0], 256);
	cr_assert_arr_eq(ours[1], theirs[1], 256);
	expect_verified();
}
