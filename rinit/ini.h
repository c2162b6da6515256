/*
 * The syntax of systemd's files (systemd.syntax(7)): [Section], Key=Value, comments that begin with # or ;, a
 * line that ends in \ goes on in the next one (comments between the two are left out). Pure functions over
 * text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INI_VALUE_MAX 8192 /* longer values are refused */

struct ini_entry {
	unsigned int line;   /* from 1; of the key */
	const char *section; /* "" before the first */
	const char *key;
	const char *value; /* blanks around it removed */
};

struct ini_reader {
	void *context;
	void (*entry)(void *context, const struct ini_entry *entry);
	/* A line that is none of the above, or too long; why is a phrase. */
	void (*fault)(void *context, unsigned int line, const char *why);
};

/* Calls the reader for every entry and fault, in order. text may hold zero bytes: those lines are faults. */
void ini_parse(const char *text, size_t length, const struct ini_reader *reader);

/*
 * Splits words: blanks separate; '...' and "..." hold blanks; \n \t \\ \" \' \xHH \101 and so on as in C, \s
 * is a blank, \ before anything else stands for itself. Takes the next word off *at into word. Returns 1, 0
 * at the end, or -EINVAL when a quote or an escape is not ended or the word does not fit.
 */
int word_split(const char **at, char *word, size_t size);

/* Is word one of words, which has a blank before and behind each? */
bool words_have(const char *words, const char *word);

/* systemd.syntax(7)'s booleans; 0 or -EINVAL */
int parse_bool(const char *text, bool *value);
/* systemd.time(7)'s spans, rounded up to milliseconds: "5", "1.5s", "1min 30s", "100ms", "infinity"
 * (TIMESPAN_INFINITY); 0 or -EINVAL */
#define TIMESPAN_INFINITY UINT64_MAX
int parse_timespan(const char *text, uint64_t *ms);
/* "SIGTERM", "TERM", "15", "RTMIN+3"; 0 or -EINVAL */
int parse_signal(const char *text, int *number);
