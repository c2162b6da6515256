/*
 * Which of the forms that we have a client wants: the header Accept (RFC 9110, 12.5.1), and the type of a
 * body. Pure functions on what a client sent.
 */
#pragma once

#include <stdbool.h>

/* The index of the form in types (ends with NULL) that accept prefers, the first of equals; -1: it takes none
 * of them. accept NULL: whichever. */
int negotiate(const char *accept, const char *const *types);

/* "Application/JSON; charset=utf-8" is application/json. */
bool media_type_is(const char *value, const char *type);
