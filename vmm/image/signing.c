#include "vmm/image/signing.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/boot/fit_crypto.h"
#include "hypervisor/boot/fit_signed.h"
#include "hypervisor/boot/fit_tree.h"

#define SIGNATURE_NODE     "signature-1"
#define SIGNATURE_PREFIX   "signature"
#define SIGNATURE_ROOM     KIB(8) /* for what one signature adds to the tree, at most */
#define CONFIGURATIONS_MAX 64
#define PATH_ROOM          (4 * (FIT_NAME_MAX + 1) + 1)
#define LIST_ROOM          4096
#define EXTERNAL_ALIGNMENT 4

/* A tree that is being signed. */
struct signer {
	const char *name;
	uint8_t *tree;
	size_t room;
	struct crypto *crypto;
	struct crypto_key *key;
	const struct signing_key *signing_key;
	const struct crypto_digest *digest;
	char algorithm[32];
	size_t signature_size;
	uint32_t timestamp;
};

int signing_key_set(struct signing_key *key, const char *path, const char *name, struct error *err)
{
	key->path = path;
	if (!name)
		return key_name_from_path(key->name, path, err);
	if (!*name || strlen(name) >= sizeof(key->name))
		return error_set(err, -EINVAL, "key %s: its name must have 1 to %zu letters", path,
				 sizeof(key->name) - 1);
	snprintf(key->name, sizeof(key->name), "%s", name);
	return 0;
}

static int tree_open(const struct signer *signer, struct fit_tree *tree, struct error *err)
{
	return fit_tree_open(tree, signer->name, signer->tree, fdt_totalsize(signer->tree), err);
}

static int fdt_failed(const struct signer *signer, int result, struct error *err)
{
	return error_set(err, -EINVAL, "image %s: cannot be signed: %s", signer->name, fdt_strerror(result));
}

/* Strings one behind the other, as device trees have lists. */
struct string_list {
	size_t used;
	char text[LIST_ROOM];
};

static int string_list_add(struct string_list *list, const char *string)
{
	size_t size = strlen(string) + 1;

	if (size > sizeof(list->text) - list->used)
		return -FDT_ERR_NOSPACE;
	memcpy(list->text + list->used, string, size);
	list->used += size;
	return 0;
}

/* sign-images: those of the configuration's properties that name images. */
static int references_list(const struct fit_tree *tree, int configuration, struct string_list *list)
{
	int result = 0;

	for (unsigned i = 0; !result && i < FIT_REFERENCES; i++)
		if (fdt_getprop(tree->data, configuration, fit_reference_names[i], NULL))
			result = string_list_add(list, fit_reference_names[i]);
	return result;
}

/* hashed-nodes: U-Boot's verifier reads it; ours makes its own. */
static int paths_list(const struct fit_tree *tree, const struct fit_signed *nodes, struct string_list *list)
{
	char path[PATH_ROOM];
	int result = 0;

	for (unsigned i = 0; !result && i < nodes->count; i++) {
		result = fdt_get_path(tree->data, nodes->nodes[i], path, sizeof(path));
		if (!result)
			result = string_list_add(list, path);
	}
	return result;
}

static int signatures_remove(const struct signer *signer, int configuration)
{
	int node = fdt_first_subnode(signer->tree, configuration);

	while (node >= 0) {
		const char *name = fdt_get_name(signer->tree, node, NULL);
		int result = 0;

		if (strncmp(name, SIGNATURE_PREFIX, strlen(SIGNATURE_PREFIX)) != 0) {
			node = fdt_next_subnode(signer->tree, node);
			continue;
		}
		result = fdt_del_node(signer->tree, node);
		if (result)
			return result;
		node = fdt_first_subnode(signer->tree, configuration);
	}
	return 0;
}

/* The signature's node with all it will have; the value is still zeros, since every byte must be in place
 * first. */
