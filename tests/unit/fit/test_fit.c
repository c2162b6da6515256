/* Boot images that must be refused, and that the sentence says why. */
#include "fixture.h"

#include <unistd.h>

#include "common/util.h"

TestSuite(fit, .init = fixture_setup, .fini = fixture_teardown);

static int node(const char *path)
{
	int offset = fdt_path_offset(fixture.data, path);

	cr_assert_geq(offset, 0, "%s", path);
	return offset;
}

Test(fit, signed_image_opens)
{
	cr_assert_eq(image_open(), 0, "%s", fixture.err.text);
	cr_assert(fixture.fit.verified);
	cr_assert_str_eq(fixture.fit.signer, "dev");
	cr_assert_str_eq(fixture.fit.configuration, "conf-1");
	cr_assert_str_eq(fixture.fit.kernel.node, "kernel-1");
	cr_assert_eq(fixture.fit.kernel.size, sizeof(KERNEL));
	cr_assert_arr_eq(fixture.fit.kernel.data, KERNEL, sizeof(KERNEL));
	cr_assert_arr_eq(fixture.fit.initrd.data, INITRD, sizeof(INITRD));
	cr_assert_str_eq(fixture.fit.cmdline, CMDLINE);
}

Test(fit, a_certificate_is_a_key_too)
{
	shell_do("openssl req -batch -new -x509 -key dev.key -subj /CN=dev -out dev.crt 2>&1");
	fixture.key.path = "dev.crt";
	cr_assert_eq(image_open(), 0, "%s", fixture.err.text);
}

static int image_open_apart(void)
{
	return fit_open_apart("small.itb", fixture.data, fixture.size, NULL, &fixture.key, 1, false, NULL,
			      &fixture.fit, &fixture.err);
}

Test(fit, opened_apart_it_is_the_same)
{
	cr_assert_eq(image_open_apart(), 0, "%s", fixture.err.text);
	cr_assert(fixture.fit.verified);
	cr_assert_str_eq(fixture.fit.signer, "dev");
	cr_assert_arr_eq(fixture.fit.kernel.data, KERNEL, sizeof(KERNEL));
	cr_assert_arr_eq(fixture.fit.initrd.data, INITRD, sizeof(INITRD));
	cr_assert_str_eq(fixture.fit.cmdline, CMDLINE);
}

Test(fit, refusals_come_through_from_apart)
{
	fdt_del_node(fixture.data, node("/configurations/conf-1/signature-1"));
	cr_assert_eq(image_open_apart(), -EKEYREJECTED);
	cr_assert_str_eq(fixture.err.text,
			 "image small.itb: conf-1: not signed; sign it with `rastos-vmm image sign`");
}

Test(fit, a_death_apart_is_an_error)
{
	fixture.data = NULL; /* the child faults */
	cr_assert_eq(image_open_apart(), -EIO);
	cr_assert(strstr(fixture.err.text, "died"), "%s", fixture.err.text);
}

/* Not a FIT, or not one of ours */

Test(fit, other_files_are_refused)
{
	memcpy(fixture.data, "\177ELF", 4);
	expect_refused(-EINVAL, "not a boot image");
}

Test(fit, other_device_trees_are_refused)
{
	image_grow();
	fdt_del_node(fixture.data, node("/configurations"));
	expect_refused(-EINVAL, "it has no configurations");
}

Test(fit, truncated_image_says_so)
{
	fixture.size -= 10;
	expect_refused(-EINVAL, "truncated");
}

Test(fit, missing_default_configuration_is_refused)
{
	fdt_delprop(fixture.data, node("/configurations"), "default");
	expect_refused(-EINVAL, "names no default configuration");
}

Test(fit, unknown_configuration_is_refused)
{
	cr_assert_eq(image_open_configuration("conf-2"), -EINVAL);
	cr_assert(strstr(fixture.err.text, "no configuration \"conf-2\""), "%s", fixture.err.text);
}

Test(fit, configuration_without_kernel_is_refused)
{
	image_grow();
	fdt_delprop(fixture.data, node("/configurations/conf-1"), "kernel");
	image_pack();
	cr_assert_eq(image_open_unsigned(), -EINVAL);
	cr_assert(strstr(fixture.err.text, "names no kernel"), "%s", fixture.err.text);
}

Test(fit, missing_image_is_refused)
{
	image_grow();
	fdt_del_node(fixture.data, node("/images/ramdisk-1"));
	expect_refused(-EINVAL, "has no image \"ramdisk-1\"");
}

