/*
 * What boot images need of OpenSSL's libcrypto: SHA-2 hashes, RSA PKCS#1 v1.5 signatures (RFC 8017, 8.2),
 * keys in PEM.
 *
 * libcrypto is opened by crypto_open, not linked: it would double the time that a process takes to start and
 * add half a megabyte of private memory to every guest, signed image or not. OpenSSL's configuration file is
 * not read.
 *
 * A struct crypto belongs to one thread. Keys are freed before it is closed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define CRYPTO_HASH_MAX      64        /* bytes of the largest digest, SHA-512 */
#define CRYPTO_SIGNATURE_MAX 512       /* bytes of a signature by the largest key, RSA 4096 */
#define CRYPTO_KEY_FILE_MAX  (1 << 16) /* bytes of a PEM file */

struct crypto;
struct crypto_key;
struct crypto_hasher;

struct crypto_digest {
	const char *name; /* as FIT spells it: "sha256" */
	size_t size;
};

/* -ENOPKG when libcrypto cannot be loaded. */
int crypto_open(struct crypto **crypto, struct error *err);
void crypto_close(struct crypto *crypto); /* NULL is allowed */

/* The digest of that name, or NULL: only SHA-2 is good enough here. */
const struct crypto_digest *crypto_digest_find(const char *name, size_t length);

/* hash has room for digest->size. */
int crypto_hash(struct crypto *crypto, const struct crypto_digest *digest, const void *data, size_t size,
		uint8_t *hash, struct error *err);

/* The same in pieces. What went wrong in between is reported by the end, which frees the hasher in any case.
 */
struct crypto_hasher *crypto_hash_begin(struct crypto *crypto, const struct crypto_digest *digest);
void crypto_hash_add(struct crypto_hasher *hasher, const void *data, size_t size);
int crypto_hash_end(struct crypto_hasher *hasher, uint8_t *hash, struct error *err);

/* An RSA key from a PEM file: a public key or a certificate; a private key (which may ask for its
 * passphrase). */
int crypto_key_load_public(struct crypto *crypto, const char *path, struct crypto_key **key,
			   struct error *err);
/* The same from memory: the NUL-terminated text of the file, whose path is only for the error. */
int crypto_key_parse_public(struct crypto *crypto, const char *path, const char *text,
			    struct crypto_key **key, struct error *err);
int crypto_key_load_private(struct crypto *crypto, const char *path, struct crypto_key **key,
			    struct error *err);
void crypto_key_free(struct crypto *crypto, struct crypto_key *key); /* NULL is allowed */
unsigned crypto_key_bits(struct crypto *crypto, const struct crypto_key *key);

/* 0 when the signature over the hash is the key's; -EBADMSG when it is not. */
int crypto_verify(struct crypto *crypto, const struct crypto_key *key, const struct crypto_digest *digest,
		  const uint8_t *hash, const uint8_t *signature, size_t size);
/* signature has room for CRYPTO_SIGNATURE_MAX; *size is what was written. */
int crypto_sign(struct crypto *crypto, const struct crypto_key *key, const struct crypto_digest *digest,
		const uint8_t *hash, uint8_t *signature, size_t *size, struct error *err);
