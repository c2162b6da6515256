/* The host's mode: /etc/rastos/mode holds one word. */
#pragma once

#include "common/error.h"

enum mode {
	MODE_SERVER,
	MODE_DESKTOP,
};

const char *mode_name(enum mode mode);

/* Parses a word; -EINVAL names source and the words allowed, -EOPNOTSUPP says that this build lacks the mode.
 */
int mode_parse(const char *source, const char *word, enum mode *mode, struct error *err);
/* Reads the file; a file that is missing means server. */
int mode_read(const char *path, enum mode *mode, struct error *err);