Test(fit, kernel_of_another_architecture_is_refused)
{
	image_grow();
	fdt_setprop_string(fixture.data, node("/images/kernel-1"), "arch", "arm64");
	cr_assert_eq(image_open_unsigned(), -EINVAL);
	cr_assert(strstr(fixture.err.text, "arch is \"arm64\""), "%s", fixture.err.text);
}

Test(fit, compressed_image_is_refused)
{
	image_grow();
	fdt_setprop_string(fixture.data, node("/images/kernel-1"), "compression", "gzip");
	cr_assert_eq(image_open_unsigned(), -EINVAL);
	cr_assert(strstr(fixture.err.text, "compression must be \"none\""), "%s", fixture.err.text);
}

Test(fit, encrypted_image_is_refused)
{
	image_grow();
	fdt_add_subnode(fixture.data, node("/images/kernel-1"), "cipher");
	cr_assert_eq(image_open_unsigned(), -EINVAL);
	cr_assert(strstr(fixture.err.text, "encrypted"), "%s", fixture.err.text);
}

Test(fit, image_without_strong_hash_is_refused)
{
	image_grow();
	fdt_setprop_string(fixture.data, node("/images/kernel-1/hash-1"), "algo", "sha1");
	cr_assert_eq(image_open_unsigned(), -EINVAL);
	cr_assert(strstr(fixture.err.text, "has no sha256"), "%s", fixture.err.text);
}

Test(fit, command_line_must_be_one_text)
{
	image_grow();
	IMAGE_SET_TEXT("cmdline-1", "console=ttyS0\nquiet");
	cr_assert_eq(image_open_unsigned(), -EINVAL);
	cr_assert(strstr(fixture.err.text, "control character"), "%s", fixture.err.text);
	image_set_data("cmdline-1", "console=ttyS0", 13);
	cr_assert_eq(image_open_unsigned(), -EINVAL);
	cr_assert(strstr(fixture.err.text, "not one NUL-terminated text"), "%s", fixture.err.text);
	IMAGE_SET_TEXT("cmdline-1", "console=ttyS0\0init=/bin/sh");
	cr_assert_eq(image_open_unsigned(), -EINVAL);
	IMAGE_SET_TEXT("cmdline-1", CMDLINE);
	cr_assert_eq(image_open_unsigned(), 0, "%s", fixture.err.text);
	IMAGE_SET_TEXT("cmdline-1", "");
	cr_assert_eq(image_open_unsigned(), 0, "%s", fixture.err.text); /* an empty text is one */
	cr_assert_str_empty(fixture.fit.cmdline);
}

/* Signatures */

Test(fit, unsigned_image_is_refused)
{
	fdt_del_node(fixture.data, node("/configurations/conf-1/signature-1"));
	expect_refused(-EKEYREJECTED, "not signed");
	cr_assert_eq(image_open_unsigned(), 0, "%s", fixture.err.text);
	cr_assert_not(fixture.fit.verified);
	cr_assert_str_empty(fixture.fit.signer);
}

Test(fit, without_keys_nothing_is_verified)
{
	cr_assert_eq(fit_open("small.itb", fixture.data, fixture.size, NULL, NULL, 0, false, &fixture.fit,
			      &fixture.err),
		     -EKEYREJECTED);
	cr_assert(strstr(fixture.err.text, "no key"), "%s", fixture.err.text);
}

Test(fit, unknown_key_is_refused_by_name)
{
	fixture.key = (struct fit_key){.name = "other", .path = "other.pem"};
	expect_refused(-EKEYREJECTED, "signed by key \"dev\", which is not a trusted key");
}

Test(fit, unknown_key_is_forgiven_when_unsigned_is_allowed)
{
	fixture.key = (struct fit_key){.name = "other", .path = "other.pem"};
	cr_assert_eq(fit_open("small.itb", fixture.data, fixture.size, NULL, &fixture.key, 1, true,
			      &fixture.fit, &fixture.err),
		     0, "%s", fixture.err.text);
	cr_assert_not(fixture.fit.verified);
}

Test(fit, another_key_of_the_same_name_is_refused)
{
	shell_do("cp other.pem dev.pem");
	expect_refused(-EKEYREJECTED, "does not hold");
}