static int signature_fill(const struct signer *signer, int node, const struct string_list *references,
			  const struct string_list *paths)
{
	static const uint8_t zeros[CRYPTO_SIGNATURE_MAX];
	static const fdt32_t no_strings[2];
	const struct {
		const char *name;
		const void *value;
		size_t size;
	} properties[] = {
		{"hashed-strings", no_strings, sizeof(no_strings)},
		{"hashed-nodes", paths->text, paths->used},
		{"signer-version", RASTOS_VERSION, sizeof(RASTOS_VERSION)},
		{"signer-name", "rastos-vmm", sizeof("rastos-vmm")},
		{"value", zeros, signer->signature_size},
		{"sign-images", references->text, references->used},
		{"key-name-hint", signer->signing_key->name, strlen(signer->signing_key->name) + 1},
		{"algo", signer->algorithm, strlen(signer->algorithm) + 1},
	};
	int result = fdt_setprop_u32(signer->tree, node, "timestamp", signer->timestamp);

	for (size_t i = 0; !result && i < ARRAY_SIZE(properties); i++)
		result = fdt_setprop(signer->tree, node, properties[i].name, properties[i].value,
				     (int)properties[i].size);
	return result;
}

static int signature_place(const struct signer *signer, const char *configuration, struct error *err)
{
	struct string_list references = {.used = 0};
	struct string_list paths = {.used = 0};
	struct fit_signed list;
	struct fit_tree tree;
	int result = tree_open(signer, &tree, err);
	int node;

	if (result)
		return result;
	node = fit_tree_configuration(&tree, configuration, err);
	if (node < 0)
		return node;
	result = fit_signed_list(&tree, node, &list, err);
	if (result)
		return result;
	result = references_list(&tree, node, &references);
	if (!result)
		result = paths_list(&tree, &list, &paths);
	if (!result)
		result = signatures_remove(signer, node);
	if (!result) {
		node = fdt_add_subnode(signer->tree, node, SIGNATURE_NODE);
		result = node < 0 ? node : signature_fill(signer, node, &references, &paths);
	}
	return result ? fdt_failed(signer, result, err) : 0;
}

static void hasher_emit(void *context, const void *bytes, size_t size)
{
	crypto_hash_add(context, bytes, size);
}

static int signature_compute(const struct signer *signer, const struct fit_tree *tree, int configuration,
			     uint8_t *signature, size_t *size, struct error *err)
{
	uint8_t hash[CRYPTO_HASH_MAX];
	struct crypto_hasher *hasher;
	struct fit_signed list;
	int result = fit_signed_list(tree, configuration, &list, err);
	int ended;

	if (result)
		return result;
	hasher = crypto_hash_begin(signer->crypto, signer->digest);
	result = fit_signed_walk(tree, &list, fdt_size_dt_strings(tree->data), hasher_emit, hasher);
	ended = crypto_hash_end(hasher, hash, err);
	if (result)
		return error_set(err, result, "image %s: cannot be signed: malformed", signer->name);
	if (ended)
		return ended;
	return crypto_sign(signer->crypto, signer->key, signer->digest, hash, signature, size, err);
}

/* Nothing moves any more: the signature's value and the length of the strings are not signed themselves. */
static int signature_write(const struct signer *signer, const char *configuration, struct error *err)
{
	uint8_t signature[CRYPTO_SIGNATURE_MAX];
	fdt32_t strings[2] = {0};
	struct fit_tree tree;
	size_t size;
	int result = tree_open(signer, &tree, err);
	int node;

	if (result)
		return result;
	node = fit_tree_configuration(&tree, configuration, err);
	if (node < 0)
		return node;
	result = signature_compute(signer, &tree, node, signature, &size, err);
	if (result)
		return result;
	node = fit_tree_child(&tree, node, SIGNATURE_NODE);
	fdt32_st(&strings[1], fdt_size_dt_strings(signer->tree));
	result = fdt_setprop_inplace(signer->tree, node, "hashed-strings", strings, sizeof(strings));
	if (!result)
		result = fdt_setprop_inplace(signer->tree, node, "value", signature, (int)size);
	return result ? fdt_failed(signer, result, err) : 0;
}

