/* OCI indices and manifests: which image, and no index that is believed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/storage/docker_archive.h"
#include "vmm/storage/oci.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MANIFEST(digest, more)                                                                               \
	"{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"" digest                 \
	"\",\"size\":7" more "}"
#define TAG(tag)       ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" tag "\"}"
#define PLATFORM(cpu)  ",\"platform\":{\"os\":\"linux\",\"architecture\":\"" cpu "\"}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"

static struct oci_descriptor image;
static struct error err;

static int pick(const char *text, const char *tag)
{
	return oci_index_pick("layout", text, tag, &image, &err);
}

Test(oci, only_image_needs_no_tag)
{
	cr_assert_eq(pick(INDEX(MANIFEST(A, "")), NULL), 0, "%s", err.text);
	cr_assert_str_eq(image.digest, A);
	cr_assert_eq(image.size, 7);
	cr_assert_not(image.is_index);
}

Test(oci, tag_is_a_name_or_its_end)
{
	const char *text = INDEX(MANIFEST(A, TAG("docker.io/library/web:1")) "," MANIFEST(B, TAG("21")));

	cr_assert_eq(pick(text, "1"), 0, "%s", err.text);
	cr_assert_str_eq(image.digest, A);
	cr_assert_eq(pick(text, "web:1"), 0);
	cr_assert_eq(pick(text, "docker.io/library/web:1"), 0);
	cr_assert_eq(pick(text, "21"), 0);
	cr_assert_str_eq(image.digest, B);
	cr_assert_eq(pick(text, "2"), -ENOENT);
	cr_assert_eq(pick(text, NULL), -EINVAL);
	cr_assert(strstr(err.text, "docker.io/library/web:1, 21"), "%s", err.text);
}

Test(oci, image_for_this_processor)
{
	const char *text = INDEX(MANIFEST(A, PLATFORM("arm64")) "," MANIFEST(B, PLATFORM("amd64")));

	cr_assert_eq(pick(text, NULL), 0, "%s", err.text);
	cr_assert_str_eq(image.digest, B);
	cr_assert_eq(pick(INDEX(MANIFEST(A, PLATFORM("arm64"))), NULL), -ENOENT);
}

Test(oci, bad_indices_are_refused)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"null",
		"{\"manifests\":{}}",
		INDEX("5"),
		INDEX(""),
		INDEX("{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"}"),
		INDEX(MANIFEST("sha256:../../../../etc/passwd", "")),
		INDEX(MANIFEST("md5:00", "")),
		INDEX("{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"" A
		      "\",\"size\":-1}"),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		cr_assert_lt(pick(bad[i], NULL), 0, "%s", bad[i]);
		cr_assert(strstr(err.text, "layout: "), "%s", bad[i]);
	}
}

Test(oci, tags_cannot_write_to_the_terminal)
{
	cr_assert_lt(pick(INDEX(MANIFEST(A, TAG("\\u001b[2J")) "," MANIFEST(B, TAG("b"))), NULL), 0);
	cr_assert_not(strchr(err.text, '\033'));
}

static int count(void *owner, const struct oci_descriptor *blob, struct error *unused)
{
	(void)blob;
	(void)unused;
	++*(unsigned *)owner;
	return 0;
}

Test(oci, manifest_names_configuration_and_layers)
{
	unsigned blobs = 0;
	const char *text = "{\"config\":{\"digest\":\"" A "\",\"size\":2},\"layers\":[{\"digest\":\"" B
			   "\",\"size\":3},{\"digest\":\"" A "\",\"size\":2}]}";

	cr_assert_eq(oci_manifest_blobs("layout", text, count, &blobs, &err), 0, "%s", err.text);
	cr_assert_eq(blobs, 3);
	cr_assert_lt(oci_manifest_blobs("layout", "{\"layers\":[]}", count, &blobs, &err), 0);
	cr_assert_lt(oci_manifest_blobs("layout", "{}", count, &blobs, &err), 0);
}

Test(oci, too_many_layers)
{
	char text[64 + 3 * (OCI_LAYERS_MAX + 1)] = "{\"layers\":[";
	unsigned blobs = 0;

	for (unsigned i = 0; i <= OCI_LAYERS_MAX; i++)
		strcat(text, i ? ",5" : "5");
	strcat(text, "]}");
	cr_assert_eq(oci_manifest_blobs("layout", text, count, &blobs, &err), -E2BIG);
	cr_assert_eq(blobs, 0);
}

/* --- Docker's archives --- */

#define IMAGE(tags) "{\"Config\":\"c.json\",\"RepoTags\":" tags ",\"Layers\":[\"l.tar\"]}"

static int archive_pick(const char *text, const char *tag, unsigned *place)
{
	*place = 99;
	err.text[0] = '\0';
	return docker_archive_pick("disk web", text, tag, place, &err);
}

Test(docker_archive, the_only_image)
{
	unsigned place;

	cr_assert_eq(archive_pick("[" IMAGE("[\"localhost/web:1\"]") "]", NULL, &place), 0, "%s", err.text);
	cr_assert_eq(place, 0);
	cr_assert_eq(archive_pick("[" IMAGE("null") "]", NULL, &place), 0, "%s", err.text);
	cr_assert_eq(archive_pick("[" IMAGE("null") "]", "1", &place), -ENOENT);
	cr_assert_str_eq(err.text, "disk web: has no image with the tag 1; there are only some without tags");
}

Test(docker_archive, one_of_several)
{
	static const char text[] =
		"[" IMAGE("[\"localhost/web:1\",\"web:old\"]") "," IMAGE("[\"db\\u001b:2\"]") "]";
	unsigned place;

	cr_assert_eq(archive_pick(text, "old", &place), 0);
	cr_assert_eq(place, 0);
	cr_assert_eq(archive_pick(text, "2", &place), 0);
	cr_assert_eq(place, 1);
	cr_assert_eq(archive_pick(text, "localhost/web:1", &place), 0);
	cr_assert_eq(place, 0);
	cr_assert_eq(archive_pick(text, "eb:1", &place), -ENOENT, "half a name");
	cr_assert_eq(archive_pick(text, NULL, &place), -EINVAL);
	cr_assert_str_eq(
		err.text,
		"disk web: has several images, say with --tag which one: localhost/web:1, web:old, db?:2");
}

Test(docker_archive, something_else)
{
	static const char *const texts[] = {
		"",
		"{}",
		"[]",
		"[1]",
		"[{}]",
		"[{\"Layers\":[]}]",
		"[{\"Layers\":{},\"Config\":\"c\"}]",
		"[" IMAGE("1") ",2]",
		"[" IMAGE("[]") "] x",
	};
	unsigned place;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_assert_eq(archive_pick(texts[i], NULL, &place), -EINVAL, "%s", texts[i]);
		cr_assert_str_eq(err.text, "disk web: its manifest.json names no images");
	}
}
