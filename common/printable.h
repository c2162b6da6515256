/* Text of somebody who is not trusted, made safe to print and to put into JSON. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool text_is_utf8(const char *text); /* RFC 3629 */

/*
 * In place: control characters but those in `kept` become dots, U+0080 to U+009f (which some terminals obey)
 * among them; what is not UTF-8 (RFC 3629) becomes question marks.
 */
void text_make_printable(char *text, const char *kept);

/* A copy as text: what is not UTF-8, and each zero, becomes U+FFFD. NULL when out of memory; the caller frees
 * it. */
char *text_from_bytes(const char *bytes, size_t length);
