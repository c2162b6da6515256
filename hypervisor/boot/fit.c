#include "hypervisor/boot/fit.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/boot/fit_crypto.h"
#include "hypervisor/boot/fit_signed.h"
#include "hypervisor/boot/fit_tree.h"

#define PADDING_DEFAULT "pkcs-1.5"
#define KEY_NAME_HINT   "key-name-hint"

/* One check of one configuration of one file. */
struct verification {
	const struct fit_tree *tree;
	struct crypto *crypto;
	int configuration;
	struct fit_signed list;
	const struct fit_key *keys;
	unsigned key_count;
};

/* A signature node's properties, none of them trusted. */
struct signature {
	const char *hint;
	const struct crypto_digest *digest;
	unsigned key_bits;
	size_t strings_size;
	const uint8_t *value;
	size_t size;
};

/* "sha256,rsa2048" */
static bool algorithm_parse(const char *algorithm, struct signature *signature)
{
	static const struct {
		const char *name;
		unsigned bits;
	} ciphers[] = {{",rsa2048", 2048}, {",rsa3072", 3072}, {",rsa4096", 4096}};
	size_t length = strcspn(algorithm, ",");

	signature->digest = crypto_digest_find(algorithm, length);
	for (size_t i = 0; signature->digest && i < ARRAY_SIZE(ciphers); i++) {
		if (strcmp(algorithm + length, ciphers[i].name) == 0) {
			signature->key_bits = ciphers[i].bits;
			return true;
		}
	}
	return false;
}

static const char *configuration_name(const struct verification *v)
{
	return fit_tree_name(v->tree, v->configuration);
}

static int signature_read(const struct verification *v, int node, struct signature *signature,
			  struct error *err)
{
	const void *fdt = v->tree->data;
	const char *algorithm = fit_tree_word(v->tree, node, "algo");
	const char *padding = fit_tree_word(v->tree, node, "padding");
	int strings_length = 0;
	int length = 0;
	const fdt32_t *strings = fdt_getprop(fdt, node, "hashed-strings", &strings_length);

	if (!algorithm || !algorithm_parse(algorithm, signature) ||
	    (padding && strcmp(padding, PADDING_DEFAULT)))
		return error_set(err, -EKEYREJECTED,
				 "image %s: %s: signature algorithm %s is not supported (sha256,rsa2048 is)",
				 v->tree->name, configuration_name(v),
				 algorithm ? algorithm : "without a name");
	signature->value = fdt_getprop(fdt, node, "value", &length);
	/* the strings start at 0: nothing else can be meant */
	if (!signature->value || (unsigned)length != signature->key_bits / 8 || !strings ||
	    strings_length != 2 * sizeof(*strings) || fdt32_ld(&strings[0]) != 0)
		return error_set(err, -EKEYREJECTED, "image %s: %s: the signature is incomplete",
				 v->tree->name, configuration_name(v));
	signature->size = (size_t)length;
	signature->strings_size = fdt32_ld(&strings[1]);
	return 0;
}

/*
 * sign-images is the signer's word for what it covered. What counts is our own list; this only says clearly
 * why a signature that covers less than that list cannot match.
 */
static int coverage_check(const struct verification *v, int node, struct error *err)
{
	const void *fdt = v->tree->data;

	for (unsigned i = 0; i < FIT_REFERENCES; i++) {
		const char *name = fit_reference_names[i];

		if (fdt_getprop(fdt, v->configuration, name, NULL) &&
		    fdt_stringlist_search(fdt, node, "sign-images", name) < 0)
			return error_set(err, -EKEYREJECTED,
					 "image %s: %s: the signature does not cover the %s (sign-images)",
					 v->tree->name, configuration_name(v), name);
	}
	return 0;
}

static void hasher_emit(void *context, const void *bytes, size_t size)
{
	crypto_hash_add(context, bytes, size);
}

