#include "vmm/api/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "hypervisor/boot/fit_crypto.h"
#include "vmm/config/definition.h"

#define LINE_MAX_BYTES 256
#define SCHEME         "Bearer "

/* --- The file --- */

static bool parse_hash(const char *text, uint8_t hash[TOKEN_HASH_SIZE])
{
	if (strlen(text) != TOKEN_HASH_SIZE * 2 || strspn(text, "0123456789abcdef") != TOKEN_HASH_SIZE * 2)
		return false;
	for (unsigned i = 0; i < TOKEN_HASH_SIZE; i++)
		sscanf(text + (size_t)2 * i, "%2hhx", &hash[i]);
	return true;
}

static bool parse_line(char *line, struct token *token)
{
	static const char spaces[] = " \t\n";
	char *rest = NULL;
	const char *name = strtok_r(line, spaces, &rest);
	const char *role = strtok_r(NULL, spaces, &rest);
	const char *hash = strtok_r(NULL, spaces, &rest);

	if (!hash || strtok_r(NULL, spaces, &rest) || !definition_name_valid(name))
		return false;
	snprintf(token->name, sizeof(token->name), "%s", name);
	token->role = api_role_parse(role);
	return token->role != ROLE_NONE && parse_hash(hash, token->hash);
}

static int read_lines(struct tokens *tokens, FILE *file, struct error *err)
{
	char line[LINE_MAX_BYTES];

	tokens->count = 0;
	for (unsigned number = 1; fgets(line, sizeof(line), file); number++) {
		if (line[strspn(line, " \t\n")] == '\0' || line[0] == '#')
			continue;
		if (tokens->count == TOKENS_MAX)
			return error_set(err, -E2BIG, "tokens %s: are more than %d", tokens->path,
					 TOKENS_MAX);
		if (!parse_line(line, &tokens->tokens[tokens->count]))
			return error_set(err, -EINVAL,
					 "tokens %s: line %u is not a name, a role and a SHA-256",
					 tokens->path, number);
		tokens->count++;
	}
	return 0;
}

static int read_tokens(struct tokens *tokens, struct error *err)
{
	AUTO_FCLOSE FILE *file = fopen(tokens->path, "re");
	struct stat status;

	tokens->count = 0;
	if (!file && errno == ENOENT)
		return 0;
	if (!file || fstat(fileno(file), &status) < 0)
		return error_set(err, -errno, "tokens %s: cannot read: %m", tokens->path);
	if (status.st_mode & 077 || (status.st_uid != geteuid() && status.st_uid != 0))
		return error_set(err, -EPERM,
				 "tokens %s: others may read or change it: it must be yours, with mode 0600",
				 tokens->path);
	tokens->file = status;
	return read_lines(tokens, file, err);
}

static int write_tokens(const struct tokens *tokens, struct error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_FCLOSE FILE *file = NULL;
	int fd;

	if (asprintf(&path, "%s.new", tokens->path) < 0)
		return error_set(err, -ENOMEM, "tokens %s: out of memory", tokens->path);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	for (unsigned i = 0; file && i < tokens->count; i++) {
		const struct token *token = &tokens->tokens[i];

		fprintf(file, "%s %s ", token->name, api_role_name(token->role));
		for (unsigned byte = 0; byte < TOKEN_HASH_SIZE; byte++)
			fprintf(file, "%02x", token->hash[byte]);
		fputc('\n', file);
	}
	if (!file || fflush(file) != 0 || fsync(fd) < 0 || rename(path, tokens->path) < 0)
		return error_set(err, -errno, "tokens %s: cannot write: %m", tokens->path);
	return 0;
}

/* A clock's tick is too long to tell two changes apart, but each makes a file of its own. */
static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Read again when it is another; one that went wrong lets nobody in. */
static void read_again(struct tokens *tokens)
{
	struct error err = {0};
	struct stat status;

	if (stat(tokens->path, &status) < 0) {
		tokens->count = 0;
		tokens->file = (struct stat){0};
	} else if (!is_same_file(&status, &tokens->file) && read_tokens(tokens, &err) < 0) {
		tokens->count = 0;
		tokens->file = status;
		log_warning("%s", err.text);
	}
}

