/*
 * The kernel's command line: words separated by blanks; a double quote starts or ends a stretch in which
 * blanks do not separate (Documentation/admin-guide/kernel-parameters.rst). Pure functions over text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CMDLINE_MAX 4096

/* Is the word there, alone or with a value? A later function's value is from the last one, as the kernel does
 * it. */
bool cmdline_has(const char *cmdline, const char *word);
/* Calls each with every value of key, in order, quotes removed. */
void cmdline_each(const char *cmdline, const char *key, void *context,
		  void (*each)(void *context, const char *value));
/*
 * Copies the value of the last key=value, quotes removed, to value. Returns false, and an empty value, when
 * there is none or it is longer than size - 1.
 */
bool cmdline_get(const char *cmdline, const char *key, char *value, size_t size);