static int signed_hash(const struct verification *v, const struct signature *signature, uint8_t *hash,
		       struct error *err)
{
	struct crypto_hasher *hasher = crypto_hash_begin(v->crypto, signature->digest);
	int result = fit_signed_walk(v->tree, &v->list, signature->strings_size, hasher_emit, hasher);
	int ended = crypto_hash_end(hasher, hash, err);

	if (result)
		return error_set(err, -EKEYREJECTED, "image %s: %s: the signature does not cover all names",
				 v->tree->name, configuration_name(v));
	return ended;
}

/* 0, or -EBADMSG when it is not this key's signature, or why the key cannot be read. */
static int key_try(const struct verification *v, const struct fit_key *key, const struct signature *signature,
		   const uint8_t *hash, struct error *err)
{
	struct crypto_key *loaded;
	int result = key->text ? crypto_key_parse_public(v->crypto, key->path, key->text, &loaded, err)
			       : crypto_key_load_public(v->crypto, key->path, &loaded, err);

	if (result)
		return result;
	result = -EBADMSG;
	if (crypto_key_bits(v->crypto, loaded) == signature->key_bits)
		result = crypto_verify(v->crypto, loaded, signature->digest, hash, signature->value,
				       signature->size);
	crypto_key_free(v->crypto, loaded);
	return result;
}

static const struct fit_key *key_find(const struct verification *v, const char *name)
{
	for (unsigned i = 0; name && i < v->key_count; i++)
		if (strcmp(v->keys[i].name, name) == 0)
			return &v->keys[i];
	return NULL;
}

/* -ENOKEY: a signature, but by nobody we know. -EKEYREJECTED: by its name one of ours, but it does not hold.
 */
static int signature_verify(const struct verification *v, int node, const struct fit_key **signer,
			    struct error *err)
{
	struct signature signature = {.hint = fit_tree_word(v->tree, node, KEY_NAME_HINT)};
	const struct fit_key *named = key_find(v, signature.hint);
	uint8_t hash[CRYPTO_HASH_MAX];
	int result;

	result = signature_read(v, node, &signature, err);
	if (!result)
		result = coverage_check(v, node, err);
	if (!result)
		result = signed_hash(v, &signature, hash, err);
	if (result)
		return result == -EKEYREJECTED && !named ? -ENOKEY : result;
	for (unsigned i = 0; i < v->key_count; i++) {
		if (named && strcmp(v->keys[i].name, named->name) != 0)
			continue;
		result = key_try(v, &v->keys[i], &signature, hash, err);
		if (result != -EBADMSG) {
			*signer = &v->keys[i];
			return result;
		}
	}
	if (named)
		return error_set(err, -EKEYREJECTED,
				 "image %s: %s: the signature by key \"%s\" does not hold: the image was "
				 "changed, or signed by another key of that name",
				 v->tree->name, configuration_name(v), signature.hint);
	return error_set(
		err, -ENOKEY,
		"image %s: %s: signed by key \"%s\", which is not a trusted key; add its public key, or sign anew",
		v->tree->name, configuration_name(v), signature.hint ? signature.hint : "");
}

/* One signature that holds is enough. */
static int configuration_verify(const struct verification *v, const struct fit_key **signer,
				struct error *err)
{
	int worst = 0;
	int node;

	fdt_for_each_subnode(node, v->tree->data, v->configuration) {
		int result;

		if (strncmp(fit_tree_name(v->tree, node), "signature", strlen("signature")) != 0)
			continue;
		result = signature_verify(v, node, signer, err);
		if (result == 0)
			return 0;
		if (worst == 0 || worst == -ENOKEY)
			worst = result;
	}
	if (worst == 0)
		return error_set(err, -ENOKEY,
				 "image %s: %s: not signed; sign it with `rastos-vmm image sign`",
				 v->tree->name, configuration_name(v));
	return worst;
}