int tokens_open(const char *path, struct tokens **result, struct error *err)
{
	struct tokens *tokens = calloc(1, sizeof(*tokens));
	int code;

	if (!tokens)
		return error_set(err, -ENOMEM, "tokens %s: out of memory", path);
	tokens->path = strdup(path);
	code = tokens->path ? crypto_open(&tokens->crypto, err)
			    : error_set(err, -ENOMEM, "tokens %s: out of memory", path);
	if (code == 0)
		code = read_tokens(tokens, err);
	if (code < 0) {
		tokens_close(tokens);
		return code;
	}
	*result = tokens;
	return 0;
}

void tokens_close(struct tokens *tokens)
{
	if (!tokens)
		return;
	crypto_close(tokens->crypto);
	free(tokens->path);
	free(tokens);
}

/* --- One of them --- */

static int hash_token(struct tokens *tokens, const char *text, uint8_t hash[TOKEN_HASH_SIZE],
		      struct error *err)
{
	return crypto_hash(tokens->crypto, crypto_digest_find("sha256", strlen("sha256")), text, strlen(text),
			   hash, err);
}

/* Without an end where they differ, which could be timed. */
static bool same_hash(const uint8_t *a, const uint8_t *b)
{
	unsigned different = 0;

	for (unsigned i = 0; i < TOKEN_HASH_SIZE; i++)
		different |= a[i] ^ b[i];
	return different == 0;
}

enum api_role tokens_role(struct tokens *tokens, const char *authorization)
{
	uint8_t hash[TOKEN_HASH_SIZE];
	enum api_role role = ROLE_NONE;
	struct error err;

	if (strncasecmp(authorization, SCHEME, strlen(SCHEME)) != 0 ||
	    hash_token(tokens, authorization + strlen(SCHEME), hash, &err) < 0)
		return ROLE_NONE;
	read_again(tokens);
	for (unsigned i = 0; i < tokens->count; i++) {
		if (same_hash(tokens->tokens[i].hash, hash))
			role = tokens->tokens[i].role;
	}
	return role;
}

int tokens_find(const struct tokens *tokens, const char *name)
{
	for (unsigned i = 0; i < tokens->count; i++) {
		if (strcmp(tokens->tokens[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

int tokens_add(struct tokens *tokens, const char *name, enum api_role role, char text[TOKEN_BYTES * 2 + 1],
	       struct error *err)
{
	struct token *token = &tokens->tokens[tokens->count];
	uint8_t chance[TOKEN_BYTES];
	int code;

	if (!definition_name_valid(name))
		return error_set(err, -EINVAL,
				 "token %.64s: a name is letters, digits, '.', '_' and '-', at most %d", name,
				 TOKEN_NAME_MAX);
	if (tokens_find(tokens, name) >= 0)
		return error_set(err, -EEXIST, "token %s: the name is taken", name);
	if (tokens->count == TOKENS_MAX)
		return error_set(err, -E2BIG, "token %s: there are %d already, which is the most", name,
				 TOKENS_MAX);
	if (getrandom(chance, sizeof(chance), 0) != sizeof(chance))
		return error_set(err, -errno, "token %s: no random bytes: %m", name);
	for (unsigned i = 0; i < TOKEN_BYTES; i++)
		snprintf(text + (size_t)2 * i, 3, "%02x", chance[i]);
	snprintf(token->name, sizeof(token->name), "%s", name);
	token->role = role;
	code = hash_token(tokens, text, token->hash, err);
	if (code < 0)
		return code;
	tokens->count++;
	return write_tokens(tokens, err);
}

int tokens_remove(struct tokens *tokens, const char *name, struct error *err)
{
	int place = tokens_find(tokens, name);

	if (place < 0)
		return error_set(err, -ENOENT, "no token is named %.64s", name);
	tokens->count--;
	memmove(&tokens->tokens[place], &tokens->tokens[place + 1],
		(tokens->count - (unsigned)place) * sizeof(tokens->tokens[0]));
	return write_tokens(tokens, err);
}