Test(fit, trusted_key_under_another_name_verifies)
{
	fixture.key.name = "office";
	cr_assert_eq(image_open(), 0, "%s", fixture.err.text);
	cr_assert_str_eq(fixture.fit.signer, "office");
}

Test(fit, one_of_many_keys_is_enough)
{
	struct fit_key keys[3] = {
		{.name = "a", .path = "a.pem"}, {.name = "b", .path = "b.pem"}, fixture.key};

	shell_do("cp other.pem a.pem; cp other.pem b.pem");
	keys[2].name = "c";
	cr_assert_eq(fit_open("small.itb", fixture.data, fixture.size, NULL, keys, 3, false, &fixture.fit,
			      &fixture.err),
		     0, "%s", fixture.err.text);
	cr_assert_str_eq(fixture.fit.signer, "c");
}

Test(fit, unreadable_key_is_named)
{
	unlink("dev.pem");
	expect_refused(-ENOENT, "dev.pem: cannot open");
	file_write("dev.pem", "rubbish", 7);
	expect_refused(-EINVAL, "dev.pem: not a public key");
	shell_do("openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout -out dev.pem 2>&1");
	expect_refused(-EINVAL, "dev.pem: not an RSA key");
}

Test(fit, weak_algorithm_is_refused)
{
	fdt_setprop_string(fixture.data, node("/configurations/conf-1/signature-1"), "algo", "sha1,rsa2048");
	expect_refused(-EKEYREJECTED, "sha1,rsa2048 is not supported");
	fdt_setprop_string(fixture.data, node("/configurations/conf-1/signature-1"), "algo",
			   "sha256,rsa1024");
	expect_refused(-EKEYREJECTED, "sha256,rsa1024 is not supported");
}

Test(fit, key_must_be_of_the_size_it_is_said_to_be)
{
	static const uint8_t zeros[512];

	image_grow();
	fdt_setprop_string(fixture.data, node("/configurations/conf-1/signature-1"), "algo",
			   "sha256,rsa4096");
	fdt_setprop(fixture.data, node("/configurations/conf-1/signature-1"), "value", zeros, sizeof(zeros));
	expect_refused(-EKEYREJECTED, "does not hold");
}

Test(fit, signature_by_a_known_key_must_hold_even_when_unsigned_is_allowed)
{
	fdt_setprop_inplace_u32(fixture.data, node("/"), "timestamp", 1);
	cr_assert_eq(fit_open("small.itb", fixture.data, fixture.size, NULL, &fixture.key, 1, true,
			      &fixture.fit, &fixture.err),
		     -EKEYREJECTED);
}

Test(fit, damaged_data_is_never_forgiven)
{
	int length;
	char *data = (char *)fdt_getprop(fixture.data, node("/images/kernel-1"), "data", &length);

	data[3] ^= 4;
	expect_refused(-EBADMSG, "kernel-1: its data does not match its sha256 hash");
	cr_assert_eq(image_open_unsigned(), -EBADMSG);
}

/* Attacks: all keep the signature's bytes and change what it is about. */

Test(fit, data_and_its_hash_cannot_be_replaced)
{
	image_grow();
	IMAGE_SET_TEXT("kernel-1", "an evil kernel");
	image_pack();
	cr_assert_eq(image_open_unsigned(), 0, "%s", fixture.err.text); /* all else is well */
	expect_refused(-EKEYREJECTED, "does not hold");
}

Test(fit, hashed_nodes_are_not_trusted)
{
	static const char fewer[] = "/\0/configurations/conf-1";
	int signature;

	image_grow();
	IMAGE_SET_TEXT("kernel-1", "an evil kernel");
	signature = node("/configurations/conf-1/signature-1");
	fdt_setprop(fixture.data, signature, "hashed-nodes", fewer, sizeof(fewer));
	image_pack();
	expect_refused(-EKEYREJECTED, "does not hold");
}

Test(fit, sign_images_cannot_be_shortened)
{
	image_grow();
	IMAGE_SET_TEXT("ramdisk-1", "an evil initrd");
	fdt_setprop(fixture.data, node("/configurations/conf-1/signature-1"), "sign-images",
		    "kernel\0cmdline", 15);
	image_pack();
	expect_refused(-EKEYREJECTED, "does not cover the ramdisk");
}

