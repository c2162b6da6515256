#include "fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "hypervisor/boot/fit_crypto.h"
#include "vmm/image/make.h"
#include "vmm/image/signing.h"

struct fixture fixture;

static int shell_run(char *output, size_t size, const char *format, va_list args)
{
	char command[2048];
	size_t used;
	FILE *pipe;

	vsnprintf(command, sizeof(command), format, args);
	pipe = popen(command, "r");
	cr_assert(pipe);
	used = fread(output, 1, size - 1, pipe);
	output[used] = '\0';
	return pclose(pipe);
}

int shell(char *output, size_t size, const char *format, ...)
{
	va_list args;
	int status;

	va_start(args, format);
	status = shell_run(output, size, format, args);
	va_end(args);
	return status;
}

void shell_do(const char *format, ...)
{
	char output[4096];
	va_list args;
	int status;

	va_start(args, format);
	status = shell_run(output, sizeof(output), format, args);
	va_end(args);
	cr_assert_eq(status, 0, "%s: %s", format, output);
}

void require_mkimage(void)
{
	char output[64];

	if (shell(output, sizeof(output), "command -v mkimage && command -v dtc") != 0)
		cr_skip("mkimage or dtc is not installed (Debian packages u-boot-tools, device-tree-compiler)");
}

void file_write(const char *path, const void *data, size_t size)
{
	AUTO_FCLOSE FILE *file = fopen(path, "w");

	cr_assert(file);
	cr_assert_eq(fwrite(data, 1, size, file), size);
}

void image_read(const char *path)
{
	AUTO_FCLOSE FILE *file = fopen(path, "r");
	struct stat status;

	cr_assert(file);
	cr_assert_eq(fstat(fileno(file), &status), 0);
	free(fixture.data);
	fixture.size = (size_t)status.st_size;
	fixture.data = malloc(fixture.size);
	cr_assert_eq(fread(fixture.data, 1, fixture.size, file), fixture.size);
}

void fixture_setup_keys(void)
{
	static char path[64];

	strcpy(fixture.folder, "/tmp/rastos-fit-XXXXXX");
	cr_assert(mkdtemp(fixture.folder));
	cr_assert_eq(chdir(fixture.folder), 0);
	shell_do("cp %s/*.key %s/*.pem . 2>&1", TEST_KEYS, TEST_KEYS);
	snprintf(path, sizeof(path), "%s/dev.pem", fixture.folder);
	fixture.key = (struct fit_key){.name = "dev", .path = path};
}

void fixture_setup(void)
{
	struct image_parts parts = {
		.description = "a small image",
		.kernel = (const uint8_t *)KERNEL,
		.kernel_size = sizeof(KERNEL),
		.initrd = (const uint8_t *)INITRD,
		.initrd_size = sizeof(INITRD),
		.cmdline = CMDLINE,
	};
	struct image_file file;

	fixture_setup_keys();
	cr_assert_eq(image_make(&parts, &file, &fixture.err), 0, "%s", fixture.err.text);
	fixture.data = file.tree;
	fixture.size = file.tree_size;
	image_sign_again();
}

void fixture_teardown(void)
{
	char output[64];

	shell(output, sizeof(output), "rm -rf %s", fixture.folder);
	free(fixture.data);
}

void image_sign_again(void)
{
	struct image_file file = {.tree = NULL};
	struct signing_key key;

	cr_assert_eq(signing_key_set(&key, "dev.key", NULL, &fixture.err), 0);
	cr_assert_eq(image_sign_configurations("small.itb", fixture.data, fixture.size, &key, 0, &file,
					       &fixture.err),
		     0, "%s", fixture.err.text);
	cr_assert_null(file.external);
	free(fixture.data);
	fixture.data = file.tree;
	fixture.size = file.tree_size;
}

void image_grow(void)
{
	size_t room = fixture.size + 65536;
	uint8_t *grown = calloc(1, room);

	cr_assert_eq(fdt_open_into(fixture.data, grown, (int)room), 0);
	free(fixture.data);
	fixture.data = grown;
	fixture.size = room;
}

void image_pack(void)
{
	cr_assert_eq(fdt_pack(fixture.data), 0);
	fixture.size = fdt_totalsize(fixture.data);
}

void image_set_data(const char *image, const void *data, size_t size)
{
	const struct crypto_digest *digest = crypto_digest_find("sha256", 6);
	uint8_t hash[CRYPTO_HASH_MAX];
	struct crypto *crypto;
	char path[64];

	cr_assert_eq(crypto_open(&crypto, &fixture.err), 0, "%s", fixture.err.text);
	cr_assert_eq(crypto_hash(crypto, digest, data, size, hash, &fixture.err), 0);
	crypto_close(crypto);
	snprintf(path, sizeof(path), "/images/%s", image);
	cr_assert_eq(fdt_setprop(fixture.data, fdt_path_offset(fixture.data, path), "data", data, (int)size),
		     0);
	snprintf(path, sizeof(path), "/images/%s/hash-1", image);
	cr_assert_eq(fdt_setprop(fixture.data, fdt_path_offset(fixture.data, path), "value", hash,
				 (int)digest->size),
		     0);
}

int image_open(void)
{
	return fit_open("small.itb", fixture.data, fixture.size, NULL, &fixture.key, 1, false, &fixture.fit,
			&fixture.err);
}

int image_open_unsigned(void)
{
	return fit_open("small.itb", fixture.data, fixture.size, NULL, NULL, 0, true, &fixture.fit,
			&fixture.err);
}

int image_open_configuration(const char *configuration)
{
	return fit_open("small.itb", fixture.data, fixture.size, configuration, &fixture.key, 1, false,
			&fixture.fit, &fixture.err);
}

void expect_refused(int code, const char *text)
{
	int result = image_open();

	cr_assert_eq(result, code, "%d: %s", result, fixture.err.text);
	cr_assert(strstr(fixture.err.text, text), "\"%s\" does not say \"%s\"", fixture.err.text, text);
}