static int hash_check(const struct verification *v, const struct fit_image *image, int node,
		      const struct crypto_digest *digest, struct error *err)
{
	uint8_t hash[CRYPTO_HASH_MAX];
	int length = 0;
	const void *value = fdt_getprop(v->tree->data, node, "value", &length);
	int result = crypto_hash(v->crypto, digest, image->data, image->size, hash, err);

	if (result)
		return result;
	if (!value || (size_t)length != digest->size || memcmp(value, hash, digest->size) != 0)
		return error_set(err, -EBADMSG,
				 "image %s: %s: its data does not match its %s hash: the file is damaged",
				 v->tree->name, image->name, digest->name);
	return 0;
}

/* Every strong hash must match, and there must be one. Others (crc32, md5, sha1) prove nothing and are not
 * looked at. */
static int image_check(const struct verification *v, int image_node, struct error *err)
{
	struct fit_image image;
	bool strong = false;
	int node;
	int result = fit_tree_image(v->tree, fit_tree_name(v->tree, image_node), &image, err);

	if (result)
		return result;
	fdt_for_each_subnode(node, v->tree->data, image.node) {
		const char *algorithm = fit_tree_word(v->tree, node, "algo");
		const struct crypto_digest *digest;

		if (strncmp(fit_tree_name(v->tree, node), "cipher", strlen("cipher")) == 0)
			return error_set(err, -EINVAL, "image %s: %s: encrypted images are not supported",
					 v->tree->name, image.name);
		if (!fit_is_hash(v->tree, node) || !algorithm)
			continue;
		digest = crypto_digest_find(algorithm, strlen(algorithm));
		if (!digest)
			continue;
		result = hash_check(v, &image, node, digest, err);
		if (result)
			return result;
		strong = true;
	}
	return strong ? 0
		      : error_set(err, -EINVAL, "image %s: %s: has no sha256, sha384 or sha512 hash",
				  v->tree->name, image.name);
}

/* Signature first: data that nobody vouches for is not worth hashing. */
static int verification_run(struct verification *v, bool allow_unsigned, struct fit *fit, struct error *err)
{
	const struct fit_key *signer = NULL;
	int result = fit_signed_list(v->tree, v->configuration, &v->list, err);

	if (result)
		return result;
	if (v->key_count == 0 && !allow_unsigned)
		return error_set(err, -EKEYREJECTED,
				 "image %s: there is no key to verify it with; add the signer's public key",
				 v->tree->name);
	result = configuration_verify(v, &signer, err);
	if (result == -ENOKEY)
		result = allow_unsigned ? 0 : -EKEYREJECTED;
	for (unsigned i = 0; !result && i < v->list.image_count; i++)
		result = image_check(v, v->list.images[i], err);
	if (result || !signer)
		return result;
	fit->verified = true;
	snprintf(fit->signer, sizeof(fit->signer), "%s", signer->name);
	return 0;
}

/* The image that a configuration's property names; absent leaves the part empty. */
static int part_find(const struct fit_tree *tree, int configuration, enum fit_reference reference, int *node,
		     struct fit_part *part, struct error *err)
{
	const char *property = fit_reference_names[reference];
	const char *name = fit_tree_string(tree, configuration, property);
	const char *compression;
	struct fit_image image;
	int result;

	*node = -1;
	if (!fdt_getprop(tree->data, configuration, property, NULL))
		return 0;
	if (!name)
		return error_set(err, -EINVAL, "image %s: %s: \"%s\" must name one image", tree->name,
				 fit_tree_name(tree, configuration), property);
	result = fit_tree_image(tree, name, &image, err);
	if (result)
		return result;
	compression = fit_tree_word(tree, image.node, "compression");
	if (fdt_getprop(tree->data, image.node, "compression", NULL) &&
	    (!compression || strcmp(compression, "none") != 0))
		return error_set(
			err, -EINVAL,
			"image %s: %s: compression must be \"none\": kernel and initrd bring their own",
			tree->name, image.name);
	if (image.size == 0)
		return error_set(err, -EINVAL, "image %s: %s: is empty", tree->name, image.name);
	*part = (struct fit_part){.data = image.data, .size = image.size, .node = image.name};
	*node = image.node;
	return 0;
}