Test(fit, another_image_cannot_be_named)
{
	int evil;

	image_grow();
	evil = fdt_add_subnode(fixture.data, node("/images"), "kernel-2");
	fdt_add_subnode(fixture.data, evil, "hash-1");
	fdt_setprop_string(fixture.data, node("/images/kernel-2"), "type", "kernel");
	fdt_setprop_string(fixture.data, node("/images/kernel-2/hash-1"), "algo", "sha256");
	IMAGE_SET_TEXT("kernel-2", "an evil kernel");
	image_pack();
	cr_assert_eq(image_open(), 0, "%s", fixture.err.text); /* nobody names it yet */
	image_grow();
	fdt_setprop_string(fixture.data, node("/configurations/conf-1"), "kernel", "kernel-2");
	image_pack();
	cr_assert_eq(image_open_unsigned(), 0, "%s", fixture.err.text);
	expect_refused(-EKEYREJECTED, "does not hold");
}

/* A second configuration with an initrd of its own, signed as well. */
static void add_second_configuration(void)
{
	int added;

	image_grow();
	added = fdt_add_subnode(fixture.data, node("/images"), "ramdisk-2");
	fdt_add_subnode(fixture.data, added, "hash-1");
	fdt_setprop_string(fixture.data, node("/images/ramdisk-2/hash-1"), "algo", "sha256");
	fdt_setprop_string(fixture.data, node("/images/ramdisk-2"), "type", "ramdisk");
	IMAGE_SET_TEXT("ramdisk-2", "the second initrd");
	fdt_add_subnode(fixture.data, node("/configurations"), "conf-2");
	fdt_setprop_string(fixture.data, node("/configurations/conf-2"), "kernel", "kernel-1");
	fdt_setprop_string(fixture.data, node("/configurations/conf-2"), "ramdisk", "ramdisk-2");
	image_pack();
	image_sign_again();
}

Test(fit, every_configuration_has_its_own_signature)
{
	add_second_configuration();
	cr_assert_eq(image_open(), 0, "%s", fixture.err.text);
	cr_assert_arr_eq(fixture.fit.initrd.data, INITRD, sizeof(INITRD));
	cr_assert_eq(image_open_configuration("conf-2"), 0, "%s", fixture.err.text);
	cr_assert_str_eq((const char *)fixture.fit.initrd.data, "the second initrd");
	cr_assert_null(fixture.fit.cmdline);
}

Test(fit, configurations_cannot_be_mixed)
{
	add_second_configuration();
	image_grow();
	fdt_setprop_string(fixture.data, node("/configurations/conf-1"), "ramdisk", "ramdisk-2");
	image_pack();
	expect_refused(-EKEYREJECTED, "does not hold");
}

Test(fit, a_signature_cannot_be_moved_to_another_configuration)
{
	static const char *const properties[] = {"value", "hashed-strings", "hashed-nodes", "sign-images"};

	add_second_configuration();
	image_grow();
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		int length;
		const void *value = fdt_getprop(fixture.data, node("/configurations/conf-2/signature-1"),
						properties[i], &length);
		char copy[1024];

		memcpy(copy, value, (size_t)length);
		fdt_setprop(fixture.data, node("/configurations/conf-1/signature-1"), properties[i], copy,
			    length);
	}
	fdt_delprop(fixture.data, node("/configurations/conf-1"), "cmdline");
	image_pack();
	expect_refused(-EKEYREJECTED, "does not hold");
}

Test(fit, an_unsigned_configuration_cannot_be_made_the_default)
{
	image_grow();
	fdt_add_subnode(fixture.data, node("/configurations"), "conf-2");
	fdt_setprop_string(fixture.data, node("/configurations/conf-2"), "kernel", "kernel-1");
	fdt_setprop_string(fixture.data, node("/configurations"), "default", "conf-2");
	image_pack();
	expect_refused(-EKEYREJECTED, "conf-2: not signed");
}

/* libfdt's lookups would take "conf-1@evil" for "conf-1" when that comes first. */
Test(fit, names_with_an_at_sign_are_refused)
{
	image_grow();
	fdt_add_subnode(fixture.data, node("/configurations"), "conf-1@evil");
	expect_refused(-EINVAL, "\"@\" is not allowed");
}

Test(fit, nodes_beside_images_and_configurations_are_refused)
{
	image_grow();
	fdt_add_subnode(fixture.data, node("/"), "signature");
	expect_refused(-EINVAL, "an unknown node");
}