static int key_open(struct signer *signer, struct error *err)
{
	const char *path = signer->signing_key->path;
	unsigned bits;
	int result = crypto_key_load_private(signer->crypto, path, &signer->key, err);

	if (result)
		return result;
	bits = crypto_key_bits(signer->crypto, signer->key);
	if (bits != 2048 && bits != 3072 && bits != 4096)
		return error_set(err, -EINVAL,
				 "key %s: RSA with %u bits is not supported (2048, 3072 and 4096 are)", path,
				 bits);
	snprintf(signer->algorithm, sizeof(signer->algorithm), "sha256,rsa%u", bits);
	signer->digest = crypto_digest_find("sha256", strlen("sha256"));
	signer->signature_size = bits / 8;
	return 0;
}

/* The names of all configurations, which stay what they are while offsets change. They point into the source.
 */
struct configurations {
	unsigned count;
	const char *names[CONFIGURATIONS_MAX];
};

static int configurations_check(const struct fit_tree *source, struct configurations *configurations,
				struct error *err)
{
	int node;

	configurations->count = 0;
	fdt_for_each_subnode(node, source->data, source->configurations) {
		const char *name = fit_tree_name(source, node);
		struct fit fit;
		int result;

		if (configurations->count == CONFIGURATIONS_MAX)
			return error_set(err, -EINVAL, "image %s: more than %d configurations", source->name,
					 CONFIGURATIONS_MAX);
		result = fit_open(source->name, source->data, source->size, name, NULL, 0, true, &fit, err);
		if (result)
			return result;
		configurations->names[configurations->count++] = name;
	}
	fdt_for_each_subnode(node, source->data, source->images) {
		if (fdt_getprop(source->data, node, "data-position", NULL))
			return error_set(
				err, -EINVAL,
				"image %s: %s: data at a fixed position (mkimage -p) would move: sign with mkimage",
				source->name, fit_tree_name(source, node));
	}
	return 0;
}

/* Makes room, places all signatures' nodes, then computes the values one by one. */
static int tree_sign(struct signer *signer, const struct fit_tree *source,
		     const struct configurations *configurations, struct error *err)
{
	int result = key_open(signer, err);

	if (result)
		return result;
	result = fdt_open_into(source->data, signer->tree, (int)signer->room);
	if (result)
		return fdt_failed(signer, result, err);
	for (unsigned i = 0; !result && i < configurations->count; i++)
		result = signature_place(signer, configurations->names[i], err);
	if (result)
		return result;
	fdt_pack(signer->tree);
	for (unsigned i = 0; !result && i < configurations->count; i++)
		result = signature_write(signer, configurations->names[i], err);
	return result;
}

static void signer_close(struct signer *signer)
{
	if (signer->key)
		crypto_key_free(signer->crypto, signer->key);
	crypto_close(signer->crypto);
}

int image_sign_configurations(const char *name, const uint8_t *data, size_t size,
			      const struct signing_key *key, uint32_t timestamp, struct image_file *file,
			      struct error *err)
{
	struct signer signer = {.name = name, .signing_key = key, .timestamp = timestamp};
	struct configurations configurations;
	struct fit_tree source;
	size_t tree_end;
	int result;

	result = fit_tree_open(&source, name, data, size, err);
	if (!result)
		result = configurations_check(&source, &configurations, err);
	if (result)
		return result;
	signer.room = fdt_totalsize(data) + configurations.count * SIGNATURE_ROOM;
	if (signer.room > INT32_MAX)
		return error_set(err, -EFBIG, "image %s: cannot be signed: more than 2 GiB", name);
	signer.tree = calloc(1, signer.room);
	if (!signer.tree)
		return error_set(err, -ENOMEM, "image %s: cannot be signed: out of memory", name);
	result = crypto_open(&signer.crypto, err);
	if (!result)
		result = tree_sign(&signer, &source, &configurations, err);
	signer_close(&signer);
	if (result) {
		free(signer.tree);
		return result;
	}
	tree_end = ALIGN_UP((size_t)fdt_totalsize(data), (size_t)EXTERNAL_ALIGNMENT);
	*file = (struct image_file){.tree = signer.tree, .tree_size = fdt_totalsize(signer.tree)};
	if (size > tree_end) {
		file->external = data + tree_end;
		file->external_size = size - tree_end;
	}
	return 0;
}
