/* What a file says, made fit to be shown; sizes for people. */
#pragma once

#include <stddef.h>

/* Copies text, cut to size, with a '?' for each byte that is neither printable ASCII nor part of printable
 * UTF-8. */
void text_printable(char *into, size_t size, const char *text);

/* "512 bytes", "1.5 KiB", "31.2 MiB" */
void text_size(char *into, size_t room, size_t size);
