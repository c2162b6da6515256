/*
 * Unit files for what is configured elsewhere, as systemd.generator(7) has it: rinitctl under another name,
 * beside PID 1, before units are read at boot, and rinitctl itself before it asks rinit to read them again.
 *
 *      /run/systemd/generator        .mount and .swap units of /etc/fstab and the kernel's command line; /etc comes before it, /lib after
 * it /run/systemd/generator.late   services of /etc/init.d; everything else comes before it
 *
 * Both folders are made anew beside the old ones and then take their place. Files are read below root, ""
 * for the system's.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define GENERATE_HELPER_NAME  "rinit-generate" /* "fstab": that too */
#define GENERATED_FOLDER      "/run/systemd/generator"
#define GENERATED_LATE_FOLDER "/run/systemd/generator.late"

struct unit_paths;

struct generator {
	const char *root;
	const struct unit_paths *paths;     /* the unit files that there are already */
	char folder[PATH_MAX / 2];          /* where it writes */
	void (*warn)(const char *sentence); /* what has no effect, with file and line */
};

/* 0, or a negative errno that warn was told of. */
int generate(const char *root, bool fstab, void (*warn)(const char *sentence));
/* The same once more, of what PID 1 asked for at boot. */
int generate_again(void (*warn)(const char *sentence));
int generate_main(int argc, char **argv);

/* ---- for its parts ---- */

void generator_warn(const struct generator *generator, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Writes the file NAME; -EEXIST when there is one. */
int generator_write(const struct generator *generator, const char *name, const char *text);
/* Links NAME into TARGET.SUFFIX/ ("wants", "requires"). */
void generator_link(const struct generator *generator, const char *target, const char *suffix,
		    const char *name);
/* One more name for the unit. */
void generator_alias(const struct generator *generator, const char *alias, const char *name);

/* "Key=value", so that a unit file's reader gets that very value: % doubled. False when it can't be written
 * so: it has control characters, or blanks or a \ where they would be lost. */
bool key_write(FILE *stream, const char *key, const char *value);
/* The same of a list of units' names: value is one of them. */
bool key_write_name(FILE *stream, const char *key, const char *value);
/* The same of another list: value is one word of it. */
bool key_write_word(FILE *stream, const char *key, const char *value);

/* ---- generate_fstab.c, generate_initd.c ---- */

void generate_fstab(const struct generator *generator);
void generate_initd(const struct generator *generator);
