/* Why something is not taken: one sentence, and its place (an XPath, or a JSON pointer). */
#pragma once

#include <libxml/tree.h>

#include "common/error.h"

#define REFUSAL_PLACE_MAX 256

struct refusal {
	struct error err;
	char place[REFUSAL_PLACE_MAX];
};

/* Writes both and returns code. node: an element, or an attribute as a node; NULL: no place. */
int refuse(struct refusal *refusal, int code, const xmlNode *node, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
