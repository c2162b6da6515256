/* Text of somebody who is not trusted, made safe to print and to put into JSON. */
#pragma once

#include <stdbool.h>

bool text_is_utf8(const char *text); /* RFC 3629 */

/*
 * In place: control characters but those in `kept` become dots, U+0080 to U+009f (which some terminals obey)
 * among them; what is not UTF-8 (RFC 3629) becomes question marks.
 */
void text_make_printable(char *text, const char *kept);
