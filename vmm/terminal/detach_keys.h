/*
 * The keys that leave a console, written as docker does: "ctrl-p,ctrl-q", "ctrl-]", "~,.".
 *
 * ctrl- and a letter or one of @ [ \ ] ^ _, or a single character; up to DETACH_KEYS_MAX of them with commas
 * between. Keys that begin the sequence are held back until it is clear that they do not end it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define DETACH_KEYS_MAX     8
#define DETACH_KEYS_DEFAULT "ctrl-]"

struct detach_keys {
	unsigned count;
	char bytes[DETACH_KEYS_MAX];
	unsigned matched; /* of them, by what was typed last */
};

/* -EINVAL when text is no such list. */
int detach_keys_parse(const char *text, struct detach_keys *keys, struct error *err);

/* Takes a typed byte; out (DETACH_KEYS_MAX bytes) and *len are what is to be sent on. True: the sequence is
 * whole. */
bool detach_keys_take(struct detach_keys *keys, char byte, char *out, size_t *len);
