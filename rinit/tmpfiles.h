/*
 * tmpfiles.d(5): files and folders that packages want at boot. tmpfiles.c reads lines, as pure functions;
 * tmpfiles_apply.c, in a helper, does what they say.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TMPFILES_NAME_MAX     64
#define TMPFILES_ARGUMENT_MAX 4096

struct tmpfiles_line {
	unsigned int line;
	char type;
	bool plus, ignore_failure, replace; /* + - = */
	bool credential;                    /* ^: the argument names one; rinit has none */
	char path[PATH_MAX];                /* may be a pattern */
	bool has_mode, mode_mask, mode_new; /* ~: masked by what is there; : only for what is made */
	mode_t mode;
	char user[TMPFILES_NAME_MAX], group[TMPFILES_NAME_MAX]; /* empty: none */
	bool user_new, group_new;                               /* : */
	char argument[TMPFILES_ARGUMENT_MAX]; /* empty: none; no escapes, no specifiers left */
};

/* What a specifier stands for; text may be "" where it is not known: then the line is a fault. */
struct tmpfiles_specifier {
	char letter;
	const char *text;
};

struct tmpfiles_reader {
	void *context;
	const struct tmpfiles_specifier *specifiers; /* ends with letter 0 */
	void (*line)(void *context, const struct tmpfiles_line *line);
	void (*fault)(void *context, unsigned int line, const char *why);
};

void tmpfiles_parse(const char *text, size_t length, const struct tmpfiles_reader *reader);

int tmpfiles_main(int argc, char **argv);
