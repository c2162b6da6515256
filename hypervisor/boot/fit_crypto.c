#include "hypervisor/boot/fit_crypto.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "common/cleanup.h"
#include "common/util.h"

#define STRING(x)       STRING_(x)
#define STRING_(x)      #x
#define CRYPTO_LIBRARY  "libcrypto.so." STRING(OPENSSL_SHLIB_VERSION)
#define CERTIFICATE_PEM "-----BEGIN CERTIFICATE-----"

/* Every function of libcrypto that is used, by its name. */
#define CRYPTO_FUNCTIONS(FUNCTION)                                                                           \
	FUNCTION(OPENSSL_init_crypto)                                                                        \
	FUNCTION(ERR_clear_error)                                                                            \
	FUNCTION(BIO_new_mem_buf)                                                                            \
	FUNCTION(BIO_free)                                                                                   \
	FUNCTION(PEM_read_bio_PUBKEY)                                                                        \
	FUNCTION(PEM_read_bio_PrivateKey)                                                                    \
	FUNCTION(PEM_read_bio_X509)                                                                          \
	FUNCTION(X509_get_pubkey)                                                                            \
	FUNCTION(X509_free)                                                                                  \
	FUNCTION(EVP_sha256)                                                                                 \
	FUNCTION(EVP_sha384)                                                                                 \
	FUNCTION(EVP_sha512)                                                                                 \
	FUNCTION(EVP_MD_CTX_new)                                                                             \
	FUNCTION(EVP_MD_CTX_free)                                                                            \
	FUNCTION(EVP_DigestInit_ex)                                                                          \
	FUNCTION(EVP_DigestUpdate)                                                                           \
	FUNCTION(EVP_DigestFinal_ex)                                                                         \
	FUNCTION(EVP_PKEY_free)                                                                              \
	FUNCTION(EVP_PKEY_get_bits)                                                                          \
	FUNCTION(EVP_PKEY_get_base_id)                                                                       \
	FUNCTION(EVP_PKEY_CTX_new)                                                                           \
	FUNCTION(EVP_PKEY_CTX_free)                                                                          \
	FUNCTION(EVP_PKEY_CTX_set_rsa_padding)                                                               \
	FUNCTION(EVP_PKEY_CTX_set_signature_md)                                                              \
	FUNCTION(EVP_PKEY_verify_init)                                                                       \
	FUNCTION(EVP_PKEY_verify)                                                                            \
	FUNCTION(EVP_PKEY_sign_init)                                                                         \
	FUNCTION(EVP_PKEY_sign)

#define DECLARE_POINTER(function) __typeof__(function) *function;

struct crypto {
	void *library;
	CRYPTO_FUNCTIONS(DECLARE_POINTER)
};

struct crypto_hasher {
	struct crypto *crypto;
	EVP_MD_CTX *context;
	bool failed;
};

static const struct crypto_digest digests[] = {
	{"sha256", 32},
	{"sha384", 48},
	{"sha512", 64},
};

static int functions_find(struct crypto *crypto)
{
	struct {
		const char *name;
		void **pointer;
	} functions[] = {
#define NAME_AND_POINTER(function) {#function, (void **)&crypto->function},
		CRYPTO_FUNCTIONS(NAME_AND_POINTER)};

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		*functions[i].pointer = dlsym(crypto->library, functions[i].name);
		if (!*functions[i].pointer)
			return -ENOPKG;
	}
	return 0;
}

int crypto_open(struct crypto **crypto, struct error *err)
{
	struct crypto *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return error_set(err, -ENOMEM, "out of memory");
	opened->library = dlopen(CRYPTO_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!opened->library || functions_find(opened)) {
		error_set(err, -ENOPKG, "cannot check signatures: %s (Debian package libssl3)", dlerror());
		crypto_close(opened);
		return -ENOPKG;
	}
	opened->OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	*crypto = opened;
	return 0;
}

void crypto_close(struct crypto *crypto)
{
	if (crypto && crypto->library)
		dlclose(crypto->library);
	free(crypto);
}