/* A property that may be absent, but if there must be one of two words. */
static int word_check(const struct fit_tree *tree, int node, const char *property, const char *first,
		      const char *second, struct error *err)
{
	const char *word = fit_tree_word(tree, node, property);

	if (!fdt_getprop(tree->data, node, property, NULL))
		return 0;
	if (word && (strcmp(word, first) == 0 || strcmp(word, second) == 0))
		return 0;
	return error_set(err, -EINVAL, "image %s: %s: %s is \"%s\", not \"%s\"", tree->name,
			 fit_tree_name(tree, node), property, word ? word : "", first);
}

static int kernel_find(const struct fit_tree *tree, int configuration, struct fit_part *kernel,
		       struct error *err)
{
	int node;
	int result = part_find(tree, configuration, FIT_KERNEL, &node, kernel, err);

	if (result)
		return result;
	if (node < 0)
		return error_set(err, -EINVAL, "image %s: %s: names no kernel", tree->name,
				 fit_tree_name(tree, configuration));
	result = word_check(tree, node, "type", "kernel", "kernel_noload", err);
	if (!result)
		result = word_check(tree, node, "arch", "x86_64", "x86", err);
	if (!result)
		result = word_check(tree, node, "os", "linux", "linux", err);
	return result;
}

static int initrd_find(const struct fit_tree *tree, int configuration, struct fit_part *initrd,
		       struct error *err)
{
	int node;
	int result = part_find(tree, configuration, FIT_RAMDISK, &node, initrd, err);

	if (result || node < 0)
		return result;
	return word_check(tree, node, "type", "ramdisk", "ramdisk", err);
}

static int cmdline_find(const struct fit_tree *tree, int configuration, const char **cmdline,
			struct error *err)
{
	struct fit_part part;
	int node;
	int result = part_find(tree, configuration, FIT_CMDLINE, &node, &part, err);

	if (result || node < 0)
		return result;
	if (strnlen((const char *)part.data, part.size) != part.size - 1)
		return error_set(err, -EINVAL,
				 "image %s: %s: not one NUL-terminated text (in an .its file: data = "
				 "\"console=ttyS0\";)",
				 tree->name, part.node);
	for (const uint8_t *c = part.data; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			return error_set(err, -EINVAL,
					 "image %s: %s: a control character in the command line", tree->name,
					 part.node);
	*cmdline = (const char *)part.data;
	return 0;
}

int fit_open(const char *name, const uint8_t *data, size_t size, const char *configuration,
	     const struct fit_key *keys, unsigned key_count, bool allow_unsigned, struct fit *fit,
	     struct error *err)
{
	struct verification v = {.keys = keys, .key_count = key_count};
	struct fit found = {.verified = false};
	struct fit_tree tree;
	int result;

	result = fit_tree_open(&tree, name, data, size, err);
	if (result)
		return result;
	v.tree = &tree;
	v.configuration = fit_tree_configuration(&tree, configuration, err);
	if (v.configuration < 0)
		return v.configuration;
	result = crypto_open(&v.crypto, err);
	if (result)
		return error_prefix(err, result, "image %s", name);
	result = verification_run(&v, allow_unsigned, &found, err);
	crypto_close(v.crypto);
	if (!result)
		result = kernel_find(&tree, v.configuration, &found.kernel, err);
	if (!result)
		result = initrd_find(&tree, v.configuration, &found.initrd, err);
	if (!result)
		result = cmdline_find(&tree, v.configuration, &found.cmdline, err);
	if (result)
		return result;
	found.description = fit_tree_string(&tree, 0, "description");
	found.configuration = fit_tree_name(&tree, v.configuration);
	*fit = found;
	return 0;
}
