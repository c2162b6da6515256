/*
 * Who has which role by a token ("Authorization: Bearer ...", RFC 6750): a file that only its owner may read,
 * a line each, of the token's name, its role and the SHA-256 of the token in hexadecimal. The tokens
 * themselves are nowhere:
 *
 *      # comment
 *      ci operate 5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5
 *
 * `rastos-vmm token` writes it; a change counts from the next request on. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/error.h"
#include "vmm/config/api_settings.h"

#define TOKENS_MAX      256
#define TOKEN_NAME_MAX  63
#define TOKEN_HASH_SIZE 32
#define TOKEN_BYTES     32 /* of chance in one, which is twice as many characters */

struct crypto;

struct token {
	char name[TOKEN_NAME_MAX + 1];
	enum api_role role;
	uint8_t hash[TOKEN_HASH_SIZE];
};

struct tokens {
	char *path;
	struct crypto *crypto;
	struct stat file; /* as it was when it was read */
	unsigned count;
	struct token tokens[TOKENS_MAX];
};

/* Reads the file; one that is missing has none. -EPERM: others may read it. path stays the caller's. */
int tokens_open(const char *path, struct tokens **tokens, struct error *err);
void tokens_close(struct tokens *tokens); /* NULL is allowed */

/* The role that the header's value gives; ROLE_NONE: none. Takes as long whichever token it is, and whether
 * it is one. */
enum api_role tokens_role(struct tokens *tokens, const char *authorization);

/* --- For the command --- */

int tokens_find(const struct tokens *tokens, const char *name); /* its place, or -1 */
/* Makes a token of a new name; text gets it, with its end. -EEXIST. */
int tokens_add(struct tokens *tokens, const char *name, enum api_role role, char text[TOKEN_BYTES * 2 + 1],
	       struct error *err);
int tokens_remove(struct tokens *tokens, const char *name, struct error *err); /* -ENOENT */
