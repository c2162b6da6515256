/* OCI indices and manifests, and those of Docker's archives: any text is either read or refused with one
 * sentence; digests that are handed out have one form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/storage/docker_archive.h"
#include "vmm/storage/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct oci_descriptor *blob)
{
	if (strlen(blob->digest) != OCI_DIGEST_TEXT - 1 || strncmp(blob->digest, "sha256:", 7) != 0 ||
	    strspn(blob->digest + 7, "0123456789abcdef") != 64)
		abort();
}

static int check_blob(void *owner, const struct oci_descriptor *blob, struct error *err)
{
	(void)owner;
	(void)err;
	check(blob);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tags[] = {NULL, "latest", "1"};
	char *text = malloc(size + 1);
	struct oci_descriptor image;
	unsigned place;
	struct error err;

	memcpy(text, data, size);
	text[size] = '\0';
	for (unsigned i = 0; i < 3; i++) {
		err.text[0] = '\0';
		if (oci_index_pick("fuzz", text, tags[i], &image, &err) == 0)
			check(&image);
		else if (!err.text[0] || strpbrk(err.text, "\n\033"))
			abort();
		err.text[0] = '\0';
		if (docker_archive_pick("fuzz", text, tags[i], &place, &err) < 0 &&
		    (!err.text[0] || strpbrk(err.text, "\n\033")))
			abort();
	}
	err.text[0] = '\0';
	if (oci_manifest_blobs("fuzz", text, check_blob, NULL, &err) < 0 && !err.text[0])
		abort();
	free(text);
	return 0;
}