const struct crypto_digest *crypto_digest_find(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++)
		if (strlen(digests[i].name) == length && memcmp(digests[i].name, name, length) == 0)
			return &digests[i];
	return NULL;
}

static const EVP_MD *digest_method(struct crypto *crypto, const struct crypto_digest *digest)
{
	switch (digest->size) {
	case 32:
		return crypto->EVP_sha256();
	case 48:
		return crypto->EVP_sha384();
	default:
		return crypto->EVP_sha512();
	}
}

struct crypto_hasher *crypto_hash_begin(struct crypto *crypto, const struct crypto_digest *digest)
{
	struct crypto_hasher *hasher = calloc(1, sizeof(*hasher));

	if (!hasher)
		return NULL;
	hasher->crypto = crypto;
	hasher->context = crypto->EVP_MD_CTX_new();
	hasher->failed = !hasher->context ||
			 crypto->EVP_DigestInit_ex(hasher->context, digest_method(crypto, digest), NULL) != 1;
	return hasher;
}

void crypto_hash_add(struct crypto_hasher *hasher, const void *data, size_t size)
{
	if (hasher && !hasher->failed)
		hasher->failed = hasher->crypto->EVP_DigestUpdate(hasher->context, data, size) != 1;
}

int crypto_hash_end(struct crypto_hasher *hasher, uint8_t *hash, struct error *err)
{
	bool done = hasher && !hasher->failed &&
		    hasher->crypto->EVP_DigestFinal_ex(hasher->context, hash, NULL) == 1;

	if (hasher)
		hasher->crypto->EVP_MD_CTX_free(hasher->context);
	free(hasher);
	return done ? 0 : error_set(err, -EIO, "libcrypto cannot compute a hash");
}

int crypto_hash(struct crypto *crypto, const struct crypto_digest *digest, const void *data, size_t size,
		uint8_t *hash, struct error *err)
{
	struct crypto_hasher *hasher = crypto_hash_begin(crypto, digest);

	crypto_hash_add(hasher, data, size);
	return crypto_hash_end(hasher, hash, err);
}

/* Reads a PEM file whole, NUL-terminated. */
static int pem_read(const char *path, char text[CRYPTO_KEY_FILE_MAX], struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got;

	if (fd < 0)
		return error_set(err, -errno, "key %s: cannot open: %m", path);
	do {
		got = read(fd, text + used, CRYPTO_KEY_FILE_MAX - 1 - used);
		if (got < 0 && errno != EINTR)
			return error_set(err, -errno, "key %s: cannot read: %m", path);
		used += got > 0 ? (size_t)got : 0;
	} while (got != 0 && used < CRYPTO_KEY_FILE_MAX - 1);
	text[used] = '\0';
	return 0;
}

static EVP_PKEY *pem_parse_certificate(struct crypto *crypto, BIO *pem)
{
	X509 *certificate = crypto->PEM_read_bio_X509(pem, NULL, NULL, NULL);
	EVP_PKEY *key = certificate ? crypto->X509_get_pubkey(certificate) : NULL;

	crypto->X509_free(certificate);
	return key;
}

static EVP_PKEY *pem_parse(struct crypto *crypto, const char *text, bool secret)
{
	BIO *pem = crypto->BIO_new_mem_buf(text, (int)strlen(text));
	EVP_PKEY *key;

	if (!pem)
		return NULL;
	if (secret)
		key = crypto->PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL);
	else if (strstr(text, CERTIFICATE_PEM))
		key = pem_parse_certificate(crypto, pem);
	else
		key = crypto->PEM_read_bio_PUBKEY(pem, NULL, NULL, NULL);
	crypto->BIO_free(pem);
	crypto->ERR_clear_error();
	return key;
}

static int key_parse(struct crypto *crypto, const char *path, const char *text, bool secret,
		     struct crypto_key **key, struct error *err)
{
	EVP_PKEY *parsed = pem_parse(crypto, text, secret);