Test(fit, two_nodes_of_one_name_are_refused)
{
	image_grow();
	fdt_add_subnode(fixture.data, node("/images"), "kernel-2");
	fdt_set_name(fixture.data, node("/images/kernel-2"), "kernel-1");
	expect_refused(-EINVAL, "two nodes of one name");
}

Test(fit, two_properties_of_one_name_are_refused)
{
	int offset;
	int property;

	image_grow();
	fdt_setprop_string(fixture.data, node("/images/kernel-1"), "dato", "an evil kernel");
	offset = node("/images/kernel-1");
	/* the same property under "data": its name is an offset into the strings */
	fdt_for_each_property_offset(property, fixture.data, offset) {
		struct fdt_property *written =
			(void *)(uintptr_t)fdt_get_property_by_offset(fixture.data, property, NULL);
		const struct fdt_property *data = fdt_get_property(fixture.data, offset, "data", NULL);

		if (strcmp(fdt_string(fixture.data, (int)fdt32_to_cpu(written->nameoff)), "dato") == 0)
			written->nameoff = data->nameoff;
	}
	expect_refused(-EINVAL, "two properties of one name");
}

Test(fit, data_cannot_be_both_inside_and_outside)
{
	image_grow();
	fdt_setprop_u32(fixture.data, node("/images/kernel-1"), "data-position", 0);
	fdt_setprop_u32(fixture.data, node("/images/kernel-1"), "data-size", 10);
	image_pack();
	expect_refused(-EINVAL, "both inside and outside");
}

Test(fit, external_data_must_lie_behind_the_tree)
{
	image_grow();
	fdt_delprop(fixture.data, node("/images/kernel-1"), "data");
	fdt_setprop_u32(fixture.data, node("/images/kernel-1"), "data-position", 16);
	fdt_setprop_u32(fixture.data, node("/images/kernel-1"), "data-size", 16);
	image_pack();
	expect_refused(-EINVAL, "external data inside the tree");
}

Test(fit, external_data_beyond_the_file_is_refused)
{
	image_grow();
	fdt_delprop(fixture.data, node("/images/kernel-1"), "data");
	fdt_setprop_u32(fixture.data, node("/images/kernel-1"), "data-offset", 0xfffffff0);
	fdt_setprop_u32(fixture.data, node("/images/kernel-1"), "data-size", 0xfffffff0);
	image_pack();
	expect_refused(-EINVAL, "truncated");
	image_grow();
	fdt_setprop_u32(fixture.data, node("/images/kernel-1"), "data-offset", 0);
	image_pack();
	expect_refused(-EINVAL, "truncated");
}

static void set_hashed_strings(uint32_t start, uint32_t size)
{
	fdt32_t cells[2] = {cpu_to_fdt32(start), cpu_to_fdt32(size)};

	fdt_setprop_inplace(fixture.data, node("/configurations/conf-1/signature-1"), "hashed-strings", cells,
			    sizeof(cells));
}

Test(fit, strings_that_are_not_covered_are_refused)
{
	set_hashed_strings(0, 8);
	expect_refused(-EKEYREJECTED, "does not cover all names");
	set_hashed_strings(0, 0x7fffffff);
	expect_refused(-EKEYREJECTED, "does not cover all names");
	set_hashed_strings(4, fdt_size_dt_strings(fixture.data) - 4);
	expect_refused(-EKEYREJECTED, "incomplete");
}

Test(fit, a_huge_tree_is_refused)
{
	image_grow();
	for (int i = 0; i < 1100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "x%d", i);
		if (fdt_add_subnode(fixture.data, node("/images"), name) < 0)
			break;
	}
	for (int i = 0; i < 1100; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/images/x%d", i);
		fdt_setprop_u32(fixture.data, node(path), "a", 1);
		fdt_setprop_u32(fixture.data, node(path), "b", 1);
	}
	expect_refused(-EINVAL, "too many nodes");
}

Test(fit, deep_trees_are_refused)
{
	image_grow();
	fdt_add_subnode(fixture.data, node("/images/kernel-1/hash-1"), "deep");
	expect_refused(-EINVAL, "nested too deeply");
}

Test(fit, names_with_control_characters_never_reach_the_terminal)
{
	image_grow();
	fdt_add_subnode(fixture.data, node("/images"), "\033[2Jevil");
	expect_refused(-EINVAL, "a node's name is not plain");
	for (const char *c = fixture.err.text; *c; c++)
		cr_assert(*c >= ' ' && *c < 0x7f);
}
