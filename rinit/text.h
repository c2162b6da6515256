/* Words for machines: JSON strings and XML text, well-formed whatever the bytes were. For rinitctl. */
#pragma once

#include <stddef.h>
#include <stdio.h>

/* In quotes; what is no UTF-8 becomes U+FFFD. */
void json_string(FILE *stream, const char *text);
/* "key":"text" with a comma in front unless it is the first. */
void json_field(FILE *stream, const char **comma, const char *key, const char *text);
void json_number(FILE *stream, const char **comma, const char *key, long long number);
/* Escaped for XML's text and attributes; what XML may not hold becomes "?". */
void xml_text(FILE *stream, const char *text);
