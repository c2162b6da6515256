/*
 * What reads one key of a unit file: shared by the tables of unit_parse.c ([Unit], [Install]) and
 * service_parse.c ([Service]).
 */
#pragma once

#include "rinit/specifier_machine.h"
#include "rinit/unit.h"

struct unit_reader;

/* One key: how to read its value. at is the member of struct unit_config, choices its words in the order of
 * the enum. */
struct unit_key {
	const char *section;
	const char *key;
	int (*read)(struct unit_reader *reader, const struct unit_key *key, const char *value);
	size_t at;
	const char *const *choices;
};

struct unit_reader {
	struct unit_config *config;
	const char *path;
	const struct unit_warnings *warnings;
	unsigned int line; /* of what is read now */
	bool no_memory;
	int refused; /* the error in *err */
	struct error *err;
	struct machine_names machine; /* read when the first specifier is seen */
	/* service_parse.c's */
	bool start_timeout_set, output_set, type_set;
	struct unit_key found;
	char sandbox[384]; /* keys that are not honoured, and their lines */
};

/* A line about the file's line; 0 stands for the whole file. */
void unit_warn(const struct unit_reader *reader, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The member that the key is about. */
void *unit_member(const struct unit_reader *reader, const struct unit_key *key);

/* Words, quotes removed; an empty value empties the list. */
int read_words(struct unit_reader *reader, const struct unit_key *key, const char *value);
/* The whole value as one more item of the list. */
int read_one(struct unit_reader *reader, const struct unit_key *key, const char *value);
/* An empty value makes it NULL. */
int read_string(struct unit_reader *reader, const struct unit_key *key, const char *value);
int read_path(struct unit_reader *reader, const struct unit_key *key, const char *value);
int read_flag(struct unit_reader *reader, const struct unit_key *key, const char *value);

/* ---- service_parse.c ---- */

/* NULL when the key is not about running a service; valid until the next call. */
const struct unit_key *service_key_find(struct unit_reader *reader, const struct ini_entry *entry);
/* Does the key's value go through word_split? */
bool service_key_is_split(const struct unit_key *key);
/* Readers and parts of them that socket_parse.c has use for. */
int read_mode(struct unit_reader *reader, const struct unit_key *key, const char *value);
int read_count(struct unit_reader *reader, const struct unit_key *key, const char *value); /* of an int */
int parse_integer(const char *text, long min, long max, long *value);
/* "512M", "infinity": bytes, in steps of 1024. */
int parse_size(const char *text, size_t length, uint64_t *value);
/* When every line is read: is there something to run? */
int service_check(struct unit_reader *reader, struct error *err);
