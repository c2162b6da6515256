/*
 * Boot images from anybody: nothing may be read outside the file, and what is handed out must lie inside it.
 * The seeds are signed by the key below, so that mutations get as far as the signed bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hypervisor/boot/fit.h"

static const char public_key[] = "-----BEGIN PUBLIC KEY-----\n"
				 "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA5Wu56QNE/Iy90kUG6G9i\n"
				 "UGyQ5fYOfZs1J7lobycCmyt/8crrpE9BDtztVBKJsgR1NM6a6ggboRNltwTr5hZq\n"
				 "jP10RY0EI83TINDiWifOJ+dB2Ckpes3w9ew6wAs5owmhHGUthJayHK5ishm5rmC/\n"
				 "VAEyRmns3czweh0gMPkBtERtFVsLcU6c1q/zIQSA+x6DL2rJkj48WVZtnUWnYA2k\n"
				 "vYT88btfIZgvIQqAjPM5vsHLu078E8ljIxnI4Ve/t7Z3tOEo2y0jWrG0DnFaFZLc\n"
				 "CQyIHF4Ws+vfoFuNMip/AD+2OmtPlFy7pNIOeUGeLIuNFSQOd50PqKongaI3zHiu\n"
				 "dwIDAQAB\n"
				 "-----END PUBLIC KEY-----\n";

static char key_path[32];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* fit_open reads keys from files: this one is a file without a place. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int fd = memfd_create("key", 0);

	(void)argc;
	(void)argv;
	if (fd < 0 || write(fd, public_key, sizeof(public_key) - 1) < 0)
		abort();
	snprintf(key_path, sizeof(key_path), "/proc/self/fd/%d", fd);
	return 0;
}

static void part_check(const struct fit_part *part, const uint8_t *data, size_t size)
{
	volatile uint8_t last;

	if (!part->data)
		return;
	if (part->size == 0 || part->data < data || part->data + part->size > data + size)
		abort();
	last = part->data[part->size - 1];
	(void)last;
}

static void open_check(const uint8_t *data, size_t size, const struct fit_key *keys, unsigned count,
		       int allow_unsigned)
{
	struct error err = {.text = ""};
	struct fit fit;

	if (fit_open("fuzz.itb", data, size, NULL, keys, count, allow_unsigned, &fit, &err) != 0) {
		if (!err.text[0])
			abort(); /* a refusal says why */
		return;
	}
	if (!allow_unsigned && !fit.verified)
		abort();
	if (!fit.kernel.data)
		abort();
	part_check(&fit.kernel, data, size);
	part_check(&fit.initrd, data, size);
	if (fit.cmdline && (const uint8_t *)fit.cmdline + strlen(fit.cmdline) >= data + size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fit_key key = {.name = "dev", .path = key_path};
	uint8_t *copy = malloc(size ? size : 1); /* aligned, as fit_open wants it */

	if (!copy)
		abort();
	memcpy(copy, data, size);
	open_check(copy, size, &key, 1, 0);
	open_check(copy, size, NULL, 0, 1);
	free(copy);
	return 0;
}
