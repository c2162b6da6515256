/*
 * Patterns as in a shell (glob(7)), byte by byte: what PID 1 needs of fnmatch(3), whose tables of every
 * character that is a letter somewhere would be a tenth of its program.
 */
#pragma once

#include <stdbool.h>

/*
 * Does all of text fit? `*` is any number of characters, `?` any one, `[a-f0]` one of these, `[!a-f]` or
 * `[^a-f]` one of the others, `\x` the character x. Slashes and leading dots are like any other character, an
 * opening bracket without its closing one stands for itself. Takes at most the product of both lengths.
 */
bool pattern_matches(const char *pattern, const char *text);
