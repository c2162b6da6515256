/* Bytes as text (RFC 4648, section 4). Thread safe. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* NULL when out of memory; the caller frees it. */
char *base64_encode(const void *bytes, size_t length);
/* Into bytes, which may be the text itself, and have room for 3 of each 4 letters. The number of them, or -1:
 * the text is not that of bytes. */
ssize_t base64_decode(const char *text, void *bytes);