	if (!parsed)
		return error_set(err, -EINVAL, "key %s: not a %s in PEM format", path,
				 secret ? "private key" : "public key or certificate");
	if (crypto->EVP_PKEY_get_base_id(parsed) != EVP_PKEY_RSA) {
		crypto->EVP_PKEY_free(parsed);
		return error_set(err, -EINVAL, "key %s: not an RSA key", path);
	}
	*key = (struct crypto_key *)parsed;
	return 0;
}

static int key_load(struct crypto *crypto, const char *path, bool secret, struct crypto_key **key,
		    struct error *err)
{
	AUTO_FREE char *text = malloc(CRYPTO_KEY_FILE_MAX);
	int result;

	if (!text)
		return error_set(err, -ENOMEM, "out of memory");
	result = pem_read(path, text, err);
	if (result == 0)
		result = key_parse(crypto, path, text, secret, key, err);
	if (secret)
		explicit_bzero(text, CRYPTO_KEY_FILE_MAX);
	return result;
}

int crypto_key_parse_public(struct crypto *crypto, const char *path, const char *text,
			    struct crypto_key **key, struct error *err)
{
	return key_parse(crypto, path, text, false, key, err);
}

int crypto_key_load_public(struct crypto *crypto, const char *path, struct crypto_key **key,
			   struct error *err)
{
	return key_load(crypto, path, false, key, err);
}

int crypto_key_load_private(struct crypto *crypto, const char *path, struct crypto_key **key,
			    struct error *err)
{
	return key_load(crypto, path, true, key, err);
}

void crypto_key_free(struct crypto *crypto, struct crypto_key *key)
{
	crypto->EVP_PKEY_free((EVP_PKEY *)key);
}

unsigned crypto_key_bits(struct crypto *crypto, const struct crypto_key *key)
{
	return (unsigned)crypto->EVP_PKEY_get_bits((const EVP_PKEY *)key);
}

/* A context for PKCS#1 v1.5 over a finished hash, begun by EVP_PKEY_verify_init or EVP_PKEY_sign_init. */
static EVP_PKEY_CTX *rsa_begin(struct crypto *crypto, const struct crypto_key *key,
			       const struct crypto_digest *digest, int (*init)(EVP_PKEY_CTX *context))
{
	EVP_PKEY_CTX *context = crypto->EVP_PKEY_CTX_new((EVP_PKEY *)key, NULL);

	if (context && init(context) == 1 &&
	    crypto->EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
	    crypto->EVP_PKEY_CTX_set_signature_md(context, digest_method(crypto, digest)) == 1)
		return context;
	crypto->EVP_PKEY_CTX_free(context);
	return NULL;
}

int crypto_verify(struct crypto *crypto, const struct crypto_key *key, const struct crypto_digest *digest,
		  const uint8_t *hash, const uint8_t *signature, size_t size)
{
	EVP_PKEY_CTX *context = rsa_begin(crypto, key, digest, crypto->EVP_PKEY_verify_init);
	bool good = context && crypto->EVP_PKEY_verify(context, signature, size, hash, digest->size) == 1;

	crypto->EVP_PKEY_CTX_free(context);
	crypto->ERR_clear_error();
	return good ? 0 : -EBADMSG;
}

int crypto_sign(struct crypto *crypto, const struct crypto_key *key, const struct crypto_digest *digest,
		const uint8_t *hash, uint8_t *signature, size_t *size, struct error *err)
{
	EVP_PKEY_CTX *context = rsa_begin(crypto, key, digest, crypto->EVP_PKEY_sign_init);
	bool done;

	*size = CRYPTO_SIGNATURE_MAX;
	done = context && crypto->EVP_PKEY_sign(context, signature, size, hash, digest->size) == 1;
	crypto->EVP_PKEY_CTX_free(context);
	crypto->ERR_clear_error();
	return done ? 0 : error_set(err, -EIO, "libcrypto cannot make the signature");
}
